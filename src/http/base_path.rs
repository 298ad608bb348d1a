//! Paths as the routes know them: without the base path, without a slash at the end, without doubled slashes.

use std::future::{Ready, ready};
use std::rc::Rc;

use actix_web::Error;
use actix_web::dev::{Path, Service, ServiceRequest, ServiceResponse, Transform, Url, forward_ready};
use actix_web::http::Uri;
use actix_web::http::uri::PathAndQuery;

/// Rewrites each request's path before it is routed.
#[derive(Clone, Debug)]
pub(super) struct BasePath(Rc<str>);

/// See [`BasePath`].
pub(super) struct BasePathService<S> {
    service: S,
    base: Rc<str>,
}

impl BasePath {
    /// Serves everything below `base` (empty for none) too.
    pub(super) fn new(base: &str) -> Self {
        Self(Rc::from(base))
    }
}

/// The path that routes are looked up by, or `None` where it is `path` itself.
fn routed(base: &str, path: &str) -> Option<String> {
    let inner = match path.strip_prefix(base) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
        Some(_) | None => path,
    };
    let clean_already = inner == path && !path.contains("//") && (path == "/" || !path.ends_with('/'));
    if clean_already {
        return None;
    }
    let segments: Vec<&str> = inner.split('/').filter(|segment| !segment.is_empty()).collect();
    let clean = format!("/{}", segments.join("/"));
    (clean != path).then_some(clean)
}

fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let text = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(text).ok()?);
    Uri::from_parts(parts).ok()
}

impl<S, B> Transform<S, ServiceRequest> for BasePath
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Transform = BasePathService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(BasePathService { service, base: Rc::clone(&self.0) }))
    }
}

impl<S, B> Service<ServiceRequest> for BasePathService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Future = S::Future;

    forward_ready!(service);

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let uri = routed(&self.base, request.uri().path()).and_then(|path| with_path(request.uri(), &path));
        if let Some(uri) = uri {
            *request.match_info_mut() = Path::new(Url::new(uri.clone()));
            request.head_mut().uri = uri;
        }
        self.service.call(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_routed_with_and_without_its_prefix() {
        let cases = [
            ("/discovery", "/"),
            ("/discovery/", "/"),
            ("/discovery/workflows/", "/workflows"),
            ("//workflows", "/workflows"),
            ("/discovery/discovery", "/discovery"),
            ("/workflows/a%2Fb/", "/workflows/a%2Fb"),
        ];
        for (path, inner) in cases {
            assert_eq!(routed("/discovery", path).as_deref(), Some(inner), "{path}");
        }
        for path in ["/workflows", "/discoveryx/workflows", "/"] {
            assert_eq!(routed("/discovery", path), None, "{path}");
        }
        assert_eq!(routed("", "/workflows"), None);
        assert_eq!(routed("", "/workflows/").as_deref(), Some("/workflows"));
    }
}
