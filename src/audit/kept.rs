//! The sends about which there is something to tell, and what came of them: of each part in memory, or of all parts put
//! in order in temporary files, where the log is larger than the memory.

use std::cmp::Ordering;

use rayon::slice::ParallelSliceMut;

use crate::audit::order;
use crate::audit::remedies::First;
use crate::batch::{Batch, KeepText, Stored, stored_fields};
use crate::event::Event;
use crate::policy::{Claim, Exclusion, Permission, Policy};
use crate::replay::{Breach, Cause, Doubt, Idle, Lawful, Mark, Opening, Permit, Reason, Verdict};
use crate::rule::Rule;
use crate::time::Time;

/// The sends of a part about which there is something to tell.
#[derive(Debug)]
pub(super) struct Kept<'p> {
    sends: Batch,
    outcomes: Vec<Outcome<'p>>,
}

/// What came of one send.
#[derive(Debug)]
pub(super) struct Outcome<'p> {
    /// The identity of the send in the log, which decides where everything else is equal.
    pub(super) identity: u64,
    pub(super) verdict: Verdict<'p>,
    /// What would have been lawful instead, for violations.
    pub(super) lawful: Vec<Lawful<'p>>,
    /// Whether its text shows that the claim is misused. What it shows is put into words when it is told.
    pub(super) misused: bool,
}

/// A send, by its part and its place there.
pub(super) type Spot = (u32, u32);

impl Default for Kept<'_> {
    fn default() -> Self {
        Kept { sends: Batch::new(KeepText::OfClaims), outcomes: Vec::new() }
    }
}

impl<'p> Kept<'p> {
    /// Keeps a send.
    pub(super) fn push(&mut self, send: &Event<'_>, outcome: Outcome<'p>) {
        // A part has far less than 4 GiB of text.
        if self.sends.push(send) {
            self.outcomes.push(outcome);
        }
    }

    /// The same in no more memory than it needs.
    pub(super) fn fitted(self) -> Kept<'p> {
        let mut outcomes = Vec::with_capacity(self.outcomes.len());
        outcomes.extend(self.outcomes);
        Kept { sends: self.sends.fitted(), outcomes }
    }

    /// Gives the send at `index` to another.
    pub(super) fn give(&mut self, index: usize, to: &mut Kept<'p>) {
        if let Some(outcome) = self.outcomes.get_mut(index) {
            let verdict = std::mem::replace(&mut outcome.verdict, Verdict::Violation(Vec::new()));
            let lawful = std::mem::take(&mut outcome.lawful);
            let (identity, misused) = (outcome.identity, outcome.misused);
            to.push(&self.sends.event(index), Outcome { identity, verdict, lawful, misused });
        }
    }

    /// How many sends there are.
    pub(super) fn len(&self) -> usize {
        self.outcomes.len()
    }

    /// When the send at `index` was sent.
    pub(super) fn at(&self, index: usize) -> Time {
        self.sends.at(index)
    }

    /// The send at `index`, and what came of it.
    pub(super) fn get(&self, index: usize) -> Option<(Event<'_>, &Outcome<'p>)> {
        self.outcomes.get(index).map(|outcome| (self.sends.event(index), outcome))
    }
}

