//! The text file that WhatsApp's "export chat" writes: a line a message, which begins with a local date and time.
//!
//! ```text
//! 01/20/19, 11:23 - Anna: hello
//! [20/01/19, 11:23:45] Anna: hello
//! ```
//! It has no ids, no offset from UTC and no fixed order of day and month; who is the business only a person can tell.
//! A message goes on over the lines that do not begin so. Lines that name nobody are WhatsApp's own.

use std::borrow::Cow;
use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::event::{Channel, Event, Kind, words};
use crate::time::{MINUTE_MS, SECOND_MS, Time};

use super::whatsapp::digits;
use super::{Fit, Format, Layout, Opened, Refusal, Sink, Start, shown, too_long};

pub(super) const FORMAT: Format = Format { name: "chat-txt", fits, open };

words! {
    /// In which order a date names day, month and year.
    DateOrder {
        /// 20/01/2019.
        DayFirst = "dmy",
        /// 01/20/2019.
        MonthFirst = "mdy",
        /// 2019/01/20.
        YearFirst = "ymd",
    }
}

/// What a head is found in: no head is longer.
const HEAD_BYTES: usize = 96;
/// A longer name is a sentence of WhatsApp's own that has a colon in it.
const NAME_CHARS: usize = 64;

/// Sentences of WhatsApp's own that some phones put into somebody's mouth.
const NOTICES: &[&str] = &[
    "messages and calls are end-to-end encrypted",
    "messages to this chat and calls are now secured",
    "messages you send to this chat and calls are now secured",
    "this business uses a secure service",
    "this chat is with a business account",
];

struct ChatTxt {
    order: DateOrder,
    utc_offset_s: i32,
    account: String,
    owners: BTreeSet<String>,
    /// The one person who is not the owner, by the name in the file.
    other: Option<String>,
    max_record_bytes: usize,
}

fn fits(start: &Start<'_>) -> Fit {
    let mut lines = lines(start.bytes).map(|(_, line)| line).filter(|line| !line.trim_ascii().is_empty()).take(40);
    let Some(first) = lines.next() else { return Fit::No };
    // A program's log begins its lines alike, and has records in them; and who says that there are such records is believed.
    if start.options.from.is_some() || first.windows(2).any(|pair| pair == b"{\"") {
        return Fit::No;
    }
    if head(first).is_some() {
        return Fit::Surely;
    }
    // An export may have lost its beginning.
    let (heads, others): (Vec<&[u8]>, Vec<&[u8]>) = lines.partition(|line| head(line).is_some());
    if others.len() < heads.len() { Fit::Perhaps } else { Fit::No }
}

fn open(start: &Start<'_>) -> Result<Opened, Refusal> {
    let options = start.options;
    let mut names: Vec<(String, u64)> = Vec::new();
    let mut dates: BTreeSet<[u32; 3]> = BTreeSet::new();
    for (line, bytes) in (1..).zip(lines(start.bytes).map(|(_, line)| line)) {
        let Some(head) = head(bytes) else { continue };
        dates.insert(head.date);
        let text = String::from_utf8_lossy(&bytes[head.len..]);
        if let Some((name, _)) = said(&text)
            && names.len() <= MOST_NAMES
            && !names.iter().any(|(known, _)| *known == name)
        {
            names.push((name.into_owned(), line));
        }
    }
    let asked: BTreeSet<String> = options.owner.iter().map(|name| folded(name)).collect();
    let (owners, others): (Vec<_>, Vec<_>) = names.into_iter().partition(|(name, _)| asked.contains(&folded(name)));
    let mut missing = Vec::new();
    if owners.is_empty() {
        let there = others.iter().take(5).map(|(name, _)| format!("`{}`", shown(name))).collect::<Vec<_>>().join(", ");
        missing.push(match asked.is_empty() {
            true => format!("--owner NAME, which of {there} is the business"),
            false => format!("--owner NAME as it is in the file, one of {there}"),
        });
    }
    let order = order_of(&dates, options.date_order);
    if let Err(Undecided::Either) = order {
        missing.push("--date-order dmy or mdy, since no date tells day from month".to_owned());
    }
    if options.utc_offset_s.is_none() {
        missing.push("--utc-offset, since its times are local".to_owned());
    }
    let refuse = |line: u64, reason: String| Err(Refusal { line, reason });
    if !missing.is_empty() {
        return refuse(1, format!("is a WhatsApp chat export; say {}", missing.join("; and ")));
    }
    let (Ok(order), Some(utc_offset_s)) = (order, options.utc_offset_s) else {
        return refuse(1, "is a WhatsApp chat export whose dates agree in no order of day, month and year".to_owned());
    };
    if let [_, (name, line), ..] = others.as_slice() {
        return refuse(*line, group(name));
    }
    let first_owner = || {
        let there = |name: &&String| owners.iter().any(|(known, _)| folded(known) == folded(name));
        options.owner.iter().find(there).cloned().unwrap_or_default()
    };
    let account = Some(options.account.clone()).filter(|account| !account.is_empty()).unwrap_or_else(first_owner);
    let other = others.into_iter().next().map(|(name, _)| name);
    let max_record_bytes = options.max_record_bytes;
    let layout = ChatTxt { order, utc_offset_s, account, owners: asked, other, max_record_bytes };
    Ok(Opened { layout: Box::new(layout), skip: 0 })
}

