//! Which side of a conversation is the business, where a record does not say: settled once everything is read, by what the
//! other records and inputs tell.
//!
//! A single event without the entry around it, or a conversation as the Graph API returns it, names two ids and not which of
//! them is the account. An id is the account if any record says that it is one, or if it takes part in all conversations
//! that are still open: a user's id is of one account only, so the id that several others talk to is no user's.

use std::collections::{BTreeMap, BTreeSet};

use crate::batch::{Batch, KeepText};
use crate::event::{Channel, Event, Kind, Place, Status};

use super::BadRecord;
use super::loose::Loose;

/// How a record tells which side is whose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sides {
    /// It says so.
    #[default]
    Told,
    /// What is received is mostly logged, so the recipient is taken for the account unless something speaks against it.
    Assumed,
    /// Nothing speaks for either.
    Open,
}

/// Events whose sides are not told. The recipient stands as the account and the sender as the user; what the event would be
/// as a send (its template, who wrote it) is said besides.
#[derive(Debug, Default)]
pub(super) struct Unsided {
    batch: Batch,
    is_open: Vec<bool>,
}

impl Unsided {
    pub(super) fn new(keep_text: KeepText) -> Unsided {
        Unsided { batch: Batch::new(keep_text), is_open: Vec::new() }
    }

    /// Takes in an event; `false` if there is no room for it.
    pub(super) fn push(&mut self, event: &Event<'_>, sides: Sides) -> bool {
        let fits = self.batch.push(event);
        self.is_open.extend(fits.then_some(sides == Sides::Open));
        fits
    }

    pub(super) fn is_empty(&self) -> bool {
        self.is_open.is_empty()
    }

    fn events(&self) -> impl Iterator<Item = (Event<'_>, bool)> {
        self.is_open.iter().enumerate().map(|(at, is_open)| (self.batch.event(at), *is_open))
    }
}

/// What became of the events.
#[derive(Debug, Default)]
pub(super) struct Settled {
    pub(super) batch: Batch,
    /// How many records of each input.
    pub(super) records: BTreeMap<u32, u64>,
    /// Those that stay open.
    pub(super) bad: Vec<BadRecord>,
}

/// The ids that are known to be accounts.
type Accounts = BTreeMap<Channel, BTreeSet<String>>;

/// Settles the sides of all events.
pub(super) fn settle(unsided: &[Unsided], batches: &[Batch], loose: &[Loose], keep_text: KeepText) -> Settled {
    let mut settled = Settled { batch: Batch::new(keep_text), ..Settled::default() };
    if unsided.iter().all(|some| some.batch.is_empty()) {
        return settled;
    }
    let all = || unsided.iter().flat_map(Unsided::events);
    let mut accounts = accounts(batches, loose);
    let common = common(all().map(|(event, _)| event).filter(|event| side(event, &accounts).is_none()));
    for (channel, id) in common {
        accounts.entry(channel).or_default().insert(id);
    }
    let doubtful = both_ways(all().map(|(event, _)| event).filter(|event| side(event, &accounts).is_none()));
    let mut reported: BTreeSet<Place> = BTreeSet::new();
    for (event, is_open) in all() {
        let reason = match side(&event, &accounts) {
            Some(Side::Recipient) => settled.take(&received(event)),
            Some(Side::Sender) => settled.take(&sent(event)),
            None if is_open => Some(OPEN),
            None if event.kind == Kind::Message && doubtful.contains(&pair(&event)) => Some(OPEN),
            None => settled.take(&received(event)),
        };
        // One record may hold a whole conversation.
        if let Some(reason) = reason.filter(|reason| *reason != OPEN || reported.insert(event.place)) {
            settled.bad.push(BadRecord { place: event.place, reason: reason.to_owned() });
        }
    }
    settled
}

const OPEN: &str = "does not show which side is the business; name its id with --account";

