//! The canonical record: the names of its fields, what their values mean, and how a record becomes an event.
//!
//! A value that decides a verdict is never guessed: what cannot be read there makes the record a bad one. A word that
//! only describes (who wrote it, how often a token may be used) is taken for absent if we do not know it, and counted.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::Visitor;

use crate::batch::Shards;
use crate::event::{
    Category, Channel, Entry, Event, Frequency, Kind, MessagingType, Place, Sender, Status, TokenType, tag_word, words,
};
use crate::time::Stamp;

use super::tally::Tally;
use super::{Options, shown};

words! {
    /// A field of the canonical record. The order is that of the contract.
    Field {
        /// When it happened.
        Ts = "ts",
        /// The channel.
        Channel = "channel",
        /// Whose conversation it is on the business's side.
        Account = "account",
        /// Whose it is on the user's side.
        User = "user",
        /// Who caused it.
        Direction = "direction",
        /// What happened.
        Event = "event",
        /// Message id.
        Id = "id",
        /// The text of a message.
        Text = "text",
        /// The send's messaging type.
        MessagingType = "messaging_type",
        /// The send's message tag.
        Tag = "tag",
        /// A one-time or recurring token.
        Token = "token",
        /// Which of the two it is.
        TokenType = "token_type",
        /// When it ends.
        TokenExpires = "token_expires",
        /// How often it may be used.
        Frequency = "frequency",
        /// The comment that a private reply answers.
        Comment = "comment",
        /// The template's name.
        Template = "template",
        /// The template's category.
        Category = "category",
        /// Whether it is a sponsored message.
        Sponsored = "sponsored",
        /// Who wrote it.
        Sender = "sender",
        /// Whether it promotes.
        Promotional = "promotional",
        /// What became of it.
        Status = "status",
        /// The code Meta rejected it with.
        ErrorCode = "error_code",
        /// The subcode Meta rejected it with.
        ErrorSubcode = "error_subcode",
        /// How the user came into the conversation.
        Entry = "entry",
        /// The user's country.
        Region = "region",
        /// How far the true moment may lie after `ts`, in ms: what `convert` writes for a log of whole seconds or minutes.
        PrecisionMs = "precision_ms",
        /// The log it comes from does not show what the send relied on.
        ClaimHidden = "claim_hidden",
        /// The log it comes from does not show to which user the send went.
        RecipientHidden = "recipient_hidden",
        /// The time is that of the business's own log, which is believed less than Meta's.
        LoggedAt = "logged_at",
        /// The other half of the send was not found: the answer to a call, or which of several calls an echo belongs to.
        Unpaired = "unpaired",
    }
}

/// Reads the value of `--map`: `ts=SentDate,user=From`.
///
/// # Errors
/// What is wrong with the text, as half a sentence.
pub fn parse_map(text: &str) -> Result<Vec<(Field, String)>, String> {
    let mut map: Vec<(Field, String)> = Vec::new();
    for pair in text.split(',') {
        let (name, column) = pair
            .split_once('=')
            .map(|(name, column)| (name.trim(), column.trim()))
            .filter(|(_, column)| !column.is_empty())
            .ok_or_else(|| format!("`{}` is not of the form field=column", shown(pair)))?;
        let Some(field) = Field::from_word(name) else {
            return Err(format!("`{}` is none of our fields, which are {}", shown(name), list(Field::ALL)));
        };
        if map.iter().any(|(known, _)| *known == field) {
            return Err(format!("`{field}` is mapped twice; each of {} may be mapped once", list(Field::ALL)));
        }
        if map.iter().any(|(_, known)| folded(known) == folded(column)) {
            return Err(format!("the column `{}` is mapped to two fields", shown(column)));
        }
        map.push((field, column.to_owned()));
    }
    Ok(map)
}

fn list<T: fmt::Display>(all: &[T]) -> String {
    all.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

/// What the fields are called in the inputs. A field that is mapped is known by its mapped name only.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// Folded names given by the user, and as they were given.
    mapped: Vec<(String, Field, String)>,
    own: Vec<Field>,
    /// The same by the length of their names: every key of every record is looked up.
    own_by_length: Vec<Vec<Field>>,
}

