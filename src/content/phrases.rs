//! The phrases of all lexicons as one tree of words, and the search for them in a text.
//!
//! A phrase is words with blanks between. `skid*` is every word that begins so, `[the]` may be missing, `(buy|shop)` is one
//! of them, `_` is any one word, `#` a number, `#%` a percentage, `#$` an amount of money, `#:` a time of day, `#/` a date,
//! `#id` a long number, `@` a code or word of capitals, `@@` a link. Between two words of a phrase one filler (an article, say) may stand.

use std::hash::Hasher;

use foldhash::{HashMap, HashMapExt};

use crate::content::Evidence;
use crate::content::fold::unmasked;
use crate::content::token::{Class, Cut, Token, cut};

/// A phrase of more places than this is a slip of the pen.
const PLACES: usize = 400;
/// How many words in a row are looked at.
const LONGEST: usize = 14;
/// The shortest beginning of a word that stands for all words with it.
const SHORTEST_STEM: usize = 3;

/// A word, a beginning of a word or a class of pieces, by number.
type Symbol = u32;

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

/// Languages by number, as bits.
pub(super) type Languages = u32;

/// What a phrase is evidence of, and in which language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) evidence: Evidence,
    /// The number of the language; 0 is all of them.
    pub(super) language: usize,
}

/// A phrase found in a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Match {
    pub(super) meaning: Meaning,
    /// The pieces it covers.
    pub(super) from: usize,
    pub(super) to: usize,
    /// Which phrase it is: a phrase twice is one piece of evidence.
    pub(super) phrase: u32,
}

/// What is known of a word.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    symbol: Symbol,
    /// In which languages it is common.
    common: Languages,
    filler: bool,
}

/// All phrases.
#[derive(Debug)]
pub(super) struct Phrases {
    words: HashMap<u64, Known>,
    /// Phrases may have accents. Then they are found where the text has the same, or none in that word: in Vietnamese
    /// every tone makes another word, and many write without. By what is left without accents.
    bare: HashMap<u64, Vec<Symbol>>,
    stems: HashMap<u64, Symbol>,
    next_symbol: Symbol,
    /// From a node by a symbol to nodes, as the head of a list in `links`; the root is 0. Only for the nodes behind the first
    /// word, which are shared by all phrases that begin with it; the others belong to one phrase.
    steps: HashMap<(u32, Symbol), u32>,
    /// By node, where its own steps lie in `own`.
    ranges: Vec<(u32, u32)>,
    own: Vec<(Symbol, u32)>,
    /// A node, and the rest of the list.
    links: Vec<(u32, u32)>,
    /// The node behind each first word.
    begins: Vec<u32>,
    /// By node.
    meanings: Vec<Vec<Meaning>>,
}

/// Why a phrase is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadPhrase {
    Empty,
    NoWord,
    Unbalanced,
    TooLong,
    ShortStem,
}

impl BadPhrase {
    pub(super) fn reason(self) -> &'static str {
        match self {
            BadPhrase::Empty => "has no words",
            BadPhrase::NoWord => "has a sign where a word should be",
            BadPhrase::Unbalanced => "has a bracket without its other half",
            BadPhrase::TooLong => "is too long",
            BadPhrase::ShortStem => "has a `*` after fewer than 3 letters",
        }
    }
}

impl Phrases {
    pub(super) fn new() -> Phrases {
        Phrases {
            words: HashMap::with_capacity(1 << 14),
            bare: HashMap::new(),
            stems: HashMap::new(),
            next_symbol: FIRST_WORD,
            steps: HashMap::with_capacity(1 << 15),
            ranges: vec![(0, 0)],
            own: Vec::with_capacity(1 << 17),
            links: Vec::with_capacity(1 << 15),
            begins: vec![0; FIRST_WORD as usize],
            meanings: vec![Vec::new()],
        }
    }

