//! Kept sends in temporary files: each shard's in their order, and all of them merged into one while they are read back.

use std::path::Path;

use crate::audit::kept::{Kept, KeptRows, compare, in_order};
use crate::policy::Policy;
use crate::store::{Pile, StoreError};
use crate::time::Time;

/// How many sends are read of a file at once: all files are read side by side.
const SENDS_A_PIECE: usize = 512;

/// How many sends are given to the report at once.
const SENDS_AT_ONCE: usize = 65_536;

/// The kept sends of all shards, a file for each.
#[derive(Debug, Default)]
pub(super) struct Runs {
    piles: Vec<Pile>,
}

impl Runs {
    /// Writes down the sends of a shard.
    pub(super) fn add(&mut self, parts: &[Kept<'_>], folder: &Path, policy: &Policy) -> Result<(), StoreError> {
        let order = in_order(parts);
        if order.is_empty() {
            return Ok(());
        }
        let mut pile = Pile::new(folder)?;
        for piece in order.chunks(SENDS_A_PIECE) {
            pile.push(&KeptRows::of(parts, piece, policy))?;
        }
        self.piles.push(pile);
        Ok(())
    }

    /// Gives all sends to `each`, many at a time, in order of time.
    pub(super) fn merged<'p, E: From<StoreError>>(
        &mut self,
        policy: &'p Policy,
        mut each: impl FnMut(Kept<'p>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut heads = Vec::new();
        for pile in &mut self.piles {
            pile.rewind()?;
            heads.extend(Head::new(pile, policy)?);
        }
        let mut merged = Kept::default();
        while let Some(least) = least(&heads) {
            let head = &mut heads[least];
            head.kept.give(head.at, &mut merged);
            if !heads[least].advance(policy)? {
                heads.swap_remove(least);
            }
            if SENDS_AT_ONCE <= merged.len() {
                each(std::mem::take(&mut merged))?;
            }
        }
        each(merged)
    }
}

/// Where a file is being read.
struct Head<'f, 'p> {
    pile: &'f mut Pile,
    kept: Kept<'p>,
    at: usize,
}

impl<'f, 'p> Head<'f, 'p> {
    /// The beginning of a file, unless it is empty.
    fn new(pile: &'f mut Pile, policy: &'p Policy) -> Result<Option<Head<'f, 'p>>, StoreError> {
        let kept = next(pile, policy)?;
        Ok(kept.map(|kept| Head { pile, kept, at: 0 }))
    }

    /// When the send at which it stands was sent.
    fn when(&self) -> Time {
        self.kept.at(self.at)
    }

    /// Goes on to the next send; whether there is one.
    fn advance(&mut self, policy: &'p Policy) -> Result<bool, StoreError> {
        self.at += 1;
        if self.at < self.kept.len() {
            return Ok(true);
        }
        let kept = next(self.pile, policy)?;
        let goes_on = kept.is_some();
        (self.kept, self.at) = (kept.unwrap_or_default(), 0);
        Ok(goes_on)
    }
}

fn next<'p>(pile: &mut Pile, policy: &'p Policy) -> Result<Option<Kept<'p>>, StoreError> {
    Ok(pile.next::<KeptRows>()?.and_then(|rows| rows.kept(policy)))
}

/// The head whose send comes first.
fn least(heads: &[Head<'_, '_>]) -> Option<usize> {
    let first = heads.iter().map(Head::when).min()?;
    // Few sends are of one moment, and only those are looked at more closely.
    let alike = heads.iter().enumerate().filter(|(_, head)| head.when() == first);
    let sends = alike.filter_map(|(nth, head)| Some((nth, head.kept.get(head.at)?)));
    sends.min_by(|(_, a), (_, b)| compare(a, b)).map(|(nth, _)| nth)
}
