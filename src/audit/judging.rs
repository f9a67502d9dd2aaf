//! One part of a log judged: every send of its conversations gets its verdict, and those with something to tell are kept.

use std::sync::Arc;

use crate::audit::AuditOptions;
use crate::audit::ahead::Ahead;
use crate::audit::content;
use crate::audit::counts::Counts;
use crate::audit::kept::{Kept, Outcome};
use crate::audit::order::Order;
use crate::audit::parts::each_part;
use crate::audit::patterns::{Habit, Patterns, Watch};
use crate::audit::remedies::Earliest;
use crate::audit::seen::Seen;
use crate::batch::Batch;
use crate::event::{Event, Kind};
use crate::finding::Summary;
use crate::policy::Policy;
use crate::replay::{Doubt, Reason, Replay, Verdict};
use crate::rule::Rule;
use crate::survey::Beginnings;
use crate::survey::Groups;

/// What is the same for all parts of a run.
pub(super) struct Judge<'p, 'r> {
    pub(super) policy: &'p Policy,
    pub(super) options: &'r AuditOptions,
    pub(super) beginnings: Arc<Beginnings>,
    /// The coarsest precision of all times, in ms.
    pub(super) coarsest_ms: u32,
}

/// What came of one part.
#[derive(Debug, Default)]
struct Judged<'p> {
    kept: Kept<'p>,
    counts: Counts,
    seen: Seen,
    patterns: Patterns,
}

/// What all parts show together.
#[derive(Debug, Default)]
pub(super) struct Totals {
    counts: Counts,
    seen: Seen,
    patterns: Patterns,
}

impl Totals {
    /// Writes them into the summary. What only the log as a whole shows is the answer.
    pub(super) fn finish<'p>(
        self,
        policy: &'p Policy,
        options: &AuditOptions,
        summary: &mut Summary,
    ) -> Vec<Habit<'p>> {
        self.counts.finish(summary);
        summary.notes.extend(self.seen.notes(policy, options));
        self.patterns.habits(policy, &options.replay, summary)
    }
}

impl<'p> Judge<'p, '_> {
    /// Judges whole conversations, part by part.
    pub(super) fn batches(&self, batches: Vec<Batch>, groups: &Groups, totals: &mut Totals) -> Vec<Kept<'p>> {
        let judged = each_part(batches, groups, |part| self.part(&part));
        let add = |part: Judged<'p>| {
            totals.counts.add(part.counts);
            totals.seen.add(&part.seen);
            totals.patterns.add(part.patterns);
            part.kept
        };
        judged.into_iter().map(add).collect()
    }

    /// Judges the sends of one part.
    fn part(&self, part: &Order) -> Judged<'p> {
        let (policy, options) = (self.policy, self.options);
        let mut judged = Judged::default();
        judged.counts.duplicates = part.duplicates;
        judged.counts.joined = part.joined;
        judged.seen.see_unshown(part.unshown);
        let mut replay = Replay::knowing(policy, options.replay.clone(), Arc::clone(&self.beginnings));
        let mut ahead = Ahead::new(options.skew_ms, self.coarsest_ms.max(part.coarsest_ms()));
        let mut earliest = Earliest::new(options.remedies);
        let mut watch = Watch::new(policy, options);
        let mut group = None;
        for position in 0..part.len() {
            let here = part.group(position);
            if group != here {
                group = here;
                replay.forget();
                ahead.forget(position);
            }
            let event = part.event(position);
            judged.counts.event(&event);
            judged.seen.see(&event);
            watch.see_refusal(position, &event, part);
            if event.kind != Kind::Send || !options.judges(event.at) {
                replay.record(&event);
                continue;
            }
            let mut verdict = replay.can_send(&event);
            if !matches!(verdict, Verdict::Allowed(_)) && ahead.looks() {
                let late = ahead.after(position, &event, part);
                verdict = tolerant(verdict, &event, &late, options.skew_ms, &replay, &mut judged.counts.skewed);
            }
            let lawful = if earliest.wants(&verdict, event.at) { replay.lawful(&event) } else { Vec::new() };
            watch.see(&event, &replay);
            replay.record(&event);
            judged.seen.judge(&event, &verdict, policy, options);
            judged.counts.send(&event, &verdict, policy);
            let misused = content::tells(&options.content, policy, &options.replay, &event);
            if options.all_verdicts || misused || tells(&verdict, &event, policy) {
                let identity = part.identity(position);
                judged.kept.push(&event, Outcome { identity, verdict, lawful, misused });
            }
        }
        judged.patterns = watch.finish();
        Judged { kept: judged.kept.fitted(), ..judged }
    }
}

/// Whether there will be a finding about the send besides what its text shows.
fn tells(verdict: &Verdict<'_>, send: &Event<'_>, policy: &Policy) -> bool {
    match verdict {
        Verdict::Violation(_) => true,
        Verdict::Allowed(permit) => {
            permit.needless_tag || policy.refusal(send.channel, send.error_code, send.error_subcode).is_some()
        }
        Verdict::Unproven(_) => false,
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