/// More names than this are a group whatever else there is.
const MOST_NAMES: usize = 8;

fn group(name: &str) -> String {
    format!("is a group chat: `{}` is a third person, and groups have no windows", shown(name))
}

fn folded(name: &str) -> String {
    plain(name).to_lowercase()
}

/// A name or text without the marks that only turn the writing.
fn plain(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || is_mark(c))
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Why the order of a date is not known.
enum Undecided {
    /// Day and month may be either.
    Either,
    /// No order makes all of them dates.
    Neither,
}

/// The order in which all dates exist. Where several are possible the option decides.
fn order_of(dates: &BTreeSet<[u32; 3]>, option: Option<DateOrder>) -> Result<DateOrder, Undecided> {
    let exist = |order: DateOrder| dates.iter().all(|date| day_of(*date, order).is_some());
    if let Some(wanted) = option.filter(|order| exist(*order)) {
        return Ok(wanted);
    }
    match (exist(DateOrder::DayFirst), exist(DateOrder::MonthFirst)) {
        (true, true) => Err(Undecided::Either),
        (true, false) => Ok(DateOrder::DayFirst),
        (false, true) => Ok(DateOrder::MonthFirst),
        // Few phones put the year first: a date that could be read otherwise is, unless somebody says so.
        (false, false) if exist(DateOrder::YearFirst) => Ok(DateOrder::YearFirst),
        (false, false) => Err(Undecided::Neither),
    }
}

fn day_of([first, second, third]: [u32; 3], order: DateOrder) -> Option<NaiveDate> {
    let (year, month, day) = match order {
        DateOrder::DayFirst => (third, second, first),
        DateOrder::MonthFirst => (third, first, second),
        DateOrder::YearFirst => (first, second, third),
    };
    let year = if year < 100 { 2_000 + year } else { year };
    // WhatsApp began in 2009.
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day).filter(|_| (2_009..10_000).contains(&year))
}

/// The beginning of a message: its date and time.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    date: [u32; 3],
    /// Since midnight, local.
    ms: i64,
    precision_ms: u32,
    /// How many bytes there are before the name.
    len: usize,
}

/// The head with which a line begins, if it does. Its first bytes decide, so a line that is cut off is judged alike.
fn head(line: &[u8]) -> Option<Head> {
    let cut = &line[..line.len().min(HEAD_BYTES)];
    let text = match std::str::from_utf8(cut) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&cut[..error.valid_up_to()]).ok()?,
    };
    let mut rest = Rest(text.trim_start_matches(is_mark));
    let bracket = rest.take(|c| c == '[', 1) == 1;
    let mut date = [0; 3];
    for (at, part) in date.iter_mut().enumerate() {
        if 0 < at {
            (rest.take(|c| matches!(c, '/' | '.' | '-'), 1) == 1).then_some(())?;
            rest.take(char::is_whitespace, 1);
        }
        *part = rest.number(4)?;
    }
    rest.take(|c| matches!(c, ',' | '.'), 2);
    (1 <= rest.take(|c| c.is_whitespace() || is_mark(c), 3)).then_some(())?;
    let hour = rest.number(2)?;
    (rest.take(|c| matches!(c, ':' | '.'), 1) == 1).then_some(())?;
    let minute = rest.number(2)?;
    let second = if rest.0.starts_with([':', '.']) && rest.0[1..].starts_with(|c: char| c.is_ascii_digit()) {
        rest.take(|_| true, 1);
        Some(rest.number(2)?)
    } else {
        None
    };
    let end = if bracket { rest.0.find(']')? } else { rest.0.find(['-', '–'])? };
    let half: String = rest.0[..end].chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect();
    let noise = rest.0[..end].chars().all(|c| c.is_alphabetic() || c.is_whitespace() || c == '.' || is_mark(c));
    let hour = match (half.as_str(), hour) {
        ("", 0..=23) => hour,
        ("am", 1..=12) => hour % 12,
        ("pm", 1..=12) => hour % 12 + 12,
        ("am" | "pm", 0 | 13..=23) => hour,
        _ => return None,
    };
    rest.0 = &rest.0[end..];
    rest.take(|_| true, 1);
    let spaced = 1 <= rest.take(|c| c.is_whitespace() && c != '\n', 1);
    let (seconds, precision_ms) = second.map_or((0, MINUTE_MS), |second| (second, SECOND_MS));
    let ms = (i64::from(hour) * 60 + i64::from(minute)) * MINUTE_MS + i64::from(seconds) * SECOND_MS;
    (noise && spaced && minute < 60 && seconds < 60).then_some(Head {
        date,
        ms,
        precision_ms: precision_ms as u32,
        len: text.len() - rest.0.len(),
    })
}

