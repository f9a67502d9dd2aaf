//! Changes around posts: the Page feed and Instagram comments. The only record of the comments that private replies answer.
//!
//! Sources of the shapes: Meta's webhook reference for the Page fields `feed`, `mention` and `ratings` and the Instagram
//! fields `comments`, `live_comments` and `mentions`. Who comments is known by another id than who writes messages, and
//! some samples do not name them at all: a private reply is tied to the comment by the comment's id alone.

use crate::event::{Channel, Event, Kind};

use super::json::Json;
use super::shape::{Record, Shape, channel_of};
use super::webhook::{self, Around, Wrong};

pub(super) const SHAPE: Shape = Shape { name: "feed", fits, read };

fn fits(json: &Json<'_>) -> bool {
    channel_of(json) != Some(Channel::Whatsapp)
        && (json.get("entry").elements().iter().any(has_changes) || is_change(json))
}

/// Whether an entry has changes, in a list, or one laid flat as Instagram's own login does. WhatsApp has changes of its own.
pub(super) fn has_changes(entry: &Json<'_>) -> bool {
    entry.get("changes").elements().iter().any(is_change) || is_change(entry)
}

fn is_change(json: &Json<'_>) -> bool {
    json.get("field").text().is_some() && !json.get("value").has("messaging_product")
}

fn read(json: &Json<'_>, record: &mut Record<'_, '_>) -> Result<(), String> {
    let channel = channel_of(json);
    let mut wrong = Wrong::default();
    if json.has("entry") {
        for entry in json.get("entry").elements() {
            read_entry(entry, channel, record, &mut wrong);
        }
    } else {
        let around = Around { channel, id: None, time: None };
        wrong.note(read_change(json, &around, record));
    }
    wrong.finish()
}

/// Reads all changes of an entry; one that cannot be read must not take the others with it.
pub(super) fn read_entry(entry: &Json<'_>, channel: Option<Channel>, record: &mut Record<'_, '_>, wrong: &mut Wrong) {
    let id = entry.get("id").id();
    let around = Around { channel, id: id.as_deref(), time: record.stamp(entry.get("time")) };
    let flat = is_change(entry).then_some(entry);
    for change in entry.get("changes").elements().iter().chain(flat) {
        wrong.note(read_change(change, &around, record));
    }
}

fn read_change(json: &Json<'_>, around: &Around<'_>, record: &mut Record<'_, '_>) -> Result<(), String> {
    let (field, value) = (json.get("field").text().unwrap_or_default(), json.get("value"));
    // The App Dashboard sends its tests of messages as changes.
    if webhook::is_event(value) {
        return webhook::read_event(value, around, record);
    }
    let of_instagram = match field {
        "comments" | "live_comments" | "mentions" => true,
        "feed" | "mention" | "ratings" => false,
        _ => {
            record.unknown(if field.is_empty() { "change without field" } else { field });
            return Ok(());
        }
    };
    if !value.is_object() {
        return Err(format!("has a change of `{field}` without a `value`"));
    }
    let channel = around.channel.unwrap_or(if of_instagram { Channel::Instagram } else { Channel::Messenger });
    let account = around.id.or(record.account.as_deref()).filter(|id| *id != "0").unwrap_or_default().to_owned();
    let writer = match value.get("from") {
        from @ Json::Object(_) => from.first(&["id", "self_ig_scoped_id"]),
        _ => value.first(&["sender_id", "reviewer_id"]),
    };
    let writer = writer.id();
    let is_own = writer.as_deref().is_some_and(|writer| writer == account || writer == record.sink.account());
    let stamp = record
        .stamp(value.get("created_time"))
        .or(around.time)
        .or(record.logged)
        .ok_or_else(|| format!("has a change of `{field}` without a time"))?;
    let (comment, post) = (value.get("comment_id").id(), value.first(&["post_id", "media_id"]).id());
    // A change of `comments` is about its own id.
    let comment = comment.or_else(|| value.get("id").id().filter(|_| of_instagram));
    let item = value.get("item").text().unwrap_or(if comment.is_some() { "comment" } else { field });
    let is_new = matches!(value.get("verb").text(), None | Some("add" | "added"));
    let about = match item {
        "comment" => comment,
        // What a visitor writes on the Page can be answered privately like a comment.
        "status" | "post" | "photo" | "video" | "share" if field == "feed" => post,
        _ => None,
    };
    if about.is_none() && matches!(item, "comment" | "comments" | "live_comments") {
        return Err("has a comment without an id".to_owned());
    }
    let is_comment = is_new && !is_own && about.is_some();
    record.event(&Event {
        at: stamp.at,
        precision_ms: stamp.precision_ms,
        channel,
        account: &account,
        user: writer.as_deref().unwrap_or_default(),
        kind: if is_comment { Kind::Comment } else { Kind::Other },
        // Instagram's comments have no time of their own: without the id, every retry of a webhook were another comment.
        id: about.as_deref().filter(|_| is_comment),
        comment: about.as_deref().filter(|_| is_comment),
        text: value.first(&["message", "text"]).text().filter(|_| is_comment),
        // A live comment or mention may not say whose it is. A private reply is tied to the comment, so its id is enough.
        recipient_hidden: is_comment && writer.is_none(),
        ..Event::default()
    })
}
