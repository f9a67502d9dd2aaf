//! What no send shows alone: tags on everything, programs that pose as people, tags that follow a refusal.
//!
//! Every part fills patterns of its own, which are then added up in whatever order. An account spans parts and a
//! conversation does not, so that the users a part counts are counted nowhere else.

mod retries;
mod told;

use std::collections::BTreeMap;
use std::hash::BuildHasher;

use foldhash::{HashMap, HashSet};

use crate::audit::AuditOptions;
use crate::audit::order::Order;
use crate::content::mould;
use crate::event::{Channel, Event, Place, Sender};
use crate::policy::{Permission, Policy, Standing};
use crate::replay::{Replay, ReplayOptions, Touch};
use crate::time::{MINUTE_MS, Time};

pub(super) use told::Habit;

/// How many sends are kept to show a pattern.
const SPOTS_KEPT: usize = 5;
/// An answer this soon after the user's move was written before it, or by a program.
const QUICK_MS: i64 = 1_000;

/// The patterns of some parts of a log, or of all.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    accounts: [HashMap<Box<str>, OfAccount>; Channel::ALL.len()],
    retries: Vec<Retry>,
}

/// The tagged sends of one account.
#[derive(Debug, Default)]
struct OfAccount {
    tags: BTreeMap<Box<str>, u64>,
    /// How many of them came while the window was certainly open.
    in_window: u64,
    first: Few,
    unsigned: Unsigned,
}

/// The sends of an account under the tag that is for people, where the log does not say who wrote them.
#[derive(Debug, Default)]
struct Unsigned {
    sends: u64,
    /// By the mould of the text.
    texts: HashMap<u64, Crowd>,
    /// By the minute of the clock, counted from the epoch.
    minutes: HashMap<i64, Crowd>,
    /// Those that came at once after a move of the user.
    quick: Few,
    quick_sends: u64,
    /// After how many ms the quickest came.
    quickest_ms: Option<i64>,
}

/// Sends that have something in common.
#[derive(Debug, Default)]
struct Crowd {
    sends: u64,
    users: u64,
    first: Few,
}

/// A send under a tag whose text Meta had just refused without one.
#[derive(Debug)]
struct Retry {
    channel: Channel,
    account: Box<str>,
    tag: Box<str>,
    spot: Spot,
    refused_at: Time,
    refused: Place,
    codes: String,
}

/// A send that shows a pattern. They are in order of time, however the log is cut.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Spot {
    at: Time,
    user: Box<str>,
    id: Option<Box<str>>,
    place: Place,
    delivered: Option<bool>,
}

impl Spot {
    fn of(send: &Event<'_>) -> Spot {
        let (user, id) = (send.user.into(), send.id.map(Box::from));
        Spot { at: send.at, user, id, place: send.place, delivered: send.delivered() }
    }
}

/// The first few sends of a pattern.
#[derive(Debug, Default)]
struct Few {
    spots: Vec<Spot>,
}

impl Few {
    fn see(&mut self, send: &Event<'_>) {
        let full = SPOTS_KEPT <= self.spots.len();
        if full && self.spots.last().is_some_and(|last| (last.at, &*last.user) < (send.at, send.user)) {
            return;
        }
        // Most texts are seen once: a vector that grows by itself would keep room for four.
        self.spots.reserve_exact(1);
        self.spots.push(Spot::of(send));
        self.tidy();
    }

    fn add(&mut self, other: Few) {
        self.spots.extend(other.spots);
        self.tidy();
    }

    fn tidy(&mut self) {
        self.spots.sort_unstable();
        self.spots.truncate(SPOTS_KEPT);
    }
}

impl Crowd {
    fn see(&mut self, send: &Event<'_>, is_new_user: bool) {
        self.sends += 1;
        self.users += u64::from(is_new_user);
        self.first.see(send);
    }

    fn add(&mut self, other: Crowd) {
        self.sends += other.sends;
        self.users += other.users;
        self.first.add(other.first);
    }
}

impl Patterns {
    /// Adds what was seen elsewhere, in other conversations.
    pub(super) fn add(&mut self, other: Patterns) {
        for (accounts, others) in self.accounts.iter_mut().zip(other.accounts) {
            for (account, more) in others {
                accounts.entry(account).or_default().add(more);
            }
        }
        self.retries.extend(other.retries);
    }
}

impl OfAccount {
    fn add(&mut self, other: OfAccount) {
        other.tags.into_iter().for_each(|(tag, count)| *self.tags.entry(tag).or_default() += count);
        self.in_window += other.in_window;
        self.first.add(other.first);
        self.unsigned.add(other.unsigned);
    }
}

impl Unsigned {
    fn add(&mut self, other: Unsigned) {
        self.sends += other.sends;
        other.texts.into_iter().for_each(|(mould, crowd)| self.texts.entry(mould).or_default().add(crowd));
        other.minutes.into_iter().for_each(|(minute, crowd)| self.minutes.entry(minute).or_default().add(crowd));
        self.quick.add(other.quick);
        self.quick_sends += other.quick_sends;
        self.quickest_ms = [self.quickest_ms, other.quickest_ms].into_iter().flatten().min();
    }
}

