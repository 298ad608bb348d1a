//! The page that shows the description of the API: Swagger UI, from files that are part of the program.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::{Data, Path};

use super::Edge;
use super::answer::Answer;
use super::problem::Problem;

/// Nothing but what this server serves; styles also from attributes, because Swagger UI sets them.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'";
/// Where the page has the base path.
const BASE_PATH_MARK: &str = "{base_path}";
const PAGE: &str = include_str!("index.html");

/// The files that the page loads: name, media type, text.
const FILES: [(&str, &str, &str); 3] = [
    ("start.js", "text/javascript; charset=utf-8", include_str!("start.js")),
    ("swagger-ui-bundle.js", "text/javascript; charset=utf-8", include_str!("swagger-ui/swagger-ui-bundle.js")),
    ("swagger-ui.css", "text/css; charset=utf-8", include_str!("swagger-ui/swagger-ui.css")),
];

/// Shows the description of the API to people.
pub(super) async fn page(edge: Data<Edge>) -> Answer {
    let page = PAGE.replace(BASE_PATH_MARK, &escaped(&edge.config.base_path));
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(page))
}

/// A file that the page loads.
pub(super) async fn file(name: Path<String>) -> Answer {
    let found = FILES.iter().find(|(known, _, _)| *known == name.as_str());
    let (_, media, text) = found.ok_or_else(|| Problem::unknown("The documentation has no such file."))?;
    Ok(HttpResponse::Ok()
        .content_type(*media)
        // A new version of the program may bring others.
        .insert_header((CACHE_CONTROL, "max-age=3600"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(*text))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_files_that_are_there_and_nothing_elsewhere() {
        for (name, _, _) in FILES {
            assert!(PAGE.contains(&format!("\"{BASE_PATH_MARK}/docs/{name}\"")), "{name}");
        }
        assert_eq!(PAGE.matches(" src=").count() + PAGE.matches(" rel=\"stylesheet\"").count(), FILES.len());
        assert!(!PAGE.contains("//"));
    }

    #[test]
    fn a_base_path_cannot_break_out_of_its_attribute() {
        assert_eq!(escaped("/a\"><b>&"), "/a&quot;>&lt;b>&amp;");
    }
}
