//! The phrases of one language as one graph of words, and the search for them in a text.
//!
//! A phrase is words with blanks between. `skid*` is every word that begins so, `[the]` may be missing, `(buy|shop)` is one
//! of them, `_` is any one word, `#` a number, `#%` a percentage, `#$` an amount of money, `#:` a time of day, `#/` a date,
//! `#id` a long number, `@` a code or word of capitals, `@@` a link. Between two words of a phrase one filler (an article, say) may stand.

use std::hash::{BuildHasherDefault, Hasher};

use crate::content::Evidence;
use crate::content::draft::{BadPhrase, Draft, PLACES, Words};
use crate::content::fold::{Folded, fold};
use crate::content::forms::{ByHash, Fnv, Form, Forms, Piece, SHORTEST_STEM, Sieve, hash};
use crate::content::token::{Class, cut, is_accented};

/// How many words in a row are looked at.
const LONGEST: usize = 14;

/// A word, a beginning of a word or a class of pieces, by number.
pub(super) type Symbol = u32;

const NONE: Symbol = 0;
const ANY: Symbol = 1;
const FIRST_CLASS: Symbol = 2;
const FIRST_WORD: Symbol = 16;

fn class_symbol(class: Class) -> Symbol {
    match class {
        Class::Word => NONE,
        Class::Mixed => FIRST_CLASS,
        Class::Number => FIRST_CLASS + 1,
        Class::Percent | Class::PercentOff => FIRST_CLASS + 2,
        Class::Price => FIRST_CLASS + 3,
        Class::Time => FIRST_CLASS + 4,
        Class::Date => FIRST_CLASS + 5,
        Class::Id => FIRST_CLASS + 6,
        Class::Phone => FIRST_CLASS + 7,
        Class::Link => FIRST_CLASS + 8,
        Class::Multiple => FIRST_CLASS + 9,
        Class::Emoji => NONE,
    }
}

fn class_of(word: &str) -> Option<Symbol> {
    Some(match word {
        "_" => ANY,
        "@" => class_symbol(Class::Mixed),
        "#" => class_symbol(Class::Number),
        "#%" => class_symbol(Class::Percent),
        "#$" => class_symbol(Class::Price),
        "#:" => class_symbol(Class::Time),
        "#/" => class_symbol(Class::Date),
        "#id" => class_symbol(Class::Id),
        "@@" => class_symbol(Class::Link),
        _ => return None,
    })
}

/// A phrase found in a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Match {
    pub(super) evidence: Evidence,
    /// The pieces it covers.
    pub(super) from: usize,
    pub(super) to: usize,
}

/// What is known of a word.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    symbol: Symbol,
    filler: bool,
}

/// A place in a phrase.
#[derive(Clone, Copy, Debug, Default)]
struct Node {
    /// Where its steps lie in `steps`.
    from: u32,
    to: u32,
    /// A bit for each symbol by which a step leads on: most words lead nowhere, and are turned away here.
    bits: u64,
    /// What the phrase shows if it ends here.
    ends: Option<Evidence>,
}

/// Where the pairs that begin with one word lie.
#[derive(Clone, Copy, Debug, Default)]
struct Range {
    from: u32,
    to: u32,
    /// A bit for each second word, as in [`Node`].
    bits: u64,
}

/// All phrases of a language.
#[derive(Debug, Default)]
pub(super) struct Phrases {
    vocabulary: Vocabulary,
    nodes: Vec<Node>,
    /// By which symbol a node leads to which, those of a node by symbol.
    steps: Vec<(Symbol, u32)>,
    /// The nodes behind each first word, while phrases are added.
    begins: Vec<(Symbol, u32)>,
    /// The nodes behind the first two words, by these, see [`pair`]; a phrase of one word has [`NONE`] for its second and its
    /// own node. Made of `begins` by [`Phrases::sorted`].
    pairs: Vec<(u64, u32)>,
    /// Where the pairs of a first word lie, by its symbol.
    ranges: Vec<Range>,
    draft: Draft,
    symbols: Vec<Symbol>,
}

/// The words of all phrases.
#[derive(Debug, Default)]
struct Vocabulary {
    words: ByHash<Known>,
    /// Phrases may have accents. Then they are found where the text has the same, or none in that word: in Vietnamese
    /// every tone makes another word, and many write without. By what is left without accents.
    bare: ByHash<Vec<Symbol>>,
    stems: ByHash<Symbol>,
    /// The stems' keys.
    sieve: Sieve,
    count: Symbol,
}

