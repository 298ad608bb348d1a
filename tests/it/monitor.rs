//! The page for people: that a browser is led to it, and that it comes whole. What it does is tested in a browser, by
//! `tests/monitor/run`.

use crate::support::{Discovery, Options};

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

#[actix_web::test]
async fn who_prefers_html_is_led_to_the_page_and_all_others_hear_that_the_service_runs() {
    let discovery = Options::new().variable("DISCOVERY_BASE_PATH", "/discovery").start().await;
    for path in ["/", "/discovery", "/discovery/"] {
        let led = discovery.http().request("GET", path).header("accept", BROWSER).send().await;
        assert_eq!((led.status, led.header("location")), (302, Some("/discovery/monitor")), "{led}");
        assert!(led.header("vary").unwrap().split(", ").any(|name| name == "accept"), "{led}");
        for accepted in ["*/*", "application/json", "application/json, text/html;q=0.9", "no media type"] {
            let told = discovery.http().request("GET", path).header("accept", accepted).send().await;
            assert_eq!(told.expect(200)["status"], "healthy", "{accepted}");
        }
        assert_eq!(discovery.get(path).await.expect(200)["service"], "discovery-api");
    }
}

#[actix_web::test]
async fn the_page_and_its_files_are_found_relative_to_wherever_it_was_opened() {
    let discovery = Options::new().variable("DISCOVERY_BASE_PATH", "/discovery").start().await;
    for path in ["/monitor", "/monitor/", "/discovery/monitor", "/discovery/monitor/"] {
        let page = discovery.get(path).await;
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")), "{page}");
        let folder = path.rsplit_once('/').unwrap().0;
        let text = page.text();
        let places: Vec<&str> = text.split('"').filter(|text| text.starts_with("monitor/")).collect();
        assert!(places.len() > 5, "{places:?}");
        for place in places {
            let file = discovery.get(&format!("{folder}/{place}")).await;
            assert_eq!(file.status, 200, "{folder}/{place}");
            assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
        }
    }
    discovery.get("/monitor/nothing.js").await.problem(404);
    discovery.get("/monitor/index.html").await.problem(404);
}

#[actix_web::test]
async fn the_page_allows_nothing_inline_and_nothing_from_elsewhere() {
    let discovery = Discovery::start().await;
    let page = discovery.get("/monitor").await;
    let policy = page.header("content-security-policy").unwrap();
    for wanted in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "require-trusted-types-for 'script'"]
    {
        assert!(policy.split("; ").any(|directive| directive == wanted), "{policy}");
    }
    assert!(!policy.contains("unsafe"));
}

#[actix_web::test]
async fn a_file_that_the_browser_has_is_not_sent_again() {
    let discovery = Discovery::start().await;
    for path in ["/monitor", "/monitor/app.js"] {
        let first = discovery.get(path).await;
        assert_eq!(first.header("cache-control"), Some("no-cache"));
        let tag = first.header("etag").unwrap().to_owned();
        let again = discovery.http().request("GET", path).header("if-none-match", &tag).send().await;
        assert_eq!((again.status, again.bytes.len()), (304, 0));
        let other = discovery.http().request("GET", path).header("if-none-match", "\"other\"").send().await;
        assert_eq!((other.status, other.bytes.len()), (200, first.bytes.len()));
    }
    let squeezed = discovery.http().request("GET", "/monitor/app.js").header("accept-encoding", "gzip").send().await;
    assert_eq!(squeezed.header("content-encoding"), Some("gzip"));
    let head = discovery.http().request("HEAD", "/monitor").send().await;
    assert_eq!((head.status, head.bytes.len()), (200, 0));
}
