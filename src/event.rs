//! One thing that happened in one conversation: the only form in which the replay core knows the world.
//!
//! Readers of log formats make events, the replay core judges them; neither knows the other. Texts are borrowed, so an
//! event costs nothing to make from a record that is already in memory.

use std::borrow::Cow;

use crate::time::Time;

/// Makes an enum whose variants each have one word, and the way from the word and back.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[$doc])* $variant),+ }

        impl $name {
            /// All of them, in their documented order.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The one word used for it in logs, policies and reports.
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }

            /// The one with this word, in any case.
            pub fn from_word(word: &str) -> Option<$name> {
                // Nearly every log writes them as we do.
                match word {
                    $($word => return Some($name::$variant),)+
                    _ => {}
                }
                Self::ALL.iter().copied().find(|one| one.word().eq_ignore_ascii_case(word))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.word())
            }
        }
    };
}

pub(crate) use words;

words! {
    /// Where a conversation takes place.
    #[derive(Default)]
    Channel {
        /// Facebook Messenger; the account is a Page id, the user a page-scoped id.
        #[default]
        Messenger = "messenger",
        /// Instagram Direct; the account is an Instagram professional account.
        Instagram = "instagram",
        /// WhatsApp Cloud API; the account is a phone_number_id.
        Whatsapp = "whatsapp",
    }
}

words! {
    /// What happened. The order is that of the contract: the user's moves, the send, then what either side may cause.
    Kind {
        /// The user wrote: text, attachment, quick reply, story reply, a WhatsApp button or list.
        Message = "message",
        /// The user pressed a button of the conversation: Get Started, postback, persistent menu, ice breaker.
        Postback = "postback",
        /// The user opted in through a plugin (send to Messenger, checkbox) or to WhatsApp templates.
        Optin = "optin",
        /// The user tapped "Notify me": grants a one-time token.
        OtnOptin = "otn_optin",
        /// The user subscribed to recurring notifications or marketing messages: grants a recurring token.
        RecurringOptin = "recurring_optin",
        /// The user stopped recurring notifications, marketing messages or marketing templates.
        RecurringStop = "recurring_stop",
        /// The user resumed them.
        RecurringResume = "recurring_resume",
        /// The user came into the conversation from an ad, an m.me or ig.me link or a plugin.
        Referral = "referral",
        /// The user reacted to a message.
        Reaction = "reaction",
        /// The user took a reaction back.
        Unreaction = "unreaction",
        /// The user commented on a post, or posted on the Page.
        Comment = "comment",
        /// The user edited a message.
        Edit = "edit",
        /// The user unsent a message.
        Delete = "delete",
        /// A call by the user, or one of the business that the user accepted.
        Call = "call",
        /// The user linked or unlinked an account.
        AccountLink = "account_link",
        /// The user answered a customer feedback template.
        Feedback = "feedback",
        /// The user blocked the business.
        Block = "block",
        /// The business sent a message or tried to.
        Send = "send",
        /// Something was read.
        Read = "read",
        /// Something was delivered.
        Delivery = "delivery",
        /// The conversation passed between apps.
        Handover = "handover",
        /// Meta warned, blocked or unblocked the business.
        Policy = "policy",
        /// Anything else; counted, without effect.
        Other = "other",
    }
}

impl Kind {
    /// Whether only the user can cause it.
    pub fn is_users(self) -> bool {
        self < Kind::Send
    }
}

words! {
    /// The `messaging_type` of a send.
    MessagingType {
        /// An answer inside the window.
        Response = "RESPONSE",
        /// Unasked, inside the window.
        Update = "UPDATE",
        /// Carries a message tag.
        MessageTag = "MESSAGE_TAG",
        /// A utility template on Messenger.
        Utility = "UTILITY",
        /// Subscription messaging, until 2020; news since.
        NonPromotionalSubscription = "NON_PROMOTIONAL_SUBSCRIPTION",
    }
}

words! {
    /// Which kind of token a send spends or an opt-in grants.
    TokenType {
        /// A one-time notification token.
        OneTime = "otn",
        /// A token of recurring notifications or marketing messages.
        Recurring = "recurring",
    }
}

words! {
    /// How often a recurring token may be used, as its opt-in said.
    Frequency {
        /// Once a day.
        Daily = "daily",
        /// Once a week.
        Weekly = "weekly",
        /// Once a month.
        Monthly = "monthly",
    }
}

