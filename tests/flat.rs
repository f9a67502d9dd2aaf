//! The quick reader of flat records takes what the general one takes, refuses what that one refuses, and in its words.
//!
//! Lines of canonical records are damaged in every way, and read twice: as they are, and with a nested value before their
//! first key, `{"~":[],"ts":...`, which no record has and the quick reader leaves to the general one.
#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::io::Cursor;

use fbwin::batch::KeepText;
use fbwin::source::{Options, read_from};
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// What makes the quick reader step back, and changes nothing else but where a column is.
const NESTED: &[u8] = b"{\"~\":[],";
const SHIFT: usize = NESTED.len() - 1;

const SOUND: &str = r#"{"ts":"2026-03-01T10:00:00Z","user":"42","event":"message"}"#;

const KEYS: &[&str] = &[
    "ts",
    "channel",
    "account",
    "user",
    "direction",
    "event",
    "id",
    "text",
    "messaging_type",
    "tag",
    "token",
    "token_type",
    "token_expires",
    "frequency",
    "comment",
    "template",
    "category",
    "sponsored",
    "sender",
    "promotional",
    "status",
    "error_code",
    "error_subcode",
    "entry",
    "region",
    "precision_ms",
    "claim_hidden",
    "more",
    "Ts",
    "",
    "ключ",
    r"\u0074s",
    r"us\u0065r",
    r"\ud83d",
    r#"\""#,
    r"id\",
];

/// Values as JSON writes them, and as it must not.
const VALUES: &[&str] = &[
    r#""2026-03-01T10:00:00.5+02:00""#,
    r#""2026-03-01""#,
    "1772323200",
    "1772323200000",
    "1772323200.25",
    "24051938827460723",
    "123456789012345678901234567890",
    "0",
    "-0",
    "-1",
    "01",
    "007",
    "1.0",
    "1.",
    ".5",
    "+1",
    "1e5",
    "1E+16",
    "2.7E-16",
    "1e",
    "1e999",
    "-",
    "1a",
    "1 2",
    "0x10",
    "NaN",
    "Infinity",
    "true",
    "false",
    "null",
    "tru",
    "nul",
    "nulll",
    "truefalse",
    "True",
    "\"\"",
    r#""a\"b""#,
    r#""a\\""#,
    r#""\/\b\f\n\r\t""#,
    r#""caf\u00e9""#,
    r#""\ud83d\ude00""#,
    r#""\ud83d""#,
    r#""\ude00""#,
    r#""\ud83dx""#,
    r#""\u00g0""#,
    r#""\u12""#,
    r#""\x41""#,
    r#""\""#,
    "\"😀\"",
    "\"\u{7f}\"",
    "\"\u{1f}\"",
    "\"\t\"",
    "\"\0\"",
    "\"\u{2028}\"",
    "'a'",
    "{}",
    "[]",
    "[1,\"]\"]",
    r#"{"ts":1}"#,
    r#"{"a":{"b":[{}]}}"#,
    "",
    "\"message\"",
    "\"send\"",
    "\"in\"",
    "\"out\"",
    "\"HUMAN_AGENT\"",
    "\"MESSAGE_TAG\"",
    "\"failed\"",
    "\"instagram\"",
    "\"sevenbyte\"",
    "\"exactly8\"",
];

/// What is put between two bytes of a line.
const PIECES: &[&[u8]] = &[
    b"\"",
    b"\\",
    b"\\\\",
    b"\\\"",
    b"\\u0041",
    b"\\ud83d",
    b"\\u00",
    b"\\u",
    b"\0",
    b"\x01",
    b"\x1f",
    b"\x7f",
    b"\t",
    b"\r",
    b"\n",
    b"\x0b",
    b"\x0c",
    b" ",
    b"   ",
    b"\xc2\xa0",
    b"\xe2\x80\xa8",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\xfe",
    b"\xc3",
    b"\x80",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xc0\xaf",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b",,",
    b"//",
    b"/**/",
    b"null",
    b"0",
    b"-",
    b"e",
    b".",
    b"{}",
    b"\"a\":1,",
    b",\"user\":\"7\"",
    b",\"more\":1,\"more\":2",
    b"\"ts\":1,",
    b"}{",
    b"}\r",
    b"} x",
];

