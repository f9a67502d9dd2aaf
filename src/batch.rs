//! Events as they are kept: a long log fits in memory because most events need a few dozen bytes and share their texts.
//!
//! A reader fills one batch per piece of input, on whatever thread it runs; the audit reads them back as [`Event`]s.
//! Within a batch all texts lie in one string, and what only few events carry (tokens, templates, codes) lies apart.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher};

use crate::event::{Category, Channel, Entry, Event, Frequency, Kind, MessagingType, Place, Sender, Status, TokenType};
use crate::time::Time;

/// Which texts of messages a batch keeps. Texts are most of a log, and the judge needs few of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeepText {
    /// Only of sends that claim a tag, token, template or other special permission: what content rules may read.
    #[default]
    OfClaims,
    /// Of every event, for writing the log out again.
    All,
}

/// A run of events, closely packed.
#[derive(Debug, Default)]
pub struct Batch {
    events: Vec<Packed>,
    extras: Vec<Extra>,
    texts: String,
    accounts: HashMap<String, Span>,
    keep_text: KeepText,
}

/// A piece of `Batch::texts`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Span {
    start: u32,
    len: u32,
}

/// No text at all, which is not the empty text.
const NONE: Span = Span { start: u32::MAX, len: 0 };
/// No entry in `Batch::extras`.
const NO_EXTRA: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Packed {
    at: Time,
    identity: u64,
    account: Span,
    user: Span,
    id: Span,
    place: Place,
    precision_ms: u32,
    extra: u32,
    channel: Channel,
    kind: Kind,
    messaging_type: Option<MessagingType>,
    sender: Option<Sender>,
    status: Option<Status>,
    claim_hidden: bool,
    recipient_hidden: bool,
    logged_at: bool,
}

#[derive(Clone, Copy, Debug)]
struct Extra {
    text: Span,
    tag: Span,
    token: Span,
    comment: Span,
    template: Span,
    region: Span,
    token_expires: Option<Time>,
    error_code: Option<i32>,
    error_subcode: Option<i32>,
    token_type: Option<TokenType>,
    frequency: Option<Frequency>,
    category: Option<Category>,
    entry: Option<Entry>,
    promotional: Option<bool>,
    sponsored: bool,
}

impl Batch {
    /// An empty batch.
    pub fn new(keep_text: KeepText) -> Batch {
        Batch { keep_text, ..Batch::default() }
    }

    /// How many events it holds.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Adds an event. Returns `false`, adding nothing, when the batch is full (4 GiB of text).
    pub fn push(&mut self, event: &Event<'_>) -> bool {
        const ROOM: usize = u32::MAX as usize;
        let claims = claims(event);
        let text = event.text.filter(|_| self.keeps_text(event));
        let spare = [event.id, text, event.tag, event.token, event.comment, event.template, event.region];
        let needed = spare.iter().flatten().map(|s| s.len()).sum::<usize>() + event.user.len() + event.account.len();
        if ROOM - 1 < self.texts.len() + needed || ROOM - 1 < self.events.len() {
            return false;
        }
        let has_extra = text.is_some()
            || claims
            || event.comment.is_some()
            || event.region.is_some()
            || event.token_expires.is_some()
            || event.error_code.is_some()
            || event.error_subcode.is_some()
            || event.frequency.is_some()
            || event.token_type.is_some()
            || event.entry.is_some()
            || event.promotional.is_some()
            || event.sponsored;
        let extra = if has_extra {
            let extra = Extra {
                text: self.keep(text),
                tag: self.keep(event.tag),
                token: self.keep(event.token),
                comment: self.keep(event.comment),
                template: self.keep(event.template),
                region: self.keep(event.region),
                token_expires: event.token_expires,
                error_code: event.error_code,
                error_subcode: event.error_subcode,
                token_type: event.token_type,
                frequency: event.frequency,
                category: event.category,
                entry: event.entry,
                promotional: event.promotional,
                sponsored: event.sponsored,
            };
            self.extras.push(extra);
            // Fewer extras than events, and those fit.
            self.extras.len() as u32 - 1
        } else {
            NO_EXTRA
        };
        let account = match self.accounts.get(event.account) {
            Some(known) => *known,
            None => {
                let span = self.keep(Some(event.account));
                self.accounts.insert(event.account.to_owned(), span);
                span
            }
        };
        let packed = Packed {
            at: event.at,
            identity: identity(event),
            account,
            user: self.keep(Some(event.user)),
            id: self.keep(event.id),
            place: event.place,
            precision_ms: event.precision_ms,
            extra,
            channel: event.channel,
            kind: event.kind,
            messaging_type: event.messaging_type,
            sender: event.sender,
            status: event.status,
            claim_hidden: event.claim_hidden,
            recipient_hidden: event.recipient_hidden,
            logged_at: event.logged_at,
        };
        self.events.push(packed);
        true
    }