impl Names {
    pub(super) fn new(map: &[(Field, String)]) -> Names {
        let own: Vec<Field> =
            Field::ALL.iter().copied().filter(|field| map.iter().all(|(mapped, _)| mapped != field)).collect();
        let longest = own.iter().map(|field| field.word().len()).max().unwrap_or(0);
        let of_length = |length| own.iter().copied().filter(|field| field.word().len() == length).collect();
        let own_by_length = (0..=longest).map(of_length).collect();
        let mapped = map.iter().map(|(field, name)| (folded(name), *field, name.trim().to_owned())).collect();
        Names { mapped, own, own_by_length }
    }

    /// The field of this name, spelt exactly unless it is a mapped one.
    pub(super) fn find(&self, name: &str) -> Option<Field> {
        let own = || self.own_by_length.get(name.len())?.iter().copied().find(|field| field.word() == name);
        self.find_mapped(name).or_else(own)
    }

    /// The field of this name in a header, where people write `Messaging Type`.
    pub(super) fn find_loosely(&self, name: &str) -> Option<Field> {
        let own = || {
            let name = folded(name).replace([' ', '-'], "_");
            self.own.iter().copied().find(|field| field.word() == name)
        };
        self.find_mapped(name).or_else(own)
    }

    fn find_mapped(&self, name: &str) -> Option<Field> {
        if self.mapped.is_empty() {
            return None;
        }
        let name = folded(name);
        self.mapped.iter().find(|(mapped, ..)| *mapped == name).map(|(_, field, _)| *field)
    }

    /// What the field is called in the inputs.
    pub(super) fn of(&self, field: Field) -> &str {
        self.mapped.iter().find(|(_, mapped, _)| *mapped == field).map_or(field.word(), |(.., name)| name)
    }

    /// The fields that the user mapped.
    pub(super) fn mapped(&self) -> impl Iterator<Item = Field> {
        self.mapped.iter().map(|(_, field, _)| *field)
    }
}

