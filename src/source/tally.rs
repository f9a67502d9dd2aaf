//! What was met in an input and is no error, but must not pass in silence either: words we do not know, and ids that
//! a spreadsheet has spoilt.

use std::collections::{BTreeMap, BTreeSet};

use super::canonical::Field;
use super::unused::Used;
use super::{shown, shown_up_to};

/// How many kinds of a thing are told apart.
const KINDS: usize = 100;
/// An id cut to 15 digits by a spreadsheet ends in zeros; by chance one id in ten looks so. This many that do, and
/// none that does not, are no chance.
const ROUNDED_IDS: usize = 8;

/// What is said of calls that were not joined with an echo because more than one may be meant.
const DOUBTED: &str = "a call without a logged answer that may be any of several echoes, or share one with another call: \
    they were not joined, and what such an echo claims stays hidden; log the answers (message_id)";

/// Counts of what an input, or a block of it, contained.
#[derive(Debug, Default)]
pub(super) struct Tally {
    unknown_events: Counts<String>,
    unknown_words: Counts<(Field, String)>,
    rounded_ids: BTreeSet<String>,
    has_exact_ids: bool,
    /// Records by the name of their shape.
    shapes: BTreeMap<&'static str, u64>,
    /// Responses whose request is not known.
    unpaired: u64,
    /// What its shapes cannot show, and how many records that concerns; 0 for all of them.
    limits: BTreeMap<&'static str, u64>,
    /// How many arrays around records are open at the end, and the line of the last bracket or record.
    brackets: (i64, u64),
    /// Which options found what they name.
    pub(super) used: Used,
}

impl Tally {
    /// Counts a word of `event` that we do not know.
    pub(super) fn unknown_event(&mut self, word: &str) {
        self.unknown_events.add(shown_up_to(64, word).0, 1);
    }

    /// Counts a word of another enumerated field that we do not know, and therefore took for absent.
    pub(super) fn unknown_word(&mut self, field: Field, word: &str) {
        self.unknown_words.add((field, shown(word)), 1);
    }

    /// Counts a record of a shape.
    pub(super) fn shape(&mut self, name: &'static str) {
        *self.shapes.entry(name).or_default() += 1;
    }

    /// Counts responses whose request is not known.
    pub(super) fn unpaired(&mut self, count: u64) {
        self.unpaired += count;
    }

    /// Counts calls without an answer that may be one of several echoes.
    pub(super) fn doubted(&mut self, count: u64) {
        *self.limits.entry(DOUBTED).or_default() += count;
    }

    /// Says once what a shape cannot show.
    pub(super) fn limit(&mut self, sentence: &'static str) {
        self.limits.entry(sentence).or_default();
    }

    /// Counts something that was left out or looks wrong, and why.
    pub(super) fn left_out(&mut self, sentence: &'static str) {
        *self.limits.entry(sentence).or_default() += 1;
    }

    /// Counts the brackets of arrays around records, those that open less those that close, up to `line`.
    pub(super) fn brackets(&mut self, open: i64, line: u64) {
        self.brackets = (self.brackets.0 + open, self.brackets.1.max(line));
    }

    /// The last line, if the brackets of arrays around records do not match.
    pub(super) fn broken_off(&self) -> Option<u64> {
        (self.brackets.0 != 0).then_some(self.brackets.1)
    }

