//! Of calls joined with what the log shows elsewhere: nobody is accused because an account, a number or a comment was looked
//! for in the wrong place.
#![allow(clippy::unwrap_used)]

use fbwin::audit::{Audit, AuditOptions, History};
use fbwin::batch::KeepText;
use fbwin::finding::Summary;
use fbwin::source::{self, CanonicalForm, CanonicalWriter, Input, Options, WriteTokens};
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
    let options = AuditOptions { all_verdicts: true, replay, skew_ms: given.skew_ms, ..AuditOptions::default() };
    let policy = Policy::built_in();
    let audit = Audit::run(&policy, reading.batches, Vec::new(), &options, &mut Summary::default());
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

#[test]
fn a_user_whom_only_instagram_knows_is_there_whatever_page_the_call_names() {
    let wrote = message("17841400000000001", "5550001", "m1").replacen("\"page\"", "\"instagram\"", 1);
    let echo = r#"{"object":"instagram","entry":[{"id":"17841400000000001","messaging":[{"sender":{"id":"17841400000000001"},"recipient":{"id":"5550001"},"timestamp":1709290800100,"message":{"is_echo":true,"mid":"e1","text":"x"}}]}]}"#;
    let taken = r#","response":{"recipient_id":"5550001","message_id":"p1"}"#;
    let refused = r#","response":{"error":{"message":"x","code":10,"error_subcode":2018278}}"#;
    let by_url = r#""url":"https://graph.facebook.com/v19.0/111/messages""#;
    let both = r#""page_id":"111","ig_id":"17841400000000001""#;
    let messenger = message("111", "7", "a");
    for from in [by_url, r#""page_id":"111""#, both] {
        for (answer, more) in [(taken, ""), (refused, ""), ("", echo), (taken, messenger.as_str())] {
            let call = format!(
                r#"{{"ts":1709290800,{from},"request":{{"recipient":{{"id":"5550001"}},"message":{{"text":"x"}}}}{answer}}}"#
            );
            let found = verdicts(&format!("{wrote}\n{call}\n{more}\n"), "");
            assert_eq!(found, ["instagram 17841400000000001 5550001 allowed instagram-window"], "{call} {more}");
        }
    }
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
    let echo = echo(BEGIN_MS + DAY_MS + 17, "p1", r#""text":"x""#);
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

fn echo(at_ms: i64, mid: &str, content: &str) -> String {
    format!(
        r#"{{"object":"page","entry":[{{"id":"111","messaging":[{{"sender":{{"id":"111"}},"recipient":{{"id":"42"}},"timestamp":{at_ms},"message":{{"is_echo":true,"mid":"{mid}",{content}}}}}]}}]}}"#
    )
}

/// A call to 42 that says something, and under a tag, perhaps.
fn says(at_ms: i64, content: &str, rest: &str) -> String {
    format!(r#"{{"ts":{at_ms},"page_id":"111","request":{{"recipient":{{"id":"42"}},"message":{{{content}}}{rest}}}}}"#)
}

/// The same with Meta's answer in its line.
fn answered(call: String, mid: &str) -> String {
    let open = call.strip_suffix('}').unwrap();
    format!(r#"{open},"response":{{"recipient_id":"42","message_id":"{mid}"}}}}"#)
}

const X: &str = r#""text":"x""#;
const Y: &str = r#""text":"y""#;
const HUMAN: &str = r#","messaging_type":"MESSAGE_TAG","tag":"HUMAN_AGENT""#;

/// The verdicts without their conversations, in whatever order the lines stand.
fn of_lines(lines: &[String], untagged: bool) -> (Vec<String>, usize) {
    let given = Given { untagged, ..Given::default() };
    let forward = verdicts_of(&[&lines.join("\n")], given);
    let reversed: Vec<&str> = lines.iter().rev().map(String::as_str).collect();
    assert_eq!(verdicts_of(&[&reversed.join("\n")], given).0, forward.0, "backwards");
    let apart: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(verdicts_of(&apart, given).0, forward.0, "each in a file of its own");
    let (once, again) = (lines.join("\n"), lines.join("\n"));
    assert_eq!(verdicts_of(&[&once, &again], given).0, forward.0, "twice");
    let short = |verdict: String| verdict.rsplit_once("42 ").map_or(verdict.clone(), |(_, what)| what.to_owned());
    let notes = forward.1.iter().filter(|note| note.contains("any of several echoes"));
    let count = notes.map(|note| note.split(' ').next().unwrap().parse::<usize>().unwrap()).sum();
    (forward.0.into_iter().map(short).collect(), count)
}

#[test]
fn a_call_without_an_answer_and_its_echo_are_one_send() {
    let late = BEGIN_MS + 2 * DAY_MS;
    let human = "allowed messenger-tag-human-agent";
    let hidden = "unproven claim-not-visible";
    let broken = "violation outside-window";
    let image = r#""attachment":{"type":"image","payload":{"url":"u"}}"#;
    let echoed_image = r#""attachments":[{"type":"image","payload":{"url":"v"}}]"#;
    let cases: Vec<(&str, Vec<String>, Vec<&str>, usize)> = vec![
        ("one of each", vec![says(late, X, HUMAN), echo(late + 400, "e", X)], vec![human], 0),
        ("other words", vec![says(late, X, HUMAN), echo(late + 400, "e", Y)], vec![human, hidden], 0),
        ("blanks are no words", vec![says(late, r#""text":" x ""#, HUMAN), echo(late + 400, "e", X)], vec![human], 0),
        ("a little before it", vec![says(late, X, HUMAN), echo(late - 5_000, "e", X)], vec![human], 0),
        ("too long before it", vec![says(late, X, HUMAN), echo(late - 5_001, "e", X)], vec![hidden, human], 0),
        ("as late as may be", vec![says(late, X, HUMAN), echo(late + 300_000, "e", X)], vec![human], 0),
        ("too late", vec![says(late, X, HUMAN), echo(late + 300_001, "e", X)], vec![human, hidden], 0),
        ("a picture", vec![says(late, image, HUMAN), echo(late + 400, "e", echoed_image)], vec![human], 0),
        ("no picture", vec![says(late, image, HUMAN), echo(late + 400, "e", X)], vec![human, hidden], 0),
        (
            "what they say tells two apart",
            vec![says(late, X, HUMAN), says(late + 10, Y, ""), echo(late + 400, "e", X), echo(late + 410, "f", Y)],
            vec![human, broken],
            0,
        ),
        (
            "two that differ are not dealt out",
            vec![says(late, X, HUMAN), says(late + 10, X, ""), echo(late + 6_000, "e", X), echo(late + 6_010, "f", X)],
            vec![human, broken, hidden, hidden],
            2,
        ),
        (
            "two that do not are",
            vec![
                says(late, X, HUMAN),
                says(late + 8_000, X, HUMAN),
                echo(late + 400, "e", X),
                echo(late + 8_400, "f", X),
            ],
            vec![human, human],
            0,
        ),
        (
            "two calls that say the same, and one came through",
            vec![says(late, X, HUMAN), says(late + 8_000, X, HUMAN), echo(late + 8_400, "e", X)],
            vec![human, human],
            0,
        ),
        (
            "one call and two echoes",
            vec![says(late, X, HUMAN), echo(late + 6_400, "e", X), echo(late + 6_500, "f", X)],
            vec![human, hidden, hidden],
            1,
        ),
        (
            "an echo that a call with an answer has claimed is not free",
            vec![says(late, X, HUMAN), answered(says(late + 10_000, X, HUMAN), "e"), echo(late + 10_400, "e", X)],
            vec![human, human],
            0,
        ),
    ];
    for (name, mut lines, mut expected, doubted) in cases {
        lines.insert(0, wrote(BEGIN_MS));
        for untagged in [false, true] {
            let (found, count) = of_lines(&lines, untagged);
            if untagged && doubted == 0 {
                // Nobody's echo is a plain send then.
                expected.iter_mut().filter(|verdict| **verdict == hidden).for_each(|verdict| *verdict = broken);
            }
            assert_eq!(found, expected, "{name}, untagged: {untagged}");
            assert_eq!(count, doubted, "{name}, untagged: {untagged}");
        }
    }
}

#[test]
fn a_call_without_a_time_has_that_of_the_only_echo_that_says_the_same() {
    let late = BEGIN_MS + 2 * DAY_MS;
    let untimed = |content| says(0, content, HUMAN).replacen(r#""ts":0,"#, "", 1);
    let human = "allowed messenger-tag-human-agent";
    let (found, _) = of_lines(&[wrote(BEGIN_MS), untimed(X), echo(late, "e", X)], true);
    assert_eq!(found, [human]);
    let (found, _) = verdicts_of(&[&[wrote(BEGIN_MS), untimed(X), echo(late, "e", Y)].join("\n")], Given::default());
    assert!(found[0].starts_with("bad: is a request without a time"), "{found:?}");
    let lines = [wrote(BEGIN_MS), untimed(X), echo(late, "e", X), echo(late + DAY_MS, "f", X)];
    let (found, notes) = verdicts_of(&[&lines.join("\n")], Given { untagged: true, ..Given::default() });
    assert_eq!(found[1..], ["messenger 111 42 unproven claim-not-visible"; 2]);
    assert!(found[0].starts_with("bad: is a request without a time") && notes.len() == 1, "{found:?} {notes:?}");
}

#[test]
fn a_call_of_whatsapp_without_an_answer_and_its_status_are_one_send() {
    let template = r#"{"ts":1709460000,"phone_number_id":"777","request":{"messaging_product":"whatsapp","to":"42","type":"template","template":{"name":"sale"}}}"#;
    let text = r#"{"ts":1709460000,"phone_number_id":"777","request":{"messaging_product":"whatsapp","to":"42","type":"text","text":{"body":"x"}}}"#;
    let status = |id: &str, at_s: i64, price: &str| {
        format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"15550001111","phone_number_id":"777"}},"statuses":[{{"id":"{id}","status":"sent","timestamp":"{at_s}","recipient_id":"42"{price}}}]}}}}]}}]}}"#
        )
    };
    let lines = |call: &str, statuses: &[String]| {
        let mut lines = vec![whatsapp("777", "42", "w1"), call.to_owned()];
        lines.extend_from_slice(statuses);
        of_lines(&lines, true)
    };
    let service = r#","pricing":{"billable":true,"pricing_model":"PMP","category":"service"}"#;
    let broken = "violation outside-window";
    let one = status("s", 1_709_460_001, "");
    assert_eq!(lines(template, std::slice::from_ref(&one)), (vec!["allowed whatsapp-template".to_owned()], 0));
    assert_eq!(lines(text, std::slice::from_ref(&one)), (vec![broken.to_owned()], 0));
    let free = status("s", 1_709_460_001, service);
    let apart = vec!["allowed whatsapp-template".to_owned(), broken.to_owned()];
    assert_eq!(lines(template, &[free]), (apart, 0));
    let two = [one, status("t", 1_709_460_006, "")];
    let hidden = "unproven claim-not-visible".to_owned();
    let found = lines(template, &two);
    assert_eq!(found, (vec!["allowed whatsapp-template".to_owned(), hidden.clone(), hidden], 1));
}

