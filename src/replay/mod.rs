//! The replay: events go in, in order of time, and every send comes out judged under the policy of its day.
//!
//! No file, no clock, no global: the same events give the same verdicts, always. A sender can ask the same core before it
//! sends, which is what [`Replay::can_send`] is for:
//!
//! ```
//! use fbwin::{Event, Kind, Policy, Replay, ReplayOptions, Time, Verdict};
//!
//! let policy = Policy::built_in();
//! let mut replay = Replay::new(&policy, ReplayOptions { complete: true, ..ReplayOptions::default() });
//! let noon = Time::from_ms(1_780_000_000_000);
//! replay.step(&Event { at: noon, account: "111", user: "42", kind: Kind::Message, ..Event::default() });
//!
//! // May I answer 23 hours later? And a day after that?
//! let answer = Event { at: noon.plus_ms(23 * 3_600_000), account: "111", user: "42", kind: Kind::Send, ..Event::default() };
//! assert!(matches!(replay.can_send(&answer), Verdict::Allowed(_)));
//! let late = Event { at: noon.plus_ms(47 * 3_600_000), ..answer };
//! assert!(matches!(replay.can_send(&late), Verdict::Violation(_)));
//! // Not as a plain message; but a person may, under the tag that is theirs.
//! let by_hand = Event { tag: Some("HUMAN_AGENT"), ..late };
//! assert!(matches!(replay.can_send(&by_hand), Verdict::Allowed(_)));
//! ```

mod facts;
mod judge;
mod lawful;
mod verdict;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::NaiveDate;
use foldhash::HashMap as FastMap;

use crate::event::{Channel, Event, Kind, TokenType};
use crate::policy::{Claim, Opener, Permission, Policy};
use crate::survey::{Beginning, Beginnings};
use crate::time::Time;

use facts::{Account, Conversation, Grant, Tokens};
use judge::Case;

pub use facts::{Mark, Touch};
pub use lawful::Lawful;
pub use verdict::{Breach, Cause, Doubt, Idle, Opening, Permit, Reason, Verdict};

/// What is known besides the log. The default knows nothing, and so accuses least.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplayOptions {
    /// The log has everything that ever happened: what it does not show did not happen.
    pub complete: bool,
    /// The log has everything from here on, whatever its first record.
    pub log_begins: Option<Time>,
    /// The business sends nothing tagged: a send whose claim is hidden is a plain one.
    pub untagged: bool,
    /// Judge every send by the policy of this day.
    pub as_of: Option<NaiveDate>,
    /// A template needs an opt-in that the log shows.
    pub require_optin: bool,
    /// Which accounts have which approval; an approval that is not named is not known.
    pub approvals: HashMap<String, Vec<String>>,
}

impl ReplayOptions {
    /// Whether it is not known what the send relied on.
    fn hides_claim(&self, send: &Event<'_>) -> bool {
        send.claim_hidden && (send.unpaired || !self.untagged)
    }
}

/// The row of the policy that covers what a send claims, whether or not its terms are met; `None` for a plain send, and
/// where the policy has no such claim. What the row forbids, it forbids in an open window too.
pub fn claimed_row<'p>(policy: &'p Policy, options: &ReplayOptions, send: &Event<'_>) -> Option<&'p Permission> {
    let (tokens, beginnings, day) =
        (Tokens::default(), Beginnings::default(), options.as_of.unwrap_or_else(|| send.at.day()));
    let case = Case {
        policy,
        options,
        tokens: &tokens,
        beginnings: &beginnings,
        account: None,
        index: None,
        conversation: None,
        send,
        token: None,
        late: &[],
        day,
    };
    case.claimed_row()
}

/// The replay of one log.
#[derive(Debug)]
pub struct Replay<'p> {
    policy: &'p Policy,
    options: ReplayOptions,
    /// Per channel, the index of each account.
    account_index: [FastMap<Box<str>, usize>; 3],
    accounts: Vec<Account>,
    conversations: Vec<Conversation>,
    tokens: Tokens,
    /// What is known of accounts before their first event.
    beginnings: Arc<Beginnings>,
    /// The accounts, by index, that have conversations.
    met: Vec<usize>,
}