    /// Takes a phrase in, whatever ways it can be read.
    pub(super) fn add(&mut self, phrase: &str, meaning: Meaning) -> Result<(), BadPhrase> {
        if !phrase.contains(['[', '(', ']', ')', '|']) {
            return self.add_words(phrase, meaning);
        }
        let mut draft = Draft { phrases: self, edges: vec![Vec::new(); 2], skips: vec![Vec::new(); 2] };
        let rest = draft.choices(phrase, 0, START, END)?;
        if !rest.is_empty() {
            return Err(BadPhrase::Unbalanced);
        }
        let Draft { edges, skips, .. } = draft;
        let reach: Vec<Vec<usize>> = (0..skips.len()).map(|place| reachable(place, &skips)).collect();
        if reach.first().is_none_or(|first| first.contains(&END)) {
            return Err(BadPhrase::Empty);
        }
        if PLACES < edges.len() {
            return Err(BadPhrase::TooLong);
        }
        // A node for each place that a word leads to; those behind a first word are shared instead.
        let base = self.nodes(edges.len());
        let outgoing = |place: usize| {
            let closed = reach.get(place).map_or(&[][..], Vec::as_slice);
            closed.iter().filter_map(|place| edges.get(*place)).flatten().copied()
        };
        let ends = |place: usize| reach.get(place).is_some_and(|closed| closed.contains(&END));
        for (first, place) in outgoing(START) {
            let shared = self.shared(first);
            if ends(place) {
                self.mean(shared, meaning);
            }
            for (symbol, next) in outgoing(place) {
                self.link(shared, symbol, base + next as u32, base);
            }
        }
        for place in (0..edges.len()).filter(|place| *place != START) {
            let from = self.own.len() as u32;
            self.own.extend(outgoing(place).map(|(symbol, next)| (symbol, base + next as u32)));
            self.steps_of(base + place as u32, from);
            if ends(place) {
                self.mean(base + place as u32, meaning);
            }
        }
        Ok(())
    }

    /// Takes a phrase of nothing but words in: most are such, and need no draft.
    fn add_words(&mut self, phrase: &str, meaning: Meaning) -> Result<(), BadPhrase> {
        let symbols = self.symbols(phrase)?;
        let (first, rest) = symbols.split_first().ok_or(BadPhrase::Empty)?;
        if PLACES < symbols.len() {
            return Err(BadPhrase::TooLong);
        }
        let mut node = self.shared(*first);
        let base = self.nodes(rest.len());
        for (next, symbol) in (base..).zip(rest) {
            if next == base {
                self.link(node, *symbol, next, base);
            } else {
                let from = self.own.len() as u32;
                self.own.push((*symbol, next));
                self.steps_of(node, from);
            }
            node = next;
        }
        self.mean(node, meaning);
        Ok(())
    }

    /// So many new nodes; the first of them.
    fn nodes(&mut self, count: usize) -> u32 {
        let base = self.meanings.len();
        self.meanings.resize(base + count, Vec::new());
        self.ranges.resize(base + count, (0, 0));
        base as u32
    }

    /// The steps of a node are those that lie in `own` from `from` on.
    fn steps_of(&mut self, node: u32, from: u32) {
        if let Some(range) = self.ranges.get_mut(node as usize) {
            *range = (from, self.own.len() as u32);
        }
    }

    /// Whether these words are a phrase.
    pub(super) fn has(&self, phrase: &str) -> bool {
        let cut = cut(phrase);
        let looked = self.look_up(&cut);
        let matches = self.find(&cut, &looked, |meanings, _| meanings.first().copied());
        matches.iter().any(|one| one.from == 0 && one.to == cut.tokens.len())
    }

    /// The node behind a first word.
    fn shared(&mut self, symbol: Symbol) -> u32 {
        let fresh = self.meanings.len() as u32;
        let Some(slot) = self.begins.get_mut(symbol as usize) else { return 0 };
        if *slot == 0 {
            *slot = fresh;
            self.meanings.push(Vec::new());
            self.ranges.push((0, 0));
        }
        *slot
    }

    fn link(&mut self, from: u32, symbol: Symbol, to: u32, base: u32) {
        let fresh = self.links.len() as u32;
        let head = self.steps.entry((from, symbol)).or_insert(NO_LINK);
        let mut known = *head;
        // The newest come first; those of other phrases cannot be the same.
        while let Some((node, next)) = self.links.get(known as usize).filter(|(node, _)| base <= *node) {
            if *node == to {
                return;
            }
            known = *next;
        }
        self.links.push((to, *head));
        *head = fresh;
    }

    fn mean(&mut self, node: u32, meaning: Meaning) {
        if let Some(meanings) = self.meanings.get_mut(node as usize)
            && !meanings.contains(&meaning)
        {
            meanings.push(meaning);
        }
    }

