//! Webhooks of Messenger and Instagram: `messaging` and `standby` events, whole bodies or single events.
//!
//! Sources of the shapes: Meta's webhook reference for `messages`, `message_echoes`, `messaging_postbacks`,
//! `messaging_optins`, `messaging_referrals`, `message_reactions`, `messaging_feedback`, `messaging_policy_enforcement`.

use crate::event::{Channel, Entry, Event, Frequency, Kind, Sender};
use crate::time::Stamp;

use super::json::Json;
use super::loose::Alias;
use super::shape::{Record, Shape, channel_of};

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

fn fits(json: &Json<'_>) -> bool {
    let entries = json.get("entry").elements();
    let whole = entries.iter().any(|entry| entry.has("messaging") || entry.has("standby"));
    whole || is_event(json)
}

/// A bare event has two sides and a time, or its sender, and one thing that happened. A request has no sender.
fn is_event(json: &Json<'_>) -> bool {
    (json.get("sender").is_object() || json.get("recipient").is_object() && json.has("timestamp"))
        && EVENTS.iter().any(|key| json.get(key).is_object())
}

fn read(json: &Json<'_>, record: &mut Record<'_, '_>) -> Result<(), String> {
    let channel = channel_of(json);
    if !json.has("entry") {
        return read_event(json, &Around { channel, id: None, time: None }, record);
    }
    let mut first_wrong = None;
    for entry in json.get("entry").elements() {
        let id = entry.get("id").id().map(|id| id.into_owned());
        let time = record.stamp(entry.get("time"));
        // Another app owned the thread of a standby event; what the user did is true all the same.
        for key in ["messaging", "standby"] {
            let around = Around { channel, id: id.as_deref(), time };
            for event in entry.get(key).elements() {
                // One unreadable event must not take the others of the body with it.
                if let Err(wrong) = read_event(event, &around, record) {
                    first_wrong.get_or_insert(wrong);
                }
            }
        }
        if entry.has("changes") {
            record.unknown("changes beside messaging");
        }
    }
    first_wrong.map_or(Ok(()), Err)
}

/// What the entry around an event says.
struct Around<'a> {
    channel: Option<Channel>,
    id: Option<&'a str>,
    time: Option<Stamp>,
}

fn read_event(json: &Json<'_>, around: &Around<'_>, record: &mut Record<'_, '_>) -> Result<(), String> {
    let message = json.get("message");
    let is_echo = message.get("is_echo").truth() == Some(true);
    if json.has("app_roles") || json.has("policy_enforcement") && !json.has("sender") {
        // Of the account, not of a conversation.
        record.unknown(if json.has("app_roles") { "app_roles" } else { "policy_enforcement" });
        return Ok(());
    }
    let (sender, recipient) = (json.get("sender"), json.get("recipient"));
    let sides = (id_of(sender), id_of(recipient));
    let (account, user) = match account_and_user(sides, around, is_echo, record) {
        Some(sides) => sides,
        None => return Err("names no user: neither `sender` nor `recipient` has an id".to_owned()),
    };
    let out = is_echo || Some(account.as_str()) == id_of(sender).as_deref() && !account.is_empty();
    let optin = json.get("optin");
    let stamp = record
        .stamp(json.get("timestamp"))
        .or_else(|| record.stamp(json.first(&["delivery", "read"]).get("watermark")))
        .or(around.time)
        .or(record.logged)
        .ok_or("has no `timestamp`")?;
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
            (true, _) => Kind::Send,
            (false, _) => Kind::Message,
        };
        let template = template_of(message);
        let event = Event {
            kind,
            text: message.get("text").text(),
            entry: entry.filter(|_| kind == Kind::Message),
            template: template.filter(|_| kind == Kind::Send),
            sender: (kind == Kind::Send).then(|| sender_of(message)).flatten(),
            // An echo shows neither tag nor token.
            claim_hidden: kind == Kind::Send,
            status: (kind == Kind::Send).then_some(crate::event::Status::Sent),
            ..base
        };
        return record.event(&event);
    }
    if let Some((key, what)) = EVENTS.iter().map(|key| (*key, json.get(key))).find(|(_, what)| what.is_object()) {
        return read_other(key, what, Event { entry, token: token.as_deref(), ..base }, out, record);
    }
    let other = json.fields().iter().find(|(key, _)| !matches!(key.as_ref(), "sender" | "recipient" | "timestamp"));
    record.unknown(other.map_or("event without content", |(key, _)| key));
    record.event(&Event { kind: Kind::Other, ..base })
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
        _ => Event { kind: Kind::Handover, ..base },
    };
    record.event(&event)
}

/// The id of one side; a checkbox plugin knows its user by a reference only.
fn id_of(side: &Json<'_>) -> Option<String> {
    side.first(&["id", "user_ref"]).id().map(|id| id.into_owned())
}

/// Which side is the account. The entry's id usually is; App Dashboard tests write 0 there.
fn account_and_user(
    (sender, recipient): (Option<String>, Option<String>),
    around: &Around<'_>,
    is_echo: bool,
    record: &Record<'_, '_>,
) -> Option<(String, String)> {
    let entry = around.id.or(record.account.as_deref()).filter(|id| *id != "0");
    let known = entry.or(Some(record.sink.account()).filter(|account| !account.is_empty()));
    match (sender, recipient) {
        (Some(sender), Some(recipient)) => match known {
            Some(account) if account == sender => Some((sender, recipient)),
            Some(account) if account == recipient => Some((recipient, sender)),
            _ if is_echo => Some((sender, recipient)),
            _ => Some((recipient, sender)),
        },
        (Some(one), None) | (None, Some(one)) => {
            let account = known.unwrap_or_default();
            (one != account).then(|| (account.to_owned(), one))
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

/// A message that follows a checkbox plugin names the reference that the plugin gave.
fn prior_name(json: &Json<'_>, channel: Channel, account: &str, user: &str) -> Option<Alias> {
    let from = json.get("prior_message").get("identifier").id()?;
    Some(Alias { channel, account: account.to_owned(), from: from.into_owned(), to: user.to_owned() })
}
