//! What only a log as a whole shows: tags on everything, programs that pose as people, tags that follow a refusal; and how
//! a template is taken for what opens a window.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use fbwin::audit::{Audit, AuditOptions};
use fbwin::content::Confidence;
use fbwin::finding::Summary;
use fbwin::source::{self, Input, Options};
use fbwin::time::Time;
use fbwin::{Policy, ReplayOptions, Rule, Severity};
use proptest::prelude::*;
use proptest::sample::select;

/// 2024-03-01T10:00:00Z.
const NOON: i64 = 1_709_287_200_000;
const DAY: i64 = 86_400_000;

/// A finding, as far as these tests look at it.
#[derive(Clone, Debug, PartialEq)]
struct Found {
    rule: Rule,
    severity: Severity,
    confidence: Option<Confidence>,
    account: String,
    user: String,
    at: Time,
    message: String,
    evidence: Vec<String>,
    fingerprint: String,
}

fn audit(inputs: &[Input], options: &AuditOptions) -> Vec<Found> {
    let reading = source::read(inputs, &Options::default(), &|_| ()).unwrap();
    assert_eq!(reading.bad.count, 0, "{:?}", reading.bad.first.first());
    let names = reading.inputs.iter().map(|input| input.name.clone()).collect();
    let policy = Policy::built_in();
    let mut summary = Summary::default();
    let audit = Audit::run(&policy, reading.batches, names, options, &mut summary);
    let mut all = Vec::new();
    let take = |findings: &[fbwin::finding::Finding<'_>]| {
        all.extend(findings.iter().map(|finding| Found {
            rule: finding.rule,
            severity: finding.severity,
            confidence: finding.confidence,
            account: finding.account.to_owned(),
            user: finding.user.to_string(),
            at: finding.at,
            message: finding.message.clone(),
            // Where the files lie says nothing.
            evidence:
                finding.evidence.iter().map(|place| place.to_string().rsplit('/').next().unwrap().to_owned()).collect(),
            fingerprint: finding.fingerprint.to_string(),
        }));
        Ok(())
    };
    audit.findings(|_| true, &mut summary, take).unwrap();
    all
}

fn complete() -> AuditOptions {
    let replay = ReplayOptions { complete: true, ..ReplayOptions::default() };
    AuditOptions { replay, ..AuditOptions::default() }
}

/// What is told of a log that is spread over files.
fn of_files(files: &[String], options: &AuditOptions) -> Vec<Found> {
    let folder = tempfile::tempdir().unwrap();
    let write = |(index, text): (usize, &String)| {
        let path: PathBuf = folder.path().join(format!("{index}.jsonl"));
        std::fs::write(&path, text).unwrap();
        Input::Path(path)
    };
    let inputs: Vec<Input> = files.iter().enumerate().map(write).collect();
    audit(&inputs, options)
}

fn of(log: &str) -> Vec<Found> {
    of_files(&[log.to_owned()], &complete())
}

/// Whether it is a pattern, and not one send's own finding.
fn is_pattern(found: &Found) -> bool {
    let suspicion = found.rule == Rule::HumanAgentAutomated && found.severity < Severity::Error;
    suspicion || matches!(found.rule, Rule::TagAfterRefusal | Rule::TagOnEverything)
}

fn patterns(log: &str) -> Vec<Found> {
    of(log).into_iter().filter(is_pattern).collect()
}

fn record(at: i64, user: impl std::fmt::Display, rest: &str) -> String {
    format!("{{\"ts\":\"{}\",\"account\":\"page\",\"user\":\"{user}\",{rest}}}\n", Time::from_ms(at))
}