/// A value as a log wrote it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// There is no such key or column.
    #[default]
    Unset,
    /// A JSON null.
    Null,
    Text(&'a str),
    /// A JSON string with its quotes and escapes.
    JsonText(&'a str),
    /// The inside of a quoted CSV field, in which `""` stands for `"`.
    CsvText(&'a str),
    /// A JSON number, digit for digit.
    Number(&'a str),
    Truth(bool),
    /// A JSON object or array.
    Nested,
}

/// The values of one record.
#[derive(Debug, Default)]
pub(super) struct Record<'a> {
    values: [Value<'a>; Field::ALL.len()],
    /// Which of them are set, a bit each: most are not.
    set: u32,
    /// Whether such records never show what a send relies on.
    pub(super) claim_hidden: bool,
}

impl<'a> Record<'a> {
    /// Forgets every value.
    pub(super) fn clear(&mut self) {
        self.set = 0;
        self.claim_hidden = false;
    }

    /// Sets a value; `false` if there was one already.
    pub(super) fn set(&mut self, field: Field, value: Value<'a>) -> bool {
        // There are as many values as fields.
        let Some(place) = self.values.get_mut(field as usize) else { return false };
        *place = value;
        let was_set = self.set & bit(field) != 0;
        self.set |= bit(field);
        !was_set
    }

    /// Whether the field is set, be it to nothing. Most are not, of most records.
    pub(super) fn has(&self, field: Field) -> bool {
        self.set & bit(field) != 0
    }

    /// Whether it has what every canonical record has.
    pub(super) fn is_canonical(&self) -> bool {
        let has = |field| !matches!(self.get(field), Value::Unset | Value::Null | Value::Nested);
        has(Field::Ts) && has(Field::User) && (has(Field::Event) || has(Field::Direction))
    }

    /// Whether it says that the user caused it.
    pub(super) fn is_in(&self) -> bool {
        matches!(self.get(Field::Direction), Value::Text(word) if direction(word) == Some(Direction::In))
    }

    /// Whether it has any key of a canonical record that others do not share.
    pub(super) fn may_be_canonical(&self) -> bool {
        let has = |field| !matches!(self.get(field), Value::Unset);
        [Field::Ts, Field::User, Field::Event, Field::Direction].into_iter().any(has)
    }

    fn get(&self, field: Field) -> Value<'a> {
        if !self.has(field) {
            return Value::Unset;
        }
        self.values.get(field as usize).copied().unwrap_or_default()
    }
}

/// The bit of a field in a set of them; there are fewer than 32.
const fn bit(field: Field) -> u32 {
    1 << field as u32
}

/// The user of an event that the log does not ascribe to anybody, since a record must have one. It is read back as none, or
/// a log beside its own conversion would count such an event twice.
pub(super) const UNKNOWN_USER: &str = "(unknown)";

/// Makes an event of a record and adds it to the others.
///
/// # Errors
/// Why the record cannot be read, as half a sentence.
pub(super) fn push(
    record: &Record<'_>,
    names: &Names,
    place: Place,
    options: &Options,
    events: &mut Shards,
    tally: &mut Tally,
) -> Result<(), String> {
    let reader = Reader { record, names, options };
    let mut unknown = Vec::new();

    let channel = reader.channel()?;
    let ts = reader.stamp(Field::Ts, channel)?.ok_or_else(|| reader.lacks(Field::Ts))?;
    let written_user = reader.name(Field::User)?.ok_or_else(|| reader.lacks(Field::User))?;
    let user = if written_user == UNKNOWN_USER { "" } else { &written_user };
    let (kind, unknown_event) = reader.kind()?;
    // On a send these decide the verdict; on a move of the user's they say nothing we read.
    let decisive = kind == Kind::Send;
    let account = reader.name(Field::Account)?;
    let id = reader.name(Field::Id)?;
    let written_tag = reader.text(Field::Tag)?;
    let tag = written_tag.as_deref().map(tag_word);
    let token = reader.name(Field::Token)?;
    let token_expires = reader.stamp(Field::TokenExpires, channel)?.map(|stamp| stamp.at);
    let comment = reader.name(Field::Comment)?;
    let template = reader.text(Field::Template)?;
    let region = reader.word(Field::Region, country, &mut unknown)?;
    let messaging_type = reader.word(Field::MessagingType, MessagingType::from_word, &mut unknown)?;
    let category = reader.word(Field::Category, category, &mut unknown)?;
    // A send that claims something in a word we do not know claims something all the same.
    let claims_unknown = unknown.iter().any(|(field, _)| matches!(field, Field::MessagingType | Field::Category));
    let claim_hidden = reader.decided(Field::ClaimHidden, truth, true, &mut unknown)?.unwrap_or(false);
    let mut event = Event {
        at: ts.at,
        precision_ms: ts.precision_ms,
        channel,
        account: account.as_deref().unwrap_or(&options.account),
        user,
        kind,
        id: id.as_deref(),
        place,
        messaging_type,
        tag: tag.as_deref(),
        token: token.as_deref(),
        token_type: reader.word(Field::TokenType, TokenType::from_word, &mut unknown)?,
        token_expires,
        frequency: reader.word(Field::Frequency, Frequency::from_word, &mut unknown)?,
        comment: comment.as_deref(),
        template: template.as_deref(),
        category,
        sender: reader.word(Field::Sender, Sender::from_word, &mut unknown)?,
        entry: reader.word(Field::Entry, Entry::from_word, &mut unknown)?,
        sponsored: reader.decided(Field::Sponsored, truth, decisive, &mut unknown)?.unwrap_or(false),
        promotional: reader.decided(Field::Promotional, truth, decisive, &mut unknown)?,
        status: reader.decided(Field::Status, status, decisive, &mut unknown)?.flatten(),
        error_code: reader.code(Field::ErrorCode)?,
        error_subcode: reader.code(Field::ErrorSubcode)?,
        region: region.as_deref(),
        claim_hidden: claim_hidden || decisive && (claims_unknown || record.claim_hidden),
        logged_at: reader.decided(Field::LoggedAt, truth, true, &mut unknown)?.unwrap_or(false),
        unpaired: reader.decided(Field::Unpaired, truth, true, &mut unknown)?.unwrap_or(false),
        recipient_hidden: reader.decided(Field::RecipientHidden, truth, true, &mut unknown)?.unwrap_or(false),
        ..Event::default()
    };
    if let Some(written_ms) = reader.code(Field::PrecisionMs)? {
        event.precision_ms = event.precision_ms.max(u32::try_from(written_ms).unwrap_or(0));
    }
    let text = match events.reads_text(&event) {
        true => reader.free(Field::Text)?,
        false => reader.unneeded(Field::Text).map(|()| None)?,
    };
    event.text = text.as_deref();
    if events.push(&event).is_none() {
        return Err("is too large to keep".to_owned());
    }
    if let Some(word) = unknown_event {
        tally.unknown_event(&word);
    }
    for (field, word) in unknown {
        tally.unknown_word(field, &word);
    }
    Ok(())
}

/// Reads the values of one record, each by the rule of its kind.
struct Reader<'r, 'a> {
    record: &'r Record<'a>,
    names: &'r Names,
    options: &'r Options,
}

/// The words that are not known, by field.
type Unknown<'a> = Vec<(Field, Cow<'a, str>)>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    In,
    Out,
}

