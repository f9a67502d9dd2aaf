//! Lines of a text log in which a record stands behind the logger's own words: `2024-03-01T10:00:00Z INFO {"recipient":...}`;
//! and lines that are a list, such as the answers to a batch.

use serde::de::IgnoredAny;

use super::Sink;
use super::json::Json;
use super::object;
use super::shape;
use crate::time::Stamp;

/// How many bytes of a line are the logger's words at most, and how many braces among them are tried.
const LONGEST_PREFIX: usize = 1_024;
const MOST_BRACES: usize = 8;

/// Reads a line whose record does not begin it; `None` if it holds none and is no line of a text log either.
pub(super) fn read(line: &str, number: u64, sink: &mut Sink<'_>) -> Option<Result<(), String>> {
    if line.trim_ascii_start().starts_with('[')
        && let Ok(list) = Json::parse(line)
    {
        return shape::is_known(&list).then(|| shape::read(&list, number, sink));
    }
    let found = split(line);
    let logged = time_in(found.as_ref().map_or(line, |(words, _)| words), sink.options.utc_offset_s);
    match found {
        Some((_, json)) => Some(shape::read_logged(&json, logged, number, sink)),
        None => unknown(line, logged.is_some(), sink),
    }
}

/// A line without a record: whatever else the program had to say, or half a record, which is none of its words.
fn unknown(line: &str, has_time: bool, sink: &mut Sink<'_>) -> Option<Result<(), String>> {
    if !has_time || serde_json::from_str::<IgnoredAny>(line).is_ok() {
        return None;
    }
    let broken = broken(line);
    let is_whole = !line.contains(['{', '}']) || objects(line).next().is_some();
    match broken {
        // It may hold whole objects.
        Some((at, error)) if error.is_eof() || !is_whole => Some(Err(object::not_json_behind(at, &error))),
        _ if is_whole => {
            sink.tally.left_out("text without a record we know, passed over");
            Some(Ok(()))
        }
        _ => Some(Err("is text with braces, and what they hold is no whole JSON".to_owned())),
    }
}

/// The first object in a line that is not valid, itself inside none, and what is wrong with it. Braces around what is no
/// key are the program's own.
fn broken(line: &str) -> Option<(usize, serde_json::Error)> {
    let mut from = 0;
    for _ in 0..MOST_BRACES {
        let at = from + line.get(from..)?.find('{').filter(|at| from + at <= LONGEST_PREFIX)?;
        let mut objects = serde_json::Deserializer::from_str(&line[at..]).into_iter::<IgnoredAny>();
        from = match objects.next()? {
            Ok(_) => at + objects.byte_offset(),
            Err(error) if line[at + 1..].trim_ascii_start().starts_with('"') => return Some((at, error)),
            Err(_) => at + 1,
        };
    }
    None
}

/// Whether a line, which does not begin with an object, holds a record behind some words.
pub(super) fn is_one(line: &[u8]) -> bool {
    std::str::from_utf8(line).is_ok_and(|line| split(line).is_some())
}

/// The words before the first record of a line, and the record. Some loggers write more behind it.
fn split(line: &str) -> Option<(&str, Json<'_>)> {
    objects(line).find(|(_, json)| shape::is_known(json)).map(|(at, json)| (&line[..at], json))
}

/// The objects in a line that does not begin with one, and where they begin.
fn objects(line: &str) -> impl Iterator<Item = (usize, Json<'_>)> {
    let braces = line.match_indices('{').map(|(at, _)| at).take(MOST_BRACES);
    braces.take_while(|at| *at <= LONGEST_PREFIX).filter(|at| *at != 0).filter_map(|at| {
        let json = serde_json::Deserializer::from_str(&line[at..]).into_iter::<Json<'_>>().next()?.ok()?;
        Some((at, json))
    })
}

/// The time that the words begin with, in brackets or not, as one word or as a day and a time.
fn time_in(words: &str, utc_offset_s: Option<i32>) -> Option<Stamp> {
    let bare = |c: char| matches!(c, '[' | ']' | '(' | ')' | '"' | ',' | '|');
    let mut words = words.split_whitespace().map(|word| word.trim_matches(bare)).filter(|word| !word.is_empty());
    let (first, second) = (words.next()?, words.next());
    // A small number is a line number or a level, not an epoch.
    let may_be_time = 9 <= first.len();
    let both = second.map(|second| format!("{first} {second}"));
    let both = both.and_then(|both| Stamp::parse(&both, utc_offset_s).ok());
    both.or_else(|| Stamp::parse(first, utc_offset_s).ok().filter(|_| may_be_time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_begins_with_its_time_or_has_none() {
        for (words, expected) in [
            ("2024-03-01T10:00:00Z INFO ", Some("2024-03-01T10:00:00.000Z")),
            ("[2024-03-01T10:00:00.123Z] ", Some("2024-03-01T10:00:00.123Z")),
            ("2024-03-01 12:00:00,123 - bot - INFO - ", Some("2024-03-01T10:00:00.123Z")),
            ("2024-03-01 10:00:00 +0000 ", Some("2024-03-01T08:00:00.000Z")),
            ("1709287200.5 sent: ", Some("2024-03-01T10:00:00.500Z")),
            ("INFO 7 ", None),
            ("12 ", None),
            ("", None),
        ] {
            let found = time_in(words, Some(7_200)).map(|stamp| stamp.at.to_string());
            assert_eq!(found.as_deref(), expected, "{words}");
        }
    }
}
