//! What the replay remembers: who did what and when, and what was spent. Facts only.
//!
//! Nothing here says "open until": that would judge a send by the terms of another day. Terms are asked of the policy at
//! each send.

use foldhash::HashMap;

use crate::event::{Entry, Event, Frequency, Kind, Place, TokenType};
use crate::policy::{MOST_FOLLOW_UPS, Opener};
use crate::replay::verdict::Idle;
use crate::secret::{TokenKey, token_key};
use crate::survey::Beginning;
use crate::time::Time;

/// Something the user did that may open a permission: the latest of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch {
    /// What it was.
    pub opener: Opener,
    /// When.
    pub at: Time,
    /// How far the true moment may lie after `at`, in ms.
    pub precision_ms: u32,
    /// Where the log shows it.
    pub place: Place,
}

impl Touch {
    /// The touch an event makes.
    pub(super) fn of(opener: Opener, event: &Event<'_>) -> Touch {
        Touch { opener, at: event.at, precision_ms: event.precision_ms, place: event.place }
    }

    /// When and where it was.
    pub fn mark(&self) -> Mark {
        Mark { at: self.at, precision_ms: self.precision_ms, place: self.place }
    }
}

/// A moment and where the log shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// When.
    pub at: Time,
    /// How far the true moment may lie after `at`, in ms.
    pub precision_ms: u32,
    /// Where.
    pub place: Place,
}

/// What is known of one account on one channel.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// When its records begin: before that the log is blind.
    pub(super) begins: Option<Beginning>,
    pub(super) conversations: HashMap<Box<str>, usize>,
    pub(super) comments: HashMap<Box<str>, Comment>,
}

/// A comment and whether it was answered privately.
#[derive(Debug, Default)]
pub(super) struct Comment {
    pub(super) written: Option<Touch>,
    pub(super) replied: Option<Mark>,
    /// Whether it may have been answered by a call of which the log does not show that it reached Meta.
    pub(super) may_be_replied: bool,
}

/// What is known of one conversation.
#[derive(Clone, Debug, Default)]
pub(super) struct Conversation {
    /// The latest touch of each kind; few kinds occur in one conversation.
    touches: Vec<Touch>,
    /// An ad brought the user here and no message has followed yet.
    awaits_ad_message: bool,
    /// The latest plain send that Meta did not refuse.
    pub(super) last_plain: Option<Mark>,
    /// The latest such send of which the log does not show whether it was plain.
    pub(super) last_hidden: Option<Mark>,
    /// The latest template or token message, which needs no open window and opens none.
    pub(super) last_idle: Option<Idle>,
    /// When the user stopped marketing as a whole, if not resumed since.
    pub(super) stopped: Option<Mark>,
    /// How often the user resumed everything: a token stopped before counts as stopped no more.
    pub(super) resumptions: u32,
    /// The last send of the paid marketing API, by whichever token.
    pub(super) last_marketing: Option<Mark>,
    /// The last few tokens this user granted, as indices into `Tokens`.
    pub(super) tokens: Vec<usize>,
    /// The last region the log named.
    pub(super) region: Option<Box<str>>,
}

impl Conversation {
    /// The latest of the user's moves that is one of `openers` and happened no later than `at`.
    pub(super) fn latest(&self, openers: &[Opener], at: Time) -> Option<Touch> {
        let fits = |touch: &&Touch| openers.contains(&touch.opener) && touch.at <= at;
        self.touches.iter().filter(fits).max_by_key(|touch| touch.at).copied()
    }

    /// The latest of all the user's moves that happened no later than `at`.
    pub(super) fn last_move(&self, at: Time) -> Option<Touch> {
        self.touches.iter().filter(|touch| touch.at <= at).max_by_key(|touch| touch.at).copied()
    }

