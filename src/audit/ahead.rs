//! The moves just ahead of the send being judged: those that may have come before it, if clocks or the precision of times
//! allow for it.
//!
//! One cursor runs ahead of the replay, and every move is looked at once, however many sends there are.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hash};

use foldhash::HashMap;

use crate::audit::order::Order;
use crate::event::{Event, Kind};

/// More moves than this within a few seconds say no more than these.
const MOST_MOVES: usize = 32;

/// Moves by whose they are, in order of time.
#[derive(Debug)]
pub(super) struct Ahead {
    skew_ms: i64,
    /// How far to look at most, in ms.
    reach_ms: i64,
    /// The first event that has not been looked at.
    next: usize,
    /// Positions of moves by conversation, and of comments by comment.
    moves: HashMap<u64, VecDeque<usize>>,
}

impl Ahead {
    /// Looks as far ahead as `skew_ms` or the coarsest time of the log wants.
    pub(super) fn new(skew_ms: i64, coarsest_ms: u32) -> Ahead {
        Ahead { skew_ms, reach_ms: skew_ms.max(i64::from(coarsest_ms)), next: 0, moves: HashMap::default() }
    }

    /// Whether there is anything to look for.
    pub(super) fn looks(&self) -> bool {
        0 < self.reach_ms
    }

    /// Forgets what it has seen, before the group that begins at `position`.
    pub(super) fn forget(&mut self, position: usize) {
        self.next = position;
        if !self.moves.is_empty() {
            self.moves = HashMap::default();
        }
    }

    /// The moves behind `position` that may have come before the send that stands there.
    pub(super) fn after<'h>(&mut self, position: usize, send: &Event<'_>, part: &'h Order) -> Vec<Event<'h>> {
        let late_ms = send.blur_ms().1;
        if self.skew_ms.max(late_ms) <= 0 {
            return Vec::new();
        }
        self.next = self.next.max(position + 1);
        let group = part.group(position);
        while part.group(self.next) == group && part.at(self.next).since(send.at) <= self.reach_ms {
            let event = part.event(self.next);
            // A stop dated after the send is no evidence that it came before.
            if event.kind.is_users() && event.kind != Kind::RecurringStop {
                self.add(of_user(&event), position);
                if event.kind == Kind::Comment {
                    self.add(of_comment(&event), position);
                }
            }
            self.next += 1;
        }
        let mut found: Vec<Event<'h>> = Vec::new();
        for key in [Some(of_user(send)), send.comment.map(|_| of_comment(send))].into_iter().flatten() {
            let waiting = self.moves.get_mut(&key);
            let Some(waiting) = waiting else { continue };
            forget(waiting, position);
            let events = waiting.iter().map(|position| part.event(*position));
            // Within its precision the send may have come up to the last moment before the next unit begins.
            let within = |event: &Event<'_>| {
                let after_ms = event.at.since(send.at);
                after_ms <= self.skew_ms || after_ms < late_ms
            };
            found.extend(events.take_while(within).take(MOST_MOVES));
        }
        found.sort_by_key(|event| event.at);
        found
    }

    fn add(&mut self, key: u64, position: usize) {
        let waiting = self.moves.entry(key).or_default();
        forget(waiting, position);
        waiting.push_back(self.next);
    }
}

/// Forgets the moves that no longer lie ahead.
fn forget(waiting: &mut VecDeque<usize>, position: usize) {
    while waiting.front().is_some_and(|first| *first <= position) {
        waiting.pop_front();
    }
}

/// A number for the conversation of an event. Others may share it by chance; the judge looks at whose a move is.
fn of_user(event: &Event<'_>) -> u64 {
    number(&(event.channel, event.account, event.user))
}

fn of_comment(event: &Event<'_>) -> u64 {
    let id = if event.kind == Kind::Comment { event.comment.or(event.id) } else { event.comment };
    number(&(event.channel, event.account, "comment", id))
}

fn number(of: &impl Hash) -> u64 {
    foldhash::fast::FixedState::with_seed(1).hash_one(of)
}
