//! Messages of Chatwoot, as its API and webhooks write them.
//!
//! Sources of the shapes: Chatwoot's API reference for messages and its webhook events `message_created` and
//! `message_updated`. It keeps neither tag nor token, so what a send relied on cannot be seen.

use std::borrow::Cow;

use crate::event::{Channel, Event, Kind, Sender, Status};

use super::json::Json;
use super::shape::{Record, Shape};

pub(super) const SHAPE: Shape = Shape { name: "chatwoot", fits, read };

fn fits(json: &Json<'_>) -> bool {
    let is_message = !json.get("message_type").is_null() && (json.has("content") || json.has("created_at"));
    is_message && (json.has("conversation_id") || json.has("conversation") || json.has("inbox_id") || json.has("inbox"))
}

fn read(json: &Json<'_>, record: &mut Record<'_, '_>) -> Result<(), String> {
    let out = match json.get("message_type") {
        Json::Integer(0) => false,
        Json::Integer(1 | 3) => true,
        Json::Integer(2) => return Ok(()),
        other => match other.text() {
            Some("incoming") => false,
            // A template is what the bot of the inbox sends: a greeting, a survey.
            Some("outgoing" | "template") => true,
            // Who joined, who was assigned: nobody sends that.
            Some("activity") => return Ok(()),
            _ => return Err("has a `message_type` that is not known".to_owned()),
        },
    };
    // A note among colleagues.
    if json.get("private").truth() == Some(true) {
        return Ok(());
    }
    let (conversation, inbox) = (json.get("conversation"), json.get("inbox"));
    let channel = channel_of([json, conversation, inbox]).unwrap_or_default();
    let contact_inbox = [json.get("contact_inbox"), conversation.get("contact_inbox")];
    let user = contact_inbox.iter().find_map(|inbox| inbox.get("source_id").id().map(Cow::into_owned));
    // Without the id that Meta gave them, a contact is known by Chatwoot's own, and at the least by the conversation.
    let contact = || {
        let sender = json.get("sender");
        let from_user = !out && !matches!(sender_type(json), Some("user" | "agent_bot" | "agentbot"));
        let written = conversation.get("meta").get("sender").get("id").id();
        written.or_else(|| sender.get("id").id().filter(|_| from_user)).map(|id| format!("contact:{id}"))
    };
    let of_conversation = || {
        let id = json.get("conversation_id").id().or_else(|| conversation.first(&["id", "display_id"]).id());
        id.map(|id| format!("conversation:{id}"))
    };
    let user = user.or_else(|| if json.has("conversation_id") { of_conversation() } else { contact() });
    let user = user.or_else(of_conversation).ok_or("names no user: neither a contact nor a conversation")?;
    let account =
        json.get("inbox_id").id().or_else(|| inbox.get("id").id()).or_else(|| conversation.get("inbox_id").id());
    account.iter().for_each(|inbox| record.inbox(channel, inbox));
    let stamp = [json.get("created_at"), json.get("timestamp")].into_iter().find_map(|time| record.stamp(time));
    let stamp = stamp.or(record.logged).ok_or("has no `created_at` that is a time")?;
    let attributes = json.get("content_attributes");
    let error = attributes.get("external_error").text();
    let failed = error.is_some() || json.get("status").text() == Some("failed");
    let taken = matches!(json.get("status").text(), Some("sent" | "delivered" | "read"));
    let id = json.get("source_id").id();
    let sender = match sender_type(json) {
        Some("user") => Some(Sender::Human),
        Some("agent_bot" | "agentbot") => Some(Sender::Bot),
        _ if matches!(json.get("message_type"), Json::Integer(3)) => Some(Sender::Bot),
        _ if json.get("message_type").text() == Some("template") => Some(Sender::Bot),
        _ => None,
    };
    record.event(&Event {
        at: stamp.at,
        precision_ms: stamp.precision_ms,
        channel,
        account: account.as_deref().unwrap_or_default(),
        user: &user,
        kind: if out { Kind::Send } else { Kind::Message },
        id: id.as_deref(),
        text: json.get("content").text(),
        sender: sender.filter(|_| out),
        status: match (out, failed, taken) {
            (true, true, _) => Some(Status::Failed),
            // Chatwoot marks a message as sent when it hands it over; only Meta's id proves that it was taken.
            (true, false, true) if id.is_some() => Some(Status::Sent),
            _ => None,
        },
        error_code: error.and_then(leading_number).filter(|_| out),
        error_subcode: error.and_then(known_subcode).filter(|_| out),
        claim_hidden: out,
        ..Event::default()
    })
}

/// `Contact`, `User` or `AgentBot`, in the message or in its sender, where webhooks write it small.
fn sender_type<'j>(json: &'j Json<'_>) -> Option<&'j str> {
    let word = json.get("sender_type").text().or_else(|| json.get("sender").get("type").text())?;
    Some(match word {
        "User" | "user" | "agent" => "user",
        "AgentBot" | "agent_bot" | "agentbot" => "agent_bot",
        other => other,
    })
}

/// `Channel::FacebookPage`, `Channel::Instagram`, `Channel::Whatsapp`, wherever it stands.
fn channel_of(places: [&Json<'_>; 3]) -> Option<Channel> {
    let written = places.iter().find_map(|place| place.first(&["channel", "channel_type"]).text())?;
    let written = written.to_ascii_lowercase();
    let known = [("facebook", Channel::Messenger), ("instagram", Channel::Instagram), ("whatsapp", Channel::Whatsapp)];
    known.into_iter().find(|(word, _)| written.contains(word)).map(|(_, channel)| channel)
}

/// The code in `10 - (#10) This message is sent outside of allowed window.`
fn leading_number(error: &str) -> Option<i32> {
    let end = error.find(|c: char| !c.is_ascii_digit()).unwrap_or(error.len());
    error[..end].parse().ok().filter(|code| *code != 0)
}

/// Chatwoot drops the subcode; Meta's words for the closed window stand for it.
fn known_subcode(error: &str) -> Option<i32> {
    (leading_number(error) == Some(10) && error.contains("outside of allowed window")).then_some(2_018_278)
}