/// The sends of all parts in order of time.
pub(super) fn in_order(parts: &[Kept<'_>]) -> Vec<Spot> {
    let all = (0..).zip(parts).flat_map(|(part, kept): (u32, &Kept<'_>)| {
        (0..kept.outcomes.len()).map(move |index| (kept.sends.at(index), part, index as u32))
    });
    let mut all: Vec<(Time, u32, u32)> = all.collect();
    all.par_sort_unstable_by(|a, b| {
        let of = |of: &(Time, u32, u32)| parts.get(of.1 as usize).and_then(|kept| kept.get(of.2 as usize));
        a.0.cmp(&b.0).then_with(|| of(a).zip(of(b)).map_or(Ordering::Equal, |(a, b)| compare(&a, &b)))
    });
    all.into_iter().map(|(_, part, index)| (part, index)).collect()
}

/// The order of the report: that of time, and one at each moment that does not depend on where the sends were written.
pub(super) fn compare(a: &(Event<'_>, &Outcome<'_>), b: &(Event<'_>, &Outcome<'_>)) -> Ordering {
    a.0.at.cmp(&b.0.at).then_with(|| order::tie(&a.0, &b.0)).then_with(|| a.1.identity.cmp(&b.1.identity))
}

/// Leaves remedies to the first violations of each rule: parts did not know of each other.
pub(super) fn drop_remedies(parts: &mut [Kept<'_>], order: &[Spot], first: &mut First) {
    for (part, index) in order {
        let kept = parts.get_mut(*part as usize);
        if let Some(outcome) = kept.and_then(|kept| kept.outcomes.get_mut(*index as usize))
            && !first.is_next(&outcome.verdict)
        {
            outcome.lawful.clear();
        }
    }
}

// --- As bytes ----------------------------------------------------------------------------------------------------------

/// Sends and what came of them, with rows of the policy by their numbers.
pub(super) struct KeptRows {
    sends: Batch,
    outcomes: Vec<OutcomeRow>,
}

struct OutcomeRow {
    identity: u64,
    verdict: VerdictRow,
    lawful: Vec<LawfulRow>,
    misused: bool,
}

enum VerdictRow {
    Allowed(PermitRow),
    Violation(Vec<BreachRow>),
    Unproven(DoubtRow),
}

struct PermitRow {
    permission: Option<u32>,
    opening: Option<Opening>,
    needless_tag: bool,
}

struct BreachRow {
    rule: Rule,
    permission: Option<u32>,
    opening: Option<Opening>,
    idle: Option<Idle>,
    cause: u8,
    mark: Option<Mark>,
    next: Option<Time>,
    row: Option<u32>,
}

struct DoubtRow {
    reason: Reason,
    rule: Rule,
    permission: Option<u32>,
    opening: Option<Opening>,
}

struct LawfulRow {
    permission: u32,
    until: Option<Time>,
}

crate::batch::stored_words!(Rule, Reason, Claim);
stored_fields!(Mark { at, precision_ms, place });
stored_fields!(Opening { by, closes_at });
stored_fields!(KeptRows { sends, outcomes });
stored_fields!(OutcomeRow { identity, verdict, lawful, misused });
stored_fields!(PermitRow { permission, opening, needless_tag });
stored_fields!(Idle { claim, mark });
stored_fields!(BreachRow { rule, permission, opening, idle, cause, mark, next, row });
stored_fields!(DoubtRow { reason, rule, permission, opening });
stored_fields!(LawfulRow { permission, until });

impl Stored for VerdictRow {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            VerdictRow::Allowed(permit) => (0_u8.put(out), permit.put(out)).1,
            VerdictRow::Violation(breaches) => (1_u8.put(out), breaches.put(out)).1,
            VerdictRow::Unproven(doubt) => (2_u8.put(out), doubt.put(out)).1,
        }
    }

    fn get(bytes: &mut &[u8]) -> Option<Self> {
        match u8::get(bytes)? {
            0 => Stored::get(bytes).map(VerdictRow::Allowed),
            1 => Stored::get(bytes).map(VerdictRow::Violation),
            2 => Stored::get(bytes).map(VerdictRow::Unproven),
            _ => None,
        }
    }
}

/// The number of a row in its table.
fn number<T>(rows: &[T], row: &T) -> u32 {
    rows.iter().position(|known| std::ptr::eq(known, row)).unwrap_or(usize::MAX) as u32
}

impl KeptRows {
    /// Some sends of parts, in this order.
    pub(super) fn of(parts: &[Kept<'_>], order: &[Spot], policy: &Policy) -> KeptRows {
        let mut rows = KeptRows { sends: Batch::new(KeepText::OfClaims), outcomes: Vec::with_capacity(order.len()) };
        for (part, index) in order {
            let kept = parts.get(*part as usize).and_then(|kept| kept.get(*index as usize));
            if let Some((send, outcome)) = kept
                && rows.sends.push(&send)
            {
                rows.outcomes.push(outcome.row(policy));
            }
        }
        rows
    }

    /// The same, by the policy they were judged by.
    pub(super) fn kept<'p>(self, policy: &'p Policy) -> Option<Kept<'p>> {
        let outcomes = self.outcomes.into_iter().map(|row| row.outcome(policy)).collect::<Option<_>>()?;
        Some(Kept { sends: self.sends, outcomes })
    }
}

