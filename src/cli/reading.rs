//! The options of every command that reads logs, and the reading, with its progress and complaints.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use clap::builder::PossibleValuesParser;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use fbwin::batch::KeepText;
use fbwin::finding::{InputSummary, Summary};
use fbwin::source::{self, DateOrder, Field, Input, InputReading, Options, Reading, parse_map, preset_names};
use fbwin::store::Spill;

use crate::cli::memory::MemoryArgs;
use crate::cli::{End, say, values};

/// How many unreadable records are listed; all of them are counted.
const BAD_RECORDS_LISTED: usize = 20;

#[derive(Debug, Args)]
#[command(next_help_heading = "Reading")]
pub(crate) struct ReadingArgs {
    /// Logs: files, directories, or - for standard input
    #[arg(required = true, value_name = "LOG", help_heading = "Arguments")]
    pub(crate) logs: Vec<PathBuf>,

    /// The account of records that name none
    #[arg(long, value_name = "ID")]
    pub(crate) account: Option<String>,

    /// What the log calls the fields: ts=SentDate,user=From
    #[arg(long, value_name = "FIELD=COLUMN,...", value_parser = parse_map)]
    map: Vec<Vec<(Field, String)>>,

    /// Read CSV as the tables of this program
    #[arg(long, value_name = "NAME", conflicts_with = "map", value_parser = PossibleValuesParser::new(preset_names()))]
    preset: Option<String>,

    /// The offset from UTC of times that carry none: +02:00, -0500, Z
    #[arg(long, value_name = "OFFSET", value_parser = values::utc_offset, allow_hyphen_values = true)]
    pub(crate) utc_offset: Option<i32>,

    /// The log's times are good to this only: 1s, 1min
    #[arg(long, value_name = "SPAN", value_parser = values::precision_ms)]
    precision: Option<u32>,

    /// The business's name in exports that know no ids; may be given several times
    #[arg(long, value_name = "NAME")]
    owner: Vec<String>,

    /// The order of day, month and year in local dates, where the dates do not tell: dmy, mdy, ymd
    #[arg(long, value_name = "ORDER", value_parser = values::date_order)]
    date_order: Option<DateOrder>,

    /// Read JSON records as this format only, canonical ones too
    #[arg(long, value_name = "NAME", value_parser = values::shape_name())]
    from: Option<&'static str>,

    /// The key under which log lines around other records carry their own time
    #[arg(long, value_name = "KEY")]
    time_field: Option<String>,

    /// More unreadable records than this end the run with exit code 2
    #[arg(long, value_name = "N", default_value_t = 0)]
    max_bad: u64,

    /// Say nothing on standard error but errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

impl ReadingArgs {
    /// Reads all logs and complains of what it could not read. `except` is the file that the report will be written to: a
    /// report of last night, in the folder of the logs, is no log.
    pub(crate) fn read(
        &self,
        except: Option<&Path>,
        complaints: Complaints,
        memory: &MemoryArgs,
    ) -> anyhow::Result<Reading> {
        self.read_with(KeepText::OfClaims, except, complaints, Some(memory.spill()))
    }

    /// The same with the texts that the caller needs, all of it in memory.
    pub(crate) fn read_keeping(
        &self,
        keep_text: KeepText,
        except: Option<&Path>,
        complaints: Complaints,
    ) -> anyhow::Result<Reading> {
        self.read_with(keep_text, except, complaints, None)
    }

    fn read_with(
        &self,
        keep_text: KeepText,
        except: Option<&Path>,
        complaints: Complaints,
        spill: Option<Spill>,
    ) -> anyhow::Result<Reading> {
        // An error of reading says its cause itself.
        let mut inputs = source::find(&self.logs).map_err(|error| anyhow::anyhow!("{error}"))?;
        let report = except.and_then(|path| path.canonicalize().ok());
        let named = |path: &PathBuf| self.logs.contains(path);
        inputs.retain(|input| match input {
            Input::Path(path) | Input::Found(path) => {
                named(path) || report.is_none() || path.canonicalize().ok() != report
            }
            Input::Stdin => true,
        });
        let options = Options {
            account: self.account.clone().unwrap_or_default(),
            utc_offset_s: self.utc_offset,
            map: self.map.concat(),
            preset: self.preset.clone(),
            owner: self.owner.clone(),
            date_order: self.date_order,
            from: self.from,
            time_field: self.time_field.clone(),
            precision_ms: self.precision,
            keep_text,
            spill,
            ..Options::default()
        };
        let bar = self.progress_bar(total_bytes(&inputs));
        let reading = source::read(&inputs, &options, &|bytes| bar.inc(bytes));
        bar.finish_and_clear();
        let reading = reading.map_err(|error| anyhow::anyhow!("{error}"))?;
        self.complain(&reading, complaints);
        Ok(reading)
    }

