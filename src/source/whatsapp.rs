//! Webhooks of the WhatsApp Cloud API, whole bodies, single changes and bare values; the on-premises API's bare values too.
//!
//! Sources of the shapes: Meta's webhook reference for the fields `messages`, `calls`, `smb_message_echoes`, `history`,
//! `user_preferences`, `user_id_update` and `account_update`. What the business sent through the API shows up as statuses
//! only: those are read in `whatsapp_status`.

use std::borrow::Cow;

use crate::event::{Channel, Entry, Event, Kind, Sender, Status};
use crate::time::Stamp;

use super::beside;
use super::canonical::Field;
use super::json::Json;
use super::loose::Alias;
use super::shape::{Record, Shape};
use super::whatsapp_status::read_status;

pub(super) const SHAPE: Shape = Shape { name: "whatsapp", fits, read };

/// Lists of a value that hold what happened; all others are about the account.
const LISTS: &[&str] =
    &["messages", "message_echoes", "statuses", "calls", "history", "user_preferences", "user_id_update", "errors"];

/// Types that are no message: what they are is in `kind_of`.
const TYPES: &[&str] = &[
    "text",
    "image",
    "audio",
    "voice",
    "video",
    "document",
    "sticker",
    "location",
    "contacts",
    "interactive",
    "button",
    "order",
    "unsupported",
    "unknown",
    "media_placeholder",
];

fn fits(json: &Json<'_>) -> bool {
    let object = json.get("object").text();
    let entries = json.get("entry").elements();
    let of_whatsapp =
        |change: &Json<'_>| change.get("value").has("messaging_product") || is_bare_value(change.get("value"));
    object == Some("whatsapp_business_account")
        || object.is_none() && entries.iter().flat_map(|entry| entry.get("changes").elements()).any(of_whatsapp)
        || json.has("field") && of_whatsapp(json)
        || is_bare_value(json)
}

/// The value of a change without the change around it. A response to a request has messages too, with an id and no sender.
fn is_bare_value(json: &Json<'_>) -> bool {
    let of_first = |list: &str, keys: &[&str]| {
        let first = json.get(list).elements().first();
        first.is_some_and(|first| keys.iter().all(|key| first.get(key).id().is_some()))
    };
    of_first("messages", &["from", "id", "timestamp", "type"])
        || of_first("messages", &["from_user_id", "id", "timestamp", "type"])
        || of_first("statuses", &["id", "status"])
        || json.get("metadata").has("phone_number_id")
}

fn read(json: &Json<'_>, record: &mut Record<'_, '_>) -> Result<(), String> {
    let mut wrongs = Wrongs::default();
    if json.has("entry") || json.has("object") {
        let entries = json.get("entry").elements();
        if entries.is_empty() {
            return Err("has no `entry` with anything in it".to_owned());
        }
        for entry in entries {
            let time = record.stamp(entry.get("time"));
            let changes = entry.get("changes").elements();
            for change in changes {
                read_change(change, time, record, &mut wrongs);
            }
            if changes.is_empty() {
                record.unknown("entry without changes");
            }
        }
    } else if json.has("field") {
        read_change(json, None, record, &mut wrongs);
    } else {
        read_value("messages", json, None, record, &mut wrongs);
    }
    wrongs.first.map_or(Ok(()), Err)
}

/// What could not be read of a record: one unreadable event must not take the others of the body with it.
#[derive(Default)]
struct Wrongs {
    first: Option<String>,
}

impl Wrongs {
    fn note(&mut self, outcome: Result<(), String>) {
        if let Err(wrong) = outcome {
            self.first.get_or_insert(wrong);
        }
    }
}

/// What the value and the entry around an event say.
pub(super) struct Around<'a> {
    /// The phone_number_id.
    pub(super) account: Cow<'a, str>,
    /// The business's own number, digits only.
    own_number: Option<String>,
    time: Option<Stamp>,
    contacts: &'a [Json<'a>],
}