impl Phrases {
    pub(super) fn new() -> Phrases {
        Phrases {
            vocabulary: Vocabulary {
                words: ByHash::with_capacity_and_hasher(1 << 12, BuildHasherDefault::default()),
                stems: ByHash::with_capacity_and_hasher(1 << 10, BuildHasherDefault::default()),
                ..Vocabulary::default()
            },
            nodes: Vec::with_capacity(1 << 13),
            steps: Vec::with_capacity(1 << 15),
            begins: Vec::with_capacity(1 << 13),
            ..Phrases::default()
        }
    }

    /// Takes a phrase in, whatever ways it can be read. After the last one comes [`Phrases::sorted`].
    pub(super) fn add(&mut self, phrase: &str, evidence: Evidence) -> Result<(), BadPhrase> {
        if !phrase.contains(['[', '(', ']', ')', '|']) {
            return self.add_words(phrase, evidence);
        }
        let mut draft = std::mem::take(&mut self.draft);
        let read = draft.read(phrase, &mut self.vocabulary);
        if read.is_ok() {
            self.take(&draft, evidence);
        }
        self.draft = draft;
        read
    }

    /// Takes a phrase of nothing but words in, one node after the other.
    fn add_words(&mut self, phrase: &str, evidence: Evidence) -> Result<(), BadPhrase> {
        let mut symbols = std::mem::take(&mut self.symbols);
        symbols.clear();
        let mut read = self.vocabulary.symbols(phrase, &mut symbols);
        if read.is_ok() && symbols.is_empty() {
            read = Err(BadPhrase::Empty);
        } else if read.is_ok() && PLACES < symbols.len() {
            read = Err(BadPhrase::TooLong);
        }
        if let (Ok(()), Some((first, rest))) = (read, symbols.split_first()) {
            self.begins.push((*first, self.nodes.len() as u32));
            for symbol in rest {
                let (from, next) = (self.steps.len() as u32, self.nodes.len() as u32 + 1);
                self.steps.push((*symbol, next));
                self.nodes.push(Node { from, to: from + 1, bits: bit(*symbol), ends: None });
            }
            self.nodes.push(Node { ends: Some(evidence), ..Node::default() });
        }
        self.symbols = symbols;
        read
    }

    fn take(&mut self, draft: &Draft, evidence: Evidence) {
        let mut node_of: Vec<Option<u32>> = vec![None; draft.places()];
        let mut waiting: Vec<usize> = Vec::new();
        let mut edges = Vec::new();
        draft.outgoing(draft.start(), &mut edges);
        for (symbol, place) in &edges {
            let node = self.node_of(*place, &mut node_of, &mut waiting);
            self.begins.push((*symbol, node));
        }
        while let Some(place) = waiting.pop() {
            let ends = draft.outgoing(place, &mut edges);
            edges.sort_unstable();
            edges.dedup();
            let (mut bits, from) = (0, self.steps.len() as u32);
            for (symbol, to) in &edges {
                bits |= bit(*symbol);
                let to = self.node_of(*to, &mut node_of, &mut waiting);
                self.steps.push((*symbol, to));
            }
            let to = self.steps.len() as u32;
            let node = node_of.get(place).copied().flatten();
            if let Some(node) = node.and_then(|node| self.nodes.get_mut(node as usize)) {
                *node = Node { from, to, bits, ends: ends.then_some(evidence) };
            }
        }
    }

    fn node_of(&mut self, place: usize, node_of: &mut [Option<u32>], waiting: &mut Vec<usize>) -> u32 {
        let fresh = self.nodes.len() as u32;
        match node_of.get_mut(place) {
            Some(Some(known)) => *known,
            slot => {
                slot.into_iter().for_each(|slot| *slot = Some(fresh));
                waiting.push(place);
                self.nodes.push(Node::default());
                fresh
            }
        }
    }

    /// Makes what was added searchable.
    pub(super) fn sorted(mut self) -> Phrases {
        for (first, node) in std::mem::take(&mut self.begins) {
            let Some(Node { from, to, ends, .. }) = self.nodes.get(node as usize) else { continue };
            if ends.is_some() {
                self.pairs.push((pair(first, NONE), node));
            }
            let steps = self.steps.get(*from as usize..*to as usize).unwrap_or_default();
            self.pairs.extend(steps.iter().map(|(second, next)| (pair(first, *second), *next)));
        }
        self.pairs.sort_unstable();
        self.pairs.dedup();
        self.ranges = vec![Range::default(); (FIRST_WORD + self.vocabulary.count) as usize];
        for (at, (words, _)) in (0..).zip(&self.pairs) {
            let (first, second) = (words >> 32, *words as Symbol);
            if let Some(range) = self.ranges.get_mut(first as usize) {
                if range.to == 0 {
                    range.from = at;
                }
                range.to = at + 1;
                range.bits |= bit(second);
            }
        }
        self
    }

