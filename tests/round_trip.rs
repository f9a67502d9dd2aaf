//! What is written by `convert` reads back as it was, shows no credential and starts no formula; what stands in a log
//! twice counts once.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Cursor;

use fbwin::audit::History;
use fbwin::batch::KeepText;
use fbwin::event::{Event, Place};
use fbwin::source::{CanonicalForm, CanonicalWriter, Options, Reading, WriteTokens, read_from};

fn read(log: &str) -> Reading {
    let options = Options { keep_text: KeepText::All, ..Options::default() };
    read_from("log", Cursor::new(log.to_owned()), &options).unwrap()
}

fn written(log: &str, form: CanonicalForm, tokens: WriteTokens) -> String {
    let history = History::new(read(log).batches);
    let mut bytes = Vec::new();
    let mut writer = CanonicalWriter::new(&mut bytes, form, tokens);
    for position in 0..history.len() {
        writer.event(&history.event(position)).unwrap();
    }
    writer.finish().unwrap();
    String::from_utf8(bytes).unwrap()
}

/// The events of a log, without where they stand.
fn events(log: &str) -> Vec<String> {
    let reading = read(log);
    assert_eq!(reading.bad.count, 0, "{:?} in\n{log}", reading.bad.first);
    let history = History::new(reading.batches);
    let bare = |at| format!("{:?}", Event { place: Place::default(), ..history.event(at) });
    (0..history.len()).map(bare).collect()
}

/// Texts and ids that a spreadsheet would calculate, that act on a terminal, or that look like our own way to write those.
const ODD: &[&str] = &[
    "=1+1",
    "+491511234",
    "-7",
    "@x",
    "'",
    "'=1",
    "''",
    "'\\\"x\\\"",
    "\\ttab",
    "a\\r\\nb",
    "a\\u0000b",
    "\\u001b[2J",
    "\\u009b",
    "\\u202e",
    "\\\"",
    "a,b;c",
    " blank ",
    "\\ud83d\\ude00",
    "\\u007f",
];

#[test]
fn odd_texts_read_back_as_they_were() {
    for form in [CanonicalForm::JsonLines, CanonicalForm::Csv] {
        for odd in ODD {
            let log = format!(
                r#"{{"ts":"2024-03-01T10:00:00Z","user":"u{odd}","event":"send","id":"{odd}","text":"{odd}"}}"#
            );
            let table = written(&log, form, WriteTokens::Whole);
            assert_eq!(events(&table), events(&log), "{table}");
            for c in table.chars() {
                assert!(!c.is_control() || matches!(c, '\n' | '\t'), "{c:?} of {odd} in {table}");
            }
        }
    }
}

#[test]
fn no_cell_starts_a_formula() {
    for odd in ODD {
        let log =
            format!(r#"{{"ts":"2024-03-01T10:00:00Z","user":"{odd}","event":"send","id":"{odd}","text":"{odd}"}}"#);
        let table = written(&log, CanonicalForm::Csv, WriteTokens::Whole);
        for row in csv::Reader::from_reader(table.as_bytes()).records() {
            for cell in &row.unwrap() {
                assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell} of {odd}");
            }
        }
    }
}

/// The echo of a template shows less of it than the call, and the judge reads the call.
#[test]
fn a_call_says_as_much_as_before_once_it_was_converted() {
    let log = include_str!("../fixtures/formats/send-api/buttons_and_cards.jsonl");
    let judged = |log: &str| -> Vec<(String, Option<String>)> {
        let reading = read_from("log", Cursor::new(log.to_owned()), &Options::default()).unwrap();
        let history = History::new(reading.batches);
        let all = (0..history.len()).map(|at| history.event(at));
        all.map(|event| (event.user.to_owned(), event.text.map(str::to_owned))).collect()
    };
    let before = judged(log);
    assert_eq!(before.iter().filter(|(_, text)| text.is_some()).count(), 6);
    assert_eq!(judged(&written(log, CanonicalForm::JsonLines, WriteTokens::Hashed)), before);
}

