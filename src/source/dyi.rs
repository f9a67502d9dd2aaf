//! "Download Your Information" of Facebook and Instagram: threads of messages between names, without any id.
//!
//! Three generations: 2018 (`timestamp` in seconds), v1 (`sender_name`, `timestamp_ms`, every byte of UTF-8 written as a
//! character of its own) and v2 (`senderName`, `text`). Which name is the business must be said: `--owner`.

use std::borrow::Cow;

use crate::event::{Channel, Event, Kind, Status};

use super::json::Json;
use super::shape::{Record, Shape};
use super::shown;

pub(super) const SHAPE: Shape = Shape { name: "dyi", fits, read };

/// An epoch below this is in seconds.
const FIRST_MS: i64 = 100_000_000_000;
/// How many names are listed for somebody who must choose one.
const NAMES_LISTED: usize = 5;

const LIMIT: &str = "dyi: has names instead of ids, so two people of one name count as one, and only time, side and text \
                     of a message; postbacks, opt-ins, tags and tokens are not in it";
const REACTIONS: &str = "dyi: a reaction without a time was left out";

fn fits(json: &Json<'_>) -> bool {
    let messages = json.get("messages").elements();
    let is_thread = ["participants", "thread_path", "thread_name", "is_still_participant"];
    messages.iter().any(|message| message.has("sender_name"))
        || matches!(json.get("messages"), Json::Array(_))
            && json.has("participants")
            && is_thread.iter().filter(|key| !json.get(key).is_null()).count() > 1
}

fn read(json: &Json<'_>, record: &mut Record<'_, '_>) -> Result<(), String> {
    let messages = json.get("messages").elements();
    record.sink.tally.limit(LIMIT);
    if messages.is_empty() {
        return Ok(());
    }
    let is_v2 = is_v2(json);
    let names = names_of(json, is_v2);
    let owners: Vec<String> = record.sink.options.owner.iter().map(|owner| folded(owner)).collect();
    let is_owner = |name: &str| owners.contains(&folded(name));
    if owners.is_empty() {
        return Err(format!("has names instead of ids; say which is the business with --owner: {}", listed(&names)));
    }
    let Some(owner) = names.iter().find(|name| is_owner(name)) else {
        return Err(format!("has none of the names given with --owner, but: {}", listed(&names)));
    };
    let others: Vec<&Cow<'_, str>> = names.iter().filter(|name| !is_owner(name)).collect();
    let user = match others.as_slice() {
        [] => return Err("is a thread of the business with itself".to_owned()),
        [user] => user,
        _ => return Err(format!("is a group conversation of {} people", others.len() + 1)),
    };
    // Beside logs that know the account by its id, the name can be told to be that one.
    let given = record.sink.options.account.as_str();
    let thread = Thread {
        account: if given.is_empty() { owner } else { given },
        user,
        channel: if is_instagram(json, is_v2) { Channel::Instagram } else { Channel::Messenger },
        is_v2,
    };
    for (index, message) in messages.iter().enumerate() {
        if let Err(reason) = read_message(message, &thread, &is_owner, record) {
            record.sink.bad(record.line, format!("message {} {reason}", index + 1));
        }
    }
    Ok(())
}

/// Keys are read in snake case, so the generations differ by the others they have.
fn is_v2(json: &Json<'_>) -> bool {
    let messages = json.get("messages").elements();
    let has = |keys: &[&str]| messages.iter().any(|message| keys.iter().any(|key| message.has(key)));
    json.has("thread_name") || has(&["text", "media"]) && !has(&["content", "timestamp_ms"])
}

/// The threads of both look alike, but only Facebook's messages had a type, and only its threads.
fn is_instagram(json: &Json<'_>, is_v2: bool) -> bool {
    let messages = json.get("messages").elements();
    let path = json.get("thread_path").text().unwrap_or_default();
    let untyped = messages.iter().all(|message| !message.has("type")) && !json.has("thread_type");
    path.contains("instagram") || !is_v2 && untyped && messages.iter().any(|message| message.has("timestamp_ms"))
}

/// Whose thread it is, and how its texts are written.
struct Thread<'a> {
    account: &'a str,
    user: &'a str,
    channel: Channel,
    is_v2: bool,
}