    /// Notes words that may stand between those of a phrase.
    pub(super) fn fillers(&mut self, words: &str) {
        let cut = cut(words);
        for token in &cut.tokens {
            self.vocabulary.words.entry(hash(cut.word(token))).or_default().filler = true;
        }
    }

    /// All phrases in a text, those within others too.
    pub(super) fn find(&self, forms: &Forms, found: &mut Vec<Match>) {
        let looked: Vec<Looked> = forms.pieces.iter().map(|piece| self.vocabulary.looked(forms, piece)).collect();
        let mut states: Vec<(u32, bool)> = Vec::new();
        let mut next: Vec<(u32, bool)> = Vec::new();
        for (from, first) in looked.iter().enumerate() {
            let sentence = forms.pieces.get(from).map_or(0, |piece| piece.sentence);
            let within = |at: usize| {
                looked.get(at).filter(|_| forms.pieces.get(at).is_some_and(|piece| piece.sentence == sentence))
            };
            let second = within(from + 1);
            // One filler may stand between the first two words.
            let third = second.filter(|second| second.filler).and_then(|_| within(from + 2));
            let (mut late, last) = (Vec::new(), looked.len().min(from + LONGEST));
            states.clear();
            for symbol in first.symbols() {
                let Some(range) = self.ranges.get(*symbol as usize) else { continue };
                let pairs = self.pairs.get(range.from as usize..range.to as usize).unwrap_or_default();
                let alone = led(pairs, pair(*symbol, NONE));
                found.extend(alone.filter_map(|node| self.match_at(node, from, from + 1)));
                for (here, behind) in [(second, &mut states), (third, &mut late)] {
                    let Some(here) = here.filter(|here| range.bits & here.bits != 0) else { continue };
                    for second in here.symbols().iter().chain([&ANY]) {
                        behind.extend(led(pairs, pair(*symbol, *second)).map(|node| (node, false)));
                    }
                }
            }
            for to in from + 2..=last {
                if to == from + 3 {
                    states.append(&mut late);
                }
                if states.is_empty() && late.is_empty() {
                    break;
                }
                next.clear();
                for (node, skipped) in &states {
                    if !skipped {
                        found.extend(self.match_at(*node, from, to));
                    }
                    if let Some(here) = within(to) {
                        self.step(*node, *skipped, here, &mut next);
                    }
                }
                std::mem::swap(&mut states, &mut next);
            }
        }
    }

    fn match_at(&self, node: u32, from: usize, to: usize) -> Option<Match> {
        let evidence = self.nodes.get(node as usize)?.ends?;
        Some(Match { evidence, from, to })
    }

    /// Where a piece leads from a node; `skipped` says that the piece before was a filler.
    fn step(&self, node: u32, skipped: bool, here: &Looked, next: &mut Vec<(u32, bool)>) {
        let Some(Node { from, to, bits, .. }) = self.nodes.get(node as usize) else { return };
        if bits & here.bits != 0 {
            let steps = self.steps.get(*from as usize..*to as usize).unwrap_or_default();
            for symbol in here.symbols().iter().chain([&ANY]) {
                next.extend(led(steps, *symbol).map(|node| (node, false)));
            }
        }
        if here.filler && !skipped && *bits != 0 {
            next.push((node, true));
        }
    }
}

/// The nodes to which a key leads, of steps in the order of their keys.
fn led<K: Copy + Ord>(steps: &[(K, u32)], key: K) -> impl Iterator<Item = u32> {
    let at = steps.partition_point(|(by, _)| *by < key);
    steps.get(at..).unwrap_or_default().iter().take_while(move |(by, _)| *by == key).map(|(_, node)| *node)
}

/// Two words in one number, in the order of the first.
fn pair(first: Symbol, second: Symbol) -> u64 {
    u64::from(first) << 32 | u64::from(second)
}

fn bit(symbol: Symbol) -> u64 {
    1 << (symbol & 63)
}

impl Vocabulary {
    /// The symbol of all words with this beginning.
    fn stem(&mut self, beginning: u64) -> Symbol {
        self.sieve.add(beginning);
        let fresh = FIRST_WORD + self.count;
        let known = self.stems.entry(beginning).or_insert(fresh);
        self.count += Symbol::from(*known == fresh);
        *known
    }

