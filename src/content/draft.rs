//! A phrase as it is read: places, words that lead from one to the next, and ways to skip.

use crate::content::phrases::Symbol;

/// A phrase of more places than this is a slip of the pen.
pub(super) const PLACES: usize = 400;
/// The first place of a phrase, and the last.
const START: usize = 0;
const END: usize = 1;

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

/// What reads the words between two brackets.
pub(super) trait Words {
    /// Appends the symbols of some words.
    fn symbols(&mut self, words: &str, symbols: &mut Vec<Symbol>) -> Result<(), BadPhrase>;
}

/// The place a phrase is read into, to be used again for the next one.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// From a place by a symbol to a place.
    edges: Vec<(usize, Symbol, usize)>,
    /// From a place to another without a word.
    skips: Vec<(usize, usize)>,
    places: usize,
    symbols: Vec<Symbol>,
}

impl Draft {
    /// Reads a phrase.
    pub(super) fn read(&mut self, phrase: &str, words: &mut impl Words) -> Result<(), BadPhrase> {
        self.edges.clear();
        self.skips.clear();
        self.places = 2;
        let rest = self.choices(phrase, 0, START, END, words)?;
        if !rest.is_empty() {
            return Err(BadPhrase::Unbalanced);
        }
        if PLACES < self.places {
            return Err(BadPhrase::TooLong);
        }
        if self.closed(START).contains(&END) {
            return Err(BadPhrase::Empty);
        }
        self.merge();
        Ok(())
    }

    /// The first place.
    pub(super) fn start(&self) -> usize {
        START
    }

    /// How many places there are at most.
    pub(super) fn places(&self) -> usize {
        self.places
    }

    /// Where the words of a place lead, and whether the phrase may end there.
    pub(super) fn outgoing(&self, place: usize, edges: &mut Vec<(Symbol, usize)>) -> bool {
        edges.clear();
        let closed = self.closed(place);
        let from = |place: &usize| match *closed.as_slice() {
            [only] => only == *place,
            _ => closed.contains(place),
        };
        edges.extend(self.edges.iter().filter(|(place, ..)| from(place)).map(|(_, by, to)| (*by, *to)));
        closed.contains(&END)
    }

    fn place(&mut self) -> usize {
        self.places += 1;
        self.places - 1
    }

    /// Reads choices up to their closing bracket or the end, and returns what is left there.
    fn choices<'t>(
        &mut self,
        mut rest: &'t str,
        depth: usize,
        from: usize,
        to: usize,
        words: &mut impl Words,
    ) -> Result<&'t str, BadPhrase> {
        let mut here = from;
        loop {
            let at = rest.find(['[', '(', ']', ')', '|']).unwrap_or(rest.len());
            let (before, after) = rest.split_at(at);
            let mut symbols = std::mem::take(&mut self.symbols);
            symbols.clear();
            let read = words.symbols(before, &mut symbols);
            for symbol in &symbols {
                let next = self.place();
                self.edges.push((here, *symbol, next));
                here = next;
            }
            self.symbols = symbols;
            read?;
            let inside = after.get(1..).unwrap_or_default();
            match after.chars().next() {
                Some(open @ ('[' | '(')) if depth < 4 => {
                    let next = self.place();
                    let close = if open == '[' { ']' } else { ')' };
                    if open == '[' {
                        self.skips.push((here, next));
                    }
                    let left = self.choices(inside, depth + 1, here, next, words)?;
                    rest = left.strip_prefix(close).ok_or(BadPhrase::Unbalanced)?;
                    here = next;
                }
                Some('|') if 0 < depth => {
                    self.skips.push((here, to));
                    (here, rest) = (from, inside);
                }
                None | Some(']' | ')') => {
                    self.skips.push((here, to));
                    return if after.is_empty() == (depth == 0) { Ok(after) } else { Err(BadPhrase::Unbalanced) };
                }
                Some(_) => return Err(BadPhrase::Unbalanced),
            }
        }
    }

    /// Lets words lead to where a place without words of its own skips to: the choices of a bracket end in one place.
    fn merge(&mut self) {
        let mut only: Vec<Option<usize>> = vec![None; self.places];
        let mut many = vec![false; self.places];
        for (from, to) in &self.skips {
            if let (Some(slot), Some(many)) = (only.get_mut(*from), many.get_mut(*from)) {
                *many |= slot.is_some_and(|known| known != *to);
                *slot = Some(*to);
            }
        }
        for (from, ..) in &self.edges {
            if let Some(many) = many.get_mut(*from) {
                *many = true;
            }
        }
        for (_, _, to) in &mut self.edges {
            while let (Some(Some(next)), Some(false)) = (only.get(*to), many.get(*to)) {
                *to = *next;
            }
        }
    }

    /// A place and all that it leads to without a word.
    fn closed(&self, place: usize) -> Vec<usize> {
        let mut reached = vec![place];
        let mut at = 0;
        while let Some(here) = reached.get(at).copied() {
            for (_, next) in self.skips.iter().filter(|(from, _)| *from == here) {
                if !reached.contains(next) {
                    reached.push(*next);
                }
            }
            at += 1;
        }
        reached
    }
}
