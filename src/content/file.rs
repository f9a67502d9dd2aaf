//! The form of a lexicon's file, and the mistakes in one.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use crate::content::Evidence;
use crate::content::language::{Entry, phrases_of};
use crate::content::learned::{BadWord, Words};
use crate::content::phrases::Phrases;

/// No word weighs more: by itself, a word proves little.
const HEAVIEST: f64 = 4.0;

/// A lexicon that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LexiconError {
    /// The line of the mistake, from 1.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for LexiconError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

impl std::error::Error for LexiconError {}

type Lists = BTreeMap<String, BTreeMap<Spanned<String>, Spanned<String>>>;

/// A file as it is written.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub(super) thresholds: BTreeMap<Spanned<String>, f64>,
    pub(super) weights: BTreeMap<Spanned<String>, f64>,
    pub(super) links: BTreeMap<Spanned<String>, String>,
    languages: Lists,
    words: Lists,
    pub(super) without: Without,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Without {
    pub(super) phrases: Option<Spanned<String>>,
}

/// A list of phrases or words.
pub(super) struct List<'f> {
    pub(super) language: &'f str,
    pub(super) entry: Entry,
    pub(super) text: &'f Spanned<String>,
}

/// What is wrong, and where.
pub(super) struct Wrong {
    pub(super) span: Range<usize>,
    pub(super) reason: String,
}

impl Wrong {
    pub(super) fn new(span: Range<usize>, reason: impl Into<String>) -> Wrong {
        Wrong { span, reason: reason.into() }
    }

    /// With the line of `text` in which it is.
    pub(super) fn in_text(self, text: &str) -> LexiconError {
        LexiconError { line: line_of(text, self.span.start), reason: self.reason }
    }
}

impl File {
    pub(super) fn read(text: &str) -> Result<File, LexiconError> {
        toml::from_str(text).map_err(|error| LexiconError {
            line: error.span().map_or(1, |span| line_of(text, span.start)),
            reason: error.message().to_owned(),
        })
    }

    /// All lists of all languages.
    pub(super) fn lists(&self) -> Result<Vec<List<'_>>, Wrong> {
        let mut all = Vec::new();
        for (language, lists) in &self.languages {
            for (name, text) in lists {
                let entry = match name.get_ref().as_str() {
                    "common" => Entry::Common,
                    "fillers" => Entry::Fillers,
                    _ => Entry::Phrases(kind_of(name)?),
                };
                all.push(List { language, entry, text });
            }
        }
        for (language, lists) in &self.words {
            for (weight, text) in lists {
                let number = weight.get_ref().parse().ok().filter(|weight: &f64| weight.abs() <= HEAVIEST);
                let reason = || format!("`{}` is no weight from -{HEAVIEST} to {HEAVIEST}", weight.get_ref());
                let number = number.ok_or_else(|| Wrong::new(weight.span(), reason()))?;
                all.push(List { language, entry: Entry::Words(number), text });
            }
        }
        Ok(all)
    }
}

impl List<'_> {
    /// Whether every phrase or word of it can be read; `file` is where it stands.
    pub(super) fn check(&self, file: &str) -> Result<(), Wrong> {
        let wrong =
            |phrase: &str, reason: &str| Wrong::new(span_of(file, self.text, phrase), format!("`{phrase}` {reason}"));
        match self.entry {
            Entry::Common | Entry::Fillers => Ok(()),
            Entry::Phrases(evidence) => {
                let mut scratch = Phrases::new();
                phrases_of(self.text.get_ref())
                    .try_for_each(|phrase| scratch.add(phrase, evidence).map_err(|bad| wrong(phrase, bad.reason())))
            }
            Entry::Words(weight) => Words::new().add(self.text.get_ref(), weight).map_err(|BadWord(word)| {
                wrong(
                    &word,
                    "is neither a word, nor two of them, nor the first letters of one (3 at least) before a `*`",
                )
            }),
        }
    }
}

pub(super) fn kind_of(name: &Spanned<String>) -> Result<Evidence, Wrong> {
    Evidence::from_word(name.get_ref()).ok_or_else(|| {
        let kinds: Vec<&str> = Evidence::ALL.iter().map(|kind| kind.word()).collect();
        let reason = format!("`{}` is no kind of evidence; there are {}", name.get_ref(), kinds.join(", "));
        Wrong::new(name.span(), reason)
    })
}

/// Where a phrase of a list stands in the file.
pub(super) fn span_of(text: &str, list: &Spanned<String>, phrase: &str) -> Range<usize> {
    let span = list.span();
    let at = text.get(span.clone()).and_then(|list| list.find(phrase)).unwrap_or(0);
    span.start + at..span.end
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count()
}