    /// Takes note of what the user did.
    pub(super) fn moved(&mut self, event: &Event<'_>) {
        let from_ad = event.entry == Some(Entry::Ad);
        let opener = match event.kind {
            Kind::Message => Opener::Message,
            Kind::Postback => Opener::Postback,
            Kind::Optin => Opener::Optin,
            Kind::OtnOptin => Opener::OtnOptin,
            Kind::RecurringOptin => Opener::RecurringOptin,
            Kind::Reaction => Opener::Reaction,
            Kind::Comment => Opener::Comment,
            Kind::Call => Opener::Call,
            Kind::Feedback => Opener::Feedback,
            // A click on an ad opens nothing by itself; the message that follows does.
            Kind::Referral if from_ad => {
                self.awaits_ad_message = true;
                return;
            }
            Kind::Referral => Opener::Referral,
            _ => return,
        };
        self.touch(opener, event);
        let first_from_ad = match event.kind {
            Kind::Message => from_ad || self.awaits_ad_message,
            // The button of an ad's greeting is the person's first word; a message after it may count as that too.
            Kind::Postback => from_ad,
            _ => false,
        };
        if first_from_ad {
            self.touch(Opener::AdMessage, event);
        }
        self.awaits_ad_message =
            event.kind == Kind::Postback && from_ad || self.awaits_ad_message && event.kind != Kind::Message;
    }

    /// Takes note that the user granted the token at `index`. Only the last few matter, to say what would be lawful.
    pub(super) fn granted(&mut self, index: usize) {
        self.tokens.retain(|known| *known != index);
        if TOKENS_KEPT <= self.tokens.len() {
            self.tokens.remove(0);
        }
        self.tokens.push(index);
    }

    /// The user wants marketing again, all of it: every stop so far has ended.
    pub(super) fn resumed(&mut self) {
        self.stopped = None;
        self.resumptions += 1;
    }

    fn touch(&mut self, opener: Opener, event: &Event<'_>) {
        let touch = Touch::of(opener, event);
        match self.touches.iter_mut().find(|known| known.opener == opener) {
            Some(known) if known.at <= touch.at => *known = touch,
            Some(_) => {}
            None => self.touches.push(touch),
        }
    }
}

/// How many of a user's tokens are remembered for remedies.
const TOKENS_KEPT: usize = 8;
/// How many spends of a token are remembered: a message and all that may directly follow it.
const SPENDS_KEPT: usize = 1 + MOST_FOLLOW_UPS as usize;

/// An opt-in that granted a token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grant {
    pub(super) touch: Touch,
    pub(super) token_type: TokenType,
    pub(super) frequency: Option<Frequency>,
    pub(super) expires: Option<Time>,
}

impl Grant {
    /// What an opt-in grants.
    pub(super) fn of(optin: &Event<'_>) -> Grant {
        let recurring = optin.kind == Kind::RecurringOptin;
        let opener = if recurring { Opener::RecurringOptin } else { Opener::OtnOptin };
        Grant {
            touch: Touch::of(opener, optin),
            token_type: if recurring { TokenType::Recurring } else { TokenType::OneTime },
            frequency: optin.frequency,
            expires: optin.token_expires,
        }
    }
}

/// When something was spent.
#[derive(Clone, Debug, Default)]
pub(super) struct Spends {
    pub(super) first: Option<Mark>,
    /// The last ones, in order of time.
    pub(super) recent: Vec<Mark>,
    /// The last one of which the log does not show that it reached Meta; it counts among no others.
    pub(super) may_be: Option<Mark>,
}

impl Spends {
    fn push(&mut self, mark: Mark, certain: bool) {
        if !certain {
            self.may_be = Some(mark);
            return;
        }
        self.first.get_or_insert(mark);
        if SPENDS_KEPT <= self.recent.len() {
            self.recent.remove(0);
        }
        self.recent.push(mark);
    }
}

/// What is known of one token, whoever granted or spent it.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) key: TokenKey,
    /// What the first move about it showed it to be.
    pub(super) token_type: Option<TokenType>,
    /// The first two conversations that granted it, normally one: enough to know that somebody else did.
    pub(super) granted: Vec<(usize, Grant)>,
    /// By anybody.
    pub(super) spends: Spends,
}

