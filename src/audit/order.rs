//! From records in the order of files to events in the order of time, each once.
//!
//! The order of the file means nothing: webhooks are batched, retried and unordered, dumps are newest first. Neither does
//! repetition: the same account, user, kind and id is one event, however often it was written down.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use crate::batch::{Batch, KeepText};
use crate::event::{Event, Kind, Status, TEMPLATE_NOT_IN_LOG};
use crate::time::Time;

/// Where an event lies, and what decides its place in the order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// Events of one group are in order of time, whatever groups come before or after.
    group: u64,
    at: Time,
    side: Side,
    /// The index of its batch; [`MERGED`] is the order's own.
    batch: u32,
    index: u32,
}

/// The batch of events that were put together from several records.
const MERGED: u32 = u32::MAX;

/// At equal times the user's move comes first: second-precise logs cannot show a reply after its cause. Before it comes a
/// stop, which an opt-in or resumption of the same second may have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Stop,
    Move,
    Neither,
    Send,
}

impl Entry {
    /// The event at `index` of `batch`, whose own index is `nth`, as one of `group`.
    pub(super) fn new(group: u64, nth: u32, batch: &Batch, index: u32) -> Entry {
        let at = index as usize;
        Entry { group, at: batch.at(at), side: side(batch.kind(at)), batch: nth, index }
    }
}

/// The events of a log, or of a part of one, in their order, each once. They stay in the batches they were read into.
#[derive(Debug, Default)]
pub(super) struct Order {
    batches: Vec<Arc<Batch>>,
    entries: Vec<Entry>,
    merged: Batch,
    /// Identities of sends that a delivery or a read confirms.
    confirmed: Identities,
    /// Records that repeated another one.
    pub(super) duplicates: u64,
    /// Records that told more of the event of another one: the echo of a request, the status of an echo.
    pub(super) joined: u64,
    /// Messages that were delivered or read, and of which the log shows nothing else.
    pub(super) unshown: u64,
}

type Identities = HashSet<u64, BuildHasherDefault<AsIs>>;

/// Identities are hashes already.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, identity: u64) {
        self.0 = identity;
    }
}

impl Order {
    /// Joins, de-duplicates and sorts events, which lie in `batches`. All records of one event must be among them.
    pub(super) fn new(batches: Vec<Arc<Batch>>, all: Vec<Entry>) -> Order {
        let mut order = Order { batches, ..Order::default() };
        // By identity, the first of `all`.
        let mut first_of: HashMap<u64, u32, BuildHasherDefault<AsIs>> =
            HashMap::with_capacity_and_hasher(all.len(), BuildHasherDefault::default());
        let mut repeats: Vec<(Entry, Entry)> = Vec::new();
        order.entries.reserve(all.len());
        for (nth, here) in (0..).zip(&all) {
            let (batch, index) = (&order.batches[here.batch as usize], here.index as usize);
            if matches!(batch.kind(index), Kind::Delivery | Kind::Read) {
                order.confirmed.extend(batch.send_identity(index));
            }
            let first_nth = *first_of.entry(batch.identity(index)).or_insert(nth);
            let first = all[first_nth as usize];
            if first_nth == nth || !order.batches[first.batch as usize].same_event(first.index as usize, batch, index) {
                order.entries.push(*here);
            } else {
                repeats.push((first, *here));
            }
        }
        order.unshown = unshown(&order.batches, &all, &order.confirmed, |identity| first_of.contains_key(&identity));
        drop(first_of);
        order.merge(repeats);
        let mut entries = std::mem::take(&mut order.entries);
        // A key of plain numbers sorts fastest; few events share one.
        let key = |entry: &Entry| (entry.group, entry.at, entry.side);
        entries.sort_unstable_by_key(key);
        for alike in entries.chunk_by_mut(|a, b| key(a) == key(b)).filter(|alike| 1 < alike.len()) {
            alike.sort_unstable_by(|a, b| {
                let (one, other) = (order.raw(a), order.raw(b));
                let identity = |entry: &Entry| order.batch(entry).identity(entry.index as usize);
                tie(&one, &other).then_with(|| identity(a).cmp(&identity(b)))
            });
        }
        order.entries = entries;
        order
    }