#[derive(Clone, Debug)]
enum Damage {
    Byte(Index, u8),
    Bit(Index, u8),
    Piece(Index, &'static [u8]),
    Cut(Index),
    Drop(Index, usize),
    Repeat(Index, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let place = any::<Index>;
    prop_oneof![
        1 => (place(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
        1 => (place(), 0..8_u8).prop_map(|(at, bit)| Damage::Bit(at, bit)),
        4 => (place(), select(PIECES)).prop_map(|(at, piece)| Damage::Piece(at, piece)),
        1 => place().prop_map(Damage::Cut),
        1 => (place(), 1..12_usize).prop_map(|(at, length)| Damage::Drop(at, length)),
        1 => (place(), 1..40_usize).prop_map(|(at, length)| Damage::Repeat(at, length)),
    ]
}

fn damaged(mut line: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        let places = line.len() + 1;
        match damage {
            Damage::Byte(at, byte) => {
                if let Some(old) = line.get_mut(at.index(places)) {
                    *old = *byte;
                }
            }
            Damage::Bit(at, bit) => {
                if let Some(byte) = line.get_mut(at.index(places)) {
                    *byte ^= 1 << bit;
                }
            }
            Damage::Piece(at, piece) => {
                let at = at.index(places);
                line.splice(at..at, piece.iter().copied()).for_each(drop);
            }
            Damage::Cut(at) => line.truncate(at.index(places)),
            Damage::Drop(at, length) => {
                let from = at.index(places);
                line.drain(from..places.min(from + length + 1) - 1);
            }
            Damage::Repeat(at, length) => {
                let from = at.index(places);
                line.extend_from_within(from..places.min(from + length + 1) - 1);
            }
        }
    }
    line
}

/// A record as most logs write it, or with strange keys, values and blanks, and often damaged.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let usual = select(vec![
        SOUND,
        r#"{"ts":"2026-03-01T10:00:00.001Z","channel":"messenger","account":"111","user":"42","event":"send","id":"m_b","text":"two \"quoted\" words 😀","messaging_type":"MESSAGE_TAG","tag":"HUMAN_AGENT","sender":"human","status":"sent"}"#,
        r#"{"ts":1772323200,"user":24051938827460723,"direction":"in","text":"\u0441\u043f\u0430"}"#,
        r#"{ "ts" : 1772323200.5 , "user" : "42" , "event" : "otn_optin" , "token" : "tok_1" , "more" : null }"#,
    ]);
    let usual = usual.prop_map(|line| line.as_bytes().to_vec());
    let blank = || select(vec!["", "", "", "", " ", "\t", "  \r", "\u{b}", "\u{a0}"]);
    let field = (select(KEYS), select(VALUES), blank(), blank());
    let strange = (prop::collection::vec(field, 0..6), blank(), blank()).prop_map(|(fields, before, behind)| {
        let sound = r#""ts":1772323200,"user":"42","event":"message""#;
        let mut line = format!("{before}{{{sound}");
        for (key, value, blank, other) in fields {
            write!(line, "{other},{blank}\"{key}\"{other}:{blank}{value}").unwrap();
        }
        write!(line, "}}{behind}").unwrap();
        line.into_bytes()
    });
    let damages = prop_oneof![1 => Just(0), 3 => Just(1), 1 => Just(2), 1 => Just(4)]
        .prop_flat_map(|count: usize| prop::collection::vec(damage(), count));
    (prop_oneof![usual, strange], damages).prop_map(|(line, damages)| damaged(line, &damages))
}

