//! One person from their names: every user gets the last name in the chain of their aliases.

use std::collections::{BTreeSet, HashMap};

use crate::batch::Batch;
use crate::event::Channel;
use crate::source::loose::Alias;

/// Gives every user the last name in the chain of their aliases, everywhere.
pub(super) fn rename(batches: &mut [Batch], aliases: Vec<Alias>) {
    if aliases.is_empty() {
        return;
    }
    let names = Names::of(&aliases);
    for batch in batches {
        for index in 0..batch.len() {
            let event = batch.event(index);
            if let Some(name) = names.last(event.channel, event.account, event.user) {
                batch.rename(index, name);
            }
        }
    }
}

/// The next name of each name, by channel and account; an empty account is any. A name of two people is nobody's.
pub(super) struct Names<'n> {
    next: HashMap<(Channel, &'n str, &'n str), Option<&'n str>>,
}

impl<'n> Names<'n> {
    pub(super) fn of(aliases: &'n [Alias]) -> Names<'n> {
        let aliases: BTreeSet<&Alias> = aliases.iter().collect();
        let mut next: HashMap<(Channel, &str, &str), Option<&str>> = HashMap::new();
        for alias in aliases.into_iter().filter(|alias| alias.from != alias.to) {
            let key = (alias.channel, alias.account.as_str(), alias.from.as_str());
            next.entry(key).and_modify(|to| *to = None).or_insert(Some(&alias.to));
        }
        Names { next }
    }

    /// The name at the end of the chain that begins with this one; `None` if it is that itself.
    pub(super) fn last(&self, channel: Channel, account: &str, user: &str) -> Option<&'n str> {
        let next = |name: &str| {
            let of_account = self.next.get(&(channel, account, name)).copied().flatten();
            of_account.or_else(|| self.next.get(&(channel, "", name)).copied().flatten())
        };
        let mut chain: Vec<&'n str> = Vec::new();
        let mut current = next(user)?;
        while chain.len() < MOST_NAMES {
            if current == user || chain.contains(&current) {
                // Names that change hands in a circle are one name, whichever comes first.
                let circle = chain.iter().copied().skip_while(|name| current != user && *name != current);
                let first = circle.chain([current]).min().filter(|first| *first != user);
                return first;
            }
            chain.push(current);
            match next(current) {
                Some(name) => current = name,
                None => break,
            }
        }
        chain.last().copied()
    }
}

/// How many names one person may have had.
pub(super) const MOST_NAMES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Kind};

    #[test]
    fn chains_of_names_end() {
        let alias = |from: &str, to: &str| Alias {
            channel: Channel::Whatsapp,
            account: "1".to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
        };
        let aliases = [("a", "b"), ("b", "c"), ("x", "y"), ("y", "x"), ("p", "q"), ("p", "r"), ("s", "x"), ("z", "z")];
        let mut batch = Batch::default();
        for user in ["a", "b", "c", "x", "y", "p", "s", "z"] {
            batch.push(&Event {
                channel: Channel::Whatsapp,
                account: "1",
                user,
                kind: Kind::Message,
                ..Event::default()
            });
        }
        let mut batches = vec![batch];
        rename(&mut batches, aliases.map(|(from, to)| alias(from, to)).to_vec());
        let users: Vec<&str> = (0..8).map(|at| batches[0].event(at).user).collect();
        assert_eq!(users, ["c", "c", "c", "x", "x", "p", "x", "z"]);
    }
}
