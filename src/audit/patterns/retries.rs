//! Sends that go out under a tag because Meta refused them without one.

use crate::audit::order::Order;
use crate::audit::patterns::{Retry, Spot};
use crate::audit::sentence::codes;
use crate::event::{Event, Kind, MessagingType};
use crate::policy::Policy;
use crate::rule::Rule;
use crate::time::MINUTE_MS;

/// A program tries again within seconds; whoever reads the refusal and asks what the message is about takes longer.
const AGAIN_WITHIN_MS: i64 = MINUTE_MS;
/// More events than this within a minute are not all looked at. One conversation has far fewer.
const MOST_LOOKED_AT: usize = 1_024;

impl Retry {
    pub(super) fn of(tagged: &Event<'_>, refused: &Event<'_>) -> Retry {
        Retry {
            channel: tagged.channel,
            account: tagged.account.into(),
            tag: tagged.tag.unwrap_or_default().into(),
            spot: Spot::of(tagged),
            refused_at: refused.at,
            refused: refused.place,
            codes: codes(refused),
        }
    }
}

/// Whether Meta refused the send as outside the window, and it certainly relied on nothing else.
pub(super) fn is_refused_as_late(send: &Event<'_>, policy: &Policy) -> bool {
    let is_plain = || {
        let structure = [send.tag, send.token, send.comment, send.template];
        structure.iter().all(Option::is_none)
            && send.messaging_type.is_none_or(|kind| kind <= MessagingType::Update)
            && !send.sponsored
            && !send.claim_hidden
            && !send.recipient_hidden
    };
    let as_late = || {
        let refusal = policy.refusal(send.channel, send.error_code, send.error_subcode);
        refusal.is_some_and(|row| row.means == Rule::OutsideWindow.word())
    };
    send.kind == Kind::Send && send.is_rejected() && is_plain() && as_late()
}

/// The positions of the sends to the same user that say the same under a tag, soon after the refused one at `position`.
pub(super) fn after(position: usize, refused: &Event<'_>, part: &Order) -> Vec<usize> {
    let Some(text) = words(refused) else { return Vec::new() };
    let group = part.group(position);
    let is_near = |at: &usize| part.group(*at) == group && part.at(*at).since(refused.at) <= AGAIN_WITHIN_MS;
    // Where clocks and the precision of times leave open which came first, the refusal did: nobody sends under a tag first.
    let is_late_enough = |send: &Event<'_>| {
        let blur_ms = refused.blur_ms().0 + send.blur_ms().1;
        -blur_ms <= send.at.since(refused.at)
    };
    let is_retry = |at: &usize| {
        let send = part.event(*at);
        send.kind == Kind::Send
            && send.tag.is_some()
            && (send.channel, send.account, send.user) == (refused.channel, refused.account, refused.user)
            && words(&send) == Some(text)
            && is_late_enough(&send)
    };
    // Before it stand those of the same moment, and those that another clock timed.
    let reach_ms = refused.blur_ms().0 + i64::from(part.coarsest_ms().max(crate::event::LOGGER_CLOCK_MS));
    let is_just_before = |at: &usize| part.group(*at) == group && refused.at.since(part.at(*at)) <= reach_ms;
    let before = (0..position).rev().take(MOST_LOOKED_AT).take_while(is_just_before);
    let after = (position + 1..part.len()).take(MOST_LOOKED_AT).take_while(is_near);
    before.chain(after).filter(is_retry).collect()
}

fn words<'e>(send: &Event<'e>) -> Option<&'e str> {
    send.text.map(str::trim).filter(|text| !text.is_empty())
}
