//! The map of the house, as the crate's documentation draws it: who may know whom.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each part of the library, and the parts it may know besides itself.
const MAP: &[(&str, &[&str])] = &[
    ("time", &[]),
    ("secret", &[]),
    ("scan", &[]),
    ("harmless", &[]),
    ("event", &["time"]),
    ("rule", &["event"]),
    ("batch", &["event", "time"]),
    ("survey", &["batch", "event", "secret", "time"]),
    ("store", &["batch", "survey"]),
    ("source", &["batch", "event", "harmless", "scan", "secret", "store", "time"]),
    ("content", &["event"]),
    ("policy", &["content", "event", "rule", "time"]),
    ("replay", &["event", "policy", "rule", "secret", "survey", "time"]),
    ("finding", &["content", "event", "rule", "time"]),
    ("report", &["event", "finding", "harmless", "rule", "scan", "time"]),
    (
        "audit",
        &["batch", "content", "event", "finding", "policy", "replay", "rule", "secret", "store", "survey", "time"],
    ),
];

fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let inside = fs::read_dir(path).into_iter().flatten();
    let mut found: Vec<PathBuf> = inside.flat_map(|entry| files(&entry.unwrap().path())).collect();
    found.sort();
    found.retain(|path| path.extension().is_some_and(|end| end == "rs"));
    found
}

/// The parts that a file names after `crate::`, its tests left out.
fn known(path: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let named = code.split("crate::").skip(1);
    let mut parts = BTreeSet::new();
    for rest in named {
        let word: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        parts.insert(word);
    }
    parts
}

#[test]
fn nobody_knows_more_than_the_map_allows() {
    let mut wrong = Vec::new();
    for (part, may_know) in MAP {
        let src = Path::new("src");
        let files = [files(&src.join(format!("{part}.rs"))), files(&src.join(part))].concat();
        assert!(!files.is_empty(), "{part}");
        for file in files {
            for other in known(&file) {
                if other != *part && !may_know.contains(&other.as_str()) {
                    wrong.push(format!("{} knows `{other}`", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_part_of_the_library_is_on_the_map() {
    let lib = fs::read_to_string("src/lib.rs").unwrap();
    let part = |line: &'_ str| -> Option<String> {
        let name = line.strip_prefix("pub ").unwrap_or(line).strip_prefix("mod ")?.strip_suffix(';')?;
        Some(name.to_owned())
    };
    let parts: BTreeSet<String> = lib.lines().filter_map(part).collect();
    assert_eq!(parts, MAP.iter().map(|(part, _)| (*part).to_owned()).collect());
}

/// What reads a clock or a terminal is not to be found below the program.
#[test]
fn the_library_reads_no_clock_and_knows_no_terminal() {
    for (part, _) in MAP {
        for file in [files(&Path::new("src").join(format!("{part}.rs"))), files(&Path::new("src").join(part))].concat()
        {
            let text = fs::read_to_string(&file).unwrap();
            for word in ["SystemTime", "Instant::now", "Utc::now", "is_terminal()", "std::env", "process::exit"] {
                assert!(!text.contains(word), "{}: {word}", file.display());
            }
        }
    }
}