/// What is still to be read of a head.
struct Rest<'t>(&'t str);

impl Rest<'_> {
    /// Passes over at most `most` characters of a kind; says how many there were.
    fn take(&mut self, kind: impl Fn(char) -> bool, most: usize) -> usize {
        let taken = self.0.chars().take(most).take_while(|c| kind(*c)).count();
        let len = self.0.chars().take(taken).map(char::len_utf8).sum();
        self.0 = self.0.get(len..).unwrap_or_default();
        taken
    }

    fn number(&mut self, most: usize) -> Option<u32> {
        let len = self.0.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let number = self.0.get(..len)?.parse().ok();
        self.0 = self.0.get(len..)?;
        number
    }
}

/// Who said what, behind a head. What names nobody is WhatsApp's own.
fn said(rest: &str) -> Option<(Cow<'_, str>, &str)> {
    let (name, text) = rest.split_once(':')?;
    let text = text.strip_prefix(' ').unwrap_or(text);
    // Somebody who is no contact has a tilde before the name they chose.
    let name = plain(plain(name).trim_start_matches('~'));
    let is_name = !name.is_empty() && name.chars().count() <= NAME_CHARS && !name.contains('\n');
    let said = plain(text).to_lowercase();
    if !is_name || NOTICES.iter().any(|notice| said.starts_with(notice)) {
        return None;
    }
    let is_number = name.starts_with('+');
    // A number is the user's id in every other log of WhatsApp.
    let name = if is_number { Cow::Owned(digits(&name.replace(is_mark, ""))) } else { Cow::Borrowed(name) };
    Some((name, text))
}

/// Each line with where it begins, without its end.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut begin = 0;
    bytes.split(|c| *c == b'\n').map(move |line| {
        let at = begin;
        begin += line.len() + 1;
        (at, line.strip_suffix(b"\r").unwrap_or(line))
    })
}

impl Layout for ChatTxt {
    fn cut(&self, bytes: &[u8]) -> usize {
        let mut end = bytes.len();
        while let Some(line_end) = memchr::memrchr(b'\n', &bytes[..end]) {
            // A head is on one line, here as where it is read.
            let line = lines(&bytes[line_end + 1..]).next().map_or(&[][..], |(_, line)| line);
            if head(line).is_some() {
                return line_end + 1;
            }
            end = line_end;
        }
        0
    }

    fn read(&self, bytes: &[u8], first_line: u64, sink: &mut Sink<'_>) {
        let heads = (first_line..).zip(lines(bytes)).filter_map(|(line, (at, text))| Some((line, at, head(text)?)));
        let heads: Vec<(u64, usize, Head)> = heads.collect();
        // What precedes the first head belongs to a message that was too long, and reported; or the file has lost its
        // beginning.
        let before = heads.first().map_or(bytes.len(), |(_, at, _)| *at);
        if first_line == 1 && !bytes[..before].trim_ascii().is_empty() {
            sink.bad(1, "begins in the middle of a message".to_owned());
        }
        let ends = heads.iter().skip(1).map(|(_, at, _)| *at).chain([bytes.len()]);
        for ((line, at, head), end) in heads.iter().zip(ends) {
            if let Err(reason) = self.message(&bytes[*at..end], head, *line, sink) {
                sink.bad(*line, reason);
            }
        }
    }
}

