//! What the events show of what the calls name: messages, tokens, comments, users, accounts.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::batch::Batch;
use crate::event::{Channel, Event, Kind};
use crate::source::loose::{Call, Recipient};
use crate::time::{Stamp, Time};

use super::halves::Halves;

/// What the log shows elsewhere of a message or token, by its id.
#[derive(Clone)]
pub(super) struct Seen {
    pub(super) channel: Channel,
    pub(super) account: String,
    pub(super) user: String,
    /// When it was sent or granted. A delivery tells only that it was sent before.
    pub(super) sent: Option<Stamp>,
}

/// What the events show of what the calls name.
#[derive(Default)]
pub(super) struct Elsewhere {
    pub(super) seen: HashMap<String, Seen>,
    /// Comments by their ids: on whose channel and account they are. Their writers are known by other ids there.
    pub(super) comments: HashMap<String, Seen>,
    /// The channel and account under which a user appears, where it is only one.
    pub(super) homes: HashMap<String, Option<(Channel, String)>>,
    /// The accounts of each channel.
    pub(super) accounts: HashMap<Channel, BTreeSet<String>>,
}

impl Elsewhere {
    pub(super) fn of(batches: &[Batch], halves: &Halves) -> Elsewhere {
        let mut elsewhere = Elsewhere { accounts: accounts(batches), ..Elsewhere::default() };
        let mut wanted: HashSet<&str> = HashSet::new();
        let mut users: HashSet<&str> = HashSet::new();
        let told = halves.told.iter().flat_map(|told| &told.answers);
        for answer in halves.asked.iter().flat_map(|asked| &asked.answers).chain(told) {
            wanted.extend(answer.id());
            users.extend(answer.recipient());
        }
        for call in halves.asked.iter().flat_map(|asked| &asked.calls) {
            if let Call::Send(_, request) = call {
                wanted.extend(request.token.as_deref());
                wanted.extend(request.comment.as_deref());
                users.extend(match &request.to {
                    Recipient::User(user) => Some(user.as_str()),
                    _ => None,
                });
            }
        }
        if wanted.is_empty() && users.is_empty() {
            return elsewhere;
        }
        for batch in batches {
            for event in (0..batch.len()).map(|index| batch.event(index)) {
                elsewhere.look(&event, &wanted, &users);
            }
        }
        elsewhere
    }

    fn look(&mut self, event: &Event<'_>, wanted: &HashSet<&str>, users: &HashSet<&str>) {
        if users.contains(event.user) && !event.account.is_empty() {
            match self.homes.get_mut(event.user) {
                None => {
                    let home = Some((event.channel, event.account.to_owned()));
                    self.homes.insert(event.user.to_owned(), home);
                }
                Some(home) => {
                    let is_same =
                        |known: &(Channel, String)| known.0 == event.channel && known.1.as_str() == event.account;
                    if home.as_ref().is_some_and(|known| !is_same(known)) {
                        *home = None;
                    }
                }
            }
        }
        let (key, tells_time) = match event.kind {
            // The status of a delivery does not tell when the message was sent.
            Kind::Send => (event.id, !event.logged_at),
            Kind::Delivery | Kind::Read => (event.id, false),
            Kind::OtnOptin | Kind::RecurringOptin => (event.token, true),
            Kind::Comment => (event.comment.or(event.id), false),
            _ => (None, false),
        };
        let Some(key) = key.filter(|key| wanted.contains(key)) else { return };
        let here = Seen {
            channel: event.channel,
            account: event.account.to_owned(),
            user: event.user.to_owned(),
            sent: tells_time.then_some(Stamp { at: event.at, precision_ms: event.precision_ms }),
        };
        if event.kind == Kind::Comment {
            self.comments.entry(key.to_owned()).or_insert(here);
            return;
        }
        let rank = |seen: &Seen| (seen.sent.map_or(Time::from_ms(i64::MAX), |sent| sent.at), seen.sent.is_none());
        match self.seen.get_mut(key) {
            Some(known) if rank(&here) < rank(known) => *known = here,
            Some(_) => {}
            None => {
                self.seen.insert(key.to_owned(), here);
            }
        }
    }
}

/// The accounts that the events name.
pub(super) fn accounts(batches: &[Batch]) -> HashMap<Channel, BTreeSet<String>> {
    let mut accounts: HashMap<Channel, BTreeSet<String>> = HashMap::new();
    for batch in batches {
        for (channel, account) in batch.accounts() {
            let known = accounts.entry(channel).or_default();
            if !known.contains(account) {
                known.insert(account.to_owned());
            }
        }
    }
    accounts
}
