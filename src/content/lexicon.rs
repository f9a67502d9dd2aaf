//! The lexicon: phrases by language and kind, weights and thresholds, read from TOML.
//!
//! The built-in one lies in `lexicon/`, a file a language; a user's own has the same form and is laid over it:
//!
//! ```toml
//! [thresholds]              # a score is compared with these
//! high = 3.5
//!
//! [weights]                 # one a kind of evidence; above 0 speaks for promotion
//! urgency = 0.4
//!
//! [links]                   # words in links
//! shop-link = "drops, festive"
//!
//! [languages.en]            # phrases of a language, by kind, with commas or line ends between
//! offer = "mega drop, vip night"
//! neutral = """
//! happy hour menu
//! """
//!
//! [without]                 # phrases of the built-in lexicon that shall not count
//! phrases = "golden ticket"
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::LazyLock;

use foldhash::HashMap;
use serde::Deserialize;
use toml::Spanned;

use crate::content::phrases::{BadPhrase, Languages, Meaning, Phrases};
use crate::content::reading::{self, Reading};
use crate::content::{Confidence, Evidence, Thresholds};

/// The files of the built-in lexicon, by name.
const BUILT_IN: &[(&str, &str)] = &[
    ("model", include_str!("lexicon/model.toml")),
    ("any", include_str!("lexicon/any.toml")),
    ("en", include_str!("lexicon/en.toml")),
    ("es", include_str!("lexicon/es.toml")),
    ("pt", include_str!("lexicon/pt.toml")),
    ("it", include_str!("lexicon/it.toml")),
    ("fr", include_str!("lexicon/fr.toml")),
    ("de", include_str!("lexicon/de.toml")),
    ("ru", include_str!("lexicon/ru.toml")),
    ("vi", include_str!("lexicon/vi.toml")),
    ("id", include_str!("lexicon/id.toml")),
];

/// The built-in lexicon, read when the first text is.
static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
    let mut lexicon = Lexicon::empty();
    for (_, text) in BUILT_IN {
        // A test reads every file alone; one that could not be read would be as good as missing.
        let _ = lexicon.lay(text);
    }
    lexicon
});

/// Everything that texts are compared with.
#[derive(Debug)]
pub struct Lexicon {
    pub(super) phrases: Phrases,
    languages: Vec<String>,
    links: HashMap<Box<str>, Evidence>,
    weights: [f64; Evidence::ALL.len()],
    pub(super) bias: f64,
    pub(super) mixed: f64,
    pub(super) apart: f64,
    /// From which scores on a text is thought to promote.
    pub thresholds: Thresholds,
}

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

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    thresholds: BTreeMap<Spanned<String>, f64>,
    weights: BTreeMap<Spanned<String>, f64>,
    links: BTreeMap<Spanned<String>, String>,
    languages: BTreeMap<String, BTreeMap<Spanned<String>, Spanned<String>>>,
    without: Without,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Without {
    phrases: Option<Spanned<String>>,
}