#[test]
fn what_is_ascribed_to_nobody_is_the_same_once_it_was_converted() {
    let call = |second: u32, to: &str| {
        format!(
            r#"{{"ts":"2024-03-01T10:00:{second:02}Z","page_id":"111","request":{{"recipient":{{{to}}},"message":{{"text":"x"}}}}}}"#
        )
    };
    let log = [
        call(1, r#""post_id":"111_5001""#),
        call(2, r#""one_time_notif_token":"sha256:0123456789abcdef01234567""#),
r#"{"object":"page","entry":[{"id":"111","time":1709287200000,"messaging":[{"timestamp":1709287200000,"policy_enforcement":{"action":"block"}}]}]}"#
            .to_owned(),
    ]
    .join("\n");
    let before = events(&log);
    assert_eq!(before.iter().filter(|event| event.contains(r#"user: """#)).count(), 3, "{before:?}");
    for form in [CanonicalForm::JsonLines, CanonicalForm::Csv] {
        assert_eq!(events(&written(&log, form, WriteTokens::Whole)), before);
    }
    let both = format!("{log}\n{}", written(&log, CanonicalForm::JsonLines, WriteTokens::Whole));
    assert_eq!(events(&both), before);
}

#[test]
fn credentials_are_hashed_wherever_they_stand() {
    let secret = "EAAGm0PX4ZCpsBAKZC";
    let log = [
        format!(
            r#"{{"ts":1709287200000,"user":"1","event":"message","text":"see https://x/?access_token={secret}&limit=5"}}"#
        ),
        format!(
            r#"{{"ts":1709287201000,"user":"1","event":"send","id":"{secret}","tag":"X","template":"Bearer {secret}"}}"#
        ),
        format!(r#"{{"ts":1709287202000,"user":"1","event":"send","token":"{secret}"}}"#),
    ];
    for form in [CanonicalForm::JsonLines, CanonicalForm::Csv] {
        let hashed = written(&log.join("\n"), form, WriteTokens::Hashed);
        assert!(!hashed.contains(secret), "{hashed}");
        assert!(hashed.contains("&limit=5"), "{hashed}");
        assert_eq!(hashed.matches("sha256:").count(), 4, "{hashed}");
        // What is hashed stays hashed, and the same.
        assert_eq!(written(&hashed, form, WriteTokens::Hashed), hashed);
        assert_eq!(written(&log.join("\n"), form, WriteTokens::Whole).matches(secret).count(), 4);
    }
}

#[test]
fn what_is_said_of_a_log_shows_no_credential() {
    let secret = "EAAGm0PX4ZCpsBAKZC";
    let log = [
        format!(r#"{{"ts":1709287200000,"user":"1","event":"x?access_token={secret}"}}"#),
        format!(r#"{{"ts":1709287200000,"user":"1","event":"send","frequency":"{secret}"}}"#),
        format!(r#"{{"ts":"{secret}","user":"1","event":"send"}}"#),
        r#"{"ts":"0000 access_token=abcdef and a long text","user":"1","event":"send"}"#.to_owned(),
        format!(r#"{{"Bearer {secret}":1}}"#),
        format!(r#"{{"sender":{{"id":"1"}},"recipient":{{"id":"2"}},"timestamp":1709287200000,"{secret}":1}}"#),
    ];
    let reading = read(&log.join("\n"));
    let input = &reading.inputs[0];
    let said = format!("{:?} {:?} {:?}", reading.bad.first, input.notes, input.unknown_events);
    assert!(!said.contains("EAAG") && !said.contains("abcdef"), "{said}");
    assert!(said.contains("access_token=(credential)"), "{said}");
}

#[test]
fn what_repeats_the_second_of_two_that_differ_counts_once() {
    let line = |precision: u32| {
        format!(r#"{{"ts":1709287200000,"user":"1","event":"send","text":"x","precision_ms":{precision}}}"#)
    };
    let log = [line(0), line(1_000), line(1_000), line(0), line(1_000)].join("\n");
    let history = History::new(read(&log).batches);
    assert_eq!((history.len(), history.duplicates()), (2, 3));
}
