//! The options of every command that reads logs, and the reading, with its progress and complaints.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::PossibleValuesParser;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use fbwin::finding::{InputSummary, Summary};
use fbwin::source::{self, Field, Options, Reading, parse_map, preset_names};

use crate::cli::{End, say, values};

/// How many unreadable records are listed; all of them are counted.
const BAD_RECORDS_LISTED: usize = 100;

#[derive(Debug, Args)]
#[command(next_help_heading = "Reading")]
pub(crate) struct ReadingArgs {
    /// Logs: files, directories, or - for standard input
    #[arg(required = true, value_name = "LOG")]
    pub(crate) logs: Vec<PathBuf>,

    /// The account of records that name none
    #[arg(long, value_name = "ID")]
    pub(crate) account: Option<String>,

    /// What the log calls our fields: ts=SentDate,user=From,...
    #[arg(long, value_name = "FIELD=COLUMN,...", value_parser = parse_map)]
    map: Vec<Vec<(Field, String)>>,

    /// Read CSV as the tables of this program
    #[arg(long, value_name = "NAME", conflicts_with = "map", value_parser = PossibleValuesParser::new(preset_names()))]
    preset: Option<String>,

    /// The offset from UTC of times that carry none: +02:00, -0500, Z
    #[arg(long, value_name = "OFFSET", value_parser = values::utc_offset, allow_hyphen_values = true)]
    pub(crate) utc_offset: Option<i32>,

    /// The log's times are only good to this: 1s, 1min
    #[arg(long, value_name = "SPAN", value_parser = values::elapsed_ms)]
    precision: Option<i64>,

    /// How many unreadable records are tolerated before the run ends with exit code 2
    #[arg(long, value_name = "N", default_value_t = 0)]
    max_bad: u64,

    /// Say nothing on standard error but errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

impl ReadingArgs {
    /// Reads all logs and complains of what it could not read.
    pub(crate) fn read(&self) -> anyhow::Result<Reading> {
        let inputs = source::find(&self.logs)?;
        let options = Options {
            account: self.account.clone().unwrap_or_default(),
            utc_offset_s: self.utc_offset,
            map: self.map.concat(),
            preset: self.preset.clone(),
            precision_ms: self.precision.map(|ms| u32::try_from(ms).unwrap_or(u32::MAX)),
            ..Options::default()
        };
        let bar = self.progress_bar(total_bytes(&self.logs));
        let reading = source::read(&inputs, &options, &|bytes| bar.inc(bytes));
        bar.finish_and_clear();
        let reading = reading?;
        self.complain(&reading);
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

    fn complain(&self, reading: &Reading) {
        if self.quiet {
            return;
        }
        for bad in reading.bad.first.iter().take(BAD_RECORDS_LISTED) {
            let input = reading.inputs.get(bad.place.input as usize).map_or("<input>", |input| input.name.as_str());
            say(&format!("{input}:{}: {}", bad.place.line, bad.reason));
        }
        let unlisted = reading.bad.count.saturating_sub(BAD_RECORDS_LISTED as u64);
        if 0 < unlisted {
            say(&format!("and {unlisted} more records that could not be read"));
        }
        for input in &reading.inputs {
            for (word, count) in &input.unknown_events {
                say(&format!(
                    "{}: {count} records of event `{word}`, which we do not know, were counted as `other`",
                    input.name
                ));
            }
            for note in &input.notes {
                say(&format!("{}: {note}", input.name));
            }
        }
    }

    /// Whether more records were unreadable than `--max-bad` tolerates. Says so, since it decides the exit code.
    pub(crate) fn end(&self, bad: u64, otherwise: End) -> End {
        if bad <= self.max_bad {
            return otherwise;
        }
        let allowed = self.max_bad;
        let records = if bad == 1 { "record" } else { "records" };
        say(&format!("error: {bad} {records} could not be read, and --max-bad allows {allowed}"));
        End::Trouble
    }
}

/// What the reader has to say for the summary.
pub(crate) fn summary_of(reading: &Reading) -> Summary {
    let inputs = reading.inputs.iter().map(|input| InputSummary {
        name: input.name.clone(),
        format: input.format,
        records: input.records,
        bad: input.bad,
    });
    let unknown = reading.inputs.iter().flat_map(|input| {
        input.unknown_events.iter().map(move |(word, count)| {
            format!("{}: {count} records of the unknown event `{word}` open and spend nothing", input.name)
        })
    });
    let noted =
        reading.inputs.iter().flat_map(|input| input.notes.iter().map(move |note| format!("{}: {note}", input.name)));
    Summary {
        inputs: inputs.collect(),
        bad: reading.bad.count,
        notes: unknown.chain(noted).collect(),
        ..Summary::default()
    }
}

fn total_bytes(logs: &[PathBuf]) -> u64 {
    logs.iter().filter_map(|log| std::fs::metadata(log).ok()).map(|meta| meta.len()).sum()
}
