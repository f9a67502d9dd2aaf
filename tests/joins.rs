//! Of calls joined with what the log shows elsewhere: nobody is accused because an account, a number or a comment was looked
//! for in the wrong place.
#![allow(clippy::unwrap_used)]

use fbwin::audit::{Audit, AuditOptions, History};
use fbwin::finding::Summary;
use fbwin::source::{self, Input, Options};
use fbwin::{Policy, ReplayOptions};

/// What of the options matters here.
#[derive(Clone, Copy, Default)]
struct Given<'a> {
    account: &'a str,
    untagged: bool,
    skew_ms: i64,
}

/// A line a send: channel, account, user, verdict and by what.
fn verdicts(log: &str, account: &str) -> Vec<String> {
    verdicts_of(&[log], Given { account, ..Given::default() }).0
}

/// The same of several logs; and the notes on them.
fn verdicts_of(logs: &[&str], given: Given<'_>) -> (Vec<String>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let inputs = logs.iter().enumerate().map(|(nth, log)| {
        let path = folder.path().join(format!("{nth}.jsonl"));
        std::fs::write(&path, log).unwrap();
        Input::Path(path)
    });
    let inputs: Vec<Input> = inputs.collect();
    let options = Options { account: given.account.to_owned(), ..Options::default() };
    let reading = source::read(&inputs, &options, &|_| ()).unwrap();
    let mut all: Vec<String> = reading.bad.first.iter().map(|bad| format!("bad: {}", bad.reason)).collect();
    let notes = reading.inputs.iter().flat_map(|input| input.notes.clone()).collect();
    let replay = ReplayOptions { complete: true, untagged: given.untagged, ..ReplayOptions::default() };
    let options = AuditOptions { replay, skew_ms: given.skew_ms, ..AuditOptions::default() };
    let policy = Policy::built_in();
    let audit = Audit::run(&policy, History::new(reading.batches), Vec::new(), options, &mut Summary::default());
    let take = |judged: &fbwin::finding::Judged<'_>| {
        let rules: Vec<&str> = judged.rules.iter().map(|rule| rule.word()).collect();
        let by = judged.reason.or(judged.permission).unwrap_or_default();
        let of = format!("{} {} {}", judged.channel, judged.account, judged.user);
        all.push(format!("{of} {} {}{by}", judged.verdict, rules.join("+")));
        Ok(())
    };
    audit.verdicts(take).unwrap();
    (all, notes)
}

fn message(page: &str, user: &str, mid: &str) -> String {
    format!(
        r#"{{"object":"page","entry":[{{"id":"{page}","messaging":[{{"sender":{{"id":"{user}"}},"recipient":{{"id":"{page}"}},"timestamp":1709287200000,"message":{{"mid":"{mid}","text":"hi"}}}}]}}]}}"#
    )
}

fn whatsapp(number_id: &str, user: &str, id: &str) -> String {
    format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"15550001111","phone_number_id":"{number_id}"}},"messages":[{{"from":"{user}","id":"{id}","timestamp":"1709287200","type":"text","text":{{"body":"hi"}}}}]}}}}]}}]}}"#
    )
}

const TO_8: &str = r#"{"ts":1709290800,"request":{"recipient":{"id":"8"},"message":{"text":"x"}},"response":{"recipient_id":"8","message_id":"p1"}}"#;

#[test]
fn a_page_scoped_id_is_of_its_page_whatever_the_default_account() {
    let log = format!("{}\n{}\n{TO_8}\n", message("111", "7", "a"), message("222", "8", "b"));
    assert_eq!(verdicts(&log, "111"), ["messenger 222 8 allowed messenger-window"]);
}

#[test]
fn a_call_from_one_of_several_numbers_is_nobodys() {
    let call = r#"{"ts":1709290800,"request":{"messaging_product":"whatsapp","to":"4915550001","type":"text","text":{"body":"x"}}}"#;
    let log = format!("{}\n{}\n{call}\n", whatsapp("777", "4915550001", "w1"), whatsapp("888", "4915550002", "w2"));
    assert_eq!(verdicts(&log, ""), ["whatsapp  4915550001 unproven recipient-unresolved"]);
    let only = format!("{}\n{call}\n", whatsapp("777", "4915550001", "w1"));
    assert_eq!(verdicts(&only, ""), ["whatsapp 777 4915550001 allowed whatsapp-service-window"]);
}