impl<'a> Reader<'_, 'a> {
    fn channel(&self) -> Result<Channel, String> {
        let Some(word) = self.text(Field::Channel)? else { return Ok(Channel::default()) };
        Channel::from_word(&word)
            .ok_or_else(|| self.wrong(Field::Channel, &word, "is not known: write messenger, instagram or whatsapp"))
    }

    /// What happened, from `event` and `direction` together; and the word of `event` if we do not know it.
    fn kind(&self) -> Result<(Kind, Option<Cow<'a, str>>), String> {
        let direction = match self.text(Field::Direction)? {
            None => None,
            Some(word) => {
                let read = direction(&word)
                    .ok_or_else(|| self.wrong(Field::Direction, &word, "is not known: write in or out"))?;
                Some(read)
            }
        };
        let Some(word) = self.text(Field::Event)? else {
            return match direction {
                Some(Direction::In) => Ok((Kind::Message, None)),
                Some(Direction::Out) => Ok((Kind::Send, None)),
                None => Err(format!("has neither `{}` nor `{}`", self.of(Field::Event), self.of(Field::Direction))),
            };
        };
        let kind = match (Kind::from_word(&word), direction) {
            (None, _) => return Ok((Kind::Other, Some(word))),
            (Some(Kind::Send), Some(Direction::In)) => {
                return Err("contradicts itself: the event is `send` and the direction is in".to_owned());
            }
            // Many logs write `message` for what goes out as well.
            (Some(Kind::Message), Some(Direction::Out)) => Kind::Send,
            // The business's own reaction or comment opens nothing.
            (Some(kind), Some(Direction::Out)) if kind.is_users() => Kind::Other,
            (Some(kind), _) => kind,
        };
        Ok((kind, None))
    }

    #[inline(always)]
    fn stamp(&self, field: Field, channel: Channel) -> Result<Option<Stamp>, String> {
        if self.record.has(field) { self.stamp_of(field, channel) } else { Ok(None) }
    }

    fn stamp_of(&self, field: Field, channel: Channel) -> Result<Option<Stamp>, String> {
        let value = self.record.get(field);
        if let Value::Truth(_) = value {
            return Err(self.wrong_type(field));
        }
        let Some(text) = self.scalar(field)? else { return Ok(None) };
        let spoilt = text.bytes().all(|c| c.is_ascii_digit() || b".,eE+".contains(&c)) && text.contains(['e', 'E']);
        if spoilt {
            return Err(self.wrong(field, &text, "was rounded by a spreadsheet; write all digits of the epoch"));
        }
        let written = Stamp::parse(&text, self.options.utc_offset_s)
            .map_err(|error| self.wrong(field, &text, &error.to_string()))?;
        let is_graphs = written.precision_ms == 1_000 && text.ends_with("+0000");
        let is_calendar = text.as_bytes().get(4) == Some(&b'-') && !is_graphs;
        let precision_ms = precision_ms(written.precision_ms, is_calendar, channel);
        let precision_ms = self.options.precision_of(precision_ms);
        Ok(Some(Stamp { precision_ms, ..written }))
    }

    /// An id or a credential: text, or an integer taken digit for digit.
    #[inline(always)]
    fn name(&self, field: Field) -> Result<Option<Cow<'a, str>>, String> {
        if self.record.has(field) { self.name_of(field) } else { Ok(None) }
    }

    fn name_of(&self, field: Field) -> Result<Option<Cow<'a, str>>, String> {
        let value = self.record.get(field);
        let Some(text) = self.scalar(field)? else { return Ok(None) };
        let spoilt = match value {
            Value::Truth(_) => return Err(self.wrong_type(field)),
            Value::Number(_) => !text.trim_start_matches('-').bytes().all(|c| c.is_ascii_digit()),
            _ => is_rounded(&text),
        };
        if spoilt {
            return Err(format!("`{}` was rounded by a spreadsheet; export it as text", self.of(field)));
        }
        Ok(Some(text))
    }

    /// A word or code, which no log has reason to write as a number.
    #[inline(always)]
    fn text(&self, field: Field) -> Result<Option<Cow<'a, str>>, String> {
        if self.record.has(field) { self.text_of(field) } else { Ok(None) }
    }

    fn text_of(&self, field: Field) -> Result<Option<Cow<'a, str>>, String> {
        match self.record.get(field) {
            Value::Number(_) | Value::Truth(_) => Err(self.wrong_type(field)),
            _ => self.scalar(field),
        }
    }

    /// What people wrote: blanks count, and the number 7 is the text `7`. Half an emoji, which a program cut in two,
    /// makes no record unreadable.
    fn free(&self, field: Field) -> Result<Option<Cow<'a, str>>, String> {
        let text = match self.record.get(field) {
            Value::JsonText(json) => Cow::Owned(match unescaped(json) {
                Ok(text) => text,
                Err(halves) => String::from_utf8_lossy(&halves).into_owned(),
            }),
            Value::Text(text) => Cow::Borrowed(text),
            Value::CsvText(text) => Cow::Owned(text.replace("\"\"", "\"")),
            Value::Number(text) => Cow::Borrowed(text),
            Value::Unset | Value::Null => return Ok(None),
            Value::Truth(_) | Value::Nested => return Err(self.wrong_type(field)),
        };
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// A text that nobody needs, looked at only so far that a bad record does not become a good one.
    fn unneeded(&self, field: Field) -> Result<(), String> {
        match self.record.get(field) {
            Value::Truth(_) | Value::Nested => Err(self.wrong_type(field)),
            _ => Ok(()),
        }
    }

    /// A word of a closed list. One that is not on it is noted, and taken for absent.
    #[inline(always)]
    fn word<T>(
        &self,
        field: Field,
        from_word: fn(&str) -> Option<T>,
        unknown: &mut Unknown<'a>,
    ) -> Result<Option<T>, String> {
        if !self.record.has(field) {
            return Ok(None);
        }
        let Some(word) = self.text_of(field)? else { return Ok(None) };
        let known = from_word(&word);
        if known.is_none() {
            unknown.push((field, word));
        }
        Ok(known)
    }

    /// The same for a word that decides the verdict where `decisive`: there it must be one we know.
    #[inline(always)]
    fn decided<T>(
        &self,
        field: Field,
        from_word: fn(&str) -> Option<T>,
        decisive: bool,
        unknown: &mut Unknown<'a>,
    ) -> Result<Option<T>, String> {
        if !self.record.has(field) {
            return Ok(None);
        }
        let Some(word) = self.scalar(field)? else { return Ok(None) };
        match from_word(&word) {
            Some(known) => Ok(Some(known)),
            None if decisive => {
                let hint = if field == Field::Status { "sent or failed" } else { "true or false" };
                Err(self.wrong(field, &word, &format!("is not known: write {hint}")))
            }
            None => {
                unknown.push((field, word));
                Ok(None)
            }
        }
    }

    /// An error code; 0 is none.
    #[inline(always)]
    fn code(&self, field: Field) -> Result<Option<i32>, String> {
        if self.record.has(field) { self.code_of(field) } else { Ok(None) }
    }

    fn code_of(&self, field: Field) -> Result<Option<i32>, String> {
        let Some(text) = self.scalar(field)? else { return Ok(None) };
        // A column of integers with gaps becomes `10.0` in many a table.
        let digits = match text.split_once('.') {
            Some((digits, zeros)) if zeros.bytes().all(|c| c == b'0') => digits,
            _ => &text,
        };
        match digits.parse() {
            Ok(0) => Ok(None),
            Ok(code) => Ok(Some(code)),
            Err(_) => Err(self.wrong(field, &text, "is not an integer")),
        }
    }

    /// Any single value as trimmed text; an empty one says nothing.
    fn scalar(&self, field: Field) -> Result<Option<Cow<'a, str>>, String> {
        let text = match self.record.get(field) {
            Value::Unset | Value::Null => return Ok(None),
            Value::Nested => return Err(self.wrong_type(field)),
            Value::Truth(truth) => Cow::Borrowed(if truth { "true" } else { "false" }),
            Value::Text(text) | Value::Number(text) => Cow::Borrowed(text),
            Value::CsvText(text) if text.contains('"') => Cow::Owned(text.replace("\"\"", "\"")),
            Value::CsvText(text) => Cow::Borrowed(text),
            Value::JsonText(json) => match unescaped(json) {
                Ok(text) => Cow::Owned(text),
                Err(_) => return Err(format!("`{}` holds half of a surrogate pair", self.of(field))),
            },
        };
        let text = match text {
            Cow::Borrowed(text) if is_trim(text) => return Ok(Some(Cow::Borrowed(text))),
            Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
            Cow::Owned(text) if text.trim().len() == text.len() => Cow::Owned(text),
            Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
        };
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    fn of(&self, field: Field) -> &str {
        self.names.of(field)
    }

    fn lacks(&self, field: Field) -> String {
        match self.of(field) {
            name if name == field.word() => {
                format!("has no `{name}`; if it is called otherwise, give --map {name}=...")
            }
            name => format!("has no `{name}`, which --map names as {field}"),
        }
    }

    fn wrong(&self, field: Field, text: &str, why: &str) -> String {
        format!("`{}` `{}` {why}", self.of(field), shown(text))
    }

    fn wrong_type(&self, field: Field) -> String {
        let found = match self.record.get(field) {
            Value::Truth(_) => "true or false",
            Value::Nested => "an object or array",
            _ => "a number",
        };
        format!("`{}` must be text, not {found}", self.of(field))
    }
}

