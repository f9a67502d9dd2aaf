//! Texts in our own files: no cell of a table starts a formula, no character acts on a terminal, and what is read back is
//! the text as it was.
//!
//! A cell that begins like a formula, or with the quote that we put before one, gets a quote in front: `=1+1` is written
//! as `'=1+1`. One with control characters is a JSON string behind such a quote: `'"a\u0007b"`.

use std::borrow::Cow;
use std::io::{self, Write};

use serde_json::ser::{CompactFormatter, Formatter};

/// What goes in front.
const QUOTE: char = '\'';

/// Whether a character acts on a terminal instead of standing on it, or turns the writing round.
pub(super) fn is_unsafe(c: char) -> bool {
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    c.is_control() || turns
}

/// Whether it is so begun that a spreadsheet would calculate, or we would read it back otherwise.
fn is_begun_so(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r', QUOTE])
}

/// A text as a cell.
pub(super) fn written(text: &str) -> Cow<'_, str> {
    // Line ends are in quotes, and a tab moves nothing that is not ours.
    if text.contains(|c| is_unsafe(c) && !matches!(c, '\n' | '\t')) {
        let mut json = Vec::new();
        let mut serializer = serde_json::Serializer::with_formatter(&mut json, Harmless(CompactFormatter));
        // Memory takes all that is written, and what JSON is made of is text.
        let is_done = serde::Serialize::serialize(text, &mut serializer).is_ok();
        if let Some(json) = String::from_utf8(json).ok().filter(|_| is_done) {
            return Cow::Owned(format!("{QUOTE}{json}"));
        }
    }
    if is_begun_so(text) { Cow::Owned(format!("{QUOTE}{text}")) } else { Cow::Borrowed(text) }
}

/// The text of a cell that [`written`] has changed; `None` if it is the cell itself.
pub(super) fn read(cell: &str) -> Option<Cow<'_, str>> {
    let inside = cell.strip_prefix(QUOTE)?;
    if inside.starts_with('"') {
        return serde_json::from_str(inside).ok().map(Cow::Owned);
    }
    is_begun_so(inside).then_some(Cow::Borrowed(inside))
}

/// Compact JSON in which no character acts on a terminal: JSON itself only escapes those below U+0020.
pub(super) struct Harmless(pub(super) CompactFormatter);

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.is_ascii() && !fragment.contains('\u{7f}') {
            return self.0.write_string_fragment(writer, fragment);
        }
        let mut rest = fragment;
        while let Some(at) = rest.find(is_unsafe) {
            writer.write_all(&rest.as_bytes()[..at])?;
            let mut units = [0; 2];
            let mut length = 0;
            for c in rest[at..].chars().take(1) {
                length = c.len_utf8();
                for unit in c.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
            rest = &rest[at + length..];
        }
        self.0.write_string_fragment(writer, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_starts_no_formula_and_reads_back() {
        for (text, expected) in [
            ("hello", "hello"),
            ("=1+1", "'=1+1"),
            ("+491511234", "'+491511234"),
            ("-5", "'-5"),
            ("@sum", "'@sum"),
            ("\t=1", "'\t=1"),
            ("'", "''"),
            ("'=1", "''=1"),
            ("'\"x\"", "''\"x\""),
            ("it's", "it's"),
            ("two\nlines", "two\nlines"),
            ("a\r\nb", r#"'"a\r\nb""#),
            ("a\0b", r#"'"a\u0000b""#),
            ("=\u{1b}[2J\"\u{9b}\u{202e}", r#"'"=\u001b[2J\"\u009b\u202e""#),
        ] {
            let cell = written(text);
            assert_eq!(cell, expected);
            assert_eq!(read(&cell).unwrap_or(Cow::Borrowed(&cell)), text, "{cell}");
        }
        // Nothing of ours; these stand for themselves.
        for cell in ["'hello'", "'\"x", "'tis", "", "x"] {
            assert_eq!(read(cell), None, "{cell}");
        }
    }
}
