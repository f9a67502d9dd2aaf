//! One language of a lexicon: its phrases and learned words, read when the first text of that language is.
//!
//! Most logs are in one language, and nine of them cost more to read than most logs.

use std::sync::OnceLock;

use crate::content::Evidence;
use crate::content::file::File;
use crate::content::learned::Words;
use crate::content::phrases::Phrases;

/// What a list of a language holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Entry {
    /// Phrases that are evidence of something.
    Phrases(Evidence),
    /// Words by which the language is known.
    Common,
    /// Words that may stand within phrases.
    Fillers,
    /// Words of this weight.
    Words(f64),
}

/// The built-in files of a language.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BuiltIn {
    pub(super) phrases: &'static str,
    pub(super) words: &'static str,
}

/// A language.
#[derive(Debug)]
pub(super) struct Language {
    pub(super) name: String,
    built_in: BuiltIn,
    own: Vec<(Entry, String)>,
    phrases: OnceLock<Phrases>,
    words: OnceLock<Words>,
}

impl Language {
    pub(super) fn new(name: &str, built_in: BuiltIn) -> Language {
        let (phrases, words) = (OnceLock::new(), OnceLock::new());
        Language { name: name.to_owned(), built_in, own: Vec::new(), phrases, words }
    }

    /// Lays a list over it.
    pub(super) fn lay(&mut self, entry: Entry, list: String) {
        self.own.push((entry, list));
        self.phrases.take();
        self.words.take();
    }

    pub(super) fn phrases(&self) -> &Phrases {
        self.phrases.get_or_init(|| {
            let mut phrases = Phrases::new();
            self.lists(self.built_in.phrases, |entry, list| match entry {
                // A test reads every built-in list; what could not be read would be as good as missing.
                Entry::Phrases(evidence) => phrases_of(list).for_each(|phrase| {
                    let _ = phrases.add(phrase, evidence);
                }),
                Entry::Fillers => phrases.fillers(list),
                Entry::Common | Entry::Words(_) => {}
            });
            phrases.sorted()
        })
    }

    pub(super) fn words(&self) -> &Words {
        self.words.get_or_init(|| {
            let mut words = Words::new();
            self.lists(self.built_in.words, |entry, list| {
                if let Entry::Words(weight) = entry {
                    let _ = words.add(list, weight);
                }
            });
            words
        })
    }

    fn lists(&self, built_in: &str, mut take: impl FnMut(Entry, &str)) {
        if let Ok(file) = File::read(built_in) {
            let all = file.lists().into_iter().flatten();
            all.filter(|list| list.language == self.name).for_each(|list| take(list.entry, list.text.get_ref()));
        }
        self.own.iter().for_each(|(entry, list)| take(*entry, list));
    }
}

/// The phrases of a list.
pub(super) fn phrases_of(list: &str) -> impl Iterator<Item = &str> {
    list.split([',', '\n']).map(str::trim).filter(|phrase| !phrase.is_empty())
}
