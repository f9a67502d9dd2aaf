//! Which conversations have to be judged together: a token may be spent by somebody it was not granted to, and a comment
//! be answered under another id of its author. All others have nothing to do with each other.

use foldhash::{HashMap, HashMapExt};

use crate::event::{Event, Kind};
use crate::secret::token_key;

/// Conversations, by their numbers, and what they share with others.
#[derive(Debug, Default)]
pub struct Links {
    /// The number of a token or comment, and that of a conversation that names it.
    named: Vec<(u64, u64)>,
}

/// Conversations that are not judged alone, and the group in which each is judged. Groups are numbered like conversations.
pub type Groups = HashMap<u64, u64>;

impl Links {
    /// Takes note of what an event of `conversation` names.
    pub fn see(&mut self, conversation: u64, event: &Event<'_>) {
        if let Some(token) = event.token {
            let [a, b, c, d, e, f, g, h, ..] = token_key(token);
            self.named.push((u64::from_le_bytes([a, b, c, d, e, f, g, h]), conversation));
        }
        let comment = event.comment.or(event.id.filter(|_| event.kind == Kind::Comment));
        if let Some(comment) = comment {
            self.named.push((number(event, comment), conversation));
        }
    }

    /// Adds what others saw.
    pub fn add(&mut self, mut other: Links) {
        other.tidy();
        self.named.append(&mut other.named);
    }

    fn tidy(&mut self) {
        self.named.sort_unstable();
        self.named.dedup();
    }

    /// The conversations that share something, each with the least of those it is linked to, over however many others.
    pub fn groups(mut self) -> Groups {
        self.tidy();
        let mut parent: Groups = HashMap::new();
        for shared in self.named.chunk_by(|a, b| a.0 == b.0) {
            for pair in shared.windows(2) {
                let (one, other) = (root(&mut parent, pair[0].1), root(&mut parent, pair[1].1));
                parent.insert(one.max(other), one.min(other));
                parent.insert(one.min(other), one.min(other));
            }
        }
        let members: Vec<u64> = parent.keys().copied().collect();
        for member in members {
            root(&mut parent, member);
        }
        parent
    }
}

/// The least member of the group, which everybody on the way to it is told.
fn root(parent: &mut Groups, of: u64) -> u64 {
    let mut root = of;
    while let Some(next) = parent.get(&root).filter(|next| **next != root) {
        root = *next;
    }
    let mut at = of;
    while at != root {
        match parent.insert(at, root) {
            Some(next) => at = next,
            None => break,
        }
    }
    root
}

fn number(event: &Event<'_>, comment: &str) -> u64 {
    use std::hash::BuildHasher;
    foldhash::fast::FixedState::with_seed(1).hash_one((event.channel, event.account, comment))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;

    #[test]
    fn who_shares_with_whom_over_others_is_one_group() {
        let spend = |token| Event { kind: Kind::Send, token: Some(token), ..Event::default() };
        let mut links = Links::default();
        for (conversation, token) in [(9, "a"), (5, "a"), (5, "b"), (2, "b"), (7, "c"), (7, "c"), (3, "d"), (8, "d")] {
            links.see(conversation, &spend(token));
        }
        let mut groups: Vec<_> = links.groups().into_iter().collect();
        groups.sort_unstable();
        assert_eq!(groups, [(2, 2), (3, 3), (5, 2), (8, 3), (9, 2)], "7 shares with nobody");
    }

    #[test]
    fn a_comment_is_known_by_its_id_and_to_its_account() {
        let comment = Event { kind: Kind::Comment, id: Some("c"), account: "1", ..Event::default() };
        let reply = Event { kind: Kind::Send, comment: Some("c"), account: "1", ..Event::default() };
        let mut links = Links::default();
        links.see(1, &comment);
        links.see(2, &reply);
        links.see(3, &Event { account: "2", ..reply });
        assert_eq!(links.groups().len(), 2);
    }
}