impl<'a> Around<'a> {
    fn of(value: &'a Json<'a>, time: Option<Stamp>, record: &Record<'_, '_>) -> Around<'a> {
        let metadata = value.get("metadata");
        let account = metadata.get("phone_number_id").id().or_else(|| record.account.clone().map(Cow::Owned));
        Around {
            account: account.unwrap_or_default(),
            own_number: metadata.get("display_phone_number").id().map(|number| digits(&number)),
            time,
            contacts: value.get("contacts").elements(),
        }
    }

    /// An event at the time of `json`. WhatsApp keeps seconds; a program that writes milliseconds has added zeros.
    pub(super) fn event<'e>(
        &'e self,
        json: &Json<'_>,
        user: &'e str,
        record: &Record<'_, '_>,
    ) -> Result<Event<'e>, String> {
        let timestamp = json.get("timestamp");
        let (stamp, logged_at) = match (record.stamp(timestamp), self.time, record.logged) {
            (Some(stamp), ..) => (stamp, false),
            (None, ..) if !timestamp.is_null() => return Err("has a `timestamp` that is not a time".to_owned()),
            (None, Some(stamp), _) => (stamp, false),
            (None, None, Some(stamp)) => (stamp, true),
            (None, None, None) => return Err("has no `timestamp`".to_owned()),
        };
        Ok(Event {
            at: stamp.at,
            precision_ms: stamp.precision_ms.max(1_000),
            channel: Channel::Whatsapp,
            account: &self.account,
            user,
            logged_at,
            ..Event::default()
        })
    }

    /// Whether the business itself wrote this.
    fn is_own(&self, number: Option<&str>) -> bool {
        matches!((number, &self.own_number), (Some(number), Some(own)) if digits(number) == *own && !own.is_empty())
    }

    /// The business-scoped id of a user, if one of the contacts has it beside the number.
    pub(super) fn scoped_id(&self, user: &str) -> Option<Cow<'a, str>> {
        let contact = self.contacts.iter().find(|contact| contact.get("wa_id").id().as_deref() == Some(user))?;
        contact.get("user_id").id()
    }
}

/// `+250 788 123 200` and `250788123200` are one number. What has letters is no number and stays as it is.
pub(super) fn digits(number: &str) -> String {
    let number = number.trim();
    let between = |c| matches!(c, '+' | ' ' | '-' | '(' | ')' | '.' | '/' | '\u{a0}' | '\u{2011}' | '\u{202f}');
    let is_number = number.chars().all(|c| c.is_ascii_digit() || between(c));
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    if is_number && !digits.is_empty() { digits } else { number.to_owned() }
}

/// Tells that a business-scoped id and a number are one person, everywhere: the number is the same for all accounts.
pub(super) fn same_person(scoped: Option<&str>, number: Option<&str>, record: &mut Record<'_, '_>) {
    if let (Some(scoped), Some(number)) = (scoped, number)
        && scoped != number
    {
        let (from, to) = (scoped.to_owned(), number.to_owned());
        record.alias(Alias { channel: Channel::Whatsapp, account: String::new(), from, to });
    }
}

/// The country that a business-scoped id begins with: `US` of `US.13491208655302741918`.
pub(super) fn region_of(scoped: Option<&str>) -> Option<&str> {
    let (country, rest) = scoped?.split_once('.')?;
    (country.len() == 2 && country.bytes().all(|c| c.is_ascii_uppercase()) && !rest.is_empty()).then_some(country)
}

fn read_change(change: &Json<'_>, time: Option<Stamp>, record: &mut Record<'_, '_>, wrongs: &mut Wrongs) {
    let field = change.get("field").text().unwrap_or("change without field");
    if change.get("value").is_object() {
        read_value(field, change.get("value"), time, record, wrongs);
    } else {
        record.unknown(&format!("{field} without value"));
    }
}

