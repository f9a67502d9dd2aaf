//! Webhooks of Messenger and Instagram: `messaging` and `standby` events, whole bodies or single events. A body may hold
//! changes of the feed besides.
//!
//! Sources of the shapes: Meta's webhook reference for `messages`, `message_echoes`, `messaging_postbacks`,
//! `messaging_optins`, `messaging_referrals`, `message_reactions`, `messaging_feedback`, `messaging_policy_enforcement`.

use crate::event::{Channel, Entry, Event, Frequency, Kind, Sender, Status};
use crate::time::Stamp;

use super::json::Json;
use super::loose::Alias;
use super::shape::{self, Record, Shape, channel_of};
use super::sides::Sides;
use super::{beside, feed, shown};

pub(super) const SHAPE: Shape = Shape { name: "webhook", fits, read };

/// The app of Meta's own inbox: what it sends, a person wrote.
const PAGE_INBOX_APP: &str = "263902037430900";

/// The keys of which a single event has one.
const EVENTS: &[&str] = &[
    "message",
    "postback",
    "optin",
    "referral",
    "reaction",
    "read",
    "delivery",
    "message_edit",
    "account_linking",
    "messaging_feedback",
    "pass_thread_control",
    "take_thread_control",
    "request_thread_control",
    "app_roles",
    "policy_enforcement",
];

/// The keys under which an entry keeps such events. Another app owned the thread of a standby event; what the user did is
/// true all the same.
const LISTS: &[&str] = &["messaging", "standby", "messaging_handovers", "messaging_optins", "messaging_optin"];

fn fits(json: &Json<'_>) -> bool {
    let has_list = |entry: &Json<'_>| LISTS.iter().any(|key| entry.has(key));
    json.get("entry").elements().iter().any(has_list) || is_event(json)
}

/// A bare event has a sender and one thing that happened. Some name only the account, but no message does: what has a
/// recipient and a message alone is a request to send it.
pub(super) fn is_event(json: &Json<'_>) -> bool {
    let has = |keys: &[&str]| keys.iter().any(|key| json.has(key));
    json.get("sender").is_object() && has(EVENTS)
        || json.get("recipient").is_object() && !json.has("message") && has(EVENTS)
}

fn read(json: &Json<'_>, record: &mut Record<'_, '_>) -> Result<(), String> {
    let channel = channel_of(json);
    if !json.has("entry") {
        return read_event(json, &Around { channel, id: None, time: None }, record);
    }
    let mut wrong = Wrong::default();
    for entry in json.get("entry").elements() {
        if !entry.is_object() {
            wrong.note(Err("has an entry that is not an object".to_owned()));
        }
        let id = entry.get("id").id();
        let around = Around { channel, id: id.as_deref(), time: record.stamp(entry.get("time")) };
        for key in LISTS.iter().filter(|key| entry.has(key)) {
            match entry.get(key) {
                Json::Array(events) => events.iter().for_each(|event| wrong.note(read_event(event, &around, record))),
                _ => wrong.note(Err(format!("has a `{key}` that is not a list"))),
            }
        }
        if feed::has_changes(entry) {
            feed::read_entry(entry, channel, record, &mut wrong);
        } else if entry.has("changes") {
            record.unknown("changes beside messaging");
        }
    }
    wrong.finish()
}

/// What the entry around an event says.
pub(super) struct Around<'a> {
    pub(super) channel: Option<Channel>,
    pub(super) id: Option<&'a str>,
    pub(super) time: Option<Stamp>,
}

/// What of a body could not be read. One unreadable event must not take the others of its body with it, nor go unseen
/// among them.
#[derive(Default)]
pub(super) struct Wrong {
    first: Option<String>,
    wrong: u64,
    all: u64,
}

impl Wrong {
    /// Takes note of what became of one event.
    pub(super) fn note(&mut self, outcome: Result<(), String>) {
        self.all += 1;
        if let Err(reason) = outcome {
            self.wrong += 1;
            self.first.get_or_insert(reason);
        }
    }

    /// The reason for the body as a whole.
    pub(super) fn finish(self) -> Result<(), String> {
        match self.first {
            None => Ok(()),
            Some(reason) if self.all == 1 => Err(reason),
            Some(reason) => Err(format!("{reason} (so {} of its {} events)", self.wrong, self.all)),
        }
    }
}

