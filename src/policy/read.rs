//! From the TOML of a policy file to typed rows, with the line of whatever cannot be read.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use chrono::NaiveDate;
use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use crate::content::Evidence;
use crate::event::{Category, Channel, Frequency};
use crate::policy::{Claim, Every, Exclusion, Opener, Permission, Policy, Refusal, Sure};
use crate::rule::Rule;
use crate::time::Span;

/// What is wrong with a policy file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong and what to change, in lower case.
    pub reason: String,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

impl std::error::Error for PolicyError {}

/// The line each permission and each exclusion begins on.
pub(super) struct Places {
    pub(super) permissions: Vec<usize>,
    pub(super) exclusions: Vec<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    checked: Spanned<Datetime>,
    #[serde(default)]
    regions: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    permission: Vec<Spanned<PermissionRow>>,
    #[serde(default)]
    exclusion: Vec<Spanned<ExclusionRow>>,
    #[serde(default)]
    refusal: Vec<Spanned<RefusalRow>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PermissionRow {
    id: String,
    channel: Spanned<String>,
    claim: Spanned<String>,
    tag: Option<String>,
    #[serde(default)]
    opened_by: Vec<Spanned<String>>,
    #[serde(default)]
    unclear_by: Vec<Spanned<String>>,
    lasts: Option<Spanned<String>>,
    unclear_after: Option<Spanned<String>>,
    extra_after: Option<String>,
    uses: Option<u32>,
    every: Option<Spanned<String>>,
    unclear_every: Option<Spanned<String>>,
    #[serde(default)]
    follow_ups: u32,
    follow_ups_within: Option<Spanned<String>>,
    frequency: Option<Spanned<String>>,
    granted_before: Option<Spanned<Datetime>>,
    #[serde(default)]
    only_in: Vec<String>,
    approval: Option<String>,
    #[serde(default)]
    human: bool,
    #[serde(default = "yes")]
    promotion: bool,
    #[serde(default)]
    no_promotion_in: Vec<Spanned<String>>,
    #[serde(default)]
    not_for: Vec<Spanned<String>>,
    #[serde(default)]
    unmarked: bool,
    #[serde(default)]
    unsure: bool,
    #[serde(rename = "for")]
    purpose: Option<String>,
    from: Spanned<Datetime>,
    until: Option<Spanned<Datetime>>,
    source: String,
    sure: Spanned<String>,
    note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExclusionRow {
    id: String,
    channel: Spanned<String>,
    claim: Spanned<String>,
    category: Option<Spanned<String>>,
    regions: Vec<String>,
    calling_code: Option<String>,
    from: Spanned<Datetime>,
    until: Option<Spanned<Datetime>>,
    source: String,
    sure: Spanned<String>,
    note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RefusalRow {
    channels: Vec<Spanned<String>>,
    code: Option<i32>,
    subcode: Option<i32>,
    means: String,
    #[serde(default)]
    confirms_only: bool,
    source: String,
}

fn yes() -> bool {
    true
}

/// Reads the rows; their laws are checked elsewhere, and the eras are not laid out yet.
pub(super) fn read(text: &str) -> Result<(Policy, Places), PolicyError> {
    let at = |(range, reason): Misread| PolicyError { line: line_of(text, range.start), reason };
    let file: File = toml::from_str(text).map_err(|error| {
        let reason = error.message().trim_end().replace('\n', ", ");
        at((error.span().unwrap_or(0..0), reason))
    })?;
    let row_text = |range: Range<usize>| text.get(range).unwrap_or_default().trim_end().to_owned();
    let mut places = Places { permissions: Vec::new(), exclusions: Vec::new() };
    let mut permissions = Vec::new();
    for row in file.permission {
        let range = rows_range(text, row.span());
        places.permissions.push(line_of(text, range.start));
        permissions.push(permission(row.into_inner(), row_text(range)).map_err(at)?);
    }
    let mut exclusions = Vec::new();
    for row in file.exclusion {
        let range = rows_range(text, row.span());
        places.exclusions.push(line_of(text, range.start));
        exclusions.push(exclusion(row.into_inner(), row_text(range)).map_err(at)?);
    }
    let refusals = file.refusal.into_iter().map(|row| refusal(row).map_err(at)).collect::<Result<_, _>>()?;
    let policy = Policy {
        checked: day(&file.checked).map_err(at)?,
        permissions,
        exclusions,
        refusals,
        regions: file.regions.into_iter().collect(),
        by_tag: Default::default(),
        begins: Default::default(),
        eras: Default::default(),
    };
    Ok((policy, places))
}

/// What cannot be read, and why.
type Misread = (Range<usize>, String);

fn permission(row: PermissionRow, toml: String) -> Result<Permission, Misread> {
    let every = match &row.every {
        None => None,
        Some(every) => Some(match every.get_ref().as_str() {
            "day" => Every::Day,
            "week" => Every::Week,
            "month" => Every::Month,
            _ => Every::Rolling(rolling_ms(&row.every)?.unwrap_or_default()),
        }),
    };
    Ok(Permission {
        id: row.id,
        channel: word(&row.channel, Channel::from_word, Channel::ALL, "channel")?,
        claim: word(&row.claim, Claim::from_word, Claim::ALL, "claim")?,
        tag: row.tag,
        opened_by: words_of(&row.opened_by, Opener::from_word, Opener::ALL, "move")?,
        unclear_by: words_of(&row.unclear_by, Opener::from_word, Opener::ALL, "move")?,
        lasts: span(&row.lasts)?,
        unclear_after: span(&row.unclear_after)?,
        extra_after: row.extra_after,
        uses: row.uses,
        every,
        unclear_every_ms: rolling_ms(&row.unclear_every)?,
        follow_ups: row.follow_ups,
        follow_ups_within_ms: rolling_ms(&row.follow_ups_within)?.unwrap_or_default(),
        frequency: maybe_word(&row.frequency, Frequency::from_word, Frequency::ALL, "frequency")?,
        granted_before: row.granted_before.as_ref().map(day).transpose()?,
        only_in: row.only_in,
        approval: row.approval,
        human: row.human,
        promotion: row.promotion,
        no_promotion_in: words_of(&row.no_promotion_in, Category::from_word, Category::ALL, "category")?,
        not_for: words_of(&row.not_for, misuse, MISUSES, "misuse")?,
        unmarked: row.unmarked,
        unsure: row.unsure,
        purpose: row.purpose,
        from: day(&row.from)?,
        until: row.until.as_ref().map(day).transpose()?,
        source: row.source,
        sure: word(&row.sure, Sure::from_word, Sure::ALL, "value of sure")?,
        note: row.note,
        toml,
    })
}

fn exclusion(row: ExclusionRow, toml: String) -> Result<Exclusion, Misread> {
    Ok(Exclusion {
        id: row.id,
        channel: word(&row.channel, Channel::from_word, Channel::ALL, "channel")?,
        claim: word(&row.claim, Claim::from_word, Claim::ALL, "claim")?,
        category: maybe_word(&row.category, Category::from_word, Category::ALL, "category")?,
        regions: row.regions,
        calling_code: row.calling_code,
        from: day(&row.from)?,
        until: row.until.as_ref().map(day).transpose()?,
        source: row.source,
        sure: word(&row.sure, Sure::from_word, Sure::ALL, "value of sure")?,
        note: row.note,
        toml,
    })
}

fn refusal(row: Spanned<RefusalRow>) -> Result<Refusal, Misread> {
    let whole = row.span();
    let row = row.into_inner();
    if row.code.is_none() && row.subcode.is_none() {
        return Err((whole, "a refusal needs a code, a subcode or both".into()));
    }
    if row.means.parse::<Rule>().is_err() {
        return Err((whole, format!("`{}` is not a rule; `fbwin rules` lists them", row.means)));
    }
    Ok(Refusal {
        channels: words_of(&row.channels, Channel::from_word, Channel::ALL, "channel")?,
        code: row.code,
        subcode: row.subcode,
        means: row.means,
        confirms_only: row.confirms_only,
        source: row.source,
    })
}

/// What a text may be taken for besides promotion.
const MISUSES: &[Evidence] = &[Evidence::Survey, Evidence::PastEvent, Evidence::Recurring];

fn misuse(word: &str) -> Option<Evidence> {
    Evidence::from_word(word).filter(|evidence| MISUSES.contains(evidence))
}

fn word<T: Copy + fmt::Display>(
    text: &Spanned<String>,
    from_word: fn(&str) -> Option<T>,
    all: &[T],
    what: &str,
) -> Result<T, Misread> {
    from_word(text.get_ref()).ok_or_else(|| {
        let known: Vec<String> = all.iter().map(T::to_string).collect();
        (text.span(), format!("`{}` is not a {what}; use one of {}", text.get_ref(), known.join(", ")))
    })
}

fn maybe_word<T: Copy + fmt::Display>(
    text: &Option<Spanned<String>>,
    from_word: fn(&str) -> Option<T>,
    all: &[T],
    what: &str,
) -> Result<Option<T>, Misread> {
    text.as_ref().map(|text| word(text, from_word, all, what)).transpose()
}

fn words_of<T: Copy + fmt::Display>(
    texts: &[Spanned<String>],
    from_word: fn(&str) -> Option<T>,
    all: &[T],
    what: &str,
) -> Result<Vec<T>, Misread> {
    texts.iter().map(|text| word(text, from_word, all, what)).collect()
}

fn span(text: &Option<Spanned<String>>) -> Result<Option<Span>, Misread> {
    let Some(text) = text else { return Ok(None) };
    Span::parse(text.get_ref()).map(Some).map_err(|reason| (text.span(), reason))
}

fn rolling_ms(text: &Option<Spanned<String>>) -> Result<Option<i64>, Misread> {
    match (text, span(text)?) {
        (_, Some(Span::Ms(ms))) => Ok(Some(ms)),
        (Some(text), Some(Span::Months(_))) => {
            Err((text.span(), "give this span in days, hours or shorter units".into()))
        }
        _ => Ok(None),
    }
}

fn day(text: &Spanned<Datetime>) -> Result<NaiveDate, Misread> {
    let written = text.get_ref();
    let date = written.date.filter(|_| written.time.is_none() && written.offset.is_none());
    date.and_then(|date| NaiveDate::from_ymd_opt(i32::from(date.year), u32::from(date.month), u32::from(date.day)))
        .ok_or_else(|| (text.span(), format!("`{written}` is not a day; write it as 2026-04-27")))
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + memchr::memchr_iter(b'\n', text.as_bytes().get(..offset).unwrap_or(text.as_bytes())).count()
}

/// From a row's `[[header]]`, which is what the parser spans, to the end of its last field.
fn rows_range(text: &str, span: Range<usize>) -> Range<usize> {
    let rest = text.get(span.start..).unwrap_or_default();
    let after_header = rest.find('\n').map_or(rest.len(), |at| at + 1);
    let body = rest.get(after_header..).unwrap_or_default();
    let end = body.find("\n[").into_iter().chain(body.find("\n# ---")).min().unwrap_or(body.len());
    span.start..span.start + after_header + end
}
