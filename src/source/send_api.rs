//! The Send API of Messenger and Instagram as bots log it: requests, responses and errors. The only source of tag and token.

use std::borrow::Cow;

use crate::event::{Category, Channel, MessagingType, TokenType, tag_word};

use super::beside;
use super::canonical::Field;
use super::json::Json;
use super::loose::{Answer, Call, Content, Loose, Piece, Recipient, Request};
use super::shape::{self, Record, Shape};
use super::sides::Sides;

pub(super) const SHAPE: Shape = Shape { name: "send-api", fits, read };

/// The keys under which a logger adds the answer to the request it logs.
const ANSWERS: &[&str] = &["response", "response_body", "res", "result"];

fn fits(json: &Json<'_>) -> bool {
    is_request(json) || is_taken(json) || is_refused(json) || is_batch(json) || is_batch_answer(json)
}

/// `recipient` is an object, or, in a form post, an object as text; a webhook event has a sender besides.
fn is_request(json: &Json<'_>) -> bool {
    let recipient = json.get("recipient");
    let addressed = recipient.is_object() || recipient.text().is_some_and(|text| text.trim_start().starts_with('{'));
    let paid = inside(json, "messenger_delivery_data").has("subscription_token");
    (addressed && (json.has("message") || json.has("sender_action")) || paid)
        && !json.has("sender")
        && !json.has("messaging_product")
        && json.get("message").get("is_echo").is_null()
}

/// A message id, and with it nothing or the recipient's.
fn is_taken(json: &Json<'_>) -> bool {
    let known = |key: &str| matches!(key, "message_id" | "recipient_id" | "attachment_id");
    let alone = (json.has("message_id") || json.has("recipient_id")) && json.fields().iter().all(|(key, _)| known(key));
    let both = json.has("message_id") && json.has("recipient_id");
    alone || both && !json.has("message") && !json.has("recipient") && !json.has("sender")
}

/// An error, alone: beside a request it is that one's.
fn is_refused(json: &Json<'_>) -> bool {
    let is_body = |body: &Json<'_>| {
        let in_text = |text: &str| text.trim_start().starts_with('{') || text.contains("recipient");
        body.is_object() || body.text().is_some_and(in_text)
    };
    let beside = ["request", "request_body", "req", "payload", "message", "body", "response", "recipient"];
    json.get("error").has("code") && !beside.iter().any(|key| is_body(json.get(key)))
}

fn is_batch(json: &Json<'_>) -> bool {
    list_in(json, "batch").elements().iter().any(|call| call.has("relative_url") || call.has("body"))
}

/// Graph answers a batch by a list in the order of the calls; a call that timed out is null.
fn is_batch_answer(json: &Json<'_>) -> bool {
    let is_answer = |one: &Json<'_>| one.get("code").integer().is_some() && one.has("body");
    json.elements().iter().all(|one| one.is_null() || is_answer(one)) && json.elements().iter().any(is_answer)
}

fn read(json: &Json<'_>, record: &mut Record<'_, '_>) -> Result<(), String> {
    if let Json::Array(answers) = json {
        return loose(record, Piece::Answers(answers.iter().map(batch_answer).collect()));
    }
    // A logger may write its own words into the body instead of around it.
    let around = shape::around(json, record);
    let mut record = Record {
        sink: record.sink,
        line: record.line,
        logged: around.logged,
        account: around.account,
        correlation: around.correlation,
        sides: Sides::Told,
    };
    if is_batch(json) {
        let calls = list_in(json, "batch").elements().iter().map(|call| batched(call, &mut record)).collect();
        let calls = Piece::Calls(calls);
        return answered(json, calls, &mut record);
    }
    if is_request(json) {
        let piece = if json.has("sender_action") && !json.has("message") {
            Piece::Action(inside(json, "recipient").get("id").id().map(Cow::into_owned))
        } else {
            Piece::Request(Box::new(request(json, &mut record)?))
        };
        return answered(json, piece, &mut record);
    }
    loose(&mut record, piece_of(answer(json)))
}

