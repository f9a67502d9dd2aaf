//! From when on a log shows what happened on an account: known beforehand, a history can be judged one conversation after
//! the other instead of in order of time.

use foldhash::HashMap;

use crate::event::Channel;
use crate::time::Time;

/// The beginnings of all accounts of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beginnings {
    of_account: [HashMap<Box<str>, Beginning>; Channel::ALL.len()],
}

/// When an account's records begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beginning {
    /// Its first record of any kind.
    pub record: Start,
    /// Its first comment.
    pub comment: Option<Start>,
}

/// When the first record of a kind was written. Of several at one moment the least precise counts, which accuses least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// When.
    pub at: Time,
    /// How far the true moment may lie after `at`, in ms.
    pub precision_ms: u32,
}

impl Start {
    /// The earlier of the two.
    pub(super) fn earlier(self, other: Start) -> Start {
        match (self.at.cmp(&other.at), self.precision_ms < other.precision_ms) {
            (std::cmp::Ordering::Greater, _) | (std::cmp::Ordering::Equal, true) => other,
            _ => self,
        }
    }
}

impl Beginning {
    /// What one record shows.
    pub fn of(at: Time, precision_ms: u32, is_comment: bool) -> Beginning {
        let start = Start { at, precision_ms };
        Beginning { record: start, comment: is_comment.then_some(start) }
    }

    /// What the two show together.
    pub fn and(self, other: Beginning) -> Beginning {
        let comment = match (self.comment, other.comment) {
            (Some(one), Some(other)) => Some(one.earlier(other)),
            (one, other) => one.or(other),
        };
        Beginning { record: self.record.earlier(other.record), comment }
    }
}

impl Beginnings {
    /// Takes note of what records of an account show.
    pub fn add(&mut self, channel: Channel, account: &str, beginning: Beginning) {
        let of_channel = &mut self.of_account[channel as usize];
        match of_channel.get_mut(account) {
            Some(known) => *known = known.and(beginning),
            None => {
                of_channel.insert(account.into(), beginning);
            }
        }
    }

    /// Takes note of what other records show, of all accounts.
    pub fn merge(&mut self, other: Beginnings) {
        for (channel, accounts) in Channel::ALL.iter().zip(other.of_account) {
            for (account, beginning) in accounts {
                self.add(*channel, &account, beginning);
            }
        }
    }

    /// When the records of the account begin.
    pub fn of(&self, channel: Channel, account: &str) -> Option<Beginning> {
        self.of_account[channel as usize].get(account).copied()
    }
}