/// Looks at the sends of one part.
pub(super) struct Watch<'p, 'r> {
    policy: &'p Policy,
    options: &'r AuditOptions,
    patterns: Patterns,
    /// Who was counted for which text and minute.
    counted: HashSet<u64>,
    /// By the position of the tagged send. Of several refusals before it the last one counts.
    retries: BTreeMap<usize, Retry>,
}

impl<'p, 'r> Watch<'p, 'r> {
    pub(super) fn new(policy: &'p Policy, options: &'r AuditOptions) -> Watch<'p, 'r> {
        let (patterns, counted, retries) = (Patterns::default(), HashSet::default(), BTreeMap::new());
        Watch { policy, options, patterns, counted, retries }
    }

    /// Looks at a send that is judged, before the replay remembers it.
    pub(super) fn see(&mut self, send: &Event<'_>, replay: &Replay<'_>) {
        let Some(tag) = send.tag else { return };
        let of_channel = &mut self.patterns.accounts[send.channel as usize];
        let account = match of_channel.get_mut(send.account) {
            Some(known) => known,
            None => of_channel.entry(send.account.into()).or_default(),
        };
        match account.tags.get_mut(tag) {
            Some(count) => *count += 1,
            None => {
                account.tags.insert(tag.into(), 1);
            }
        }
        account.in_window += u64::from(replay.in_window(send));
        account.first.see(send);
        // Whom the log says to have written it needs no suspicion: a bot is a violation, and a person is vouched for.
        if send.sender.is_none() && is_for_people(self.policy, &self.options.replay, send) {
            account.unsigned.see(send, &mut self.counted, replay.last_move(send));
        }
    }

    /// Looks at any send of the part, judged or not: one that Meta refused may have been repeated under a tag.
    pub(super) fn see_refusal(&mut self, position: usize, send: &Event<'_>, part: &Order) {
        if !retries::is_refused_as_late(send, self.policy) {
            return;
        }
        for tagged_at in retries::after(position, send, part) {
            let tagged = part.event(tagged_at);
            // A person who answers after a refusal, under the tag that is for people, does what the tag is for.
            let vouched =
                tagged.sender == Some(Sender::Human) && is_for_people(self.policy, &self.options.replay, &tagged);
            if self.options.judges(tagged.at) && !vouched {
                self.retries.insert(tagged_at, Retry::of(&tagged, send));
            }
        }
    }

    /// What the part shows.
    pub(super) fn finish(mut self) -> Patterns {
        self.patterns.retries.extend(self.retries.into_values());
        self.patterns
    }
}

impl Unsigned {
    fn see(&mut self, send: &Event<'_>, counted: &mut HashSet<u64>, moved: Option<Touch>) {
        self.sends += 1;
        // Of exact times only. The same whole second on both does not say which came first.
        let exact = |touch: &Touch| send.blur_ms() == (0, 0) && touch.precision_ms == 0;
        let after_ms = moved.filter(exact).map(|touch| send.at.since(touch.at));
        if let Some(ms) = after_ms.filter(|ms| (1..QUICK_MS).contains(ms)) {
            self.quick.see(send);
            self.quick_sends += 1;
            self.quickest_ms = Some(self.quickest_ms.map_or(ms, |quickest| quickest.min(ms)));
        }
        if send.recipient_hidden {
            return;
        }
        let mut is_new_user = |what: (&str, i64)| counted.insert(number(send, what));
        if let Some(mould) = send.text.and_then(mould) {
            self.texts.entry(mould).or_default().see(send, is_new_user(("text", mould as i64)));
        }
        if i64::from(send.precision_ms) < MINUTE_MS {
            let minute = send.at.ms().div_euclid(MINUTE_MS);
            self.minutes.entry(minute).or_default().see(send, is_new_user(("minute", minute)));
        }
    }
}

/// Whether the tag of the send is one for people, in force on its day.
fn is_for_people(policy: &Policy, replay: &ReplayOptions, send: &Event<'_>) -> bool {
    row_of(policy, replay, send.channel, send.tag, send.at).is_some_and(|row| row.human)
}

/// The row of a tag that is in force on the day by which a send at that moment is judged.
fn row_of<'p>(
    policy: &'p Policy,
    replay: &ReplayOptions,
    channel: Channel,
    tag: Option<&str>,
    at: Time,
) -> Option<&'p Permission> {
    let day = replay.as_of.unwrap_or_else(|| at.day());
    match policy.standing(channel, tag?, day) {
        Standing::InForce(row) => Some(row),
        _ => None,
    }
}

/// A number for a user and something they are counted for.
fn number(send: &Event<'_>, what: (&str, i64)) -> u64 {
    foldhash::fast::FixedState::with_seed(1).hash_one((send.channel, send.account, send.user, what))
}
