//! Laws of a log as a whole: its order, its files, its repetitions and its clocks accuse nobody.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::PathBuf;

use fbwin::audit::{Audit, AuditOptions};
use fbwin::finding::{Finding, Summary};
use fbwin::source::{self, Input, Options};
use fbwin::time::Time;
use fbwin::{Policy, ReplayOptions};
use proptest::prelude::*;
use proptest::sample::select;

/// How a log is judged in these tests.
#[derive(Clone, Copy, Default)]
struct Judging {
    complete: bool,
    skew_ms: i64,
}

/// Writes the files, audits them and gives a line a send, in the order of the report.
fn verdicts(files: &[String], judging: Judging) -> (Vec<String>, Summary) {
    let folder = tempfile::tempdir().unwrap();
    let inputs: Vec<Input> = (files.iter().enumerate())
        .map(|(index, text)| {
            let path: PathBuf = folder.path().join(format!("{index}.jsonl"));
            std::fs::write(&path, text).unwrap();
            Input::Path(path)
        })
        .collect();
    let reading = source::read(&inputs, &Options::default(), &|_| ()).unwrap();
    assert_eq!(reading.bad.count, 0, "{:?}", reading.bad.first.first());
    let replay = ReplayOptions { complete: judging.complete, ..ReplayOptions::default() };
    let options = AuditOptions { all_verdicts: true, replay, skew_ms: judging.skew_ms, ..AuditOptions::default() };
    let policy = Policy::built_in();
    let mut summary = Summary::default();
    let audit = Audit::run(&policy, reading.batches, Vec::new(), &options, &mut summary);
    let mut all = Vec::new();
    let take = |judged: &fbwin::finding::Judged<'_>| {
        let rules: Vec<&str> = judged.rules.iter().map(|rule| rule.word()).collect();
        let by = judged.reason.or(judged.permission).unwrap_or_default();
        all.push(format!("{} {} {} {}{by}", judged.at, judged.user, judged.verdict, rules.join("+")));
        Ok(())
    };
    audit.verdicts(take).unwrap();
    (all, summary)
}

fn of(text: &str, judging: Judging) -> Vec<String> {
    let (all, _) = verdicts(&[text.to_owned()], judging);
    all.iter().map(|line| line.splitn(3, ' ').nth(2).unwrap().to_owned()).collect()
}

