//! Reads the sources and fails where an import goes against the direction of the architecture.

use std::fs;
use std::path::{Path, PathBuf};

const SOURCE_LINES_MAX: usize = 400;

/// What a module of the crate may use.
struct Rule {
    module: &'static str,
    /// Other modules of the crate.
    siblings: &'static [&'static str],
    /// What its text may not hold: crates that belong elsewhere, and reaching for the world.
    forbidden: &'static [&'static str],
}

const EDGE: [&str; 6] = ["actix::", "actix_web::", "actix_rt::", "actix_cors::", "actix_web_actors::", "awc::"];
const STORAGE: [&str; 6] = ["sea_orm::", "sea_orm_migration::", "sqlx::", "rusqlite::", "entity::", "migration::"];
const WORLD: [&str; 13] = [
    "Utc::now",
    "Local::now",
    "now_v7",
    "new_v4",
    "SystemTime",
    "Instant",
    "tokio::",
    "rand::",
    "std::fs",
    "std::net",
    "std::env",
    "std::thread",
    "tracing::",
];

const RULES: [Rule; 12] = [
    Rule { module: "domain", siblings: &[], forbidden: &WORLD },
    Rule { module: "limits", siblings: &[], forbidden: &[] },
    Rule { module: "payload", siblings: &["domain"], forbidden: &WORLD },
    Rule { module: "journal", siblings: &["domain", "payload", "limits"], forbidden: &EDGE },
    Rule { module: "pioneer", siblings: &["domain", "payload", "limits"], forbidden: &STORAGE },
    Rule {
        module: "actors",
        siblings: &["domain", "payload", "limits", "journal", "pioneer"],
        forbidden: &["sea_orm::", "sqlx::", "rusqlite::", "entity::", "migration::", "actix_web::"],
    },
    Rule {
        module: "http",
        siblings: &["domain", "payload", "limits", "journal", "pioneer", "actors", "config"],
        forbidden: &STORAGE,
    },
    Rule { module: "config", siblings: &["limits", "journal"], forbidden: &STORAGE },
    Rule { module: "worker", siblings: &[], forbidden: &STORAGE },
    Rule { module: "example", siblings: &["worker"], forbidden: &STORAGE },
    Rule {
        module: "startup",
        siblings: &["domain", "payload", "limits", "journal", "pioneer", "actors", "config", "http"],
        forbidden: &STORAGE,
    },
    Rule {
        module: "cli",
        siblings: &[
            "domain", "payload", "limits", "journal", "pioneer", "actors", "config", "http", "worker", "example",
            "startup",
        ],
        forbidden: &["sea_orm::", "sqlx::", "rusqlite::"],
    },
];

/// The pure modules know neither the edge nor the storage.
const PURE: [&str; 3] = ["domain", "limits", "payload"];

struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// The module of the crate that the file belongs to; none for `lib.rs` and `main.rs`.
    fn module(&self) -> Option<String> {
        let inside = self.path.strip_prefix(root().join("src")).unwrap();
        let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
        let module = first.strip_suffix(".rs").unwrap_or(first);
        (!["lib", "main"].contains(&module)).then(|| module.to_owned())
    }

    /// Whether there are only tests in the file: they may use what they need.
    fn is_of_tests(&self) -> bool {
        self.path.strip_prefix(root()).unwrap().components().any(|part| part.as_os_str() == "tests")
            || self.path.ends_with("tests.rs")
    }

    /// How many `super` lead from the file's own level to the root of the crate.
    fn depth(&self) -> usize {
        let inside = self.path.strip_prefix(root().join("src")).unwrap();
        inside.components().count() - usize::from(inside.ends_with("mod.rs"))
    }

    /// The lines of code, without comments.
    fn code(&self) -> String {
        let lines = self.text.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.map(|line| line.split(" // ").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The sources of the crate.
fn sources() -> Vec<Source> {
    sources_below("src")
}

fn sources_below(directory: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut directories = vec![root().join(directory)];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push(Source { path, text });
            }
        }
    }
    found
}

fn is_of_a_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// Where `path` stands in `code` and is not the end of a longer word.
fn places_of<'a>(code: &'a str, path: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(path).map(|(place, _)| place).filter(|place| !code[..*place].ends_with(is_of_a_word))
}

