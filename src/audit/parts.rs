//! A log cut into parts of whole conversations, so that they can be judged side by side, each on whatever thread is free.

use std::sync::Arc;

use foldhash::HashMap;
use rayon::iter::{IndexedParallelIterator, IntoParallelRefMutIterator, ParallelIterator};
use rayon::slice::ParallelSlice;

use crate::audit::links::{Groups, Links};
use crate::audit::order::{Entry, Order};
use crate::batch::Batch;
use crate::event::{Channel, Event, Kind};
use crate::replay::{Beginning, Beginnings};
use crate::time::Time;

/// About how many events a part has: few enough that all that is known of them stays close to the processor.
const EVENTS_A_PART: usize = 8_192;

/// How many batches are sorted into parts at once.
const BATCHES_A_SHARE: usize = 1_024;

/// What the records show together that no part shows alone.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub(super) beginnings: Beginnings,
    pub(super) links: Links,
    /// The coarsest precision of all times, in ms.
    pub(super) coarsest_ms: u32,
}

impl Survey {
    /// Looks at every record of a batch.
    pub(super) fn see(&mut self, batch: &Batch) {
        // By the account's place in the batch: names are looked up once an account instead of once an event.
        let mut begins: HashMap<(Channel, u64), (usize, Beginning)> = HashMap::default();
        let mut last: Option<((Channel, u64), Beginning)> = None;
        for index in 0..batch.len() {
            let mut is_comment = batch.kind(index) == Kind::Comment;
            if batch.names_more(index) || is_comment {
                let event = batch.event(index);
                self.links.see(batch.conversation(index), &event);
                is_comment &= event.comment.or(event.id).is_some();
            }
            let here = Beginning::of(batch.at(index), batch.precision_ms(index), is_comment);
            let key = batch.account_key(index);
            // In a log in order of time, most records show nothing new.
            if last.is_some_and(|(of, known)| of == key && known.and(here) == known) {
                continue;
            }
            let (_, known) = begins.entry(key).or_insert((index, here));
            *known = known.and(here);
            last = Some((key, *known));
        }
        for (index, beginning) in begins.into_values() {
            let event = batch.event(index);
            self.beginnings.add(event.channel, event.account, beginning);
        }
        self.coarsest_ms = self.coarsest_ms.max(batch.coarsest_ms());
    }

    /// Adds what other records show.
    pub(super) fn add(&mut self, other: Survey) {
        self.beginnings.merge(other.beginnings);
        self.links.add(other.links);
        self.coarsest_ms = self.coarsest_ms.max(other.coarsest_ms);
    }
}

/// Some conversations of a log, each group of them in order of time.
#[derive(Debug)]
pub(super) struct Part<'b> {
    batches: &'b [Batch],
    pub(super) order: Order,
}

impl Part<'_> {
    /// How many events there are.
    pub(super) fn len(&self) -> usize {
        self.order.entries().len()
    }

    /// When the event at `position` happened.
    pub(super) fn at(&self, position: usize) -> Time {
        self.order.entries().get(position).map_or_else(Time::default, |entry| entry.at)
    }

    /// The event at `position`.
    pub(super) fn event(&self, position: usize) -> Event<'_> {
        self.order.event(self.batches, position)
    }

    /// The number that tells the event at `position` from others of its group.
    pub(super) fn identity(&self, position: usize) -> u64 {
        self.order.identity(self.batches, position)
    }

    /// The group of the event at `position`.
    pub(super) fn group(&self, position: usize) -> Option<u64> {
        self.order.entries().get(position).map(|entry| entry.group)
    }
}

/// The events of batches, sorted into parts of whole groups.
pub(super) struct Parts<'b> {
    batches: &'b [Batch],
    entries: Vec<Vec<Entry>>,
}

impl<'b> Parts<'b> {
    /// Finds out which event belongs to which part.
    pub(super) fn new(batches: &'b [Batch], groups: &Groups) -> Parts<'b> {
        let total: usize = batches.iter().map(Batch::len).sum();
        let parts = (total / EVENTS_A_PART).clamp(1, 1 << 16).next_power_of_two();
        let sorted = |(share, batches): (usize, &[Batch])| -> Vec<Vec<Entry>> {
            let mut of_part: Vec<Vec<Entry>> = (0..parts).map(|_| Vec::new()).collect();
            for (nth, batch) in (share * BATCHES_A_SHARE..).zip(batches) {
                for index in 0..batch.len() {
                    let conversation = batch.conversation(index);
                    let group = match groups.is_empty() {
                        true => conversation,
                        false => groups.get(&conversation).copied().unwrap_or(conversation),
                    };
                    // Batches and their events are counted in 32 bits.
                    let entry = Entry::new(group, nth as u32, batch, index as u32);
                    of_part[group as usize & (parts - 1)].push(entry);
                }
            }
            of_part
        };
        let shares: Vec<Vec<Vec<Entry>>> = batches.par_chunks(BATCHES_A_SHARE).enumerate().map(sorted).collect();
        let mut entries: Vec<Vec<Entry>> = (0..parts).map(|_| Vec::new()).collect();
        for share in shares {
            for (part, mut of_part) in entries.iter_mut().zip(share) {
                part.append(&mut of_part);
            }
        }
        Parts { batches, entries }
    }

    /// Puts every part in order and gives it to `each`, on whatever thread is free; the answers are in the order of parts.
    pub(super) fn each<T: Send>(self, each: impl Fn(Part<'b>) -> T + Sync) -> Vec<T> {
        let batches = self.batches;
        let mut entries = self.entries;
        let one =
            |entries: &mut Vec<Entry>| each(Part { batches, order: Order::new(batches, std::mem::take(entries)) });
        entries.par_iter_mut().with_max_len(1).map(one).collect()
    }
}

/// Surveys all batches.
pub(super) fn survey(batches: &[Batch]) -> (Arc<Beginnings>, Groups, u32) {
    let of_share = |share: &[Batch]| {
        let mut survey = Survey::default();
        share.iter().for_each(|batch| survey.see(batch));
        survey
    };
    let merged = |mut one: Survey, other: Survey| {
        one.add(other);
        one
    };
    let all = batches.par_chunks(BATCHES_A_SHARE).map(of_share).reduce(Survey::default, merged);
    (Arc::new(all.beginnings), all.links.groups(), all.coarsest_ms)
}