    /// Whether [`Batch::push`] looks at the text of such an event: to keep it, or to tell two events without id apart.
    /// A reader need not unpack a text that nobody looks at.
    pub fn reads_text(&self, event: &Event<'_>) -> bool {
        event.id.is_none() || self.keeps_text(event)
    }

    fn keeps_text(&self, event: &Event<'_>) -> bool {
        match self.keep_text {
            KeepText::All => true,
            KeepText::OfClaims => event.kind == Kind::Send && claims(event),
        }
    }

    /// The event at `index`, in the order of pushing. An index out of range is no event of interest: the default one.
    pub fn event(&self, index: usize) -> Event<'_> {
        let Some(packed) = self.events.get(index) else {
            return Event::default();
        };
        let mut event = Event {
            at: packed.at,
            precision_ms: packed.precision_ms,
            channel: packed.channel,
            account: self.text(packed.account).unwrap_or_default(),
            user: self.text(packed.user).unwrap_or_default(),
            kind: packed.kind,
            id: self.text(packed.id),
            place: packed.place,
            messaging_type: packed.messaging_type,
            sender: packed.sender,
            status: packed.status,
            claim_hidden: packed.claim_hidden,
            recipient_hidden: packed.recipient_hidden,
            logged_at: packed.logged_at,
            ..Event::default()
        };
        if let Some(extra) = self.extras.get(packed.extra as usize) {
            event.text = self.text(extra.text);
            event.tag = self.text(extra.tag);
            event.token = self.text(extra.token);
            event.comment = self.text(extra.comment);
            event.template = self.text(extra.template);
            event.region = self.text(extra.region);
            event.token_expires = extra.token_expires;
            event.error_code = extra.error_code;
            event.error_subcode = extra.error_subcode;
            event.token_type = extra.token_type;
            event.frequency = extra.frequency;
            event.category = extra.category;
            event.entry = extra.entry;
            event.promotional = extra.promotional;
            event.sponsored = extra.sponsored;
        }
        event
    }

    /// The coarsest precision of its times, in ms.
    pub fn coarsest_ms(&self) -> u32 {
        self.events.iter().map(|packed| packed.precision_ms).max().unwrap_or(0)
    }

    /// When the event at `index` happened, without unpacking the rest.
    pub fn at(&self, index: usize) -> Time {
        self.events.get(index).map_or_else(Time::default, |packed| packed.at)
    }

    /// What kind of event stands at `index`, without unpacking the rest.
    pub fn kind(&self, index: usize) -> Kind {
        self.events.get(index).map_or(Kind::Other, |packed| packed.kind)
    }

    /// A number that equal events share: of channel, account, user, kind and id, or of all fields where there is no id.
    /// Other events may share it by chance; [`Batch::same_event`] tells.
    pub fn identity(&self, index: usize) -> u64 {
        self.events.get(index).map_or(0, |packed| packed.identity)
    }

    /// The accounts that its events name, each with its channels.
    pub fn accounts(&self) -> impl Iterator<Item = (Channel, &str)> {
        let seen: std::collections::BTreeSet<(Channel, &str)> = self
            .events
            .iter()
            .map(|packed| (packed.channel, self.text(packed.account).unwrap_or_default()))
            .filter(|(_, account)| !account.is_empty())
            .collect();
        seen.into_iter()
    }

    /// Gives the event at `index` another user: the same person under the id by which they are known elsewhere. Returns
    /// `false`, changing nothing, when the batch is full.
    pub fn rename(&mut self, index: usize, user: &str) -> bool {
        if (u32::MAX as usize) - 1 < self.texts.len() + user.len() {
            return false;
        }
        let span = self.keep(Some(user));
        let Some(packed) = self.events.get_mut(index) else { return false };
        packed.user = span;
        packed.recipient_hidden = false;
        let renamed = identity(&self.event(index));
        if let Some(packed) = self.events.get_mut(index) {
            packed.identity = renamed;
        }
        true
    }

    /// Gives the event at `index` another account: the same one under the name by which it is known elsewhere. Returns
    /// `false`, changing nothing, when the batch is full.
    pub fn move_to(&mut self, index: usize, account: &str) -> bool {
        let span = match self.accounts.get(account) {
            Some(known) => *known,
            None if (u32::MAX as usize) - 1 < self.texts.len() + account.len() => return false,
            None => {
                let span = self.keep(Some(account));
                self.accounts.insert(account.to_owned(), span);
                span
            }
        };
        let Some(packed) = self.events.get_mut(index) else { return false };
        packed.account = span;
        let moved = identity(&self.event(index));
        if let Some(packed) = self.events.get_mut(index) {
            packed.identity = moved;
        }
        true
    }

    /// Whether the events at `index` and at `other_index` of `other` tell of the same thing, given that their identities
    /// are equal.
    pub fn same_event(&self, index: usize, other: &Batch, other_index: usize) -> bool {
        let (one, other) = (self.event(index), other.event(other_index));
        match one.id {
            Some(_) => {
                (one.channel, one.account, one.user, one.kind, one.id)
                    == (other.channel, other.account, other.user, other.kind, other.id)
                    && (one.at == other.at || !happens_again(one.kind))
            }
            None => one == Event { place: one.place, ..other },
        }
    }

    /// The identity of the send that the event at `index` tells of (its delivery, its read), if it names one.
    pub fn send_identity(&self, index: usize) -> Option<u64> {
        let event = self.event(index);
        event.id.map(|_| identity(&Event { kind: Kind::Send, ..event }))
    }

    fn keep(&mut self, text: Option<&str>) -> Span {
        let Some(text) = text else { return NONE };
        // `push` has made sure that both fit.
        let span = Span { start: self.texts.len() as u32, len: text.len() as u32 };
        self.texts.push_str(text);
        span
    }

    fn text(&self, span: Span) -> Option<&str> {
        if span == NONE {
            return None;
        }
        let start = span.start as usize;
        self.texts.get(start..start + span.len as usize)
    }
}

