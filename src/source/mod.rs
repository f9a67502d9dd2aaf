//! Reading logs: whatever file comes in, events come out, and what cannot be read is reported instead of dropped.
//!
//! [`find`] turns arguments into [`Input`]s, [`read`] turns those into batches of events; [`read_from`] does it for a log
//! that is no file. A format is told by the content of the input, never by its name. Each format is one file, which ends in
//! one constant; a block of whole records is read on whatever thread is free, so no format knows of more than the block
//! before it.

mod beside;
mod canonical;
mod cell;
mod chat_txt;
mod chatwoot;
mod csv;
mod document;
mod dyi;
mod feed;
mod flat;
mod foreign;
mod graph;
mod held;
mod inboxes;
mod input;
mod join;
mod json;
mod jsonl;
mod loose;
mod object;
mod prefixed;
mod preset;
mod send_api;
mod shape;
mod sides;
mod tally;
mod unpack;
mod unused;
mod webhook;
mod whatsapp;
mod whatsapp_send;
mod whatsapp_status;
mod write;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::iter::{ParallelBridge, ParallelIterator};

use crate::batch::{Batch, KeepText, Shards, Slot};
use crate::event::Place;
use crate::harmless::is_unsafe;
use crate::secret::without_credentials;
use crate::store::{Spill, Store};

pub use canonical::{Field, parse_map};
pub use chat_txt::DateOrder;
pub use input::{Input, SourceError, find};
pub use preset::preset_names;
pub use shape::shape_names;
pub use write::{CanonicalForm, CanonicalWriter, WriteTokens};

use canonical::{Names, Record};
use held::{Events, Held};
use inboxes::Inboxes;
use input::{BLOCK_BYTES, Block, Blocks, Opener};
use join::Contents;
use loose::Content;
use loose::{Alias, Loose};
use sides::Unsided;
use tally::Tally;
use unused::Used;

/// The formats, in the order in which they are asked; of those that fit an input equally well the first one reads it.
const FORMATS: &[Format] = &[chat_txt::FORMAT, document::FORMAT, jsonl::FORMAT, csv::FORMAT];

/// How many unreadable records are kept with their reasons; all of them are counted.
const BAD_RECORDS_KEPT: usize = 1_000;

/// How to read.
#[derive(Clone, Debug)]
pub struct Options {
    /// The account of records that name none.
    pub account: String,
    /// The offset from UTC, in seconds east, of times that carry none. Without it such a time is unreadable.
    pub utc_offset_s: Option<i32>,
    /// What other people's files call our fields.
    pub map: Vec<(Field, String)>,
    /// The program whose tables these are, by the name of its preset.
    pub preset: Option<String>,
    /// Which texts are kept.
    pub keep_text: KeepText,
    /// The longest record that is read; a longer one is a bad record.
    pub max_record_bytes: usize,
    /// The longest JSON record that is read where a record may go over many lines: one object may be a whole dump.
    pub max_document_bytes: usize,
    /// The precision every time has at least, in ms: for a log whose times look more precise than they are.
    pub precision_ms: Option<u32>,
    /// Read JSON records as this shape only.
    pub from: Option<&'static str>,
    /// The key under which log lines around other records carry their own time.
    pub time_field: Option<String>,
    /// The business's own name or names, in exports that know no ids.
    pub owner: Vec<String>,
    /// Where events go when they are too many; without it all stay in memory.
    pub spill: Option<Spill>,
    /// The order of day, month and year in exports that write local dates, where the dates do not tell.
    pub date_order: Option<DateOrder>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            account: String::new(),
            utc_offset_s: None,
            map: Vec::new(),
            preset: None,
            keep_text: KeepText::default(),
            max_record_bytes: 16 << 20,
            max_document_bytes: 256 << 20,
            precision_ms: None,
            from: None,
            time_field: None,
            owner: Vec::new(),
            spill: None,
            date_order: None,
        }
    }
}