/// How precise a time is taken to be.
///
/// Messenger and Instagram keep milliseconds, so a time their log writes with seconds or finer is the exact one, its
/// fraction left away where it was nothing to anybody; a time without seconds, or an epoch in seconds, was cut by a
/// program and says so. So does the offset `+0000`, which is how the Graph API writes its seconds. WhatsApp itself keeps
/// seconds, and there a time is as precise as it is written.
fn precision_ms(written_ms: u32, is_calendar: bool, channel: Channel) -> u32 {
    let exact = channel != Channel::Whatsapp && is_calendar && written_ms <= 1_000;
    if exact { 0 } else { written_ms }
}

/// Whether a text surely neither begins nor ends with a blank, and is not empty.
fn is_trim(text: &str) -> bool {
    matches!(text.as_bytes(), [b'!'..=b'~'] | [b'!'..=b'~', .., b'!'..=b'~'])
}

/// Whether a text is a number in a spreadsheet's or a table program's form: `2.7E+16`, `24000000073615024.0`.
fn is_rounded(text: &str) -> bool {
    let after_digits = |text: &str| text.bytes().position(|c| !c.is_ascii_digit()).unwrap_or(text.len());
    let (whole, mut rest) = text.split_at(after_digits(text));
    if whole.is_empty() || rest.is_empty() {
        return false;
    }
    if let Some(fraction) = rest.strip_prefix(['.', ',']) {
        let (digits, end) = fraction.split_at(after_digits(fraction));
        if end.is_empty() {
            return rest.starts_with('.') && !digits.is_empty() && digits.bytes().all(|c| c == b'0');
        }
        rest = end;
    }
    let exponent = rest.strip_prefix("E+").or_else(|| rest.strip_prefix("e+"));
    exponent.is_some_and(|digits| !digits.is_empty() && after_digits(digits) == digits.len())
}

