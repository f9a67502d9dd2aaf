//! A whole log in the order of time, for whoever wants to walk through it.

use std::sync::Arc;

use crate::audit::order::{Entry, Order};
use crate::batch::Batch;
use crate::event::Event;

/// A history: every event once, in order of time.
#[derive(Debug, Default)]
pub struct History {
    order: Order,
}

impl History {
    /// Joins, de-duplicates and sorts what was read.
    pub fn new(batches: Vec<Batch>) -> History {
        let of_batch = |(nth, batch): (u32, &Batch)| -> Vec<Entry> {
            (0..batch.len() as u32).map(|index| Entry::new(0, nth, batch, index)).collect()
        };
        let entries = (0..).zip(&batches).flat_map(of_batch).collect();
        History { order: Order::new(batches.into_iter().map(Arc::new).collect(), entries) }
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The event at `position` in the order of time.
    pub fn event(&self, position: usize) -> Event<'_> {
        self.order.event(position)
    }

    /// Records that repeated another one.
    pub fn duplicates(&self) -> u64 {
        self.order.duplicates
    }

    /// Messages that were delivered or read, and of which the log shows nothing else.
    pub fn unshown(&self) -> u64 {
        self.order.unshown
    }

    /// Records that told more of the event of another one: the echo of a request, the status of an echo.
    pub fn joined(&self) -> u64 {
        self.order.joined
    }
}