impl Settled {
    /// Takes in an event, or says why it cannot.
    fn take(&mut self, event: &Event<'_>) -> Option<&'static str> {
        if !self.batch.push(event) {
            return Some("is too large to keep");
        }
        *self.records.entry(event.place.input).or_default() += 1;
        None
    }
}

/// The side of an event that is the account.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Sender,
    Recipient,
}

/// Which side is an account that is known; `None` if neither is, or both are.
fn side(event: &Event<'_>, accounts: &Accounts) -> Option<Side> {
    let of_channel = accounts.get(&event.channel)?;
    let known = |id: &str| of_channel.contains(id);
    match (known(event.user), known(event.account)) {
        (true, false) => Some(Side::Sender),
        (false, true) => Some(Side::Recipient),
        _ => None,
    }
}

/// The accounts that records with told sides name, and log lines around calls.
fn accounts(batches: &[Batch], loose: &[Loose]) -> Accounts {
    let told = batches.iter().flat_map(Batch::accounts);
    let called = loose.iter().filter_map(|piece| Some((piece.channel, piece.account.as_deref()?)));
    let mut accounts = Accounts::new();
    for (channel, account) in told.chain(called) {
        let known = accounts.entry(channel).or_default();
        if !known.contains(account) {
            known.insert(account.to_owned());
        }
    }
    accounts
}

/// The one id of each channel that takes part in every one of these events, if it is only one.
fn common<'e>(events: impl Iterator<Item = Event<'e>>) -> Vec<(Channel, String)> {
    let mut common: BTreeMap<Channel, BTreeSet<&'e str>> = BTreeMap::new();
    for event in events {
        let sides = [event.account, event.user];
        let so_far = common.entry(event.channel).or_insert_with(|| sides.into_iter().collect());
        so_far.retain(|id| sides.contains(id));
    }
    let only = common.into_iter().filter(|(_, ids)| ids.len() == 1);
    only.flat_map(|(channel, ids)| ids.into_iter().map(move |id| (channel, id.to_owned()))).collect()
}

type Pair = (Channel, String, String);

/// The two sides, whichever is which.
fn pair(event: &Event<'_>) -> Pair {
    let (one, other) = (event.account.min(event.user), event.account.max(event.user));
    (event.channel, one.to_owned(), other.to_owned())
}

/// The pairs of ids of which both wrote to the other: one of them is the business, and what it wrote must not be taken for
/// a move of the user's.
fn both_ways<'e>(events: impl Iterator<Item = Event<'e>>) -> BTreeSet<Pair> {
    let mut senders: BTreeMap<Pair, BTreeSet<&'e str>> = BTreeMap::new();
    for event in events.filter(|event| event.kind == Kind::Message) {
        senders.entry(pair(&event)).or_default().insert(event.user);
    }
    senders.into_iter().filter(|(_, senders)| 1 < senders.len()).map(|(pair, _)| pair).collect()
}