/// Everybody in the thread. Those who wrote something count even where the list of participants lacks them, but beside a
/// full list they are former names of somebody who is on it.
fn names_of<'j>(json: &'j Json<'_>, is_v2: bool) -> Vec<Cow<'j, str>> {
    let listed = json.get("participants").elements().iter();
    let listed = listed.filter_map(|one| one.text().or_else(|| one.get("name").text()));
    let mut names: Vec<Cow<'j, str>> = Vec::new();
    let mut add = |name: &'j str| {
        let name = repaired(name, is_v2);
        if !names.contains(&name) {
            names.push(name);
        }
        names.len()
    };
    let count = listed.map(&mut add).last().unwrap_or_default();
    if count < 2 {
        let senders = json.get("messages").elements().iter().filter_map(|message| message.get("sender_name").text());
        // A crowd is a crowd at three.
        senders.map(add).find(|count| MOST_NAMES < *count);
    }
    names
}

/// How many names of a thread are told apart.
const MOST_NAMES: usize = 1_000;

fn listed(names: &[Cow<'_, str>]) -> String {
    let list: Vec<String> = names.iter().take(NAMES_LISTED).map(|name| format!("`{}`", shown(name))).collect();
    let more = if NAMES_LISTED < names.len() { ", ..." } else { "" };
    if list.is_empty() { "it names nobody".to_owned() } else { format!("{}{more}", list.join(", ")) }
}

fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

/// The text that was meant: v1 writes each byte of UTF-8 as one character. What is not wholly so is left as it is.
fn repaired(text: &str, is_v2: bool) -> Cow<'_, str> {
    if is_v2 || text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    match bytes.map(String::from_utf8) {
        Some(Ok(meant)) => Cow::Owned(meant),
        _ => Cow::Borrowed(text),
    }
}

fn read_message(
    message: &Json<'_>,
    thread: &Thread<'_>,
    is_owner: &dyn Fn(&str) -> bool,
    record: &mut Record<'_, '_>,
) -> Result<(), String> {
    let (at, precision_ms) = time_of(message.first(&["timestamp_ms", "timestamp"]), record)?;
    let sender = message.get("sender_name").text().ok_or("does not say who sent it: it has no `sender_name`")?;
    let out = is_owner(&repaired(sender, thread.is_v2));
    let kind = kind_of(message, out);
    let text = message.first(&["content", "text"]).text().map(|text| repaired(text, thread.is_v2));
    let base = Event {
        at,
        precision_ms,
        channel: thread.channel,
        account: thread.account,
        user: thread.user,
        ..Event::default()
    };
    record.event(&Event {
        kind,
        text: text.as_deref().filter(|_| matches!(kind, Kind::Message | Kind::Send)),
        status: (kind == Kind::Send).then_some(Status::Sent),
        claim_hidden: kind == Kind::Send,
        ..base
    })?;
    for reaction in message.get("reactions").elements() {
        let Ok((at, precision_ms)) = time_of(reaction.first(&["timestamp_ms", "timestamp"]), record) else {
            record.sink.tally.left_out(REACTIONS);
            continue;
        };
        let actor = reaction.get("actor").text().map(|actor| repaired(actor, thread.is_v2));
        let out = actor.as_deref().is_none_or(is_owner);
        let kind = if out { Kind::Other } else { Kind::Reaction };
        record.event(&Event { at, precision_ms, kind, ..base })?;
    }
    Ok(())
}

/// What the message was. Subscribe and Unsubscribe are about who is in a group.
fn kind_of(message: &Json<'_>, out: bool) -> Kind {
    let is_true = |key: &str| message.get(key).truth() == Some(true);
    let kind = message.get("type").text().unwrap_or_default().to_ascii_lowercase();
    let took = message.get("call_duration").integer();
    if is_true("is_unsent") {
        return if out { Kind::Other } else { Kind::Delete };
    }
    if kind == "call" || message.has("call_duration") {
        // A call of the business's own is the user's only if they took it.
        let taken = took.is_some_and(|seconds| 0 < seconds) && !is_true("missed");
        return if out && !taken { Kind::Other } else { Kind::Call };
    }
    match (kind.as_str(), out) {
        ("subscribe" | "unsubscribe", _) => Kind::Other,
        (_, true) => Kind::Send,
        (_, false) => Kind::Message,
    }
}

fn time_of(json: &Json<'_>, record: &Record<'_, '_>) -> Result<(crate::time::Time, u32), String> {
    if json.is_null() {
        return Err("has no time".to_owned());
    }
    let stamp = record.stamp(json).ok_or("has a time that cannot be read")?;
    let is_in_seconds = json.integer().is_some_and(|epoch| epoch < FIRST_MS);
    Ok((stamp.at, if is_in_seconds { stamp.precision_ms.max(1_000) } else { stamp.precision_ms }))
}
