//! What the records of a log show together, and no part of it alone: from when on each account is logged, and which
//! conversations name the same token or comment. Known beforehand, conversations can be judged one after the other.

mod beginnings;
mod links;

use foldhash::HashMap;

use crate::batch::Batch;
use crate::event::{Channel, Kind};

pub use beginnings::{Beginning, Beginnings, Start};
pub use links::{Groups, Links};

/// What records show together.
#[derive(Debug, Default)]
pub struct Survey {
    /// When each account's records begin.
    pub beginnings: Beginnings,
    /// What conversations share.
    pub links: Links,
    /// The coarsest precision of all times, in ms.
    pub coarsest_ms: u32,
}

impl Survey {
    /// Looks at every record of some batches.
    pub fn see<'b>(&mut self, batches: impl IntoIterator<Item = &'b Batch>) {
        let mut begins = HashMap::default();
        batches.into_iter().for_each(|batch| self.see_batch(batch, &mut begins));
    }

    /// Looks at every record of a batch. `begins` is empty before and after.
    fn see_batch(&mut self, batch: &Batch, begins: &mut HashMap<(Channel, u64), (usize, Beginning)>) {
        // By the account's place in the batch: names are looked up once an account instead of once an event.
        let mut last: Option<((Channel, u64), Beginning)> = None;
        for index in 0..batch.len() {
            let mut is_comment = batch.kind(index) == Kind::Comment;
            if batch.names_shared(index) || is_comment {
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
        for (_, (index, beginning)) in begins.drain() {
            let event = batch.event(index);
            self.beginnings.add(event.channel, event.account, beginning);
        }
        self.coarsest_ms = self.coarsest_ms.max(batch.coarsest_ms());
    }

    /// Adds what other records show.
    pub fn add(&mut self, other: Survey) {
        self.beginnings.merge(other.beginnings);
        self.links.add(other.links);
        self.coarsest_ms = self.coarsest_ms.max(other.coarsest_ms);
    }
}