/// The event as the business received it.
fn received(event: Event<'_>) -> Event<'_> {
    match event.kind {
        Kind::Message => Event { template: None, sender: None, status: None, ..event },
        _ => event,
    }
}

/// The event as the business caused it. Neither tag nor token is shown of a send here.
fn sent(event: Event<'_>) -> Event<'_> {
    let turned = Event { account: event.user, user: event.account, ..event };
    match event.kind {
        Kind::Message => {
            Event { kind: Kind::Send, entry: None, claim_hidden: true, status: Some(Status::Sent), ..turned }
        }
        kind if kind.is_users() => Event { kind: Kind::Other, ..turned },
        _ => turned,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Cursor;

    use super::super::{Options, read_from};
    use crate::audit::History;

    fn bare(from: &str, to: &str, second: u32) -> String {
        format!(
            r#"{{"sender":{{"id":"{from}"}},"recipient":{{"id":"{to}"}},"timestamp":17092872{second:02}000,"message":{{"mid":"m_{from}{to}{second}","text":"x"}}}}"#
        )
    }

    fn graph(ids: [&str; 2], from: &str, second: u32) -> String {
        let [one, other] = ids;
        format!(
            r#"{{"messages":{{"data":[{{"id":"m_{second}","created_time":"2024-03-01T10:00:{second:02}+0000","from":{{"id":"{from}"}},"message":"x"}}]}},"participants":{{"data":[{{"id":"{one}"}},{{"id":"{other}"}}]}}}}"#
        )
    }

    /// Whose event is whose, and how many records were bad.
    fn sides(lines: &[String]) -> String {
        let reading = read_from("log", Cursor::new(lines.join("\n")), &Options::default()).unwrap();
        let found: u64 = reading.batches.iter().map(|batch| batch.len() as u64).sum();
        assert_eq!(reading.inputs[0].records, found);
        let mut text = format!("{} bad", reading.bad.count);
        let history = History::new(reading.batches);
        for event in (0..history.len()).map(|at| history.event(at)) {
            text.push_str(&format!("; {}/{} {}", event.account, event.user, event.kind));
        }
        text
    }

    #[test]
    fn an_account_is_known_by_whatever_names_it() {
        let body = r#"{"object":"page","entry":[{"id":"9","messaging":[{"sender":{"id":"5"},"recipient":{"id":"9"},"timestamp":1709287200000,"message":{"mid":"m_0","text":"x"}}]}]}"#;
        let told = r#"{"ts":1709287200000,"account":"9","user":"5","event":"message","id":"m_0"}"#;
        let echo = bare("9", "5", 0).replace("\"mid\"", "\"is_echo\":true,\"mid\"");
        let postback =
            r#"{"sender":{"id":"5"},"recipient":{"id":"9"},"timestamp":1709287200000,"postback":{"title":"x"}}"#;
        for (name, first, expected) in [
            ("a body", body, "0 bad; 9/5 message; 9/5 message; 9/5 send"),
            ("a canonical record", told, "0 bad; 9/5 message; 9/5 message; 9/5 send"),
            ("an echo", &echo, "0 bad; 9/5 send; 9/5 message; 9/5 send"),
            ("a postback", postback, "0 bad; 9/5 postback; 9/5 message; 9/5 send"),
        ] {
            let log = [first.to_owned(), bare("5", "9", 1), bare("9", "5", 2)];
            assert_eq!(sides(&log), expected, "{name}");
            let turned: Vec<String> = log.iter().rev().cloned().collect();
            assert_eq!(sides(&turned), expected, "{name}, last");
            let log = [first.to_owned(), graph(["5", "9"], "5", 1), graph(["9", "5"], "9", 2)];
            assert_eq!(sides(&log), expected, "{name}, beside a dump");
        }
    }

    #[test]
    fn whom_several_talk_to_is_no_user() {
        let log = [bare("5", "9", 1), bare("9", "5", 2), bare("9", "6", 3)];
        assert_eq!(sides(&log), "0 bad; 9/5 message; 9/5 send; 9/6 send");
        let log = [graph(["5", "9"], "5", 1), graph(["6", "9"], "9", 2)];
        assert_eq!(sides(&log), "0 bad; 9/5 message; 9/6 send");
    }

    #[test]
    fn what_could_be_of_either_side_is_reported() {
        assert_eq!(sides(&[bare("5", "9", 1), bare("9", "5", 2)]), "2 bad");
        assert_eq!(sides(&[graph(["5", "9"], "5", 1), graph(["5", "9"], "9", 2)]), "2 bad");
        // Nobody answers: what is received is what is logged.
        assert_eq!(sides(&[bare("5", "9", 1), bare("5", "9", 2)]), "0 bad; 9/5 message; 9/5 message");
        assert_eq!(sides(&[bare("5", "9", 1), bare("6", "8", 2)]), "0 bad; 9/5 message; 8/6 message");
    }
}