/// A record without its time: what happened, to whom.
fn happening() -> impl Strategy<Value = String> {
    let user = select(vec!["ana", "bob", "eve"]);
    let what = select(vec![
        r#""event":"message""#,
        r#""event":"message","entry":"ad""#,
        r#""event":"postback""#,
        r#""event":"referral","entry":"ad""#,
        r#""event":"otn_optin","token":"T""#,
        r#""event":"recurring_optin","token":"R""#,
        r#""event":"recurring_stop","token":"R""#,
        r#""event":"recurring_stop""#,
        r#""event":"recurring_resume""#,
        r#""event":"comment","comment":"c1""#,
        r#""event":"read""#,
        r#""event":"send""#,
        r#""event":"send","status":"failed","error_code":10,"error_subcode":2018278"#,
        r#""event":"send","tag":"HUMAN_AGENT","sender":"human""#,
        r#""event":"send","tag":"HUMAN_AGENT","sender":"bot""#,
        r#""event":"send","tag":"ACCOUNT_UPDATE""#,
        r#""event":"send","token":"T""#,
        r#""event":"send","token":"R","token_type":"recurring""#,
        r#""event":"send","comment":"c1""#,
        r#""event":"send","template":"order_sent","messaging_type":"UTILITY""#,
    ]);
    (user, what).prop_map(|(user, what)| format!(r#""account":"page","user":"{user}",{what}"#))
}

/// A log: times in steps that meet the limits, in an era of each kind.
fn log() -> impl Strategy<Value = Vec<(i64, String)>> {
    let begin = select(vec![1_556_712_000_000_i64, 1_709_208_000_000, 1_756_641_600_000, 1_777_204_800_000]);
    let step = select(vec![0_i64, 1, 999, 3_000, 60_000, 43_200_000, 86_399_999, 86_400_000, 604_800_000]);
    (begin, prop::collection::vec((step, happening(), any::<bool>()), 1..40)).prop_map(|(mut at, steps)| {
        let mut log = Vec::new();
        for (nth, (step, what, named)) in steps.into_iter().enumerate() {
            at += step;
            // Half of the records have an id; the others are told apart by what they say.
            let id = if named { format!(r#""id":"m{nth}""#) } else { format!(r#""text":"t{nth}""#) };
            log.push((at, format!("{what},{id}")));
        }
        log
    })
}

fn line((at, what): &(i64, String)) -> String {
    format!("{{\"ts\":\"{}\",{what}}}\n", Time::from_ms(*at))
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

/// Verdicts from good to bad.
fn badness(verdict: &str) -> u8 {
    if verdict.contains(" violation ") { 2 } else { u8::from(verdict.contains(" unproven ")) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn order_files_and_repetition_change_nothing(
        log in log(),
        places in prop::collection::vec((any::<u32>(), 0..3_usize, any::<bool>()), 40),
        complete in any::<bool>(),
    ) {
        let judging = Judging { complete, skew_ms: 0 };
        let (whole, _) = verdicts(&[log.iter().map(line).collect()], judging);
        let mut scattered: Vec<(u32, usize, String)> = Vec::new();
        for (record, (order, file, twice)) in log.iter().zip(&places) {
            scattered.push((*order, *file, line(record)));
            if *twice {
                scattered.push((order.wrapping_mul(7), 2 - file, line(record)));
            }
        }
        scattered.sort();
        let mut files = vec![String::new(); 3];
        for (_, file, line) in scattered {
            files[file].push_str(&line);
        }
        let (shuffled, summary) = verdicts(&files, judging);
        prop_assert_eq!(sorted(whole), sorted(shuffled));
        prop_assert_eq!(summary.events as usize, log.len());
    }

    #[test]
    fn a_log_of_whole_seconds_accuses_nobody_whom_the_exact_log_does_not(log in log(), complete in any::<bool>()) {
        let judging = Judging { complete, skew_ms: 0 };
        // The same log as a program wrote it that keeps whole seconds.
        let coarse: String = log.iter().map(|(at, what)| format!("{{\"ts\":{},{what}}}\n", at / 1_000)).collect();
        let exact = verdicts(&[log.iter().map(line).collect()], judging).0;
        let coarse = verdicts(&[coarse], judging).0;
        // Sends of one second may change places; that there are no more violations holds whatever their order.
        let violations = |all: &[String]| all.iter().filter(|line| badness(line) == 2).count();
        prop_assert!(violations(&coarse) <= violations(&exact), "{exact:#?}\n{coarse:#?}");
    }

    #[test]
    fn tolerance_makes_no_verdict_worse(log in log(), complete in any::<bool>()) {
        let text: String = log.iter().map(line).collect();
        let strict = verdicts(std::slice::from_ref(&text), Judging { complete, skew_ms: 0 }).0;
        let tolerant = verdicts(&[text], Judging { complete, skew_ms: 5_000 }).0;
        for (strict, tolerant) in strict.iter().zip(&tolerant) {
            prop_assert!(badness(tolerant) <= badness(strict), "{strict} became {tolerant}");
        }
    }
}

#[test]
fn a_move_within_the_precision_of_the_send_may_have_come_before_it() {
    let judging = Judging { complete: true, skew_ms: 0 };
    for (user, send) in [("1709287200500", "1709287200"), (r#""2024-03-01T10:00:30Z""#, r#""2024-03-01T10:00Z""#)] {
        let text = format!(
            "{{\"ts\":{user},\"user\":\"a\",\"event\":\"message\"}}\n{{\"ts\":{send},\"user\":\"a\",\"event\":\"send\"}}\n"
        );
        assert_eq!(of(&text, judging), ["unproven time-precision"], "{text}");
    }
    let late = "{\"ts\":1709287201000,\"user\":\"a\",\"event\":\"message\"}\n{\"ts\":1709287200,\"user\":\"a\",\"event\":\"send\"}\n";
    assert_eq!(of(late, judging), ["violation outside-window"], "the next second is after it");
    let token = "{\"ts\":1709287200500,\"user\":\"a\",\"event\":\"otn_optin\",\"token\":\"t\"}\n\
                 {\"ts\":1709287200,\"user\":\"a\",\"event\":\"send\",\"token\":\"t\"}\n";
    assert_eq!(of(token, judging), ["unproven time-precision"]);
    let comment = "{\"ts\":1709287200500,\"user\":\"x\",\"event\":\"comment\",\"comment\":\"c\"}\n\
                   {\"ts\":1709287200,\"user\":\"a\",\"event\":\"send\",\"comment\":\"c\"}\n";
    assert_eq!(of(comment, judging), ["unproven time-precision"]);
}

#[test]
fn of_two_copies_of_a_move_the_more_precise_tells_its_time() {
    let text = "{\"ts\":\"2024-03-01T10:00:00.700Z\",\"user\":\"a\",\"event\":\"message\",\"id\":\"m\"}\n\
                {\"ts\":\"2024-03-01T10:00:00+0000\",\"user\":\"a\",\"event\":\"message\",\"id\":\"m\"}\n\
                {\"ts\":\"2024-03-02T10:00:00.300Z\",\"user\":\"a\",\"event\":\"send\",\"id\":\"s\"}\n";
    assert_eq!(of(text, Judging { complete: true, skew_ms: 0 }), ["allowed messenger-window"]);
}

#[test]
fn two_reactions_to_one_message_are_two() {
    let text = "{\"ts\":\"2024-03-01T10:00:00Z\",\"user\":\"a\",\"event\":\"reaction\",\"id\":\"m\"}\n\
                {\"ts\":\"2024-03-03T10:00:00Z\",\"user\":\"a\",\"event\":\"reaction\",\"id\":\"m\"}\n\
                {\"ts\":\"2024-03-03T11:00:00Z\",\"user\":\"a\",\"event\":\"send\"}\n";
    assert_eq!(of(text, Judging { complete: true, skew_ms: 0 }), ["allowed messenger-window"]);
}

#[test]
fn skew_is_counted_and_leaves_no_trace_behind() {
    // The comment comes 4 s after a reply that Meta refused; a week after the comment, less a second, it may be answered.
    let text = "{\"ts\":\"2024-03-01T10:00:00Z\",\"user\":\"a\",\"event\":\"send\",\"comment\":\"c\",\"status\":\"failed\"}\n\
                {\"ts\":\"2024-03-01T10:00:04Z\",\"user\":\"a\",\"event\":\"comment\",\"comment\":\"c\"}\n\
                {\"ts\":\"2024-03-08T10:00:03Z\",\"user\":\"a\",\"event\":\"send\",\"comment\":\"c\"}\n";
    let judging = Judging { complete: true, skew_ms: 5_000 };
    let (all, summary) = verdicts(&[text.to_owned()], judging);
    assert!(all.iter().all(|line| line.contains(" allowed ")), "{all:#?}");
    assert_eq!(summary.skewed, 1);
}

#[test]
fn of_two_sends_of_one_moment_the_refused_one_is_taken_for_the_first() {
    // In 2019 one more message could follow the window: had the refused one come second, it would have been one too many.
    let text = "{\"ts\":\"2019-06-10T10:00:00Z\",\"user\":\"a\",\"event\":\"message\"}\n\
                {\"ts\":\"2019-06-11T10:00:00Z\",\"user\":\"a\",\"event\":\"send\",\"id\":\"a\"}\n\
                {\"ts\":\"2019-06-11T10:00:00Z\",\"user\":\"a\",\"event\":\"send\",\"id\":\"b\",\"status\":\"failed\"}\n";
    assert_eq!(of(text, Judging { complete: true, skew_ms: 0 }), ["allowed messenger-plus-one"; 2]);
}

/// The fingerprints of a log's findings with the text of the record that each points at.
fn fingerprints(lines: &[&str]) -> Vec<(String, String)> {
    let mut log = tempfile::NamedTempFile::new().unwrap();
    lines.iter().for_each(|line| writeln!(log, "{line}").unwrap());
    let reading = source::read(&[Input::Path(log.path().to_owned())], &Options::default(), &|_| ()).unwrap();
    let options = AuditOptions {
        replay: ReplayOptions { complete: true, ..ReplayOptions::default() },
        ..AuditOptions::default()
    };
    let (policy, mut summary) = (Policy::built_in(), Summary::default());
    let audit = Audit::run(&policy, reading.batches, vec!["log".to_owned()], &options, &mut summary);
    let mut all = Vec::new();
    let take = |findings: &[Finding<'_>]| {
        let text = |finding: &Finding<'_>| lines[finding.source.line as usize - 1].to_owned();
        all.extend(findings.iter().map(|finding| (finding.fingerprint.to_string(), text(finding))));
        Ok(())
    };
    audit.findings(|_| true, &mut summary, take).unwrap();
    all.sort_unstable();
    all
}

#[test]
fn two_sends_of_one_moment_without_ids_keep_their_fingerprints_however_often_and_where_they_are_written() {
    let [one, other] = ["one", "other"].map(|text| {
        format!("{{\"ts\":\"2026-06-11T10:00:00Z\",\"user\":\"a\",\"event\":\"send\",\"text\":\"{text}\"}}")
    });
    let message = "{\"ts\":\"2026-06-01T10:00:00Z\",\"user\":\"a\",\"event\":\"message\"}";
    let expected = fingerprints(&[message, &one, &other]);
    assert_eq!(expected.len(), 2);
    for lines in [
        [message, &one, &one, &other, &other],
        [message, &other, &other, &one, &one],
        [message, &other, &one, &other, &one],
        [&one, &other, message, &other, &one],
    ] {
        assert_eq!(fingerprints(&lines), expected, "{lines:#?}");
    }
}
