//! Conversations as the Graph API returns them: single ones, lists of them, and messages by themselves.
//!
//! Source of the shape: Meta's reference of `/PAGE/conversations` and `/CONVERSATION/messages`, for Messenger and Instagram.
//! `tags` are folders and sources there (`inbox`, `source:web`), never message tags. Links to further pages hold access
//! tokens: nothing of them is kept.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::event::{Channel, Event, Kind, Status};

use super::beside;
use super::json::Json;
use super::shape::{Record, Shape};
use super::shown;
use super::sides::Sides;

pub(super) const SHAPE: Shape = Shape { name: "graph", fits, read };

/// Graph times are written to the second.
const PRECISION_MS: u32 = 1_000;

const LIMIT: &str = "graph: only the newest 20 messages of a conversation may have detail; postbacks and opt-ins are \
                     not in it. What a user did before the first message shown, or by a button, is unknown";
const MORE_PAGES: &str = "graph: a list goes on on another page, which is not in the file";
const REACTIONS: &str = "graph: reactions, which have no time here, were left out";
const NO_DETAIL: &str = "graph: only the id of a message is in the dump, so it was left out";

fn fits(json: &Json<'_>) -> bool {
    let lists = [json, json.get("conversations")].map(data_of);
    is_conversation(json)
        || is_message(json)
        || lists.iter().any(|list| list.iter().any(|one| is_conversation(one) || is_message(one)))
}

fn is_conversation(json: &Json<'_>) -> bool {
    matches!(json.get("messages").get("data"), Json::Array(_))
}

/// `from` as a text is somebody else's export, and a comment on a post is no message of a conversation.
fn is_message(json: &Json<'_>) -> bool {
    let is_comment = || {
        let id = json.get("id").text().unwrap_or_default();
        !json.has("to") && id.contains('_') && id.bytes().all(|c| c.is_ascii_digit() || c == b'_')
    };
    json.get("from").is_object() && json.has("created_time") && !is_comment()
}

fn read(json: &Json<'_>, record: &mut Record<'_, '_>) -> Result<(), String> {
    record.sink.tally.limit(LIMIT);
    let list = [json, json.get("conversations")].into_iter().find(|list| matches!(list.get("data"), Json::Array(_)));
    let items: Vec<&Json<'_>> = match list {
        _ if is_conversation(json) || is_message(json) => vec![json],
        Some(list) => {
            note_pages(list, record);
            data_of(list).iter().collect()
        }
        None => Vec::new(),
    };
    let common = common_id(&items);
    for item in items {
        if is_message(item) {
            one_of(std::slice::from_ref(item), item, common.as_deref(), record);
        } else if is_conversation(item) {
            note_pages(item.get("messages"), record);
            one_of(data_of(item.get("messages")), item, common.as_deref(), record);
        } else if item.get("messages").is_null() && item.is_object() {
            // A conversation that was asked for without its messages shows nothing.
            record.unknown("conversation without messages");
        } else {
            record.sink.bad(record.line, "is no conversation of the Graph API".to_owned());
        }
    }
    Ok(())
}

/// What a list of the Graph API holds.
fn data_of<'j, 'a>(list: &'j Json<'a>) -> &'j [Json<'a>] {
    list.get("data").elements()
}

fn note_pages(list: &Json<'_>, record: &mut Record<'_, '_>) {
    if list.get("paging").has("next") {
        record.sink.tally.limit(MORE_PAGES);
    }
}

/// Everybody who takes part in a conversation, as far as it says so.
fn people_of<'j, 'a>(item: &'j Json<'a>) -> Vec<&'j Json<'a>> {
    let messages = data_of(item.get("messages"));
    let of_message = |message: &'j Json<'a>| {
        std::iter::once(message.get("from")).chain(data_of(message.get("to"))).filter(|one| one.is_object())
    };
    let listed = [item.get("participants"), item.get("senders")].into_iter().flat_map(data_of);
    listed.chain(of_message(item)).chain(messages.iter().flat_map(of_message)).collect()
}

fn ids_of<'j>(people: &[&'j Json<'_>]) -> BTreeSet<Cow<'j, str>> {
    people.iter().filter_map(|one| one.get("id").id()).collect()
}