    /// Makes one event of each group of repeats, whatever their order.
    fn merge(&mut self, mut repeats: Vec<(Entry, Entry)>) {
        if repeats.is_empty() {
            return;
        }
        let place = |entry: &Entry| (entry.batch, entry.index);
        repeats.sort_unstable_by_key(|(first, more)| (place(first), place(more)));
        let mut replaced: HashMap<(u32, u32), u32> = HashMap::new();
        let mut merged = Batch::new(KeepText::All);
        let (mut duplicates, mut joined) = (0, 0);
        for group in repeats.chunk_by(|a, b| place(&a.0) == place(&b.0)) {
            let Some((first, _)) = group.first() else { continue };
            let entries = std::iter::once(first).chain(group.iter().map(|(_, more)| more));
            let mut records: Vec<Event<'_>> = entries.map(|entry| self.raw(entry)).collect();
            records.sort_by(precedence);
            for pair in records.windows(2) {
                let same = Event { place: pair[0].place, text: pair[0].text, ..pair[1] } == pair[0];
                let count = if same { &mut duplicates } else { &mut joined };
                *count += 1;
            }
            let one = records.iter().skip(1).fold(records[0], |one, more| join(one, more));
            // Its text may not have been kept, by which it was told from others of its moment.
            let (batch, index) = (self.batch(first), first.index as usize);
            if merged.push_known(&one, batch.conversation(index), batch.identity(index)) {
                replaced.insert(place(first), merged.len() as u32 - 1);
            }
        }
        for entry in &mut self.entries {
            if let Some(index) = replaced.get(&(entry.batch, entry.index)) {
                *entry = Entry { at: merged.at(*index as usize), batch: MERGED, index: *index, ..*entry };
            }
        }
        (self.merged, self.duplicates, self.joined) = (merged, duplicates, joined);
    }

    /// How many events there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// When the event at `position` happened.
    pub(super) fn at(&self, position: usize) -> Time {
        self.entries.get(position).map_or_else(Time::default, |entry| entry.at)
    }

    /// The group of the event at `position`.
    pub(super) fn group(&self, position: usize) -> Option<u64> {
        self.entries.get(position).map(|entry| entry.group)
    }

    /// The coarsest precision of the times that were put together, in ms.
    pub(super) fn coarsest_ms(&self) -> u32 {
        self.merged.coarsest_ms()
    }

    /// The event at `position`.
    pub(super) fn event(&self, position: usize) -> Event<'_> {
        let Some(entry) = self.entries.get(position) else { return Event::default() };
        let mut event = self.raw(entry);
        let confirmed = || self.confirmed.contains(&self.batch(entry).identity(entry.index as usize));
        if event.kind == Kind::Send && event.status.is_none() && event.id.is_some() && confirmed() {
            event.status = Some(Status::Sent);
        }
        event
    }

    /// The number that tells the event at `position` from others of its group.
    pub(super) fn identity(&self, position: usize) -> u64 {
        let identity = |entry: &Entry| self.batch(entry).identity(entry.index as usize);
        self.entries.get(position).map_or(0, identity)
    }

    fn raw(&self, entry: &Entry) -> Event<'_> {
        self.batch(entry).event(entry.index as usize)
    }

    fn batch(&self, entry: &Entry) -> &Batch {
        self.batches.get(entry.batch as usize).map_or(&self.merged, Arc::as_ref)
    }
}

/// How many messages were delivered or read that are not among the events themselves.
fn unshown(batches: &[Arc<Batch>], all: &[Entry], confirmed: &Identities, is_there: impl Fn(u64) -> bool) -> u64 {
    let mut missing: Identities = confirmed.iter().copied().filter(|identity| !is_there(*identity)).collect();
    // Most logs show what was delivered, and need not be looked through for what users wrote and the business read.
    let told = if missing.is_empty() { &[] } else { all };
    for entry in told {
        let (batch, index) = (&batches[entry.batch as usize], entry.index as usize);
        if matches!(batch.kind(index), Kind::Delivery | Kind::Read)
            && let (Some(send), Some(message)) = (batch.send_identity(index), batch.message_identity(index))
            && is_there(message)
        {
            missing.remove(&send);
        }
    }
    missing.len() as u64
}

