//! What the text of a send shows: promotion where its claim forbids it, and what its tag is not for.
//!
//! A text proves less than a clock does: what it shows is a warning or a note, and changes no verdict. It depends on the
//! send alone, so that it may be read on any thread.

use std::sync::Arc;

use crate::audit::findings::Told;
use crate::audit::sentence::name_of;
use crate::content::{Confidence, Evidence, Lexicon, Reading};
use crate::event::Event;
use crate::finding::Content;
use crate::policy::{Permission, Policy};
use crate::replay::{ReplayOptions, claimed_row};
use crate::rule::{Rule, Severity};

/// By which lexicon texts are read.
#[derive(Clone, Debug, Default)]
pub enum ContentCheck {
    /// The built-in one.
    #[default]
    BuiltIn,
    /// Somebody's own.
    Own(Arc<Lexicon>),
    /// Texts are not read.
    Off,
}

impl ContentCheck {
    fn lexicon(&self) -> Option<&Lexicon> {
        match self {
            ContentCheck::BuiltIn => Some(Lexicon::built_in()),
            ContentCheck::Own(lexicon) => Some(lexicon),
            ContentCheck::Off => None,
        }
    }
}

/// Whether there is anything to say of the text of a send.
pub(super) fn tells(check: &ContentCheck, policy: &Policy, options: &ReplayOptions, send: &Event<'_>) -> bool {
    read(check, policy, options, send)
        .is_some_and(|(row, reading, confidence)| confidence.is_some() || misuse(row, &reading).is_some())
}

/// What there is to say of the text of a send.
pub(super) fn told<'p>(
    check: &ContentCheck,
    policy: &'p Policy,
    options: &ReplayOptions,
    send: &Event<'_>,
    redact: bool,
) -> [Option<Told<'p>>; 2] {
    let Some((row, reading, confidence)) = read(check, policy, options, send) else { return [None, None] };
    let promotes = confidence.map(|confidence| promotion(row, &reading, confidence, redact));
    [promotes, off_purpose(row, &reading)]
}

/// The row whose terms the text of a send may break, the text as the lexicon reads it, and how surely it promotes where
/// that is forbidden.
fn read<'p>(
    check: &ContentCheck,
    policy: &'p Policy,
    options: &ReplayOptions,
    send: &Event<'_>,
) -> Option<(&'p Permission, Reading, Option<Confidence>)> {
    let text = send.text.filter(|text| !text.is_empty())?;
    if matches!(check, ContentCheck::Off) {
        return None;
    }
    // Where sources disagree that a row was in force, nobody is accused by it.
    let row = claimed_row(policy, options, send).filter(|row| !row.unsure)?;
    let forbids = row.forbids_promotion(send.category) && send.promotional.is_none() && !send.says_it_promotes();
    if !forbids && row.not_for.is_empty() {
        return None;
    }
    let lexicon = check.lexicon()?;
    let reading = lexicon.read(text);
    let confidence = lexicon.confidence(&reading).filter(|_| forbids);
    Some((row, reading, confidence))
}

fn promotion<'p>(row: &'p Permission, reading: &Reading, confidence: Confidence, redact: bool) -> Told<'p> {
    // Links and codes may name a person.
    let personal = |words: &String| redact && (words.contains("://") || words.contains('/') || words.contains('@'));
    let matched: Vec<String> = reading.matched.iter().filter(|words| !personal(words)).cloned().collect();
    let patterns =
        if reading.language_known { "" } else { ", in a language unknown to the lexicon, by patterns alone" };
    let message = format!(
        "its text reads as promotional ({confidence} confidence, score {:.1}{patterns}): {}, which {} forbids",
        reading.score,
        quoted(&matched),
        name_of(row),
    );
    let severity = if confidence == Confidence::Low { Severity::Note } else { Severity::Warning };
    let remedy = "lawful: without the promotion; or as a plain message within the window, or as a marketing message";
    let content = Content { score: reading.score, matched };
    told_of(Rule::PromotionalContent, (severity, confidence), row, message, remedy, content)
}

/// What the row says that it is not for, and the text looks like.
fn off_purpose<'p>(row: &'p Permission, reading: &Reading) -> Option<Told<'p>> {
    let misuse = misuse(row, reading)?;
    let words = reading.about.iter().filter(|(about, _)| about == misuse).map(|(_, words)| words.clone());
    let matched: Vec<String> = words.take(4).collect();
    let (what, remedy) = match misuse {
        Evidence::Survey => {
            ("a survey or a request for a review", "lawful: as a customer feedback request, or within the window")
        }
        Evidence::PastEvent => {
            ("a message about something that is over", "lawful: within the window, as a plain message")
        }
        _ => ("what comes again every month", "lawful: within the window, or as what the user subscribed to"),
    };
    let message =
        format!("its text reads like {what} (low confidence): {}, which {} is not for", quoted(&matched), name_of(row));
    let content = Content { score: reading.amount(*misuse), matched };
    let sure = (Rule::OffPurposeContent.severity(), Confidence::Low);
    Some(told_of(Rule::OffPurposeContent, sure, row, message, remedy, content))
}

fn misuse<'p>(row: &'p Permission, reading: &Reading) -> Option<&'p Evidence> {
    row.not_for.iter().find(|misuse| reading.about.iter().any(|(about, _)| about == *misuse))
}

fn told_of<'p>(
    rule: Rule,
    (severity, confidence): (Severity, Confidence),
    row: &'p Permission,
    message: String,
    remedy: &str,
    content: Content,
) -> Told<'p> {
    Told {
        rule,
        severity,
        permission: Some(row),
        opening: None,
        late_by_ms: None,
        opened: Vec::new(),
        message,
        remedy: remedy.into(),
        confidence: Some(confidence),
        content: Some(content),
    }
}

fn quoted(words: &[String]) -> String {
    words.iter().map(|words| format!("\"{words}\"")).collect::<Vec<_>>().join(", ")
}
