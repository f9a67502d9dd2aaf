//! Events as they are kept: a long log fits in memory because most events need a few dozen bytes and share their texts.
//!
//! A reader fills one batch per piece of input, on whatever thread it runs; the audit reads them back as [`Event`]s.
//! Within a batch all texts lie in one string, and what only few events carry (tokens, templates, codes) lies apart.

use std::hash::{BuildHasher, Hash};

mod shards;
mod stored;

use foldhash::HashMap;

use crate::event::{
    Category, Channel, Entry, Event, Frequency, Kind, LOGGER_CLOCK_MS, MessagingType, Place, Sender, Status, TokenType,
};
use crate::time::Time;

pub use shards::{SHARDS, Shards, Slot};
pub(crate) use stored::{Stored, stored_fields, stored_words};

/// Which texts of messages a batch keeps. Texts are most of a log, and the judge needs few of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeepText {
    /// Only of sends that claim a tag, token, template or other special permission, which content rules may read, and of
    /// those that Meta rejected, which may have gone out again under such a claim.
    #[default]
    OfClaims,
    /// Of every event, for writing the log out again.
    All,
}

impl KeepText {
    fn keeps(self, event: &Event<'_>) -> bool {
        match self {
            KeepText::All => true,
            KeepText::OfClaims => event.kind == Kind::Send && (claims(event) || event.is_rejected()),
        }
    }
}

/// A run of events, closely packed.
#[derive(Debug, Default)]
pub struct Batch {
    events: Vec<Packed>,
    extras: Vec<Extra>,
    texts: String,
    /// The accounts by their hashes, while events are added.
    accounts: HashMap<u64, Span>,
    /// The account of the event before, which most often is that of the next one too.
    last_account: Span,
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
    conversation: u64,
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
    unpaired: bool,
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

    /// About how many bytes of memory it takes.
    pub fn bytes(&self) -> usize {
        let rows = self.events.capacity() * size_of::<Packed>() + self.extras.capacity() * size_of::<Extra>();
        size_of::<Batch>() + rows + self.texts.capacity()
    }

