//! Every script in `fixtures/policy` holds, and together they meet every permission, rule and reason there is.

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

#[test]
fn every_permission_allows_and_is_violated_and_every_rule_and_reason_is_met() {
    let policy = Policy::built_in();
    let mut met = HashSet::new();
    for (path, text) in scripts() {
        let outcomes = script::outcomes(&policy, &text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        met.extend(outcomes.into_keys());
    }
    let mut wanted: Vec<String> = Vec::new();
    for row in policy.permissions.iter().filter(|row| !row.unmarked && row.unclear_after.is_none()) {
        wanted.push(format!("{} allows", row.id));
        // What breaks the one extra message is said of the window it follows.
        if row.extra_after.is_none() {
            wanted.push(format!("{} violated", row.id));
        }
    }
    wanted.extend(Rule::ALL.iter().filter(|rule| rule.severity() == Severity::Error).map(Rule::to_string));
    wanted.extend(Reason::ALL.iter().map(Reason::to_string));
    wanted.retain(|name| !met.contains(name));
    wanted.dedup();
    assert!(wanted.is_empty(), "no script meets: {wanted:#?}");
}
