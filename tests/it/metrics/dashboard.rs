//! The dashboard in `examples/`, held against what a server tells.

use std::collections::BTreeSet;

use serde_json::Value;

use super::scrape::Scrape;

/// Labels that are given to every series by whoever reads them, or made by a query.
const GIVEN_LABELS: [&str; 3] = ["job", "instance", "le"];

fn dashboard() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/grafana_dashboard.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Every query, of panels and of variables.
fn queries(dashboard: &Value) -> Vec<String> {
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let variables = dashboard["templating"]["list"].as_array().unwrap().iter();
    let asked = targets.map(|target| &target["expr"]).chain(variables.map(|variable| &variable["query"]["query"]));
    asked.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|char: char| !(char.is_ascii_alphanumeric() || char == '_')).filter(|word| !word.is_empty())
}

/// The labels that `query` chooses or groups by, and those that `legend` shows.
fn labels(query: &str) -> Vec<&str> {
    let chosen = query.split('{').skip(1).map(|rest| rest.split('}').next().unwrap());
    let chosen = chosen.flat_map(|inside| inside.split(", ")).map(|one| one.split(['=', '!']).next().unwrap());
    let grouped = query.split("by (").skip(1).flat_map(|rest| words(rest.split(')').next().unwrap()));
    chosen.chain(grouped).collect()
}

/// Holds every name that the dashboard uses against a scrape that has a bit of everything.
pub(super) fn check(scrape: &Scrape) {
    let dashboard = dashboard();
    let (names, told) = (scrape.names(), scrape.label_names());
    let queries = queries(&dashboard);
    assert!(queries.len() > 30, "only {} queries were found", queries.len());
    for query in &queries {
        for name in words(query).filter(|word| word.starts_with("discovery_") || word.starts_with("process_")) {
            assert!(names.contains(name), "{name} is told by no server: {query}");
        }
        for label in labels(query) {
            assert!(told.contains(label) || GIVEN_LABELS.contains(&label), "no series has the label {label}: {query}");
        }
    }
    let asked: BTreeSet<&str> = queries.iter().flat_map(|query| words(query)).collect();
    let shown = |family: &&str| {
        let is_asked = |suffix: &str| asked.contains(format!("{family}{suffix}").as_str());
        ["", "_bucket", "_sum", "_count"].into_iter().any(is_asked)
    };
    let left_out: Vec<&str> = scrape.families().into_iter().filter(|family| !shown(family)).collect();
    assert_eq!(left_out, ["process_threads"], "what is told is shown");
}

#[test]
fn the_dashboard_asks_the_data_source_that_its_user_chooses() {
    let dashboard = dashboard();
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let source = variables.iter().find(|variable| variable["name"] == "datasource").unwrap();
    assert_eq!((&source["type"], &source["query"]), (&"datasource".into(), &"prometheus".into()));
    let panels = dashboard["panels"].as_array().unwrap();
    let (mut ids, mut places) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "two panels have one id: {panel}");
        let place = ["x", "y", "w"].map(|side| panel["gridPos"][side].as_u64().unwrap());
        assert!(place[0] + place[2] <= 24 && places.insert((place[0], place[1])), "it lies on another: {panel}");
        if panel["type"] != "row" {
            let targets = panel["targets"].as_array().unwrap().iter();
            for asked in targets.chain([panel]) {
                assert_eq!(asked["datasource"]["uid"], "${datasource}", "{panel}");
            }
        }
    }
    for variable in variables.iter().filter(|variable| variable["type"] == "query") {
        assert_eq!(variable["datasource"]["uid"], "${datasource}", "{variable}");
    }
}