#[test]
fn a_brazilian_number_as_dialled_is_not_the_one_that_wrote() {
    let call = r#"{"ts":1709290800,"phone_number_id":"777","request":{"messaging_product":"whatsapp","to":"5511987654321","type":"text","text":{"body":"x"}}}"#;
    let log = format!("{}\n{call}\n", whatsapp("777", "551187654321", "w1"));
    assert_eq!(verdicts(&log, ""), ["whatsapp 777 5511987654321 unproven recipient-unresolved"]);
}

#[test]
fn a_private_reply_is_where_its_comment_is() {
    let comment = r#"{"object":"instagram","entry":[{"id":"17841400000000001","time":1709287200,"changes":[{"field":"comments","value":{"id":"c1","text":"price","from":{"id":"9001"},"media":{"id":"m"}}}]}]}"#;
    let call = r#"{"ts":1709460000,"request":{"recipient":{"comment_id":"c1"},"message":{"text":"x"}},"response":{"recipient_id":"42","message_id":"p1"}}"#;
    assert_eq!(
        verdicts(&format!("{comment}\n{call}\n"), ""),
        ["instagram 17841400000000001 42 allowed instagram-private-reply"]
    );
}

/// 2024-03-01T10:00:00Z.
const BEGIN_MS: i64 = 1_709_287_200_000;
const DAY_MS: i64 = 86_400_000;

/// What the user 42 of the Page 111 did.
fn moved(at_ms: i64, what: &str) -> String {
    format!(
        r#"{{"object":"page","entry":[{{"id":"111","messaging":[{{"sender":{{"id":"42"}},"recipient":{{"id":"111"}},"timestamp":{at_ms},{what}}}]}}]}}"#
    )
}