impl Lexicon {
    /// The built-in lexicon.
    pub fn built_in() -> &'static Lexicon {
        &LEXICON
    }

    /// The built-in lexicon with `text` laid over it: its phrases are added, its weights and thresholds replace.
    ///
    /// # Errors
    /// `text` is no lexicon.
    pub fn extended(text: &str) -> Result<Lexicon, LexiconError> {
        Lexicon::of(BUILT_IN.iter().map(|(_, built_in)| *built_in).chain([text]))
    }

    /// A lexicon of these files alone, the later ones laid over the earlier.
    ///
    /// # Errors
    /// One of them is no lexicon.
    pub fn of<'t>(files: impl IntoIterator<Item = &'t str>) -> Result<Lexicon, LexiconError> {
        let mut lexicon = Lexicon::empty();
        files.into_iter().try_for_each(|text| lexicon.lay(text))?;
        Ok(lexicon)
    }

    /// Reads a text.
    pub fn read(&self, text: &str) -> Reading {
        reading::read(self, text)
    }

    /// How sure it is that a text promotes; `None` if it is not thought to. Where the language is not known, it is never
    /// more than medium.
    pub fn confidence(&self, reading: &Reading) -> Option<Confidence> {
        let Thresholds { low, medium, high } = self.thresholds;
        match reading.score {
            // Loudness alone is no offer.
            _ if reading.matched.is_empty() => None,
            score if high <= score && reading.language_known => Some(Confidence::High),
            score if medium <= score => Some(Confidence::Medium),
            score if low <= score => Some(Confidence::Low),
            _ => None,
        }
    }

    /// The weight of a kind of evidence.
    pub fn weight(&self, kind: Evidence) -> f64 {
        self.weights.get(kind as usize).copied().unwrap_or_default()
    }

    /// What a link is evidence of, by the words in it. The link's own words about an order come first.
    pub(super) fn link(&self, link: &str) -> Option<Evidence> {
        let parts = link.split(|c: char| !c.is_alphanumeric());
        parts.filter_map(|part| self.links.get(part).copied()).max()
    }

    fn empty() -> Lexicon {
        Lexicon {
            phrases: Phrases::new(),
            languages: vec!["any".to_owned()],
            links: HashMap::default(),
            weights: [0.0; Evidence::ALL.len()],
            bias: 0.0,
            mixed: 1.0,
            apart: 1.0,
            thresholds: Thresholds { low: f64::MAX, medium: f64::MAX, high: f64::MAX },
        }
    }

    fn lay(&mut self, text: &str) -> Result<(), LexiconError> {
        let file: File = toml::from_str(text).map_err(|error| LexiconError {
            line: error.span().map_or(1, |span| line_of(text, span.start)),
            reason: error.message().to_owned(),
        })?;
        let wrong = |span: Range<usize>, reason: String| LexiconError { line: line_of(text, span.start), reason };
        for (name, value) in &file.thresholds {
            let slot = match name.get_ref().as_str() {
                "low" => &mut self.thresholds.low,
                "medium" => &mut self.thresholds.medium,
                "high" => &mut self.thresholds.high,
                other => return Err(wrong(name.span(), format!("`{other}` is none of low, medium, high"))),
            };
            *slot = *value;
        }
        let Thresholds { low, medium, high } = self.thresholds;
        if !(low <= medium && medium <= high) {
            let span = file.thresholds.keys().next().map_or(0..0, Spanned::span);
            return Err(wrong(span, format!("low {low}, medium {medium} and high {high} must rise")));
        }
        for (name, value) in &file.weights {
            match (name.get_ref().as_str(), Evidence::from_word(name.get_ref())) {
                ("bias", _) => self.bias = *value,
                ("mixed", _) => self.mixed = *value,
                ("apart", _) => self.apart = *value,
                (_, Some(kind)) => self.weights[kind as usize] = *value,
                (other, None) => return Err(wrong(name.span(), no_kind(other))),
            }
        }
        for (name, words) in &file.links {
            let kind =
                Evidence::from_word(name.get_ref()).ok_or_else(|| wrong(name.span(), no_kind(name.get_ref())))?;
            self.links.extend(words.split([',', '\n']).map(|word| (word.trim().to_lowercase().into(), kind)));
            self.links.remove("");
        }
        for (language, kinds) in &file.languages {
            let language = self.language(language).ok_or_else(|| wrong(0..0, "too many languages".into()))?;
            for (name, phrases) in kinds {
                self.lay_phrases(text, language, name, phrases)?;
            }
        }
        if let Some(without) = &file.without.phrases {
            for phrase in phrases_of(without.get_ref()) {
                let bad =
                    |bad: BadPhrase| wrong(span_of(text, without, phrase), format!("`{phrase}` {}", bad.reason()));
                if !self.phrases.has(phrase) {
                    return Err(wrong(span_of(text, without, phrase), format!("`{phrase}` is not in the lexicon")));
                }
                self.phrases.add(phrase, Meaning { evidence: Evidence::Neutral, language: 0 }).map_err(bad)?;
            }
        }
        Ok(())
    }

    fn lay_phrases(
        &mut self,
        text: &str,
        language: usize,
        name: &Spanned<String>,
        phrases: &Spanned<String>,
    ) -> Result<(), LexiconError> {
        let wrong = |span: Range<usize>, reason: String| LexiconError { line: line_of(text, span.start), reason };
        let kind = match name.get_ref().as_str() {
            "common" => {
                self.phrases.common(phrases.get_ref(), language);
                return Ok(());
            }
            "fillers" => {
                self.phrases.fillers(phrases.get_ref());
                return Ok(());
            }
            other => Evidence::from_word(other).ok_or_else(|| wrong(name.span(), no_kind(other)))?,
        };
        for phrase in phrases_of(phrases.get_ref()) {
            self.phrases
                .add(phrase, Meaning { evidence: kind, language })
                .map_err(|bad| wrong(span_of(text, phrases, phrase), format!("`{phrase}` {}", bad.reason())))?;
        }
        Ok(())
    }

    /// The number of a language, new if it was not known.
    fn language(&mut self, name: &str) -> Option<usize> {
        let known = self.languages.iter().position(|known| known == name);
        known
            .or_else(|| {
                self.languages.push(name.to_owned());
                Some(self.languages.len() - 1)
            })
            .filter(|number| *number < Languages::BITS as usize)
    }
}

