//! Words, beginnings of words, pairs of neighbours and first words of sentences with the weights that were learned for them.
//!
//! What a list of phrases does not foresee, the words beside them still tell: `grati*`, `your cart`, `has shipped`. They are
//! looked up in the language of the text alone.

use std::collections::BTreeSet;
use std::hash::BuildHasherDefault;

use crate::content::fold::{Folded, fold};
use crate::content::forms::{ByHash, Forms, Piece, SHORTEST_STEM, Sieve, hash};
use crate::content::token::{Class, Cut, cut};

/// The beginning of so many letters is a term to learn a weight for: languages bend the ends of words.
const STEM: usize = 5;
/// What stands before the first word of a sentence in a list: `^ try`.
const START: &str = "^";
/// Keeps the beginning of a word apart from the word that is written the same.
const OF_STEM: u64 = 0x9e37_79b9_7f4a_7c15;

/// The learned words of one language.
#[derive(Debug)]
pub(super) struct Words {
    weights: ByHash<f64>,
    sieve: Sieve,
}

/// A learned word found in a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hit {
    key: u64,
    pub(super) weight: f64,
    /// The pieces it covers.
    pub(super) from: usize,
    pub(super) to: usize,
}

/// A list that holds what can be no word of this layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BadWord(pub(super) String);

impl Words {
    pub(super) fn new() -> Words {
        Words {
            weights: ByHash::with_capacity_and_hasher(1 << 12, BuildHasherDefault::default()),
            sieve: Sieve::default(),
        }
    }

    /// Gives these words, with commas or line ends between, a weight.
    pub(super) fn add(&mut self, list: &str, weight: f64) -> Result<(), BadWord> {
        for term in list.split([',', '\n']).map(str::trim).filter(|term| !term.is_empty()) {
            let key = key_of(term).ok_or_else(|| BadWord(term.to_owned()))?;
            self.weights.insert(key, weight);
            self.sieve.add(key);
        }
        Ok(())
    }

    pub(super) fn has(&self, term: &str) -> bool {
        key_of(term).is_some_and(|key| self.weights.contains_key(&key))
    }

    /// What is known of a text, each term once, where it stands first; nothing that `covered` covers.
    pub(super) fn find(&self, forms: &Forms, covered: impl Fn(usize) -> bool) -> Vec<Hit> {
        let mut hits: Vec<Hit> = Vec::with_capacity(forms.pieces.len());
        each(forms, covered, |_, key, from, to| {
            if self.sieve.may_have(key)
                && let Some(weight) = self.weights.get(&key)
                && hits.iter().all(|hit| hit.key != key)
            {
                hits.push(Hit { key, weight: *weight, from, to });
            }
        });
        hits
    }
}

/// The terms of a text, each once: what weights are learned for.
pub(super) fn terms(cut: &Cut, forms: &Forms, covered: impl Fn(usize) -> bool) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let name = |at: usize| {
        let token = cut.tokens.get(at)?;
        Some(sign(token.class).unwrap_or_else(|| cut.word(token)))
    };
    each(forms, covered, |part, _, from, to| {
        let (Some(first), Some(last)) = (name(from), name(to - 1)) else { return };
        match part {
            Part::Word => all.insert(first.to_owned()),
            Part::Beginning(STEM) => all.insert(first.chars().take(STEM).chain(['*']).collect()),
            Part::Beginning(_) => false,
            Part::Pair => all.insert(format!("{first} {last}")),
            Part::First => all.insert(format!("{START} {first}")),
        };
    });
    all
}

/// What a term is of the words it stands for.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Word,
    /// The first so many letters of a word.
    Beginning(usize),
    Pair,
    /// A word that a sentence begins with.
    First,
}

/// Calls `found` with each term, its key, and where it stands.
fn each(forms: &Forms, covered: impl Fn(usize) -> bool, mut found: impl FnMut(Part, u64, usize, usize)) {
    let start = hash(START);
    // The piece before in the same sentence, `START` where there is none, and nothing behind what is covered.
    let mut before = None;
    let mut sentence = None;
    for (at, piece) in forms.pieces.iter().enumerate() {
        if sentence != Some(piece.sentence) {
            (sentence, before) = (Some(piece.sentence), Some(start));
        }
        if covered(at) {
            before = None;
            continue;
        }
        let Some(key) = key(piece) else { continue };
        found(Part::Word, key, at, at + 1);
        if let Some(form) = piece.form.filter(|_| piece.class == Class::Word) {
            for (length, beginning) in (SHORTEST_STEM..).zip(forms.beginnings(&form)) {
                found(Part::Beginning(length), beginning ^ OF_STEM, at, at + 1);
            }
        }
        match before {
            Some(first) if first == start => found(Part::First, pair(start, key), at, at + 1),
            Some(first) => found(Part::Pair, pair(first, key), at - 1, at + 1),
            None => {}
        }
        before = Some(key);
    }
}

