//! What has been read and waits until everything is read: in memory, or, once that is too much, in a store.
//!
//! Records that are half an event, and other names of users, are joined with all others once everything is read. Where a
//! log has such records, all of it stays in memory.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::join::Contents;
use crate::batch::Batch;
use crate::store::{Spill, Store, StoreError};

/// The events of a block, and what the sends among them said.
pub(super) type Events = Vec<(Batch, Contents)>;

/// The events of all blocks read so far.
#[derive(Debug, Default)]
pub(super) struct Held {
    spill: Option<Spill>,
    /// By the index of the block.
    blocks: Mutex<Vec<(u64, Events)>>,
    bytes: AtomicU64,
    /// Whether there is anything to join.
    joins: AtomicBool,
    store: OnceLock<Store>,
}

impl Held {
    pub(super) fn new(spill: Option<Spill>) -> Held {
        Held { spill, ..Held::default() }
    }

    /// Takes in a block. `joins` says whether it has anything that must be joined with the events of others.
    pub(super) fn add(&self, index: u64, events: Events, joins: bool) -> Result<(), StoreError> {
        if joins {
            self.joins.store(true, Ordering::Relaxed);
        }
        if let Some(store) = self.store.get()
            && !joins
        {
            return store.add(events.iter().map(|(batch, _)| batch));
        }
        let bytes: usize = events.iter().map(|(batch, _)| batch.bytes()).sum();
        let all = self.bytes.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        self.lock().push((index, events));
        // Judging takes about as much again.
        let Some(spill) = self.spill.as_ref().filter(|spill| spill.memory_bytes / 2 < all) else { return Ok(()) };
        if self.joins.load(Ordering::Relaxed) || self.store.get().is_some() {
            return Ok(());
        }
        let store = Store::new(&spill.folder)?;
        let store = self.store.get_or_init(|| store);
        let held = std::mem::take(&mut *self.lock());
        for (_, events) in held {
            store.add(events.iter().map(|(batch, _)| batch))?;
        }
        Ok(())
    }

    /// Everything, in the order of blocks; or the store, where it went there.
    pub(super) fn finish(mut self) -> Result<(Events, Option<Store>), StoreError> {
        let mut blocks = std::mem::take(self.blocks.get_mut().unwrap_or_else(PoisonError::into_inner));
        blocks.sort_unstable_by_key(|(index, _)| *index);
        let mut events: Events = blocks.into_iter().flat_map(|(_, events)| events).collect();
        match self.store.take() {
            Some(store) if !*self.joins.get_mut() => {
                store.add(events.iter().map(|(batch, _)| batch))?;
                Ok((Vec::new(), Some(store)))
            }
            Some(store) => {
                for shard in 0..store.shards() {
                    events.extend(store.load(shard)?.into_iter().map(|batch| (batch, Contents::new())));
                }
                Ok((events, None))
            }
            None => Ok((events, None)),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(u64, Events)>> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
