//! Texts in our own files: no cell of a table starts a formula, no character acts on a terminal, and what is read back is
//! the text as it was.
//!
//! A cell that begins like a formula, or with the quote that we put before one, gets a quote in front: `=1+1` is written
//! as `'=1+1`. One with control characters is a JSON string behind such a quote: `'"a\u0007b"`.

use std::borrow::Cow;

use serde::Serialize;

use crate::harmless::{self, is_unsafe};

/// What goes in front.
const QUOTE: char = '\'';

/// Whether it is so begun that a spreadsheet would calculate, or we would read it back otherwise.
fn is_begun_so(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r', QUOTE])
}

/// A text as a cell.
pub(super) fn written(text: &str) -> Cow<'_, str> {
    // Line ends are in quotes, and a tab moves nothing that is not ours.
    if text.contains(|c| is_unsafe(c) && !matches!(c, '\n' | '\t')) {
        let mut json = Vec::new();
        // Memory takes all that is written, and what JSON is made of is text.
        let is_done = text.serialize(&mut harmless::json(&mut json)).is_ok();
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
