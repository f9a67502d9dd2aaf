//! Points in time and lengths of time, as the policy counts them: elapsed UTC milliseconds, never the wall clock.
//!
//! The calendar comes from `chrono` (built without its `clock`, so nothing here can ask what time it is). The reading
//! of a time's text is ours, because logs write it in ways no one parser takes: `+0000`, a blank for `T`, no offset
//! at all, epochs in two units; and because we must know how precise the text was.

use std::fmt;

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime};

/// Milliseconds of one second, minute, hour and day.
pub const SECOND_MS: i64 = 1_000;
/// Milliseconds of a minute.
pub const MINUTE_MS: i64 = 60 * SECOND_MS;
/// Milliseconds of an hour.
pub const HOUR_MS: i64 = 60 * MINUTE_MS;
/// Milliseconds of a day: 24 h of elapsed time.
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// An epoch at or above this is in milliseconds, below it in seconds: 1e11 ms is 1973, 1e11 s is the year 5138.
const EPOCH_MS_FROM: i64 = 100_000_000_000;
/// The last millisecond we can write as a calendar date (9999-12-31T23:59:59.999Z), and the first (0000-01-01).
const LAST_MS: i64 = 253_402_300_799_999;
const FIRST_MS: i64 = -62_167_219_200_000;

/// No limit lies further away than this: some 200,000 years, which the calendar still knows.
const FAR_MS: i64 = 200_000 * 366 * DAY_MS;

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

impl Time {
    /// The moment `ms` milliseconds after the epoch, kept within the years 0000 to 9999.
    pub fn from_ms(ms: i64) -> Time {
        Time(ms.clamp(FIRST_MS, LAST_MS))
    }

    /// Milliseconds since the epoch.
    pub fn ms(self) -> i64 {
        self.0
    }

    /// 00:00 UTC of `day`. Meta's days are California's; we let a day begin at 00:00 UTC.
    pub fn start_of(day: NaiveDate) -> Time {
        Time(0).plus_ms(day.and_time(NaiveTime::MIN).and_utc().timestamp_millis())
    }

    /// The UTC day this moment falls on.
    pub fn day(self) -> NaiveDate {
        DateTime::from_timestamp_millis(self.0).map_or(NaiveDate::MIN, |at| at.date_naive())
    }

    /// This moment moved by `ms`, which may be negative. A limit may lie beyond the year 9999; it does not wrap.
    pub fn plus_ms(self, ms: i64) -> Time {
        Time(self.0.saturating_add(ms).clamp(-FAR_MS, FAR_MS))
    }

    /// Elapsed milliseconds from `earlier` to this moment.
    pub fn since(self, earlier: Time) -> i64 {
        self.0 - earlier.0
    }

    /// The moment a span that begins here ends: the first moment outside it.
    ///
    /// Hours and days are elapsed time. Months and years are the same calendar day and time of a later month; where
    /// that day does not exist (29 February, the 31st), the first day after it, which accuses least.
    pub fn plus(self, span: Span) -> Time {
        match span {
            Span::Ms(ms) => self.plus_ms(ms),
            Span::Months(months) => {
                let day = self.day();
                let clock_ms = self.since(Time::start_of(day));
                let Some(landed) = day.checked_add_months(Months::new(months)) else {
                    return Time(FAR_MS);
                };
                let clipped = landed.day() < day.day();
                let landed = if clipped { landed.succ_opt().unwrap_or(landed) } else { landed };
                Time::start_of(landed).plus_ms(clock_ms)
            }
        }
    }
}

impl Time {
    /// `2024-03-02T10:00:00.000Z` in bytes: reports are full of times, and digits are quicker to set than to format. Of a
    /// year beyond 9999, which only a limit can have, the last four.
    fn written(self) -> [u8; 24] {
        let day = self.day();
        let ms = self.since(Time::start_of(day));
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let mut set = |end: usize, digits: usize, mut number: i64| {
            for place in text.iter_mut().take(end).rev().take(digits) {
                *place = b'0' + (number % 10).unsigned_abs() as u8;
                number /= 10;
            }
        };
        set(4, 4, i64::from(day.year()));
        set(7, 2, i64::from(day.month()));
        set(10, 2, i64::from(day.day()));
        set(13, 2, ms / HOUR_MS);
        set(16, 2, ms / MINUTE_MS % 60);
        set(19, 2, ms / SECOND_MS % 60);
        set(23, 3, ms % SECOND_MS);
        text
    }

