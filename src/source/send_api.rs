//! The Send API of Messenger and Instagram as bots log it: requests, responses and errors. The only source of tag and token.

use std::borrow::Cow;

use crate::event::{Category, Channel, MessagingType, TokenType, tag_word};

use super::json::Json;
use super::loose::{Loose, Piece, Recipient, Request};
use super::shape::{Record, Shape};

pub(super) const SHAPE: Shape = Shape { name: "send-api", fits, read };

fn fits(json: &Json<'_>) -> bool {
    is_request(json) || is_taken(json) || is_refused(json) || json.get("batch").elements().iter().any(Json::is_object)
}

/// `recipient` is an object, or, in a form post, an object as text; a webhook event has a sender besides.
fn is_request(json: &Json<'_>) -> bool {
    let addressed =
        json.get("recipient").is_object() || json.get("recipient").text().is_some_and(|text| text.starts_with('{'));
    addressed
        && (json.has("message") || json.has("sender_action"))
        && !json.has("sender")
        && !json.has("timestamp")
        && !json.has("messaging_product")
}

fn is_taken(json: &Json<'_>) -> bool {
    let known = |key: &str| matches!(key, "message_id" | "recipient_id" | "attachment_id");
    (json.has("message_id") || json.has("recipient_id")) && json.fields().iter().all(|(key, _)| known(key))
}

fn is_refused(json: &Json<'_>) -> bool {
    json.get("error").is_object() && json.get("error").has("code")
}

fn read(json: &Json<'_>, record: &mut Record<'_, '_>) -> Result<(), String> {
    let channel = channel_of(record);
    if is_refused(json) {
        let error = json.get("error");
        let code = |key| error.get(key).integer().and_then(|code| i32::try_from(code).ok()).filter(|code| *code != 0);
        return loose(record, channel, Piece::Refused { code: code("code"), subcode: code("error_subcode") });
    }
    if is_taken(json) {
        let id = |key| json.get(key).id().map(Cow::into_owned);
        // The answer to a sender action has no message.
        return match id("message_id") {
            Some(message) => loose(record, channel, Piece::Taken { ids: vec![message], recipient: id("recipient_id") }),
            None => Ok(()),
        };
    }
    if json.has("batch") {
        return json.get("batch").elements().iter().try_for_each(|call| read_batched(call, record));
    }
    if json.has("sender_action") && !json.has("message") {
        return Ok(());
    }
    let request = request(json)?;
    loose(record, channel, Piece::Request(Box::new(request)))
}

fn channel_of(record: &Record<'_, '_>) -> Channel {
    match &record.account {
        Some(account) if account.starts_with("17841") => Channel::Instagram,
        _ => Channel::Messenger,
    }
}

fn loose(record: &mut Record<'_, '_>, channel: Channel, what: Piece) -> Result<(), String> {
    let (account, at, correlation) = (record.account.clone(), record.logged, record.correlation.clone());
    let (place, nth) = (record.sink.place(record.line), record.sink.loose.len() as u32);
    record.sink.loose.push(Loose { place, nth, channel, account, at, correlation, what });
    Ok(())
}

/// One call of a batch: its body is a form, `recipient=%7B%22id%22...&message=...`.
fn read_batched(call: &Json<'_>, record: &mut Record<'_, '_>) -> Result<(), String> {
    let Some(body) = call.get("body").text() else { return Ok(()) };
    let fields = body.split('&').filter_map(|pair| pair.split_once('='));
    let fields =
        fields.map(|(key, value)| (Cow::Owned(form_text(key)), Json::Text(Cow::Owned(form_text(value))))).collect();
    let form = Json::Object(fields);
    if !is_request(&form) {
        return Ok(());
    }
    let mut inner = Record {
        sink: record.sink,
        line: record.line,
        logged: record.logged,
        account: record.account.clone(),
        correlation: record.correlation.clone(),
    };
    read(&form, &mut inner)
}

/// `%7B` is `{`, `+` is a blank. Bytes that make no text become the replacement character.
fn form_text(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let hex = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match (byte, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(code)) => {
                plain.push(code);
                at += 2;
            }
            (b'+', _) => plain.push(b' '),
            _ => plain.push(*byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// A field that a form post may carry as the text of its JSON.
fn inside<'j, 'a: 'j>(json: &'j Json<'a>, key: &str) -> Cow<'j, Json<'a>> {
    let value = json.get(key);
    match value {
        Json::Text(text) if text.trim_start().starts_with('{') => {
            Json::parse(text).map_or(Cow::Borrowed(value), |parsed| Cow::Owned(owned(&parsed)))
        }
        _ => Cow::Borrowed(value),
    }
}

/// A value that borrows nothing.
fn owned<'a>(json: &Json<'_>) -> Json<'a> {
    match json {
        Json::Null => Json::Null,
        Json::Truth(truth) => Json::Truth(*truth),
        Json::Integer(number) => Json::Integer(*number),
        Json::Float(number) => Json::Float(*number),
        Json::Text(text) => Json::Text(Cow::Owned(text.to_string())),
        Json::Array(elements) => Json::Array(elements.iter().map(owned).collect()),
        Json::Object(fields) => {
            Json::Object(fields.iter().map(|(key, value)| (Cow::Owned(key.to_string()), owned(value))).collect())
        }
    }
}

fn request(json: &Json<'_>) -> Result<Request, String> {
    let (recipient, message) = (inside(json, "recipient"), inside(json, "message"));
    let id = |key: &str| recipient.get(key).id().map(Cow::into_owned);
    let one_time = id("one_time_notif_token");
    let recurring = id("notification_messages_token");
    let comment = id("comment_id").or_else(|| id("post_id"));
    let other = id("user_ref").or_else(|| id("phone_number")).or_else(|| comment.clone());
    let token_type = match (&one_time, &recurring) {
        (Some(_), _) => Some(TokenType::OneTime),
        (None, Some(_)) => Some(TokenType::Recurring),
        (None, None) => None,
    };
    let token = one_time.or(recurring);
    let to = match (id("id"), other, &token) {
        (Some(user), _, _) => Recipient::User(user),
        (None, Some(alias), _) => Recipient::Alias(alias),
        (None, None, Some(_)) => Recipient::OfToken,
        (None, None, None) => return Err("names no recipient".to_owned()),
    };
    let payload = message.get("attachment").get("payload");
    let named = message.get("template").get("name").text().or_else(|| json.get("template").get("name").text());
    let template = named.or_else(|| payload.get("template_type").text());
    Ok(Request {
        to,
        text: message.get("text").text().map(str::to_owned),
        messaging_type: json.get("messaging_type").text().and_then(MessagingType::from_word),
        tag: json.get("tag").text().map(tag_word).filter(|tag| !tag.is_empty()),
        token,
        token_type,
        comment,
        template: template.map(str::to_owned),
        category: None::<Category>,
    })
}
