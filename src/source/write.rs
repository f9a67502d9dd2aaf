//! The canonical record, written: what `fbwin convert` puts out. Reading it back gives the same events.

use std::io::{self, Write};

use serde::Serializer;
use serde::ser::SerializeMap;

use crate::event::Event;
use crate::harmless;
use crate::secret::{token_name, without_credentials};

use super::canonical::{Field, UNKNOWN_USER};
use super::cell;

/// How tokens are written. They are credentials: whoever has them can send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteTokens {
    /// As a hash, by which the same token is still the same.
    Hashed,
    /// As they are.
    Whole,
}

/// A form of the canonical record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CanonicalForm {
    /// JSON lines.
    JsonLines,
    /// CSV with a header.
    Csv,
}

/// Writes events in the canonical form.
pub struct CanonicalWriter<W: Write> {
    out: W,
    form: CanonicalForm,
    tokens: WriteTokens,
    begun: bool,
}

/// The fields that are written: `direction` says nothing beside `event`. A table with these columns is one of ours.
pub(super) fn fields() -> impl Iterator<Item = Field> {
    Field::ALL.iter().copied().filter(|field| *field != Field::Direction)
}

impl<W: Write> CanonicalWriter<W> {
    /// A writer that has written nothing yet.
    pub fn new(out: W, form: CanonicalForm, tokens: WriteTokens) -> CanonicalWriter<W> {
        CanonicalWriter { out, form, tokens, begun: false }
    }

    /// Writes one event.
    ///
    /// # Errors
    /// The output could not be written.
    pub fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        let values = fields().map(|field| (field, self.value(event, field)));
        let values: Vec<(Field, Option<String>)> = values.collect();
        match self.form {
            CanonicalForm::JsonLines => {
                let said = values.iter().filter_map(|(field, value)| Some((*field, value.as_deref()?)));
                let mut serializer = harmless::json(&mut self.out);
                let mut object = serializer.serialize_map(None)?;
                for (field, value) in said {
                    object.serialize_entry(field.word(), &typed(field, value))?;
                }
                object.end()?;
                self.out.write_all(b"\n")
            }
            CanonicalForm::Csv => {
                self.header()?;
                let cells = values.iter().map(|(_, value)| value.as_deref().unwrap_or_default());
                self.row(cells)
            }
        }
    }

    /// Writes what has to be there even without events.
    ///
    /// # Errors
    /// The output could not be written.
    pub fn finish(&mut self) -> io::Result<()> {
        if self.form == CanonicalForm::Csv {
            self.header()?;
        }
        self.out.flush()
    }

    fn header(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.begun, true) {
            return Ok(());
        }
        self.row(fields().map(Field::word))
    }

    /// One row; a cell is quoted where it must be, and what a spreadsheet would calculate is written so that it does not.
    fn row<'c>(&mut self, cells: impl Iterator<Item = &'c str>) -> io::Result<()> {
        let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
        for one in cells {
            writer.write_field(cell::written(one).as_bytes())?;
        }
        writer.write_record(None::<&[u8]>)?;
        let row = writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
        self.out.write_all(&row)
    }

    fn value(&self, event: &Event<'_>, field: Field) -> Option<String> {
        // A credential may stand in any text: the link to the next page of a dump has one.
        let clean = |text: &str| match self.tokens {
            WriteTokens::Hashed => without_credentials(text, token_name).into_owned(),
            WriteTokens::Whole => text.to_owned(),
        };
        let text = |text: Option<&str>| text.map(clean);
        let yes = |truth: bool| truth.then(|| "true".to_owned());
        match field {
            Field::Ts => Some(event.at.to_string()),
            Field::Channel => Some(event.channel.word().to_owned()),
            Field::Account => Some(clean(event.account)).filter(|account| !account.is_empty()),
            Field::User if event.user.is_empty() => Some(UNKNOWN_USER.to_owned()),
            Field::User => Some(clean(event.user)),
            Field::Direction => None,
            Field::Event => Some(event.kind.word().to_owned()),
            Field::Id => text(event.id),
            Field::Text => text(event.text),
            Field::MessagingType => event.messaging_type.map(|word| word.to_string()),
            Field::Tag => text(event.tag),
            Field::Token => event.token.map(|token| match self.tokens {
                WriteTokens::Hashed => token_name(token),
                WriteTokens::Whole => token.to_owned(),
            }),
            Field::TokenType => event.token_type.map(|word| word.to_string()),
            Field::TokenExpires => event.token_expires.map(|at| at.to_string()),
            Field::Frequency => event.frequency.map(|word| word.to_string()),
            Field::Comment => text(event.comment),
            Field::Template => text(event.template),
            Field::Category => event.category.map(|word| word.to_string()),
            Field::Sponsored => yes(event.sponsored),
            Field::Sender => event.sender.map(|word| word.to_string()),
            Field::Promotional => event.promotional.map(|truth| truth.to_string()),
            Field::Status => event.status.map(|word| word.to_string()),
            Field::ErrorCode => event.error_code.map(|code| code.to_string()),
            Field::ErrorSubcode => event.error_subcode.map(|code| code.to_string()),
            Field::Entry => event.entry.map(|word| word.to_string()),
            Field::Region => text(event.region),
            Field::PrecisionMs => Some(event.precision_ms).filter(|ms| *ms != 0).map(|ms| ms.to_string()),
            Field::ClaimHidden => yes(event.claim_hidden && event.kind == crate::event::Kind::Send),
            Field::LoggedAt => yes(event.logged_at),
            Field::Unpaired => yes(event.unpaired),
            Field::RecipientHidden => yes(event.recipient_hidden),
        }
    }
}

/// Truths and numbers as JSON has them; ids stay text.
fn typed(field: Field, value: &str) -> serde_json::Value {
    match field {
        Field::Sponsored
        | Field::Promotional
        | Field::ClaimHidden
        | Field::RecipientHidden
        | Field::LoggedAt
        | Field::Unpaired => serde_json::Value::Bool(value == "true"),
        Field::ErrorCode | Field::ErrorSubcode | Field::PrecisionMs => {
            value.parse::<i64>().map_or_else(|_| value.into(), serde_json::Value::from)
        }
        _ => value.into(),
    }
}