pub(super) fn read_event(json: &Json<'_>, around: &Around<'_>, record: &mut Record<'_, '_>) -> Result<(), String> {
    let outcome = read_one(json, around, record);
    // What else stands in the body tells its sides itself.
    record.sides = Sides::Told;
    outcome
}

fn read_one(json: &Json<'_>, around: &Around<'_>, record: &mut Record<'_, '_>) -> Result<(), String> {
    if !json.is_object() {
        return Err("has an event that is not an object".to_owned());
    }
    let message = json.get("message");
    let is_echo = message.get("is_echo").truth() == Some(true);
    let known = EVENTS.iter().map(|key| (*key, json.get(key))).find(|(_, what)| !what.is_null());
    if let Some((key, what)) = known.filter(|(_, what)| !what.is_object()) {
        let found = if matches!(what, Json::Array(_)) { "a list" } else { "a single value" };
        return Err(format!("has a `{key}` that is {found} instead of an object"));
    }
    let (sender, recipient) = (json.get("sender"), json.get("recipient"));
    let optin = json.get("optin");
    // The checkbox plugin knows its user by a reference only.
    let sides = (id_of(sender).or_else(|| id_of(optin)), id_of(recipient));
    let only_users = USERS_ONLY.iter().any(|key| json.has(key)) || json.has("prior_message");
    let side = if is_echo {
        Side::Business
    } else if only_users {
        Side::User
    } else {
        Side::Either
    };
    let (account, user) = match (account_and_user(sides, around, side, record), known) {
        (Some((account, user, told)), _) => {
            record.sides = told;
            (account, user)
        }
        // These are of the account, not of a conversation.
        (None, Some(("app_roles" | "policy_enforcement", _))) => {
            let account = around.id.map(str::to_owned).or_else(|| id_of(recipient)).or_else(|| record.account.clone());
            (account.unwrap_or_default(), String::new())
        }
        (None, Some(_)) if [sender, recipient].iter().any(|side| matches!(side.get("id"), Json::Float(_))) => {
            return Err("names a user by a number that has lost digits; log ids as text".to_owned());
        }
        (None, Some(_)) => return Err("names no user: neither `sender` nor `recipient` has an id".to_owned()),
        (None, None) => {
            record.unknown(unknown_key(json));
            return Ok(());
        }
    };
    let out = is_echo || Some(account.as_str()) == id_of(sender).as_deref() && !account.is_empty();
    let written = json.get("timestamp");
    let stamp = match record.stamp(written) {
        Some(stamp) => stamp,
        // The time of the webhook may be a day later: it must not stand for a time that we cannot read.
        None if !written.is_null() => {
            return Err(match written {
                Json::Text(text) => match Stamp::parse(text, record.sink.options.utc_offset_s) {
                    Err(error) => format!("`timestamp` `{}` {error}", shown(text)),
                    Ok(_) => "has no `timestamp`".to_owned(),
                },
                _ => "has a `timestamp` that is no time".to_owned(),
            });
        }
        None => record
            .stamp(json.first(&["delivery", "read"]).get("watermark"))
            .or(around.time)
            .or(record.logged)
            .ok_or("has no `timestamp`")?,
    };
    let channel = around
        .channel
        .unwrap_or_else(|| if looks_like_instagram(json) { Channel::Instagram } else { Channel::Messenger });
    let id = message.get("mid").id().map(|mid| mid.into_owned());
    let token =
        optin.first(&["one_time_notif_token", "notification_messages_token"]).id().map(|token| token.into_owned());
    let base = Event {
        at: stamp.at,
        precision_ms: stamp.precision_ms,
        channel,
        account: &account,
        user: &user,
        id: id.as_deref(),
        ..Event::default()
    };
    let referral = referral_of(json);
    let entry = entry_of(referral);

    if message.is_object() {
        if let Some(alias) = prior_name(json, channel, &account, &user) {
            record.alias(alias);
        }
        let kind = match (out, message.get("is_deleted").truth()) {
            (_, Some(true)) => {
                if out {
                    Kind::Other
                } else {
                    Kind::Delete
                }
            }
            // A note of the account to itself is in no conversation.
            _ if account == user || message.get("is_self").truth() == Some(true) => Kind::Other,
            (true, _) => Kind::Send,
            (false, _) => Kind::Message,
        };
        let template = template_of(message);
        let may_be_send = kind == Kind::Send || kind == Kind::Message && record.sides != Sides::Told;
        let event = Event {
            kind,
            text: message.get("text").text(),
            entry: entry.filter(|_| kind == Kind::Message),
            template: template.filter(|_| may_be_send),
            sender: may_be_send.then(|| sender_of(message)).flatten(),
            // An echo shows neither tag nor token.
            claim_hidden: kind == Kind::Send,
            status: (kind == Kind::Send).then_some(Status::Sent),
            ..base
        };
        let attachment = message.get("attachments").elements().first().map(|first| first.get("type"));
        let beside = if may_be_send { beside_text(message) } else { None };
        let attachment = attachment.map(|kind| kind.text().unwrap_or_default());
        return record.event_with(&event, attachment, beside.as_deref());
    }
    if let Some((key, what)) = known {
        return read_other(key, what, Event { entry, token: token.as_deref(), ..base }, out, record);
    }
    record.unknown(unknown_key(json));
    record.event(&Event { kind: Kind::Other, ..base })
}

