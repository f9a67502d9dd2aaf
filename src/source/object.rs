//! One JSON object, on a line of its own or out of a document: a canonical record, or one of somebody else's shape.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Sink;
use super::canonical::{Field, Names, Record, Value};
use super::json::Json;
use super::shape;

/// Why an object cannot be read.
pub(super) enum Wrong {
    /// It is none.
    NotJson(serde_json::Error),
    /// It is one, and its record cannot be read, as half a sentence.
    Record(String),
}

impl From<serde_json::Error> for Wrong {
    fn from(error: serde_json::Error) -> Wrong {
        Wrong::NotJson(error)
    }
}

impl From<String> for Wrong {
    fn from(reason: String) -> Wrong {
        Wrong::Record(reason)
    }
}

/// Reads the object `text`, which begins on `line`. Here its shape is judged.
pub(super) fn read(text: &str, names: &Names, line: u64, sink: &mut Sink<'_>) -> Result<(), Wrong> {
    // Most records of other people's shapes show at once that they are none of ours, and need not be read twice.
    let wanted = sink.options.from;
    if wanted.is_none_or(|name| name != shape::CANONICAL)
        && names.mapped().next().is_none()
        && lacks_time(text)
        && let Ok(json) = Json::parse(text)
        && (wanted.is_some() || shape::is_known(&json))
    {
        return Ok(shape::read(&json, line, sink)?);
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let Object { record, twice } =
        Keys(names).deserialize(&mut deserializer).and_then(|object| deserializer.end().map(|()| object))?;
    if let Some(field) = twice {
        return Err(Wrong::Record(format!("has the key `{}` twice", names.of(field))));
    }
    if wanted.map_or(!record.is_canonical(), |name| name != shape::CANONICAL) {
        let json = Json::parse(text)?;
        // What has some of our keys, and no shape of anybody else's, is one of ours with something missing.
        if wanted.is_some() || !record.may_be_canonical() || shape::is_known(&json) {
            return Ok(shape::read(&json, line, sink)?);
        }
    }
    Ok(sink.record(&record, names, line)?)
}

/// Whether no key of the text can be that of a canonical record's time, however it is written.
fn lacks_time(text: &str) -> bool {
    let has = |part: &str| memchr::memmem::find(text.as_bytes(), part.as_bytes()).is_some();
    !has("\"ts\"") && !has("\\u007")
}

/// The parser's words, which never quote the text, with the line only where the object has several: `first_line` is then
/// the one it begins on.
pub(super) fn not_json(error: &serde_json::Error, first_line: Option<u64>) -> String {
    let what = words(error);
    match first_line {
        Some(first) if 1 < error.line() => {
            let line = (first + error.line() as u64).saturating_sub(1);
            format!("is not valid JSON: {what} at column {} of line {line}", error.column())
        }
        _ => format!("is not valid JSON: {what} at column {}", error.column()),
    }
}

/// The same of an object that stands on one line, behind so many bytes of something else.
pub(super) fn not_json_behind(before: usize, error: &serde_json::Error) -> String {
    format!("is not valid JSON: {} at column {}", words(error), before + error.column())
}

/// The parser's words without the place.
fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
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