fn key(piece: &Piece) -> Option<u64> {
    match sign(piece.class) {
        Some(sign) => Some(hash(sign)),
        None => piece.form.map(|form| form.whole),
    }
}

/// What stands for any piece of a class, as in phrases; nothing for words, which are themselves.
fn sign(class: Class) -> Option<&'static str> {
    Some(match class {
        Class::Word | Class::Emoji => return None,
        Class::Mixed => "@",
        Class::Number => "#",
        Class::Percent | Class::PercentOff => "#%",
        Class::Price => "#$",
        Class::Multiple => "#x",
        Class::Time => "#:",
        Class::Date => "#/",
        Class::Id => "#id",
        Class::Phone => "#tel",
        Class::Link => "@@",
    })
}

fn pair(first: u64, second: u64) -> u64 {
    (first ^ second.rotate_left(23)).wrapping_mul(0xff51_afd7_ed55_8ccd)
}

/// The key of a term as it is written in a list.
fn key_of(term: &str) -> Option<u64> {
    let mut words = term.split_ascii_whitespace();
    let (first, second) = (words.next()?, words.next());
    if words.next().is_some() {
        return None;
    }
    match (first.strip_suffix('*'), second) {
        (Some(stem), None) => {
            let folded: Option<String> = stem.chars().map(letter).collect();
            let folded = folded.filter(|folded| SHORTEST_STEM <= folded.chars().count());
            folded.map(|folded| hash(&folded) ^ OF_STEM)
        }
        (None, None) => word_key(first),
        (_, Some(second)) => Some(pair(word_key(first)?, word_key(second)?)),
    }
}

fn word_key(word: &str) -> Option<u64> {
    const SIGNS: [&str; 11] = [START, "@", "#", "#%", "#$", "#x", "#:", "#/", "#id", "#tel", "@@"];
    if SIGNS.contains(&word) || word.chars().all(is_folded) {
        return Some(hash(word));
    }
    let cut = cut(word);
    match cut.tokens.as_slice() {
        [one] if matches!(one.class, Class::Word | Class::Emoji) => Some(hash(cut.word(one))),
        _ => None,
    }
}

/// A letter folded, if it is one.
fn letter(c: char) -> Option<char> {
    match fold(c) {
        Folded::One(one) if c.is_alphabetic() => Some(one),
        _ => None,
    }
}

fn is_folded(c: char) -> bool {
    c.is_ascii_lowercase() || (!c.is_ascii() && fold(c) == Folded::One(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(words: &Words, text: &str) -> f64 {
        words.find(&Forms::of(&cut(text)), |_| false).iter().map(|hit| hit.weight).sum()
    }

    #[test]
    fn words_their_beginnings_and_pairs_count_once() {
        let mut words = Words::new();
        words.add("Größe, fr*", 1.0).unwrap_err();
        words.add("Größe, freed*, #% off", 1.0).unwrap();
        words.add("Fré*", 0.25).unwrap();
        words.add("has shipped\n🔥", -2.0).unwrap();
        words.add("^ try", 0.5).unwrap();
        for (text, expected) in [
            ("GROSSE grosse", 1.0),
            ("freedom", 1.25),
            ("fresh frei freed", 1.25),
            ("fr", 0.0),
            ("20 % off", 1.0),
            ("20 %. Off", 0.0),
            ("It has shipped 🔥🔥", -4.0),
            ("Try it. We try", 0.5),
        ] {
            assert_eq!(sum(&words, text), expected, "{text}");
        }
        assert!(words.has("grösse") && words.has("Has shipped") && !words.has("has"));
    }

    #[test]
    fn what_cannot_be_a_term_is_refused() {
        for term in ["one two three", "ab*", "a-b"] {
            assert_eq!(Words::new().add(term, 1.0), Err(BadWord(term.to_owned())));
        }
    }

    #[test]
    fn every_term_is_known_again_by_its_name() {
        let text = "Hello Größenwahn, 20 % off until 10:30! Call 0901234567, see shop.example SAVE20 🔥";
        let cut = cut(text);
        let forms = Forms::of(&cut);
        let all = terms(&cut, &forms, |_| false);
        for expected in ["hello", "^ hello", "^ call", "gross*", "grossenwahn", "#%", "#% off", "#:", "@@ @", "🔥"] {
            assert!(all.contains(expected), "{expected}: {all:?}");
        }
        assert!(!all.contains("see*") && !all.contains("gros*"), "{all:?}");
        for term in &all {
            let mut words = Words::new();
            words.add(term, 1.0).unwrap();
            assert_eq!(sum(&words, text), 1.0, "{term}");
        }
    }
}
