//! The page on which people start executions and watch them, from files that are part of the program.

mod files;

use actix_web::HttpResponse;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETag, HeaderName, IfNoneMatch, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::{Header, Path};

use self::files::{Asset, PAGE};
use super::answer::Answer;
use super::problem::Problem;

/// Nothing but what this server serves, nothing inline, and no text that is made into markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types 'none'";
/// A page that opened this one may not hold on to it.
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// Shows the monitor.
pub(super) async fn page(known: Option<Header<IfNoneMatch>>) -> Answer {
    Ok(answer(&PAGE, known))
}

/// A file that the page loads.
pub(super) async fn file(name: Path<String>, known: Option<Header<IfNoneMatch>>) -> Answer {
    let found = files::named(&name).ok_or_else(|| Problem::unknown("The monitor has no such file."))?;
    Ok(answer(found, known))
}

/// The file, or that the browser has it: it asks each time, because a new version of the program may bring another.
fn answer(asset: &Asset, known: Option<Header<IfNoneMatch>>) -> HttpResponse {
    let tag = asset.tag();
    let is_known = known.is_some_and(|header| match header.into_inner() {
        IfNoneMatch::Any => true,
        IfNoneMatch::Items(tags) => tags.iter().any(|known| known.weak_eq(&tag)),
    });
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header(ETag(tag))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((OPENER_POLICY, "same-origin"));
    if is_known { response.finish() } else { response.content_type(asset.media).body(asset.text) }
}

#[cfg(test)]
mod tests;
