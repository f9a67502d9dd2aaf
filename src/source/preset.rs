//! Tables whose columns we know: what `--map` would say of them, and what their words mean. All of it is data, in
//! `presets.toml`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use super::canonical::Field;
use crate::event::Channel;

/// What is known of the tables of one program.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Preset {
    pub(super) name: String,
    /// For whoever edits the file; nothing reads it.
    #[serde(rename = "source")]
    _source: String,
    header: Vec<String>,
    #[serde(default)]
    optional: Vec<String>,
    map: BTreeMap<String, String>,
    #[serde(default)]
    fixed: BTreeMap<String, String>,
    #[serde(default)]
    words: BTreeMap<String, BTreeMap<String, String>>,
    pub(super) sides: Option<Sides>,
    pub(super) raw: Option<String>,
    #[serde(default)]
    free_form: BTreeMap<String, Vec<String>>,
    pub(super) shows_claim: bool,
}

/// The columns of the two sides of a message.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sides {
    pub(super) from: String,
    pub(super) to: String,
    prefixes: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Presets {
    preset: Vec<Preset>,
}

/// All presets. A test reads the file, so that it cannot be wrong here.
fn all() -> &'static [Preset] {
    static PRESETS: OnceLock<Vec<Preset>> = OnceLock::new();
    PRESETS.get_or_init(|| parse(include_str!("presets.toml")).unwrap_or_default())
}

fn parse(text: &str) -> Result<Vec<Preset>, toml::de::Error> {
    toml::from_str::<Presets>(text).map(|presets| presets.preset)
}

/// The names of the presets, each once.
pub fn preset_names() -> Vec<&'static str> {
    let mut names: Vec<&str> = all().iter().map(|preset| preset.name.as_str()).collect();
    names.dedup();
    names
}

/// The preset for a table with these columns: the one that is asked for, or one whose header this is exactly.
pub(super) fn find(wanted: Option<&str>, cells: &[String]) -> Option<&'static Preset> {
    match wanted {
        Some(name) => all().iter().find(|preset| preset.name == name && preset.missing(cells).is_empty()),
        None => all().iter().find(|preset| preset.is_header(cells)),
    }
}

/// The name of a preset that could read a table with these columns, though its header is another.
pub(super) fn suggestion(cells: &[String]) -> Option<&'static str> {
    all().iter().find(|preset| preset.missing(cells).is_empty()).map(|preset| preset.name.as_str())
}

/// The columns that a preset needs and a table does not have, by the layout that misses fewest.
pub(super) fn missing(name: &str, cells: &[String]) -> Vec<&'static str> {
    let layouts = all().iter().filter(|preset| preset.name == name).map(|preset| preset.missing(cells));
    layouts.min_by_key(Vec::len).unwrap_or_default()
}

impl Preset {
    fn is_header(&self, cells: &[String]) -> bool {
        let known =
            |cell: &String| self.header.iter().chain(&self.optional).any(|name| name.eq_ignore_ascii_case(cell));
        self.header.iter().all(|name| has(cells, name)) && cells.iter().all(known)
    }

    /// The columns that it reads and the table does not have.
    fn missing(&'static self, cells: &[String]) -> Vec<&'static str> {
        let sides = self.sides.iter().flat_map(|sides| [&sides.from, &sides.to]);
        let read = self.map.values().chain(self.words.keys().filter(|field| !self.map.contains_key(*field)));
        let read = read.filter(|name| self.header.iter().any(|column| column.eq_ignore_ascii_case(name)));
        read.chain(sides).filter(|name| !has(cells, name)).map(String::as_str).collect()
    }

    /// Our fields by the columns that hold them.
    pub(super) fn map(&self) -> Vec<(Field, String)> {
        let field = |(field, column): (&String, &String)| Some((Field::from_word(field)?, column.clone()));
        self.map.iter().filter_map(field).collect()
    }

    /// The values that hold for every row.
    pub(super) fn fixed(&'static self) -> impl Iterator<Item = (Field, &'static str)> {
        self.fixed.iter().filter_map(|(field, value)| Some((Field::from_word(field)?, value.as_str())))
    }

    /// Whether a send that was refused with this code was in no template, so that the table shows what it relied on.
    pub(super) fn is_free_form(&self, channel: Channel, code: &str) -> bool {
        let codes = self.free_form.get(channel.word());
        codes.is_some_and(|codes| codes.iter().any(|known| known == code.trim()))
    }

    /// What a word of theirs means; `None` if it is not listed.
    pub(super) fn word(&'static self, field: Field, theirs: &str) -> Option<&'static str> {
        let theirs = theirs.trim();
        let words = self.words.get(field.word())?;
        words.iter().find(|(word, _)| word.eq_ignore_ascii_case(theirs)).map(|(_, ours)| ours.as_str())
    }
}

impl Sides {
    /// The channel that the prefix of an address names, and the rest of the address. WhatsApp itself writes a number without
    /// the plus before it, and a person must not have two names.
    pub(super) fn address<'a>(&self, text: &'a str) -> Option<(Channel, &'a str)> {
        let text = text.trim();
        let stripped =
            |(prefix, channel): (&String, &String)| Some((Channel::from_word(channel)?, strip(text, prefix)?));
        let (channel, rest) = self.prefixes.iter().find_map(stripped)?;
        let bare = rest.strip_prefix('+').filter(|bare| channel == Channel::Whatsapp && !bare.is_empty());
        Some((channel, bare.unwrap_or(rest)))
    }
}

fn strip<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let begin = text.get(..prefix.len())?;
    if begin.eq_ignore_ascii_case(prefix) { text.get(prefix.len()..).filter(|rest| !rest.is_empty()) } else { None }
}

fn has(cells: &[String], name: &str) -> bool {
    cells.iter().any(|cell| cell.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_presets_name_what_there_is() {
        let presets = parse(include_str!("presets.toml")).unwrap();
        assert!(!presets.is_empty());
        for preset in presets {
            let Preset { name, header, map, fixed, words, .. } = &preset;
            let fields = map.keys().chain(fixed.keys()).chain(words.keys());
            for field in fields {
                assert!(Field::from_word(field).is_some(), "{name}: {field} is none of our fields");
            }
            let sides = preset.sides.iter().flat_map(|sides| [&sides.from, &sides.to]);
            for column in map.values().chain(sides) {
                assert!(header.contains(column), "{name}: the header has no {column}");
            }
            assert!(preset.raw.iter().all(|raw| header.contains(raw) || preset.optional.contains(raw)), "{name}");
            assert!(preset.free_form.keys().all(|word| Channel::from_word(word).is_some()), "{name}");
            assert!(
                preset.sides.iter().all(|sides| sides.prefixes.values().all(|word| Channel::from_word(word).is_some()))
            );
        }
        assert_eq!(preset_names(), ["twilio", "fly"]);
    }
}
