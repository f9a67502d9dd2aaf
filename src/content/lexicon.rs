//! The lexicon: phrases by language and kind, learned words, weights and thresholds, read from TOML.
//!
//! The built-in one lies in `lexicon/`, two files a language; a user's own has the same form and is laid over it:
//!
//! ```toml
//! [thresholds]              # a score is compared with these
//! high = 2.0
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
//! [words.en]                # words, pairs of neighbours, beginnings of words and first words of sentences, by weight
//! "0.8" = "guaranteed, drop day, giftb*, ^ grab"
//!
//! [without]                 # phrases and words of the built-in lexicon that shall not count
//! phrases = "golden ticket"
//! ```

use std::sync::LazyLock;

use foldhash::HashMap;

use crate::content::file::{File, LexiconError, Wrong, kind_of, span_of};
use crate::content::forms::{ByHash, Forms, hash};
use crate::content::language::{BuiltIn, Entry, Language, phrases_of};
use crate::content::phrases::Match;
use crate::content::reading::{self, Reading};
use crate::content::token::cut;
use crate::content::{Confidence, Evidence, Thresholds};

/// Languages by number, as bits.
pub(super) type Languages = u32;

/// What is read at once: weights, words in links, and the words by which languages are known.
const AT_ONCE: [&str; 3] =
    [include_str!("lexicon/model.toml"), include_str!("lexicon/links.toml"), include_str!("lexicon/common.toml")];

/// The two built-in files of a language.
macro_rules! built_in {
    ($name:literal) => {
        (
            $name,
            BuiltIn {
                phrases: include_str!(concat!("lexicon/", $name, ".toml")),
                words: include_str!(concat!("lexicon/words/", $name, ".toml")),
            },
        )
    };
}

/// The files of the built-in lexicon that are read when a text of their language is.
const BY_LANGUAGE: [(&str, BuiltIn); 10] = [
    ("any", BuiltIn { phrases: include_str!("lexicon/any.toml"), words: "" }),
    built_in!("en"),
    built_in!("es"),
    built_in!("pt"),
    built_in!("it"),
    built_in!("fr"),
    built_in!("de"),
    built_in!("ru"),
    built_in!("vi"),
    built_in!("id"),
];

/// The built-in lexicon.
static LEXICON: LazyLock<Lexicon> = LazyLock::new(Lexicon::of_built_in);

/// Everything that texts are compared with.
#[derive(Debug)]
pub struct Lexicon {
    /// The first is `any`, which every text is in.
    pub(super) languages: Vec<Language>,
    /// In which languages a word is common.
    common: ByHash<Languages>,
    links: HashMap<Box<str>, Evidence>,
    weights: [f64; Evidence::ALL.len()],
    pub(super) bias: f64,
    pub(super) mixed: f64,
    pub(super) apart: f64,
    /// What a short line that calls to buy must score to speak for the whole text.
    pub(super) alone: f64,
    /// From which scores on a text is thought to promote.
    pub thresholds: Thresholds,
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
        let mut lexicon = Lexicon::of_built_in();
        lexicon.lay(text)?;
        Ok(lexicon)
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

