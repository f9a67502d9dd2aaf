//! How a row stands at the moment of a send: open, shut, or not to be told.

use crate::policy::{Opener, Permission};
use crate::replay::facts::Touch;
use crate::replay::verdict::Opening;
use crate::survey::Beginning;
use crate::time::Time;

use super::Case;

/// How a row stands at the moment of the send.
#[derive(Clone, Copy, Debug)]
pub(super) enum State {
    /// Open. The log need not show by what, where an earlier move is certain.
    Open(Option<Opening>),
    /// Open or shut: the times are not precise enough.
    Blurred(Opening),
    /// Open or shut: Meta does not say.
    Unclear(Opening),
    Shut(Opening),
    /// No move in the log could have opened it.
    Never,
    /// No move in the log could have opened it, but one before its beginning could.
    LogStartsLate,
}

/// On which side of a limit a moment lies, given how precise the two are.
pub(super) enum Side {
    Before,
    Blurred,
    After,
}

impl<'r, 'p> Case<'r, 'p> {
    /// How a row that a move of the user opens stands now.
    pub(super) fn state(&self, row: &Permission) -> State {
        if row.opened_by.contains(&Opener::Any) {
            return State::Open(None);
        }
        let known = self.latest(&row.opened_by);
        let state = known.map(|touch| self.state_after(touch, row));
        match state {
            Some(State::Shut(_)) | None => {}
            Some(state) => return state,
        }
        if let Some(touch) = self.latest(&row.unclear_by) {
            match self.state_after(touch, row) {
                State::Open(Some(opening)) | State::Blurred(opening) => return State::Unclear(opening),
                _ => {}
            }
        }
        state.unwrap_or_else(|| self.state_without_touch(row))
    }

    pub(super) fn latest(&self, openers: &[Opener]) -> Option<Touch> {
        self.conversation.and_then(|conversation| conversation.latest(openers, self.send.at))
    }

    pub(super) fn state_after(&self, touch: Touch, row: &Permission) -> State {
        let by = touch.mark();
        let Some(lasts) = row.lasts else { return State::Open(Some(Opening { by, closes_at: None })) };
        let closes_at = touch.at.plus(lasts);
        let opening = Opening { by, closes_at: Some(closes_at) };
        let certain = row.unclear_after.map(|unclear| self.side(touch.at.plus(unclear), touch.precision_ms));
        match (self.side(closes_at, touch.precision_ms), certain) {
            (Side::Before, None | Some(Side::Before)) => State::Open(Some(opening)),
            (Side::Before | Side::Blurred, Some(_)) => State::Unclear(opening),
            (Side::Blurred, None) => State::Blurred(opening),
            (Side::After, _) => State::Shut(opening),
        }
    }

    pub(super) fn state_without_touch(&self, row: &Permission) -> State {
        if self.options.complete {
            return State::Never;
        }
        match row.lasts {
            Some(lasts) if self.log_begins().plus(lasts) <= self.send.at => State::Never,
            _ => State::LogStartsLate,
        }
    }

    /// From when on the log shows what happened on this account, at the latest.
    pub(super) fn log_begins(&self) -> Time {
        let begins = || self.begins().map(|begins| begins.record.at.plus_ms(i64::from(begins.record.precision_ms)));
        self.options.log_begins.or_else(begins).unwrap_or(self.send.at)
    }

    /// When the account's records begin.
    fn begins(&self) -> Option<Beginning> {
        let seen = self.account.and_then(|account| account.begins);
        seen.or_else(|| self.beginnings.of(self.send.channel, self.send.account))
    }

    /// Whether the log shows comments on the account at all.
    pub(super) fn shows_comments(&self) -> bool {
        let first = self.begins().and_then(|begins| begins.comment);
        first.is_some_and(|comment| comment.at <= self.send.at)
    }

    pub(super) fn side(&self, limit: Time, limit_precision_ms: u32) -> Side {
        let (early_ms, late_ms) = self.send.blur_ms();
        let span_ms = u32::try_from(early_ms + late_ms).unwrap_or(u32::MAX);
        side(self.send.at.plus_ms(-early_ms), span_ms, limit, limit_precision_ms)
    }
}

/// On which side of `limit` the moment `at` lies. Half-open: the limit itself is outside. A time that is good to the
/// second lies anywhere in that second.
pub(super) fn side(at: Time, precision_ms: u32, limit: Time, limit_precision_ms: u32) -> Side {
    let latest_at = at.plus_ms(i64::from(precision_ms));
    let latest_limit = limit.plus_ms(i64::from(limit_precision_ms));
    if at < limit && latest_at <= limit {
        Side::Before
    } else if latest_limit <= at {
        Side::After
    } else {
        Side::Blurred
    }
}
