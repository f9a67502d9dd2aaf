//! The forms under which the pieces of a text are looked up, as hashes that are worked out once for all languages.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::content::fold::unmasked;
use crate::content::token::{Class, Cut, Token};

/// The shortest beginning of a word that stands for all words with it.
pub(super) const SHORTEST_STEM: usize = 3;

/// A word, and its beginnings from the shortest on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub(super) whole: u64,
    beginnings: (u32, u32),
}

/// One piece.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) class: Class,
    /// A word of capitals may be a code.
    pub(super) capitals: bool,
    pub(super) form: Option<Form>,
    /// With its accents, if it has any.
    pub(super) accented: Option<u64>,
    /// With runs of one letter shortened, if it has any.
    pub(super) shortened: [Option<Form>; 2],
    pub(super) sentence: usize,
}

/// All pieces of a text.
#[derive(Debug)]
pub(super) struct Forms {
    pub(super) pieces: Vec<Piece>,
    beginnings: Vec<u64>,
}

impl Forms {
    pub(super) fn of(cut: &Cut) -> Forms {
        let mut forms =
            Forms { pieces: Vec::with_capacity(cut.tokens.len()), beginnings: Vec::with_capacity(cut.folded.len()) };
        for token in &cut.tokens {
            let piece = forms.piece(cut, token);
            forms.pieces.push(piece);
        }
        forms
    }

    fn piece(&mut self, cut: &Cut, token: &Token) -> Piece {
        let word = cut.word(token);
        let form = match token.class {
            // `7` is a word of some phrases, and so is `2`.
            Class::Word | Class::Emoji | Class::Number => Some(self.form(word.chars())),
            Class::Mixed => Some(self.form(word.chars().map(unmasked))),
            _ => None,
        };
        let mut shortened = [None; 2];
        if form.is_some() && has_run(word) {
            shortened = [1, 2].map(|most| Some(self.form(without_runs(word, most).chars())));
        }
        Piece {
            class: token.class,
            capitals: token.class == Class::Word && token.capitals && 3 < word.len(),
            form,
            accented: cut.accented(token).map(hash),
            shortened,
            sentence: token.sentence,
        }
    }

    fn form(&mut self, word: impl Iterator<Item = char>) -> Form {
        let from = self.beginnings.len() as u32;
        let mut hasher = Fnv::default();
        for (index, c) in word.enumerate() {
            let mut bytes = [0; 4];
            hasher.write(c.encode_utf8(&mut bytes).as_bytes());
            if SHORTEST_STEM <= index + 1 {
                self.beginnings.push(hasher.finish());
            }
        }
        Form { whole: hasher.finish(), beginnings: (from, self.beginnings.len() as u32) }
    }

    /// The beginnings of a word, the shortest first.
    pub(super) fn beginnings(&self, form: &Form) -> &[u64] {
        self.beginnings.get(form.beginnings.0 as usize..form.beginnings.1 as usize).unwrap_or_default()
    }
}

fn has_run(word: &str) -> bool {
    if word.is_ascii() {
        return word.as_bytes().windows(3).any(|three| three[0] == three[1] && three[1] == three[2]);
    }
    let (mut run, mut last) = (0, None);
    word.chars().any(|c| {
        run = if last == Some(c) { run + 1 } else { 1 };
        last = Some(c);
        2 < run
    })
}

/// The word with runs of one letter shortened: `saaale`.
fn without_runs(word: &str, most: usize) -> String {
    let (mut short, mut run, mut last) = (String::new(), 0, None);
    for c in word.chars() {
        run = if last == Some(c) { run + 1 } else { 1 };
        last = Some(c);
        if run <= most {
            short.push(c);
        }
    }
    short
}

pub(super) fn hash(word: &str) -> u64 {
    let mut hasher = Fnv::default();
    hasher.write(word.as_bytes());
    hasher.finish()
}

/// FNV-1a: a word's hash is on the way to that of every longer word, so that all its beginnings cost one pass.
pub(super) struct Fnv(u64);

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

    /// What is hashed already is its own hash.
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// What is known by the hash of a word.
pub(super) type ByHash<V> = HashMap<u64, V, BuildHasherDefault<Fnv>>;

/// How many words of bits a sieve has: some ten bits a key where there are thousands.
const SIEVE: usize = 1 << 9;

/// A bit for some bits of each key that is known: of most beginnings of words and pairs nothing is, and few get past this.
#[derive(Debug)]
pub(super) struct Sieve(Box<[u64; SIEVE]>);

impl Default for Sieve {
    fn default() -> Sieve {
        Sieve(Box::new([0; SIEVE]))
    }
}

impl Sieve {
    fn place(key: u64) -> (usize, u64) {
        ((key >> 6) as usize % SIEVE, 1 << (key & 63))
    }

    pub(super) fn add(&mut self, key: u64) {
        let (slot, bit) = Sieve::place(key);
        self.0.get_mut(slot).into_iter().for_each(|bits| *bits |= bit);
    }

    pub(super) fn may_have(&self, key: u64) -> bool {
        let (slot, bit) = Sieve::place(key);
        self.0.get(slot).is_some_and(|bits| bits & bit != 0)
    }
}