impl ChatTxt {
    fn message(&self, bytes: &[u8], head: &Head, line: u64, sink: &mut Sink<'_>) -> Result<(), String> {
        let trimmed = bytes.trim_ascii_end();
        if self.max_record_bytes < trimmed.len() {
            return Err(too_long(self.max_record_bytes));
        }
        let text = std::str::from_utf8(trimmed).map_err(|_| "is not UTF-8; convert it to UTF-8".to_owned())?;
        let Some((name, text)) = text.get(head.len..).and_then(said) else { return Ok(()) };
        let day = day_of(head.date, self.order).ok_or("has a date that does not exist")?;
        let at = Time::start_of(day).plus_ms(head.ms - i64::from(self.utc_offset_s) * SECOND_MS);
        let is_owner = self.owners.contains(&folded(&name));
        if !is_owner && self.other.as_deref().is_some_and(|other| other != name) {
            return Err(group(&name));
        }
        let missed = plain(text).to_lowercase();
        let kind = match is_owner {
            true => Kind::Send,
            false if missed.starts_with("missed voice call") || missed.starts_with("missed video call") => Kind::Call,
            false => Kind::Message,
        };
        let user = if is_owner { self.other.as_deref().unwrap_or_default() } else { name.as_ref() };
        let event = Event {
            at,
            precision_ms: sink.options.precision_of(head.precision_ms),
            channel: Channel::Whatsapp,
            account: &self.account,
            user,
            kind,
            place: sink.place(line),
            text: Some(text).filter(|text| !text.is_empty()),
            // A template looks like any other message here.
            claim_hidden: is_owner,
            recipient_hidden: is_owner && self.other.is_none(),
            ..Event::default()
        };
        sink.events.push(&event).map(|_| ()).ok_or_else(|| "is too large to keep".to_owned())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn heads_of_all_phones() {
        let hour = 60 * MINUTE_MS;
        for (line, date, ms, precision_ms) in [
            ("01/20/19, 11:23 - Anna: hi", [1, 20, 19], 11 * hour + 23 * MINUTE_MS, 60_000),
            ("[20/01/19, 11:23:45] Anna: hi", [20, 1, 19], 11 * hour + 23 * MINUTE_MS + 45_000, 1_000),
            ("\u{200e}[20.01.2019, 11:23:45] Anna: hi", [20, 1, 2019], 11 * hour + 23 * MINUTE_MS + 45_000, 1_000),
            ("1/2/24, 1:05\u{202f}PM - Anna: hi", [1, 2, 24], 13 * hour + 5 * MINUTE_MS, 60_000),
            ("1/2/24, 12:05\u{202f}AM - Anna: hi", [1, 2, 24], 5 * MINUTE_MS, 60_000),
            ("1/2/24, 12:05 p. m. - Anna: hi", [1, 2, 24], 12 * hour + 5 * MINUTE_MS, 60_000),
            ("2024-01-02, 13:05 - Anna: hi", [2024, 1, 2], 13 * hour + 5 * MINUTE_MS, 60_000),
            ("02.01.24 13.05 – Anna: hi", [2, 1, 24], 13 * hour + 5 * MINUTE_MS, 60_000),
        ] {
            let found = head(line.as_bytes()).unwrap();
            assert_eq!((found.date, found.ms, found.precision_ms), (date, ms, precision_ms), "{line}");
            assert_eq!(said(&line[found.len..]).unwrap(), (Cow::Borrowed("Anna"), "hi"), "{line}");
        }
        for line in
            ["", "hello", "1/2/24", "1/2/24, 25:00 - A: b", "1/2/24, 10:60 - A: b", "[1/2/24, 10:00 A: b", "12:30 - x"]
        {
            assert_eq!(head(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn the_dates_decide_before_the_option() {
        let order = |dates: &[[u32; 3]], option| order_of(&dates.iter().copied().collect(), option).ok();
        let (dmy, mdy, ymd) = (DateOrder::DayFirst, DateOrder::MonthFirst, DateOrder::YearFirst);
        assert_eq!(order(&[[1, 2, 24], [13, 2, 24]], Some(mdy)), Some(dmy));
        assert_eq!(order(&[[1, 2, 24], [2, 13, 24]], None), Some(mdy));
        assert_eq!(order(&[[1, 2, 24]], None), None);
        assert_eq!(order(&[[1, 2, 24]], Some(mdy)), Some(mdy));
        assert_eq!(order(&[[2024, 2, 1]], None), Some(ymd));
        assert_eq!(order(&[[24, 2, 1]], Some(dmy)), Some(ymd), "a 24th of February 2001 was before WhatsApp");
        assert_eq!(order(&[[24, 2, 11]], Some(ymd)), Some(ymd));
        assert_eq!(order(&[[13, 2, 24], [2, 13, 24]], Some(dmy)), None);
    }
}