words! {
    /// What a template is for.
    Category {
        /// Sells or promotes.
        Marketing = "marketing",
        /// About something the user asked for or agreed to.
        Utility = "utility",
        /// One-time passcodes.
        Authentication = "authentication",
        /// Free-form inside the customer service window.
        Service = "service",
    }
}

words! {
    /// Who wrote a send.
    Sender {
        /// A person.
        Human = "human",
        /// A program.
        Bot = "bot",
    }
}

words! {
    /// What became of a send.
    Status {
        /// Meta took it.
        Sent = "sent",
        /// Meta rejected it: an attempt, which spends nothing.
        Failed = "failed",
    }
}

words! {
    /// How the user came into the conversation.
    Entry {
        /// A click-to-Messenger, click-to-Direct or click-to-WhatsApp ad.
        Ad = "ad",
        /// An m.me link.
        MMe = "m.me",
        /// An ig.me link.
        IgMe = "ig.me",
        /// A plugin on a website.
        Plugin = "plugin",
    }
}

/// How far the clock of the business's own log may be from Meta's, in ms, and how much later or earlier than Meta's time it
/// may have written.
pub(crate) const LOGGER_CLOCK_MS: u32 = 5_000;

/// The name of a template that was sent, of which the log shows no more than that there was one.
pub const TEMPLATE_NOT_IN_LOG: &str = "(not in log)";

/// Where a record stands: which input (in the order they were opened) and which line of it, from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Index of the input among all inputs of the run.
    pub input: u32,
    /// Line on which the record begins, from 1; 0 where there is no file.
    pub line: u32,
}

/// One event. Only `at`, `user` and `kind` say something for every event; `None` and `""` mean that the log does not say.
///
/// ```
/// use fbwin::{Event, Kind, Time};
/// let wrote = Event { at: Time::from_ms(1_709_287_200_000), user: "42", kind: Kind::Message, ..Event::default() };
/// assert_eq!(wrote.channel.word(), "messenger");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// When it happened.
    pub at: Time,
    /// How far the true moment may lie after `at`, in ms: 0 for an exact time, 1000 for one good to the second.
    pub precision_ms: u32,
    /// The channel.
    pub channel: Channel,
    /// Page id, Instagram account id or phone_number_id; `""` where the log names none.
    pub account: &'a str,
    /// PSID, IGSID, wa_id: an id that means nothing without its account.
    pub user: &'a str,
    /// What happened.
    pub kind: Kind,
    /// Message id.
    pub id: Option<&'a str>,
    /// Where the record stands.
    pub place: Place,
    /// The text of a message or send.
    pub text: Option<&'a str>,
    /// The send's messaging type.
    pub messaging_type: Option<MessagingType>,
    /// The send's message tag in upper snake case (see [`tag_word`]).
    pub tag: Option<&'a str>,
    /// The token spent by a send, granted by an opt-in, or stopped. A credential.
    pub token: Option<&'a str>,
    /// Which kind of token it is.
    pub token_type: Option<TokenType>,
    /// The first moment the token is no longer good.
    pub token_expires: Option<Time>,
    /// How often the token may be used, on its opt-in.
    pub frequency: Option<Frequency>,
    /// The comment or post a private reply answers; on a comment, its own id.
    pub comment: Option<&'a str>,
    /// The template's name.
    pub template: Option<&'a str>,
    /// The template's category.
    pub category: Option<Category>,
    /// Whether it is a sponsored message.
    pub sponsored: bool,
    /// Who wrote it.
    pub sender: Option<Sender>,
    /// The business's own word on whether it promotes.
    pub promotional: Option<bool>,
    /// What became of it.
    pub status: Option<Status>,
    /// The code Meta rejected it with.
    pub error_code: Option<i32>,
    /// The subcode Meta rejected it with.
    pub error_subcode: Option<i32>,
    /// How the user came into the conversation.
    pub entry: Option<Entry>,
    /// ISO 3166 alpha-2 country of the user.
    pub region: Option<&'a str>,
    /// Whether the record's format hides what the send relied on: an echo shows neither tag nor token.
    pub claim_hidden: bool,
    /// Whether the log does not show to which user it went: `user` is another name of theirs, or `""`.
    pub recipient_hidden: bool,
    /// Whether `at` is the time of the business's own log instead of Meta's, which is believed first.
    pub logged_at: bool,
    /// Whether it is one half of a send whose other half was not found. Of a call: nothing in the log answers it, and it may
    /// never have reached Meta. Of a send whose claim is hidden: one of several such calls may be its own, so its claim
    /// stays hidden whatever else is known of the business.
    pub unpaired: bool,
}