fn direction(word: &str) -> Option<Direction> {
    match word {
        "in" => return Some(Direction::In),
        "out" => return Some(Direction::Out),
        _ => {}
    }
    const IN: [&str; 5] = ["in", "inbound", "incoming", "user", "received"];
    const OUT: [&str; 6] = ["out", "outbound", "outgoing", "page", "business", "sent"];
    let is = |known: &&str| known.eq_ignore_ascii_case(word);
    match (IN.iter().any(is), OUT.iter().any(is)) {
        (true, _) => Some(Direction::In),
        (_, true) => Some(Direction::Out),
        _ => None,
    }
}

/// A country by its ISO code of two letters, or EU.
fn country(word: &str) -> Option<String> {
    (word.len() == 2 && word.bytes().all(|c| c.is_ascii_alphabetic())).then(|| word.to_ascii_uppercase())
}

/// A category by its own name, or by one that Meta's billing or its partners use for it.
fn category(word: &str) -> Option<Category> {
    Category::from_word(word).or_else(|| {
        Some(match word.to_ascii_lowercase().as_str() {
            "marketing_lite" => Category::Marketing,
            "authentication_international" | "authentication-international" | "otp" => Category::Authentication,
            "transactional" => Category::Utility,
            _ => return None,
        })
    })
}