fn no_kind(name: &str) -> String {
    let kinds: Vec<&str> = Evidence::ALL.iter().map(|kind| kind.word()).collect();
    format!("`{name}` is no kind of evidence; there are {}", kinds.join(", "))
}

/// The phrases of a list.
fn phrases_of(list: &str) -> impl Iterator<Item = &str> {
    list.split([',', '\n']).map(str::trim).filter(|phrase| !phrase.is_empty())
}

/// Where a phrase of a list stands in the file.
fn span_of(text: &str, list: &Spanned<String>, phrase: &str) -> Range<usize> {
    let span = list.span();
    let at = text.get(span.clone()).and_then(|list| list.find(phrase)).unwrap_or(0);
    span.start + at..span.end
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_built_in_lexicon_can_be_read() {
        for (name, text) in BUILT_IN {
            if let Err(error) = Lexicon::empty().lay(text) {
                panic!("{name}: {error}");
            }
        }
    }

    #[test]
    fn what_is_wrong_with_a_lexicon_is_said_with_its_line() {
        for (text, line, reason) in [
            ("[weights]\nurgncy = 1.0", 2, "`urgncy` is no kind of evidence; there are offer, discount"),
            ("[thresholds]\nhigh = 0.1", 2, "must rise"),
            ("[thresholds]\nhig = 9.0", 2, "`hig` is none of low, medium, high"),
            (
                "[languages.en]\noffer = \"\"\"\nmega drop,\nvip (night\n\"\"\"",
                4,
                "`vip (night` has a bracket without its other half",
            ),
            ("[languages.en]\n\nofer = \"a b\"", 3, "`ofer` is no kind"),
            ("[without]\nphrases = \"never heard\"", 2, "`never heard` is not in the lexicon"),
            ("weights = 3", 1, "invalid type"),
            ("[weight]\n", 1, "unknown field"),
        ] {
            let error = Lexicon::extended(text).map(|_| ()).unwrap_err();
            assert_eq!(error.line, line, "{text}: {error}");
            assert!(error.reason.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn a_lexicon_of_ones_own_adds_and_takes_away() {
        let offers = |lexicon: &Lexicon, text: &str| 0.0 < lexicon.read(text).amount(Evidence::Offer);

        let own =
            Lexicon::extended("[languages.en]\noffer = \"mega drop\"\n[without]\nphrases = \"flash sale\"").unwrap();
        assert!(!offers(Lexicon::built_in(), "The mega drop is here"));
        assert!(offers(&own, "The mega drop is here"));
        assert!(offers(Lexicon::built_in(), "A flash sale for you"));
        assert!(!offers(&own, "A flash sale for you"));
    }
}
