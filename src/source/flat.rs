//! A canonical record as nearly every log writes it: one object on one line, with nothing nested and every key once.
//!
//! Reading those in one pass costs a third of what the general parser takes for them. What is in any way unusual is left to that one, so
//! what is accepted, what is refused and in which words is decided there alone; a test compares the two.

use super::canonical::{Field, Names, Record, Value};
use crate::scan::special;

/// The keys of a log, each as it was written last, with what followed it: a program writes its keys in the same order again
/// and again, so that the next one need only be compared with the one expected.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// The first one is that of nothing: what follows it begins a record.
    known: Vec<Key>,
}

#[derive(Debug, Default)]
struct Key {
    /// From its first quote to where its value begins.
    written: String,
    field: Option<Field>,
    /// Which key followed it last.
    next: usize,
}

/// More different keys than these no log of flat records has; those of others are found without this.
const MOST_KEYS: usize = 64;

/// Reads the record on `line`, if it is a flat object that the general parser would read alike, in place of what was in
/// `record`. Whether it was.
pub(super) fn read<'a>(line: &'a str, names: &Names, keys: &mut Keys, record: &mut Record<'a>) -> bool {
    record.clear();
    fields(line, names, keys, record).is_some() && record.is_canonical()
}

fn fields<'a>(line: &'a str, names: &Names, keys: &mut Keys, record: &mut Record<'a>) -> Option<()> {
    let bytes = line.as_bytes();
    let mut at = blanks(bytes, 0);
    if bytes.get(at) != Some(&b'{') {
        return None;
    }
    let mut key = 0;
    loop {
        at = blanks(bytes, at + 1);
        let (field, value_at);
        (key, field, value_at) = keys.next(key, line, at, names)?;
        let (value, end) = value(line, value_at)?;
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

impl Keys {
    /// The key that begins at `at`, behind the key `last`; its field, if it is one of ours, and where its value begins.
    fn next(&mut self, last: usize, line: &str, at: usize, names: &Names) -> Option<(usize, Option<Field>, usize)> {
        let rest = line.as_bytes().get(at..)?;
        let expected = self.known.get(last).map_or(0, |last| last.next);
        if let Some(key) = self.known.get(expected).filter(|key| !key.written.is_empty())
            && rest.starts_with(key.written.as_bytes())
        {
            // A writer that changes its blanks is still expected to keep its order.
            return Some((expected, key.field, blanks(line.as_bytes(), at + key.written.len())));
        }
        let (name, value_at) = key(line, at)?;
        let field = names.find(name);
        Some((self.learn(last, line.get(at..value_at)?, field), field, value_at))
    }

    /// Takes note of what followed `last`.
    fn learn(&mut self, last: usize, written: &str, field: Option<Field>) -> usize {
        if self.known.is_empty() {
            self.known.push(Key::default());
        }
        let known = self.known.iter().position(|key| key.written == written);
        let index = known.unwrap_or(self.known.len());
        if known.is_none() {
            if MOST_KEYS <= index {
                return 0;
            }
            self.known.push(Key { written: written.to_owned(), field, next: 0 });
        }
        if let Some(last) = self.known.get_mut(last) {
            last.next = index;
        }
        index
    }
}

/// The name of the key that begins at `at`, which holds no escapes, and where its value begins.
fn key(line: &str, at: usize) -> Option<(&str, usize)> {
    let bytes = line.as_bytes();
    if bytes.get(at) != Some(&b'"') {
        return None;
    }
    let (end, false) = string_end(bytes, at + 1)? else { return None };
    let colon = blanks(bytes, end + 1);
    if bytes.get(colon) != Some(&b':') {
        return None;
    }
    Some((line.get(at + 1..end)?, blanks(bytes, colon + 1)))
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