    /// The shard that its events belong to, given that it is one of those of [`Shards`].
    pub fn shard(&self) -> usize {
        (self.conversation(0) % SHARDS) as usize
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Adds an event. Returns `false`, adding nothing, when the batch is full (4 GiB of text).
    pub fn push(&mut self, event: &Event<'_>) -> bool {
        self.push_to(conversation(event), event)
    }

    fn push_to(&mut self, conversation: u64, event: &Event<'_>) -> bool {
        const ROOM: usize = u32::MAX as usize;
        let claims = claims(event);
        let text = event.text.filter(|_| self.keep_text.keeps(event));
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
        let account = self.keep_account(event.account);
        let packed = Packed {
            at: event.at,
            identity: identity(event, conversation),
            conversation,
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
            unpaired: event.unpaired,
        };
        self.events.push(packed);
        true
    }

    /// Adds the event at `index` of `from`, which keeps its identity: what told it from others may not have been kept.
    pub fn copy(&mut self, from: &Batch, index: usize) -> bool {
        self.push_known(&from.event(index), from.conversation(index), from.identity(index))
    }

    /// Adds an event whose conversation and identity are known from the batch that it comes from.
    pub(crate) fn push_known(&mut self, event: &Event<'_>, conversation: u64, identity: u64) -> bool {
        let is_added = self.push_to(conversation, event);
        if let (true, Some(added)) = (is_added, self.events.last_mut()) {
            added.identity = identity;
        }
        is_added
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
            unpaired: packed.unpaired,
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

    /// The coarsest precision of its times, in ms; one of the business's own log is no better than its clock.
    pub fn coarsest_ms(&self) -> u32 {
        let blur_ms = |packed: &Packed| {
            let clock_ms = if packed.logged_at { LOGGER_CLOCK_MS } else { 0 };
            packed.precision_ms.max(clock_ms)
        };
        self.events.iter().map(blur_ms).max().unwrap_or(0)
    }

    /// When the event at `index` happened, without unpacking the rest.
    pub fn at(&self, index: usize) -> Time {
        self.events.get(index).map_or_else(Time::default, |packed| packed.at)
    }

    /// How far the true moment may lie after the one at `index`, in ms.
    pub fn precision_ms(&self, index: usize) -> u32 {
        self.events.get(index).map_or(0, |packed| packed.precision_ms)
    }

    /// Whether the event at `index` names a token or a comment, without unpacking the rest.
    pub fn names_shared(&self, index: usize) -> bool {
        let extra = self.events.get(index).and_then(|packed| self.extras.get(packed.extra as usize));
        extra.is_some_and(|extra| extra.token != NONE || extra.comment != NONE)
    }

    /// The channel of the event at `index`, and a number of its account, which is that account's in this batch alone.
    pub fn account_key(&self, index: usize) -> (Channel, u64) {
        let number = |account: Span| u64::from(account.start) << 32 | u64::from(account.len);
        self.events.get(index).map_or((Channel::default(), 0), |packed| (packed.channel, number(packed.account)))
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
        self.renumber(index);
        true
    }

    /// Numbers the event at `index` anew, whose conversation is another one now.
    fn renumber(&mut self, index: usize) {
        let event = self.event(index);
        let conversation = conversation(&event);
        let identity = identity(&event, conversation);
        if let Some(packed) = self.events.get_mut(index) {
            (packed.identity, packed.conversation) = (identity, conversation);
        }
    }

    /// Notes of the event at `index` that its other half was not found.
    pub(crate) fn leave_unpaired(&mut self, index: usize) {
        if let Some(packed) = self.events.get_mut(index) {
            packed.unpaired = true;
        }
    }

    /// Gives the event at `index` another account: the same one under the name by which it is known elsewhere. Returns
    /// `false`, changing nothing, when the batch is full.
    pub fn move_to(&mut self, index: usize, account: &str) -> bool {
        if (u32::MAX as usize) - 1 < self.texts.len() + account.len() {
            return false;
        }
        let span = self.keep_account(account);
        let Some(packed) = self.events.get_mut(index) else { return false };
        packed.account = span;
        self.renumber(index);
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
        event.id.map(|_| identity(&Event { kind: Kind::Send, ..event }, conversation(&event)))
    }

    /// The identity of the user's message that the event at `index` tells of, if it names one: a business reads, too.
    pub(crate) fn message_identity(&self, index: usize) -> Option<u64> {
        let event = self.event(index);
        event.id.map(|_| identity(&Event { kind: Kind::Message, ..event }, conversation(&event)))
    }

    /// A number that all events of a conversation share. Another conversation may share it by chance.
    pub fn conversation(&self, index: usize) -> u64 {
        self.events.get(index).map_or(0, |packed| packed.conversation)
    }

    /// The same in no more memory than it needs, now that nothing more is added. What it had room for is there for the next
    /// one to grow in, while fresh memory is slow the first time it is touched.
    pub(crate) fn fitted(self) -> Batch {
        Batch {
            events: self.events.as_slice().into(),
            extras: self.extras.as_slice().into(),
            texts: self.texts.as_str().into(),
            accounts: HashMap::default(),
            ..self
        }
    }

    fn keep_account(&mut self, account: &str) -> Span {
        if self.text(self.last_account) == Some(account) && !self.accounts.is_empty() {
            return self.last_account;
        }
        let hash = account.hash_alike();
        let known = self.accounts.get(&hash).copied().filter(|known| self.text(*known) == Some(account));
        self.last_account = known.unwrap_or_else(|| {
            // Of two accounts with one hash the last is known.
            let span = self.keep(Some(account));
            self.accounts.insert(hash, span);
            span
        });
        self.last_account
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

/// A number for channel, account and user.
fn conversation(event: &Event<'_>) -> u64 {
    (event.channel, event.account, event.user).hash_alike()
}

fn identity(event: &Event<'_>, conversation: u64) -> u64 {
    let again = happens_again(event.kind).then_some(event.at);
    let of_message = (conversation, event.kind, event.id, again);
    if event.id.is_some() {
        return of_message.hash_alike();
    }
    let claim = (event.messaging_type, event.tag, event.token, event.token_type, event.comment, event.template);
    let words = (event.category, event.sponsored, event.sender, event.promotional, event.status, event.entry);
    let codes = (event.error_code, event.error_subcode, event.token_expires, event.frequency, event.region);
    // Whatever tells two such records apart: a third one that repeats the second is compared with that.
    let shown = (event.claim_hidden, event.recipient_hidden, event.logged_at, event.unpaired);
    (of_message, event.at, event.precision_ms, event.text, claim, words, codes, shown).hash_alike()
}

/// Hashing with a fixed seed, since batches are filled on many threads. Equal numbers are only a hint, so nobody gains by
/// forging one.
trait HashAlike: Hash {
    fn hash_alike(&self) -> u64 {
        foldhash::fast::FixedState::with_seed(0).hash_one(self)
    }
}

impl<T: Hash> HashAlike for T {}

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
            unpaired: true,
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