/// The name of an event we do not know.
fn unknown_key<'j>(json: &'j Json<'_>) -> &'j str {
    let is_event = |key: &str| !matches!(key, "sender" | "recipient" | "timestamp" | "time" | "source" | "id");
    let other = json.fields().iter().find(|(key, value)| is_event(key) && !value.is_null());
    other.map_or("event without content", |(key, _)| shape::plain_key(key))
}

/// Everything but messages.
fn read_other(
    key: &str,
    what: &Json<'_>,
    base: Event<'_>,
    out: bool,
    record: &mut Record<'_, '_>,
) -> Result<(), String> {
    let mid = what.get("mid").id();
    // What the business itself did opens nothing.
    let users = |kind| if out { Kind::Other } else { kind };
    let event = match key {
        "postback" => Event { kind: users(Kind::Postback), id: mid.as_deref(), ..base },
        "referral" => Event { kind: users(Kind::Referral), ..base },
        "reaction" => {
            let back = what.get("action").text() == Some("unreact");
            Event { kind: users(if back { Kind::Unreaction } else { Kind::Reaction }), ..base }
        }
        "optin" => {
            let kind = match (what.get("type").text(), what.get("notification_messages_status").text()) {
                (Some("one_time_notif_req"), _) => Kind::OtnOptin,
                (_, Some(status)) if status.to_ascii_uppercase().starts_with("STOP") => Kind::RecurringStop,
                (_, Some(status)) if status.to_ascii_uppercase().starts_with("RESUME") => Kind::RecurringResume,
                (Some("notification_messages"), _) => Kind::RecurringOptin,
                _ => Kind::Optin,
            };
            let frequency = what.get("notification_messages_frequency").text().and_then(Frequency::from_word);
            let token_expires = record.stamp(what.get("token_expiry_timestamp")).map(|stamp| stamp.at);
            Event { kind: users(kind), frequency, token_expires, ..base }
        }
        "delivery" => {
            let mids = what.get("mids").elements();
            for mid in mids.iter().filter_map(Json::id) {
                record.event(&Event { kind: Kind::Delivery, id: Some(&mid), token: None, ..base })?;
            }
            if !mids.is_empty() {
                return Ok(());
            }
            Event { kind: Kind::Delivery, token: None, ..base }
        }
        "read" => return record.event(&Event { kind: Kind::Read, id: mid.as_deref(), token: None, ..base }),
        "message_edit" => Event { kind: users(Kind::Edit), id: None, ..base },
        "account_linking" => Event { kind: users(Kind::AccountLink), ..base },
        "messaging_feedback" => Event { kind: users(Kind::Feedback), ..base },
        "policy_enforcement" => Event { kind: Kind::Policy, ..base },
        "app_roles" => Event { kind: Kind::Other, ..base },
        _ => Event { kind: Kind::Handover, ..base },
    };
    record.event(&event)
}

/// What only a user can do, so that its sender is one whatever the entry around it says: Meta's own sample of an Instagram
/// postback has the user's id there.
const USERS_ONLY: &[&str] = &["postback", "optin", "referral", "account_linking", "messaging_feedback"];

