//! JSON written by hand: a report of findings is mostly strings, and a general serializer looks at each of their bytes.
//!
//! In what is written no character acts on a terminal; JSON itself only escapes those below U+0020. A test compares every
//! string with what a general parser makes of it.

use std::io::Write;

use crate::finding::Source;
use crate::harmless::{is_unsafe, spell};
use crate::scan::unusual;

/// Writes one object, member by member.
pub(super) struct Object<'o> {
    out: &'o mut Vec<u8>,
    is_empty: bool,
}

impl<'o> Object<'o> {
    /// An object without members yet.
    pub(super) fn new(out: &'o mut Vec<u8>) -> Object<'o> {
        out.push(b'{');
        Object { out, is_empty: true }
    }

    fn name(&mut self, name: &str) -> &mut Vec<u8> {
        if !self.is_empty {
            self.out.push(b',');
        }
        self.is_empty = false;
        // Names are ours, and need no escaping.
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// A member that is text.
    pub(super) fn text(&mut self, name: &str, text: &str) {
        string(self.name(name), text);
    }

    /// A member that is text or null.
    pub(super) fn maybe(&mut self, name: &str, text: Option<&str>) {
        match text {
            Some(text) => self.text(name, text),
            None => self.name(name).extend_from_slice(b"null"),
        }
    }

    /// A member that is true, false or null.
    pub(super) fn truth(&mut self, name: &str, truth: Option<bool>) {
        self.name(name).extend_from_slice(match truth {
            Some(true) => b"true",
            Some(false) => b"false",
            None => b"null",
        });
    }

    /// A text of ours that needs no escaping: a time, a day, hex digits.
    pub(super) fn plain(&mut self, name: &str, text: impl std::fmt::Display) {
        let out = self.name(name);
        // Writing to memory does not fail.
        let _ = write!(out, "\"{text}\"");
    }

    /// Milliseconds as seconds: an integer where they are whole, as `0.017` where they are not.
    pub(super) fn seconds(&mut self, name: &str, ms: i64) {
        let out = self.name(name);
        let _ = match ms % 1_000 {
            0 => write!(out, "{}", ms / 1_000),
            _ => write!(out, "{}", ms as f64 / 1_000.0),
        };
    }

    /// A number, to hundredths: `2.5`.
    pub(super) fn hundredths(&mut self, name: &str, number: f64) {
        let _ = write!(self.name(name), "{:?}", (number * 100.0).round() / 100.0);
    }

    /// A list of texts.
    pub(super) fn list(&mut self, name: &str, texts: impl IntoIterator<Item = impl AsRef<str>>) {
        self.items(name, texts, |out, text| string(out, text.as_ref()));
    }

    /// A member that is a record.
    pub(super) fn source(&mut self, name: &str, source: Source<'_>) {
        record(self.name(name), source);
    }

    /// A list of records.
    pub(super) fn sources(&mut self, name: &str, sources: &[Source<'_>]) {
        self.items(name, sources, |out, source| record(out, *source));
    }

    /// A list whose items `write` writes.
    fn items<T>(&mut self, name: &str, items: impl IntoIterator<Item = T>, write: impl Fn(&mut Vec<u8>, T)) {
        let out = self.name(name);
        out.push(b'[');
        for (index, item) in items.into_iter().enumerate() {
            if 0 < index {
                out.push(b',');
            }
            write(out, item);
        }
        out.push(b']');
    }

    /// A member that is an object itself.
    pub(super) fn object(&mut self, name: &str) -> Object<'_> {
        Object::new(self.name(name))
    }

    /// Ends the object.
    pub(super) fn end(self) {
        self.out.push(b'}');
    }
}

/// Writes where a record stands.
fn record(out: &mut Vec<u8>, source: Source<'_>) {
    out.push(b'"');
    escaped(out, source.input);
    // Writing to memory does not fail.
    let _ = write!(out, ":{}\"", source.line);
}

/// Writes a text with its quotes.
fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    escaped(out, text);
    out.push(b'"');
}

fn escaped(out: &mut Vec<u8>, text: &str) {
    let mut rest = text;
    loop {
        let (plain, from) = rest.split_at(unusual(rest.as_bytes(), 0));
        out.extend_from_slice(plain.as_bytes());
        if from.is_empty() {
            break;
        }
        let mut chars = from.chars();
        match chars.next() {
            Some(quoted @ ('"' | '\\')) => out.extend_from_slice(&[b'\\', quoted as u8]),
            Some('\n') => out.extend_from_slice(b"\\n"),
            Some('\r') => out.extend_from_slice(b"\\r"),
            Some('\t') => out.extend_from_slice(b"\\t"),
            Some(c) if is_unsafe(c) => {
                // Writing to memory does not fail.
                let _ = spell(out, c);
            }
            Some(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            None => {}
        }
        rest = chars.as_str();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::{ProptestConfig, any, proptest};

    #[test]
    fn any_text_comes_back_and_acts_on_no_terminal() {
        proptest!(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }, |(text in any::<String>())| {
            let mut out = Vec::new();
            string(&mut out, &text);
            let written = String::from_utf8(out).unwrap();
            assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
            assert!(!written.chars().any(is_unsafe));
        });
    }

    #[test]
    fn members_follow_each_other() {
        let mut out = Vec::new();
        let mut object = Object::new(&mut out);
        object.text("a", "x\n\u{1b}\u{8}\u{202e}\"é");
        object.maybe("b", None);
        object.seconds("c", 17);
        object.list("d", ["1", "2"]);
        let mut inner = object.object("e");
        inner.truth("f", Some(true));
        inner.end();
        object.end();
        let expected = r#"{"a":"x\n\u001b\u0008\u202e\"é","b":null,"c":0.017,"d":["1","2"],"e":{"f":true}}"#;
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