    /// The names of the shapes met.
    pub(super) fn shapes(&self) -> &BTreeMap<&'static str, u64> {
        &self.shapes
    }

    /// Looks at an id for the trace of a spreadsheet, which keeps 15 digits of a number and writes 0 for the others.
    pub(super) fn id(&mut self, id: &str) {
        if self.has_exact_ids || id.len() <= 15 || !id.bytes().all(|c| c.is_ascii_digit()) {
            return;
        }
        if !id.bytes().skip(15).all(|c| c == b'0') {
            self.has_exact_ids = true;
        } else if self.rounded_ids.len() < ROUNDED_IDS && !self.rounded_ids.contains(id) {
            self.rounded_ids.insert(shown(id));
        }
    }

    /// Adds what was counted in the block after this one.
    pub(super) fn merge(&mut self, next: Tally) {
        self.unknown_events.merge(next.unknown_events);
        self.unknown_words.merge(next.unknown_words);
        self.has_exact_ids |= next.has_exact_ids;
        for (name, count) in next.shapes {
            *self.shapes.entry(name).or_default() += count;
        }
        self.unpaired += next.unpaired;
        for (sentence, count) in next.limits {
            *self.limits.entry(sentence).or_default() += count;
        }
        self.brackets(next.brackets.0, next.brackets.1);
        self.used.merge(next.used);
        for id in next.rounded_ids {
            // One that is known already takes no place from another.
            if self.rounded_ids.len() < ROUNDED_IDS {
                self.rounded_ids.insert(id);
            }
        }
    }

    /// The unknown events by word, and a sentence for everything else.
    pub(super) fn finish(self) -> (BTreeMap<String, u64>, Vec<String>) {
        let mut events = self.unknown_events.counts;
        if 0 < self.unknown_events.more {
            events.insert("(more)".to_owned(), self.unknown_events.more);
        }
        let records = |count: u64| if count == 1 { "1 record".to_owned() } else { format!("{count} records") };
        let mut notes = Vec::new();
        for ((field, word), count) in self.unknown_words.counts {
            notes.push(format!("{}: unknown {field} `{word}`", records(count)));
        }
        if 0 < self.unknown_words.more {
            notes.push(format!("{}: further unknown words", records(self.unknown_words.more)));
        }
        if !self.has_exact_ids && ROUNDED_IDS <= self.rounded_ids.len() {
            notes.push("the ids of `user` look rounded by a spreadsheet (zeros after 15 digits)".to_owned());
        }
        if 0 < self.unpaired {
            notes.push(format!("{}: a response of which the request is not known", records(self.unpaired)));
        }
        for (sentence, count) in self.limits {
            notes.push(if count == 0 { sentence.to_owned() } else { format!("{}: {sentence}", records(count)) });
        }
        (events, notes)
    }
}

/// How many there are of each kind, for the hundred kinds that come first in the alphabet, and of all others together: which
/// ones are told apart must depend neither on the order of the records nor on where blocks were cut.
#[derive(Debug)]
struct Counts<K> {
    counts: BTreeMap<K, u64>,
    more: u64,
}

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Counts { counts: BTreeMap::new(), more: 0 }
    }
}

impl<K: Ord> Counts<K> {
    fn add(&mut self, kind: K, count: u64) {
        *self.counts.entry(kind).or_default() += count;
        if KINDS < self.counts.len()
            && let Some((_, last)) = self.counts.pop_last()
        {
            self.more += last;
        }
    }

    fn merge(&mut self, next: Counts<K>) {
        for (kind, count) in next.counts {
            self.add(kind, count);
        }
        self.more += next.more;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_kinds_are_told_apart_depends_on_no_order() {
        let words: Vec<String> = (0..150).map(|at| format!("{:03}", at * 7 % 150)).collect();
        let tally_of = |words: &[String]| {
            let mut tally = Tally::default();
            words.iter().chain(words).for_each(|word| tally.unknown_event(word));
            tally
        };
        let whole = tally_of(&words).finish().0;
        assert_eq!((whole.len(), whole["(more)"], whole["099"]), (101, 100, 2));
        for at in [1, 60, 120, 149] {
            let (first, next) = words.split_at(at);
            let (mut there, mut back) = (tally_of(first), tally_of(next));
            there.merge(tally_of(next));
            back.merge(tally_of(first));
            assert_eq!((there.finish().0, back.finish().0), (whole.clone(), whole.clone()), "cut at {at}");
        }
    }

    #[test]
    fn one_exact_id_clears_the_spreadsheet() {
        let tally_of = |ids: std::ops::Range<u64>, end: &str| {
            let mut tally = Tally::default();
            ids.for_each(|id| tally.id(&format!("{}{end}", 270_557_807_700_000 + id)));
            tally
        };
        let notes = |first: Tally, next: Tally| {
            let mut all = first;
            all.merge(next);
            all.finish().1.len()
        };
        assert_eq!(notes(tally_of(0..4, "00"), tally_of(4..8, "0")), 1);
        assert_eq!(notes(tally_of(0..4, "00"), tally_of(0..4, "00")), 0, "the same four ids twice");
        assert_eq!(notes(tally_of(0..6, "00"), tally_of(0..8, "00")), 1, "some of the ids twice");
        assert_eq!(notes(tally_of(0..8, "00"), tally_of(8..9, "01")), 0);
        assert_eq!(notes(tally_of(8..9, "01"), tally_of(0..8, "00")), 0);
        assert_eq!(notes(tally_of(0..8, ""), tally_of(8..16, "")), 0, "15 digits are all a spreadsheet's own");
    }
}