    /// The symbol of a word without accents.
    fn plain(&mut self, word: u64) -> Symbol {
        let fresh = FIRST_WORD + self.count;
        let known = self.words.entry(word).or_default();
        if known.symbol == NONE {
            known.symbol = fresh;
            self.count += 1;
        }
        known.symbol
    }

    /// The symbol of a word that may have accents.
    fn dressed(&mut self, bare: u64, accented: u64) -> Symbol {
        let count = self.count;
        let symbol = self.plain(accented);
        if bare != accented && count < self.count {
            self.bare.entry(bare).or_default().push(symbol);
        }
        symbol
    }

    fn looked(&self, forms: &Forms, piece: &Piece) -> Looked {
        let mut looked = Looked { bits: bit(ANY), ..Looked::default() };
        looked.push(class_symbol(piece.class));
        if let Some(form) = &piece.form {
            match piece.accented {
                Some(accented) => {
                    if let Some(known) = self.words.get(&accented) {
                        looked.know(known);
                    }
                }
                None if piece.class == Class::Word && !self.bare.is_empty() => {
                    let same = self.bare.get(&form.whole).into_iter().flatten();
                    same.for_each(|symbol| looked.push(*symbol));
                }
                None => {}
            }
            self.look_for(forms, form, &mut looked);
        }
        if looked.count == 0 {
            for form in piece.shortened.iter().flatten() {
                self.look_for(forms, form, &mut looked);
            }
        }
        if piece.capitals {
            looked.push(class_symbol(Class::Mixed));
        }
        looked
    }

    fn look_for(&self, forms: &Forms, form: &Form, looked: &mut Looked) {
        let beginnings = forms.beginnings(form).iter().filter(|beginning| self.sieve.may_have(**beginning));
        beginnings.filter_map(|beginning| self.stems.get(beginning)).for_each(|stem| looked.push(*stem));
        if let Some(known) = self.words.get(&form.whole) {
            looked.know(known);
        }
    }
}

impl Words for Vocabulary {
    fn symbols(&mut self, words: &str, symbols: &mut Vec<Symbol>) -> Result<(), BadPhrase> {
        for word in words.split_ascii_whitespace() {
            // Most words are what they are, and need not be cut.
            if word.bytes().all(|byte| byte.is_ascii_lowercase()) {
                symbols.push(self.plain(hash(word)));
                continue;
            }
            if let Some(class) = class_of(word) {
                symbols.push(class);
                continue;
            }
            if let Some((bare, accented)) = small(word) {
                symbols.push(self.dressed(bare, accented));
                continue;
            }
            let stem = word.strip_suffix('*');
            if let Some((bare, _)) = stem.filter(|stem| stem.chars().nth(SHORTEST_STEM - 1).is_some()).and_then(small) {
                symbols.push(self.stem(bare));
                continue;
            }
            let cut = cut(stem.unwrap_or(word));
            let last = cut.tokens.len().checked_sub(1).ok_or(BadPhrase::NoWord)?;
            for (index, token) in cut.tokens.iter().enumerate() {
                // `2x1` is any of its kind; a number is itself.
                let class = class_symbol(token.class);
                if ![NONE, FIRST_CLASS, FIRST_CLASS + 1].contains(&class) {
                    symbols.push(class);
                    continue;
                }
                let accented = cut.accented(token).filter(|_| stem.is_none());
                let part = accented.unwrap_or(cut.word(token));
                if stem.is_none() || index != last {
                    symbols.push(self.dressed(hash(cut.word(token)), hash(part)));
                    continue;
                }
                if part.chars().count() < SHORTEST_STEM {
                    return Err(BadPhrase::ShortStem);
                }
                symbols.push(self.stem(hash(part)));
            }
        }
        Ok(())
    }
}

/// The hashes of a word of small letters: without its accents and with them.
fn small(word: &str) -> Option<(u64, u64)> {
    let (mut bare, mut accented) = (Fnv::default(), false);
    for c in word.chars() {
        match fold(c) {
            // `2nd` is two pieces of a text, and `2x1` one of another kind: those are cut like texts.
            Folded::One(one) if !one.is_ascii_digit() && (one == c || c.is_lowercase()) => {
                bare.write(one.encode_utf8(&mut [0; 4]).as_bytes());
                accented |= is_accented(c);
            }
            _ => return None,
        }
    }
    let bare = bare.finish();
    Some((bare, if accented { hash(word) } else { bare }))
}

