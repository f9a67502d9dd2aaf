//! Which format a JSON record is in, told by its content: real logs mix webhook bodies, requests and responses in one file,
//! so each record is judged on its own.
//!
//! A shape is one file that ends in one constant, and a line below. The first that fits reads the record.

use std::borrow::Cow;

use super::Sink;
use super::json::Json;
use super::loose::{Alias, Content};
use super::sides::Sides;
use super::{beside, chatwoot, dyi, feed, graph, send_api, webhook, whatsapp, whatsapp_send};
use crate::batch::Slot;
use crate::event::{Channel, Event, Kind, Sender};
use crate::time::Stamp;

/// The shapes, in the order in which they are asked.
const SHAPES: &[Shape] = &[
    webhook::SHAPE,
    whatsapp::SHAPE,
    feed::SHAPE,
    send_api::SHAPE,
    whatsapp_send::SHAPE,
    chatwoot::SHAPE,
    dyi::SHAPE,
    graph::SHAPE,
];

/// The canonical record, among the names of the shapes: it is read without being asked for, and by itself if it is.
pub(super) const CANONICAL: &str = "canonical";

/// The names of the shapes, for `Options::from`.
pub fn shape_names() -> Vec<&'static str> {
    std::iter::once(CANONICAL).chain(SHAPES.iter().map(|shape| shape.name)).collect()
}

/// The beginning of 2010. No message is older, but tests and samples have times such as 0 and 1234567890.
const FIRST_MS: i64 = 1_262_304_000_000;
const PLACEHOLDER: &str = "dated before 2010, as tests and samples are";

/// How deep a record may be wrapped in others: a log line around a body around an event.
const MOST_WRAPPINGS: usize = 3;

