//! Patterns in words: what only the log as a whole shows, and how sure it is.

use std::cmp::Reverse;

use crate::audit::patterns::{Crowd, Few, OfAccount, Patterns, Retry, Spot, Unsigned, row_of};
use crate::content::Confidence;
use crate::event::{Channel, Event, Place};
use crate::finding::Summary;
use crate::policy::{Permission, Policy};
use crate::replay::ReplayOptions;
use crate::rule::{Rule, Severity};
use crate::time::{Brief, Elapsed, MINUTE_MS, Time};

/// Fewer sends than these show no habit.
const SENDS_OF_A_HABIT: u64 = 20;
/// The share of an account's sends under a tag, in percent, from which on it tags everything.
const EVERYTHING_PERCENT: u64 = 95;
/// The same text to so many users is no answer to a question. To so many more it is a campaign.
const USERS_OF_A_TEXT: u64 = 5;
const USERS_OF_A_CAMPAIGN: u64 = 20;
/// Users to whom something went within one minute: a large team may do that, hardly this, and not that.
const USERS_OF_A_BURST: [u64; 3] = [20, 60, 200];
/// How many quick answers are no coincidence, and how many are a habit.
const QUICK_ANSWERS: [u64; 2] = [5, 20];

/// Something that only the log as a whole shows, told of the send that shows it first.
#[derive(Debug)]
pub(in crate::audit) struct Habit<'p> {
    pub(in crate::audit) rule: Rule,
    pub(in crate::audit) severity: Severity,
    pub(in crate::audit) confidence: Option<Confidence>,
    pub(in crate::audit) permission: Option<&'p Permission>,
    pub(in crate::audit) message: String,
    pub(in crate::audit) remedy: &'static str,
    /// The records that show it, that of the send among them.
    pub(in crate::audit) evidence: Vec<Place>,
    /// By what the same habit is known in another log of the account: nothing where it is that of one send.
    pub(in crate::audit) known_by: Option<&'static str>,
    channel: Channel,
    account: Box<str>,
    spot: Spot,
}

impl Habit<'_> {
    /// The send, as far as a report shows it.
    pub(in crate::audit) fn send(&self) -> Event<'_> {
        let Spot { at, user, id, place, .. } = &self.spot;
        let (channel, account, id) = (self.channel, &*self.account, id.as_deref());
        Event { channel, account, user, id, at: *at, place: *place, ..Event::default() }
    }

    /// Whether Meta took the send.
    pub(in crate::audit) fn delivered(&self) -> Option<bool> {
        self.spot.delivered
    }
}

/// What is the same for all habits of an account.
#[derive(Clone, Copy)]
struct Teller<'p, 'r> {
    policy: &'p Policy,
    replay: &'r ReplayOptions,
    channel: Channel,
}

impl Patterns {
    /// All that is worth telling, in order of time. The summary knows how many sends there were in all.
    pub(in crate::audit) fn habits<'p>(
        self,
        policy: &'p Policy,
        replay: &ReplayOptions,
        summary: &Summary,
    ) -> Vec<Habit<'p>> {
        let mut habits = Vec::new();
        for (channel, accounts) in Channel::ALL.iter().zip(self.accounts) {
            let teller = Teller { policy, replay, channel: *channel };
            for (account, seen) in accounts {
                let sends = summary.accounts.get(&(*channel, account.to_string())).map_or(0, |tally| tally.sends());
                let of_all = teller.of_everything(&account, &seen, sends);
                habits.extend(of_all.into_iter().chain(teller.of_unsigned(&account, seen.unsigned)));
            }
        }
        for retry in self.retries {
            habits.push(Teller { policy, replay, channel: retry.channel }.of_retry(retry));
        }
        let whose = |habit: &Habit<'p>| (habit.spot.at, habit.channel, habit.rule, habit.known_by);
        habits.sort_by(|a, b| (whose(a), &a.account, &a.spot).cmp(&(whose(b), &b.account, &b.spot)));
        habits
    }
}

