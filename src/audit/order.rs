//! From batches in the order of files to one history in the order of time, each record once.
//!
//! The order of the file means nothing: webhooks are batched, retried and unordered, dumps are newest first. Neither does
//! repetition: the same account, user, kind and id is one event, however often it was written down.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use rayon::slice::ParallelSliceMut;

use crate::batch::{Batch, KeepText};
use crate::event::{Event, Kind, Status, TEMPLATE_NOT_IN_LOG};
use crate::time::Time;

/// A history: every event once, in order of time.
#[derive(Debug, Default)]
pub struct History {
    batches: Vec<Batch>,
    order: Vec<Entry>,
    /// Identities of sends that a delivery or a read confirms.
    confirmed: HashSet<u64, BuildHasherDefault<AsIs>>,
    /// Records that repeated another one.
    pub duplicates: u64,
    /// Records that told more of the event of another one: the echo of a request, the status of an echo.
    pub joined: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    at: Time,
    side: Side,
    batch: u32,
    index: u32,
}

/// At equal times the user's move comes first: second-precise logs cannot show a reply after its cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Move,
    Neither,
    Send,
}

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

impl History {
    /// Joins, de-duplicates and sorts what was read.
    pub fn new(batches: Vec<Batch>) -> History {
        let mut history = History { batches, ..History::default() };
        let total = history.batches.iter().map(Batch::len).sum();
        let mut first_of: HashMap<u64, (u32, u32), BuildHasherDefault<AsIs>> =
            HashMap::with_capacity_and_hasher(total, BuildHasherDefault::default());
        let mut repeats: Vec<((u32, u32), (u32, u32))> = Vec::new();
        history.order.reserve(total);
        for (batch, events) in (0..).zip(&history.batches) {
            for index in 0..events.len() {
                let here = (batch, index as u32);
                let kind = events.kind(index);
                if matches!(kind, Kind::Delivery | Kind::Read) {
                    history.confirmed.extend(events.send_identity(index));
                }
                let first = *first_of.entry(events.identity(index)).or_insert(here);
                let same = |other: &Batch| other.same_event(first.1 as usize, events, index);
                if first != here && history.batches.get(first.0 as usize).is_some_and(same) {
                    repeats.push((first, here));
                } else {
                    history.order.push(Entry { at: events.at(index), side: side(kind), batch, index: here.1 });
                }
            }
        }
        drop(first_of);
        history.merge(repeats);
        let History { batches, order, .. } = &mut history;
        order.par_sort_unstable_by(|a, b| {
            (a.at, a.side).cmp(&(b.at, b.side)).then_with(|| {
                let (one, other) = (&batches[a.batch as usize], &batches[b.batch as usize]);
                let (a_event, b_event) = (one.event(a.index as usize), other.event(b.index as usize));
                tie(&a_event, &b_event)
                    .then_with(|| one.identity(a.index as usize).cmp(&other.identity(b.index as usize)))
            })
        });
        history
    }

    /// Makes one event of each group of repeats, whatever their order.
    fn merge(&mut self, mut repeats: Vec<((u32, u32), (u32, u32))>) {
        if repeats.is_empty() {
            return;
        }
        repeats.sort_unstable();
        let mut merged = Batch::new(KeepText::All);
        let mut replaced: HashMap<(u32, u32), u32> = HashMap::new();
        for group in repeats.chunk_by(|a, b| a.0 == b.0) {
            let Some((first, _)) = group.first() else { continue };
            let at = |(batch, index): (u32, u32)| self.batches[batch as usize].event(index as usize);
            let mut records: Vec<Event<'_>> =
                std::iter::once(at(*first)).chain(group.iter().map(|(_, r)| at(*r))).collect();
            records.sort_by(precedence);
            for pair in records.windows(2) {
                let same = Event { place: pair[0].place, text: pair[0].text, ..pair[1] } == pair[0];
                let count = if same { &mut self.duplicates } else { &mut self.joined };
                *count += 1;
            }
            let one = records.iter().skip(1).fold(records[0], |one, more| join(one, more));
            if merged.push(&one) {
                replaced.insert(*first, merged.len() as u32 - 1);
            }
        }
        let fresh = self.batches.len() as u32;
        for entry in &mut self.order {
            if let Some(index) = replaced.get(&(entry.batch, entry.index)) {
                *entry = Entry { at: merged.at(*index as usize), side: entry.side, batch: fresh, index: *index };
            }
        }
        self.batches.push(merged);
    }

    /// When the event at `position` happened.
    pub fn at(&self, position: usize) -> Time {
        self.order.get(position).map_or_else(Time::default, |entry| entry.at)
    }

    /// The coarsest precision of all times, in ms.
    pub fn coarsest_ms(&self) -> u32 {
        self.batches.iter().map(Batch::coarsest_ms).max().unwrap_or(0)
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The event at `position` in the order of time.
    pub fn event(&self, position: usize) -> Event<'_> {
        let Some(entry) = self.order.get(position) else { return Event::default() };
        let (batch, index) = (&self.batches[entry.batch as usize], entry.index as usize);
        let mut event = batch.event(index);
        let confirmed = || self.confirmed.contains(&batch.identity(index));
        if event.kind == Kind::Send && event.status.is_none() && event.id.is_some() && confirmed() {
            event.status = Some(Status::Sent);
        }
        event
    }
}

fn side(kind: Kind) -> Side {
    match kind {
        Kind::Send => Side::Send,
        kind if kind.is_users() => Side::Move,
        _ => Side::Neither,
    }
}

/// An order of events at one moment that does not depend on where they were written.
fn tie(a: &Event<'_>, b: &Event<'_>) -> Ordering {
    (a.channel, a.account, a.user, a.kind, a.id).cmp(&(b.channel, b.account, b.user, b.kind, b.id))
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
        text: first.text.or(more.text),
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