/// What became of a send; the inner `None` is a word that says that it is not known yet.
fn status(word: &str) -> Option<Option<Status>> {
    if word == "sent" {
        return Some(Some(Status::Sent));
    }
    const SENT: &[&str] = &["sent", "delivered", "read", "played", "accepted", "ok"];
    const FAILED: &[&str] = &["failed", "error", "rejected", "undelivered"];
    const OPEN: &[&str] = &["queued", "pending", "sending", "submitted", "unknown"];
    let words = [(SENT, Some(Status::Sent)), (FAILED, Some(Status::Failed)), (OPEN, None)];
    let known = words.iter().find(|(words, _)| words.iter().any(|known| known.eq_ignore_ascii_case(word)));
    known.map(|(_, status)| *status)
}

pub(super) fn truth(word: &str) -> Option<bool> {
    // The decimals are what table programs make of a column of 0, 1 and gaps.
    const TRUE: [&str; 4] = ["true", "1", "yes", "1.0"];
    const FALSE: [&str; 4] = ["false", "0", "no", "0.0"];
    let is = |known: &&str| known.eq_ignore_ascii_case(word);
    match (TRUE.iter().any(is), FALSE.iter().any(is)) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

/// What a JSON string says; the bytes of it if half a surrogate pair keeps them from being text.
fn unescaped(json: &str) -> Result<String, Vec<u8>> {
    struct Bytes;
    impl Visitor<'_> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }
    }
    // The string has been parsed once already; asked for as bytes it may hold what no text can.
    let bytes = serde_json::Deserializer::from_str(json).deserialize_bytes(Bytes).unwrap_or_default();
    String::from_utf8(bytes).map_err(|error| error.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_leaves_its_mark_on_numbers() {
        for text in ["2.7E+16", "2,7E+16", "2E+16", "2.70558e+16", "24000000073615024.0", "7.000"] {
            assert!(is_rounded(text), "{text}");
        }
        for text in
            ["", "27055780770723719", "7e10", "12e5", "1.5", "1,0", ".0", "1.", "E+5", "2.7E+", "2.7E+1x", "m_1"]
        {
            assert!(!is_rounded(text), "{text}");
        }
    }

    #[test]
    fn a_mapped_field_is_known_by_its_mapped_name_only() {
        let names = Names::new(&[(Field::Ts, " Sent Date".to_owned()), (Field::Account, "user".to_owned())]);
        assert_eq!(names.find("sent date "), Some(Field::Ts));
        assert_eq!(names.find("ts"), None);
        assert_eq!(names.find("user"), Some(Field::Account), "whatever we call so ourselves");
        assert_eq!((names.find("Tag"), names.find_loosely(" Messaging-TYPE ")), (None, Some(Field::MessagingType)));
        assert_eq!((names.of(Field::Ts), names.of(Field::Id)), ("Sent Date", "id"));
    }

    #[test]
    fn only_whatsapp_keeps_seconds() {
        for (written_ms, is_calendar, channel, expected_ms) in [
            (1_000, true, Channel::Messenger, 0),
            (100, true, Channel::Instagram, 0),
            (60_000, true, Channel::Messenger, 60_000),
            (1_000, false, Channel::Messenger, 1_000),
            (1_000, true, Channel::Whatsapp, 1_000),
            (0, true, Channel::Whatsapp, 0),
        ] {
            assert_eq!(precision_ms(written_ms, is_calendar, channel), expected_ms, "{written_ms} {channel}");
        }
    }
}
