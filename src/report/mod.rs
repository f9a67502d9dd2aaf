//! Reports: a format is a function of findings. Push, do not collect: a format that needs to see all of them first (the
//! table) keeps what it needs.
//!
//! A new format is one file here and a line below. No format knows a log, a clock or a terminal; whether there may be
//! colour, and how wide a table may be, the program says.

mod csv;
mod escape;
mod json;
#[cfg(feature = "cli")]
mod table;
mod text;

use std::borrow::Cow;
use std::io::{self, Write};

use crate::finding::{Finding, Judged, Summary};
use crate::harmless::is_unsafe;

/// Takes findings as they come and a summary at the end.
pub trait Report {
    /// Takes some findings; they come in order of time.
    ///
    /// # Errors
    /// The report could not be written.
    fn findings(&mut self, findings: &[Finding<'_>]) -> io::Result<()>;

    /// Takes the summary; nothing comes after it.
    ///
    /// # Errors
    /// The report could not be written.
    fn finish(&mut self, summary: &Summary) -> io::Result<()>;
}

/// Takes verdicts as they come.
pub trait VerdictReport {
    /// Takes one verdict; they come in order of time.
    ///
    /// # Errors
    /// The report could not be written.
    fn verdict(&mut self, judged: &Judged<'_>) -> io::Result<()>;

    /// Writes what has to stand there even without verdicts; nothing comes after it.
    ///
    /// # Errors
    /// The report could not be written.
    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How a report may look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Columns of the terminal.
    pub width: u16,
    /// Whether escape sequences for colour are welcome.
    pub colour: bool,
    /// How many findings of a rule a table shows in full; the rest it counts. `None` shows all.
    pub rows_per_rule: Option<usize>,
}

/// A format of findings.
pub struct Format {
    /// Its name on the command line.
    pub name: &'static str,
    /// Makes the report.
    pub report: for<'w> fn(&'w mut (dyn Write + Send), Look) -> Box<dyn Report + Send + 'w>,
}

/// A format of verdicts.
pub struct VerdictFormat {
    /// Its name on the command line.
    pub name: &'static str,
    /// Makes the report.
    pub report: for<'w> fn(&'w mut (dyn Write + Send)) -> Box<dyn VerdictReport + Send + 'w>,
}

/// The formats of findings; the first is the default.
pub const FORMATS: &[Format] = &[
    #[cfg(feature = "cli")]
    table::FORMAT,
    json::FORMAT,
    json::LINES,
    csv::FORMAT,
];

/// The formats of verdicts; the first is the default.
pub const VERDICT_FORMATS: &[VerdictFormat] = &[text::FORMAT, json::VERDICTS, csv::VERDICTS];

/// A text that came from a log as a terminal may show it: control characters and those that turn the writing round are
/// spelt out, so that a message cannot move the cursor, recolour the report or hide a part of it.
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let spelt = text.chars().map(|c| if is_unsafe(c) { c.escape_unicode().to_string() } else { c.to_string() });
    Cow::Owned(spelt.collect())
}

/// The text in lines of at most `width` columns; those after the first begin with `indent` blanks. Wide characters count
/// as what they are, and a word that fits no line is cut.
#[cfg(feature = "cli")]
pub fn wrapped(text: &str, width: usize, indent: usize) -> Vec<String> {
    use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

    let mut lines = Vec::new();
    let (mut line, mut used) = (String::new(), 0);
    let mut empty = true;
    for word in text.split_whitespace() {
        let word_width = word.width();
        if !empty && width < used + 1 + word_width {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            (used, empty) = (indent, true);
        }
        if !empty {
            line.push(' ');
            used += 1;
        }
        for c in word.chars() {
            let c_width = c.width().unwrap_or(0);
            if !empty && width < used + c_width {
                lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
                used = indent;
            }
            line.push(c);
            used += c_width;
            empty = false;
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_a_log_acts_on_a_terminal() {
        assert_eq!(plain("ana \u{1f600} ж"), "ana \u{1f600} ж");
        assert_eq!(plain("a\u{1b}[31mb\u{9b}c\u{202e}d\ne"), "a\\u{1b}[31mb\\u{9b}c\\u{202e}d\\u{a}e");
    }

    #[cfg(feature = "cli")]
    #[test]
    fn no_line_is_wider_than_it_may_be() {
        assert_eq!(wrapped("the user  had stopped it", 12, 2), ["the user had", "  stopped it"]);
        assert_eq!(wrapped("abcdefghij kl", 4, 1), ["abcd", " efg", " hij", " kl"]);
        assert_eq!(wrapped("漢字漢字", 5, 1), ["漢字", " 漢字"]);
        assert_eq!(wrapped("", 10, 2), [""]);
    }
}