/// Whether the event relies, or may rely, on something besides the open window.
fn claims(event: &Event<'_>) -> bool {
    event.tag.is_some()
        || event.token.is_some()
        || event.template.is_some()
        || event.category.is_some()
        || event.messaging_type.is_some_and(|kind| kind > MessagingType::Update)
}

/// Whether the id of such an event is that of the message it is about: it may happen to one message more than once.
fn happens_again(kind: Kind) -> bool {
    matches!(kind, Kind::Reaction | Kind::Unreaction | Kind::Edit | Kind::Delete | Kind::Read | Kind::Delivery)
}

fn identity(event: &Event<'_>) -> u64 {
    // A fixed seed, since batches are filled on many threads; equal numbers are only a hint, so nobody gains by forging one.
    let mut hasher = foldhash::fast::FixedState::with_seed(0).build_hasher();
    (event.channel, event.account, event.user, event.kind, event.id).hash(&mut hasher);
    if happens_again(event.kind) {
        event.at.hash(&mut hasher);
    }
    if event.id.is_none() {
        (event.at, event.text, event.messaging_type, event.tag, event.token, event.token_type).hash(&mut hasher);
        (event.comment, event.template, event.category, event.sponsored, event.sender).hash(&mut hasher);
        (event.promotional, event.status, event.error_code, event.error_subcode, event.entry).hash(&mut hasher);
        (event.token_expires, event.frequency, event.region).hash(&mut hasher);
        // Whatever tells two such records apart: a third one that repeats the second is compared with that.
        (event.precision_ms, event.claim_hidden, event.recipient_hidden, event.logged_at).hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        let full = Event {
            at: Time::from_ms(5),
            precision_ms: 1_000,
            channel: Channel::Whatsapp,
            account: "acc",
            user: "user",
            kind: Kind::Send,
            id: Some("id"),
            place: Place { input: 3, line: 9 },
            text: Some("text"),
            messaging_type: Some(MessagingType::MessageTag),
            tag: Some("TAG"),
            token: Some("token"),
            token_type: Some(TokenType::Recurring),
            token_expires: Some(Time::from_ms(7)),
            frequency: Some(Frequency::Weekly),
            comment: Some("c"),
            template: Some(""),
            category: Some(Category::Utility),
            sponsored: true,
            sender: Some(Sender::Bot),
            promotional: Some(false),
            status: Some(Status::Failed),
            error_code: Some(10),
            error_subcode: Some(2_018_278),
            entry: Some(Entry::Ad),
            region: Some("DE"),
            claim_hidden: true,
            recipient_hidden: true,
            logged_at: true,
        };
        let bare = Event { user: "other", kind: Kind::Message, text: Some("not kept"), ..Event::default() };
        let news = Event {
            kind: Kind::Send,
            messaging_type: Some(MessagingType::NonPromotionalSubscription),
            text: Some("kept"),
            ..bare
        };
        let mut batch = Batch::new(KeepText::OfClaims);
        for event in [full, bare, news] {
            assert!(batch.push(&event));
        }
        assert_eq!(batch.event(0), full);
        assert_eq!(batch.event(1), Event { text: None, ..bare });
        assert_eq!(batch.event(2), news);
        assert_eq!((batch.at(0), batch.kind(1), batch.len()), (full.at, Kind::Message, 3));
    }
}
