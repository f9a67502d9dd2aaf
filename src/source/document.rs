//! JSON that is not one record a line: an object or an array spread over many lines, or all on one; several of them, one
//! after another.
//!
//! Arrays at the top only hold records together. They are taken apart, so that an array of any length is read in blocks: a
//! block is cut after an element, and where the next one begins is found by counting brackets from there. An element that
//! is broken costs as few others as can be: an object directly inside an object, where a key must stand, is the next
//! element.

use serde::de::IgnoredAny;

use super::canonical::Names;
use super::input::UTF8_MARK;
use super::object::{self, Wrong};
use super::{Fit, Format, Layout, Opened, Options, Refusal, Sink, Start, too_long};

/// A single line that is longer than this is no line of JSON lines.
const LONG_LINE: usize = 1 << 20;
/// How often in one block reading goes on behind an element that is never closed. Each time may look through the rest.
const MOST_RETRIES: usize = 100;

struct Documents {
    names: Names,
    max_bytes: usize,
}

fn fits(start: &Start<'_>) -> Fit {
    let bytes = start.bytes.trim_ascii_start();
    let is_document = match bytes.first() {
        // What else begins with a bracket begins with a date in brackets.
        Some(b'[') => matches!(bytes[1..].trim_ascii_start().first(), None | Some(b'{' | b'[' | b']' | b'"')),
        Some(b'{') => goes_over_lines(bytes),
        _ => false,
    };
    if is_document { Fit::Surely } else { Fit::No }
}

/// Whether the object with which `bytes` begin goes over several lines, or fills one that is too long for a line.
fn goes_over_lines(bytes: &[u8]) -> bool {
    let Some(end) = memchr::memchr(b'\n', bytes) else { return LONG_LINE <= bytes.len() };
    let line = bytes[..end].trim_ascii_end();
    match serde_json::from_slice::<IgnoredAny>(line) {
        Ok(_) => false,
        // A first line that was cut short is no reason to read all others otherwise.
        Err(error) if error.is_eof() => match line.last() {
            Some(b'{' | b'[' | b',' | b':') => true,
            _ => {
                let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<IgnoredAny>();
                values.next().is_some_and(|value| match value {
                    Ok(_) => true,
                    Err(error) => error.is_eof() && LONG_LINE <= bytes.len(),
                })
            }
        },
        Err(_) => false,
    }
}

fn open(start: &Start<'_>) -> Result<Opened, Refusal> {
    let Start { options, .. } = start;
    let layout = Documents { names: Names::new(&options.map), max_bytes: options.max_document_bytes };
    Ok(Opened { layout: Box::new(layout), skip: 0 })
}

impl Layout for Documents {
    fn max_record_bytes(&self, options: &Options) -> usize {
        options.max_document_bytes
    }

    fn goes_on(&self) -> bool {
        false
    }

    fn cut(&self, bytes: &[u8]) -> usize {
        let mut walk = Walk { bytes, at: 0, brackets: 0 };
        let mut whole = None;
        while let Some(piece) = walk.next_piece() {
            if !piece.is_closed {
                return whole.unwrap_or(0);
            }
            whole = if piece.shows_its_end { Some(walk.at) } else { whole.or(Some(0)) };
        }
        // Nothing but brackets and blanks. The last line of those, with its beginning, tells how far an element is indented.
        whole.unwrap_or_else(|| memchr::memrchr(b'\n', bytes).unwrap_or(0))
    }

    fn read(&self, bytes: &[u8], first_line: u64, sink: &mut Sink<'_>) {
        let mut walk = Walk { bytes, at: 0, brackets: 0 };
        let (mut line, mut counted) = (first_line, 0);
        let mut retries = 0;
        while let Some(piece) = walk.next_piece() {
            line += count_lines(&bytes[counted..piece.begin]);
            counted = piece.begin;
            let raw = &bytes[piece.begin..piece.end];
            if let Err(reason) = self.element(raw, &piece, line, sink) {
                sink.bad(line, reason);
            }
            if piece.is_object && !piece.is_closed {
                let next = next_like(bytes, piece.begin).filter(|_| retries < MOST_RETRIES);
                retries += 1;
                walk.at = next.unwrap_or(bytes.len());
            }
        }
        // Blanks at the end are no part of it, wherever a block was cut among them.
        if let Some(last) = bytes.iter().rposition(|c| !matches!(c, b' ' | b'\t' | b'\r' | b'\n')) {
            line += count_lines(&bytes[counted..=last.max(counted)]);
            sink.tally.brackets(walk.brackets, line);
        }
    }
}

