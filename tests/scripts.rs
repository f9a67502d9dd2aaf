//! Every script in `fixtures/policy` holds, and together they meet every permission, rule and reason there is.

// Tests may say what must hold.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use common::script;
use fbwin::replay::Reason;
use fbwin::{Policy, Rule, Severity};

fn scripts() -> Vec<(PathBuf, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/policy");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "script"));
    paths.sort();
    assert!(!paths.is_empty());
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn every_script_holds() {
    let policy = Policy::built_in();
    let failures: Vec<String> = scripts()
        .iter()
        .filter_map(|(path, text)| {
            let claims = text.lines().next().is_some_and(|line| line.starts_with("# "));
            let result = if claims { script::check(&policy, text) } else { Err("line 1: must state the claim".into()) };
            result.err().map(|error| format!("{}:\n{error}", path.display()))
        })
        .collect();
    assert!(failures.is_empty(), "\n{}", failures.join("\n\n"));
}

/// Rows that no send can violate under their own name, and why.
const NEVER_VIOLATED: &[(&str, &str)] = &[
    // Open to whoever has written before, with no condition on the message; after its end such a send is a plain one.
    ("messenger-sponsored", "2016-11-01"),
];

#[test]
fn every_version_of_a_permission_allows_and_is_violated() {
    let policy = Policy::built_in();
    let met = all_outcomes(&policy);
    let mut wanted = vec!["the one more message is spent".to_owned()];
    for row in &policy.permissions {
        let version = script::version(row);
        // A row without a mark, or beyond 24 h of an ad's window, says of a send only that nobody can tell.
        let only_doubts = row.unmarked || row.unclear_after.is_some();
        if !only_doubts {
            wanted.push(format!("{version} allows"));
        }
        let excepted = NEVER_VIOLATED.iter().any(|(id, from)| *id == row.id && *from == row.from.to_string());
        if only_doubts || row.unsure {
            // What breaks an unsure row is unproven.
            wanted.push(format!("{version} is in doubt"));
        } else if row.extra_after.is_none() && !excepted {
            // Breaking the one extra message is said of the window it follows.
            wanted.push(format!("{version} is violated"));
        }
    }
    wanted.extend(policy.exclusions.iter().map(|exclusion| format!("{} excludes", exclusion.id)));
    wanted.retain(|name| !met.contains(name));
    assert!(wanted.is_empty(), "no script meets: {wanted:#?}");
}

#[test]
fn rows_that_are_never_violated_are_not_violated() {
    let policy = Policy::built_in();
    let met = all_outcomes(&policy);
    for (id, from) in NEVER_VIOLATED {
        let row = policy.permissions.iter().find(|row| row.id == *id && row.from.to_string() == *from).unwrap();
        assert!(!met.contains(&format!("{} is violated", script::version(row))), "{id} needs no exception");
    }
}

#[test]
fn every_error_rule_and_every_reason_is_met() {
    let policy = Policy::built_in();
    let met = all_outcomes(&policy);
    let errors = Rule::ALL.iter().filter(|rule| rule.severity() == Severity::Error);
    let mut wanted: Vec<&str> = errors.map(|rule| rule.word()).chain(Reason::ALL.iter().map(|r| r.word())).collect();
    wanted.retain(|name| !met.contains(*name));
    assert!(wanted.is_empty(), "no script meets: {wanted:#?}");
}

fn all_outcomes(policy: &Policy) -> HashSet<String> {
    let mut met = HashSet::new();
    for (path, text) in scripts() {
        let outcomes = script::outcomes(policy, &text);
        met.extend(outcomes.unwrap_or_else(|error| panic!("{}: {error}", path.display())));
    }
    met
}