    /// The nodes that a symbol leads to.
    fn after(&self, node: u32, symbol: Symbol) -> impl Iterator<Item = u32> {
        let (from, to) = self.ranges.get(node as usize).copied().unwrap_or_default();
        let own = self.own.get(from as usize..to as usize).unwrap_or_default();
        let mut at = match own {
            [] => self.steps.get(&(node, symbol)).copied().unwrap_or(NO_LINK),
            _ => NO_LINK,
        };
        let shared = std::iter::from_fn(move || {
            let (node, next) = *self.links.get(at as usize)?;
            at = next;
            Some(node)
        });
        own.iter().filter(move |(by, _)| *by == symbol).map(|(_, node)| *node).chain(shared)
    }

    /// Notes words by which a language is known.
    pub(super) fn common(&mut self, words: &str, language: usize) {
        let cut = cut(words);
        for token in &cut.tokens {
            for word in [Some(cut.word(token)), cut.accented(token)].into_iter().flatten() {
                self.words.entry(hash(word)).or_default().common |= 1 << language;
            }
        }
    }

    /// Notes words that may stand between those of a phrase.
    pub(super) fn fillers(&mut self, words: &str) {
        let cut = cut(words);
        for token in &cut.tokens {
            self.words.entry(hash(cut.word(token))).or_default().filler = true;
        }
    }

    fn symbols(&mut self, words: &str) -> Result<Vec<Symbol>, BadPhrase> {
        let mut symbols = Vec::new();
        for word in words.split_whitespace() {
            if let Some(class) = class_of(word) {
                symbols.push(class);
                continue;
            }
            // Most words are what they are, and need not be cut.
            if word.bytes().all(|byte| byte.is_ascii_lowercase()) {
                let known = self.words.entry(hash(word)).or_default();
                if known.symbol == NONE {
                    known.symbol = self.next_symbol;
                    self.next_symbol += 1;
                    self.begins.push(0);
                }
                symbols.push(known.symbol);
                continue;
            }
            let stem = word.strip_suffix('*');
            let cut = cut(stem.unwrap_or(word));
            if cut.tokens.is_empty() {
                return Err(BadPhrase::NoWord);
            }
            let last = cut.tokens.len() - 1;
            for (index, token) in cut.tokens.iter().enumerate() {
                let accented = cut.accented(token).filter(|_| stem.is_none());
                let part = accented.unwrap_or(cut.word(token));
                let is_stem = stem.is_some() && index == last;
                if is_stem && part.chars().count() < SHORTEST_STEM {
                    return Err(BadPhrase::ShortStem);
                }
                let next = self.next_symbol;
                let known = if is_stem {
                    self.stems.entry(hash(part)).or_default()
                } else {
                    &mut self.words.entry(hash(part)).or_default().symbol
                };
                if *known == NONE {
                    *known = next;
                    self.next_symbol += 1;
                    self.begins.push(0);
                    if accented.is_some() {
                        self.bare.entry(hash(cut.word(token))).or_default().push(next);
                    }
                }
                symbols.push(*known);
            }
        }
        Ok(symbols)
    }

    /// Everything that is known of the pieces of a text.
    pub(super) fn look_up(&self, cut: &Cut) -> Vec<Looked> {
        cut.tokens.iter().map(|token| self.looked(cut, token)).collect()
    }

    fn looked(&self, cut: &Cut, token: &Token) -> Looked {
        let mut looked = Looked::default();
        looked.push(class_symbol(token.class));
        let word = cut.word(token);
        match token.class {
            Class::Word | Class::Emoji => {
                match cut.accented(token) {
                    Some(accented) => {
                        if let Some(known) = self.words.get(&hash(accented)) {
                            looked.know(known);
                        }
                    }
                    None => {
                        let same = self.bare.get(&hash(word)).into_iter().flatten();
                        same.for_each(|symbol| looked.push(*symbol));
                    }
                }
                self.look_for(word, &mut looked);
            }
            Class::Mixed => {
                let bare: String = word.chars().map(unmasked).collect();
                self.look_for(&bare, &mut looked);
            }
            // `7` is a word of some phrases, and so is `2`.
            Class::Number => self.look_for(word, &mut looked),
            _ => {}
        }
        if looked.is_unknown() && has_run(word) {
            for most in [1, 2] {
                self.look_for(&shortened(word, most), &mut looked);
            }
        }
        if token.class == Class::Word && token.capitals && 3 < word.len() {
            looked.push(class_symbol(Class::Mixed));
        }
        looked
    }

    fn look_for(&self, word: &str, looked: &mut Looked) {
        let mut hasher = Fnv::default();
        for (index, c) in word.chars().enumerate() {
            let mut bytes = [0; 4];
            hasher.write(c.encode_utf8(&mut bytes).as_bytes());
            if SHORTEST_STEM <= index + 1
                && let Some(stem) = self.stems.get(&hasher.finish())
            {
                looked.push(*stem);
            }
        }
        if let Some(known) = self.words.get(&hasher.finish()) {
            looked.know(known);
        }
    }

