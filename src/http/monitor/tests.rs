use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::files::{FILES, PAGE};
use super::*;

const LINES_MAX: usize = 400;

fn assets() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/http/monitor/assets")
}

/// What stands between `before` and the next quotation mark, each time.
fn quoted_after<'a>(text: &'a str, before: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).filter_map(|rest| rest.split('"').next())
}

#[test]
fn every_file_of_the_page_is_part_of_the_program() {
    let kept: BTreeSet<String> = fs::read_dir(assets())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != PAGE.name)
        .collect();
    let served: BTreeSet<String> = FILES.iter().map(|asset| asset.name.to_owned()).collect();
    assert_eq!(kept, served);
}

#[test]
fn what_a_file_loads_is_served_and_each_file_is_loaded() {
    let mut loaded = BTreeSet::new();
    loaded.extend(quoted_after(PAGE.text, "src=\"monitor/"));
    loaded.extend(quoted_after(PAGE.text, "href=\"monitor/"));
    for asset in FILES.iter().filter(|asset| asset.name.ends_with(".js")) {
        loaded.extend(quoted_after(asset.text, "from \"./"));
        loaded.extend(quoted_after(asset.text, "import \"./"));
        loaded.extend(quoted_after(asset.text, "import(\"./"));
    }
    let served: BTreeSet<&str> = FILES.iter().map(|asset| asset.name).collect();
    assert_eq!(loaded, served);
}

#[test]
fn nothing_is_loaded_from_elsewhere_and_nothing_is_inline() {
    for asset in FILES.iter().chain([&PAGE]) {
        let text = asset.text.replace("http://www.w3.org/2000/svg", "");
        for address in ["http://", "https://", "\"//", "url(//"] {
            assert!(!text.contains(address), "{} names {address}", asset.name);
        }
        for markup in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"] {
            assert!(!text.contains(markup), "{} has {markup}", asset.name);
        }
    }
    for inline in ["<style", " style=", " onclick=", " onload=", "javascript:"] {
        assert!(!PAGE.text.contains(inline), "{inline}");
    }
    let scripts = PAGE.text.matches("<script").count();
    assert_eq!(scripts, PAGE.text.matches("<script type=\"module\" src=\"monitor/").count());
}

#[test]
fn no_file_of_the_page_is_longer_than_a_reader_s_patience() {
    let long: Vec<_> = FILES.iter().chain([&PAGE]).filter(|asset| asset.text.lines().count() > LINES_MAX).collect();
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn both_languages_say_the_same_things() {
    let keys = |name: &str| -> BTreeSet<&str> {
        let words = files::named(name).unwrap().text.lines();
        words.filter_map(|line| line.trim_start().strip_prefix('"')?.split_once("\": ")).map(|(key, _)| key).collect()
    };
    let (english, spanish) = (keys("words_en.js"), keys("words_es.js"));
    assert!(english.len() > 100, "{}", english.len());
    assert_eq!(english, spanish);
}
