//! A reader of the text format of Prometheus that lets nothing pass which Prometheus, or its conventions, would not.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::Discovery;

type Labels = BTreeMap<String, String>;

/// What a server told at one moment.
#[derive(Debug)]
pub(super) struct Scrape {
    /// By name: counter, gauge or histogram.
    kinds: BTreeMap<String, String>,
    samples: BTreeMap<(String, Labels), f64>,
}

impl Scrape {
    /// Reads `/metrics` of a server.
    pub(super) async fn of(discovery: &Discovery) -> Self {
        Self::at(discovery, "/metrics").await
    }

    /// The same from another path.
    pub(super) async fn at(discovery: &Discovery, path: &str) -> Self {
        let reply = discovery.get(path).await;
        let media = "text/plain; version=0.0.4; charset=utf-8";
        assert_eq!((reply.status, reply.header("content-type")), (200, Some(media)), "{reply}");
        Self::read(std::str::from_utf8(&reply.bytes).unwrap())
    }

    fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'));
        let mut scrape = Self { kinds: BTreeMap::new(), samples: BTreeMap::new() };
        let mut family = String::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, words) = help.split_once(' ').unwrap();
                assert!(words.ends_with('.'), "no sentence: {line}");
                let kind = lines.next().and_then(|line| line.strip_prefix(&format!("# TYPE {name} ")));
                let kind = kind.unwrap_or_else(|| panic!("no type follows: {line}"));
                let known = scrape.kinds.insert(name.to_owned(), kind.to_owned());
                assert!(known.is_none(), "{name} comes twice");
                name.clone_into(&mut family);
                continue;
            }
            let (name, labels, value) = sample(line);
            let suffix = name.strip_prefix(&family).unwrap_or_else(|| panic!("not of {family}: {line}"));
            match scrape.kinds[&family].as_str() {
                "counter" => assert!(suffix.is_empty() && family.ends_with("_total"), "{line}"),
                "gauge" => assert!(suffix.is_empty() && !family.ends_with("_total"), "{line}"),
                "histogram" => assert!(["_bucket", "_sum", "_count"].contains(&suffix), "{line}"),
                kind => panic!("{kind} is not expected: {line}"),
            }
            assert!(name.starts_with("discovery_") || name.starts_with("process_"), "{line}");
            let known = scrape.samples.insert((name, labels), value);
            assert!(known.is_none(), "twice: {line}");
        }
        scrape.check_histograms();
        scrape
    }

    fn check_histograms(&self) {
        for (name, _) in self.kinds.iter().filter(|(_, kind)| *kind == "histogram") {
            let mut all: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
            for ((_, of_bucket), value) in self.series(&format!("{name}_bucket")) {
                let mut labels = of_bucket.clone();
                let bound = labels.remove("le").unwrap();
                all.entry(labels).or_default().push((bound.parse().unwrap(), *value));
            }
            assert_eq!(all.keys().cloned().collect::<Vec<_>>(), self.labels_of(&format!("{name}_count")), "{name}");
            for (labels, mut buckets) in all {
                buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
                assert!(buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "{name} {labels:?}: {buckets:?}");
                let last = *buckets.last().unwrap();
                assert_eq!(last, (f64::INFINITY, self.samples[&(format!("{name}_count"), labels.clone())]));
                assert!(self.samples[&(format!("{name}_sum"), labels)] >= 0.0);
            }
        }
    }

    fn series(&self, name: &str) -> impl Iterator<Item = (&(String, Labels), &f64)> {
        self.samples.iter().filter(move |((known, _), _)| known == name)
    }

    fn labels_of(&self, name: &str) -> Vec<Labels> {
        self.series(name).map(|((_, labels), _)| labels.clone()).collect()
    }

    /// The value of this series; the labels are those that it has, all of them.
    #[track_caller]
    pub(super) fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let found = self.samples.get(&(name.to_owned(), labels));
        *found.unwrap_or_else(|| panic!("no such {name}; there are {:?}", self.labels_of(name)))
    }

    /// All values of `label` that series of this name have.
    pub(super) fn values_of(&self, name: &str, label: &str) -> BTreeSet<String> {
        self.labels_of(name).into_iter().map(|mut labels| labels.remove(label).unwrap()).collect()
    }

    /// The names of the families.
    pub(super) fn families(&self) -> BTreeSet<&str> {
        self.kinds.keys().map(String::as_str).collect()
    }

    /// The names of all series.
    pub(super) fn names(&self) -> BTreeSet<&str> {
        self.samples.keys().map(|(name, _)| name.as_str()).collect()
    }

    /// The names of all labels.
    pub(super) fn label_names(&self) -> BTreeSet<&str> {
        self.samples.keys().flat_map(|(_, labels)| labels.keys().map(String::as_str)).collect()
    }
}

fn is_of_a_name(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '_'
}

/// A line with a value.
fn sample(line: &str) -> (String, Labels, f64) {
    let end = line.find(|char| !is_of_a_name(char)).unwrap_or_else(|| panic!("no sample: {line}"));
    let (name, mut rest) = line.split_at(end);
    let mut labels = Labels::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, value) = rest.split_once("=\"").unwrap();
            assert!(label.chars().all(is_of_a_name), "{line}");
            let (value, after) = quoted(value).unwrap_or_else(|| panic!("no end of a value: {line}"));
            assert!(labels.insert(label.to_owned(), value).is_none(), "{line}");
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').unwrap_or_else(|| panic!("no value: {line}"));
    (name.to_owned(), labels, value.parse().unwrap_or_else(|_| panic!("no number: {line}")))
}

/// The value up to its closing quote, and what follows that.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((place, char)) = chars.next() {
        match char {
            '"' => return Some((value, &text[place + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                escaped @ ('\\' | '"') => escaped,
                _ => return None,
            }),
            other => value.push(other),
        }
    }
    None
}
