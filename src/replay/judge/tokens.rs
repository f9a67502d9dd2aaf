//! Judging sends that spend a token: one-time notifications, recurring notifications and paid marketing messages.

use chrono::{Datelike, Days, Months, NaiveDate};

use crate::event::{Event, Kind};
use crate::policy::{Claim, Every, Permission};
use crate::replay::facts::{Grant, Mark, Spends, Use};
use crate::replay::verdict::{Cause, Opening, Reason};
use crate::rule::Rule;
use crate::secret::token_name;
use crate::time::Time;

use super::opening::{Side, State};
use super::{Case, Gathered, Stop};

impl<'r, 'p> Case<'r, 'p> {
    /// What this user did with the token of the send.
    fn used(&self) -> Option<&'r Use> {
        self.tokens.used(self.token?, self.index?)
    }

    /// The grant of the send's token by this user, and one by somebody else.
    fn grants(&self) -> (Option<Grant>, Option<Grant>) {
        let before = |grant: &Grant| grant.touch.at <= self.send.at;
        let own = self.used().and_then(|used| used.grant).filter(before).or_else(|| self.late_grant());
        let granted = self.token().map_or(&[][..], |token| &token.granted);
        let others = granted.iter().filter(|(by, _)| Some(*by) != self.index).map(|(_, grant)| *grant);
        // To accuse by somebody else's opt-in it must certainly have come first.
        let surely_before = |grant: &Grant| {
            let blur_ms = i64::from(grant.touch.precision_ms) + self.send.blur_ms().0;
            grant.touch.at.plus_ms(blur_ms) <= self.send.at
        };
        (own, others.into_iter().find(surely_before))
    }

    /// Earlier sends that spent the send's token: to this user, or to anybody if this user is not known to own it.
    fn spent(&self) -> Option<&'r Spends> {
        match self.grants().0 {
            Some(_) => self.used().map(|used| &used.spends),
            None => self.token().map(|token| &token.spends),
        }
    }

    /// The grant of the send's token by a move that may have come before the send.
    fn late_grant(&self) -> Option<Grant> {
        let same = |event: &&Event<'_>| {
            self.is_of_user(event)
                && matches!(event.kind, Kind::OtnOptin | Kind::RecurringOptin)
                && same_token(event.token, self.send.token)
        };
        let event = self.late.iter().find(same)?;
        Some(Grant::of(&Event { at: self.send.at, ..*event }))
    }

    /// When the user stopped the send's token, or marketing as a whole.
    fn stopped(&self) -> Stop {
        let resumptions = self.conversation.map_or(0, |conversation| conversation.resumptions);
        let of_token = self.used().and_then(|used| used.stopped).filter(|(_, before)| *before == resumptions);
        let of_all = self.conversation.and_then(|conversation| conversation.stopped);
        match (self.stop(of_token.map(|(mark, _)| mark)), self.stop(of_all)) {
            (stopped @ Stop::Before(_), _) | (_, stopped @ Stop::Before(_)) => stopped,
            (Stop::Blurred, _) | (_, Stop::Blurred) => Stop::Blurred,
            _ => Stop::None,
        }
    }

    /// Whether the token was this user's to spend, and still good.
    fn check_grant(
        &self,
        row: &'p Permission,
        unknown: Rule,
        wrong_user: Rule,
        expired: Rule,
        found: &mut Gathered<'p>,
    ) {
        let (own, other) = self.grants();
        match (own, other) {
            (Some(grant), _) => {
                let by = grant.touch.mark();
                let expires = self.send.token_expires.or(grant.expires);
                let closes_at = expires.or(row.lasts.map(|lasts| grant.touch.at.plus(lasts)));
                let opening = Opening { by, closes_at };
                // A written expiry is exact; one we count ourselves is as precise as the opt-in.
                let precision_ms = if expires.is_some() { 0 } else { grant.touch.precision_ms };
                match closes_at.map(|closes_at| self.side(closes_at, precision_ms)) {
                    Some(Side::After) => found.breach(expired, Some(row), Some(opening), Cause::Late),
                    Some(Side::Blurred) => found.doubt(Reason::TimePrecision, expired, Some(row), Some(opening)),
                    Some(Side::Before) | None => found.permit(row, Some(opening)),
                }
            }
            (None, Some(grant)) => {
                found.breach(wrong_user, Some(row), None, Cause::GrantedElsewhere(grant.touch.mark()));
            }
            (None, None) => match self.state_without_touch(row) {
                State::Never => found.breach(unknown, Some(row), None, Cause::NeverOpened),
                _ => found.doubt(Reason::LogStartsLate, unknown, Some(row), None),
            },
        }
    }

    pub(super) fn check_one_time(&self, row: &'p Permission, found: &mut Gathered<'p>) {
        self.check_reuse(row, found);
        let (unknown, wrong_user, expired) = (Rule::OtnTokenUnknown, Rule::OtnTokenWrongUser, Rule::OtnTokenExpired);
        self.check_grant(row, unknown, wrong_user, expired, found);
    }

    pub(super) fn check_reuse(&self, row: &'p Permission, found: &mut Gathered<'p>) {
        let Some(spends) = self.spent() else { return };
        if let Some(first) = spends.first {
            found.breach(Rule::OtnTokenReused, Some(row), None, Cause::Spent(first));
        } else if spends.may_be.is_some() {
            found.doubt(Reason::ClaimNotVisible, Rule::OtnTokenReused, Some(row), None);
        }
    }

    /// The row for the token's frequency, or the one for tokens without.
    pub(super) fn recurring_row(&self) -> Option<&'p Permission> {
        let granted = self.grants().0;
        let frequency = granted.and_then(|grant| grant.frequency).or(self.send.frequency);
        let rows = || self.policy.in_force(self.send.channel, self.day).filter(|row| row.claim == Claim::Recurring);
        let reaches = |row: &&Permission| {
            let granted_in_time = |day| granted.is_some_and(|grant| grant.touch.at < Time::start_of(day));
            row.granted_before.is_none_or(granted_in_time)
        };
        rows()
            .find(|row| frequency.is_some() && row.frequency == frequency && reaches(row))
            .or(rows().find(|row| row.frequency.is_none()))
    }

    pub(super) fn check_recurring(&self, row: &'p Permission, found: &mut Gathered<'p>) {
        let unknown = Rule::RecurringTokenUnknown;
        self.check_grant(row, unknown, unknown, Rule::RecurringTokenExpired, found);
        self.check_stop(self.stopped(), Rule::RecurringTokenStopped, row, found);
        let earlier = self.spent();
        let any_last = earlier.and_then(|spends| spends.recent.last()).copied();
        self.check_pace(row, earlier, any_last, found);
    }

    pub(super) fn check_marketing(&self, row: &'p Permission, found: &mut Gathered<'p>) {
        self.check_stop(self.stopped(), Rule::MarketingAfterStop, row, found);
        self.check_open(row, Rule::OutsideWindow, found);
        let earlier = self.used().map(|used| &used.marketing);
        // One page of Meta's counts per token, another per user: the last one by whichever token.
        let any_last = self.conversation.and_then(|conversation| conversation.last_marketing);
        self.check_pace(row, earlier, any_last, found);
    }

    /// Whether the last send of the same kind lies far enough back: `earlier` are those of the same token, `any_last` is
    /// the last one that some source counts.
    fn check_pace(
        &self,
        row: &'p Permission,
        earlier: Option<&Spends>,
        any_last: Option<Mark>,
        found: &mut Gathered<'p>,
    ) {
        if let (Some(ms), Some(last)) = (row.unclear_every_ms, any_last)
            && self.send.at < last.at.plus_ms(ms)
        {
            found.doubt(Reason::TermsUnclear, Rule::RecurringTooOften, Some(row), None);
        }
        let Some(spends) = earlier else { return };
        let certain = self.too_soon(row, &spends.recent);
        // Had a call that may be lost been sent, it would be one of the run.
        let other = spends.may_be.map_or(certain, |mark| {
            let mut all = spends.recent.clone();
            all.insert(all.partition_point(|known| known.at <= mark.at), mark);
            self.too_soon(row, &all)
        });
        let rule = Rule::RecurringTooOften;
        match (certain, other) {
            (Pace::TooSoon(first, next), Pace::TooSoon(..)) => {
                found.breach(rule, Some(row), None, Cause::TooSoon(first, next));
            }
            (Pace::Fine, Pace::Fine) => {}
            (Pace::Blurred, _) | (_, Pace::Blurred) => found.doubt(Reason::TimePrecision, rule, Some(row), None),
            _ => found.doubt(Reason::ClaimNotVisible, rule, Some(row), None),
        }
    }

    fn too_soon(&self, row: &'p Permission, earlier: &[Mark]) -> Pace {
        let (Some(every), Some(last)) = (row.every, earlier.last()) else { return Pace::Fine };
        // A message and what directly follows it count as one: go back to the first of the run.
        let run = earlier.iter().rev().take_while(|mark| last.at.since(mark.at) <= row.follow_ups_within_ms);
        let run = run.take(1 + row.follow_ups as usize).collect::<Vec<_>>();
        let first = run.last().map_or(*last, |mark| **mark);
        let at = self.send.at;
        if at.since(first.at) <= row.follow_ups_within_ms && run.len() <= row.follow_ups as usize {
            return Pace::Fine;
        }
        let next = match every {
            Every::Rolling(ms) => first.at.plus_ms(ms),
            Every::Day => next_period(first.at, |day| day.checked_add_days(Days::new(1))),
            Every::Week => next_period(first.at, |day| {
                day.checked_add_days(Days::new(7 - u64::from(day.weekday().num_days_from_monday())))
            }),
            Every::Month => next_period(first.at, |day| day.with_day(1)?.checked_add_months(Months::new(1))),
        };
        match (at < next, next < at.plus_ms(self.send.blur_ms().1)) {
            (false, _) => Pace::Fine,
            (true, true) => Pace::Blurred,
            (true, false) => Pace::TooSoon(first, next),
        }
    }
}

/// How a send follows those before it.
#[derive(Clone, Copy)]
enum Pace {
    Fine,
    /// Soon enough or not: the times are not precise enough.
    Blurred,
    /// The last run of sends began then, and the next may follow at the second moment.
    TooSoon(Mark, Time),
}

/// Whether two logs mean the same token: one of them may have been converted, and know it by its name only.
fn same_token(one: Option<&str>, other: Option<&str>) -> bool {
    one == other || one.map(token_name) == other.map(token_name)
}

/// 00:00 UTC of the day that `next` finds after `at`'s.
fn next_period(at: Time, next: fn(NaiveDate) -> Option<NaiveDate>) -> Time {
    next(at.day()).map_or(Time::from_ms(i64::MAX), Time::start_of)
}