#[test]
fn what_is_converted_is_judged_alike() {
    let late = BEGIN_MS + 2 * DAY_MS;
    let lines = [
        wrote(BEGIN_MS),
        granted(BEGIN_MS),
        call(BEGIN_MS + DAY_MS + 3_000, TO_42, TAKEN),
        call(late - 90_000, TOKEN, ""),
        call(late - 60_000, TOKEN, ""),
        says(late, X, HUMAN),
        says(late + 10, X, ""),
        echo(late + 6_000, "e", X),
    ];
    let given = Given { untagged: true, ..Given::default() };
    let log = lines.join("\n");
    let (found, _) = verdicts_of(&[&log], given);
    for (of, expected) in [("time-precision", 1), ("claim-not-visible", 2), ("outside-window", 1), ("allowed", 2)] {
        assert_eq!(found.iter().filter(|verdict| verdict.contains(of)).count(), expected, "{of}: {found:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.jsonl");
    std::fs::write(&path, &log).unwrap();
    let options = Options { keep_text: KeepText::All, ..Options::default() };
    let history = History::new(source::read(&[Input::Path(path)], &options, &|_| ()).unwrap().batches);
    for form in [CanonicalForm::JsonLines, CanonicalForm::Csv] {
        let mut converted = Vec::new();
        let mut writer = CanonicalWriter::new(&mut converted, form, WriteTokens::Hashed);
        (0..history.len()).for_each(|at| writer.event(&history.event(at)).unwrap());
        writer.finish().unwrap();
        assert_eq!(verdicts_of(&[&String::from_utf8(converted).unwrap()], given).0, found, "{form:?}");
    }
}

/// The halves of a call, as two lines that bear a name of the logger's.
fn named(at_ms: i64, name: &str, page: &str, body: &str) -> String {
    format!(r#"{{"ts":{at_ms},"request_id":"{name}","page_id":"{page}",{body}}}"#)
}

#[test]
fn a_name_that_is_given_out_again_does_not_make_an_old_request_the_one_that_was_answered() {
    let asked = r#""request":{"recipient":{"id":"42"},"message":{"text":"x"}}"#;
    let told = r#""response":{"recipient_id":"42","message_id":"e"}"#;
    let later = BEGIN_MS + 3 * DAY_MS;
    let of = |page: &str, after_ms: i64| {
        let lines = [
            wrote(BEGIN_MS),
            named(BEGIN_MS + 3_600_000, "1", "111", asked),
            named(BEGIN_MS + 3_600_000 + after_ms, "1", page, told),
        ];
        of_lines(&lines, false).0
    };
    let (allowed, hidden) = ("allowed messenger-window", "unproven claim-not-visible");
    assert_eq!(of("111", 300_000), [allowed]);
    assert_eq!(of("111", 300_001), [allowed, allowed]);
    let lines = [
        wrote(BEGIN_MS),
        named(BEGIN_MS + 3_600_000, "1", "111", asked),
        named(later + 300, "1", "111", told),
        echo(later + 200, "e", Y),
    ];
    assert_eq!(of_lines(&lines, false).0, [allowed, hidden]);
    // Nor is a request of another account.
    let lines = [
        moved(BEGIN_MS, r#""message":{"mid":"m","text":"hi"}"#),
        named(BEGIN_MS + 60_000, "1", "222", asked),
        named(BEGIN_MS + 60_300, "1", "111", told),
    ];
    assert_eq!(of_lines(&lines, false).0.len(), 2);
}

#[test]
fn the_same_log_twice_loses_no_send() {
    let body = |text: &str| format!(r#""request":{{"recipient":{{"id":"42"}},"message":{{"text":"{text}"}}}}"#);
    let told = r#""response":{"recipient_id":"42","message_id":"e"}"#;
    let late = BEGIN_MS + 2 * DAY_MS;
    let expected = ["messenger 111 42 allowed messenger-window", "messenger 111 42 violation outside-window"];
    // The second pair of requests is close enough for an answer to be of either.
    for (first_ms, first, second) in [(BEGIN_MS + 3_600_000, "x", "y"), (BEGIN_MS + DAY_MS - 60_000, "x", "x")] {
        let second_ms = if first == second { first_ms + 120_000 } else { late };
        let lines = [
            named(first_ms, "1", "111", &body(first)),
            named(second_ms, if first == second { "2" } else { "1" }, "111", &body(second)),
            named(second_ms + 200, if first == second { "2" } else { "1" }, "111", told),
        ];
        let (user, log) = (wrote(BEGIN_MS), lines.join("\n"));
        for logs in [vec![user.as_str(), &log], vec![&user, &log, &log], vec![&log, &log, &user, &log]] {
            assert_eq!(verdicts_of(&logs, Given::default()).0, expected, "{logs:?}");
        }
    }
    // Of a log that was cut, and the whole one: the repeated answer goes to the request of its own time.
    let plain = |at_ms: i64, body: &str| format!(r#"{{"ts":{at_ms},"page_id":"111",{body}}}"#);
    let first_ms = BEGIN_MS + DAY_MS - 60_000;
    let end = [plain(first_ms + 120_000, &body("x")), plain(first_ms + 120_200, told)].join("\n");
    let whole = [plain(first_ms, &body("x")), end.clone()].join("\n");
    for logs in [[&wrote(BEGIN_MS), &end, &whole], [&whole, &wrote(BEGIN_MS), &end]] {
        assert_eq!(verdicts_of(&logs.map(String::as_str), Given::default()).0, expected, "{logs:?}");
    }
}

#[test]
fn a_call_under_two_names_in_two_logs_is_one_send() {
    let body = r#""request":{"recipient":{"id":"42"},"message":{"text":"x"}}"#;
    let late = BEGIN_MS + 2 * DAY_MS;
    let log = |name: &str, at_ms: i64, answer: &str| named(late + at_ms, name, "111", &format!("{body}{answer}"));
    let refused = r#","response":{"error":{"message":"x","code":10,"error_subcode":2018278}}"#;
    let taken = r#","response":{"recipient_id":"42","message_id":"p1"}"#;
    let (user, violation) = (wrote(BEGIN_MS), "messenger 111 42 violation outside-window");
    let hidden = "messenger 111 42 unproven claim-not-visible";
    let imprecise = "messenger 111 42 unproven time-precision";
    let echoes = [echo(late + 100, "e", X), echo(late + 60_000, "f", X)].join("\n");
    for (one, other, more, expected) in [
        (log("a-1", 0, ""), log("b-7", 300, ""), "", vec![violation]),
        (log("a-1", 0, refused), log("b-7", 300, refused), "", vec![violation]),
        (log("a-1", 0, refused), log("b-7", 300, ""), "", vec![violation]),
        (log("a-1", 0, ""), log("b-7", 5_001, ""), "", vec![violation; 2]),
        // The earlier time counts, whichever log is named first: it is within the tolerance for a logger's clock.
        (log("a-1", 4_900 - DAY_MS, ""), log("b-7", 5_100 - DAY_MS, ""), "", vec![imprecise]),
        // Meta refused one and took the other: they are two.
        (log("a-1", 0, refused), log("b-7", 300, taken), "", vec![violation; 2]),
        // Were they two, the second would take the echo of somebody else's message.
        (log("a-1", 59_000, ""), log("b-7", 59_300, ""), &echoes, vec![hidden, violation]),
    ] {
        for logs in [[user.as_str(), &one, &other, more], [more, &other, &one, &user]] {
            let logs: Vec<&str> = logs.into_iter().filter(|log| !log.is_empty()).collect();
            assert_eq!(verdicts_of(&logs, Given::default()).0, expected, "{logs:?}");
        }
    }
    // Within one log they are two.
    let within = [user.clone(), log("a-1", 0, ""), log("a-2", 4, "")].join("\n");
    assert_eq!(verdicts(&within, ""), [violation; 2]);
}
