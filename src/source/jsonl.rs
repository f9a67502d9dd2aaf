//! JSON lines: one object a line.

use serde::de::IgnoredAny;

use super::canonical::{Names, Record};
use super::flat;
use super::input::UTF8_MARK;
use super::object::{self, Wrong};
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
        let text = simdutf8::basic::from_utf8(bytes).ok();
        let ends = memchr::memchr_iter(b'\n', bytes).chain([bytes.len()]);
        let mut begin = 0;
        let (mut record, mut keys) = (Record::default(), flat::Keys::default());
        let is_wanted = sink.options.from.is_none_or(|name| name == shape::CANONICAL);
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
                    Some(object) if is_wanted && flat::read(object, &self.names, &mut keys, &mut record) => {
                        sink.record(&record, &self.names, line)
                    }
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
    fn object(&self, line: &str, number: u64, sink: &mut Sink<'_>) -> Result<(), String> {
        if line.trim_ascii_start().starts_with('{') {
            return object::read(line, &self.names, number, sink).map_err(|wrong| match wrong {
                Wrong::NotJson(error) => not_json(line, &error),
                Wrong::Record(reason) => reason,
            });
        }
        if let Some(outcome) = prefixed::read(line, number, sink) {
            return outcome;
        }
        Err(match serde_json::from_str::<IgnoredAny>(line) {
            Ok(_) => NO_OBJECT.to_owned(),
            Err(error) => not_json(line, &error),
        })
    }
}

const NO_OBJECT: &str = "is not a JSON object; write one object a line (`jq -c '.[]'` does it for an array)";

/// The parser's words, or what a line of an array that is spread over several needs.
fn not_json(line: &str, error: &serde_json::Error) -> String {
    let line = line.trim_ascii();
    if line.starts_with(['[', ']']) || line.ends_with(',') {
        return NO_OBJECT.to_owned();
    }
    object::not_json(error, None)
}

pub(super) const FORMAT: Format = Format { name: "jsonl", fits, open };