/// Takes in a request, and the answer that its logger put into the same object.
fn answered(json: &Json<'_>, asked: Piece, record: &mut Record<'_, '_>) -> Result<(), String> {
    let own = [is_taken_beside(json), json.get("error").has("code")];
    let beside = if own.contains(&true) { Some(Cow::Borrowed(json)) } else { None };
    let below = || {
        let answers = ANSWERS.iter().map(|key| match json.get(key) {
            Json::Text(text) => Json::parse(text).map_or(Cow::Owned(Json::Null), Cow::Owned),
            other => Cow::Borrowed(other),
        });
        answers.map(unpacked).find(|answer| is_taken(answer) || is_refused(answer) || is_batch_answer(answer))
    };
    let Some(told) = beside.or_else(below) else { return loose(record, asked) };
    record.correlation = record.own_correlation();
    loose(record, asked)?;
    let told = match told.as_ref() {
        Json::Array(answers) => Piece::Answers(answers.iter().map(batch_answer).collect()),
        told => piece_of(answer(told)),
    };
    loose(record, told)
}

fn is_taken_beside(json: &Json<'_>) -> bool {
    json.get("message_id").text().is_some()
}

/// An answer may have a body of its own: `{"status":200,"body":{...}}`.
fn unpacked<'a>(json: Cow<'a, Json<'a>>) -> Cow<'a, Json<'a>> {
    let body = match json.first(&["body", "data"]) {
        Json::Null => return json,
        Json::Text(text) => Json::parse(text).map_or(Json::Null, |parsed| owned(&parsed)),
        body => owned(body),
    };
    Cow::Owned(body)
}

fn piece_of(answer: Answer) -> Piece {
    match answer {
        Answer::Taken { id, recipient } => Piece::Taken { ids: vec![id], recipient },
        Answer::Refused { code, subcode } => Piece::Refused { code, subcode },
        other => Piece::Answers(vec![other]),
    }
}

fn answer(json: &Json<'_>) -> Answer {
    let id = |key| json.get(key).id().map(Cow::into_owned);
    let error = json.get("error");
    if error.has("code") {
        let code = |key| error.get(key).integer().and_then(|code| i32::try_from(code).ok()).filter(|code| *code != 0);
        return Answer::Refused { code: code("code"), subcode: code("error_subcode") };
    }
    match (id("message_id"), id("recipient_id")) {
        (Some(id), recipient) => Answer::Taken { id, recipient },
        // The answer to a sender action has no message.
        (None, Some(recipient)) => Answer::Acted { recipient: Some(recipient) },
        (None, None) => Answer::Other,
    }
}

fn batch_answer(json: &Json<'_>) -> Answer {
    match json.get("body") {
        Json::Text(body) => Json::parse(body).map_or(Answer::Other, |body| answer(&body)),
        body => answer(body),
    }
}

fn channel_of(account: Option<&str>) -> Channel {
    // Ids of Instagram accounts begin so.
    if account.is_some_and(|account| account.starts_with("17841")) { Channel::Instagram } else { Channel::Messenger }
}

fn loose(record: &mut Record<'_, '_>, what: Piece) -> Result<(), String> {
    let channel = channel_of(record.account.as_deref());
    let (account, at, correlation) = (record.account.clone(), record.logged, record.correlation.clone());
    let (place, nth) = (record.sink.place(record.line), record.sink.loose.len() as u32);
    record.sink.loose.push(Loose { place, nth, channel, account, at, correlation, what });
    Ok(())
}

/// One call of a batch: its body is a form, `recipient=%7B%22id%22...&message=...`, or JSON.
fn batched(call: &Json<'_>, record: &mut Record<'_, '_>) -> Call {
    let body = match call.get("body") {
        Json::Text(text) if text.trim_start().starts_with('{') => Json::parse(text).ok(),
        Json::Text(text) => form(text),
        body => Some(owned(body)),
    };
    let Some(body) = body.filter(is_request) else { return Call::Other };
    if body.has("sender_action") && !body.has("message") {
        return Call::Action(inside(&body, "recipient").get("id").id().map(Cow::into_owned));
    }
    match request(&body, record) {
        Ok(request) => Call::Send(shape::around(call, record).account, Box::new(request)),
        Err(reason) => {
            record.sink.bad(record.line, format!("has a batch with a call that {reason}"));
            Call::Other
        }
    }
}