    /// A bar on standard error, if that is a terminal, once the work has taken a moment.
    fn progress_bar(&self, total: u64) -> ProgressBar {
        if self.quiet || !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(10));
        let style = ProgressStyle::with_template("reading {wide_bar} {bytes}/{total_bytes} {eta}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(Duration::from_millis(500));
        bar
    }

    fn complain(&self, reading: &Reading, complaints: Complaints) {
        if self.quiet {
            return;
        }
        let told = |sentence: &str| if complaints.redact { without_quotes(sentence) } else { sentence.to_owned() };
        for bad in reading.bad.first.iter().take(BAD_RECORDS_LISTED) {
            let input = reading.inputs.get(bad.place.input as usize).map_or("<input>", |input| input.name.as_str());
            say(&format!("{input}:{}: {}", bad.place.line, told(&bad.reason)));
        }
        let unlisted = reading.bad.count.saturating_sub(BAD_RECORDS_LISTED as u64);
        if 0 < unlisted {
            say(&format!("and {unlisted} more that could not be read"));
        }
        if complaints.of_bad_records_only {
            return;
        }
        notes(reading, complaints.redact).iter().for_each(|note| say(note));
    }

    /// Whether more records were unreadable than `--max-bad` tolerates. Says so, since it decides the exit code.
    pub(crate) fn end(&self, bad: u64, otherwise: End) -> End {
        if bad <= self.max_bad {
            return otherwise;
        }
        let allowed = self.max_bad;
        say(&format!("error: {} could not be read, and --max-bad allows {allowed}", records(bad)));
        End::Trouble
    }
}

/// What is said of a log on standard error.
#[derive(Clone, Copy, Default)]
pub(crate) struct Complaints {
    /// Quote nothing of the log.
    pub(crate) redact: bool,
    /// The caller says the rest itself.
    pub(crate) of_bad_records_only: bool,
}

pub(crate) fn records(count: u64) -> String {
    counted(count, "record")
}

/// `1 record`, `2 records`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// A sentence without what it quotes of the log; the names of our own fields and options stay.
pub(crate) fn without_quotes(sentence: &str) -> String {
    let is_ours = |quote: &str| quote.starts_with("--") || Field::from_word(quote).is_some();
    let pieces = sentence.split('`').enumerate().map(|(at, piece)| match at % 2 {
        1 if !is_ours(piece) => "…",
        _ => piece,
    });
    pieces.collect::<Vec<_>>().join("`")
}

/// What a person should know about the inputs, without quotes if so wished; what holds for many of them is said once.
fn notes(reading: &Reading, redact: bool) -> Vec<String> {
    let inputs: Vec<&InputReading> = reading.inputs.iter().collect();
    let told = |note: String| if redact { without_quotes(&note) } else { note };
    let unknown = inputs
        .iter()
        .flat_map(|input| unknown_events(input).map(move |note| format!("{}: {}", input.name, told(note))));
    unknown.chain(notes_of(&inputs, redact)).collect()
}

/// The notes of the inputs, each with the names of those for which it holds.
pub(crate) fn notes_of(inputs: &[&InputReading], redact: bool) -> Vec<String> {
    let mut inputs_of: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for input in inputs {
        for note in &input.notes {
            let note = if redact { without_quotes(note) } else { note.clone() };
            inputs_of.entry(note).or_default().push(&input.name);
        }
    }
    let said = inputs_of.into_iter().map(|(note, inputs)| match inputs.as_slice() {
        [one] => format!("{one}: {note}"),
        [first, rest @ ..] => format!("{first} and {} more: {note}", rest.len()),
        [] => note,
    });
    said.collect()
}

/// A sentence for each word of `event` that we do not know.
pub(crate) fn unknown_events(input: &InputReading) -> impl Iterator<Item = String> {
    let words = input.unknown_events.iter();
    words.map(|(word, count)| {
        format!("{} of the unknown event `{word}`: opens and spends nothing here", records(*count))
    })
}

/// What the reader has to say for the summary.
pub(crate) fn summary_of(reading: &Reading, redact: bool) -> Summary {
    let inputs = reading.inputs.iter().map(|input| InputSummary {
        name: input.name.clone(),
        format: input.format,
        records: input.records,
        bad: input.bad,
    });
    Summary { inputs: inputs.collect(), bad: reading.bad.count, notes: notes(reading, redact), ..Summary::default() }
}

fn total_bytes(inputs: &[Input]) -> u64 {
    let files = inputs.iter().filter_map(|input| match input {
        Input::Path(path) | Input::Found(path) => std::fs::metadata(path).ok(),
        Input::Stdin => None,
    });
    files.map(|meta| meta.len()).sum()
}