fn read_value(field: &str, value: &Json<'_>, time: Option<Stamp>, record: &mut Record<'_, '_>, wrongs: &mut Wrongs) {
    let around = Around::of(value, time, record);
    for contact in around.contacts {
        let number = contact.get("wa_id").id();
        for scoped in ["user_id", "parent_user_id"].into_iter().filter_map(|key| contact.get(key).id()) {
            same_person(Some(&scoped), number.as_deref(), record);
        }
    }
    for list in LISTS.iter().filter(|list| value.has(list)) {
        let elements = value.get(list).elements();
        if elements.is_empty() && !matches!(value.get(list), Json::Array(_)) {
            wrongs.note(Err(format!("has `{list}` that is not a list")));
        }
        for element in elements {
            if !element.is_object() {
                wrongs.note(Err(format!("has an element of `{list}` that is not an object")));
                continue;
            }
            let outcome = match *list {
                // Some libraries keep the echoes of the app under the key of the users' messages.
                "messages" if field == "smb_message_echoes" => read_echo(element, &around, record),
                "messages" if around.is_own(element.get("from").id().as_deref()) => read_echo(element, &around, record),
                "messages" => read_message(element, &around, record),
                "message_echoes" => read_echo(element, &around, record),
                "statuses" if element.get("type").text() == Some("call") => read_call_status(element, &around, record),
                "statuses" => read_status(element, &around, record),
                "calls" => read_call(element, &around, record),
                "history" => {
                    read_history(element, &around, record, wrongs);
                    Ok(())
                }
                "user_preferences" => read_preference(element, &around, record),
                "user_id_update" => {
                    read_new_id(element, record);
                    Ok(())
                }
                _ => {
                    count_error(element, record);
                    Ok(())
                }
            };
            wrongs.note(outcome);
        }
    }
    if !LISTS.iter().any(|list| value.has(list)) {
        wrongs.note(read_account_event(field, value, time, record));
    }
}

/// A message of a user.
fn read_message(message: &Json<'_>, around: &Around<'_>, record: &mut Record<'_, '_>) -> Result<(), String> {
    let number = message.get("from").id().map(|number| digits(&number));
    // A contact without a number can only be the sender, if it is the only one.
    let only_contact = || match around.contacts {
        [contact] if !contact.has("wa_id") || number.is_none() => contact.get("user_id").id(),
        _ => None,
    };
    let of_contact = || number.as_deref().and_then(|number| around.scoped_id(number));
    let scoped = message.get("from_user_id").id().or_else(of_contact).or_else(only_contact);
    let user =
        number.as_deref().or(scoped.as_deref()).ok_or("names no user: a message has neither `from` nor an id")?;
    same_person(scoped.as_deref(), number.as_deref(), record);
    let id = message.get("id").id();
    let base =
        Event { id: id.as_deref(), region: region_of(scoped.as_deref()), ..around.event(message, user, record)? };
    // A group is no conversation with one user: nothing there opens or needs a window.
    if message.has("group_id") {
        return record.event(&Event { kind: Kind::Other, ..base });
    }
    let kind = kind_of(message, record);
    if message.get("type").text() == Some("system") {
        read_new_name(message.get("system"), user, &around.account, record);
    }
    let entry = (kind == Kind::Message && message.get("referral").is_object()).then_some(Entry::Ad);
    let text = text_of(message).filter(|_| kind == Kind::Message);
    record.event(&Event { kind, entry, text, ..base })
}

/// What the message of a user is. A type that we do not know is taken for a message and counted.
fn kind_of(message: &Json<'_>, record: &mut Record<'_, '_>) -> Kind {
    match message.get("type").text() {
        Some("reaction") if message.get("reaction").get("emoji").text().is_none() => Kind::Unreaction,
        Some("reaction") => Kind::Reaction,
        Some("edit") => Kind::Edit,
        Some("revoke") => Kind::Delete,
        // What WhatsApp itself writes into the conversation, and the mere opening of a chat, are no move.
        Some("system" | "request_welcome") => Kind::Other,
        Some(known) if TYPES.contains(&known) => Kind::Message,
        Some(unknown) => {
            record.sink.tally.unknown_word(Field::Event, unknown);
            Kind::Message
        }
        None => Kind::Message,
    }
}

fn text_of<'j>(message: &'j Json<'_>) -> Option<&'j str> {
    let interactive = message.get("interactive");
    let places = [
        message.get("text").get("body"),
        message.get("button").get("text"),
        interactive.get("button_reply").get("title"),
        interactive.get("list_reply").get("title"),
        message.get("image").get("caption"),
        message.get("video").get("caption"),
        message.get("document").get("caption"),
    ];
    places.into_iter().find_map(Json::text)
}