    fn write_to(self, f: &mut fmt::Formatter<'_>, brief: bool) -> fmt::Result {
        let text = self.written();
        let mut from = 0;
        if !(FIRST_MS..=LAST_MS).contains(&self.0) {
            write!(f, "{}", self.day().year())?;
            from = 4;
        }
        let whole = brief && &text[19..23] == b".000";
        let shown = if whole { &text[from..19] } else { &text[from..23] };
        // Digits and punctuation are text.
        f.write_str(std::str::from_utf8(shown).unwrap_or_default())?;
        f.write_str("Z")
    }
}

/// `2024-03-02T10:00:00.000Z`: always with milliseconds, always UTC.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_to(f, false)
    }
}

/// A moment written for a sentence: as [`Time`], without the milliseconds where they are zero.
#[derive(Clone, Copy, Debug)]
pub struct Brief(pub Time);

impl fmt::Display for Brief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write_to(f, true)
    }
}

/// A length of time as a policy writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Elapsed milliseconds: `24h`, `7d`.
    Ms(i64),
    /// Calendar months: `6mo`, `1y`.
    Months(u32),
}

impl Span {
    /// Reads `500ms`, `30s`, `15min`, `24h`, `7d`, `6mo`, `1y`. A bare `0` needs no unit.
    ///
    /// # Errors
    /// What is wrong with the text, as half a sentence.
    pub fn parse(text: &str) -> Result<Span, String> {
        let text = text.trim();
        if text == "0" {
            return Ok(Span::Ms(0));
        }
        let unit_at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(unit_at);
        let wrong = || format!("`{text}` is not a length of time such as 500ms, 30s, 15min, 24h, 7d, 6mo or 1y");
        let number: i64 = number.parse().map_err(|_| wrong())?;
        let unit_ms = match unit.trim() {
            "ms" => 1,
            "s" => SECOND_MS,
            "min" => MINUTE_MS,
            "h" => HOUR_MS,
            "d" => DAY_MS,
            "mo" | "y" => {
                let months = if unit.trim() == "y" { number.checked_mul(12) } else { Some(number) };
                return months
                    .and_then(|m| u32::try_from(m).ok())
                    .filter(|m| *m <= 12_000)
                    .map(Span::Months)
                    .ok_or_else(wrong);
            }
            _ => return Err(wrong()),
        };
        number.checked_mul(unit_ms).filter(|ms| *ms <= LAST_MS).map(Span::Ms).ok_or_else(wrong)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Span::Months(m) if m % 12 == 0 => write!(f, "{}y", m / 12),
            Span::Months(m) => write!(f, "{m}mo"),
            Span::Ms(ms) => {
                let units = [(DAY_MS, "d"), (HOUR_MS, "h"), (MINUTE_MS, "min"), (SECOND_MS, "s"), (1, "ms")];
                // 24 h is Meta's word for its window; only whole weeks-like spans read better in days.
                for (unit_ms, unit) in units {
                    if ms % unit_ms == 0 && unit_ms <= ms && !(unit == "d" && ms < 2 * DAY_MS) {
                        return write!(f, "{}{unit}", ms / unit_ms);
                    }
                }
                write!(f, "{ms}ms")
            }
        }
    }
}

/// An elapsed time written for a person, its two largest units: `17 ms`, `4 h 5 min`, `3 d 4 h`.
#[derive(Clone, Copy, Debug)]
pub struct Elapsed(pub i64);

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0;
        let (large, small, large_name, small_name) = match ms {
            ..SECOND_MS => return write!(f, "{ms} ms"),
            SECOND_MS..MINUTE_MS => (SECOND_MS, 1, "s", "ms"),
            MINUTE_MS..HOUR_MS => (MINUTE_MS, SECOND_MS, "min", "s"),
            HOUR_MS..DAY_MS => (HOUR_MS, MINUTE_MS, "h", "min"),
            _ => (DAY_MS, HOUR_MS, "d", "h"),
        };
        write!(f, "{} {large_name}", ms / large)?;
        match ms % large / small {
            0 => Ok(()),
            rest => write!(f, " {rest} {small_name}"),
        }
    }
}