/// A format of JSON records.
pub(super) struct Shape {
    /// Its name for `--from` and in reports.
    pub(super) name: &'static str,
    /// Whether a record has this shape.
    pub(super) fits: fn(&Json<'_>) -> bool,
    /// Reads a record of this shape, or says why it cannot.
    pub(super) read: fn(&Json<'_>, &mut Record<'_, '_>) -> Result<(), String>,
}

/// Where a record stands, what its wrapping says of it, and where its events go.
pub(super) struct Record<'s, 'o> {
    pub(super) sink: &'s mut Sink<'o>,
    pub(super) line: u64,
    /// The time of the log line around the record.
    pub(super) logged: Option<Stamp>,
    /// The account that the log line names.
    pub(super) account: Option<String>,
    /// The id that the log line shares with others about the same call.
    pub(super) correlation: Option<String>,
    /// How the events that are taken in tell which side is the account.
    pub(super) sides: Sides,
}

impl Record<'_, '_> {
    /// Takes in an event; its place and a missing account are filled in.
    pub(super) fn event(&mut self, event: &Event<'_>) -> Result<(), String> {
        self.event_with(event, None, None)
    }

    fn push(&mut self, event: &Event<'_>) -> Result<Option<Slot>, String> {
        let account = if event.account.is_empty() { &self.sink.options.account } else { event.account };
        let place = self.sink.place(self.line);
        let precision_ms = self.sink.options.precision_of(event.precision_ms);
        let event = Event { account, place, precision_ms, ..*event };
        if event.at.ms() < FIRST_MS {
            self.sink.tally.left_out(PLACEHOLDER);
        }
        let slot = match self.sides {
            Sides::Told => self.sink.events.push(&event).map(Some),
            sides => self.sink.unsided.push(&event, sides).then_some(None),
        };
        slot.ok_or_else(|| "is too large to keep".to_owned())
    }

    /// Takes in an event, an attachment that it shows instead of a text, and the lines that it shows beside it. These are
    /// to be read, and not to be compared with those of a call: the two need not show the same.
    pub(super) fn event_with(
        &mut self,
        event: &Event<'_>,
        attachment: Option<&str>,
        beside: Option<&str>,
    ) -> Result<(), String> {
        let content = event.text.map_or(Content::Unknown, Content::of_text);
        let attached = attachment.filter(|_| content == Content::Unknown).map(Content::of_attachment);
        // No call caused what a person wrote; and without an id it could not be joined.
        let text = beside::below(event.text, beside);
        if let Some(slot) = self.push(&Event { text: text.as_deref(), ..*event })?
            && event.kind == Kind::Send
            && event.id.is_some()
            && event.sender != Some(Sender::Human)
        {
            self.sink.contents.push((slot, attached.unwrap_or(content)));
        }
        Ok(())
    }

    /// Takes in another name of a user.
    pub(super) fn alias(&mut self, alias: Alias) {
        self.sink.aliases.insert(alias);
    }

    /// Takes note that an account is an inbox of a helpdesk, which Meta knows by another name.
    pub(super) fn inbox(&mut self, channel: Channel, inbox: &str) {
        let known = self.sink.inboxes.entry(channel).or_default();
        if !known.contains(inbox) {
            known.insert(inbox.to_owned());
        }
    }

    /// Counts something that is there and that we do not know, by its name.
    pub(super) fn unknown(&mut self, what: &str) {
        self.sink.tally.unknown_event(what);
    }

    /// A time as Meta and loggers write it: an epoch in s or ms, as number or text, or a calendar time.
    pub(super) fn stamp(&self, json: &Json<'_>) -> Option<Stamp> {
        let text = match json {
            Json::Text(text) => Cow::Borrowed(text.as_ref()),
            Json::Integer(number) => Cow::Owned(number.to_string()),
            // Rasa and some loggers write seconds with a fraction; milliseconds survive in a double.
            Json::Float(seconds) => Cow::Owned(format!("{seconds:.3}")),
            _ => return None,
        };
        Stamp::parse(&text, self.sink.options.utc_offset_s).ok()
    }

    /// The logger's time of a record: that of the log line around it, or one that stands among its own keys.
    pub(super) fn logged_beside(&mut self, json: &Json<'_>) -> Option<Stamp> {
        let options = self.sink.options;
        let own = match &options.time_field {
            Some(name) => json.get_as_written(name),
            None => json.first(TIMES),
        };
        self.sink.tally.used.time_field |= options.time_field.is_some() && !own.is_null();
        self.stamp(own).or(self.logged)
    }
}

/// Reads a record that is not canonical.
///
/// # Errors
/// Why it cannot be read; for a shape that is not known, the keys it has.
pub(super) fn read(json: &Json<'_>, line: u64, sink: &mut Sink<'_>) -> Result<(), String> {
    let mut record = Record { sink, line, logged: None, account: None, correlation: None, sides: Sides::Told };
    read_wrapped(json, &mut record, 0)
}

/// A key as it may be quoted: one that is a number is somebody's id, and a long one with digits may be a credential.
pub(super) fn plain_key(key: &str) -> &str {
    const LONG: usize = 24;
    let digits = key.bytes().filter(u8::is_ascii_digit).count();
    // Telephone numbers are written in many ways.
    let is_number = 0 < digits && key.chars().all(|c| c.is_ascii_digit() || "_+-(). ".contains(c));
    if is_number || 0 < digits && LONG < key.len() { "(an id)" } else { key }
}

/// Reads a record that stands in a line of a text log, which has a time of its own.
///
/// # Errors
/// As [`read`].
pub(super) fn read_logged(
    json: &Json<'_>,
    logged: Option<Stamp>,
    line: u64,
    sink: &mut Sink<'_>,
) -> Result<(), String> {
    let mut record = Record { sink, line, logged, account: None, correlation: None, sides: Sides::Told };
    read_wrapped(json, &mut record, 0)
}

fn read_wrapped(json: &Json<'_>, record: &mut Record<'_, '_>, depth: usize) -> Result<(), String> {
    let wanted = record.sink.options.from;
    let fits = |shape: &&Shape| wanted.is_none_or(|name| name == shape.name) && (shape.fits)(json);
    if let Some(shape) = SHAPES.iter().find(fits) {
        record.sink.tally.shape(shape.name);
        return (shape.read)(json, record);
    }
    if depth < MOST_WRAPPINGS && unwrap(json, record, depth)? {
        return Ok(());
    }
    if let Some(name) = wanted {
        return Err(format!("is not a record of the format {name}, as which --from has it read"));
    }
    Err(match quoted_keys(json) {
        None => "is not a record of any format we know".to_owned(),
        Some(keys) => format!("is not a record of any format we know; its keys are {keys}"),
    })
}

/// The first keys of a record, each between quotes: one may be a name or an address, and a reader may want no quotes.
fn quoted_keys(json: &Json<'_>) -> Option<String> {
    const ROOM: usize = 60;
    let mut keys = String::new();
    for (key, _) in json.fields() {
        let next = match plain_key(key) {
            own if own == key.as_ref() => format!("`{}`", super::shown(own)),
            instead => instead.to_owned(),
        };
        if !keys.is_empty() {
            keys.push_str(", ");
            if ROOM < keys.chars().count() + next.chars().count() {
                return Some(keys + "…");
            }
        }
        keys.push_str(&next);
    }
    Some(keys).filter(|keys| !keys.is_empty())
}

/// The keys under which loggers put the body of a call, in the order in which the bodies belong.
const BODIES: &[&str] = &[
    "request",
    "request_body",
    "req",
    "payload",
    "raw_payload",
    "raw_json",
    "webhook",
    "event",
    "message",
    "data",
    "body",
    "content",
    "response",
    "response_body",
    "res",
    "result",
];
/// The keys under which loggers put their own time.
const TIMES: &[&str] = &["ts", "time", "timestamp", "@timestamp", "logged_at", "created_at", "date", "datetime", "at"];
/// The keys under which loggers name the account.
const ACCOUNTS: &[&str] = &["account", "account_id", "page_id", "pageid", "phone_number_id", "ig_id", "instagram_id"];
/// The keys under which loggers name the call.
const CORRELATIONS: &[&str] = &["correlation_id", "request_id", "trace_id", "call_id", "x_request_id"];

/// What a log line says of the call it is about: when, by whom, and which.
pub(super) struct Around {
    pub(super) logged: Option<Stamp>,
    pub(super) account: Option<String>,
    pub(super) correlation: Option<String>,
}

/// Looks for the logger's own words in a log line; what it does not say, the line around it may have said.
pub(super) fn around(json: &Json<'_>, record: &mut Record<'_, '_>) -> Around {
    let logged = record.logged_beside(json);
    let account = json.first(ACCOUNTS).id().map(Cow::into_owned).or_else(|| account_in_url(json));
    let correlation = json.first(CORRELATIONS).id().map(Cow::into_owned);
    Around {
        logged,
        account: account.or_else(|| record.account.clone()),
        correlation: correlation.or_else(|| record.correlation.clone()),
    }
}

impl Record<'_, '_> {
    /// A name that no other log line has, for a request and its response that stand in one.
    pub(super) fn own_correlation(&self) -> Option<String> {
        Some(format!("\0{}:{}:{}", self.sink.input, self.line, self.sink.loose.len()))
    }
}

/// Reads the records inside a log line; `false` if there is none.
fn unwrap(json: &Json<'_>, record: &mut Record<'_, '_>, depth: usize) -> Result<bool, String> {
    let mut bodies: Vec<Cow<'_, Json<'_>>> = Vec::new();
    for body in BODIES.iter().map(|key| json.get(key)) {
        match body {
            Json::Object(_) | Json::Array(_) if is_known_within(body, depth + 1) => bodies.push(Cow::Borrowed(body)),
            Json::Array(elements) if elements.iter().any(|element| is_known_within(element, depth + 1)) => {
                bodies.extend(elements.iter().map(Cow::Borrowed));
            }
            Json::Text(text) => {
                let inside = json_in(text).filter(|inside| is_known_within(inside, depth + 1));
                bodies.extend(inside.map(Cow::Owned));
            }
            _ => {}
        }
    }
    // Some loggers put the error of a call beside its request.
    if !bodies.is_empty() && json.get("error").has("code") {
        bodies.push(Cow::Owned(Json::Object(vec![(Cow::Borrowed("error"), json.get("error").clone())])));
    }
    let mut around = around(json, record);
    if 1 < bodies.len() {
        around.correlation = record.own_correlation();
    }
    let mut outcome = Ok(!bodies.is_empty());
    for body in bodies {
        let mut inner = Record {
            sink: record.sink,
            line: record.line,
            logged: around.logged,
            account: around.account.clone(),
            correlation: around.correlation.clone(),
            sides: Sides::Told,
        };
        if let Err(reason) = read_wrapped(&body, &mut inner, depth + 1) {
            outcome = outcome.and(Err(reason));
        }
    }
    outcome
}

/// The JSON that a text is, or the fields of a form.
fn json_in(text: &str) -> Option<Json<'_>> {
    if text.trim_start().starts_with(['{', '[']) { Json::parse(text).ok() } else { send_api::form(text) }
}

/// Whether a record, or one inside it, has a shape we know.
pub(super) fn is_known(json: &Json<'_>) -> bool {
    is_known_within(json, 0)
}

fn is_known_within(json: &Json<'_>, depth: usize) -> bool {
    SHAPES.iter().any(|shape| (shape.fits)(json))
        || depth < MOST_WRAPPINGS
            && BODIES.iter().map(|key| json.get(key)).any(|body| match body {
                Json::Object(_) | Json::Array(_) => is_known_within(body, depth + 1),
                Json::Text(text) => json_in(text).is_some_and(|inside| is_known_within(&inside, depth + 1)),
                _ => false,
            })
}

/// The account in `https://graph.facebook.com/v19.0/ACCOUNT/messages`.
fn account_in_url(json: &Json<'_>) -> Option<String> {
    let url = json.first(&["url", "uri", "path", "endpoint", "relative_url"]).text()?;
    let before = url.split(['?', '#']).next()?.strip_suffix("/messages")?;
    let account = before.rsplit('/').next()?;
    (!account.is_empty() && account.bytes().all(|c| c.is_ascii_digit())).then(|| account.to_owned())
}

/// The channel that a webhook body names.
pub(super) fn channel_of(json: &Json<'_>) -> Option<Channel> {
    match json.get("object").text()? {
        "page" => Some(Channel::Messenger),
        "instagram" => Some(Channel::Instagram),
        "whatsapp_business_account" => Some(Channel::Whatsapp),
        _ => None,
    }
}
