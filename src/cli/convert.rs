//! `fbwin convert`: any log in the canonical form.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};

use fbwin::audit::History;
use fbwin::batch::KeepText;
use fbwin::source::{CanonicalForm, CanonicalWriter, WriteTokens};

use crate::cli::End;
use crate::cli::output::Output;
use crate::cli::reading::{Complaints, ReadingArgs};

/// Write logs in the canonical form, joined, each event once, in order of time
#[derive(Debug, Args)]
#[command(after_help = "\
Texts and users are written as they are; only what looks like a credential is hashed. In CSV a cell that would
start a formula gets a ' in front, and one with control characters is a JSON string behind a '. Reading such a
table undoes that.

Examples:
  fbwin convert logs/ -o canonical.jsonl
  fbwin convert export.zip --owner 'Corner Shop' --to csv -o canonical.csv")]
pub(crate) struct ConvertCommand {
    #[command(flatten)]
    reading: ReadingArgs,

    /// The form
    #[arg(long, value_name = "FORM", value_enum, default_value_t = Form::Jsonl)]
    to: Form,

    /// Write to this file, whole or not at all
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Write tokens as they are instead of as hashes: whoever has them can send
    #[arg(long)]
    with_tokens: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    Jsonl,
    Csv,
}

impl ConvertCommand {
    pub(crate) fn run(self) -> anyhow::Result<End> {
        let mut output = Output::open(self.output.as_deref())?;
        let reading = self.reading.read_keeping(KeepText::All, self.output.as_deref(), Complaints::default())?;
        let bad = reading.bad.count;
        let history = History::new(reading.batches);
        let form = match self.to {
            Form::Jsonl => CanonicalForm::JsonLines,
            Form::Csv => CanonicalForm::Csv,
        };
        let tokens = if self.with_tokens { WriteTokens::Whole } else { WriteTokens::Hashed };
        let failed = output.failed();
        let mut writer = CanonicalWriter::new(&mut output, form, tokens);
        for position in 0..history.len() {
            writer.event(&history.event(position)).with_context(|| failed.clone())?;
        }
        writer.finish().with_context(|| failed)?;
        output.finish()?;
        Ok(self.reading.end(bad, End::Clean))
    }
}