/// What one user did with one token.
#[derive(Debug, Default)]
pub(super) struct Use {
    /// The latest opt-in that granted it.
    pub(super) grant: Option<Grant>,
    pub(super) spends: Spends,
    /// Sends of the paid marketing API with it.
    pub(super) marketing: Spends,
    /// When the user stopped it, and how often everything had been resumed by then.
    pub(super) stopped: Option<(Mark, u32)>,
}

/// All tokens of a run: a token seen under the wrong user must be recognised, so they are not kept per conversation.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    /// Tokens are credentials: they are kept by a key that is none.
    by_key: HashMap<TokenKey, usize>,
    all: Vec<Token>,
    /// By token and conversation.
    uses: HashMap<(usize, usize), Use>,
}

impl Tokens {
    pub(super) fn forget(&mut self) {
        self.by_key.clear();
        self.all.clear();
        self.uses.clear();
    }

    pub(super) fn index(&self, token: &str) -> Option<usize> {
        self.by_key.get(&token_key(token)).copied()
    }

    pub(super) fn at(&self, index: usize) -> Option<&Token> {
        self.all.get(index)
    }

    /// What the conversation did with the token at `index`.
    pub(super) fn used(&self, index: usize, conversation: usize) -> Option<&Use> {
        self.uses.get(&(index, conversation))
    }

    /// The index of this token, new if it was not known.
    pub(super) fn entry(&mut self, token: &str) -> usize {
        let key = token_key(token);
        if let Some(index) = self.by_key.get(&key) {
            return *index;
        }
        self.by_key.insert(key, self.all.len());
        self.all.push(Token { key, token_type: None, granted: Vec::new(), spends: Spends::default() });
        self.all.len() - 1
    }

    fn use_of(&mut self, index: usize, conversation: usize) -> &mut Use {
        self.uses.entry((index, conversation)).or_default()
    }

    pub(super) fn grant(&mut self, index: usize, conversation: usize, grant: Grant) {
        let known = self.use_of(index, conversation);
        // Granted again: the later grant counts, which accuses least; it does not give back what was spent.
        let frequency = grant.frequency.or(known.grant.and_then(|earlier| earlier.frequency));
        known.grant = Some(Grant { frequency, ..grant });
        self.is(index, grant.token_type);
        if let Some(token) = self.all.get_mut(index)
            && token.granted.len() < 2
            && !token.granted.iter().any(|(by, _)| *by == conversation)
        {
            token.granted.push((conversation, grant));
        }
    }

    /// Takes note of what kind of token it is, unless that was known.
    pub(super) fn is(&mut self, index: usize, token_type: TokenType) {
        if let Some(token) = self.all.get_mut(index) {
            token.token_type.get_or_insert(token_type);
        }
    }

    /// Takes note of a send with the token at `index`; one that is not certain may never have reached Meta.
    pub(super) fn spend(&mut self, index: usize, conversation: usize, mark: Mark, certain: bool) {
        self.use_of(index, conversation).spends.push(mark, certain);
        if let Some(token) = self.all.get_mut(index) {
            token.spends.push(mark, certain);
        }
    }

    /// The same of a send of the paid marketing API.
    pub(super) fn spend_on_marketing(&mut self, index: usize, conversation: usize, mark: Mark, certain: bool) {
        self.use_of(index, conversation).marketing.push(mark, certain);
    }

    pub(super) fn stop(&mut self, index: usize, conversation: usize, mark: Mark, resumptions: u32) {
        let known = self.use_of(index, conversation);
        // A second stop changes nothing, unless everything was resumed in between.
        if known.stopped.is_none_or(|(_, before)| before != resumptions) {
            known.stopped = Some((mark, resumptions));
        }
    }

    pub(super) fn resume(&mut self, index: usize, conversation: usize) {
        self.use_of(index, conversation).stopped = None;
    }
}
