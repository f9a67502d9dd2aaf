//! A canonical record as nearly every log writes it: one object on one line, with nothing nested and every key once.
//!
//! Reading those in one pass costs a third of what the general parser takes for them. What is in any way unusual is left to that one, so
//! what is accepted, what is refused and in which words is decided there alone; a test compares the two.

use super::canonical::{Names, Record, Value};
use crate::scan::special;

/// Reads the record on `line`, if it is a flat object that the general parser would read alike, in place of what was in
/// `record`. Whether it was.
pub(super) fn read<'a>(line: &'a str, names: &Names, record: &mut Record<'a>) -> bool {
    record.clear();
    fields(line, names, record).is_some() && record.is_canonical()
}

fn fields<'a>(line: &'a str, names: &Names, record: &mut Record<'a>) -> Option<()> {
    let bytes = line.as_bytes();
    let mut at = blanks(bytes, 0);
    if bytes.get(at) != Some(&b'{') {
        return None;
    }
    loop {
        at = blanks(bytes, at + 1);
        if bytes.get(at) != Some(&b'"') {
            return None;
        }
        let (key_end, false) = string_end(bytes, at + 1)? else { return None };
        let field = names.find(line.get(at + 1..key_end)?);
        at = blanks(bytes, key_end + 1);
        if bytes.get(at) != Some(&b':') {
            return None;
        }
        at = blanks(bytes, at + 1);
        let (value, end) = value(line, at)?;
        if let Some(field) = field
            && !record.set(field, value)
        {
            return None;
        }
        at = blanks(bytes, end);
        match bytes.get(at)? {
            b',' => {}
            b'}' => break,
            _ => return None,
        }
    }
    (blanks(bytes, at + 1) == bytes.len()).then_some(())
}

/// The value that begins at `at`, and where it ends.
fn value(line: &str, at: usize) -> Option<(Value<'_>, usize)> {
    let bytes = line.as_bytes();
    let rest = bytes.get(at..)?;
    match rest.first()? {
        b'"' => {
            let (end, escapes) = string_end(bytes, at + 1)?;
            let value = match escapes {
                false => Value::Text(line.get(at + 1..end)?),
                true => Value::JsonText(line.get(at..=end)?),
            };
            Some((value, end + 1))
        }
        // A number that is no plain integer is rare enough to leave it.
        b'1'..=b'9' => {
            let digits = rest.iter().take_while(|c| c.is_ascii_digit()).count();
            let goes_on = matches!(rest.get(digits), Some(b'.' | b'e' | b'E'));
            (!goes_on).then_some((Value::Number(line.get(at..at + digits)?), at + digits))
        }
        b't' if rest.starts_with(b"true") => Some((Value::Truth(true), at + 4)),
        b'f' if rest.starts_with(b"false") => Some((Value::Truth(false), at + 5)),
        b'n' if rest.starts_with(b"null") => Some((Value::Null, at + 4)),
        _ => None,
    }
}

/// The first place from `at` on that is no blank.
fn blanks(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
        at += 1;
    }
    at
}

/// The place of the quote that ends the string which begins at `at`, and whether anything in it is escaped; nothing where
/// the string is not valid.
fn string_end(bytes: &[u8], mut at: usize) -> Option<(usize, bool)> {
    let mut escapes = false;
    loop {
        at = special(bytes, at);
        match bytes.get(at)? {
            b'"' => return Some((at, escapes)),
            b'\\' => {
                escapes = true;
                at += match bytes.get(at + 1)? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 2,
                    b'u' if bytes.get(at + 2..at + 6)?.iter().all(u8::is_ascii_hexdigit) => 6,
                    _ => return None,
                };
            }
            _ => return None,
        }
    }
}