impl Default for Event<'_> {
    fn default() -> Self {
        Event {
            at: Time::default(),
            precision_ms: 0,
            channel: Channel::Messenger,
            account: "",
            user: "",
            kind: Kind::Other,
            id: None,
            place: Place::default(),
            text: None,
            messaging_type: None,
            tag: None,
            token: None,
            token_type: None,
            token_expires: None,
            frequency: None,
            comment: None,
            template: None,
            category: None,
            sponsored: false,
            sender: None,
            promotional: None,
            status: None,
            error_code: None,
            error_subcode: None,
            entry: None,
            region: None,
            claim_hidden: false,
            recipient_hidden: false,
            logged_at: false,
            unpaired: false,
        }
    }
}

impl Event<'_> {
    /// Whether Meta rejected the send: it said so, or there is an error code.
    pub fn is_rejected(&self) -> bool {
        self.status == Some(Status::Failed) || self.error_code.is_some() || self.error_subcode.is_some()
    }

    /// Whether the log leaves open that the send never reached Meta: nothing answers the call.
    pub fn may_be_lost(&self) -> bool {
        self.unpaired && !self.claim_hidden && self.delivered().is_none()
    }

    /// By how many ms the true moment may lie before `at`, and how far after it.
    pub fn blur_ms(&self) -> (i64, i64) {
        let clock_ms = if self.logged_at { LOGGER_CLOCK_MS } else { 0 };
        (i64::from(clock_ms), i64::from(self.precision_ms.max(clock_ms)))
    }

    /// Whether the log itself calls the send promotional: by the business's own word, else by a marketing category.
    pub fn says_it_promotes(&self) -> bool {
        self.promotional.unwrap_or(self.category == Some(Category::Marketing))
    }

    /// `Some(true)` if Meta took the send, `Some(false)` if it rejected it, `None` if the log does not say.
    pub fn delivered(&self) -> Option<bool> {
        match (self.is_rejected(), self.status) {
            (true, _) => Some(false),
            (false, Some(_)) => Some(true),
            (false, None) => None,
        }
    }
}

/// A tag as Meta writes it: `HumanAgent`, `human agent` and `human_agent` are all `HUMAN_AGENT`.
pub fn tag_word(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if text.bytes().all(|c| c.is_ascii_uppercase() || c == b'_') && !text.contains("__") {
        return Cow::Borrowed(text);
    }
    let mut word = String::with_capacity(text.len() + 4);
    let mut lower_before = false;
    for c in text.chars() {
        if matches!(c, ' ' | '-' | '_') {
            lower_before = false;
            if !word.ends_with('_') {
                word.push('_');
            }
            continue;
        }
        if c.is_uppercase() && lower_before {
            word.push('_');
        }
        // A digit is of the word before it, so that a tag in capitals stays as it is.
        lower_before = c.is_lowercase() || lower_before && c.is_ascii_digit();
        word.extend(c.to_uppercase());
    }
    Cow::Owned(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_upper_snake_whoever_wrote_them() {
        for text in ["HUMAN_AGENT", "human_agent", "HumanAgent", "humanAgent", "human agent", " Human-Agent "] {
            assert_eq!(tag_word(text), "HUMAN_AGENT", "{text}");
        }
        assert_eq!(tag_word("ConfirmedEventUpdate"), "CONFIRMED_EVENT_UPDATE");
        assert_eq!(tag_word(""), "");
        for (text, word) in [("6Whatsapp", "6WHATSAPP"), ("abc1Def", "ABC1_DEF"), ("TAG2X", "TAG2X")] {
            assert_eq!((tag_word(text).as_ref(), tag_word(word).as_ref()), (word, word), "{text}");
        }
    }

    #[test]
    fn every_word_leads_back_to_its_variant() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_word(&kind.word().to_uppercase()), Some(*kind));
        }
        assert_eq!(Channel::from_word("WhatsApp"), Some(Channel::Whatsapp));
        assert_eq!(Kind::from_word("story"), None);
        assert!(Kind::Block.is_users() && !Kind::Send.is_users() && !Kind::Other.is_users());
    }
}