/// Drops every match that lies within a longer one.
pub(super) fn longest(mut found: Vec<Match>) -> Vec<Match> {
    // Of the same words, what says that they mean nothing, or little, has the last word.
    let rank = |evidence| match evidence {
        Evidence::Neutral => 0,
        Evidence::Hint => 1,
        _ => 2,
    };
    found.sort_by_key(|one| (one.from, usize::MAX - one.to, rank(one.evidence), one.evidence));
    let mut kept: Vec<Match> = Vec::with_capacity(found.len());
    let mut reach = 0;
    for one in found {
        // Sorted by where they begin: what ends no later than one before it lies within that one.
        if reach < one.to {
            reach = one.to;
            kept.push(one);
        }
    }
    kept
}

/// What is known of one piece.
#[derive(Clone, Copy, Debug, Default)]
struct Looked {
    /// Few words have more than three; what a text has of more is as if the phrases had it not.
    symbols: [Symbol; 7],
    count: u8,
    filler: bool,
    bits: u64,
}

impl Looked {
    fn push(&mut self, symbol: Symbol) {
        if symbol != NONE
            && !self.symbols().contains(&symbol)
            && let Some(slot) = self.symbols.get_mut(self.count as usize)
        {
            *slot = symbol;
            self.count += 1;
            self.bits |= bit(symbol);
        }
    }

    fn know(&mut self, known: &Known) {
        self.push(known.symbol);
        self.filler |= known.filler;
    }

    fn symbols(&self) -> &[Symbol] {
        self.symbols.get(..self.count as usize).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(phrases: &[&str], text: &str) -> Vec<String> {
        let mut all = Phrases::new();
        for phrase in phrases {
            all.add(phrase, Evidence::Offer).unwrap();
        }
        all.fillers("the your");
        let (all, cut) = (all.sorted(), cut(text));
        let mut matches = Vec::new();
        all.find(&Forms::of(&cut), &mut matches);
        let matches = longest(matches);
        matches.iter().map(|one| text[cut.tokens[one.from].start..cut.tokens[one.to - 1].end].to_owned()).collect()
    }

    #[test]
    fn phrases_are_found_as_they_are_written() {
        for (phrase, text, expected) in [
            ("shop now", "Shop NOW!", "Shop NOW"),
            ("shop now", "shop. now", ""),
            ("3+1", "3 or 2x1", "2x1"),
            ("2nd order", "your 2nd order", "2nd order"),
            ("2x points", "earn 2x points", "2x points"),
            ("2x1 hoy", "3x2 hoy", "3x2 hoy"),
            ("shop sale", "shop the sale", "shop the sale"),
            ("shop sale", "shop the your sale", ""),
            ("(buy|shop) [it] now", "buy now, shop it now", "buy now|shop it now"),
            ("(buy|shop) [it] now", "buy it", ""),
            ("скидк*", "Скидки и скидкой", "Скидки|скидкой"),
            ("#% off", "20 % off", "20 % off"),
            ("only #$", "only $5", "only $5"),
            ("code @", "code SAVE20 or code summer", "code SAVE20"),
            ("sale", "saaaale SALEEE s4le", "saaaale|SALEEE|s4le"),
            ("last _ seats", "last few seats", "last few seats"),
            ("don't miss", "Don’t miss", "Don’t miss"),
            ("(buy|get (one|two)) [for (me|you)]", "get two for you", "get two for you"),
            (
                "[big] (sale|(hot|cold) deal) [now|today]",
                "big cold deal today, hot deal",
                "big cold deal today|hot deal",
            ),
        ] {
            assert_eq!(found(&[phrase], text).join("|"), expected, "{phrase}: {text}");
        }
    }

    #[test]
    fn the_longest_phrase_wins() {
        assert_eq!(found(&["sale", "sale ends today", "today"], "sale ends today"), ["sale ends today"]);
        assert_eq!(found(&["big sale", "sale now"], "big sale now"), ["big sale", "sale now"]);
    }

    #[test]
    fn bad_phrases_are_refused() {
        let add = |phrase: &str| Phrases::new().add(phrase, Evidence::Offer);
        assert_eq!(add("(a|b"), Err(BadPhrase::Unbalanced));
        assert_eq!(add("a]"), Err(BadPhrase::Unbalanced));
        assert_eq!(add("[a]"), Err(BadPhrase::Empty));
        assert_eq!(add("a -#%"), Err(BadPhrase::NoWord));
        assert_eq!(add("ab*"), Err(BadPhrase::ShortStem));
        assert_eq!(add(&"a ".repeat(500)), Err(BadPhrase::TooLong));
    }
}
