//! The audit: a history goes through the replay, and findings, verdicts and a summary come out.
//!
//! This is where reading, judging and reporting meet; each of them knows only the events, verdicts and findings that pass.

mod ahead;
mod content;
mod findings;
mod order;
mod seen;
mod sentence;

use std::collections::BTreeMap;

use foldhash::HashMap;

use crate::event::{Channel, Event, Kind};
use crate::finding::{Fate, Summary, Tally};
use crate::policy::Policy;
use crate::replay::{Doubt, Lawful, Reason, Replay, ReplayOptions, Verdict};
use crate::rule::{Rule, Severity};
use crate::time::Time;
use ahead::Ahead;
use seen::Seen;

pub use content::ContentCheck;
pub use order::History;
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
    /// By which lexicon the texts of sends are read whose claim forbids promotion.
    pub content: ContentCheck,
}

/// A history judged.
#[derive(Debug)]
pub struct Audit<'p> {
    policy: &'p Policy,
    history: History,
    names: Vec<String>,
    redact: bool,
    /// What is known besides the log, for what depends on the send alone.
    replay: ReplayOptions,
    content: ContentCheck,
    outcomes: Vec<Outcome<'p>>,
}

/// One send and what was found.
#[derive(Debug)]
struct Outcome<'p> {
    /// Where in the history.
    position: usize,
    verdict: Verdict<'p>,
    /// What would have been lawful instead, for violations.
    lawful: Vec<Lawful<'p>>,
}

impl<'p> Audit<'p> {
    /// Judges every send of the history that lies within the options, and counts. `names` are the inputs' names, by the
    /// index that places carry; `summary` brings what the reader knows.
    pub fn run(
        policy: &'p Policy,
        history: History,
        names: Vec<String>,
        options: AuditOptions,
        summary: &mut Summary,
    ) -> Audit<'p> {
        let mut audit = Audit {
            policy,
            history,
            names,
            redact: options.redact,
            replay: options.replay.clone(),
            content: options.content.clone(),
            outcomes: Vec::new(),
        };
        let mut replay = Replay::new(policy, options.replay.clone());
        let mut seen = Seen::default();
        let mut counts = Counts::default();
        let mut of_rule = [0; Rule::ALL.len()];
        let mut ahead = Ahead::new(options.skew_ms, audit.history.coarsest_ms());
        summary.events = audit.history.len() as u64;
        summary.duplicates = audit.history.duplicates;
        summary.joined = audit.history.joined;
        for position in 0..audit.history.len() {
            let event = audit.history.event(position);
            counts.kinds[event.kind as usize] += 1;
            summary.first.get_or_insert(event.at);
            summary.last = Some(event.at);
            seen.see(&event);
            let inside = options.since.is_none_or(|since| since <= event.at)
                && options.until.is_none_or(|until| event.at < until);
            if event.kind != Kind::Send || !inside {
                replay.record(&event);
                continue;
            }
            let mut verdict = replay.can_send(&event);
            if !matches!(verdict, Verdict::Allowed(_)) && ahead.looks() {
                let late = ahead.after(position, &event, &audit.history);
                verdict = tolerant(verdict, &event, &late, options.skew_ms, &replay, &mut summary.skewed);
            }
            let mut wanted = false;
            for rule in verdict.rules() {
                let count = &mut of_rule[rule as usize];
                wanted |= *count < options.remedies;
                *count += 1;
            }
            let lawful = if wanted { replay.lawful(&event) } else { Vec::new() };
            replay.record(&event);
            seen.judge(&event, &verdict, policy, &options);
            counts.send(&event, &verdict);
            summary.confusion.add(verdict.word(), fate(&event, &verdict, policy));
            audit.outcomes.push(Outcome { position, verdict, lawful });
        }
        counts.finish(summary);
        summary.notes.extend(seen.notes(policy, &options));
        audit
    }
}

