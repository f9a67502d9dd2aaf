//! A log cut into parts of whole conversations, so that they can be judged side by side, each on whatever thread is free.

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use rayon::slice::ParallelSlice;

use crate::audit::order::{Entry, Order};
use crate::batch::{Batch, KeepText, Shards};
use crate::event::Event;
use crate::survey::{Groups, Survey};
use crate::time::Time;

/// About how many events a part has: few enough that all that is known of them stays close to the processor.
const EVENTS_A_PART: usize = 8_192;

/// How many batches are sorted into parts at once.
const BATCHES_A_SHARE: usize = 1_024;

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
    groups: &'b Groups,
    /// How many parts there are, a power of two.
    parts: usize,
    /// Of each share of the batches, which events belong to each part: the batch and the index in it.
    shares: Vec<Vec<Vec<(u32, u32)>>>,
}

impl<'b> Parts<'b> {
    /// Finds out which event belongs to which part. What is known of an event is looked up when its part is judged, so that
    /// little memory is touched twice.
    pub(super) fn new(batches: &'b [Batch], groups: &'b Groups) -> Parts<'b> {
        let total: usize = batches.iter().map(Batch::len).sum();
        let parts = (total / EVENTS_A_PART).clamp(1, 1 << 16).next_power_of_two();
        let sorted = |(share, batches): (usize, &[Batch])| -> Vec<Vec<(u32, u32)>> {
            let mut of_part: Vec<Vec<(u32, u32)>> = (0..parts).map(|_| Vec::new()).collect();
            for (nth, batch) in (share * BATCHES_A_SHARE..).zip(batches) {
                for index in 0..batch.len() {
                    // Batches and their events are counted in 32 bits.
                    of_part[group(groups, batch, index) as usize & (parts - 1)].push((nth as u32, index as u32));
                }
            }
            of_part
        };
        let shares = batches.par_chunks(BATCHES_A_SHARE).enumerate().map(sorted).collect();
        Parts { batches, groups, parts, shares }
    }

    /// Puts every part in order and gives it to `each`, on whatever thread is free; the answers are in the order of parts.
    pub(super) fn each<T: Send>(self, each: impl Fn(Part<'b>) -> T + Sync) -> Vec<T> {
        let Parts { batches, groups, parts, shares } = self;
        let entry = |(nth, index): &(u32, u32)| {
            let batch = &batches[*nth as usize];
            Entry::new(group(groups, batch, *index as usize), *nth, batch, *index)
        };
        let one = |part: usize| {
            let mut entries = Vec::with_capacity(shares.iter().map(|share| share[part].len()).sum());
            shares.iter().for_each(|share| entries.extend(share[part].iter().map(entry)));
            each(Part { batches, order: Order::new(batches, entries) })
        };
        (0..parts).into_par_iter().with_max_len(1).map(one).collect()
    }
}

/// The group of the event at `index`: its conversation, unless others must be judged with it.
fn group(groups: &Groups, batch: &Batch, index: usize) -> u64 {
    let conversation = batch.conversation(index);
    if groups.is_empty() { conversation } else { groups.get(&conversation).copied().unwrap_or(conversation) }
}

/// Surveys all batches.
pub(super) fn survey(batches: &[Batch]) -> Survey {
    let of_share = |share: &[Batch]| {
        let mut survey = Survey::default();
        share.iter().for_each(|batch| survey.see(batch));
        survey
    };
    let merged = |mut one: Survey, other: Survey| {
        one.add(other);
        one
    };
    batches.par_chunks(BATCHES_A_SHARE).map(of_share).reduce(Survey::default, merged)
}

/// The batches without the conversations that are judged together with others, which go to `linked`.
pub(super) fn without_linked(batches: Vec<Batch>, groups: &Groups, linked: &mut Shards) -> Vec<Batch> {
    if groups.is_empty() {
        return batches;
    }
    let alone = |batch: Batch| {
        let is_linked = |index: usize| groups.contains_key(&batch.conversation(index));
        if !(0..batch.len()).any(is_linked) {
            return batch;
        }
        let mut rest = Batch::new(KeepText::All);
        for index in 0..batch.len() {
            // Neither is full: both hold less than the memory.
            let _ = if is_linked(index) { linked.copy(&batch, index) } else { rest.copy(&batch, index) };
        }
        rest
    };
    batches.into_iter().map(alone).collect()
}
