//! A log cut into parts of whole conversations, so that they can be judged side by side, each on whatever thread is free.

use std::sync::Arc;

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use rayon::slice::ParallelSlice;

use crate::audit::order::{Entry, Order};
use crate::batch::{Batch, KeepText, SHARDS, Shards};
use crate::survey::{Groups, Survey};

/// About how many events a part has: few enough that all that is known of them stays close to the processor.
const EVENTS_A_PART: usize = 8_192;

/// How many batches are sorted into parts at once.
const BATCHES_A_SHARE: usize = 1_024;

/// Events of one part: the batches in which they lie, and each by its batch among these and its index in it.
#[derive(Debug, Default)]
struct Piece {
    batches: Vec<Arc<Batch>>,
    events: Vec<(u32, u32)>,
}

impl Piece {
    fn add(&mut self, batch: &Arc<Batch>, index: u32) {
        if self.batches.last().is_none_or(|last| !Arc::ptr_eq(last, batch)) {
            self.batches.push(Arc::clone(batch));
        }
        // Batches and their events are counted in 32 bits.
        self.events.push((self.batches.len() as u32 - 1, index));
    }
}

/// Sorts the events of batches into parts of whole groups, puts every part in order and gives it to `each`, on whatever
/// thread is free; the answers are in the order of parts.
///
/// What is known of an event is looked up when its part is judged, and a batch is given up with the last part that needs it,
/// so that little memory is touched for the first time.
pub(super) fn each_part<T: Send>(batches: Vec<Batch>, groups: &Groups, each: impl Fn(Order) -> T + Sync) -> Vec<T> {
    let total: usize = batches.iter().map(Batch::len).sum();
    let parts = (total / EVENTS_A_PART).clamp(1, 1 << 16).next_power_of_two();
    // Parts of one shard follow each other, for they lie in the same batches.
    let (lanes, a_lane) = (parts.min(SHARDS as usize), parts.div_ceil(SHARDS as usize));
    let part_of = |group: u64| (group as usize % lanes) * a_lane + (group / SHARDS) as usize % a_lane;
    let sorted = |batches: Vec<Batch>| {
        let mut of_part: Vec<Piece> = (0..parts).map(|_| Piece::default()).collect();
        for batch in batches.into_iter().map(Arc::new) {
            for index in 0..batch.len() {
                of_part[part_of(group(groups, &batch, index))].add(&batch, index as u32);
            }
        }
        of_part
    };
    let mut waiting: Vec<Vec<Piece>> = (0..parts).map(|_| Vec::new()).collect();
    for share in shares(batches).into_par_iter().map(sorted).collect::<Vec<_>>() {
        for (part, piece) in waiting.iter_mut().zip(share) {
            part.push(piece);
        }
    }
    waiting.into_par_iter().with_max_len(1).map(|pieces| each(ordered(pieces, groups))).collect()
}

/// The batches, some at a time.
fn shares(batches: Vec<Batch>) -> Vec<Vec<Batch>> {
    let mut rest = batches.into_iter();
    let share = || Some(rest.by_ref().take(BATCHES_A_SHARE).collect()).filter(|share: &Vec<Batch>| !share.is_empty());
    std::iter::from_fn(share).collect()
}

/// The part that the pieces make: each group of its conversations in order of time.
fn ordered(pieces: Vec<Piece>, groups: &Groups) -> Order {
    let mut batches = Vec::with_capacity(pieces.iter().map(|piece| piece.batches.len()).sum());
    let mut entries = Vec::with_capacity(pieces.iter().map(|piece| piece.events.len()).sum());
    for piece in pieces {
        let before = batches.len() as u32;
        entries.extend(piece.events.iter().map(|(nth, index)| {
            let batch = &piece.batches[*nth as usize];
            Entry::new(group(groups, batch, *index as usize), before + nth, batch, *index)
        }));
        batches.extend(piece.batches);
    }
    Order::new(batches, entries)
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
        survey.see(share);
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