/// Who caused an event, as far as its kind tells.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Business,
    User,
    Either,
}

/// The id of one side; a checkbox plugin knows its user by a reference only.
fn id_of(side: &Json<'_>) -> Option<String> {
    side.first(&["id", "user_ref"]).id().map(|id| id.into_owned())
}

/// Which side is the account and which the user, and how that is known. The entry's id usually is; App Dashboard tests write 0 there.
fn account_and_user(
    (sender, recipient): (Option<String>, Option<String>),
    around: &Around<'_>,
    side: Side,
    record: &Record<'_, '_>,
) -> Option<(String, String, Sides)> {
    let entry = around.id.or(record.account.as_deref()).filter(|id| *id != "0");
    let known = entry.or(Some(record.sink.account()).filter(|account| !account.is_empty()));
    match (sender, recipient) {
        (Some(sender), Some(recipient)) => Some(match known {
            _ if side == Side::User => (recipient, sender, Sides::Told),
            Some(account) if account == sender => (sender, recipient, Sides::Told),
            Some(account) if account == recipient => (recipient, sender, Sides::Told),
            _ if side == Side::Business => (sender, recipient, Sides::Told),
            _ => (recipient, sender, Sides::Assumed),
        }),
        (Some(one), None) | (None, Some(one)) => {
            let account = known.unwrap_or_default();
            (one != account).then(|| (account.to_owned(), one, Sides::Told))
        }
        (None, None) => None,
    }
}

/// Ids of Instagram accounts begin with 17841; nothing else tells a bare event's channel.
fn looks_like_instagram(json: &Json<'_>) -> bool {
    [json.get("sender"), json.get("recipient")].iter().filter_map(|side| id_of(side)).any(|id| id.starts_with("17841"))
}

fn referral_of<'j, 'a>(json: &'j Json<'a>) -> &'j Json<'a> {
    [json.get("message"), json.get("postback"), json.get("optin")]
        .into_iter()
        .map(|inside| inside.get("referral"))
        .find(|referral| referral.is_object())
        .unwrap_or_else(|| json.get("referral"))
}

fn entry_of(referral: &Json<'_>) -> Option<Entry> {
    if referral.has("ad_id") || referral.has("ads_context_data") {
        return Some(Entry::Ad);
    }
    match referral.get("source").text()?.to_ascii_uppercase().as_str() {
        "ADS" | "AD" => Some(Entry::Ad),
        "SHORTLINK" => Some(Entry::MMe),
        "IGME" | "IG_ME" | "IGME-SOURCE-LINK" => Some(Entry::IgMe),
        "CUSTOMER_CHAT_PLUGIN" | "CHECKBOX_PLUGIN" | "SEND_TO_MESSENGER" => Some(Entry::Plugin),
        _ => None,
    }
}

fn sender_of(message: &Json<'_>) -> Option<Sender> {
    let app = message.get("app_id").id()?;
    (app == PAGE_INBOX_APP).then_some(Sender::Human)
}

/// The requests that an echo shows by the template they used.
fn template_of<'j>(message: &'j Json<'_>) -> Option<&'j str> {
    let types = message.get("attachments").elements().iter().map(|attachment| attachment.get("payload"));
    types
        .filter_map(|payload| payload.get("template_type").text())
        .find(|name| matches!(*name, "one_time_notif_req" | "notification_messages" | "customer_feedback"))
}

/// What an echo shows of its templates and quick replies. What else is attached has no words.
fn beside_text(message: &Json<'_>) -> Option<String> {
    let payloads = message.get("attachments").elements().iter().map(|attachment| attachment.get("payload"));
    let templates = payloads.filter(|payload| payload.has("template_type"));
    beside::lines(templates.chain([message.get("template"), message.get("quick_replies")]))
}

/// A message that follows a checkbox plugin names the reference that the plugin gave.
fn prior_name(json: &Json<'_>, channel: Channel, account: &str, user: &str) -> Option<Alias> {
    let from = json.get("prior_message").get("identifier").id()?;
    Some(Alias { channel, account: account.to_owned(), from: from.into_owned(), to: user.to_owned() })
}