fn wrote(at_ms: i64) -> String {
    moved(at_ms, &format!(r#""message":{{"mid":"m_{at_ms}","text":"hi"}}"#))
}

fn granted(at_ms: i64) -> String {
    moved(at_ms, r#""optin":{"type":"one_time_notif_req","one_time_notif_token":"OTN"}"#)
}

/// A call from the Page 111, as its logger writes it.
fn call(at_ms: i64, recipient: &str, rest: &str) -> String {
    format!(
        r#"{{"ts":{at_ms},"page_id":"111","request":{{"recipient":{{{recipient}}},"message":{{"text":"x"}}}}{rest}}}"#
    )
}

/// What `convert` writes for the token OTN.
const NAME_OF_OTN: &str = "sha256:8bad590a977140f5218b4d83";
const TO_42: &str = r#""id":"42""#;
const TOKEN: &str = r#""one_time_notif_token":"OTN""#;
const TAKEN: &str = r#","response":{"recipient_id":"42","message_id":"p1"}"#;

#[test]
fn a_retry_of_a_call_that_may_be_lost_proves_nothing() {
    let spend = |at_ms, rest: &str| call(BEGIN_MS + at_ms, TOKEN, rest);
    let otn = "messenger 111 42 allowed messenger-one-time";
    let cases = [
        (vec![spend(60_000, ""), spend(90_000, "")], [otn, "messenger 111 42 unproven claim-not-visible"]),
        (vec![spend(60_000, ""), spend(90_000, TAKEN)], [otn, "messenger 111 42 unproven claim-not-visible"]),
        (vec![spend(60_000, TAKEN), spend(90_000, "")], [otn, "messenger 111 42 violation otn-token-reused"]),
    ];
    for (calls, expected) in cases {
        let log = format!("{}\n{}\n", granted(BEGIN_MS), calls.join("\n"));
        assert_eq!(verdicts(&log, ""), expected, "{calls:?}");
    }
    let comment = r#"{"object":"page","entry":[{"id":"111","time":1709287200,"changes":[{"field":"feed","value":{"item":"comment","verb":"add","comment_id":"c1","post_id":"p","from":{"id":"9"},"created_time":1709287200,"message":"price"}}]}]}"#;
    let reply = |at_ms, rest: &str| call(BEGIN_MS + at_ms, r#""comment_id":"c1""#, rest);
    let of = |first: &str| {
        verdicts(&format!("{comment}\n{}\n{}\n", reply(60_000, first), reply(90_000, TAKEN)), "").pop().unwrap()
    };
    assert_eq!(of(""), "messenger 111 42 unproven claim-not-visible");
    assert_eq!(of(&TAKEN.replace("p1", "p0")), "messenger 111 42 violation private-reply-repeated");
}

#[test]
fn a_call_in_two_logs_is_one_send() {
    let spend = |at_ms, rest: &str| call(BEGIN_MS + at_ms, TOKEN, rest);
    let grant = granted(BEGIN_MS);
    let allowed = "messenger 111 42 allowed messenger-one-time".to_owned();
    let again = "messenger 111 42 unproven claim-not-visible".to_owned();
    for (one, other, expected) in [
        // The bot's log and the gateway's, a few ms apart.
        (spend(60_000, ""), spend(60_004, TAKEN), vec![allowed.clone()]),
        (spend(60_000, ""), spend(60_004, ""), vec![allowed.clone()]),
        (spend(60_000, ""), spend(65_001, ""), vec![allowed.clone(), again.clone()]),
        // The gateway shows the retry alone.
        (format!("{}\n{}", spend(60_000, ""), spend(63_000, TAKEN)), spend(63_002, ""), vec![allowed, again]),
    ] {
        for logs in [[grant.as_str(), &one, &other], [&other, &one, &grant]] {
            assert_eq!(verdicts_of(&logs, Given::default()).0, expected, "{logs:?}");
        }
    }
    // Within one log two calls are two.
    let log = format!("{grant}\n{}\n{}\n", spend(60_000, ""), spend(60_004, ""));
    assert_eq!(verdicts(&log, "").len(), 2);
}

#[test]
fn the_loggers_clock_decides_nothing_within_seconds() {
    let log = |after_ms: i64| format!("{}\n{}\n", wrote(BEGIN_MS), call(BEGIN_MS + DAY_MS + after_ms, TO_42, TAKEN));
    for (after_ms, expected) in [
        (-5_000, "allowed messenger-window"),
        (-4_999, "unproven time-precision"),
        (0, "unproven time-precision"),
        (4_999, "unproven time-precision"),
        (5_000, "violation outside-window"),
    ] {
        assert_eq!(verdicts(&log(after_ms), ""), [format!("messenger 111 42 {expected}")], "{after_ms}");
    }
    // The echo's time is Meta's own.
    let echo = format!(
        r#"{{"object":"page","entry":[{{"id":"111","messaging":[{{"sender":{{"id":"111"}},"recipient":{{"id":"42"}},"timestamp":{},"message":{{"is_echo":true,"mid":"p1","text":"x"}}}}]}}]}}"#,
        BEGIN_MS + DAY_MS + 17
    );
    assert_eq!(verdicts(&(log(-900) + &echo), ""), ["messenger 111 42 violation outside-window"]);
    // A move a few seconds later by Meta's clock may have come first.
    let answer = |after_ms| format!("{}\n{}\n", call(BEGIN_MS, TO_42, TAKEN), wrote(BEGIN_MS + after_ms));
    assert_eq!(verdicts(&answer(4_999), ""), ["messenger 111 42 unproven time-precision"]);
    assert_eq!(verdicts(&answer(5_000), ""), ["messenger 111 42 violation outside-window"]);
}

#[test]
fn a_converted_log_knows_its_tokens_under_skew_too() {
    let of = |token: &str| {
        let spend = r#"{"ts":1709287200,"account":"111","user":"42","event":"send","token":"OTN","status":"sent"}"#;
        let grant = format!(r#"{{"ts":1709287202,"account":"111","user":"42","event":"otn_optin","token":"{token}"}}"#);
        verdicts_of(&[spend, &grant], Given { skew_ms: 5_000, ..Given::default() }).0
    };
    let allowed = ["messenger 111 42 allowed messenger-one-time"];
    assert_eq!(of("OTN"), allowed);
    assert_eq!(of("sha256:NAME"), ["messenger 111 42 violation otn-token-unknown"]);
    assert_eq!(of(NAME_OF_OTN), allowed);
}