/// A user who has a new number or a new business-scoped id keeps the conversation.
fn read_new_name(system: &Json<'_>, old: &str, account: &str, record: &mut Record<'_, '_>) {
    let new = match system.get("type").text() {
        Some("user_changed_number") => system.first(&["wa_id", "new_wa_id"]).id().map(|number| digits(&number)),
        Some("user_changed_user_id") => system.get("user_id").id().map(Cow::into_owned),
        _ => None,
    };
    let previous = system.get("previous_user_id").id().map_or(old.to_owned(), Cow::into_owned);
    if let Some(to) = new.filter(|new| *new != previous) {
        // A number outlives its ids: whoever is known by one keeps it as their name.
        let is_number = |name: &str| name.bytes().all(|c| c.is_ascii_digit());
        let (from, to) = if is_number(&previous) && !is_number(&to) { (to, previous) } else { (previous, to) };
        record.alias(Alias { channel: Channel::Whatsapp, account: account.to_owned(), from, to });
    }
}

/// `user_id_update`: another business-scoped id of the same user.
fn read_new_id(update: &Json<'_>, record: &mut Record<'_, '_>) {
    let number = update.get("wa_id").id().map(|number| digits(&number));
    for ids in ["user_id", "parent_user_id"].into_iter().map(|key| update.get(key)) {
        let (previous, current) = (ids.get("previous").id(), ids.get("current").id());
        same_person(previous.as_deref(), number.as_deref().or(current.as_deref()), record);
        same_person(current.as_deref(), number.as_deref(), record);
    }
}

/// What a person of the business wrote in the WhatsApp Business app. The app is bound to no window, so what it sends
/// relies on something that no log shows.
fn read_echo(echo: &Json<'_>, around: &Around<'_>, record: &mut Record<'_, '_>) -> Result<(), String> {
    let number = echo.get("to").id().map(|number| digits(&number));
    let scoped = echo.get("to_user_id").id();
    let user = number.as_deref().or(scoped.as_deref()).ok_or("names no user: an echo has neither `to` nor an id")?;
    same_person(scoped.as_deref(), number.as_deref(), record);
    let base = around.event(echo, user, record)?;
    read_own(echo, Event { region: region_of(scoped.as_deref()), ..base }, Some(Sender::Human), record)
}

/// What the business wrote, in an echo or in the history.
fn read_own(
    message: &Json<'_>,
    base: Event<'_>,
    sender: Option<Sender>,
    record: &mut Record<'_, '_>,
) -> Result<(), String> {
    let id = message.get("id").id();
    let kind = match message.get("type").text() {
        Some("reaction" | "edit" | "revoke" | "system") => Kind::Other,
        _ if message.has("group_id") => Kind::Other,
        _ => Kind::Send,
    };
    let is_send = kind == Kind::Send;
    let beside = is_send.then(|| beside::lines([message.get("interactive"), message.get("template")])).flatten();
    let failed = message.get("history_context").get("status").text().is_some_and(|s| s.eq_ignore_ascii_case("error"));
    let event = Event {
        kind,
        id: id.as_deref(),
        text: text_of(message).filter(|_| is_send),
        sender: sender.filter(|_| is_send),
        status: is_send.then_some(if failed { Status::Failed } else { Status::Sent }),
        claim_hidden: is_send,
        ..base
    };
    record.event_with(&event, None, beside.as_deref())
}

/// A part of the conversations that the app had before the business joined the API.
fn read_history(part: &Json<'_>, around: &Around<'_>, record: &mut Record<'_, '_>, wrongs: &mut Wrongs) {
    for error in part.get("errors").elements() {
        count_error(error, record);
    }
    for thread in part.get("threads").elements() {
        let Some(user) = thread.get("id").id().map(|id| digits(&id)) else {
            wrongs.note(Err("has a thread of `history` without an id".to_owned()));
            continue;
        };
        for message in thread.get("messages").elements() {
            let from = message.get("from").id();
            let outcome = if around.is_own(from.as_deref()) {
                around.event(message, &user, record).and_then(|base| read_own(message, base, None, record))
            } else if from.is_some() && around.own_number.is_none() {
                Err("has a `history` and no `display_phone_number` that tells who wrote it".to_owned())
            } else {
                read_message(message, around, record)
            };
            wrongs.note(outcome);
        }
    }
}

