//! However a log is judged, the verdicts are the same: all at once in order of time, part by part on any number of threads,
//! or shard by shard out of temporary files.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use fbwin::audit::{Audit, AuditOptions, History};
use fbwin::finding::Summary;
use fbwin::report::{FORMATS, Look};
use fbwin::source::{self, Input, Options};
use fbwin::store::Spill;
use fbwin::survey::Survey;
use fbwin::{Event, Kind, Policy, Replay, ReplayOptions};
use proptest::prelude::*;
use proptest::sample::select;

static POLICY: LazyLock<Policy> = LazyLock::new(Policy::built_in);

fn read(log: &Path, spill: Option<Spill>) -> source::Reading {
    let options = Options { spill, utc_offset_s: Some(0), ..Options::default() };
    source::read(&[Input::Path(log.to_owned())], &options, &|_| ()).unwrap()
}

/// A line a send, in the order of time, as the simplest program would do it.
fn simply(log: &Path, replay: &ReplayOptions) -> Vec<String> {
    let policy = &*POLICY;
    let batches = read(log, None).batches;
    // A record shows that the log reaches back to it, also where it repeats another one under another time.
    let mut survey = Survey::default();
    survey.see(&batches);
    let mut simple = Replay::knowing(policy, replay.clone(), Arc::new(survey.beginnings));
    let history = History::new(batches);
    let line = |event: &Event<'_>, verdict: &str, rules: &[&str]| {
        format!("{} {} {:?} {verdict} {}", event.at, event.user, event.id, rules.join("+"))
    };
    let mut lines = Vec::new();
    for position in 0..history.len() {
        let event = history.event(position);
        let late: Vec<Event<'_>> = (position + 1..history.len())
            .map(|later| history.event(later))
            .filter(|later| may_have_come_before(later, &event))
            .collect();
        // A move within the precision of the send may have come before it.
        let tolerant = (event.kind == Kind::Send && !late.is_empty()).then(|| simple.can_send_after(&event, &late));
        let Some(verdict) = simple.step(&event) else { continue };
        let rules: Vec<&str> = verdict.rules().map(|rule| rule.word()).collect();
        lines.push(match tolerant {
            Some(tolerant) if !rules.is_empty() && tolerant.rules().next().is_none() => line(&event, "unproven", &[]),
            _ => line(&event, verdict.word(), &rules),
        });
    }
    lines
}

fn may_have_come_before(later: &Event<'_>, send: &Event<'_>) -> bool {
    let comment = |event: &Event<'_>| (event.channel, event.account.to_owned(), event.comment.map(str::to_owned));
    let of_comment = later.kind == Kind::Comment
        && send.comment.is_some()
        && comment(&Event { comment: later.comment.or(later.id), ..*later }) == comment(send);
    let of_user = (later.channel, later.account, later.user) == (send.channel, send.account, send.user);
    let is_move = later.kind.is_users() && later.kind != Kind::RecurringStop;
    is_move && (of_user || of_comment) && later.at.since(send.at) < send.blur_ms().1
}

/// The same by the audit; and its report.
fn by_audit(log: &Path, replay: &ReplayOptions, spill: Option<Spill>) -> (Vec<String>, String, Summary) {
    let policy = &*POLICY;
    let options = AuditOptions { replay: replay.clone(), all_verdicts: true, remedies: 2, ..AuditOptions::default() };
    let mut summary = Summary::default();
    let reading = read(log, spill);
    let names = vec!["log".to_owned()];
    let audit = match reading.store {
        Some(store) => Audit::run_stored(policy, store, names, &options, &mut summary).unwrap(),
        None => Audit::run(policy, reading.batches, names, &options, &mut summary),
    };
    let mut verdicts = Vec::new();
    audit
        .verdicts(|judged| {
            let rules: Vec<&str> = judged.rules.iter().map(|rule| rule.word()).collect();
            let line = format!("{} {} {:?} {} {}", judged.at, judged.user, judged.id, judged.verdict, rules.join("+"));
            verdicts.push(line);
            Ok(())
        })
        .unwrap();
    let mut written = Vec::new();
    let lines = FORMATS.iter().find(|format| format.name == "json").unwrap();
    let mut report = (lines.report)(&mut written, Look { width: 80, colour: false, rows_per_rule: None });
    audit.findings(|_| true, &mut summary, |findings| report.findings(findings)).unwrap();
    report.finish(&summary).unwrap();
    drop(report);
    (verdicts, String::from_utf8(written).unwrap(), summary)
}