/// The verdict, if moves dated a little after the send may have come before it: within `--skew` they did, and within
/// the precision of the send's time it cannot be told.
fn tolerant<'p>(
    strict: Verdict<'p>,
    send: &Event<'_>,
    late: &[Event<'_>],
    skew_ms: i64,
    replay: &Replay<'p>,
    skewed: &mut u64,
) -> Verdict<'p> {
    let in_skew = late.partition_point(|event| event.at.since(send.at) <= skew_ms);
    let mut verdict = strict;
    if 0 < skew_ms && 0 < in_skew {
        let tolerant = replay.can_send_after(send, &late[..in_skew]);
        if badness(&tolerant) < badness(&verdict) {
            *skewed += 1;
            verdict = tolerant;
        }
    }
    let Verdict::Violation(breaches) = &verdict else { return verdict };
    if in_skew == late.len() || badness(&verdict) <= badness(&replay.can_send_after(send, late)) {
        return verdict;
    }
    let first = breaches.first();
    Verdict::Unproven(Doubt {
        reason: Reason::TimePrecision,
        rule: first.map_or(Rule::OutsideWindow, |breach| breach.rule),
        permission: first.and_then(|breach| breach.permission),
        opening: None,
    })
}

/// Verdicts from good to bad.
fn badness(verdict: &Verdict<'_>) -> u8 {
    match verdict {
        Verdict::Allowed(_) => 0,
        Verdict::Unproven(_) => 1,
        Verdict::Violation(_) => 2,
    }
}

/// Counts that are written into the summary at the end: looking a name up in it for every send would cost more than the
/// judging.
#[derive(Default)]
struct Counts {
    kinds: [u64; Kind::ALL.len()],
    accounts: [HashMap<Box<str>, Tally>; Channel::ALL.len()],
    reasons: BTreeMap<&'static str, u64>,
}

impl Counts {
    fn send(&mut self, send: &Event<'_>, verdict: &Verdict<'_>) {
        let of_channel = &mut self.accounts[send.channel as usize];
        let tally = match of_channel.get_mut(send.account) {
            Some(tally) => tally,
            None => of_channel.entry(send.account.into()).or_default(),
        };
        tally.rejected += u64::from(send.is_rejected());
        match verdict {
            Verdict::Allowed(_) => tally.allowed += 1,
            Verdict::Violation(_) => tally.violations += 1,
            Verdict::Unproven(doubt) => {
                tally.unproven += 1;
                *self.reasons.entry(doubt.reason.word()).or_default() += 1;
            }
        }
    }

    fn finish(self, summary: &mut Summary) {
        let seen = Kind::ALL.iter().zip(self.kinds).filter(|(_, count)| 0 < *count);
        summary.kinds = seen.map(|(kind, count)| (*kind, count)).collect();
        for (channel, accounts) in Channel::ALL.iter().zip(self.accounts) {
            summary.accounts.extend(accounts.into_iter().map(|(name, tally)| ((*channel, name.into()), tally)));
        }
        summary.reasons = self.reasons;
    }
}

/// What Meta made of a send.
fn fate(send: &Event<'_>, verdict: &Verdict<'_>, policy: &Policy) -> Fate {
    let (channel, code, subcode) = (send.channel, send.error_code, send.error_subcode);
    match send.delivered() {
        Some(true) => Fate::Taken,
        None => Fate::Unknown,
        Some(false) if policy.refusal(channel, code, subcode).is_some() => Fate::RefusedAsBreaking,
        Some(false) if verdict.rules().any(|rule| policy.confirms(rule, channel, code, subcode).is_some()) => {
            Fate::RefusedAsBreaking
        }
        Some(false) => Fate::RefusedOtherwise,
    }
}

/// Whether findings of these counts fail a run that tolerates nothing at or above `threshold`.
pub fn fails(summary: &Summary, threshold: Severity) -> bool {
    summary.severities.iter().any(|(severity, count)| threshold <= *severity && 0 < *count)
}