impl Documents {
    fn element(&self, raw: &[u8], piece: &Piece, line: u64, sink: &mut Sink<'_>) -> Result<(), String> {
        if !piece.is_object {
            return Err("is not a JSON object, nor an array of objects".to_owned());
        }
        if self.max_bytes < raw.len() {
            return Err(too_long(self.max_bytes));
        }
        let text = std::str::from_utf8(raw).map_err(|_| "is not UTF-8; convert it to UTF-8".to_owned())?;
        object::read(text, &self.names, line, sink).map_err(|wrong| match wrong {
            Wrong::NotJson(error) => object::not_json(&error, Some(line)),
            Wrong::Record(reason) => reason,
        })
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

/// An element, or something else that stands in its place.
struct Piece {
    begin: usize,
    end: usize,
    is_object: bool,
    /// Whether its end was found, so that what follows does not change it.
    is_closed: bool,
    /// Whether it ends in the same way if the block is cut behind it.
    shows_its_end: bool,
}

/// A walk over text that begins between elements.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The brackets passed between elements: those that open less those that close.
    brackets: i64,
}

impl Walk<'_> {
    fn next_piece(&mut self) -> Option<Piece> {
        loop {
            let begin = self.at;
            match self.bytes.get(begin)? {
                b'[' => self.brackets += 1,
                b']' => self.brackets -= 1,
                b',' | b' ' | b'\t' | b'\r' | b'\n' => {}
                b'{' => {
                    let found = object_end(self.bytes, begin);
                    self.at = found.map_or(self.bytes.len(), |(end, _)| end);
                    let shows_its_end = found.is_some_and(|(_, shows)| shows);
                    let is_closed = found.is_some();
                    return Some(Piece { begin, end: self.at, is_object: true, is_closed, shows_its_end });
                }
                // A mark inside a file is where two files were joined.
                _ if self.bytes[begin..].starts_with(UTF8_MARK) => self.at += UTF8_MARK.len() - 1,
                _ => {
                    let found = other_end(self.bytes, begin);
                    let end = found.unwrap_or(self.bytes.len());
                    let shows_its_end = self.bytes.get(end) == Some(&b'\n');
                    self.at = end;
                    return Some(Piece { begin, end, is_object: false, is_closed: found.is_some(), shows_its_end });
                }
            }
            self.at += 1;
        }
    }
}

/// Where what is no object ends: before the next bracket, or with its line.
fn other_end(bytes: &[u8], begin: usize) -> Option<usize> {
    let mut at = begin;
    loop {
        match bytes.get(at)? {
            b'{' | b'[' | b']' | b'\n' => return Some(at),
            b'"' => at = string_end(bytes, at + 1)?,
            _ => at += 1,
        }
    }
}

/// Where the object that begins at `begin` ends, or must have ended, and whether the bytes up to there show it. `None` if
/// no bytes do.
fn object_end(bytes: &[u8], begin: usize) -> Option<(usize, bool)> {
    let mut open: Vec<u8> = Vec::new();
    // The last byte that was no blank.
    let mut before = b':';
    let mut at = begin;
    loop {
        let byte = *bytes.get(at)?;
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {
                at += 1;
                continue;
            }
            b'"' if matches!(before, b'{' | b'[' | b',' | b':') => {
                at = string_end(bytes, at + 1)?;
                before = byte;
                continue;
            }
            // A quote is missing or too many: from here on, inside and outside are confused.
            b'"' => match out_of_step(bytes, begin, at)? {
                OutOfStep::Ended(end) => return Some((end, false)),
                OutOfStep::Line(end) => {
                    at = end;
                    before = b',';
                    continue;
                }
            },
            b'{' | b'[' => {
                // Inside an object a value has a key: this is the next element, and the one we are in was never closed.
                if before != b':' && open.last() == Some(&b'{') {
                    return Some((at, false));
                }
                open.push(byte);
            }
            b'}' => {
                while open.pop().is_some_and(|opened| opened != b'{') {}
                if open.is_empty() {
                    return Some((at + 1, true));
                }
            }
            b']' => match open.iter().rposition(|opened| *opened == b'[') {
                Some(opened) => open.truncate(opened),
                // The array around the elements ends here.
                None => return Some((at, false)),
            },
            _ => {}
        }
        before = byte;
        at += 1;
    }
}

/// Where a string ends whose inside begins at `at`. No string goes over a line: one that does was never closed.
fn string_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr::memchr3(b'"', b'\\', b'\n', bytes.get(at..)?)?;
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += if bytes.get(at + 1)? == &b'\n' { 1 } else { 2 },
            _ => return Some(at),
        }
    }
}

enum OutOfStep {
    /// The element ends here.
    Ended(usize),
    /// It goes on behind this line.
    Line(usize),
}

/// Where reading can go on from a place that is inside a string or outside, nobody knows: a string ends with its line, and
/// where all stands on one line `},{"` is the next element.
fn out_of_step(bytes: &[u8], begin: usize, at: usize) -> Option<OutOfStep> {
    let rest = &bytes[at..];
    let line_end = memchr::memchr(b'\n', rest);
    if !bytes[begin..at].contains(&b'\n') {
        let line = &rest[..line_end.unwrap_or(rest.len())];
        for close in memchr::memchr_iter(b'}', line) {
            let behind = line[close + 1..].trim_ascii_start();
            let next = behind.strip_prefix(b",").map(<[u8]>::trim_ascii_start);
            let next = next.and_then(|next| next.strip_prefix(b"{")).map(<[u8]>::trim_ascii_start);
            if next.is_some_and(|next| next.starts_with(b"\"")) {
                return Some(OutOfStep::Ended(at + close + 1));
            }
        }
    }
    line_end.map(|end| OutOfStep::Line(at + end))
}

/// The next line that begins as the one of the element at `begin` does: as many blanks, and an object. A block may begin
/// inside a line, so what the first one begins with is not known.
fn next_like(bytes: &[u8], begin: usize) -> Option<usize> {
    let line_begin = memchr::memrchr(b'\n', &bytes[..begin])? + 1;
    let indent = &bytes[line_begin..begin];
    if !indent.iter().all(|c| matches!(c, b' ' | b'\t')) {
        return None;
    }
    let ends = memchr::memchr_iter(b'\n', &bytes[begin..]).map(|end| begin + end + 1);
    let mut begins = ends.map(|line| (line + indent.len(), &bytes[line..]));
    let found = begins.find(|(_, line)| line.strip_prefix(indent).is_some_and(|rest| rest.starts_with(b"{")));
    found.map(|(at, _)| at)
}

pub(super) const FORMAT: Format = Format { name: "json", fits, open };
