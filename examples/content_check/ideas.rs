//! Ideas: words that say the same in nine languages, and what groups of such words have in common.
//!
//! A line of `ideas/` is an idea: its name, then its words in each language of [`LANGUAGES`], with `|` between. All is folded.
//! `tast*` is every word that begins so, `free_delivery` two words in a row, `#$` an amount of money. `== dishes` begins a
//! group, to which the ideas up to the next one belong. Ideas are read by the training alone: an idea has a weight that its
//! words share, and so has a group, so that what one language teaches of a word is known of like words in all.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use crate::folds::{LANGUAGES, file};

const FILES: [&str; 11] = [
    "main",
    "invitations",
    "food_seasons_moods",
    "wear_and_beauty",
    "house_and_animals",
    "trades",
    "prices",
    "shops",
    "orders_and_money",
    "appointments_and_travel",
    "grammar",
];

/// The group whose words are common in every text: how many of something there are.
const NUMERALS: &str = "== numerals";

/// The ideas and groups by number, and the words that belong to them.
pub(crate) struct Ideas {
    /// By language the words for numbers.
    pub(crate) numerals: Vec<BTreeSet<String>>,
    /// How many ideas and groups there are.
    pub(crate) count: usize,
    /// By language the ideas and groups of each word.
    pub(crate) words: Vec<HashMap<String, Vec<usize>>>,
}

impl Ideas {
    /// All of them, which are read once.
    pub(crate) fn all() -> &'static Ideas {
        static IDEAS: LazyLock<Ideas> = LazyLock::new(Ideas::read);
        &IDEAS
    }

    fn read() -> Ideas {
        let numerals = vec![BTreeSet::new(); LANGUAGES.len()];
        let mut ideas = Ideas { numerals, count: 0, words: vec![HashMap::new(); LANGUAGES.len()] };
        for name in FILES {
            let file = file(&format!("{}/examples/content_check/ideas/{name}.txt", env!("CARGO_MANIFEST_DIR")));
            let (mut group, mut counts) = (None, false);
            for line in file.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
                if line.starts_with("==") {
                    (group, counts) = (Some(ideas.next()), line == NUMERALS);
                    continue;
                }
                let (_, words) = line.split_once(':').unwrap();
                let fields: Vec<&str> = words.split('|').collect();
                assert_eq!(fields.len(), LANGUAGES.len(), "{line}");
                let idea = ideas.next();
                let known = ideas.words.iter_mut().zip(&mut ideas.numerals);
                for (words, (known, numerals)) in fields.into_iter().zip(known) {
                    for word in words.split_whitespace() {
                        if counts && word.chars().all(char::is_alphabetic) {
                            numerals.insert(word.to_owned());
                        }
                        known
                            .entry(word.replace('_', " "))
                            .or_default()
                            .extend([Some(idea), group].into_iter().flatten());
                    }
                }
            }
        }
        ideas
    }

    fn next(&mut self) -> usize {
        self.count += 1;
        self.count - 1
    }

    /// The words of ideas that stand in a text of these terms.
    pub(crate) fn found(&self, language: usize, terms: &[String]) -> BTreeSet<&str> {
        let words = &self.words[language];
        let mut found = BTreeSet::new();
        for term in terms.iter().filter(|term| term.len() == 1 || !term.ends_with('*')) {
            let mut look = |word: &str| found.extend(words.get_key_value(word).map(|(word, _)| word.as_str()));
            look(term);
            if !term.contains(' ') {
                let ends = term.char_indices().map(|(at, c)| at + c.len_utf8()).skip(2);
                ends.for_each(|end| look(&format!("{}*", &term[..end])));
            }
        }
        found
    }

    /// The ideas and groups of a word.
    pub(crate) fn of(&self, language: usize, word: &str) -> &[usize] {
        self.words[language].get(word).map_or(&[], Vec::as_slice)
    }
}