    /// The terms of a text, each once: words, the beginnings of longer ones, pairs of neighbours and first words of sentences
    /// (`^ try`), all folded, with signs for numbers by what they count. These are what a `[words]` table may give weights to.
    pub fn terms(&self, text: &str) -> Vec<String> {
        reading::terms(self, text)
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
            languages: vec![Language::new("any", BuiltIn::default())],
            common: ByHash::default(),
            links: HashMap::default(),
            weights: [0.0; Evidence::ALL.len()],
            bias: 0.0,
            mixed: 1.0,
            apart: 1.0,
            alone: f64::MAX,
            thresholds: Thresholds { low: f64::MAX, medium: f64::MAX, high: f64::MAX },
        }
    }

    fn of_built_in() -> Lexicon {
        let languages = BY_LANGUAGE.iter().map(|(name, files)| Language::new(name, *files)).collect();
        let mut lexicon = Lexicon { languages, ..Lexicon::empty() };
        for text in AT_ONCE {
            // A test reads every file; one that could not be read would be as good as missing.
            let _ = lexicon.lay(text);
        }
        lexicon
    }

    /// In which languages a word is common.
    pub(super) fn common(&self, word: u64) -> Languages {
        self.common.get(&word).copied().unwrap_or_default()
    }

    fn lay(&mut self, text: &str) -> Result<(), LexiconError> {
        let file = File::read(text)?;
        self.lay_file(text, &file).map_err(|wrong| wrong.in_text(text))
    }

    fn lay_file(&mut self, text: &str, file: &File) -> Result<(), Wrong> {
        self.lay_thresholds(file)?;
        for (name, value) in &file.weights {
            match name.get_ref().as_str() {
                "bias" => self.bias = *value,
                "mixed" => self.mixed = *value,
                "apart" => self.apart = *value,
                "alone" => self.alone = *value,
                _ => self.weights[kind_of(name)? as usize] = *value,
            }
        }
        for (name, words) in &file.links {
            let kind = kind_of(name)?;
            self.links.extend(words.split([',', '\n']).map(|word| (word.trim().to_lowercase().into(), kind)));
            self.links.remove("");
        }
        for list in file.lists()? {
            list.check(text)?;
            let number =
                self.language(list.language).ok_or_else(|| Wrong::new(list.text.span(), "too many languages"))?;
            match list.entry {
                Entry::Common => self.lay_common(list.text.get_ref(), number),
                entry => self.lay_over(number, entry, list.text.get_ref()),
            }
        }
        let Some(without) = &file.without.phrases else { return Ok(()) };
        for phrase in phrases_of(without.get_ref()) {
            if !self.has(phrase) {
                let reason = format!("`{phrase}` is not in the lexicon");
                return Err(Wrong::new(span_of(text, without, phrase), reason));
            }
        }
        // What is neutral in every language covers what it is in one.
        self.lay_over(0, Entry::Phrases(Evidence::Neutral), without.get_ref());
        Ok(())
    }

    fn lay_thresholds(&mut self, file: &File) -> Result<(), Wrong> {
        for (name, value) in &file.thresholds {
            let slot = match name.get_ref().as_str() {
                "low" => &mut self.thresholds.low,
                "medium" => &mut self.thresholds.medium,
                "high" => &mut self.thresholds.high,
                other => return Err(Wrong::new(name.span(), format!("`{other}` is none of low, medium, high"))),
            };
            *slot = *value;
        }
        let Thresholds { low, medium, high } = self.thresholds;
        if low <= medium && medium <= high {
            return Ok(());
        }
        let span = file.thresholds.keys().next().map_or(0..0, toml::Spanned::span);
        Err(Wrong::new(span, format!("low {low}, medium {medium} and high {high} must rise")))
    }

    fn lay_common(&mut self, words: &str, language: usize) {
        let cut = cut(words);
        for token in &cut.tokens {
            for word in [Some(cut.word(token)), cut.accented(token)].into_iter().flatten() {
                *self.common.entry(hash(word)).or_default() |= 1 << language;
            }
        }
    }

    fn lay_over(&mut self, language: usize, entry: Entry, list: &str) {
        if let Some(language) = self.languages.get_mut(language) {
            language.lay(entry, list.to_owned());
        }
    }

    /// Whether these words are a phrase or a learned word of any language.
    fn has(&self, phrase: &str) -> bool {
        let cut = cut(phrase);
        let forms = Forms::of(&cut);
        self.languages.iter().any(|language| {
            let mut matches: Vec<Match> = Vec::new();
            language.phrases().find(&forms, &mut matches);
            matches.iter().any(|one| one.from == 0 && one.to == cut.tokens.len()) || language.words().has(phrase)
        })
    }

    /// The number of a language, new if it was not known.
    fn language(&mut self, name: &str) -> Option<usize> {
        let known = self.languages.iter().position(|known| known.name == name);
        known
            .or_else(|| {
                self.languages.push(Language::new(name, BuiltIn::default()));
                Some(self.languages.len() - 1)
            })
            .filter(|number| *number < Languages::BITS as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_built_in_lexicon_can_be_read() {
        let files = BY_LANGUAGE.iter().flat_map(|(_, files)| [files.phrases, files.words]);
        for text in files.chain(AT_ONCE) {
            if let Err(error) = Lexicon::empty().lay(text) {
                panic!("{text:.80}: {error}");
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
            ("[words.en]\n\"0.5\" = \"one, a b c\"", 2, "`a b c` is neither a word, nor two of them"),
            ("[words.en]\n\n\"much\" = \"one\"", 3, "`much` is no weight from -4 to 4"),
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

    #[test]
    fn learned_words_can_be_added_changed_and_taken_away() {
        let text = "Guaranteed zibbles, please come zorp on Tuesday.";
        let score = |lexicon: &Lexicon| lexicon.read(text).score;
        let built_in = score(Lexicon::built_in());
        let own =
            Lexicon::extended("[words.en]\n\"0.8\" = \"guaranteed zibbles, zib*\"\n\"-0.3\" = \"come zorp\"").unwrap();
        assert!((score(&own) - built_in - 1.3).abs() < 0.01, "{} {built_in}", score(&own));
        let zero = Lexicon::extended("[words.en]\n\"0\" = \"come\"").unwrap();
        let without = Lexicon::extended("[without]\nphrases = \"come\"").unwrap();
        assert!(score(&zero) < built_in && score(&without) < built_in, "{built_in}");
    }

    #[test]
    fn one_learned_word_alone_is_never_high_confidence() {
        let lexicon = Lexicon::built_in();
        for (_, files) in BY_LANGUAGE {
            let Ok(file) = File::read(files.words) else { panic!("{:.80}", files.words) };
            for list in file.lists().ok().into_iter().flatten() {
                let Entry::Words(weight) = list.entry else { continue };
                assert!(lexicon.bias + weight < lexicon.thresholds.high, "{weight}: {}", list.text.get_ref());
            }
        }
    }
}