fn side(kind: Kind) -> Side {
    match kind {
        Kind::Send => Side::Send,
        Kind::RecurringStop => Side::Stop,
        kind if kind.is_users() => Side::Move,
        _ => Side::Neither,
    }
}

/// An order of events at one moment that does not depend on where they were written.
///
/// Of two sends the one that Meta refused comes first: it spends nothing, so that none is accused which another order would
/// allow.
pub(super) fn tie(a: &Event<'_>, b: &Event<'_>) -> Ordering {
    let taken = |send: &Event<'_>| !send.is_rejected();
    (a.channel, a.account, a.user, a.kind, taken(a), a.id).cmp(&(b.channel, b.account, b.user, b.kind, taken(b), b.id))
}

/// Which of two records of one event is believed first: Meta's before that of a log, the more precise one, the earlier send
/// and the later move (which accuses least), then any fixed order of what they say.
fn precedence(a: &Event<'_>, b: &Event<'_>) -> Ordering {
    let words = |e: &Event<'_>| (e.messaging_type, e.token_type, e.frequency, e.category, e.sender, e.status, e.entry);
    let times = if a.kind.is_users() { b.at.cmp(&a.at) } else { a.at.cmp(&b.at) };
    (a.logged_at, a.precision_ms)
        .cmp(&(b.logged_at, b.precision_ms))
        .then(times)
        .then_with(|| (a.tag, a.token, a.template, a.error_code).cmp(&(b.tag, b.token, b.template, b.error_code)))
        .then_with(|| words(a).cmp(&words(b)))
        .then_with(|| (a.claim_hidden, a.promotional, a.region).cmp(&(b.claim_hidden, b.promotional, b.region)))
        .then_with(|| (a.comment, a.token_expires).cmp(&(b.comment, b.token_expires)))
        .then_with(|| (a.error_subcode, a.text).cmp(&(b.error_subcode, b.text)))
        .then(a.place.cmp(&b.place))
}

/// What the second record says and the first does not is added; where they contradict, the first holds, except that of the
/// claim a record that shows it knows better than one that hides it. A rejection always counts: Meta may take a message and
/// report its failure later.
fn join<'a>(first: Event<'a>, more: &Event<'a>) -> Event<'a> {
    let (shown, hidden) = if first.claim_hidden && !more.claim_hidden { (more, &first) } else { (&first, more) };
    // A request without a template outweighs a status that took it for one.
    let guessed = |name: &&str| *name == TEMPLATE_NOT_IN_LOG && !shown.claim_hidden && hidden.claim_hidden;
    let rejected = first.is_rejected() || more.is_rejected();
    let status = if rejected { Some(Status::Failed) } else { first.status.or(more.status) };
    Event {
        // A call shows the whole of what it sent, an echo of a template some of it.
        text: shown.text.or(hidden.text),
        messaging_type: shown.messaging_type.or(hidden.messaging_type),
        tag: shown.tag.or(hidden.tag),
        token: shown.token.or(hidden.token),
        token_type: shown.token_type.or(hidden.token_type),
        token_expires: shown.token_expires.or(hidden.token_expires),
        frequency: first.frequency.or(more.frequency),
        comment: shown.comment.or(hidden.comment),
        template: shown.template.or(hidden.template.filter(|name| !guessed(name))),
        category: shown.category.or(hidden.category),
        sponsored: first.sponsored || more.sponsored,
        sender: first.sender.or(more.sender),
        promotional: first.promotional.or(more.promotional),
        status,
        error_code: first.error_code.or(more.error_code),
        error_subcode: first.error_subcode.or(more.error_subcode),
        entry: first.entry.or(more.entry),
        region: first.region.or(more.region),
        claim_hidden: first.claim_hidden && more.claim_hidden,
        recipient_hidden: first.recipient_hidden && more.recipient_hidden,
        logged_at: first.logged_at && more.logged_at,
        unpaired: first.unpaired && more.unpaired,
        ..first
    }
}
