//! The values of options, read once and typed from then on.

use anyhow::Context;
use chrono::NaiveDate;
use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use fbwin::Severity;
use fbwin::source::{DateOrder, shape_names};
use fbwin::time::{DAY_MS, SECOND_MS, Span, Stamp, Time, parse_utc_offset};

/// What fails a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    Error,
    Warning,
    Note,
    // Errors, and sends that could not be judged.
    Unproven,
    Never,
}

impl FailOn {
    /// The severity at which findings fail the run.
    pub(crate) fn threshold(self) -> Option<Severity> {
        match self {
            FailOn::Error | FailOn::Unproven => Some(Severity::Error),
            FailOn::Warning => Some(Severity::Warning),
            FailOn::Note => Some(Severity::Note),
            FailOn::Never => None,
        }
    }
}

/// The order of a date, `dmy`.
pub(crate) fn date_order(text: &str) -> Result<DateOrder, String> {
    DateOrder::from_word(text).ok_or_else(|| format!("`{text}` is none of dmy, mdy and ymd"))
}

/// The name of a format of JSON records.
pub(crate) fn shape_name() -> impl TypedValueParser<Value = &'static str> {
    let known = |text: String| shape_names().into_iter().find(|name| *name == text).unwrap_or_default();
    PossibleValuesParser::new(shape_names()).map(known)
}

/// A day, `2026-04-27`.
pub(crate) fn day(text: &str) -> Result<NaiveDate, String> {
    text.parse().map_err(|_| format!("`{text}` is not a day; write it as 2026-04-27"))
}

/// A moment that needs `--utc-offset` if it carries no offset of its own, or a day, which is its 00:00 there.
#[derive(Clone, Debug)]
pub(crate) struct Moment(String);

impl Moment {
    /// Takes the text; whether it is a time is known once the offset is.
    pub(crate) fn text(text: &str) -> Result<Moment, String> {
        Ok(Moment(text.to_owned()))
    }

    /// The moment.
    pub(crate) fn at(&self, option: &str, utc_offset_s: Option<i32>) -> anyhow::Result<Time> {
        if let Ok(day) = self.0.parse::<NaiveDate>() {
            // A day is the user's own, if they say where they are.
            return Ok(Time::start_of(day).plus_ms(-SECOND_MS * i64::from(utc_offset_s.unwrap_or(0))));
        }
        let stamp = Stamp::parse(&self.0, utc_offset_s).map_err(|error| anyhow::anyhow!("`{}` {error}", self.0));
        Ok(stamp.with_context(|| option.to_owned())?.at)
    }
}

/// An offset from UTC in seconds east.
pub(crate) fn utc_offset(text: &str) -> Result<i32, String> {
    parse_utc_offset(text)
}

/// A length of elapsed time in ms.
pub(crate) fn elapsed_ms(text: &str) -> Result<i64, String> {
    match Span::parse(text)? {
        Span::Ms(ms) => Ok(ms),
        Span::Months(_) => Err(format!("`{text}` is too long here; use days, hours or shorter units")),
    }
}

/// How precise the times of a log are, in ms: at most a day.
pub(crate) fn precision_ms(text: &str) -> Result<u32, String> {
    let ms = elapsed_ms(text)?;
    let short = u32::try_from(ms).ok().filter(|ms| i64::from(*ms) <= DAY_MS);
    short.ok_or_else(|| format!("`{text}` is no precision of times; use 1s, 1min or 1h"))
}

/// `KIND=ACCOUNT,...`; `KIND=none` says that no account has the approval.
pub(crate) fn approval(text: &str) -> Result<(String, Vec<String>), String> {
    let (kind, accounts) = text
        .split_once('=')
        .filter(|(kind, accounts)| !kind.trim().is_empty() && !accounts.trim().is_empty())
        .ok_or_else(|| format!("`{text}` is not KIND=ACCOUNT,... such as news=111,222 or news=none"))?;
    let accounts = accounts.split(',').map(str::trim).filter(|account| *account != "none").map(str::to_owned).collect();
    Ok((kind.trim().to_owned(), accounts))
}
/// Reads an amount of memory: `512MiB`, `2GiB`, `2G`, a bare number of bytes. Units are powers of 1024, with or without
/// the `i`.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let unit = unit.trim().to_ascii_lowercase();
    let shift = match unit.trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return Err(format!("`{text}` is not an amount of memory such as 512MiB or 2GiB")),
    };
    let number: Option<u64> = number.parse().ok();
    let bytes = number.and_then(|number| number.checked_mul(1 << shift)).filter(|bytes| 0 < *bytes);
    bytes.ok_or_else(|| format!("`{text}` is not an amount of memory such as 512MiB or 2GiB"))
}