/// The fields of a form, if it is one of the Send API's. Some libraries write `recipient[id]=42`.
pub(super) fn form<'a>(text: &str) -> Option<Json<'a>> {
    if !text.contains("recipient") || !text.contains('=') {
        return None;
    }
    let mut fields: Vec<(Cow<'a, str>, Json<'a>)> = Vec::new();
    for (key, value) in text.split('&').filter_map(|pair| pair.split_once('=')) {
        let (key, value) = (form_text(key), Json::Text(Cow::Owned(form_text(value))));
        let Some((outer, inner)) = key.strip_suffix(']').and_then(|key| key.split_once('[')) else {
            fields.push((Cow::Owned(key), value));
            continue;
        };
        let inner = (Cow::Owned(inner.to_owned()), value);
        match fields.iter_mut().find(|(known, _)| known == outer) {
            Some((_, Json::Object(known))) => known.push(inner),
            _ => fields.push((Cow::Owned(outer.to_owned()), Json::Object(vec![inner]))),
        }
    }
    Some(Json::Object(fields)).filter(|form| form.has("recipient"))
}

/// A list that a form post may carry as the text of its JSON.
fn list_in<'j, 'a: 'j>(json: &'j Json<'a>, key: &str) -> Cow<'j, Json<'a>> {
    match json.get(key) {
        Json::Text(text) if text.trim_start().starts_with('[') => {
            Json::parse(text).map_or(Cow::Owned(Json::Null), |parsed| Cow::Owned(owned(&parsed)))
        }
        value => Cow::Borrowed(value),
    }
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

/// What a request shows beside its text: a picture shows nothing to read.
fn beside_text(json: &Json<'_>, message: &Json<'_>, payload: &Json<'_>) -> Option<String> {
    let nothing = &Json::Null;
    let payload = if payload.has("template_type") { payload } else { nothing };
    let replies = list_in(message, "quick_replies");
    let (inner, outer) = (inside(message, "template"), inside(json, "template"));
    beside::lines([payload, replies.as_ref(), inner.as_ref(), outer.as_ref()])
}

fn request(json: &Json<'_>, record: &mut Record<'_, '_>) -> Result<Request, String> {
    let (recipient, message) = (inside(json, "recipient"), inside(json, "message"));
    let id = |key: &str| recipient.get(key).id().map(Cow::into_owned);
    let one_time = id("one_time_notif_token");
    // The paid API calls the token of a marketing message that of a subscription.
    let paid = inside(json, "messenger_delivery_data").get("subscription_token").id().map(Cow::into_owned);
    let paid = paid.or_else(|| id("subscription_token"));
    let recurring = id("notification_messages_token");
    let comment = id("comment_id").or_else(|| id("post_id"));
    let other = id("user_ref").or_else(|| id("phone_number")).or_else(|| comment.clone());
    let token_type = match (&one_time, &recurring, &paid) {
        (Some(_), ..) => Some(TokenType::OneTime),
        (None, None, None) => None,
        _ => Some(TokenType::Recurring),
    };
    let mut category = paid.is_some().then_some(Category::Marketing);
    let token = one_time.or(recurring).or(paid);
    let to = match (id("id"), other, &token) {
        (Some(user), _, _) => Recipient::User(user),
        (None, Some(alias), _) => Recipient::Alias(alias),
        (None, None, Some(_)) => Recipient::OfToken,
        (None, None, None) if matches!(recipient.get("id"), Json::Float(_)) => {
            return Err("names its recipient by a number that has lost digits; log ids as text".to_owned());
        }
        (None, None, None) => return Err("names no recipient".to_owned()),
    };
    let attachment = inside(&message, "attachment");
    let payload = inside(&attachment, "payload");
    let named = inside(&message, "template").get("name").text().map(str::to_owned);
    let named = named.or_else(|| inside(json, "template").get("name").text().map(str::to_owned));
    let template = named.or_else(|| payload.get("template_type").text().map(str::to_owned));
    let messaging_type = json.get("messaging_type").text().and_then(|word| {
        // Some libraries write `messageTag`.
        let known = MessagingType::from_word(&tag_word(word));
        if known.is_none() {
            record.sink.tally.unknown_word(Field::MessagingType, word);
        }
        known
    });
    if messaging_type == Some(MessagingType::Utility) {
        category = category.or(Some(Category::Utility));
    }
    Ok(Request {
        to,
        text: message.get("text").text().map(str::to_owned),
        beside: beside_text(json, &message, &payload),
        messaging_type,
        tag: json
            .first(&["tag", "message_tag"])
            .text()
            .map(|tag| tag_word(tag).into_owned())
            .filter(|tag| !tag.is_empty()),
        token,
        token_type,
        comment,
        template,
        category,
        attached: attachment.get("type").text().map_or(Content::Unknown, Content::of_attachment),
    })
}