fn compare(log: &Path, replay: &ReplayOptions) {
    let folder = tempfile::tempdir().unwrap();
    let tiny = Spill { memory_bytes: 1, folder: folder.path().to_owned() };
    let (verdicts, report, summary) = by_audit(log, replay, None);
    assert_eq!(verdicts, simply(log, replay), "{}", log.display());
    for threads in [1, 2, 7] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let held = pool.install(|| by_audit(log, replay, None));
        assert_eq!(held, (verdicts.clone(), report.clone(), summary.clone()), "{threads} threads: {}", log.display());
        let stored = pool.install(|| by_audit(log, replay, Some(tiny.clone())));
        assert_eq!(stored.0, verdicts, "stored, {threads} threads: {}", log.display());
        assert_eq!(stored.1, report, "stored, {threads} threads: {}", log.display());
        assert_eq!(stored.2, summary, "stored, {threads} threads: {}", log.display());
    }
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "temporary files have no names");
}

fn logs(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        match entry.is_dir() {
            true => found.extend(logs(entry.to_str().unwrap())),
            false => found.push(entry),
        }
    }
    found.retain(|path| !path.to_str().unwrap().ends_with(".expected") && !path.to_str().unwrap().ends_with(".args"));
    found.sort();
    found
}

#[test]
fn every_fixture_is_judged_alike_however_it_is_judged() {
    let all = [logs("fixtures/source"), logs("fixtures/day"), logs("fixtures/day-canonical"), logs("fixtures/formats")];
    let all: Vec<PathBuf> = all.concat().into_iter().chain(["fixtures/demo.jsonl".into()]).collect();
    assert!(100 < all.len(), "{}", all.len());
    for log in all {
        compare(&log, &ReplayOptions::default());
        compare(&log, &ReplayOptions { complete: true, ..ReplayOptions::default() });
    }
}

/// A log that is larger than the memory it may take does go to temporary files.
#[test]
fn a_log_that_is_too_large_is_stored() {
    let tiny = Spill { memory_bytes: 1, folder: std::env::temp_dir() };
    let reading = read(Path::new("fixtures/day-canonical/canonical.jsonl"), Some(tiny));
    assert!(reading.store.is_some() && reading.batches.is_empty());
    // What has to be joined stays in memory.
    let tiny = Spill { memory_bytes: 1, folder: std::env::temp_dir() };
    let reading = read(Path::new("fixtures/day/webhooks.jsonl"), Some(tiny));
    assert!(reading.store.is_none() && !reading.batches.is_empty());
}

/// A record of a small world, in which tokens and comments cross from one conversation to another.
fn record() -> impl Strategy<Value = String> {
    let what = select(vec![
        r#""event":"message""#,
        r#""event":"message","entry":"ad""#,
        r#""event":"postback""#,
        r#""event":"otn_optin","token":"t1""#,
        r#""event":"otn_optin","token":"t2""#,
        r#""event":"recurring_optin","token":"r1","frequency":"daily""#,
        r#""event":"recurring_stop","token":"r1""#,
        r#""event":"comment","id":"c1""#,
        r#""event":"send""#,
        r#""event":"send","text":"hello","messaging_type":"RESPONSE""#,
        r#""event":"send","token":"t1""#,
        r#""event":"send","token":"t2""#,
        r#""event":"send","token":"r1","token_type":"recurring""#,
        r#""event":"send","comment":"c1""#,
        r#""event":"send","messaging_type":"MESSAGE_TAG","tag":"HUMAN_AGENT""#,
        r#""event":"send","messaging_type":"MESSAGE_TAG","tag":"ACCOUNT_UPDATE","text":"50% off, buy now, code SAVE50""#,
        r#""event":"send","status":"failed","error_code":10,"error_subcode":2018278"#,
        r#""event":"read""#,
    ]);
    let moment = prop_oneof![0_i64..5, 86_395_i64..86_405, 604_795_i64..604_805, 0_i64..1_000_000];
    let (account, user) = (select(vec!["1", "2"]), select(vec!["ana", "bob", "eve", "ian"]));
    let id = proptest::option::of(0_u8..20);
    (what, moment, account, user, id).prop_map(|(what, moment, account, user, id)| {
        let id = id.filter(|_| !what.contains("\"id\"")).map_or(String::new(), |id| format!(r#","id":"m{id}""#));
        let ts = 1_770_000_000_000_i64 + moment * 1_000;
        format!(r#"{{"ts":{ts},"account":"{account}","user":"{user}",{what}{id}}}"#)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_random_log_is_judged_alike_however_it_is_judged(
        records in proptest::collection::vec(record(), 1..60),
        complete in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log.jsonl");
        std::fs::write(&log, records.join("\n")).unwrap();
        compare(&log, &ReplayOptions { complete, ..ReplayOptions::default() });
    }
}
