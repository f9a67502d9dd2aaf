//! Calls of `/messages` of the WhatsApp Cloud API, and of the on-premises API before it, as bots log them: requests,
//! responses and errors. The only source of template names. Errors of the Graph API are read with those of the Send API.

use std::borrow::Cow;

use crate::event::{Category, Channel, TEMPLATE_NOT_IN_LOG};

use super::beside;
use super::json::Json;
use super::loose::{Alias, Loose, Piece, Recipient, Request};
use super::shape::{Record, Shape};
use super::whatsapp::{digits, same_person};

pub(super) const SHAPE: Shape = Shape { name: "whatsapp-send", fits, read };

fn fits(json: &Json<'_>) -> bool {
    is_request(json) || is_receipt(json) || is_taken(json) || refusal(json).is_some() || is_success(json)
}

/// The on-premises API did without `messaging_product`; what it sent lies under the key of its type.
fn is_request(json: &Json<'_>) -> bool {
    let has_content = json.get("type").text().is_some_and(|kind| json.get(kind).is_object());
    let addressed = json.get("to").id().is_some() || json.get("recipient").text().is_some();
    let is_webhook = json.has("from") || json.has("timestamp") || json.get("recipient").is_object();
    let of_cloud = json.has("messaging_product") && (addressed || json.has("type"));
    !is_webhook && (of_cloud || addressed && has_content)
}

/// "I have read this": no send.
fn is_receipt(json: &Json<'_>) -> bool {
    json.get("status").text() == Some("read") && json.has("message_id") && json.has("messaging_product")
}

fn is_taken(json: &Json<'_>) -> bool {
    let known = |key: &str| matches!(key, "messaging_product" | "contacts" | "messages" | "meta");
    let messages = json.get("messages").elements();
    let is_answer = |message: &Json<'_>| message.has("id") && !message.has("from") && !message.has("timestamp");
    !messages.is_empty() && messages.iter().all(is_answer) && json.fields().iter().all(|(key, _)| known(key))
}

/// The error of the Graph API, or the first of the list of the on-premises API; alone, since beside a request it is that
/// one's.
fn refusal<'j, 'a>(json: &'j Json<'a>) -> Option<&'j Json<'a>> {
    let known = |key: &str| matches!(key, "error" | "errors" | "meta" | "messaging_product" | "contacts" | "messages");
    let alone = json.fields().iter().all(|(key, _)| known(key));
    let first = json.get("errors").elements().first();
    first.or(Some(json.get("error"))).filter(|error| alone && error.has("code"))
}

/// The answer to a read receipt.
fn is_success(json: &Json<'_>) -> bool {
    matches!(json.fields(), [(key, Json::Truth(_))] if key == "success")
}

fn read(json: &Json<'_>, record: &mut Record<'_, '_>) -> Result<(), String> {
    if is_receipt(json) || is_success(json) {
        return Ok(());
    }
    if let Some(error) = refusal(json) {
        let code = |key| error.get(key).integer().and_then(|code| i32::try_from(code).ok()).filter(|code| *code != 0);
        return loose(json, record, Piece::Refused { code: code("code"), subcode: code("error_subcode") });
    }
    if is_taken(json) {
        return read_taken(json, record);
    }
    if json.get("recipient_type").text() == Some("group") {
        record.unknown("message to a group");
        return Ok(());
    }
    let request = request(json, record)?;
    loose(json, record, Piece::Request(Box::new(request)))
}

/// The number that was dialled may differ from the one that WhatsApp knows: the response names both.
fn read_taken(json: &Json<'_>, record: &mut Record<'_, '_>) -> Result<(), String> {
    let contacts = json.get("contacts").elements();
    for contact in contacts {
        let dialled = contact.get("input").id().map(|number| digits(&number));
        let (number, scoped) = (contact.get("wa_id").id(), contact.get("user_id").id());
        same_person(scoped.as_deref(), number.as_deref(), record);
        if let (Some(from), Some(to)) = (dialled, number.or(scoped))
            && from != to
        {
            let to = to.into_owned();
            record.alias(Alias { channel: Channel::Whatsapp, account: String::new(), from, to });
        }
    }
    let recipient = match contacts {
        [contact] => contact.get("input").id().map(|number| digits(&number)),
        _ => None,
    };
    let ids: Vec<String> =
        json.get("messages").elements().iter().filter_map(|m| m.get("id").id().map(Cow::into_owned)).collect();
    if ids.is_empty() {
        return Err("is a response whose messages have no readable `id`".to_owned());
    }
    loose(json, record, Piece::Taken { ids, recipient })
}

fn request(json: &Json<'_>, record: &mut Record<'_, '_>) -> Result<Request, String> {
    let number = json.get("to").id().map(|number| digits(&number));
    let scoped = json.get("recipient").id();
    same_person(scoped.as_deref(), number.as_deref(), record);
    let user = number.or(scoped.map(Cow::into_owned)).ok_or("names no recipient")?;
    let kind = json.get("type").text();
    // Before templates had that name they were highly structured messages.
    let template = json.first(&["template", "hsm"]);
    let name = template.first(&["name", "element_name"]).text();
    let is_template = matches!(kind, Some("template" | "hsm")) || template.is_object();
    let body = kind.map(|kind| json.get(kind));
    let text = json.get("text").get("body").text();
    let text = text.or_else(|| body.and_then(|body| body.get("caption").text()));
    let text = text.or_else(|| body.and_then(|body| body.get("body").get("text").text()));
    Ok(Request {
        to: Recipient::User(user),
        text: text.map(str::to_owned),
        beside: beside::lines([template, json.get("interactive")]),
        template: is_template.then(|| name.unwrap_or(TEMPLATE_NOT_IN_LOG).to_owned()),
        category: json.get("category").text().or(template.get("category").text()).and_then(Category::from_word),
        ..Request::default()
    })
}

fn loose(json: &Json<'_>, record: &mut Record<'_, '_>, what: Piece) -> Result<(), String> {
    let account = record.account.clone().or_else(|| json.get("phone_number_id").id().map(Cow::into_owned));
    let (at, correlation) = (record.logged_beside(json), record.correlation.clone());
    let (place, nth) = (record.sink.place(record.line), record.sink.loose.len() as u32);
    record.sink.loose.push(Loose { place, nth, channel: Channel::Whatsapp, account, at, correlation, what });
    Ok(())
}