impl Options {
    /// How precise a time is taken to be that looks precise to `ms`.
    fn precision_of(&self, ms: u32) -> u32 {
        ms.max(self.precision_ms.unwrap_or(0))
    }
}

/// What was read.
#[derive(Debug, Default)]
pub struct Reading {
    /// One per input, in their order.
    pub inputs: Vec<InputReading>,
    /// The events, in no particular order; each knows its place.
    pub batches: Vec<Batch>,
    /// The events, where they went to temporary files ([`Options::spill`]); `batches` is empty then.
    pub store: Option<Store>,
    /// What could not be read.
    pub bad: BadRecords,
}

/// What was read of one input.
#[derive(Debug, Default)]
pub struct InputReading {
    /// The path as it was given, `<stdin>` for standard input, `archive.zip!path` for a file inside an archive.
    pub name: String,
    /// The name of the format: `json`, `jsonl`, `csv`, `chat-txt`; `zip` for an archive as such, `empty`
    /// where there is nothing, `unknown` for what is refused as a whole.
    pub format: &'static str,
    /// How many bytes were read.
    pub bytes: u64,
    /// How many records became events.
    pub records: u64,
    /// How many could not be read.
    pub bad: u64,
    /// How many records had which shape, for those that are not canonical.
    pub shapes: BTreeMap<&'static str, u64>,
    /// The words of `event` that we do not know, cut to 64 characters, and how many records have them. At most 100
    /// kinds; the others are counted together as `(more)`.
    pub unknown_events: BTreeMap<String, u64>,
    /// What a person should know about this input besides, one sentence each.
    pub notes: Vec<String>,
}

/// The records that could not be read.
#[derive(Debug, Default)]
pub struct BadRecords {
    /// How many there are.
    pub count: u64,
    /// The first 1,000, in the order of inputs and lines.
    pub first: Vec<BadRecord>,
}

/// A record that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRecord {
    /// Where it begins.
    pub place: Place,
    /// Why, as half a sentence. Shows little of the log and nothing of a token.
    pub reason: String,
}

/// Reads all inputs. `progress` is called, from any thread, with the number of bytes consumed since it was last called.
///
/// The result depends on the inputs and options alone, not on the number of threads.
///
/// # Errors
/// An input that cannot be opened or read to its end. What an input contains is never an error.
pub fn read(inputs: &[Input], options: &Options, progress: &(dyn Fn(u64) + Sync)) -> Result<Reading, SourceError> {
    read_blocks(Blocks::new(inputs, options), options, progress)
}

/// Reads one log that is no file: a download, an upload, bytes in memory. It may be compressed, but no zip archive, of which
/// the end is read first. `name` stands in the reading where a path would.
///
/// ```
/// use fbwin::source::{Options, read_from};
/// let log = "{\"ts\":1709287200,\"user\":\"42\",\"event\":\"message\"}\n";
/// let reading = read_from("upload.jsonl", log.as_bytes(), &Options::default())?;
/// assert_eq!((reading.inputs[0].records, reading.bad.count), (1, 0));
/// # Ok::<(), fbwin::source::SourceError>(())
/// ```
///
/// # Errors
/// A stream that cannot be read to its end. What it contains is never an error.
pub fn read_from(name: &str, bytes: impl Read + Send + 'static, options: &Options) -> Result<Reading, SourceError> {
    read_stream(name, bytes, options, BLOCK_BYTES)
}

/// The same in blocks of another size, which must change nothing: for tests and fuzz targets, which look for what it changes.
///
/// # Errors
/// As [`read_from`].
#[cfg(any(fuzzing, test))]
pub fn read_from_in_blocks(
    bytes: impl Read + Send + 'static,
    options: &Options,
    block_bytes: usize,
) -> Result<Reading, SourceError> {
    read_stream("log", bytes, options, block_bytes)
}