impl<'p> Teller<'p, '_> {
    fn row(&self, tag: &str, at: Time) -> Option<&'p Permission> {
        row_of(self.policy, self.replay, self.channel, Some(tag), at)
    }

    /// A tag on every send, the more so where the window was open and none was needed.
    fn of_everything(&self, account: &str, seen: &OfAccount, sends: u64) -> Option<Habit<'p>> {
        let tagged: u64 = seen.tags.values().sum();
        let is_habit = SENDS_OF_A_HABIT <= tagged && EVERYTHING_PERCENT * sends <= 100 * tagged;
        // Whoever sends nothing but what a tag is for, mostly outside the window, does nothing odd.
        if !is_habit || 2 * seen.in_window < tagged {
            return None;
        }
        let spot = seen.first.spots.first()?.clone();
        let mut tags: Vec<(&str, u64)> = seen.tags.iter().map(|(tag, count)| (&**tag, *count)).collect();
        tags.sort_by_key(|(_, count)| Reverse(*count));
        let most = tags.first().map_or("", |(tag, _)| tag);
        let named: Vec<String> = tags.iter().take(3).map(|(tag, count)| format!("{count} {tag}")).collect();
        let more = tags.len().saturating_sub(named.len());
        let more = if more == 0 { String::new() } else { format!(", {more} more") };
        let message = format!(
            "{tagged} of the account's {sends} sends ({}) carry a tag ({}{more}), {} of them while the window was open and no tag was needed",
            percent(tagged, sends),
            named.join(", "),
            seen.in_window,
        );
        let remedy = "lawful: untagged within the window; a tag only after it, on what the tag is for";
        let permission = self.row(most, spot.at);
        let evidence = places(&seen.first);
        Some(Habit {
            rule: Rule::TagOnEverything,
            severity: Rule::TagOnEverything.severity(),
            confidence: None,
            permission,
            message,
            remedy,
            evidence,
            known_by: Some("everything"),
            channel: self.channel,
            account: account.into(),
            spot,
        })
    }

    /// What makes sends under the tag for people look like those of a program.
    fn of_unsigned(&self, account: &str, seen: Unsigned) -> impl Iterator<Item = Habit<'p>> {
        let all = [
            same_texts(&seen).map(|told| (told, "texts")),
            bursts(&seen).map(|told| (told, "burst")),
            quick_answers(&seen).map(|told| (told, "quick")),
        ];
        let habit = |((confidence, few, said), known_by): ((Confidence, &Few, String), &'static str)| {
            let spot = few.spots.first()?.clone();
            Some(Habit {
                rule: Rule::HumanAgentAutomated,
                // Suspicion is no proof, and fails no run that asks for proof.
                severity: if confidence == Confidence::Low { Severity::Note } else { Severity::Warning },
                confidence: Some(confidence),
                permission: self.policy.in_force(self.channel, self.day(spot.at)).find(|row| row.human),
                message: format!("{said}; the log does not say who wrote them ({confidence} confidence)"),
                remedy: "lawful: under HUMAN_AGENT only what a person writes; if people did, the log's field `sender` can say so",
                evidence: places(few),
                known_by: Some(known_by),
                channel: self.channel,
                account: account.into(),
                spot,
            })
        };
        all.into_iter().flatten().filter_map(habit).collect::<Vec<_>>().into_iter()
    }

    fn of_retry(&self, retry: Retry) -> Habit<'p> {
        let Retry { channel, account, tag, spot, refused_at, refused, codes } = retry;
        let later = match spot.at.since(refused_at) {
            ..=0 => "at once".to_owned(),
            ms => format!("{} later", Elapsed(ms)),
        };
        Habit {
            rule: Rule::TagAfterRefusal,
            severity: Rule::TagAfterRefusal.severity(),
            confidence: None,
            permission: self.row(&tag, spot.at),
            message: format!(
                "Meta refused the same text without a tag {} as outside-window ({codes}), and {later} it went out under {tag}",
                Brief(refused_at)
            ),
            remedy: "lawful: a tag only on what the tag is for, whatever Meta refused before; else after the user's next message",
            evidence: vec![refused, spot.place],
            known_by: None,
            channel,
            account,
            spot,
        }
    }

    fn day(&self, at: Time) -> chrono::NaiveDate {
        self.replay.as_of.unwrap_or_else(|| at.day())
    }
}