    /// All phrases in a text, the longer ones instead of those within them.
    pub(super) fn find(
        &self,
        cut: &Cut,
        looked: &[Looked],
        choose: impl Fn(&[Meaning], usize) -> Option<Meaning>,
    ) -> Vec<Match> {
        let mut found: Vec<Match> = Vec::new();
        let mut states: Vec<(u32, bool)> = Vec::new();
        let mut next: Vec<(u32, bool)> = Vec::new();
        for (from, first) in looked.iter().enumerate() {
            let sentence = cut.tokens.get(from).map_or(0, |token| token.sentence);
            let begun = first.symbols().iter().filter_map(|symbol| self.begins.get(*symbol as usize));
            states.clear();
            states.extend(begun.filter(|node| 0 < **node).map(|node| (*node, false)));
            for to in from + 1..=looked.len().min(from + LONGEST) {
                for (node, skipped) in &states {
                    let meanings = self.meanings.get(*node as usize).map_or(&[][..], Vec::as_slice);
                    if !skipped
                        && !meanings.is_empty()
                        && let Some(meaning) = choose(meanings, to - from)
                    {
                        found.push(Match { meaning, from, to, phrase: *node });
                    }
                }
                let Some(here) = looked.get(to) else { break };
                if states.is_empty() || cut.tokens.get(to).is_some_and(|token| token.sentence != sentence) {
                    break;
                }
                next.clear();
                for (node, skipped) in &states {
                    for symbol in here.symbols().iter().chain([&ANY]) {
                        next.extend(self.after(*node, *symbol).map(|node| (node, false)));
                    }
                    if here.filler && !skipped {
                        next.push((*node, true));
                    }
                }
                std::mem::swap(&mut states, &mut next);
            }
        }
        longest(found)
    }
}

/// A phrase as it is read: places, and the words that lead from one to the next.
struct Draft<'p> {
    phrases: &'p mut Phrases,
    edges: Vec<Vec<(Symbol, usize)>>,
    /// From a place to another without a word.
    skips: Vec<Vec<usize>>,
}

/// The first place of a phrase, and the last.
const START: usize = 0;
const END: usize = 1;
/// The end of a list of links.
const NO_LINK: u32 = u32::MAX;

impl Draft<'_> {
    fn place(&mut self) -> usize {
        self.edges.push(Vec::new());
        self.skips.push(Vec::new());
        self.edges.len() - 1
    }

    fn skip(&mut self, from: usize, to: usize) {
        if let Some(skips) = self.skips.get_mut(from) {
            skips.push(to);
        }
    }

    /// Reads choices up to their closing bracket or the end, and returns what is left there.
    fn choices<'t>(&mut self, mut rest: &'t str, depth: usize, from: usize, to: usize) -> Result<&'t str, BadPhrase> {
        let mut here = from;
        loop {
            let at = rest.find(['[', '(', ']', ')', '|']).unwrap_or(rest.len());
            let (words, after) = rest.split_at(at);
            for symbol in self.phrases.symbols(words)? {
                let next = self.place();
                if let Some(edges) = self.edges.get_mut(here) {
                    edges.push((symbol, next));
                }
                here = next;
            }
            let inside = after.get(1..).unwrap_or_default();
            match after.chars().next() {
                Some(open @ ('[' | '(')) if depth < 4 => {
                    let next = self.place();
                    let close = if open == '[' { ']' } else { ')' };
                    if open == '[' {
                        self.skip(here, next);
                    }
                    let left = self.choices(inside, depth + 1, here, next)?;
                    rest = left.strip_prefix(close).ok_or(BadPhrase::Unbalanced)?;
                    here = next;
                }
                Some('|') if 0 < depth => {
                    self.skip(here, to);
                    (here, rest) = (from, inside);
                }
                None | Some(']' | ')') => {
                    self.skip(here, to);
                    return if after.is_empty() == (depth == 0) { Ok(after) } else { Err(BadPhrase::Unbalanced) };
                }
                Some(_) => return Err(BadPhrase::Unbalanced),
            }
        }
    }
}

/// A place and all that it leads to without a word.
fn reachable(place: usize, skips: &[Vec<usize>]) -> Vec<usize> {
    let mut reached = vec![place];
    let mut at = 0;
    while let Some(here) = reached.get(at) {
        for next in skips.get(*here).into_iter().flatten() {
            if !reached.contains(next) {
                reached.push(*next);
            }
        }
        at += 1;
    }
    reached
}

