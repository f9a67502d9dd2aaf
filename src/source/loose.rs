//! Records that are no event by themselves: a request without its message id, a response without its request, a second
//! name of a user. They are put together once everything is read.

use std::hash::{BuildHasher, Hash, Hasher};

use crate::event::{Category, Channel, MessagingType, Place, TokenType};
use crate::time::Stamp;

/// A half of a send, or another piece that waits for its counterpart.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Loose {
    /// Where it stands; pieces of one input are in order.
    pub(super) place: Place,
    /// Which piece of its record it is.
    pub(super) nth: u32,
    pub(super) channel: Channel,
    /// Page id, Instagram account or phone_number_id, where the record or its wrapping names it.
    pub(super) account: Option<String>,
    /// The time of the logging layer: bodies of requests and responses hold none.
    pub(super) at: Option<Stamp>,
    /// An id of the logging layer that request and response share.
    pub(super) correlation: Option<String>,
    pub(super) what: Piece,
}

/// What a loose record is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    /// A send as it was asked for.
    Request(Box<Request>),
    /// A call that shows typing or marks as seen, by its recipient: its answer must not be taken for that of a send.
    Action(Option<String>),
    /// The calls of one batch, in their order.
    Calls(Vec<Call>),
    /// Meta took the request just before: the ids of its messages, and to whom they went.
    Taken { ids: Vec<String>, recipient: Option<String> },
    /// Meta refused it.
    Refused { code: Option<i32>, subcode: Option<i32> },
    /// The answers to a batch, in the order of its calls.
    Answers(Vec<Answer>),
}

/// One call of the API.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Call {
    /// A send, and the account that the call itself names.
    Send(Option<String>, Box<Request>),
    /// Typing, seen and the like, to this recipient.
    Action(Option<String>),
    /// Anything else.
    Other,
}

/// The answer to one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// A message was taken.
    Taken { id: String, recipient: Option<String> },
    /// An action was.
    Acted { recipient: Option<String> },
    /// Nothing was.
    Refused { code: Option<i32>, subcode: Option<i32> },
    /// It says nothing of a message.
    Other,
}

/// A send as it was asked for: everything but its id and fate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Request {
    pub(super) to: Recipient,
    pub(super) text: Option<String>,
    /// What it shows beside the text, a line each. No echo must show as much of it.
    pub(super) beside: Option<String>,
    pub(super) messaging_type: Option<MessagingType>,
    /// In upper snake case.
    pub(super) tag: Option<String>,
    pub(super) token: Option<String>,
    pub(super) token_type: Option<TokenType>,
    pub(super) comment: Option<String>,
    pub(super) template: Option<String>,
    pub(super) category: Option<Category>,
    /// What it carries, where it is no text.
    pub(super) attached: Content,
}

impl Request {
    /// Whether the two differ in what they say at most, and not in what they claim.
    pub(super) fn is_like(&self, other: &Request) -> bool {
        let claim = |one: &Request| Request { text: None, beside: None, attached: Content::Unknown, ..one.clone() };
        claim(self) == claim(other)
    }
}

/// What a message says, as small as can be kept of every echo: enough to find the call that it is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Content {
    /// The log does not show it.
    #[default]
    Unknown,
    /// A text, by a hash of its words: platforms trim blanks.
    Text(u32),
    Image,
    Video,
    Audio,
    File,
    /// A template, or what else is neither text nor file.
    Other,
}

impl Content {
    /// That of a text; one without words shows nothing.
    pub(super) fn of_text(text: &str) -> Content {
        let mut hasher = foldhash::fast::FixedState::with_seed(2).build_hasher();
        let mut is_empty = true;
        for word in text.split_whitespace() {
            word.hash(&mut hasher);
            is_empty = false;
        }
        if is_empty { Content::Unknown } else { Content::Text(hasher.finish() as u32) }
    }

    /// That of an attachment, by its type.
    pub(super) fn of_attachment(kind: &str) -> Content {
        match kind {
            "image" => Content::Image,
            "video" => Content::Video,
            "audio" => Content::Audio,
            "file" => Content::File,
            _ => Content::Other,
        }
    }
}

/// To whom a request is addressed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Recipient {
    /// A user by the id that is theirs.
    User(String),
    /// Somebody by another name (user_ref, phone number, comment), which an alias may resolve.
    Alias(String),
    /// Whoever granted the token of the request.
    #[default]
    OfToken,
}

/// The same person under another name on one account. An empty account is any account of the channel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Alias {
    pub(super) channel: Channel,
    pub(super) account: String,
    pub(super) from: String,
    pub(super) to: String,
}