/// A user who wrote two days before noon, and what was sent to them at `at` under HUMAN_AGENT.
fn answered(user: usize, at: i64, text: &str, more: &str) -> String {
    let wrote = record(NOON - 2 * DAY + user as i64 * 1_000, user, r#""event":"message""#);
    let send = format!(r#""event":"send","tag":"HUMAN_AGENT","text":"{text}"{more}"#);
    wrote + &record(at, user, &send)
}

// --- The same text to many ---------------------------------------------------------------------------------------------

/// The same text to `users`, an hour apart, and `others` that are all different.
fn campaign(users: usize, others: usize, more: &str) -> String {
    let same = |user| {
        let text = format!("Hi {}, your order #{user} is waiting at our counter", ["Ana", "Bob", "Zoë"][user % 3]);
        answered(user, NOON + user as i64 * 3_600_000, &text, more)
    };
    let other = |user: usize| {
        let word: String = user.to_string().chars().map(|digit| (digit as u8 - b'0' + b'a') as char).collect();
        let text = format!("I looked into it, and the reason was {word}");
        answered(user, NOON + user as i64 * 3_600_000, &text, more)
    };
    (0..users).map(same).chain((users..users + others).map(other)).collect()
}

#[test]
fn the_same_text_to_many_looks_like_a_program() {
    assert_eq!(patterns(&campaign(4, 0, "")), []);
    let sure = |users, others| {
        let found = patterns(&campaign(users, others, ""));
        assert_eq!(found.len(), 1, "{found:#?}");
        assert_eq!(found[0].rule, Rule::HumanAgentAutomated);
        (found[0].confidence.unwrap(), found[0].severity)
    };
    assert_eq!(sure(5, 6), (Confidence::Low, Severity::Note));
    assert_eq!(sure(5, 5), (Confidence::Medium, Severity::Warning));
    assert_eq!(sure(19, 0), (Confidence::Medium, Severity::Warning));
    assert_eq!(sure(20, 0), (Confidence::High, Severity::Warning));
    assert_eq!(sure(20, 21), (Confidence::Low, Severity::Note));
}

#[test]
fn a_suspicion_says_what_it_rests_on_and_where() {
    let found = &patterns(&campaign(7, 1, ""))[0];
    assert_eq!(
        found.message,
        "7 of 8 sends under HUMAN_AGENT say one text, the same but for names and numbers, to as many as 7 users; the log does not say who wrote them (medium confidence)"
    );
    assert_eq!((found.user.as_str(), found.at), ("0", Time::from_ms(NOON)), "of the first such send");
    assert_eq!(found.evidence, ["0.jsonl:2", "0.jsonl:4", "0.jsonl:6", "0.jsonl:8", "0.jsonl:10"]);
}

#[test]
fn whom_the_log_names_as_the_writer_is_not_suspected() {
    assert_eq!(patterns(&campaign(30, 0, r#","sender":"human""#)), []);
    let by_bot = of(&campaign(30, 0, r#","sender":"bot""#));
    assert!(by_bot.iter().all(|found| found.severity == Severity::Error), "proof needs no suspicion: {by_bot:#?}");
    assert_eq!(by_bot.len(), 30);
}

#[test]
fn one_user_who_is_told_the_same_again_is_one_user() {
    let send = |nth: i64| answered(1, NOON + nth * 3_600_000, "We are still waiting for the courier", "");
    assert_eq!(patterns(&(0..20).map(send).collect::<String>()), []);
}

#[test]
fn thanks_are_no_campaign() {
    let log: String = (0..30).map(|user| answered(user, NOON + user as i64 * 60_000, "Thank you, Ana!", "")).collect();
    assert_eq!(patterns(&log), []);
}

// --- Bursts and quick answers --------------------------------------------------------------------------------------------

fn burst(users: usize) -> String {
    (0..users).map(|user| answered(user, NOON + user as i64 % 60_000, &format!("n {user}"), "")).collect()
}

#[test]
fn many_users_within_a_minute_look_like_a_program() {
    assert_eq!(patterns(&burst(19)), []);
    for (users, confidence, severity) in [
        (20, Confidence::Low, Severity::Note),
        (59, Confidence::Low, Severity::Note),
        (60, Confidence::Medium, Severity::Warning),
        (200, Confidence::High, Severity::Warning),
    ] {
        let found = patterns(&burst(users));
        assert_eq!(found.len(), 1, "{found:#?}");
        assert_eq!((found[0].confidence, found[0].severity), (Some(confidence), severity), "{users}");
        let said =
            format!("{users} sends under HUMAN_AGENT went to {users} users within the minute of 2024-03-01T10:00:00Z");
        assert!(found[0].message.starts_with(&said), "{}", found[0].message);
    }
    // Three a minute.
    let steady: String =
        (0..60).map(|user| answered(user, NOON + user as i64 * 20_000, &format!("n {user}"), "")).collect();
    assert_eq!(patterns(&steady), []);
}

/// Answers `after_ms` after the user's move, to each user in turn, and as many `slow` ones.
fn quick(after_ms: i64, count: usize, slow: usize) -> String {
    let answer = |user: usize| {
        let at = NOON + user as i64 * 3_600_000;
        let after_ms = if user < count { after_ms } else { 40_000 };
        let send = format!(r#""event":"send","tag":"HUMAN_AGENT","text":"n {user}""#);
        record(at, user, r#""event":"message""#) + &record(at + after_ms, user, &send)
    };
    // Others send without a tag, so that it is not on everything.
    let plain = record(NOON, "x", r#""event":"message""#)
        + &(0..9).map(|nth| record(NOON + nth, "x", &format!(r#""event":"send","id":"p{nth}""#))).collect::<String>();
    (0..count + slow).map(answer).collect::<String>() + &plain
}

#[test]
fn answers_within_a_second_look_like_a_program() {
    let sure = |after_ms, count, slow| {
        let found = patterns(&quick(after_ms, count, slow));
        assert!(found.len() < 2, "{found:#?}");
        found.first().map(|found| found.confidence.unwrap())
    };
    assert_eq!(sure(1_000, 30, 0), None);
    assert_eq!(sure(0, 30, 0), None, "at the same moment it is not known which came first");
    assert_eq!(sure(999, 1, 0), Some(Confidence::Low), "a single one may be chance");
    assert_eq!(sure(999, 4, 0), Some(Confidence::Low));
    assert_eq!(sure(999, 5, 20), Some(Confidence::Medium));
    assert_eq!(sure(999, 5, 21), Some(Confidence::Low));
    assert_eq!(sure(1, 20, 20), Some(Confidence::High));
    let found = &patterns(&quick(214, 5, 3))[0];
    assert!(
        found.message.starts_with(
            "5 of 8 sends under HUMAN_AGENT came within a second of the user's move, the quickest after 214 ms"
        ),
        "{}",
        found.message
    );
}

#[test]
fn times_that_are_not_exact_show_no_quick_answer() {
    let coarse = quick(500, 30, 0).replace("\"event\"", "\"precision_ms\":1000,\"event\"");
    assert_eq!(patterns(&coarse), []);
    let logged = quick(500, 30, 0).replace("\"event\":\"send\"", "\"logged_at\":true,\"event\":\"send\"");
    assert_eq!(patterns(&logged), []);
}

// --- A tag on everything ---------------------------------------------------------------------------------------------------

/// So many sends with a tag in the window, after it, and untagged ones.
fn tagging(inside: usize, outside: usize, plain: usize, hidden: usize) -> String {
    let tagged = r#""event":"send","tag":"CONFIRMED_EVENT_UPDATE""#;
    let mut log = record(NOON, 1, r#""event":"message""#);
    let mut sends = |count: usize, from: i64, what: &str| {
        for nth in 0..count {
            let id = format!(",\"id\":\"{from}-{nth}-{}\"", what.len());
            log.push_str(&record(NOON + from + nth as i64 * 60_000, 1, &format!("{what}{id}")));
        }
    };
    sends(inside, 1_000, tagged);
    sends(outside, 3 * DAY, tagged);
    sends(plain, 2_000, r#""event":"send""#);
    sends(hidden, 3_000, r#""event":"send","claim_hidden":true"#);
    log
}

#[test]
fn a_tag_on_everything_is_told_once_per_account() {
    let found = patterns(&tagging(30, 10, 2, 0));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(
        (found[0].rule, found[0].severity, found[0].confidence),
        (Rule::TagOnEverything, Severity::Warning, None)
    );
    assert_eq!(
        found[0].message,
        "40 of the account's 42 sends (95 %) carry a tag (40 CONFIRMED_EVENT_UPDATE), 30 of them while the window was open and no tag was needed"
    );
    assert_eq!(found[0].at, Time::from_ms(NOON + 1_000));
    let two = tagging(30, 10, 2, 0) + &tagging(30, 10, 2, 0).replace("page", "other");
    assert_eq!(patterns(&two).iter().map(|found| found.account.as_str()).collect::<Vec<_>>(), ["other", "page"]);
}

#[test]
fn who_tags_what_is_late_does_not_tag_everything() {
    assert_eq!(patterns(&tagging(20, 20, 0, 0)).len(), 1);
    for (log, why) in [
        (tagging(19, 0, 0, 0), "too few to be a habit"),
        (tagging(38, 0, 3, 0), "92 of 100"),
        (tagging(38, 0, 0, 3), "those that hide it may be untagged"),
        (tagging(19, 21, 0, 0), "most came after the window"),
    ] {
        assert_eq!(patterns(&log), [], "{why}");
    }
    assert_eq!(patterns(&tagging(38, 0, 2, 0)).len(), 1, "95 of 100");
}

// --- A tag after a refusal -------------------------------------------------------------------------------------------------

const REFUSED: &str =
    r#""event":"send","status":"failed","error_code":10,"error_subcode":2018278,"text":"It is ready""#;
const TAGGED: &str = r#""event":"send","tag":"ACCOUNT_UPDATE","text":"It is ready""#;

/// A refused send, and another one so many ms later.
fn retried(refused: &str, tagged: &str, after_ms: i64) -> Vec<Found> {
    let log = record(NOON, 1, r#""event":"message""#)
        + &record(NOON + 2 * DAY, 1, refused)
        + &record(NOON + 2 * DAY + after_ms, 1, tagged);
    patterns(&log)
}

#[test]
fn a_tag_right_after_a_refusal_is_told_of_each_send() {
    let found = retried(REFUSED, TAGGED, 1_200);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!((found[0].rule, found[0].severity), (Rule::TagAfterRefusal, Severity::Warning));
    assert_eq!(
        found[0].message,
        "Meta refused the same text without a tag 2024-03-03T10:00:00Z as outside-window (10/2018278), and 1 s 200 ms later it went out under ACCOUNT_UPDATE"
    );
    assert_eq!(found[0].evidence, ["0.jsonl:2", "0.jsonl:3"]);
    assert_eq!(retried(REFUSED, TAGGED, 60_000).len(), 1);
    assert_eq!(retried(REFUSED, TAGGED, 0).len(), 1, "of one moment the refusal came first");
    let as_blank = TAGGED.replace("It is ready", " It is ready\\n");
    assert_eq!(retried(REFUSED, &as_blank, 10).len(), 1);
    let unknown = TAGGED.replace("ACCOUNT_UPDATE", "HUMAN_AGENT");
    assert_eq!(retried(REFUSED, &unknown, 10).len(), 1, "the log does not say that a person answered");
}

#[test]
fn what_does_not_follow_a_refusal_for_being_late_is_no_retry() {
    assert_eq!(retried(REFUSED, TAGGED, 60_001), []);
    assert_eq!(retried(REFUSED, TAGGED, -1), []);
    for (refused, tagged, why) in [
        (REFUSED.to_owned(), TAGGED.replace("ready", "red"), "another text"),
        (REFUSED.to_owned(), TAGGED.replace(r#","tag":"ACCOUNT_UPDATE""#, ""), "no tag"),
        (REFUSED.replace("2018278", "2018001"), TAGGED.to_owned(), "refused for another reason"),
        (REFUSED.replace(r#""text""#, r#""claim_hidden":true,"text""#), TAGGED.to_owned(), "it may have carried a tag"),
        (REFUSED.replace(r#""text""#, r#""tag":"ACCOUNT_UPDATE","text""#), TAGGED.to_owned(), "it carried a tag"),
        (REFUSED.replace(r#","text":"It is ready""#, ""), TAGGED.replace(r#","text":"It is ready""#, ""), "no text"),
        (
            REFUSED.to_owned(),
            TAGGED.replace("ACCOUNT_UPDATE", "HUMAN_AGENT").replace(r#""text""#, r#""sender":"human","text""#),
            "a person answers",
        ),
    ] {
        assert_eq!(retried(&refused, &tagged, 1_000), [], "{why}");
    }
    let to_another = record(NOON, 1, REFUSED) + &record(NOON + 1_000, 2, TAGGED);
    assert_eq!(patterns(&to_another), []);
}

#[test]
fn of_several_refusals_the_last_is_the_evidence() {
    let log = record(NOON, 1, r#""event":"message""#)
        + &record(NOON + 2 * DAY, 1, &format!(r#"{REFUSED},"id":"a""#))
        + &record(NOON + 2 * DAY + 900, 1, &format!(r#"{REFUSED},"id":"b""#))
        + &record(NOON + 2 * DAY + 2_000, 1, TAGGED);
    let found = patterns(&log);
    assert_eq!(found.iter().map(|found| &found.evidence[..]).collect::<Vec<_>>(), [["0.jsonl:3", "0.jsonl:4"]]);
}

#[test]
fn only_what_is_judged_is_told_though_what_came_before_is_known() {
    let log = record(NOON, 1, r#""event":"message""#)
        + &record(NOON + 2 * DAY, 1, REFUSED)
        + &record(NOON + 2 * DAY + 5, 1, TAGGED);
    let found = |since: i64| {
        let options = AuditOptions { since: Some(Time::from_ms(since)), ..complete() };
        of_files(std::slice::from_ref(&log), &options).into_iter().filter(is_pattern).count()
    };
    assert_eq!((found(NOON + 2 * DAY + 5), found(NOON + 2 * DAY + 6)), (1, 0));
}

#[test]
fn calls_of_the_send_api_show_the_retry_too() {
    let call = |at: &str, body: &str| format!("{{\"time\":\"{at}\",\"account\":\"77\",\"request\":{body}");
    let to = r#""recipient":{"id":"24000000000000001"},"message":{"text":"It is ready"}"#;
    let log = call("2024-03-03T10:00:00Z", &format!(r#"{{"messaging_type":"RESPONSE",{to}}}"#))
        + r#","response":{"error":{"message":"(#10)","code":10,"error_subcode":2018278}}}"#
        + "\n"
        + &call("2024-03-03T10:00:01Z", &format!(r#"{{"messaging_type":"MESSAGE_TAG","tag":"ACCOUNT_UPDATE",{to}}}"#))
        + r#","response":{"recipient_id":"24000000000000001","message_id":"m_1"}}"#
        + "\n";
    let found = patterns(&log);
    assert_eq!(found.iter().map(|found| found.rule).collect::<Vec<_>>(), [Rule::TagAfterRefusal], "{:#?}", of(&log));
}

// --- What a template is taken for ----------------------------------------------------------------------------------------

#[test]
fn free_text_after_a_late_template_says_that_the_template_opened_nothing() {
    let whatsapp = |at: i64, rest: &str| record(at, 1, &format!(r#""channel":"whatsapp",{rest}"#));
    let begin = whatsapp(NOON, r#""event":"message""#);
    let template = whatsapp(NOON + 2 * DAY, r#""event":"send","template":"hello","category":"utility""#);
    let text = whatsapp(NOON + 2 * DAY + 60_000, r#""event":"send""#);
    let said = |log: &str| {
        let found = of(log);
        let late: Vec<&Found> = found.iter().filter(|found| found.rule == Rule::OutsideWindow).collect();
        assert_eq!(late.len(), 1, "{found:#?}");
        (late[0].message.clone(), late[0].evidence.len())
    };
    let (message, evidence) = said(&(begin.clone() + &template + &text));
    assert!(
        message.ends_with("; the template sent 2024-03-03T10:00:00Z opened nothing: only the user's answer would have"),
        "{message}"
    );
    assert_eq!(evidence, 3, "the message, the template and the send");
    // Nor does a token's message; and the user need not have written before.
    let token = record(NOON, 1, r#""event":"otn_optin","token":"T""#)
        + &record(NOON + 2 * DAY, 1, r#""event":"send","token":"T""#)
        + &record(NOON + 2 * DAY + 60_000, 1, r#""event":"send""#);
    assert!(said(&token).0.contains("the one-time notification sent 2024-03-03T10:00:00Z opened nothing"));
    // Not where it was sent while the window was open, was refused, or lies so far back that nobody relies on it.
    let inside = whatsapp(NOON + DAY - 60_000, r#""event":"send","template":"hello","category":"utility""#);
    let late = whatsapp(NOON + DAY + 60_000, r#""event":"send""#);
    let refused = template.replace("\"category\"", "\"status\":\"failed\",\"category\"");
    let long_ago = text.replace("2024-03-03T10:01", "2024-03-04T10:00");
    for log in
        [begin.clone() + &inside + &late, begin.clone() + &refused + &text, begin.clone() + &template + &long_ago]
    {
        assert!(!said(&log).0.contains("opened nothing"), "{log}");
    }
    // The user's answer opens the window.
    let answer = whatsapp(NOON + 2 * DAY + 30_000, r#""event":"message""#);
    assert_eq!(of(&(begin + &template + &answer + &text)), []);
}

// --- Laws ------------------------------------------------------------------------------------------------------------------

#[test]
fn honest_logs_show_no_pattern() {
    for fixture in ["fixtures/demo.jsonl", "fixtures/day", "fixtures/day-canonical"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(fixture);
        let inputs = source::find(&[path]).unwrap();
        let found: Vec<Found> = audit(&inputs, &complete()).into_iter().filter(is_pattern).collect();
        assert_eq!(found, [], "{fixture}");
    }
}

/// A record of an account that does all of it at once.
fn happening() -> impl Strategy<Value = (i64, usize, String)> {
    let step = select(vec![0_i64, 1, 500, 999, 1_000, 20_000, 60_000, 3_600_000, 90_000_000]);
    let what = select(vec![
        r#""event":"message""#,
        r#""event":"send""#,
        r#""event":"send","status":"failed","error_code":10,"error_subcode":2018278,"text":"It is ready for you to collect""#,
        r#""event":"send","tag":"ACCOUNT_UPDATE","text":"It is ready for you to collect""#,
        r#""event":"send","tag":"HUMAN_AGENT","text":"It is ready for you to collect""#,
        r#""event":"send","tag":"HUMAN_AGENT","text":"It is ready for Ana to collect""#,
        r#""event":"send","tag":"HUMAN_AGENT","text":"It is ready for Bob to collect","sender":"human""#,
        r#""event":"send","tag":"HUMAN_AGENT""#,
    ]);
    (step, 0..12_usize, what.prop_map(str::to_owned))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn order_and_files_change_no_pattern(
        happenings in prop::collection::vec((happening(), any::<u32>(), 0..3_usize), 30..160),
    ) {
        let (mut at, mut whole, mut scattered) = (NOON, String::new(), Vec::new());
        for (nth, ((step, user, what), order, file)) in happenings.into_iter().enumerate() {
            at += step;
            let line = record(at, user, &format!(r#"{what},"id":"m{nth}""#));
            whole.push_str(&line);
            scattered.push((order, file, line));
        }
        scattered.sort();
        let mut files = vec![String::new(); 3];
        for (_, file, line) in scattered {
            files[file].push_str(&line);
        }
        // Where a record stands is told as it is; all else must be equal.
        let told = |found: Vec<Found>| -> Vec<Found> {
            let anywhere = |found: Found| Found { evidence: vec![found.evidence.len().to_string()], ..found };
            found.into_iter().filter(is_pattern).map(anywhere).collect()
        };
        prop_assert_eq!(told(of(&whole)), told(of_files(&files, &complete())));
    }
}

#[test]
fn an_account_in_many_parts_is_one_account() {
    // Far more conversations than one part has, each of several records.
    let users = 4_000;
    let one = |user: usize| {
        let at = NOON + user as i64 * 61_000;
        let mut log = record(at, user, r#""event":"message""#);
        for nth in 0..9 {
            let id = format!(r#""id":"{user}-{nth}""#);
            let text = r#""event":"send","tag":"HUMAN_AGENT","text":"Your parcel is waiting at the counter""#;
            log.push_str(&record(at + 2_000 + nth * 2_000, user, &format!("{text},{id}")));
        }
        log
    };
    let log: String = (0..users).map(one).collect();
    let inside = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| patterns(&log))
    };
    let found = inside(1);
    let said: Vec<&str> = found.iter().map(|found| found.message.split(';').next().unwrap()).collect();
    assert_eq!(
        said,
        [
            "36000 of 36000 sends under HUMAN_AGENT say one text, the same but for names and numbers, to as many as 4000 users",
            "36000 of the account's 36000 sends (100 %) carry a tag (36000 HUMAN_AGENT), 36000 of them while the window was open and no tag was needed",
        ]
    );
    assert_eq!(found, inside(3));
}