impl<'p> Replay<'p> {
    /// A replay that has seen nothing yet.
    pub fn new(policy: &'p Policy, options: ReplayOptions) -> Replay<'p> {
        Replay::knowing(policy, options, Arc::default())
    }

    /// A replay that knows when each account's records begin. Its events need not come in order of time over all
    /// conversations, only within each, and within those that share a token or a comment; see [`Replay::forget`].
    pub fn knowing(policy: &'p Policy, options: ReplayOptions, beginnings: Arc<Beginnings>) -> Replay<'p> {
        Replay {
            policy,
            options,
            account_index: Default::default(),
            accounts: Vec::new(),
            conversations: Vec::new(),
            tokens: Tokens::default(),
            beginnings,
            met: Vec::new(),
        }
    }

    /// Forgets every conversation, token and comment, before events that have nothing to do with any of them. What it
    /// knows of the beginnings of accounts stays.
    pub fn forget(&mut self) {
        for index in self.met.drain(..) {
            if let Some(account) = self.accounts.get_mut(index) {
                account.conversations.clear();
                account.comments.clear();
            }
        }
        self.conversations.clear();
        self.tokens.forget();
    }

    /// Takes the next event, in order of time (at equal times the user's moves first). A send is judged, then remembered.
    pub fn step(&mut self, event: &Event<'_>) -> Option<Verdict<'p>> {
        let verdict = (event.kind == Kind::Send).then(|| self.can_send(event));
        self.record(event);
        verdict
    }

    /// The verdict this send would get now. Nothing is remembered, so asking changes nothing.
    pub fn can_send(&self, send: &Event<'_>) -> Verdict<'p> {
        self.case(send).verdict()
    }

    /// The same, had the moves `late`, which are dated after the send, come just before it. Clocks differ, and so does the
    /// precision of times.
    pub fn can_send_after<'e>(&self, send: &'e Event<'e>, late: &'e [Event<'e>]) -> Verdict<'p> {
        let case = self.case(send);
        let mut conversation = case.conversation.cloned().unwrap_or_default();
        for event in late.iter().filter(|event| case.is_of_user(event)) {
            conversation.moved(&Event { at: send.at, ..*event });
            match event.kind {
                Kind::RecurringResume | Kind::RecurringOptin => conversation.resumed(),
                Kind::Optin if event.channel == Channel::Whatsapp => conversation.stopped = None,
                _ => {}
            }
        }
        Case { conversation: Some(&conversation), late, ..case }.verdict()
    }

    /// What would have been lawful instead, at the moment of `send`: the permissions that covered another claim.
    pub fn lawful(&self, send: &Event<'_>) -> Vec<Lawful<'p>> {
        self.case(send).lawful()
    }

    /// Whether the standard window is certainly open at the moment of `send`, whatever the send carries.
    pub fn in_window(&self, send: &Event<'_>) -> bool {
        self.case(send).open_window().is_some()
    }

    /// The last move of the user before `send` that may open anything.
    pub fn last_move(&self, send: &Event<'_>) -> Option<Touch> {
        self.case(send).conversation?.last_move(send.at)
    }

    fn case<'r>(&'r self, send: &'r Event<'r>) -> Case<'r, 'p> {
        let account = self.account_index[send.channel as usize].get(send.account);
        self.case_in(send, account.and_then(|index| self.accounts.get(*index)))
    }

    fn case_in<'r>(&'r self, send: &'r Event<'r>, account: Option<&'r Account>) -> Case<'r, 'p> {
        let index = account.and_then(|account| account.conversations.get(send.user)).copied();
        Case {
            policy: self.policy,
            options: &self.options,
            tokens: &self.tokens,
            beginnings: &self.beginnings,
            account,
            index,
            conversation: index.and_then(|index| self.conversations.get(index)),
            send,
            token: send.token.and_then(|token| self.tokens.index(token)),
            late: &[],
            day: self.options.as_of.unwrap_or_else(|| send.at.day()),
        }
    }

    /// Remembers the facts of an event without judging it.
    pub fn record(&mut self, event: &Event<'_>) {
        // What a send uses up does not depend on whose conversation it is in.
        let spends = (event.kind == Kind::Send && !event.is_rejected()).then(|| self.case_in(event, None).spends());
        let index = self.conversation(event);
        let mark = Mark { at: event.at, precision_ms: event.precision_ms, place: event.place };
        let Some(conversation) = self.conversations.get_mut(index) else { return };
        if let Some(region) = event.region {
            conversation.region = Some(region.into());
        }
        match event.kind {
            Kind::Send => {
                if let Some(claim) = spends {
                    self.spend(event, claim, index, mark);
                }
            }
            Kind::OtnOptin | Kind::RecurringOptin => {
                conversation.moved(event);
                self.grant(event, index);
            }
            Kind::RecurringStop => match event.token {
                Some(token) => {
                    let token = self.tokens.entry(token);
                    self.tokens.is(token, TokenType::Recurring);
                    self.tokens.stop(token, index, mark, conversation.resumptions);
                }
                None => {
                    conversation.stopped.get_or_insert(mark);
                }
            },
            Kind::RecurringResume => self.resume(index, event.token),
            Kind::Optin => {
                // On WhatsApp it is an opt-in to templates; elsewhere a plugin, which says nothing about marketing.
                if event.channel == Channel::Whatsapp {
                    conversation.stopped = None;
                }
                conversation.moved(event);
            }
            Kind::Comment => {
                conversation.moved(event);
                let written = Touch::of(Opener::Comment, event);
                if let Some(comment) = event.comment.or(event.id) {
                    let (_, account) = self.account(event.channel, event.account);
                    account.comments.entry(comment.into()).or_default().written.get_or_insert(written);
                }
            }
            _ => conversation.moved(event),
        }
    }

    fn account(&mut self, channel: Channel, account: &str) -> (usize, &mut Account) {
        let known = &mut self.account_index[channel as usize];
        let index = match known.get(account) {
            Some(index) => *index,
            None => {
                known.insert(account.into(), self.accounts.len());
                let begins = self.beginnings.of(channel, account);
                self.accounts.push(Account { begins, ..Account::default() });
                self.accounts.len() - 1
            }
        };
        (index, &mut self.accounts[index])
    }

    /// The index of the event's conversation, new if it was not known; takes note of the account's first record.
    fn conversation(&mut self, event: &Event<'_>) -> usize {
        let fresh = self.conversations.len();
        let (index, account) = self.account(event.channel, event.account);
        let here = Beginning::of(event.at, event.precision_ms, is_comment(event));
        account.begins = Some(account.begins.map_or(here, |known| known.and(here)));
        if let Some(known) = account.conversations.get(event.user) {
            return *known;
        }
        account.conversations.insert(event.user.into(), fresh);
        self.met.push(index);
        self.conversations.push(Conversation::default());
        fresh
    }

    fn grant(&mut self, event: &Event<'_>, index: usize) {
        if event.kind == Kind::RecurringOptin {
            self.resume(index, event.token);
        }
        let Some(text) = event.token else { return };
        let token = self.tokens.entry(text);
        self.tokens.grant(token, index, Grant::of(event));
        if let Some(conversation) = self.conversations.get_mut(index) {
            conversation.granted(token);
        }
    }

    /// A resumption of one token, or of marketing as a whole, ends every stop it may have meant.
    fn resume(&mut self, index: usize, token: Option<&str>) {
        let Some(conversation) = self.conversations.get_mut(index) else { return };
        match token {
            Some(token) => {
                conversation.stopped = None;
                let token = self.tokens.entry(token);
                self.tokens.is(token, TokenType::Recurring);
                self.tokens.resume(token, index);
            }
            None => conversation.resumed(),
        }
    }

    fn spend(&mut self, send: &Event<'_>, claim: Claim, index: usize, mark: Mark) {
        let certain = !send.may_be_lost();
        let is_apart =
            matches!(claim, Claim::Template | Claim::Utility | Claim::OneTime | Claim::Recurring | Claim::Marketing);
        if is_apart
            && certain
            && let Some(conversation) = self.conversations.get_mut(index)
        {
            conversation.last_idle = Some(Idle { claim, mark });
        }
        match claim {
            Claim::OneTime | Claim::Recurring => {
                if let Some(token) = send.token {
                    let token = self.tokens.entry(token);
                    self.tokens.spend(token, index, mark, certain);
                }
            }
            Claim::PrivateReply => {
                if let Some(comment) = send.comment {
                    let (_, account) = self.account(send.channel, send.account);
                    let known = account.comments.entry(comment.into()).or_default();
                    if certain {
                        known.replied.get_or_insert(mark);
                    } else {
                        known.may_be_replied = true;
                    }
                }
            }
            Claim::Marketing => {
                if let Some(token) = send.token {
                    let token = self.tokens.entry(token);
                    self.tokens.spend_on_marketing(token, index, mark, certain);
                }
                if let Some(conversation) = self.conversations.get_mut(index) {
                    conversation.last_marketing = Some(mark);
                }
            }
            Claim::Response => {
                if let Some(conversation) = self.conversations.get_mut(index) {
                    // A hidden claim may be a tag, which would not use up the one more message.
                    // Nor may one that never reached Meta.
                    let hidden = self.options.hides_claim(send) || !certain;
                    let last = if hidden { &mut conversation.last_hidden } else { &mut conversation.last_plain };
                    *last = Some(mark);
                }
            }
            _ => {}
        }
    }
}

/// Whether the event is a comment that a private reply may name.
fn is_comment(event: &Event<'_>) -> bool {
    event.kind == Kind::Comment && event.comment.or(event.id).is_some()
}