/// A call: by the user, answered or not, or by the business if the user took it.
fn read_call(call: &Json<'_>, around: &Around<'_>, record: &mut Record<'_, '_>) -> Result<(), String> {
    let by_business = match call.get("direction").text() {
        Some(direction) => direction.eq_ignore_ascii_case("BUSINESS_INITIATED"),
        None => around.is_own(call.get("from").id().as_deref()),
    };
    let (number, scoped) = if by_business { ("to", "to_user_id") } else { ("from", "from_user_id") };
    let (number, scoped) = (call.get(number).id().map(|number| digits(&number)), call.get(scoped).id());
    let user = number.as_deref().or(scoped.as_deref()).ok_or("names no user: a call has neither number nor id")?;
    same_person(scoped.as_deref(), number.as_deref(), record);
    let id = call.get("id").id();
    let base = Event { id: id.as_deref(), region: region_of(scoped.as_deref()), ..around.event(call, user, record)? };
    // Only a call that was taken has a beginning besides its end.
    let begun = record.stamp(call.get("start_time"));
    let ended = call.get("event").text() == Some("terminate");
    let at = begun.map_or(base.at, |stamp| stamp.at);
    let kind = match (by_business, ended, begun) {
        (false, ..) | (true, true, Some(_)) => Kind::Call,
        _ => Kind::Other,
    };
    record.event(&Event { kind, at, ..base })
}

/// How a call of the business went: the user who takes it opens the window.
fn read_call_status(status: &Json<'_>, around: &Around<'_>, record: &mut Record<'_, '_>) -> Result<(), String> {
    let number = status.get("recipient_id").id().map(|number| digits(&number));
    let scoped = status.get("recipient_user_id").id();
    let user = number.as_deref().or(scoped.as_deref()).ok_or("names no user: a status has no `recipient_id`")?;
    let id = status.get("id").id();
    let taken = status.get("status").text().is_some_and(|word| word.eq_ignore_ascii_case("ACCEPTED"));
    let kind = if taken { Kind::Call } else { Kind::Other };
    record.event(&Event { kind, id: id.as_deref(), ..around.event(status, user, record)? })
}

/// What a user decided about marketing messages.
fn read_preference(preference: &Json<'_>, around: &Around<'_>, record: &mut Record<'_, '_>) -> Result<(), String> {
    let number = preference.get("wa_id").id().map(|number| digits(&number));
    let scoped = preference.get("user_id").id();
    let user = number.as_deref().or(scoped.as_deref()).ok_or("names no user: a preference has no `wa_id`")?;
    same_person(scoped.as_deref(), number.as_deref(), record);
    let kind = match preference.get("value").text().map(str::to_ascii_lowercase).as_deref() {
        Some("stop") => Kind::RecurringStop,
        Some("resume") => Kind::RecurringResume,
        Some("signup") => Kind::Optin,
        value => {
            record.unknown(&format!("user_preferences {}", value.unwrap_or_default()));
            return Ok(());
        }
    };
    record.event(&Event { kind, ..around.event(preference, user, record)? })
}

fn count_error(error: &Json<'_>, record: &mut Record<'_, '_>) {
    let code = error.get("code").integer().map_or("without code".to_owned(), |code| code.to_string());
    record.unknown(&format!("error {code}"));
}

/// What happened to the account and not in a conversation. A ban, a restriction or a violation is Meta's policy at work.
fn read_account_event(
    field: &str,
    value: &Json<'_>,
    time: Option<Stamp>,
    record: &mut Record<'_, '_>,
) -> Result<(), String> {
    let enforced = ["violation_info", "restriction_info", "ban_info"].iter().any(|key| value.has(key));
    if let (true, Some(stamp)) = (enforced, time.or(record.logged)) {
        let precision_ms = stamp.precision_ms.max(1_000);
        let event =
            Event { at: stamp.at, precision_ms, channel: Channel::Whatsapp, kind: Kind::Policy, ..Event::default() };
        return record.event(&event);
    }
    let of_conversations =
        matches!(field, "messages" | "calls" | "history" | "smb_message_echoes" | "user_preferences");
    record.unknown(&if of_conversations { format!("{field} without content") } else { field.to_owned() });
    Ok(())
}
