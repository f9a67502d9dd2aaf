//! Judging against the standard window: when it is open, and the one message that could once follow it.

use crate::policy::{Claim, Permission};
use crate::replay::facts::Mark;
use crate::replay::verdict::{Cause, Idle, Opening, Reason};
use crate::rule::Rule;

use super::opening::{Side, State, side};
use super::{Case, Gathered};

impl<'r, 'p> Case<'r, 'p> {
    pub(super) fn windows(&self) -> impl Iterator<Item = &'p Permission> {
        let plain = |row: &&Permission| row.claim == Claim::Response;
        self.policy.in_force(self.send.channel, self.day).filter(plain)
    }

    /// The row that judges a send without any claim: what is left to one whose tag is none.
    pub(super) fn plain_window(&self) -> Option<&'p Permission> {
        self.windows().find(|row| row.extra_after.is_none() && !row.unmarked)
    }

    /// The window that is certainly open, whatever the send carries.
    pub(in crate::replay) fn open_window(&self) -> Option<(&'p Permission, Option<Opening>)> {
        let lasting = self.windows().filter(|row| row.extra_after.is_none() && !row.unmarked);
        lasting.into_iter().find_map(|row| match self.state(row) {
            State::Open(opening) => Some((row, opening)),
            _ => None,
        })
    }

    /// The window that may be open where none certainly is, and why that is not known.
    pub(super) fn doubtful_window(&self) -> Option<DoubtfulWindow<'p>> {
        self.windows_not_open().0.into_iter().min_by_key(|(reason, ..)| *reason)
    }

    /// The windows that may be open, and one that is certainly shut.
    fn windows_not_open(&self) -> (Vec<DoubtfulWindow<'p>>, Option<ShutWindow<'p>>) {
        let mut shut = None;
        let mut doubts = Vec::new();
        for row in self.windows().filter(|row| row.extra_after.is_none() && !row.unmarked) {
            // A row that is unclear beyond some span only widens another one: a log that does not show its opener is
            // judged without it.
            let widens = row.unclear_after.is_some();
            match self.state(row) {
                State::Open(_) => {}
                State::Blurred(opening) => doubts.push((Reason::TimePrecision, row, Some(opening))),
                State::Unclear(opening) => doubts.push((Reason::TermsUnclear, row, Some(opening))),
                State::LogStartsLate if !widens => doubts.push((Reason::LogStartsLate, row, None)),
                State::Shut(opening) if !widens => shut = shut.or(Some((row, Some(opening), Cause::Late))),
                State::Never if !widens => shut = shut.or(Some((row, None, Cause::NeverOpened))),
                State::LogStartsLate | State::Shut(_) | State::Never => {}
            }
        }
        (doubts, shut)
    }

    /// A send that relies on nothing special.
    pub(super) fn check_window(&self, found: &mut Gathered<'p>) {
        if let Some((row, opening)) = self.open_window() {
            return found.permit(row, opening);
        }
        let rule = Rule::OutsideWindow;
        let (mut doubts, mut shut) = self.windows_not_open();
        if let Some(extra) = self.windows().find(|row| row.extra_after.is_some()) {
            match self.extra_message(extra) {
                Extra::Unspent(opening) => return found.permit(extra, Some(opening)),
                Extra::MayBeSpent(reason, opening) => doubts.push((reason, extra, Some(opening))),
                Extra::MayBeUnspent(first) => doubts.push((Reason::LogStartsLate, first, None)),
                Extra::Spent(mark) => shut = shut.map(|(row, opening, _)| (row, opening, Cause::ExtraSpent(mark))),
                Extra::None => {}
            }
        }
        let unmarked = self.windows().find(|row| row.unmarked && self.send.promotional != Some(true));
        if let Some((reason, row, opening)) = doubts.into_iter().min_by_key(|(reason, ..)| *reason) {
            found.doubt(reason, rule, Some(row), opening);
        } else if let Some(row) = unmarked {
            found.doubt(Reason::ClaimNotVisible, rule, Some(row), shut.and_then(|(_, opening, _)| opening));
        } else {
            let (row, opening, cause) =
                shut.map_or((None, None, Cause::NeverOpened), |(row, opening, cause)| (Some(row), opening, cause));
            if self.options.hides_claim(self.send) {
                found.doubt(Reason::ClaimNotVisible, rule, row, opening);
            } else {
                found.breach(rule, row, opening, cause);
                if let Some(breach) = found.breaches.last_mut() {
                    breach.idle = row.and_then(|row| self.idle_since(row, opening));
                }
            }
        }
    }

    /// What went to the user after the window had closed, no longer ago than the window would last had it opened one.
    fn idle_since(&self, row: &Permission, opening: Option<Opening>) -> Option<Idle> {
        let idle = self.conversation?.last_idle?;
        let closed = opening.and_then(|opening| opening.closes_at);
        let after = closed.is_none_or(|closed| closed <= idle.mark.at);
        (after && idle.mark.at <= self.send.at && self.send.at < idle.mark.at.plus(row.lasts?)).then_some(idle)
    }

    /// The one more message after the window of `extra.extra_after` has closed.
    fn extra_message(&self, extra: &'p Permission) -> Extra<'p> {
        let first = self.windows().find(|row| extra.extra_after.as_ref() == Some(&row.id));
        let Some((first, lasts)) = first.and_then(|row| row.lasts.map(|lasts| (row, lasts))) else {
            return Extra::None;
        };
        let last_plain = self.conversation.and_then(|conversation| conversation.last_plain);
        let last_hidden = self.conversation.and_then(|conversation| conversation.last_hidden);
        // A move of which it is unclear whether it opens the window does not matter: had it, the send would be inside.
        if let Some(touch) = self.latest(&first.opened_by) {
            let closed = touch.at.plus(lasts);
            let since = |mark: Mark| side(mark.at, mark.precision_ms, closed, touch.precision_ms);
            let opening = Opening { by: touch.mark(), closes_at: None };
            return match (last_plain.map(since), last_hidden.map(since)) {
                (Some(Side::After), _) => last_plain.map_or(Extra::None, Extra::Spent),
                (Some(Side::Blurred), _) => Extra::MayBeSpent(Reason::TimePrecision, opening),
                (_, Some(Side::After | Side::Blurred)) => Extra::MayBeSpent(Reason::ClaimNotVisible, opening),
                _ => Extra::Unspent(opening),
            };
        }
        // Somebody who wrote before the log began may still have one more message to come.
        let closed = self.log_begins().plus(lasts);
        if self.options.complete || self.send.at < closed {
            return Extra::None;
        }
        match last_plain.filter(|mark| closed <= mark.at) {
            Some(mark) => Extra::Spent(mark),
            None => Extra::MayBeUnspent(first),
        }
    }
}

/// Why it is not known whether a window is open, its row, and what opened it.
type DoubtfulWindow<'p> = (Reason, &'p Permission, Option<Opening>);

/// The row of a window that is certainly shut, what had opened it, and how a send that relies on it breaks it.
type ShutWindow<'p> = (&'p Permission, Option<Opening>, Cause<'p>);

/// What is known of the one more message after the window.
enum Extra<'p> {
    /// It is still to come; the opening is that of the closed window.
    Unspent(Opening),
    Spent(Mark),
    /// An earlier send was it, or was not, for this reason; the opening is that of the closed window.
    MayBeSpent(Reason, Opening),
    /// The log begins too late to know; the row is that of the window.
    MayBeUnspent(&'p Permission),
    /// There is none.
    None,
}
