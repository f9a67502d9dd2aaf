//! Options that changed nothing: whoever gives one believes that it did.

use super::dyi;
use super::{InputReading, Options, chat_txt, csv};

/// Which options found what they name in a record.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Used {
    pub(super) map: bool,
    pub(super) time_field: bool,
}

impl Used {
    /// Adds what was used elsewhere.
    pub(super) fn merge(&mut self, other: Used) {
        self.map |= other.map;
        self.time_field |= other.time_field;
    }
}

/// Says of every input which of the options nothing in any of them has made use of. An input that an option made unreadable
/// says so itself.
pub(super) fn tell(options: &Options, used: Used, inputs: &mut [InputReading]) {
    let is = |format: &str| inputs.iter().any(|input| input.format == format);
    let has_names = is(chat_txt::FORMAT.name) || inputs.iter().any(|input| input.shapes.contains_key(dyi::SHAPE.name));
    // What could not be read may have been one.
    let may_have_names = has_names || inputs.iter().any(|input| 0 < input.bad);
    let is_table = is(csv::FORMAT.name);
    let unused = [
        (options.preset.is_some() && !is_table, "--preset has changed nothing: it is for CSV, and no input is"),
        (
            !options.map.is_empty() && !is_table && !used.map,
            "--map has changed nothing: no record that it holds for has a name it gives",
        ),
        (
            options.time_field.is_some() && !used.time_field,
            "--time-field has changed nothing: no log line has that key",
        ),
        (
            !options.owner.is_empty() && !may_have_names,
            "--owner has changed nothing: it is for exports that know names and no ids, and no input is one",
        ),
    ];
    for (_, sentence) in unused.iter().filter(|(is_unused, _)| *is_unused) {
        for input in inputs.iter_mut().filter(|input| !matches!(input.format, "none" | "empty" | "zip")) {
            input.notes.push((*sentence).to_owned());
        }
    }
}