/// The log with a nested value in every object, and which of its lines (from 1) have one.
fn nested(log: &[u8]) -> (Vec<u8>, Vec<u32>) {
    let mut other = Vec::new();
    let mut shifted = Vec::new();
    for (number, line) in (1..).zip(log.split(|c| *c == b'\n')) {
        if 1 < number {
            other.push(b'\n');
        }
        let mark = if line.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let blanks = line[mark..].iter().take_while(|c| matches!(c, b' ' | b'\t' | b'\r')).count();
        let (before, object) = line.split_at(mark + blanks);
        // What follows decides whether the comma after the nested value would be one too many.
        match object.strip_prefix(b"{").filter(|inside| !matches!(inside.trim_ascii_start().first(), None | Some(b'}')))
        {
            Some(inside) => {
                other.extend([before, NESTED, inside].concat());
                shifted.push(number);
            }
            None => other.extend_from_slice(line),
        }
    }
    (other, shifted)
}

/// All that is read of a log, as text, with the columns of `shifted` lines put right.
fn shown(log: &[u8], shifted: &[u32], options: &Options) -> String {
    let reading = read_from("log", Cursor::new(log.to_vec()), options).unwrap();
    let mut events: Vec<_> =
        reading.batches.iter().flat_map(|batch| (0..batch.len()).map(|i| batch.event(i))).collect();
    events.sort_by_key(|event| event.place);
    let mut text = String::new();
    for event in events {
        writeln!(text, "{event:?}").unwrap();
    }
    for bad in &reading.bad.first {
        // The first keys of a record of no known format are listed, and the nested value is one.
        let known = bad.reason.split("; its keys are ").next().unwrap_or_default();
        let reason = match known.rsplit_once(" at column ") {
            Some((what, column)) if shifted.contains(&bad.place.line) => {
                let column: usize = column.parse().unwrap();
                format!("{what} at column {}", column - SHIFT)
            }
            _ => known.to_owned(),
        };
        writeln!(text, "{}: {reason}", bad.place.line).unwrap();
    }
    for input in &reading.inputs {
        writeln!(text, "{} {} {} {:?}", input.format, input.records, input.bad, input.shapes).unwrap();
        writeln!(text, "{:?} {:?}", input.unknown_events, input.notes).unwrap();
    }
    text
}

fn compare(lines: &[Vec<u8>], options: &Options) -> Result<(), TestCaseError> {
    // The first line makes it JSON lines, whatever the others are.
    let log = [SOUND.as_bytes(), &lines.join(&b'\n')].join(&b'\n');
    let (other, shifted) = nested(&log);
    prop_assert_eq!(shown(&log, &[], options), shown(&other, &shifted, options), "{}", log.escape_ascii());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(768) })]

    #[test]
    fn damaged_lines_are_read_alike_by_both_readers(lines in prop::collection::vec(line(), 1..24)) {
        compare(&lines, &Options { keep_text: KeepText::All, ..Options::default() })?;
    }

    #[test]
    fn so_they_are_where_keys_are_mapped(lines in prop::collection::vec(line(), 1..6)) {
        let map = fbwin::source::parse_map("user=more,id=КЛЮЧ").unwrap();
        compare(&lines, &Options { keep_text: KeepText::All, map, ..Options::default() })?;
    }
}

/// Every value under every key, one at a time: what chance may miss.
#[test]
fn every_value_under_every_key_is_read_alike() {
    let line = |key: &&str| {
        let with =
            |value: &&str| format!(r#"{{"ts":1772323200,"user":"42","event":"send","{key}":{value}}}"#).into_bytes();
        VALUES.iter().map(with).collect::<Vec<_>>()
    };
    let alone = |key: &&str| {
        // Without the sound fields before it, so that `ts`, `user` and `event` are not given twice.
        let of = |value: &&str| {
            let sound = [("ts", "1772323200"), ("user", "\"42\""), ("event", "\"send\"")];
            let fields =
                sound.iter().filter(|(name, _)| name != key).map(|(name, value)| format!("\"{name}\":{value},"));
            format!("{{{}\"{key}\":{value}}}", fields.collect::<String>()).into_bytes()
        };
        VALUES.iter().map(of).collect::<Vec<_>>()
    };
    let options = Options { keep_text: KeepText::All, ..Options::default() };
    for lines in KEYS.iter().map(line).chain(KEYS.iter().map(alone)) {
        compare(&lines, &options).unwrap();
    }
}
