//! Events sorted into batches by conversation while they are read.

use crate::batch::{Batch, KeepText, conversation};
use crate::event::Event;

/// Batches side by side, each for its share of the conversations: what is judged together lies together.
#[derive(Debug)]
pub struct Shards {
    keep_text: KeepText,
    /// None until there is an event.
    of: Vec<Batch>,
}

/// Where an event lies: in which shard, and where in its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    /// The number of the shard.
    pub shard: u32,
    /// The index in the shard's batch.
    pub index: u32,
}

/// How many shards there are, a power of two.
pub const SHARDS: u64 = 128;

impl Shards {
    /// Empty batches.
    pub fn new(keep_text: KeepText) -> Shards {
        Shards { keep_text, of: Vec::new() }
    }

    /// Adds an event, and says where it lies. Adds nothing when its batch is full (4 GiB of text).
    pub fn push(&mut self, event: &Event<'_>) -> Option<Slot> {
        let conversation = conversation(event);
        // The remainder is less than the number of shards.
        let shard = (conversation % SHARDS) as u32;
        let batch = self.shard(conversation)?;
        // A batch holds fewer events than that.
        let index = batch.len() as u32;
        batch.push_to(conversation, event).then_some(Slot { shard, index })
    }

    /// Adds the event at `index` of `from`, see [`Batch::copy`].
    pub fn copy(&mut self, from: &Batch, index: usize) -> bool {
        self.shard(from.conversation(index)).is_some_and(|batch| batch.copy(from, index))
    }

    fn shard(&mut self, conversation: u64) -> Option<&mut Batch> {
        if self.of.is_empty() {
            self.of.resize_with(SHARDS as usize, || Batch::new(self.keep_text));
        }
        self.of.get_mut((conversation % SHARDS) as usize)
    }

    /// Whether [`Shards::push`] looks at the text of such an event: to keep it, or to tell two events without id apart.
    /// A reader need not unpack a text that nobody looks at.
    pub fn reads_text(&self, event: &Event<'_>) -> bool {
        event.id.is_none() || self.keep_text.keeps(event)
    }

    /// The batches that hold something, each with the number of its shard, in their order.
    pub fn into_batches(self) -> impl Iterator<Item = (u32, Batch)> {
        (0..).zip(self.of).filter(|(_, batch)| !batch.is_empty()).map(|(shard, batch)| (shard, batch.fitted()))
    }
}