/// The names that follow a prefix such as `crate::`: one, or the first level of a group in braces.
fn names_after(rest: &str) -> Vec<String> {
    let word = |text: &str| text.trim_start().chars().take_while(|char| is_of_a_word(*char)).collect::<String>();
    let Some(group) = rest.strip_prefix('{') else { return vec![word(rest)] };
    let (mut names, mut depth, mut expected) = (Vec::new(), 1, true);
    for (place, char) in group.char_indices() {
        match char {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => expected = true,
            _ if expected && is_of_a_word(char) => {
                names.push(word(&group[place..]));
                expected = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names
}

/// The names at the root of the crate that `code` uses, by `crate::`, the crate's name, or enough `super::`.
fn used_from_the_root(code: &str, depth: usize) -> Vec<String> {
    let prefixes = ["crate::".to_owned(), "discovery::".to_owned(), "super::".repeat(depth)];
    let after = |prefix: &String| {
        let places: Vec<usize> = places_of(code, prefix).collect();
        places.into_iter().flat_map(|place| names_after(&code[place + prefix.len()..])).collect::<Vec<_>>()
    };
    prefixes.iter().flat_map(after).collect()
}

/// What is wrong with `code` in a file of `module` that lies `depth` levels below the root.
fn offences(module: &str, depth: usize, code: &str) -> Vec<String> {
    let Some(rule) = RULES.iter().find(|rule| rule.module == module) else {
        return vec![format!("the module `{module}` has no rule: give it one")];
    };
    let known = |name: &str| RULES.iter().any(|rule| rule.module == name);
    let allowed = |name: &str| name == module || rule.siblings.contains(&name);
    let used = used_from_the_root(code, depth).into_iter();
    let siblings = used.filter(|name| known(name) && !allowed(name)).map(|name| format!("uses crate::{name}"));
    let pure: &[&str] = if PURE.contains(&module) { &[EDGE, STORAGE].concat() } else { &[] };
    let forbidden = rule.forbidden.iter().chain(pure);
    let reached = forbidden.filter(|path| {
        let within_the_crate = |place: usize| code[..place].ends_with("::");
        places_of(code, path).any(|place| !within_the_crate(place) || !path.ends_with("::"))
    });
    siblings.chain(reached.map(|path| format!("uses {path}"))).collect()
}

#[test]
fn imports_point_downwards_only() {
    let mut wrong = Vec::new();
    for source in sources().into_iter().filter(|source| !source.is_of_tests()) {
        let Some(module) = source.module() else { continue };
        let offences = offences(&module, source.depth(), &source.code());
        wrong.extend(offences.into_iter().map(|offence| format!("{} {offence}", source.path.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_source_file_is_longer_than_a_reader_s_patience() {
    let all = ["src", "tests", "benches", "entity", "migration", "examples", "fuzz/src", "fuzz/fuzz_targets"]
        .into_iter()
        .flat_map(sources_below);
    let long = all.map(|source| (source.text.lines().count(), source.path));
    let long: Vec<_> = long.filter(|(lines, _)| *lines > SOURCE_LINES_MAX).collect();
    assert!(long.is_empty(), "more than {SOURCE_LINES_MAX} lines: {long:?}");
}

#[test]
fn an_import_against_the_direction_is_found() {
    let table = [
        ("domain", 2, "use crate::journal::Journal;", 1),
        ("domain", 2, "use crate::{domain::Event, actors::{Runtime}, limits};", 2),
        ("domain", 2, "use super::super::journal::Journal;", 1),
        ("domain", 2, "use super::outcome::journal;", 0),
        ("domain", 1, "let now = chrono::Utc::now();", 1),
        ("domain", 1, "let id = Uuid::now_v7();", 1),
        ("domain", 1, "use std::time::{Duration, Instant};", 1),
        ("domain", 1, "use sea_orm::EntityTrait;", 1),
        ("domain", 1, "let operand::X = operand::y();", 0),
        ("limits", 1, "use crate::domain::Event;", 1),
        ("journal", 2, "use entity::workflow; use crate::domain::Event;", 0),
        ("journal", 2, "use crate::actors::Runtime;", 1),
        ("pioneer", 2, "use awc::Client; use crate::limits::Limits;", 0),
        ("pioneer", 2, "use crate::journal::Journal;", 1),
        ("actors", 2, "use crate::http::serve;", 1),
        ("http", 2, "use entity::workflow;", 1),
        ("worker", 2, "use crate::domain::Event;", 1),
        ("worker", 2, "use crate::worker::Step; use super::Step;", 0),
        ("elsewhere", 1, "", 1),
    ];
    for (module, depth, code, expected) in table {
        let found = offences(module, depth, code);
        assert_eq!(found.len(), expected, "{module}: {code}: {found:?}");
    }
}