/// The one id that is in all conversations of the record.
fn common_id(items: &[&Json<'_>]) -> Option<String> {
    let mut common: Option<BTreeSet<Cow<'_, str>>> = None;
    for ids in items.iter().map(|item| ids_of(&people_of(item))).filter(|ids| !ids.is_empty()) {
        common = Some(match common {
            None => ids,
            Some(so_far) => so_far.intersection(&ids).cloned().collect(),
        });
    }
    let common = common?;
    common.first().filter(|_| common.len() == 1).map(|id| id.to_string())
}

/// Reads the messages of one conversation.
fn one_of(messages: &[Json<'_>], item: &Json<'_>, common: Option<&str>, record: &mut Record<'_, '_>) {
    let line = record.line;
    let people = people_of(item);
    let ids = ids_of(&people);
    let given = Some(record.sink.options.account.as_str()).filter(|account| !account.is_empty());
    let takes_part = |account: &&str| ids.contains(*account);
    let wrapped = record.account.clone();
    let named = wrapped.as_deref().filter(takes_part).or(given);
    let account = match (named, common) {
        (Some(account), _) if takes_part(&account) => account.to_owned(),
        (None, Some(common)) => common.to_owned(),
        _ if messages.is_empty() => return,
        (Some(account), _) => {
            let reason = format!("is a conversation in which the account `{}` takes no part", shown(account));
            return record.sink.bad(line, reason);
        }
        // Another record may tell. Until then the recipient stands for the account; in a crowd it would not help to know.
        (None, None) => {
            let ids: Vec<&str> = ids.iter().map(|id| id.as_ref()).collect();
            return match ids.as_slice() {
                [one, other] => open_one(messages, &people, [*one, *other], record),
                [_] => record.sink.bad(line, "names no user: only one side takes part".to_owned()),
                _ => record.sink.bad(line, format!("is a group conversation of {} people", ids.len())),
            };
        }
    };
    let others: Vec<&Cow<'_, str>> = ids.iter().filter(|id| **id != account).collect();
    if 1 < others.len() {
        return record.sink.bad(line, format!("is a group conversation of {} people", others.len() + 1));
    }
    let channel = if is_instagram(&people, &account) { Channel::Instagram } else { Channel::Messenger };
    let side = Side { account: &account, user: others.first().map(|id| id.as_ref()), channel };
    each(messages, record, |message, record| read_message(message, &side, record));
}

/// Reads the messages between two ids, of which nothing here says which one is the account.
fn open_one(messages: &[Json<'_>], people: &[&Json<'_>], ids: [&str; 2], record: &mut Record<'_, '_>) {
    let is_instagram = ids.iter().any(|id| is_instagram(people, id));
    let channel = if is_instagram { Channel::Instagram } else { Channel::Messenger };
    record.sides = Sides::Open;
    each(messages, record, |message, record| {
        let from = message.get("from").get("id").id();
        // As the one who did not write it would see it.
        let account = ids.iter().find(|id| Some(**id) != from.as_deref()).copied().unwrap_or_default();
        let user = ids.iter().find(|id| **id != account).copied();
        read_message(message, &Side { account, user, channel }, record)
    });
    record.sides = Sides::Told;
}

/// Reads each message, and reports those that cannot be read.
fn each(
    messages: &[Json<'_>],
    record: &mut Record<'_, '_>,
    read: impl Fn(&Json<'_>, &mut Record<'_, '_>) -> Result<(), String>,
) {
    for (index, message) in messages.iter().enumerate() {
        if let Err(reason) = read(message, record) {
            let which = if messages.len() == 1 { String::new() } else { format!("message {} ", index + 1) };
            record.sink.bad(record.line, format!("{which}{reason}"));
        }
    }
}

/// Instagram knows people by a user name; Messenger gives everybody an address at facebook.com.
fn is_instagram(people: &[&Json<'_>], account: &str) -> bool {
    let at_facebook = |one: &&Json<'_>| one.get("email").text().is_some_and(|email| email.ends_with("@facebook.com"));
    account.starts_with("17841") || people.iter().any(|one| one.has("username")) && !people.iter().any(at_facebook)
}

/// Whose conversation it is.
struct Side<'a> {
    account: &'a str,
    user: Option<&'a str>,
    channel: Channel,
}

fn read_message(message: &Json<'_>, side: &Side<'_>, record: &mut Record<'_, '_>) -> Result<(), String> {
    let stamp = match message.get("created_time") {
        // Of older messages only the id is given.
        Json::Null if message.fields().len() == 1 && message.has("id") => {
            record.sink.tally.left_out(NO_DETAIL);
            return Ok(());
        }
        Json::Null => return Err("has no `created_time`".to_owned()),
        time => record.stamp(time).ok_or("has a `created_time` that is no time")?,
    };
    let from = message.get("from").get("id").id().ok_or("does not say who sent it: `from` has no id")?;
    let out = from == side.account;
    let user = side.user.ok_or("names no user: only the business takes part")?;
    if message.has("reactions") {
        record.sink.tally.left_out(REACTIONS);
    }
    let id = message.get("id").id();
    let attached = message.get("attachments").get("data").elements();
    let beside = beside::lines(attached.iter().map(|one| one.get("generic_template")));
    let event = Event {
        at: stamp.at,
        precision_ms: stamp.precision_ms.max(PRECISION_MS),
        channel: side.channel,
        account: side.account,
        user,
        kind: if out { Kind::Send } else { Kind::Message },
        id: id.as_deref(),
        text: message.get("message").text(),
        status: out.then_some(Status::Sent),
        claim_hidden: out,
        ..Event::default()
    };
    record.event_with(&event, None, beside.as_deref())
}