/// The same text to many users.
fn same_texts(seen: &Unsigned) -> Option<(Confidence, &Few, String)> {
    let many: Vec<&Crowd> = seen.texts.values().filter(|crowd| USERS_OF_A_TEXT <= crowd.users).collect();
    let sends: u64 = many.iter().map(|crowd| crowd.sends).sum();
    let most = largest(many.iter().copied())?;
    // People send prepared answers too: it is the share that tells a desk from a program.
    let confidence = match (2 * sends >= seen.sends, USERS_OF_A_CAMPAIGN <= most.users) {
        (false, _) => Confidence::Low,
        (true, false) => Confidence::Medium,
        (true, true) => Confidence::High,
    };
    let texts = if many.len() == 1 { "one text".to_owned() } else { format!("one of {} texts", many.len()) };
    let said = format!(
        "{sends} of {} sends under HUMAN_AGENT say {texts}, the same but for names and numbers, to as many as {} users",
        seen.sends, most.users
    );
    Some((confidence, &most.first, said))
}

/// Many users within one minute.
fn bursts(seen: &Unsigned) -> Option<(Confidence, &Few, String)> {
    let [few, many, very_many] = USERS_OF_A_BURST;
    let busy: Vec<&Crowd> = seen.minutes.values().filter(|crowd| few <= crowd.users).collect();
    let most = largest(busy.iter().copied())?;
    let confidence = match most.users {
        users if very_many <= users => Confidence::High,
        users if many <= users => Confidence::Medium,
        _ => Confidence::Low,
    };
    let minute = most.first.spots.first().map_or(0, |spot| spot.at.ms().div_euclid(MINUTE_MS));
    let others = match busy.len() {
        1 => String::new(),
        minutes => format!(", as in {} more such minutes", minutes - 1),
    };
    let said = format!(
        "{} sends under HUMAN_AGENT went to {} users within the minute of {}{others}",
        most.sends,
        most.users,
        Brief(Time::from_ms(minute * MINUTE_MS))
    );
    Some((confidence, &most.first, said))
}

/// Answers that nobody types so fast.
fn quick_answers(seen: &Unsigned) -> Option<(Confidence, &Few, String)> {
    let quickest_ms = seen.quickest_ms?;
    let [some, many] = QUICK_ANSWERS;
    // Whoever writes while the user does is quick by chance now and then, and the more often the more they write.
    let confidence = match seen.quick_sends {
        quick if many <= quick && seen.sends <= 2 * quick => Confidence::High,
        quick if some <= quick && seen.sends <= 5 * quick => Confidence::Medium,
        _ => Confidence::Low,
    };
    let said = format!(
        "{} of {} sends under HUMAN_AGENT came within a second of the user's move, the quickest after {}",
        seen.quick_sends,
        seen.sends,
        Elapsed(quickest_ms)
    );
    Some((confidence, &seen.quick, said))
}

/// The one with the most users; of several, the first in time.
fn largest<'c>(crowds: impl Iterator<Item = &'c Crowd>) -> Option<&'c Crowd> {
    crowds.min_by(|a, b| (Reverse(a.users), &a.first.spots).cmp(&(Reverse(b.users), &b.first.spots)))
}

fn places(few: &Few) -> Vec<Place> {
    few.spots.iter().map(|spot| spot.place).collect()
}

/// `98 %`, rounded down: all is only what is all.
fn percent(part: u64, whole: u64) -> String {
    format!("{} %", (100 * part).checked_div(whole).unwrap_or(0))
}
