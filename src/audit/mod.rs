//! The audit: a history goes through the replay, and findings, verdicts and a summary come out.
//!
//! This is where reading, judging and reporting meet; each of them knows only the events, verdicts and findings that pass.

mod ahead;
mod content;
mod counts;
mod findings;
mod history;
mod judging;
mod kept;
mod order;
mod parts;
mod patterns;
mod remedies;
mod runs;
mod seen;
mod sentence;

use std::sync::{Arc, Mutex};

use crate::batch::{Batch, KeepText, Shards};
use crate::finding::Summary;
use crate::policy::Policy;
use crate::replay::ReplayOptions;
use crate::rule::Severity;
use crate::store::{Store, StoreError};
use crate::survey::Survey;
use crate::time::Time;
use findings::Words;
use judging::{Judge, Totals};
use kept::{Kept, Spot};
use patterns::Habit;
use remedies::First;
use runs::Runs;

pub use content::ContentCheck;
pub use history::History;
pub use seen::unshown_in_words;
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
    words: Words<'p>,
    /// For how many violations of each rule there is a remedy.
    remedies: usize,
    told: Told<'p>,
    /// What only the log as a whole shows, in order of time.
    habits: Vec<Habit<'p>>,
}

/// The sends about which there is something to tell.
#[derive(Debug)]
enum Told<'p> {
    /// All of them, and their order.
    Held { parts: Vec<Kept<'p>>, order: Vec<Spot> },
    /// In temporary files.
    Stored(Mutex<Runs>),
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
        let Survey { beginnings, links, coarsest_ms } = parts::survey(&batches);
        let judge = Judge { policy, options, beginnings: Arc::new(beginnings), coarsest_ms };
        let (groups, mut totals) = (links.groups(), Totals::default());
        let mut parts = judge.batches(batches, &groups, &mut totals);
        let habits = totals.finish(policy, options, summary);
        let order = kept::in_order(&parts);
        if options.remedies != usize::MAX {
            kept::drop_remedies(&mut parts, &order, &mut First::new(options.remedies));
        }
        Audit::of(policy, names, options, Told::Held { parts, order }, habits)
    }

    /// The same for a log that was too large for the memory: one shard after the other is judged, and what there is to
    /// tell goes to temporary files as well.
    ///
    /// # Errors
    /// A temporary file cannot be made, written or read.
    pub fn run_stored(
        policy: &'p Policy,
        mut store: Store,
        names: Vec<String>,
        options: &AuditOptions,
        summary: &mut Summary,
    ) -> Result<Audit<'p>, StoreError> {
        let Survey { beginnings, links, coarsest_ms } = store.take_survey();
        let judge = Judge { policy, options, beginnings: Arc::new(beginnings), coarsest_ms };
        let (groups, mut totals, mut runs) = (links.groups(), Totals::default(), Runs::default());
        let mut linked = Shards::new(KeepText::All);
        let mut coming = store.load(0)?;
        for shard in 0..store.shards() {
            let batches = parts::without_linked(coming, &groups, &mut linked);
            // While one shard is judged, the next one is read.
            let (parts, next) = rayon::join(|| judge.batches(batches, &groups, &mut totals), || store.load(shard + 1));
            coming = next?;
            runs.add(&parts, store.folder(), policy)?;
        }
        let linked: Vec<Batch> = linked.into_batches().map(|(_, batch)| batch).collect();
        let parts = judge.batches(linked, &groups, &mut totals);
        runs.add(&parts, store.folder(), policy)?;
        let habits = totals.finish(policy, options, summary);
        Ok(Audit::of(policy, names, options, Told::Stored(Mutex::new(runs)), habits))
    }

    fn of(
        policy: &'p Policy,
        names: Vec<String>,
        options: &AuditOptions,
        told: Told<'p>,
        habits: Vec<Habit<'p>>,
    ) -> Audit<'p> {
        let (replay, content) = (options.replay.clone(), options.content.clone());
        let words = Words { policy, names, redact: options.redact, replay, content };
        Audit { words, remedies: options.remedies, told, habits }
    }
}

/// Whether findings of these counts fail a run that tolerates nothing at or above `threshold`.
pub fn fails(summary: &Summary, threshold: Severity) -> bool {
    summary.severities.iter().any(|(severity, count)| threshold <= *severity && 0 < *count)
}
