//! What the replay remembers: who did what and when, and what was spent. Facts only.
//!
//! Nothing here says "open until": that would judge a send by the terms of another day. Terms are asked of the policy at
//! each send.

use foldhash::HashMap;

use crate::event::{Entry, Event, Frequency, Kind, Place, TokenType};
use crate::policy::Opener;
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

/// A moment and where the log shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// When.
    pub at: Time,
    /// Where.
    pub place: Place,
}

/// What is known of one account on one channel.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// When its first record happened: before that the log is blind.
    pub(super) first_record: Option<Time>,
    pub(super) conversations: HashMap<Box<str>, usize>,
    pub(super) comments: HashMap<Box<str>, Comment>,
}

/// A comment and whether it was answered privately.
#[derive(Debug, Default)]
pub(super) struct Comment {
    pub(super) written: Option<Touch>,
    pub(super) replied: Option<Mark>,
}

/// What is known of one conversation.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    /// The latest touch of each kind; few kinds occur in one conversation.
    touches: Vec<Touch>,
    /// An ad brought the user here and no message has followed yet.
    awaits_ad_message: bool,
    /// The latest plain send that Meta did not refuse, and how far its true moment may lie after it, in ms.
    pub(super) last_plain: Option<(Mark, u32)>,
    /// The latest such send of which the log does not show whether it was plain.
    pub(super) last_hidden: Option<(Mark, u32)>,
    /// When the user stopped marketing as a whole, if not resumed since.
    pub(super) stopped: Option<Mark>,
    /// Sends of the paid marketing API, in order, each with its token as an index into `Tokens`.
    pub(super) marketing: Vec<(usize, Mark)>,
    /// The tokens this user granted or stopped, as indices into `Tokens`.
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

    /// Takes note that the token at `index` is this user's.
    pub(super) fn owns(&mut self, index: usize) {
        if !self.tokens.contains(&index) {
            self.tokens.push(index);
        }
    }

    fn touch(&mut self, opener: Opener, event: &Event<'_>) {
        let touch = Touch { opener, at: event.at, precision_ms: event.precision_ms, place: event.place };
        match self.touches.iter_mut().find(|known| known.opener == opener) {
            Some(known) if known.at <= touch.at => *known = touch,
            Some(_) => {}
            None => self.touches.push(touch),
        }
    }
}

/// An opt-in that granted a token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grant {
    pub(super) conversation: usize,
    pub(super) touch: Touch,
    pub(super) token_type: TokenType,
    pub(super) frequency: Option<Frequency>,
    pub(super) expires: Option<Time>,
}

/// A send that spent a token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spend {
    pub(super) conversation: usize,
    pub(super) mark: Mark,
}

/// What is known of one token, whoever granted or spent it.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) text: Box<str>,
    /// One per conversation that granted it: normally exactly one.
    pub(super) grants: Vec<Grant>,
    /// In order of time.
    pub(super) spends: Vec<Spend>,
    /// Which conversation stopped it and when, if not resumed since.
    pub(super) stops: Vec<(usize, Mark)>,
}

/// All tokens of a run: a token seen under the wrong user must be recognised, so they are not kept per conversation.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    by_text: HashMap<Box<str>, usize>,
    all: Vec<Token>,
}

impl Tokens {
    pub(super) fn find(&self, text: &str) -> Option<&Token> {
        self.index(text).and_then(|index| self.all.get(index))
    }

    pub(super) fn index(&self, text: &str) -> Option<usize> {
        self.by_text.get(text).copied()
    }

    pub(super) fn at(&self, index: usize) -> Option<&Token> {
        self.all.get(index)
    }

    /// The token with this text, new if it was not known, and its index.
    pub(super) fn entry(&mut self, text: &str) -> (usize, &mut Token) {
        let index = match self.by_text.get(text) {
            Some(index) => *index,
            None => {
                self.by_text.insert(text.into(), self.all.len());
                self.all.push(Token { text: text.into(), grants: Vec::new(), spends: Vec::new(), stops: Vec::new() });
                self.all.len() - 1
            }
        };
        (index, &mut self.all[index])
    }

    /// Ends the stop of the token at `index` by `conversation`.
    pub(super) fn resume(&mut self, index: usize, conversation: usize) {
        if let Some(token) = self.all.get_mut(index) {
            token.stops.retain(|(by, _)| *by != conversation);
        }
    }
}
