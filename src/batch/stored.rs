//! A batch as bytes, for a file of our own that is read back by the same run: plain fields one after the other, least byte
//! first, nothing aligned and nothing named.

use crate::batch::{Batch, Extra, KeepText, Packed, Span};
use crate::event::{Category, Channel, Entry, Frequency, Kind, MessagingType, Place, Sender, Status, TokenType};
use crate::time::Time;

/// What can be written as bytes and read back.
pub(crate) trait Stored: Sized {
    /// Writes it behind `out`.
    fn put(&self, out: &mut Vec<u8>);

    /// Reads it from the front of `bytes`; nothing if they are not what was written.
    fn get(bytes: &mut &[u8]) -> Option<Self>;
}

macro_rules! stored_numbers {
    ($($number:ty),+) => { $(
        impl Stored for $number {
            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }

            fn get(bytes: &mut &[u8]) -> Option<Self> {
                let (number, rest) = bytes.split_first_chunk()?;
                *bytes = rest;
                Some(<$number>::from_le_bytes(*number))
            }
        }
    )+ };
}

stored_numbers!(u8, u32, u64, i32, i64);

macro_rules! stored_words {
    ($($word:ty),+) => { $(
        impl Stored for $word {
            fn put(&self, out: &mut Vec<u8>) {
                out.push(*self as u8);
            }

            fn get(bytes: &mut &[u8]) -> Option<Self> {
                <$word>::ALL.get(usize::from(u8::get(bytes)?)).copied()
            }
        }
    )+ };
}

stored_words!(Category, Channel, Entry, Frequency, Kind, MessagingType, Sender, Status, TokenType);
pub(crate) use stored_words;

/// A struct is its fields, in their order.
macro_rules! stored_fields {
    ($name:ident { $($field:ident),+ $(,)? }) => {
        impl $crate::batch::Stored for $name {
            fn put(&self, out: &mut Vec<u8>) {
                $($crate::batch::Stored::put(&self.$field, out);)+
            }

            fn get(bytes: &mut &[u8]) -> Option<Self> {
                Some($name { $($field: $crate::batch::Stored::get(bytes)?),+ })
            }
        }
    };
}
pub(crate) use stored_fields;

impl Stored for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn get(bytes: &mut &[u8]) -> Option<Self> {
        Some(u8::get(bytes)? != 0)
    }
}

impl Stored for Time {
    fn put(&self, out: &mut Vec<u8>) {
        self.ms().put(out);
    }

    fn get(bytes: &mut &[u8]) -> Option<Self> {
        // A limit may lie beyond the years that a log can write.
        Some(Time::default().plus_ms(i64::get(bytes)?))
    }
}

impl<T: Stored> Stored for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn get(bytes: &mut &[u8]) -> Option<Self> {
        match bool::get(bytes)? {
            true => T::get(bytes).map(Some),
            false => Some(None),
        }
    }
}

impl<T: Stored> Stored for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u64).put(out);
        self.iter().for_each(|item| item.put(out));
    }

    fn get(bytes: &mut &[u8]) -> Option<Self> {
        let len = u64::get(bytes)?;
        (0..len).map(|_| T::get(bytes)).collect()
    }
}

stored_fields!(Span { start, len });
stored_fields!(Place { input, line });
stored_fields!(Packed {
    at,
    identity,
    conversation,
    account,
    user,
    id,
    place,
    precision_ms,
    extra,
    channel,
    kind,
    messaging_type,
    sender,
    status,
    claim_hidden,
    recipient_hidden,
    logged_at,
    unpaired,
});
stored_fields!(Extra {
    text,
    tag,
    token,
    comment,
    template,
    region,
    token_expires,
    error_code,
    error_subcode,
    token_type,
    frequency,
    category,
    entry,
    promotional,
    sponsored,
});

impl Stored for Batch {
    fn put(&self, out: &mut Vec<u8>) {
        out.reserve(self.texts.len() + 96 * self.events.len() + 96 * self.extras.len());
        self.events.put(out);
        self.extras.put(out);
        (self.texts.len() as u64).put(out);
        out.extend_from_slice(self.texts.as_bytes());
    }

    fn get(bytes: &mut &[u8]) -> Option<Self> {
        let (events, extras) = (Vec::get(bytes)?, Vec::get(bytes)?);
        let len = usize::try_from(u64::get(bytes)?).ok()?;
        let (texts, rest) = bytes.split_at_checked(len)?;
        *bytes = rest;
        let texts = std::str::from_utf8(texts).ok()?.to_owned();
        // Nothing is added to such a batch, so that it need not know its accounts by name.
        Some(Batch { events, extras, texts, ..Batch::new(KeepText::All) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;

    #[test]
    fn a_batch_comes_back_and_half_of_one_does_not() {
        let mut batch = Batch::new(KeepText::All);
        for (user, text) in [("ana", Some("hi")), ("bob", None)] {
            let at = Time::from_ms(-5);
            let place = Place { input: 1, line: 2 };
            let send = Event { user, text, at, place, kind: Kind::Send, tag: Some("T"), ..Event::default() };
            batch.push(&Event { error_code: Some(-7), status: Some(Status::Failed), ..send });
            batch.push(&Event { user, kind: Kind::Message, unpaired: true, ..Event::default() });
        }
        let mut bytes = Vec::new();
        batch.put(&mut bytes);
        let mut rest = bytes.as_slice();
        let back = Batch::get(&mut rest);
        assert!(rest.is_empty() && back.is_some());
        let back = back.unwrap_or_default();
        assert_eq!(back.len(), 4);
        for index in 0..4 {
            assert_eq!(back.event(index), batch.event(index));
            assert_eq!(back.identity(index), batch.identity(index));
            assert_eq!(back.conversation(index), batch.conversation(index));
        }
        for end in 0..bytes.len() {
            assert!(Batch::get(&mut &bytes[..end]).is_none(), "{end}");
        }
    }
}
