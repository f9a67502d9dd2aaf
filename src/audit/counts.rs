//! Counting for the summary: events, verdicts, and what Meta made of the sends.

use std::collections::BTreeMap;

use foldhash::HashMap;

use crate::event::{Channel, Event, Kind};
use crate::finding::{Confusion, Fate, Summary, Tally};
use crate::policy::Policy;
use crate::replay::Verdict;
use crate::time::Time;

/// Counts that are written into the summary at the end: looking a name up in it for every send would cost more than the
/// judging.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Records that repeated another one.
    pub(super) duplicates: u64,
    /// Records that told more of the event of another one.
    pub(super) joined: u64,
    /// Verdicts that are other than they would be without `--skew`.
    pub(super) skewed: u64,
    first: Option<Time>,
    last: Option<Time>,
    kinds: [u64; Kind::ALL.len()],
    accounts: [HashMap<Box<str>, Tally>; Channel::ALL.len()],
    reasons: BTreeMap<&'static str, u64>,
    confusion: Confusion,
}

impl Counts {
    pub(super) fn event(&mut self, event: &Event<'_>) {
        self.kinds[event.kind as usize] += 1;
        self.first = Some(self.first.map_or(event.at, |first| first.min(event.at)));
        self.last = self.last.max(Some(event.at));
    }

    pub(super) fn send(&mut self, send: &Event<'_>, verdict: &Verdict<'_>, policy: &Policy) {
        self.confusion.add(verdict.word(), fate(send, verdict, policy));
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

    /// Adds what was counted elsewhere.
    pub(super) fn add(&mut self, other: Counts) {
        self.duplicates += other.duplicates;
        self.joined += other.joined;
        self.skewed += other.skewed;
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
        self.kinds.iter_mut().zip(other.kinds).for_each(|(sum, count)| *sum += count);
        for (accounts, others) in self.accounts.iter_mut().zip(other.accounts) {
            for (account, tally) in others {
                accounts.entry(account).or_default().add(tally);
            }
        }
        other.reasons.into_iter().for_each(|(reason, count)| *self.reasons.entry(reason).or_default() += count);
        self.confusion.merge(&other.confusion);
    }

    pub(super) fn finish(self, summary: &mut Summary) {
        summary.events = self.kinds.iter().sum();
        (summary.duplicates, summary.joined, summary.skewed) = (self.duplicates, self.joined, self.skewed);
        (summary.first, summary.last) = (self.first, self.last);
        let seen = Kind::ALL.iter().zip(self.kinds).filter(|(_, count)| 0 < *count);
        summary.kinds = seen.map(|(kind, count)| (*kind, count)).collect();
        for (channel, accounts) in Channel::ALL.iter().zip(self.accounts) {
            summary.accounts.extend(accounts.into_iter().map(|(name, tally)| ((*channel, name.into()), tally)));
        }
        summary.reasons = self.reasons;
        summary.confusion = self.confusion;
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
