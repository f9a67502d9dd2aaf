//! A JSON value as the formats of other people need it: whole, with keys in one spelling and numbers to the last digit.
//!
//! The canonical record does without it, for speed. Here speed is second: these records have shapes that can only be told
//! by looking inside.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::secret::has_credential;

/// A value. Keys of objects are in snake case, whoever wrote them: some libraries write `isEcho` for `is_echo`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json<'a> {
    Null,
    Truth(bool),
    /// An integer, digit for digit.
    Integer(i128),
    /// Any other number. An id that looks like this has lost digits.
    Float(f64),
    Text(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    /// In the order of the text.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

/// In how many keys of an object one that stands twice is looked for.
const MOST_KEYS: usize = 256;

const NULL: &Json<'static> = &Json::Null;

impl<'a> Json<'a> {
    /// Reads one value, with nothing behind it.
    pub(super) fn parse(text: &'a str) -> Result<Json<'a>, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The value under `key`; null where there is none, or nothing that has keys.
    pub(super) fn get(&self, key: &str) -> &Json<'a> {
        match self {
            Json::Object(fields) => fields.iter().find(|(name, _)| name == key).map_or(NULL, |(_, value)| value),
            _ => NULL,
        }
    }

    /// The value under a key that somebody names as the log writes it.
    pub(super) fn get_as_written(&self, key: &str) -> &Json<'a> {
        self.get(&snake(Cow::Borrowed(key)))
    }

    /// The value under the first of `keys` that is there and not null.
    pub(super) fn first(&self, keys: &[&str]) -> &Json<'a> {
        keys.iter().map(|key| self.get(key)).find(|value| !value.is_null()).unwrap_or(NULL)
    }

    /// Whether there is something under `key`.
    pub(super) fn has(&self, key: &str) -> bool {
        !self.get(key).is_null()
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Json::Null)
    }

    pub(super) fn is_object(&self) -> bool {
        matches!(self, Json::Object(_))
    }

    /// A text that is not empty.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Json::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    pub(super) fn truth(&self) -> Option<bool> {
        match self {
            Json::Truth(truth) => Some(*truth),
            Json::Text(text) => super::canonical::truth(text),
            _ => None,
        }
    }

    /// An id: a text, or an integer digit for digit.
    pub(super) fn id(&self) -> Option<Cow<'_, str>> {
        match self {
            Json::Text(text) => Some(text.trim()).filter(|text| !text.is_empty()).map(Cow::Borrowed),
            Json::Integer(number) => Some(Cow::Owned(number.to_string())),
            _ => None,
        }
    }

    /// An integer, also written as text.
    pub(super) fn integer(&self) -> Option<i64> {
        match self {
            Json::Integer(number) => i64::try_from(*number).ok(),
            Json::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// The elements of an array; none of anything else.
    pub(super) fn elements(&self) -> &[Json<'a>] {
        match self {
            Json::Array(elements) => elements,
            _ => &[],
        }
    }

    /// The fields of an object; none of anything else.
    pub(super) fn fields(&self) -> &[(Cow<'a, str>, Json<'a>)] {
        match self {
            Json::Object(fields) => fields,
            _ => &[],
        }
    }
}

/// `isEcho` and `policy-enforcement` are `is_echo` and `policy_enforcement`. A credential keeps its spelling, by which alone
/// it is known when the key is quoted.
fn snake(key: Cow<'_, str>) -> Cow<'_, str> {
    if !key.bytes().any(|c| c.is_ascii_uppercase() || c == b'-') || has_credential(&key) {
        return key;
    }
    // A constant in capitals is no camel.
    if !key.bytes().any(|c| c.is_ascii_lowercase()) {
        return Cow::Owned(key.to_lowercase());
    }
    let mut snake = String::with_capacity(key.len() + 4);
    for c in key.chars() {
        match c {
            '-' => snake.push('_'),
            'A'..='Z' => {
                if !snake.is_empty() && !snake.ends_with('_') {
                    snake.push('_');
                }
                snake.push(c.to_ascii_lowercase());
            }
            c => snake.push(c),
        }
    }
    Cow::Owned(snake)
}

impl<'de> Deserialize<'de> for Json<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyJson)
    }
}

struct AnyJson;

impl<'de> Visitor<'de> for AnyJson {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Json<'de>, E> {
        Ok(Json::Truth(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json<'de>, E> {
        Ok(Json::Integer(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json<'de>, E> {
        Ok(Json::Integer(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json<'de>, E> {
        Ok(Json::Float(number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json<'de>, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element()? {
            elements.push(element);
        }
        Ok(Json::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json<'de>, A::Error> {
        let mut fields: Vec<(Cow<'de, str>, Json<'de>)> = Vec::new();
        while let Some(Key(key)) = map.next_key()? {
            // An object of hundreds of keys is nothing we read, and looking through them for each would take for ever.
            if fields.len() < MOST_KEYS && fields.iter().any(|(known, _)| *known == key) {
                return Err(A::Error::custom("a key stands twice in one object"));
            }
            fields.push((key, map.next_value()?));
        }
        Ok(Json::Object(fields))
    }
}

struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyKey;
        impl<'de> Visitor<'de> for AnyKey {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(snake(Cow::Borrowed(key))))
            }

            fn visit_str<E>(self, key: &str) -> Result<Key<'de>, E> {
                Ok(Key(snake(Cow::Owned(key.to_owned()))))
            }
        }
        deserializer.deserialize_str(AnyKey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_one_spelling_and_numbers_all_their_digits() {
        let json =
            Json::parse(r#"{"isEcho":true,"policy-enforcement":{},"SmsSid":27055780770723719,"ID":"x","a_b":1.5}"#);
        let json = json.unwrap();
        assert_eq!(json.get("is_echo").truth(), Some(true));
        assert!(json.get("policy_enforcement").is_object());
        assert_eq!(json.get("sms_sid").id().as_deref(), Some("27055780770723719"));
        assert_eq!(json.get("id").text(), Some("x"));
        assert_eq!(json.get("a_b").id(), None);
        assert_eq!(json.get_as_written("isEcho").truth(), Some(true));
        assert!(json.get("nothing").get("below").is_null());
    }
}
