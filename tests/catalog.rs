//! The catalog explains every rule, and its examples are true: each replays as it says, breaks its rule or keeps it.
// Tests may say what must hold.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::script;
use fbwin::audit::{Audit, AuditOptions};
use fbwin::batch::Batch;
use fbwin::content::Lexicon;
use fbwin::finding::{Finding, Summary};
use fbwin::replay::claimed_row;
use fbwin::{Event, Policy, Replay, ReplayOptions, Rule, Verdict};

/// The catalog as it stands in its file: `Rule::entry` would hide a double or missing entry.
fn names() -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/rule/catalog.toml");
    let catalog: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
    let entries = catalog["rule"].as_array().unwrap();
    entries.iter().map(|entry| entry["name"].as_str().unwrap().to_owned()).collect()
}

/// Whether a send is a case of `rule`.
fn is_case(rule: Rule, policy: &Policy, send: &Event<'_>, verdict: &Verdict<'_>) -> bool {
    match rule {
        // No verdict of its own: an allowed send whose tag was not needed.
        Rule::NeedlessTag => matches!(verdict, Verdict::Allowed(permit) if permit.needless_tag),
        // Nor has this: an allowed send that Meta refused with a code which speaks of the policy.
        Rule::RefusedThoughAllowed => {
            matches!(verdict, Verdict::Allowed(_))
                && policy.refusal(send.channel, send.error_code, send.error_subcode).is_some()
        }
        // Nor this: what only the text shows.
        Rule::OffPurposeContent => {
            let row = claimed_row(policy, &ReplayOptions::default(), send);
            let about = Lexicon::built_in().read(send.text.unwrap_or_default()).about;
            row.is_some_and(|row| about.iter().any(|(about, _)| row.not_for.contains(about)))
        }
        _ => verdict.rules().any(|broken| broken == rule),
    }
}

/// How many sends of a script are cases of `rule`.
fn cases(rule: Rule, policy: &Policy, text: &str) -> usize {
    let script = script::parse(text).unwrap();
    if matches!(rule, Rule::TagAfterRefusal | Rule::TagOnEverything) {
        return habits(rule, policy, &script);
    }
    let mut replay = Replay::new(policy, script.options.clone());
    let judged = script.lines.iter().filter_map(|line| Some((&line.event, replay.step(&line.event)?)));
    judged.filter(|(send, verdict)| is_case(rule, policy, send, verdict)).count()
}

/// What no verdict shows, but only the audit of the whole script.
fn habits(rule: Rule, policy: &Policy, script: &script::Script<'_>) -> usize {
    let mut batch = Batch::default();
    assert!(script.lines.iter().all(|line| batch.push(&line.event)));
    let options = AuditOptions { replay: script.options.clone(), ..AuditOptions::default() };
    let mut summary = Summary::default();
    let audit = Audit::run(policy, vec![batch], Vec::new(), &options, &mut summary);
    let mut found = 0;
    let count = |findings: &[Finding<'_>]| {
        found += findings.len();
        Ok(())
    };
    audit.findings(|one| one == rule, &mut summary, count).unwrap();
    found
}

#[test]
fn every_rule_has_exactly_one_entry_in_the_order_of_the_rules() {
    let rules: Vec<String> = Rule::ALL.iter().map(Rule::to_string).collect();
    assert_eq!(names(), rules);
}

#[test]
fn no_field_of_an_entry_is_empty() {
    for rule in Rule::ALL {
        let entry = rule.entry();
        for (name, text) in [
            ("says", &entry.says),
            ("means", &entry.means),
            ("why", &entry.why),
            ("since", &entry.since),
            ("breaks", &entry.breaks),
            ("keeps", &entry.keeps),
            ("fix", &entry.fix),
            ("source", &entry.source),
        ] {
            assert!(!text.trim().is_empty(), "{rule}: `{name}` is empty");
        }
        // `says` goes on after "the send", and the rest are sentences.
        assert!(entry.says.starts_with(char::is_lowercase) && !entry.says.ends_with('.'), "{rule}: {}", entry.says);
        for text in [&entry.means, &entry.why, &entry.since, &entry.fix] {
            assert!(text.ends_with('.') && !text.contains('\n'), "{rule}: {text}");
        }
    }
}

#[test]
fn every_source_is_a_link_that_the_policy_cites() {
    let policy = Policy::built_in();
    for rule in Rule::ALL {
        let source = rule.entry().source;
        let cited = policy.permissions.iter().any(|row| row.source == source)
            || policy.exclusions.iter().any(|row| row.source == source)
            || policy.refusals.iter().any(|row| row.source == source);
        assert!(cited, "{rule}: {source}");
    }
}

#[test]
fn every_example_holds_and_breaks_or_keeps_its_rule() {
    let policy = Policy::built_in();
    for rule in Rule::ALL {
        let entry = rule.entry();
        for (name, text) in [("breaks", &entry.breaks), ("keeps", &entry.keeps)] {
            script::check(&policy, text).unwrap_or_else(|error| panic!("{rule}: `{name}`: {error}"));
        }
        assert_ne!(cases(*rule, &policy, &entry.breaks), 0, "{rule}: `breaks` does not break it");
        assert_eq!(cases(*rule, &policy, &entry.keeps), 0, "{rule}: `keeps` breaks it");
    }
}
