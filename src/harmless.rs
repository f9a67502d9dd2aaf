//! Characters that act on a terminal instead of standing on it, and JSON in which none does.

use std::io::{self, Write};

use serde_json::ser::{CompactFormatter, Formatter, Serializer};

/// Whether a character acts on a terminal instead of standing on it, or turns the writing round.
pub(crate) fn is_unsafe(c: char) -> bool {
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    c.is_control() || turns
}

/// Writes a character as JSON may spell any: `\u001b`.
pub(crate) fn spell<W: ?Sized + Write>(out: &mut W, c: char) -> io::Result<()> {
    c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}"))
}

/// Writes compact JSON in which no character acts on a terminal.
pub(crate) fn json<W: Write>(out: W) -> Serializer<W, Harmless> {
    Serializer::with_formatter(out, Harmless(CompactFormatter))
}

/// Spells what acts on a terminal: JSON itself only escapes characters below U+0020.
pub(crate) struct Harmless(CompactFormatter);

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.is_ascii() && !fragment.contains('\u{7f}') {
            return self.0.write_string_fragment(writer, fragment);
        }
        let mut rest = fragment;
        while let Some(at) = rest.find(is_unsafe) {
            let (safe, from) = rest.split_at(at);
            self.0.write_string_fragment(writer, safe)?;
            let mut chars = from.chars();
            if let Some(c) = chars.next() {
                spell(writer, c)?;
            }
            rest = chars.as_str();
        }
        self.0.write_string_fragment(writer, rest)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde::Serialize;

    #[test]
    fn json_comes_back_and_acts_on_no_terminal() {
        let text = "é\u{7f}\u{1b}[2J\u{9b}x\u{202e}\u{feff}\u{1f600}";
        let mut out = Vec::new();
        text.serialize(&mut json(&mut out)).unwrap();
        let written = String::from_utf8(out).unwrap();
        assert_eq!(written, "\"é\\u007f\\u001b[2J\\u009bx\\u202e\\ufeff\u{1f600}\"");
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
    }
}