/// A time as a log wrote it: the moment, and how far the true moment may lie behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The moment written.
    pub at: Time,
    /// The width of the last written unit in ms (1 s for `10:00:00` and for an epoch in seconds, 1 min for `10:00`),
    /// or 0 where milliseconds were written.
    pub precision_ms: u32,
}

/// Why a text is not a time. The wording names the flag that helps, where one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadTime {
    /// A date and clock time without an offset from UTC, and no `--utc-offset` given.
    NoOffset,
    /// Nothing we know as a time, or a day or hour that does not exist.
    NotATime,
    /// Outside the years 0000 to 9999.
    OutOfRange,
}

impl fmt::Display for BadTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadTime::NoOffset => "has no offset from UTC: write one (`Z`, `+02:00`) or give --utc-offset",
            BadTime::NotATime => "is not a time: write RFC 3339 (2024-03-01T10:00:00Z) or an epoch in s or ms",
            BadTime::OutOfRange => "lies outside the years 0000 to 9999",
        })
    }
}

impl Stamp {
    /// Reads RFC 3339 (also `+0000`, a blank for `T`, minutes only) or an epoch, integer or decimal, in seconds or
    /// milliseconds. `utc_offset_s` is used for a time that carries no offset of its own.
    ///
    /// # Errors
    /// [`BadTime`], for the caller to add the field's name and text.
    pub fn parse(text: &str, utc_offset_s: Option<i32>) -> Result<Stamp, BadTime> {
        let text = text.trim();
        let bytes = text.as_bytes();
        if bytes.len() >= 5 && bytes.get(4) == Some(&b'-') && bytes.iter().take(4).all(u8::is_ascii_digit) {
            return calendar(bytes, utc_offset_s);
        }
        epoch(text)
    }
}

/// `YYYY-MM-DD(T|t| )hh:mm[:ss[.fraction]][ ](Z|z|UTC|±hh[:mm]|±hhmm|nothing)`.
fn calendar(b: &[u8], utc_offset_s: Option<i32>) -> Result<Stamp, BadTime> {
    let two = |at: usize| -> Option<u32> {
        match (b.get(at)?, b.get(at + 1)?) {
            (h @ b'0'..=b'9', l @ b'0'..=b'9') => Some(u32::from(h - b'0') * 10 + u32::from(l - b'0')),
            _ => None,
        }
    };
    let is = |at: usize, wanted: &[u8]| b.get(at).is_some_and(|c| wanted.contains(c));
    let (Some(century), Some(year), Some(month), Some(day), Some(hour), Some(minute)) =
        (two(0), two(2), two(5), two(8), two(11), two(14))
    else {
        return Err(BadTime::NotATime);
    };
    if !is(7, b"-") || !is(10, b"Tt ") || !is(13, b":") || 23 < hour || 59 < minute {
        return Err(BadTime::NotATime);
    }
    let mut at = 16;
    let (mut second, mut fraction_ms, mut precision_ms) = (0, 0, 60_000);
    if is(at, b":") {
        // 60 is a leap second; it falls on the first moment of the next minute.
        second = two(at + 1).filter(|s| *s <= 60).ok_or(BadTime::NotATime)?;
        precision_ms = 1_000;
        at += 3;
        if is(at, b".,") {
            at += 1;
            let digits = b[at..].iter().take_while(|c| c.is_ascii_digit()).count();
            if digits == 0 {
                return Err(BadTime::NotATime);
            }
            for place in 0..3 {
                let digit = if place < digits { u32::from(b[at + place] - b'0') } else { 0 };
                fraction_ms = fraction_ms * 10 + digit;
            }
            precision_ms = match digits {
                1 => 100,
                2 => 10,
                _ => 0,
            };
            at += digits;
        }
    }
    let blank = is(at, b" ");
    let rest = &b[at + usize::from(blank)..];
    let offset_s = match rest {
        b"Z" | b"z" | b"UTC" | b"GMT" => 0,
        [] if !blank => utc_offset_s.ok_or(BadTime::NoOffset)?,
        _ => parse_offset(rest).ok_or(BadTime::NotATime)?,
    };
    let date = i32::try_from(century * 100 + year)
        .ok()
        .and_then(|year| NaiveDate::from_ymd_opt(year, month, day))
        .ok_or(BadTime::NotATime)?;
    let clock_ms = i64::from(hour) * HOUR_MS
        + i64::from(minute) * MINUTE_MS
        + i64::from(second) * SECOND_MS
        + i64::from(fraction_ms);
    let ms = date.and_time(NaiveTime::MIN).and_utc().timestamp_millis() + clock_ms - i64::from(offset_s) * SECOND_MS;
    within_range(ms, precision_ms)
}

