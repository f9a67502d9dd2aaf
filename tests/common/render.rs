//! Writes one history in the forms in which platforms and bots log it, to see whether they are read back as one.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use fbwin::event::{Channel, Kind, MessagingType};
use fbwin::time::Time;

/// One thing that happened, as a test makes it up. Only what every one of the forms can carry.
#[derive(Clone, Debug)]
pub(crate) struct Happening {
    pub(crate) at: Time,
    pub(crate) channel: Channel,
    pub(crate) account: String,
    pub(crate) user: String,
    pub(crate) kind: Kind,
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) messaging_type: Option<MessagingType>,
    pub(crate) tag: Option<&'static str>,
    /// A WhatsApp template's name and category.
    pub(crate) template: Option<(&'static str, &'static str)>,
    /// A one-time token: granted by an opt-in, spent by a send.
    pub(crate) token: Option<String>,
    /// Meta's refusal.
    pub(crate) refused: Option<(i32, i32)>,
}

impl Happening {
    fn is_send(&self) -> bool {
        self.kind == Kind::Send
    }

    fn seconds(&self) -> i64 {
        self.at.ms() / 1_000
    }
}

/// The canonical form.
pub(crate) fn canonical(all: &[Happening]) -> String {
    let lines = all.iter().map(|one| {
        let mut line = json!({
            "ts": one.at.to_string(), "channel": one.channel.word(), "account": one.account, "user": one.user,
            "event": one.kind.word(), "text": one.text,
        });
        let object = line.as_object_mut().unwrap();
        if one.refused.is_none() && one.kind != Kind::OtnOptin {
            object.insert("id".into(), json!(one.id));
        }
        if one.channel == Channel::Whatsapp {
            object.insert("precision_ms".into(), json!(1_000));
        }
        if let Some(kind) = one.messaging_type {
            object.insert("messaging_type".into(), json!(kind.word()));
        }
        if let Some(tag) = one.tag {
            object.insert("tag".into(), json!(tag));
        }
        if let Some((name, category)) = one.template {
            object.insert("template".into(), json!(name));
            object.insert("category".into(), json!(category));
        }
        if let Some(token) = &one.token {
            object.insert("token".into(), json!(token));
        }
        if one.is_send() {
            object.insert("status".into(), json!(if one.refused.is_some() { "failed" } else { "sent" }));
        }
        if let Some((code, subcode)) = one.refused {
            // Only the bot's own log tells of it.
            object.insert("logged_at".into(), json!(true));
            object.insert("error_code".into(), json!(code));
            object.insert("error_subcode".into(), json!(subcode));
        }
        line.to_string() + "\n"
    });
    lines.collect()
}

/// The webhook that tells of it: a move of the user, or the echo or first status of a send that Meta took.
pub(crate) fn webhook(one: &Happening) -> Option<Value> {
    if one.refused.is_some() {
        return None;
    }
    Some(if one.channel == Channel::Whatsapp { whatsapp(one) } else { messenger(one) })
}

fn messenger(one: &Happening) -> Value {
    let (account, user) = (json!({ "id": one.account }), json!({ "id": one.user }));
    let at = one.at.ms();
    let event = match one.kind {
        Kind::Send => json!({ "sender": account, "recipient": user, "timestamp": at,
            "message": { "mid": one.id, "text": one.text, "is_echo": true, "app_id": 1_517_776_481_860_111_u64 } }),
        Kind::Postback => json!({ "sender": user, "recipient": account, "timestamp": at,
            "postback": { "mid": one.id, "title": "Go on", "payload": "GO_ON" } }),
        Kind::OtnOptin => json!({ "sender": user, "recipient": account, "timestamp": at,
            "optin": { "type": "one_time_notif_req", "payload": "BACK_IN_STOCK", "one_time_notif_token": one.token } }),
        _ => json!({ "sender": user, "recipient": account, "timestamp": at,
            "message": { "mid": one.id, "text": one.text } }),
    };
    let object = if one.channel == Channel::Instagram { "instagram" } else { "page" };
    json!({ "object": object, "entry": [{ "id": one.account, "time": at + 250, "messaging": [event] }] })
}

fn whatsapp(one: &Happening) -> Value {
    let mut value = json!({
        "messaging_product": "whatsapp",
        "metadata": { "display_phone_number": "15550001111", "phone_number_id": one.account },
    });
    let object = value.as_object_mut().unwrap();
    if one.is_send() {
        let category = one.template.map_or("service", |(_, category)| category);
        let status = json!({ "id": one.id, "status": "sent", "timestamp": one.seconds().to_string(),
            "recipient_id": one.user, "pricing": { "billable": true, "pricing_model": "PMP", "category": category } });
        object.insert("statuses".into(), json!([status]));
    } else {
        object.insert("contacts".into(), json!([{ "wa_id": one.user, "profile": { "name": "A" } }]));
        let message = json!({ "from": one.user, "id": one.id, "timestamp": one.seconds().to_string(), "type": "text",
            "text": { "body": one.text } });
        object.insert("messages".into(), json!([message]));
    }
    let change = json!({ "field": "messages", "value": value });
    json!({ "object": "whatsapp_business_account", "entry": [{ "id": "102290129340398", "changes": [change] }] })
}

/// The request as the bot wrote it into its log, without a time.
pub(crate) fn request(one: &Happening) -> Option<Value> {
    if !one.is_send() {
        return None;
    }
    if one.channel == Channel::Whatsapp {
        let base = json!({ "messaging_product": "whatsapp", "recipient_type": "individual", "to": one.user });
        let mut base = base.as_object().unwrap().clone();
        match one.template {
            Some((name, _)) => {
                base.insert("type".into(), json!("template"));
                base.insert("template".into(), json!({ "name": name, "language": { "code": "en" }, "components": [] }));
            }
            None => {
                base.insert("type".into(), json!("text"));
                base.insert("text".into(), json!({ "body": one.text }));
            }
        }
        return Some(Value::Object(base));
    }
    let recipient = match &one.token {
        Some(token) => json!({ "one_time_notif_token": token }),
        None => json!({ "id": one.user }),
    };
    let mut request = json!({ "recipient": recipient, "message": { "text": one.text } });
    let object = request.as_object_mut().unwrap();
    if let Some(kind) = one.messaging_type {
        object.insert("messaging_type".into(), json!(kind.word()));
    }
    if let Some(tag) = one.tag {
        object.insert("tag".into(), json!(tag));
    }
    Some(request)
}

/// Meta's answer to the request.
pub(crate) fn response(one: &Happening) -> Option<Value> {
    if !one.is_send() {
        return None;
    }
    Some(match (one.refused, one.channel) {
        (Some((code, subcode)), _) => json!({ "error": { "message": "refused", "type": "OAuthException", "code": code,
            "error_subcode": subcode, "fbtrace_id": "A1b2" } }),
        (None, Channel::Whatsapp) => json!({ "messaging_product": "whatsapp",
            "contacts": [{ "input": one.user, "wa_id": one.user }], "messages": [{ "id": one.id }] }),
        (None, _) => json!({ "recipient_id": one.user, "message_id": one.id }),
    })
}