fn read_stream(
    name: &str,
    bytes: impl Read + Send + 'static,
    options: &Options,
    block_bytes: usize,
) -> Result<Reading, SourceError> {
    let open: Opener<'_> = Box::new(move || Ok(Box::new(bytes)));
    let streams = VecDeque::from([(name.to_owned(), open)]);
    read_blocks(Blocks::of(streams, options, block_bytes), options, &|_| ())
}

fn read_blocks(
    mut blocks: Blocks<'_>,
    options: &Options,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Reading, SourceError> {
    // A block is cut after all blocks that are finished by then. When those have enough bad records, this one's can
    // not be among the first, and a long log of nothing but rubbish does not fill the memory with reasons.
    let bad_kept = AtomicUsize::new(0);
    let spare = blocks.spare();
    let held = Held::new(options.spill.clone());
    let numbered = std::iter::from_fn(|| {
        let block = blocks.next_block()?;
        Some(block.map(|block| (block, bad_kept.load(Ordering::Relaxed) < BAD_RECORDS_KEPT)))
    });
    let read_one = |item: Result<(Block, bool), SourceError>| {
        let (block, keep_bad) = item?;
        let mut sink = Sink::new(block.input, options, keep_bad);
        if let Some((line, reason)) = block.bad {
            sink.bad(line, reason);
        }
        block.layout.read(&block.bytes, block.first_line, &mut sink);
        bad_kept.fetch_add(sink.bad.len(), Ordering::Relaxed);
        progress(block.consumed);
        spare.give(block.bytes);
        let mut outcome = sink.finish();
        let joins = outcome.joins();
        held.add(block.index, std::mem::take(&mut outcome.batches), joins)?;
        Ok((block.index, outcome))
    };
    let mut outcomes = numbered.par_bridge().map(read_one).collect::<Result<Vec<_>, SourceError>>()?;
    outcomes.sort_unstable_by_key(|(index, _)| *index);

    let (mut unsided, mut loose, mut aliases) = (Vec::new(), Vec::new(), Vec::new());
    let mut inboxes = Inboxes::new();
    let mut reading = Reading { inputs: blocks.into_inputs(), ..Reading::default() };
    let mut tallies: Vec<Tally> = reading.inputs.iter().map(|_| Tally::default()).collect();
    for (_, outcome) in outcomes {
        let input = outcome.input as usize;
        if let (Some(of_input), Some(tally)) = (reading.inputs.get_mut(input), tallies.get_mut(input)) {
            of_input.records += outcome.records;
            of_input.bad += outcome.bad_count;
            tally.merge(outcome.tally);
        }
        reading.bad.count += outcome.bad_count;
        let room = BAD_RECORDS_KEPT.saturating_sub(reading.bad.first.len());
        reading.bad.first.extend(outcome.bad.into_iter().take(room));
        unsided.push(outcome.unsided);
        for (channel, names) in outcome.inboxes {
            inboxes.entry(channel).or_default().extend(names);
        }
        loose.extend(outcome.loose);
        aliases.extend(outcome.aliases);
    }
    let (events, store) = held.finish()?;
    let (batches, contents): (Vec<Batch>, Vec<Contents>) = events.into_iter().unzip();
    reading.batches = batches;
    reading.store = store;
    // Many may stand on one line, and each block has counted for itself.
    for (nth, piece) in loose.iter_mut().enumerate() {
        piece.nth = u32::try_from(nth).unwrap_or(u32::MAX);
    }
    let settled = sides::settle(&unsided, &reading.batches, &loose, options.keep_text);
    drop(unsided);
    if !settled.batch.is_empty() {
        reading.batches.push(settled.batch);
    }
    aliases.extend(inboxes::rename(&mut reading.batches, &inboxes));
    let joined = join::join(&mut reading.batches, loose, &contents, aliases, options);
    for (input, count) in joined.records.into_iter().chain(settled.records) {
        if let Some(of_input) = reading.inputs.get_mut(input as usize) {
            of_input.records += count;
        }
    }
    for (input, count) in joined.unpaired {
        if let Some(tally) = tallies.get_mut(input as usize) {
            tally.unpaired(count);
        }
    }
    for (input, count) in joined.doubted {
        if let Some(tally) = tallies.get_mut(input as usize) {
            tally.doubted(count);
        }
    }
    let cut_off = tallies.iter().enumerate().filter_map(|(input, tally)| {
        let line = tally.broken_off().filter(|_| reading.inputs.get(input).is_some_and(|input| input.bad == 0))?;
        let place = Place { input: u32::try_from(input).ok()?, line: u32::try_from(line).unwrap_or(u32::MAX) };
        Some(BadRecord { place, reason: "ends with an array open, or one closed twice: it was cut off".to_owned() })
    });
    let cut_off: Vec<BadRecord> = cut_off.collect();
    for bad in settled.bad.into_iter().chain(joined.bad).chain(cut_off) {
        if let Some(of_input) = reading.inputs.get_mut(bad.place.input as usize) {
            of_input.bad += 1;
        }
        reading.bad.count += 1;
        if reading.bad.first.len() < BAD_RECORDS_KEPT {
            reading.bad.first.push(bad);
        }
    }
    reading.bad.first.sort_by_key(|bad| bad.place);
    let mut used = Used::default();
    for (of_input, tally) in reading.inputs.iter_mut().zip(tallies) {
        used.merge(tally.used);
        of_input.shapes = tally.shapes().clone();
        let (unknown_events, notes) = tally.finish();
        of_input.unknown_events = unknown_events;
        of_input.notes.extend(notes);
    }
    unused::tell(options, used, &mut reading.inputs);
    Ok(reading)
}

/// A format of inputs.
struct Format {
    name: &'static str,
    fits: fn(&Start<'_>) -> Fit,
    open: fn(&Start<'_>) -> Result<Opened, Refusal>,
}

/// The beginning of an input, by which its format is told.
struct Start<'a> {
    /// The first few MiB, without byte order mark.
    bytes: &'a [u8],
    options: &'a Options,
}

/// How well a format fits an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    No,
    /// It could be read so, if nothing better is found.
    Perhaps,
    Surely,
}

/// An input whose records may now be read.
struct Opened {
    layout: Box<dyn Layout>,
    /// How many bytes at the start belong to no record: a header.
    skip: usize,
}

/// Why no record of an input can be read: the one bad record reported for it.
#[derive(Debug, PartialEq, Eq)]
struct Refusal {
    line: u64,
    reason: String,
}

/// How the records of one input lie in its bytes, and how they are read.
trait Layout: Send + Sync {
    /// The byte that ends a line.
    fn line_end(&self) -> u8 {
        b'\n'
    }

    /// The longest record there may be.
    fn max_record_bytes(&self, options: &Options) -> usize {
        options.max_record_bytes
    }

    /// Whether records begin at line ends, so that reading can go on after one that is too long.
    fn goes_on(&self) -> bool {
        true
    }

    /// How many of `bytes`, which begin with a record and after which the input goes on, are whole records.
    fn cut(&self, bytes: &[u8]) -> usize;

    /// Reads whole records, the first of which begins on `first_line`.
    fn read(&self, bytes: &[u8], first_line: u64, sink: &mut Sink<'_>);
}

/// Where the records of a block go.
struct Sink<'o> {
    options: &'o Options,
    input: u32,
    keep_bad: bool,
    events: Shards,
    unsided: Unsided,
    inboxes: Inboxes,
    loose: Vec<Loose>,
    /// What the sends of the batch said, where they are such as a call may have caused.
    contents: Vec<(Slot, Content)>,
    /// Each once: a log of years names the same pairs again and again.
    aliases: BTreeSet<Alias>,
    bad: Vec<BadRecord>,
    bad_count: u64,
    tally: Tally,
}

/// What became of a block.
struct Outcome {
    input: u32,
    /// How many events there are.
    records: u64,
    batches: Events,
    unsided: Unsided,
    inboxes: Inboxes,
    loose: Vec<Loose>,
    aliases: Vec<Alias>,
    bad: Vec<BadRecord>,
    bad_count: u64,
    tally: Tally,
}

impl Outcome {
    /// Whether there is anything that must be joined with the events of other blocks.
    fn joins(&self) -> bool {
        !self.loose.is_empty()
            || !self.aliases.is_empty()
            || !self.unsided.is_empty()
            || !self.inboxes.is_empty()
            || self.batches.iter().any(|(_, contents)| !contents.is_empty())
    }
}

impl<'o> Sink<'o> {
    fn new(input: u32, options: &'o Options, keep_bad: bool) -> Sink<'o> {
        let events = Shards::new(options.keep_text);
        Sink {
            options,
            input,
            keep_bad,
            events,
            unsided: Unsided::new(options.keep_text),
            inboxes: Inboxes::new(),
            loose: Vec::new(),
            contents: Vec::new(),
            aliases: BTreeSet::new(),
            bad: Vec::new(),
            bad_count: 0,
            tally: Tally::default(),
        }
    }

    fn place(&self, line: u64) -> Place {
        Place { input: self.input, line: u32::try_from(line).unwrap_or(u32::MAX) }
    }

    fn bad(&mut self, line: u64, reason: String) {
        self.bad_count += 1;
        if self.keep_bad && self.bad.len() < BAD_RECORDS_KEPT {
            self.bad.push(BadRecord { place: self.place(line), reason });
        }
    }

    /// The account of records that name none.
    fn account(&self) -> &str {
        &self.options.account
    }

    /// Takes in one record of the canonical form, or says why it cannot.
    fn record(&mut self, record: &Record<'_>, names: &Names, line: u64) -> Result<(), String> {
        self.tally.used.map |= names.mapped().any(|field| record.has(field));
        canonical::push(record, names, self.place(line), self.options, &mut self.events, &mut self.tally)
    }

    fn finish(self) -> Outcome {
        let Sink { input, events, unsided, inboxes, loose, contents, aliases, bad, bad_count, tally, .. } = self;
        let aliases = aliases.into_iter().collect();
        let mut of_shard: Vec<(Slot, Content)> = contents;
        of_shard.sort_by_key(|(slot, _)| *slot);
        let mut rest = of_shard.as_slice();
        let batches = events.into_batches().map(|(shard, batch)| {
            let (here, after) = rest.split_at(rest.partition_point(|(slot, _)| slot.shard <= shard));
            rest = after;
            (batch, here.iter().map(|(slot, content)| (slot.index, *content)).collect())
        });
        let batches: Events = batches.collect();
        let records = batches.iter().map(|(batch, _)| batch.len() as u64).sum();
        Outcome { input, records, batches, unsided, inboxes, loose, aliases, bad, bad_count, tally }
    }
}

/// Text of a log as a reason may show it: at most 40 characters, none of which moves a cursor or turns the writing, and no
/// credential.
fn shown(text: &str) -> String {
    let (short, is_cut) = shown_up_to(40, text);
    if is_cut { short + "…" } else { short }
}

/// The same with at most so many characters, and whether there are more.
fn shown_up_to(most: usize, text: &str) -> (String, bool) {
    // Most of a long text is cut away, but a credential must be known as one before it is cut.
    let begin = text.get(..text.floor_char_boundary(LONGEST_CLEANED)).unwrap_or_default();
    let clean = without_credentials(begin, |_| "(credential)".to_owned());
    let mut short = String::new();
    for c in clean.chars().take(most) {
        match c {
            // What is shown is put between such quotes, and must not end them.
            '`' => short.push('\''),
            c if is_unsafe(c) => short.extend(c.escape_default()),
            c => short.push(c),
        }
    }
    (short, clean.chars().nth(most).is_some())
}

/// How much of a text is looked at for credentials before it is shown, in bytes.
const LONGEST_CLEANED: usize = 4_096;

/// The reason for a record that is longer than `Options::max_record_bytes`.
fn too_long(max_record_bytes: usize) -> String {
    match max_record_bytes >> 20 {
        0 => format!("is longer than {max_record_bytes} bytes"),
        mib => format!("is longer than {mib} MiB"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::{self, Cursor};

    use super::*;

    /// Everything in a reading, to compare.
    fn all_of(reading: &Reading) -> String {
        let mut events: Vec<_> =
            reading.batches.iter().flat_map(|batch| (0..batch.len()).map(|at| batch.event(at))).collect();
        // Several may stand on one line.
        events.sort_by_cached_key(|event| (event.place, format!("{event:?}")));
        format!("{:?} {:?} {events:?}", reading.inputs, reading.bad)
    }

    fn assert_blocks_change_nothing(log: &[u8], options: &Options, sizes: &[usize], name: impl std::fmt::Display) {
        let read =
            |block_bytes| all_of(&read_from_in_blocks(Cursor::new(log.to_owned()), options, block_bytes).unwrap());
        let whole = read(1 << 20);
        for block_bytes in sizes {
            assert_eq!(read(*block_bytes), whole, "{name} in blocks of {block_bytes}");
        }
    }

    #[test]
    fn blocks_change_nothing_in_a_chat() {
        let mut seen = 0;
        for path in std::fs::read_dir("fixtures/formats/chat-txt").unwrap().map(|entry| entry.unwrap().path()) {
            if path.extension().is_none_or(|end| end != "txt") {
                continue;
            }
            let options = Options {
                owner: vec!["Flower Shop".to_owned()],
                utc_offset_s: Some(0),
                date_order: Some(DateOrder::DayFirst),
                keep_text: KeepText::All,
                ..Options::default()
            };
            let log = std::fs::read(&path).unwrap();
            assert_blocks_change_nothing(&log, &options, &[1, 2, 3, 7, 64, 100, 333], path.display());
            seen += 1;
        }
        assert!(0 < seen);
    }

    #[test]
    fn blocks_change_nothing() {
        let options = Options { keep_text: KeepText::All, max_record_bytes: 2_000, ..Options::default() };
        let files = |folder: &str| -> Vec<std::path::PathBuf> {
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
        };
        let formats = files("fixtures/formats").into_iter().flat_map(|folder| files(folder.to_str().unwrap()));
        for path in files("fixtures/source").into_iter().chain(formats) {
            let log = std::fs::read(&path).unwrap();
            assert_blocks_change_nothing(&log, &options, &[1, 2, 3, 7, 64, 100, 333], path.display());
        }
    }

    /// Pieces of JSON in any order: of broken documents, too, the same must be read whatever the blocks.
    #[test]
    fn blocks_change_nothing_of_broken_documents() {
        use proptest::prelude::{ProptestConfig, proptest};
        const PIECES: &[&str] = &[
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "\\",
            "\n",
            "\n  ",
            " ",
            "\"a\":",
            "\"b\"",
            "1",
            "null",
            "x",
            "\u{feff}",
            "{\"ts\":1709287200,\n\"user\":\"1\",\"event\":\"send\"}",
            "},\n  {",
            "},{\"a\":1",
            "\n{",
        ];
        proptest!(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() }, |(pieces in proptest::collection::vec(0..PIECES.len(), 0..60))| {
            let text: String = pieces.iter().map(|piece| PIECES[*piece]).collect();
            let text = format!("[\n  {{\n{text}");
            assert_blocks_change_nothing(text.as_bytes(), &Options::default(), &[1, 2, 7, 33], &text);
        });
    }

    const GOOD: &str = "{\"ts\":1709287200,\"user\":\"1\",\"event\":\"send\"}\n";

    #[test]
    fn a_line_of_any_length_is_one_bad_record() {
        let long = io::repeat(b'x').take(64 << 20);
        let bytes = Cursor::new(GOOD).chain(long).chain(Cursor::new("\n")).chain(Cursor::new(GOOD));
        let reading = read_from_in_blocks(bytes, &Options::default(), 4 << 20).unwrap();
        let of_input = &reading.inputs[0];
        assert_eq!((of_input.records, of_input.bad), (2, 1));
        assert_eq!(of_input.bytes, (64 << 20) + 2 * GOOD.len() as u64 + 1);
        assert_eq!(reading.bad.first[0].place.line, 2);
        assert_eq!(reading.bad.first[0].reason, "is longer than 16 MiB");
        let last = reading.batches.last().unwrap();
        assert_eq!(last.event(last.len() - 1).place.line, 3);
    }

    #[test]
    fn bytes_that_are_given_up_count_as_read() {
        let options = Options { max_record_bytes: 100, ..Options::default() };
        let bytes = Cursor::new(GOOD).chain(io::repeat(b'x').take(1_000));
        let reading = read_from_in_blocks(bytes, &options, 64).unwrap();
        let of_input = &reading.inputs[0];
        assert_eq!((of_input.records, of_input.bad, of_input.bytes), (1, 1, GOOD.len() as u64 + 1_000));
    }

    #[test]
    fn the_longest_record_is_read_and_a_longer_one_is_not() {
        for (head, row) in [("", GOOD.trim_end()), ("ts,user,direction\n", "1709287200,1111111111,in")] {
            for (spare, expected) in [(0, (3, 0)), (1, (0, 3))] {
                let options = Options { max_record_bytes: row.len() - spare, ..Options::default() };
                let table = format!("{head}{row}\r\n{row}\n{row}");
                for block_bytes in [1, 5, 1 << 20] {
                    let reading = read_from_in_blocks(Cursor::new(table.clone()), &options, block_bytes).unwrap();
                    assert_eq!((reading.inputs[0].records, reading.bad.count), expected, "{row} in {block_bytes}");
                }
            }
        }
    }

    #[test]
    fn a_quote_that_is_never_closed_costs_one_line_of_a_long_table() {
        let row = "2024-03-01T10:00:00Z,1,in\n";
        let table = format!("ts,user,direction\n2024-03-01T10:00:00Z,\"1,in\n{}", row.repeat(10_000));
        let options = Options { max_record_bytes: 1_000, ..Options::default() };
        let reading = read_from_in_blocks(Cursor::new(table), &options, 512).unwrap();
        assert_eq!((reading.inputs[0].records, reading.inputs[0].bad), (10_000, 1));
    }

    #[test]
    fn an_input_that_breaks_off_is_an_error_with_its_name() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the disk is gone"))
            }
        }
        let bytes = Cursor::new(GOOD.repeat(100)).chain(Broken);
        let error = read_from_in_blocks(bytes, &Options::default(), 64).unwrap_err();
        assert_eq!(error.to_string(), "cannot read `log`: the disk is gone");
    }

    #[test]
    fn unknown_words_are_counted_up_to_a_hundred_kinds() {
        let line =
            |at: u32| format!("{{\"ts\":1709287200,\"user\":\"1\",\"event\":\"e{at:0>70}\",\"sender\":\"s{at}\"}}\n");
        let lines: String = (0..150).map(line).collect();
        let reading = read_from_in_blocks(Cursor::new(lines), &Options::default(), 1_000).unwrap();
        let of_input = &reading.inputs[0];
        assert_eq!(of_input.unknown_events.values().sum::<u64>(), 150);
        assert!(of_input.unknown_events.len() <= 101 && of_input.unknown_events.keys().all(|word| word.len() <= 64));
        assert_eq!(of_input.notes.len(), 101);
        assert_eq!(of_input.notes[100], "50 records: further unknown words");
    }

    #[test]
    fn what_is_shown_of_a_log_is_short_and_harmless() {
        assert_eq!(shown("\u{1b}[2J\u{202e}\n é"), "\\u{1b}[2J\\u{202e}\\n é");
        assert_eq!(shown(&"é".repeat(41)), format!("{}…", "é".repeat(40)));
    }
}