/// `±hh`, `±hhmm` or `±hh:mm`, in seconds east of UTC; also what `--utc-offset` takes.
fn parse_offset(b: &[u8]) -> Option<i32> {
    let (sign, digits) = match b.split_first()? {
        (b'+', rest) => (1, rest),
        (b'-', rest) => (-1, rest),
        _ => return None,
    };
    let number = |d: &[u8]| -> Option<i32> { std::str::from_utf8(d).ok()?.parse().ok() };
    let all_digits = |d: &[u8]| d.iter().all(u8::is_ascii_digit);
    let (hours, minutes) = match digits {
        [h1, h2] => (number(&[*h1, *h2])?, 0),
        [h1, h2, m1, m2] | [h1, h2, b':', m1, m2] if all_digits(&[*h1, *h2, *m1, *m2]) => {
            (number(&[*h1, *h2])?, number(&[*m1, *m2])?)
        }
        _ => return None,
    };
    (all_digits(&digits[..2]) && hours <= 23 && minutes <= 59).then_some(sign * (hours * 3_600 + minutes * 60))
}

/// Reads the value of `--utc-offset`: `Z`, `+02:00`, `-0500`, `+2`.
///
/// # Errors
/// What is wrong with the text, as half a sentence.
pub fn parse_utc_offset(text: &str) -> Result<i32, String> {
    let text = text.trim();
    match text {
        "Z" | "z" | "UTC" => return Ok(0),
        _ => {}
    }
    let padded = match text.as_bytes() {
        [sign @ (b'+' | b'-'), hour] => vec![*sign, b'0', *hour],
        other => other.to_vec(),
    };
    parse_offset(&padded).ok_or_else(|| format!("`{text}` is not an offset such as +02:00, -0500 or Z"))
}

/// An epoch: digits, perhaps a fraction. Exact decimal arithmetic, never floating point.
fn epoch(text: &str) -> Result<Stamp, BadTime> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |s: &str| s.bytes().all(|c| c.is_ascii_digit());
    let no_fraction_after_point = digits.len() == whole.len() + 1;
    if whole.is_empty() || no_fraction_after_point || !all_digits(whole) || !all_digits(fraction) {
        return Err(BadTime::NotATime);
    }
    let number: i64 = whole.parse().map_err(|_| BadTime::OutOfRange)?;
    let sign = if negative { -1 } else { 1 };
    if EPOCH_MS_FROM <= number {
        return within_range(sign * number, 0);
    }
    let mut fraction_ms = 0;
    let mut places = fraction.bytes();
    for _ in 0..3 {
        fraction_ms = fraction_ms * 10 + places.next().map_or(0, |c| i64::from(c - b'0'));
    }
    let precision_ms = match fraction.len() {
        0 => 1_000,
        1 => 100,
        2 => 10,
        _ => 0,
    };
    within_range(sign * (number * SECOND_MS + fraction_ms), precision_ms)
}

