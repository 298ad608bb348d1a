//! Which pages may read the answers.

use actix_cors::Cors;

use crate::config::CorsOrigins;

/// How long a browser may keep what a preflight told it, in seconds.
const MAX_AGE_SECONDS: usize = 3_600;

/// Any method and header, from the origins that the operator allows.
pub(super) fn cors(origins: &CorsOrigins) -> Cors {
    let cors = Cors::default()
        .allow_any_method()
        .allow_any_header()
        .expose_headers(["Location", "X-Total-Count", "Retry-After", "Idempotent-Replayed"])
        .max_age(MAX_AGE_SECONDS);
    match origins {
        CorsOrigins::Any => cors.allow_any_origin().send_wildcard(),
        CorsOrigins::Listed(listed) => {
            let listed = listed.clone();
            cors.allowed_origin_fn(move |origin, _| listed.iter().any(|one| one.as_bytes() == origin.as_bytes()))
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::{TestRequest, call_service, init_service};
    use actix_web::{App, HttpResponse, web};

    use super::*;
    use crate::http::problem::Problem;

    async fn allowed(origins: &CorsOrigins, origin: &str, path: &str) -> Option<String> {
        let fails = || async { Err::<HttpResponse, _>(Problem::unknown("Not there.")) };
        let app = App::new().route("/", web::get().to(HttpResponse::Ok)).route("/fails", web::get().to(fails));
        let app = init_service(app.wrap(cors(origins))).await;
        let request = TestRequest::with_uri(path).insert_header(("Origin", origin)).to_request();
        let response = call_service(&app, request).await;
        let header = response.headers().get("access-control-allow-origin")?;
        Some(header.to_str().unwrap().to_owned())
    }

    #[actix_web::test]
    async fn any_page_may_read_answers_and_errors_unless_origins_are_listed() {
        for path in ["/", "/fails", "/unknown"] {
            assert_eq!(allowed(&CorsOrigins::Any, "null", path).await.as_deref(), Some("*"), "{path}");
        }
        let listed = CorsOrigins::Listed(vec!["https://a.example".to_owned()]);
        assert_eq!(allowed(&listed, "https://a.example", "/fails").await.as_deref(), Some("https://a.example"));
        assert_eq!(allowed(&listed, "https://b.example", "/").await, None);
        assert_eq!(allowed(&listed, "null", "/").await, None);
    }

    #[actix_web::test]
    async fn a_preflight_allows_any_method_and_header() {
        let app = init_service(App::new().wrap(cors(&CorsOrigins::Any))).await;
        let request = TestRequest::with_uri("/workflows")
            .method(actix_web::http::Method::OPTIONS)
            .insert_header(("Origin", "null"))
            .insert_header(("Access-Control-Request-Method", "PATCH"))
            .insert_header(("Access-Control-Request-Headers", "x-mine, idempotency-key"))
            .to_request();
        let response = call_service(&app, request).await;
        assert_eq!(response.status(), 200);
        let methods = response.headers().get("access-control-allow-methods").unwrap().to_str().unwrap().to_owned();
        assert!(methods.contains("PATCH") && methods.contains("DELETE"), "{methods}");
        assert_eq!(response.headers().get("access-control-allow-headers").unwrap(), "x-mine, idempotency-key");
    }
}
