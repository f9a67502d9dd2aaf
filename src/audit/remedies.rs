//! Of which violations it is worth to find out what would have been lawful: it costs as much as the judging, and a report
//! that shows five of a rule needs no more.

use std::collections::BinaryHeap;

use crate::replay::Verdict;
use crate::rule::Rule;
use crate::time::Time;

/// The first violations of each rule, wherever they come in the order of judging.
#[derive(Debug)]
pub(super) struct Earliest {
    most: usize,
    /// By rule, the times of the first ones so far, the latest on top.
    of_rule: Vec<BinaryHeap<Time>>,
}

impl Earliest {
    /// The first `most` of each rule.
    pub(super) fn new(most: usize) -> Earliest {
        Earliest { most, of_rule: vec![BinaryHeap::new(); Rule::ALL.len()] }
    }

    /// Whether a send at `at` breaks a rule and, as far as is known by now, may be among the first to do so.
    pub(super) fn wants(&mut self, verdict: &Verdict<'_>, at: Time) -> bool {
        if self.most == usize::MAX {
            return matches!(verdict, Verdict::Violation(_));
        }
        let mut wanted = false;
        for rule in verdict.rules() {
            let first = &mut self.of_rule[rule as usize];
            // Which of two at one moment comes first is not known here: both may.
            if first.len() < self.most || first.peek().is_some_and(|last| at <= *last) {
                wanted = true;
                first.push(at);
            }
            if self.most < first.len() {
                first.pop();
            }
        }
        wanted
    }
}

/// Counts violations in order of time, to tell the first of each rule.
#[derive(Debug)]
pub(super) struct First {
    most: usize,
    of_rule: Vec<usize>,
}

impl First {
    /// The first `most` of each rule.
    pub(super) fn new(most: usize) -> First {
        First { most, of_rule: vec![0; Rule::ALL.len()] }
    }

    /// Whether the next send is among the first to break one of its rules.
    pub(super) fn is_next(&mut self, verdict: &Verdict<'_>) -> bool {
        let mut is_first = false;
        for rule in verdict.rules() {
            let count = &mut self.of_rule[rule as usize];
            is_first |= *count < self.most;
            *count += 1;
        }
        is_first
    }
}