/// Drops every match that lies within a longer one.
fn longest(mut found: Vec<Match>) -> Vec<Match> {
    // Of the same words, what says that they mean nothing has the last word.
    found.sort_by_key(|one| {
        (one.from, usize::MAX - one.to, one.meaning.evidence != Evidence::Neutral, one.meaning.evidence)
    });
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
pub(super) struct Looked {
    symbols: [Symbol; 12],
    count: usize,
    /// In which languages it is a common word.
    pub(super) common: Languages,
    filler: bool,
}

impl Looked {
    fn push(&mut self, symbol: Symbol) {
        if symbol != NONE
            && !self.symbols().contains(&symbol)
            && let Some(slot) = self.symbols.get_mut(self.count)
        {
            *slot = symbol;
            self.count += 1;
        }
    }

    fn know(&mut self, known: &Known) {
        self.push(known.symbol);
        self.common |= known.common;
        self.filler |= known.filler;
    }

    fn symbols(&self) -> &[Symbol] {
        self.symbols.get(..self.count).unwrap_or_default()
    }

    fn is_unknown(&self) -> bool {
        self.count == 0 && self.common == 0
    }
}

fn has_run(word: &str) -> bool {
    word.as_bytes().windows(3).any(|three| three[0] == three[1] && three[1] == three[2]) || {
        let chars: Vec<char> = word.chars().collect();
        chars.windows(3).any(|three| three[0] == three[1] && three[1] == three[2])
    }
}

/// The word with runs of one letter shortened: `saaale`.
fn shortened(word: &str, most: usize) -> String {
    let (mut short, mut run, mut last) = (String::new(), 0, None);
    for c in word.chars() {
        run = if last == Some(c) { run + 1 } else { 1 };
        last = Some(c);
        if run <= most || run == 2 && most == 2 {
            short.push(c);
        }
    }
    short
}

fn hash(word: &str) -> u64 {
    let mut hasher = Fnv::default();
    hasher.write(word.as_bytes());
    hasher.finish()
}

/// FNV-1a: a word's hash is on the way to that of every longer word, so that all its beginnings cost one pass.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(phrases: &[&str], text: &str) -> Vec<String> {
        let mut all = Phrases::new();
        for phrase in phrases {
            all.add(phrase, Meaning { evidence: Evidence::Offer, language: 0 }).unwrap();
        }
        all.fillers("the your");
        let cut = cut(text);
        let looked = all.look_up(&cut);
        let matches = all.find(&cut, &looked, |meanings, _| meanings.first().copied());
        matches.iter().map(|one| text[cut.tokens[one.from].start..cut.tokens[one.to - 1].end].to_owned()).collect()
    }

    #[test]
    fn phrases_are_found_as_they_are_written() {
        for (phrase, text, expected) in [
            ("shop now", "Shop NOW!", "Shop NOW"),
            ("shop now", "shop. now", ""),
            ("shop sale", "shop the sale", "shop the sale"),
            ("shop sale", "shop the your sale", ""),
            ("(buy|shop) [it] now", "buy now, shop it now", "buy now|shop it now"),
            ("скидк*", "Скидки и скидкой", "Скидки|скидкой"),
            ("#% off", "20 % off", "20 % off"),
            ("only #$", "only $5", "only $5"),
            ("code @", "code SAVE20 or code summer", "code SAVE20"),
            ("sale", "saaaale SALEEE s4le", "saaaale|SALEEE|s4le"),
            ("last _ seats", "last few seats", "last few seats"),
            ("don't miss", "Don’t miss", "Don’t miss"),
            ("(buy|get (one|two)) [for (me|you)]", "get two for you", "get two for you"),
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
        let add = |phrase: &str| Phrases::new().add(phrase, Meaning { evidence: Evidence::Offer, language: 0 });
        assert_eq!(add("(a|b"), Err(BadPhrase::Unbalanced));
        assert_eq!(add("a]"), Err(BadPhrase::Unbalanced));
        assert_eq!(add("[a]"), Err(BadPhrase::Empty));
        assert_eq!(add("a -#%"), Err(BadPhrase::NoWord));
        assert_eq!(add("ab*"), Err(BadPhrase::ShortStem));
        assert_eq!(add(&"a ".repeat(500)), Err(BadPhrase::TooLong));
    }
}