fn within_range(ms: i64, precision_ms: u32) -> Result<Stamp, BadTime> {
    if (FIRST_MS..=LAST_MS).contains(&ms) { Ok(Stamp { at: Time(ms), precision_ms }) } else { Err(BadTime::OutOfRange) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parsed(text: &str) -> Result<(String, u32), BadTime> {
        Stamp::parse(text, None).map(|s| (s.at.to_string(), s.precision_ms))
    }

    #[test]
    fn every_accepted_spelling_names_the_same_moment() {
        for (text, precision_ms) in [
            ("2024-03-01T10:00:00Z", 1_000),
            ("2024-03-01t10:00:00z", 1_000),
            ("2024-03-01 10:00:00 UTC", 1_000),
            ("2024-03-01T10:00:00+0000", 1_000),
            ("2024-03-01 12:00:00+02:00", 1_000),
            ("2024-03-01 12:00:00 +0200", 1_000),
            ("2024-03-01T05:30:00.000-04:30", 0),
            ("2024-03-01T10:00Z", 60_000),
            ("2024-03-01T10:00:00.0Z", 100),
            ("1709287200", 1_000),
            ("1709287200.0", 100),
            ("1709287200.000", 0),
            ("1709287200000", 0),
            (" 1709287200000 ", 0),
        ] {
            assert_eq!(parsed(text), Ok(("2024-03-01T10:00:00.000Z".into(), precision_ms)), "{text}");
        }
        assert_eq!(parsed("0000-01-01T00:00:00Z").unwrap().0, "0000-01-01T00:00:00.000Z");
        assert_eq!(parsed("9999-12-31T23:59:59.999Z").unwrap().0, "9999-12-31T23:59:59.999Z");
        assert_eq!(parsed("-1").unwrap().0, "1969-12-31T23:59:59.000Z");
        assert_eq!(parsed("2016-12-31T23:59:60Z").unwrap().0, "2017-01-01T00:00:00.000Z");
        assert_eq!(parsed("99999999999").unwrap().0, "5138-11-16T09:46:39.000Z", "the last epoch in seconds");
        assert_eq!(parsed("100000000000").unwrap().0, "1973-03-03T09:46:40.000Z", "the first epoch in ms");
    }

    #[test]
    fn what_is_not_a_time_says_so() {
        for text in [
            "",
            "-",
            ".",
            "1.",
            "x",
            "2024-02-30T10:00:00Z",
            "2024-03-01",
            "2024-03-01T24:00:00Z",
            "2024-03-01T10:60:00Z",
            "2024-03-01T10:00:61Z",
            "2024-03-01T10:00:00.Z",
            "2024-03-01T10:00:00+9",
            "2024-03-01T10:00:00+24:00",
            "2024-03-01T10:00:00Zx",
            "2024-13-01T10:00:00Z",
            "1e12",
            "1709287200,5",
            "2024-03-01T10:00:00 ",
            "2024-",
            "２０２４-03-01T10:00:00Z",
            "2024-03-01T10:00:00+\u{661}",
        ] {
            let expected = if text.ends_with(' ') { Err(BadTime::NoOffset) } else { Err(BadTime::NotATime) };
            assert_eq!(parsed(text), expected, "{text:?}");
        }
        assert_eq!(parsed("2024-03-01T10:00:00"), Err(BadTime::NoOffset));
        assert_eq!(parsed("999999999999999999999"), Err(BadTime::OutOfRange));
        assert_eq!(parsed("9999-12-31T23:59:59-01:00"), Err(BadTime::OutOfRange));
        let eastern = Stamp::parse("2024-03-01T10:00:00", parse_utc_offset("-5").ok()).unwrap();
        assert_eq!(eastern.at.to_string(), "2024-03-01T15:00:00.000Z");
    }

    #[test]
    fn a_year_is_the_same_calendar_day_of_the_next() {
        let plus =
            |at: &str, span: &str| Stamp::parse(at, None).unwrap().at.plus(Span::parse(span).unwrap()).to_string();
        assert_eq!(plus("2023-06-01T10:00:00.250Z", "1y"), "2024-06-01T10:00:00.250Z");
        assert_eq!(plus("2024-02-29T10:00:00Z", "1y"), "2025-03-01T10:00:00.000Z");
        assert_eq!(plus("2023-08-31T10:00:00Z", "6mo"), "2024-03-01T10:00:00.000Z");
        assert_eq!(plus("2024-03-30T12:00:00Z", "24h"), "2024-03-31T12:00:00.000Z", "summer time changes nothing");
        assert_eq!(plus("9999-12-31T23:59:59Z", "1y"), "10000-12-31T23:59:59.000Z", "the end of time is no panic");
    }

    #[test]
    fn spans_and_margins_read_as_people_write_them() {
        for text in ["24h", "7d", "6mo", "1y", "48h", "30s", "15min", "500ms"] {
            let shown = Span::parse(text).unwrap().to_string();
            assert_eq!(Span::parse(&shown), Span::parse(text), "{text} -> {shown}");
        }
        for text in ["", "h", "24", "24 hours", "-1h", "99999999999999999999h", "9999999999999h", "1.5h"] {
            assert!(Span::parse(text).is_err(), "{text:?}");
        }
        for (ms, text) in
            [(0, "0 ms"), (17, "17 ms"), (1_000, "1 s"), (61_000, "1 min 1 s"), (3 * DAY_MS + 4 * HOUR_MS, "3 d 4 h")]
        {
            assert_eq!(Elapsed(ms).to_string(), text);
        }
    }
}