impl Outcome<'_> {
    fn row(&self, policy: &Policy) -> OutcomeRow {
        let of = |row: &Permission| number(&policy.permissions, row);
        let verdict = match &self.verdict {
            Verdict::Allowed(permit) => VerdictRow::Allowed(PermitRow {
                permission: permit.permission.map(of),
                opening: permit.opening,
                needless_tag: permit.needless_tag,
            }),
            Verdict::Violation(breaches) => {
                VerdictRow::Violation(breaches.iter().map(|breach| breach_row(breach, policy)).collect())
            }
            Verdict::Unproven(doubt) => VerdictRow::Unproven(DoubtRow {
                reason: doubt.reason,
                rule: doubt.rule,
                permission: doubt.permission.map(of),
                opening: doubt.opening,
            }),
        };
        let lawful = self.lawful.iter().map(|way| LawfulRow { permission: of(way.permission), until: way.until });
        OutcomeRow { identity: self.identity, verdict, lawful: lawful.collect(), misused: self.misused }
    }
}

impl OutcomeRow {
    fn outcome(self, policy: &Policy) -> Option<Outcome<'_>> {
        let of = |number: u32| policy.permissions.get(number as usize);
        let verdict = match self.verdict {
            VerdictRow::Allowed(permit) => Verdict::Allowed(Permit {
                permission: permit.permission.and_then(of),
                opening: permit.opening,
                needless_tag: permit.needless_tag,
            }),
            VerdictRow::Violation(breaches) => {
                Verdict::Violation(breaches.into_iter().map(|row| breach(row, policy)).collect::<Option<_>>()?)
            }
            VerdictRow::Unproven(doubt) => Verdict::Unproven(Doubt {
                reason: doubt.reason,
                rule: doubt.rule,
                permission: doubt.permission.and_then(of),
                opening: doubt.opening,
            }),
        };
        let way = |row: LawfulRow| Some(Lawful { permission: of(row.permission)?, until: row.until });
        let lawful = self.lawful.into_iter().map(way).collect::<Option<_>>()?;
        Some(Outcome { identity: self.identity, verdict, lawful, misused: self.misused })
    }
}

fn breach_row(breach: &Breach<'_>, policy: &Policy) -> BreachRow {
    let (cause, mark, next, row) = match breach.cause {
        Cause::Late => (0, None, None, None),
        Cause::NeverOpened => (1, None, None, None),
        Cause::ExtraSpent(mark) => (2, Some(mark), None, None),
        Cause::Spent(mark) => (3, Some(mark), None, None),
        Cause::GrantedElsewhere(mark) => (4, Some(mark), None, None),
        Cause::Stopped(mark) => (5, Some(mark), None, None),
        Cause::TooSoon(mark, next) => (6, Some(mark), Some(next), None),
        Cause::Excluded(exclusion) => (7, None, None, Some(number(&policy.exclusions, exclusion))),
        Cause::NotInRegion => (8, None, None, None),
        Cause::OtherChannel(row) => (9, None, None, Some(number(&policy.permissions, row))),
        Cause::Itself => (10, None, None, None),
    };
    let permission = breach.permission.map(|row| number(&policy.permissions, row));
    let (rule, opening, idle) = (breach.rule, breach.opening, breach.idle);
    BreachRow { rule, permission, opening, idle, cause, mark, next, row }
}

fn breach(stored: BreachRow, policy: &Policy) -> Option<Breach<'_>> {
    let BreachRow { rule, permission, opening, idle, cause, mark, next, row } = stored;
    let permission_of = |number: u32| policy.permissions.get(number as usize);
    let exclusion_of = |number: u32| -> Option<&Exclusion> { policy.exclusions.get(number as usize) };
    let cause = match cause {
        0 => Cause::Late,
        1 => Cause::NeverOpened,
        2 => Cause::ExtraSpent(mark?),
        3 => Cause::Spent(mark?),
        4 => Cause::GrantedElsewhere(mark?),
        5 => Cause::Stopped(mark?),
        6 => Cause::TooSoon(mark?, next?),
        7 => Cause::Excluded(exclusion_of(row?)?),
        8 => Cause::NotInRegion,
        9 => Cause::OtherChannel(permission_of(row?)?),
        10 => Cause::Itself,
        _ => return None,
    };
    Some(Breach { rule, permission: permission.and_then(permission_of), opening, idle, cause })
}
