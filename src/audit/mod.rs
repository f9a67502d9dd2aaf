//! The audit: a history goes through the replay, and findings, verdicts and a summary come out.
//!
//! This is where reading, judging and reporting meet; each of them knows only the events, verdicts and findings that pass.

mod ahead;
mod content;
mod counts;
mod findings;
mod history;
mod judging;
mod links;
mod order;
mod parts;
mod patterns;
mod remedies;
mod seen;
mod sentence;

use rayon::slice::ParallelSliceMut;

use crate::batch::{Batch, KeepText};
use crate::event::Event;
use crate::finding::Summary;
use crate::policy::Policy;
use crate::replay::{Lawful, ReplayOptions, Verdict};
use crate::rule::Severity;
use crate::time::Time;
use counts::Counts;
use judging::Judge;
use parts::Parts;
use patterns::{Habit, Patterns};
use remedies::First;
use seen::Seen;

pub use content::ContentCheck;
pub use history::History;
pub use sentence::{verdict_in_words, ways_in_words};

/// What is judged, and how.
#[derive(Clone, Debug, Default)]
pub struct AuditOptions {
    /// What is known besides the log.
    pub replay: ReplayOptions,
    /// Judge only sends at or after this; what came before still counts as history.
    pub since: Option<Time>,
    /// Judge only sends before this.
    pub until: Option<Time>,
    /// A move of the user dated up to this many ms after a send may have come before it.
    pub skew_ms: i64,
    /// Show users as short hashes.
    pub redact: bool,
    /// For how many violations of each rule, the first ones, to find out what would have been lawful instead. It costs as
    /// much as the judging, and a report that shows five of a rule needs no more.
    pub remedies: usize,
    /// Keep every verdict, for [`Audit::verdicts`], and not only those that make a finding.
    pub all_verdicts: bool,
    /// By which lexicon the texts of sends are read whose claim forbids promotion.
    pub content: ContentCheck,
}

impl AuditOptions {
    /// Whether a send of this moment is judged.
    fn judges(&self, at: Time) -> bool {
        self.since.is_none_or(|since| since <= at) && self.until.is_none_or(|until| at < until)
    }
}

/// A log judged.
#[derive(Debug)]
pub struct Audit<'p> {
    policy: &'p Policy,
    names: Vec<String>,
    redact: bool,
    parts: Vec<Kept<'p>>,
    /// The sends of all parts in order of time: which part, and which of its sends.
    order: Vec<(u32, u32)>,
    /// What is known besides the log, for what depends on the send alone.
    replay: ReplayOptions,
    content: ContentCheck,
    /// What only the log as a whole shows, in order of time.
    habits: Vec<Habit<'p>>,
}

/// The sends of a part about which there is something to tell.
#[derive(Debug)]
struct Kept<'p> {
    sends: Batch,
    outcomes: Vec<Outcome<'p>>,
}

/// What came of one send.
#[derive(Debug)]
struct Outcome<'p> {
    /// The identity of the send in the log, which decides where everything else is equal.
    identity: u64,
    verdict: Verdict<'p>,
    /// What would have been lawful instead, for violations.
    lawful: Vec<Lawful<'p>>,
}

impl Default for Kept<'_> {
    fn default() -> Self {
        Kept { sends: Batch::new(KeepText::OfClaims), outcomes: Vec::new() }
    }
}

impl<'p> Kept<'p> {
    fn push(&mut self, send: &Event<'_>, outcome: Outcome<'p>) {
        // A part has far less than 4 GiB of text.
        if self.sends.push(send) {
            self.outcomes.push(outcome);
        }
    }
}

impl<'p> Audit<'p> {
    /// Judges every send of a log that lies within the options, and counts. `names` are the inputs' names, by the index
    /// that places carry; `summary` brings what the reader knows.
    ///
    /// The result depends on the records alone, not on their order or on the number of threads.
    pub fn run(
        policy: &'p Policy,
        batches: Vec<Batch>,
        names: Vec<String>,
        options: &AuditOptions,
        summary: &mut Summary,
    ) -> Audit<'p> {
        let (beginnings, groups, coarsest_ms) = parts::survey(&batches);
        let judge = Judge { policy, options, beginnings, coarsest_ms };
        let judged = Parts::new(&batches, &groups).each(|part| judge.part(&part));
        let mut audit = Audit {
            policy,
            names,
            redact: options.redact,
            parts: Vec::new(),
            order: Vec::new(),
            replay: options.replay.clone(),
            content: options.content.clone(),
            habits: Vec::new(),
        };
        let (mut counts, mut seen, mut patterns) = (Counts::default(), Seen::default(), Patterns::default());
        for part in judged {
            counts.add(part.counts);
            seen.add(&part.seen);
            patterns.add(part.patterns);
            audit.parts.push(part.kept);
        }
        audit.sort();
        audit.drop_remedies(options.remedies);
        counts.finish(summary);
        audit.habits = patterns.habits(policy, &options.replay, summary);
        summary.notes.extend(seen.notes(policy, options));
        audit
    }

    /// Puts the sends of all parts in order of time.
    fn sort(&mut self) {
        let all = (0..).zip(&self.parts).flat_map(|(part, kept)| {
            (0..kept.outcomes.len()).map(move |index| (kept.sends.at(index), part, index as u32))
        });
        let mut all: Vec<(Time, u32, u32)> = all.collect();
        all.par_sort_unstable_by(|a, b| {
            let send = |of: &(Time, u32, u32)| self.parts[of.1 as usize].sends.event(of.2 as usize);
            let identity = |of: &(Time, u32, u32)| self.parts[of.1 as usize].outcomes[of.2 as usize].identity;
            a.0.cmp(&b.0).then_with(|| order::tie(&send(a), &send(b))).then_with(|| identity(a).cmp(&identity(b)))
        });
        self.order = all.into_iter().map(|(_, part, index)| (part, index)).collect();
    }

    /// Leaves remedies to the first `most` violations of each rule: parts did not know of each other.
    fn drop_remedies(&mut self, most: usize) {
        if most == usize::MAX {
            return;
        }
        let mut first = First::new(most);
        for (part, index) in &self.order {
            let outcome = &mut self.parts[*part as usize].outcomes[*index as usize];
            if !first.is_next(&outcome.verdict) {
                outcome.lawful.clear();
            }
        }
    }

    /// The send at `place` of the order, and what came of it.
    fn outcome(&self, (part, index): (u32, u32)) -> (Event<'_>, &Outcome<'p>) {
        let kept = &self.parts[part as usize];
        (kept.sends.event(index as usize), &kept.outcomes[index as usize])
    }
}

/// Whether findings of these counts fail a run that tolerates nothing at or above `threshold`.
pub fn fails(summary: &Summary, threshold: Severity) -> bool {
    summary.severities.iter().any(|(severity, count)| threshold <= *severity && 0 < *count)
}
