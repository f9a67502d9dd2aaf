//! JSON lines: one object a line.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::canonical::{Field, Names, Record, Value};
use super::input::UTF8_MARK;
use super::json::Json;
use super::prefixed;
use super::shape;
use super::{Fit, Format, Layout, Opened, Refusal, Sink, Start, too_long};

struct JsonLines {
    names: Names,
    max_record_bytes: usize,
}

/// A log that begins in the middle of a line, or with a line of something else, still is JSON lines.
fn fits(start: &Start<'_>) -> Fit {
    if matches!(start.bytes.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return Fit::Surely;
    }
    let is_object = |line: &[u8]| line.starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(line).is_ok();
    let is_one = |line: &[u8]| is_object(line) || prefixed::is_one(line);
    if start.bytes.split(|c| *c == b'\n').take(1_000).any(is_one) { Fit::Perhaps } else { Fit::No }
}

fn open(start: &Start<'_>) -> Result<Opened, Refusal> {
    let Start { options, .. } = start;
    let layout = JsonLines { names: Names::new(&options.map), max_record_bytes: options.max_record_bytes };
    Ok(Opened { layout: Box::new(layout), skip: 0 })
}

impl Layout for JsonLines {
    fn cut(&self, bytes: &[u8]) -> usize {
        memchr::memrchr(b'\n', bytes).map_or(0, |end| end + 1)
    }

    fn read(&self, bytes: &[u8], first_line: u64, sink: &mut Sink<'_>) {
        // Nearly every block is UTF-8 as a whole, and to find that out at once is cheap.
        let text = std::str::from_utf8(bytes).ok();
        let ends = memchr::memchr_iter(b'\n', bytes).chain([bytes.len()]);
        let mut begin = 0;
        for (line, end) in (first_line..).zip(ends) {
            let raw = &bytes[begin..end];
            let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
            // A mark inside a file is where two files were joined.
            let mark = if raw.starts_with(UTF8_MARK) { UTF8_MARK.len() } else { 0 };
            let object = match text {
                Some(text) => text.get(begin + mark..begin + raw.len()),
                None => std::str::from_utf8(&raw[mark..]).ok(),
            };
            let outcome = if self.max_record_bytes < raw.len() {
                Err(too_long(self.max_record_bytes))
            } else {
                match object {
                    Some(object) if object.trim_ascii().is_empty() => Ok(()),
                    Some(object) => self.object(object, line, sink),
                    None => Err("is not UTF-8; convert it to UTF-8".to_owned()),
                }
            };
            if let Err(reason) = outcome {
                sink.bad(line, reason);
            }
            begin = end + 1;
        }
    }
}

impl JsonLines {
    /// Reads the object on one line. Here its shape is judged; so far there is only the canonical record.
    fn object(&self, line: &str, number: u64, sink: &mut Sink<'_>) -> Result<(), String> {
        if !line.trim_ascii_start().starts_with('{') {
            if let Some(outcome) = prefixed::read(line, number, sink) {
                return outcome;
            }
            return Err(match serde_json::from_str::<IgnoredAny>(line) {
                Ok(_) => NO_OBJECT.to_owned(),
                Err(error) => not_json(line, &error),
            });
        }
        let mut deserializer = serde_json::Deserializer::from_str(line);
        let Object { record, twice } = Keys(&self.names)
            .deserialize(&mut deserializer)
            .and_then(|object| deserializer.end().map(|()| object))
            .map_err(|error| not_json(line, &error))?;
        if let Some(field) = twice {
            return Err(format!("has the key `{}` twice", self.names.of(field)));
        }
        if !record.is_canonical() {
            let json = Json::parse(line).map_err(|error| not_json(line, &error))?;
            // What has some of our keys, and no shape of anybody else's, is one of ours with something missing.
            if !record.may_be_canonical() || shape::is_known(&json) {
                return shape::read(&json, number, sink);
            }
        }
        sink.record(&record, &self.names, number)
    }
}

const NO_OBJECT: &str = "is not a JSON object; write one object a line (`jq -c '.[]'` does it for an array)";

/// The parser's words without the line number, which is always 1. They never quote the text.
fn not_json(line: &str, error: &serde_json::Error) -> String {
    // A line of an array that is spread over several.
    let line = line.trim_ascii();
    if line.starts_with(['[', ']']) || line.ends_with(',') {
        return NO_OBJECT.to_owned();
    }
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let what = text.strip_suffix(&place).unwrap_or(&text);
    format!("is not valid JSON: {what} at column {}", error.column())
}

/// The known keys of an object. Values stay as they are written: ids must keep all their digits.
struct Object<'a> {
    record: Record<'a>,
    twice: Option<Field>,
}

struct Keys<'n>(&'n Names);

impl<'de> DeserializeSeed<'de> for Keys<'_> {
    type Value = Object<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Object<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Keys<'_> {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
        let mut object = Object { record: Record::default(), twice: None };
        while let Some(field) = map.next_key_seed(Key(self.0))? {
            let Some(field) = field else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let value: &RawValue = map.next_value()?;
            if !object.record.set(field, value_of(value.get())) {
                object.twice.get_or_insert(field);
            }
        }
        Ok(object)
    }
}

struct Key<'n>(&'n Names);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<Field>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Field>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Option<Field>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Option<Field>, E> {
        Ok(self.0.find(key))
    }
}

/// What a JSON value says. The parser has made sure that it is one.
fn value_of(json: &str) -> Value<'_> {
    match json.as_bytes() {
        [b'"', inside @ .., b'"'] if memchr::memchr(b'\\', inside).is_none() => Value::Text(&json[1..json.len() - 1]),
        [b'"', ..] => Value::JsonText(json),
        [b'n', ..] => Value::Null,
        [b't', ..] => Value::Truth(true),
        [b'f', ..] => Value::Truth(false),
        [b'{' | b'[', ..] => Value::Nested,
        _ => Value::Number(json),
    }
}

pub(super) const FORMAT: Format = Format { name: "jsonl", fits, open };
