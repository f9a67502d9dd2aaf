//! `fbwin replay`: one verdict a send.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use clap::builder::PossibleValuesParser;

use fbwin::audit::{AuditOptions, ContentCheck};
use fbwin::report::VERDICT_FORMATS;

use crate::cli::End;
use crate::cli::judging::{JudgingArgs, RangeArgs, warn_if_stale};
use crate::cli::memory::MemoryArgs;
use crate::cli::output::Output;
use crate::cli::reading::ReadingArgs;

/// Print one verdict a send, in order of time: allowed, violation or unproven, and why
#[derive(Debug, Args)]
#[command(after_help = "\
Violations are no reason to exit with 1 here: verdicts are an answer. `fbwin audit` fails on them.

Examples:
  fbwin replay log.jsonl | grep unproven
  fbwin replay log.jsonl --format jsonl --since 2026-04-27 -o verdicts.jsonl")]
pub(crate) struct ReplayCommand {
    #[command(flatten)]
    reading: ReadingArgs,
    #[command(flatten)]
    judging: JudgingArgs,
    #[command(flatten)]
    range: RangeArgs,
    #[command(flatten)]
    memory: MemoryArgs,
    #[command(flatten)]
    printing: PrintingArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Reporting")]
struct PrintingArgs {
    /// The form of the verdicts
    #[arg(long, value_name = "FORMAT", default_value = VERDICT_FORMATS[0].name,
          value_parser = PossibleValuesParser::new(VERDICT_FORMATS.iter().map(|format| format.name)))]
    format: String,

    /// Write the verdicts to this file, whole or not at all
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl ReplayCommand {
    pub(crate) fn run(self) -> anyhow::Result<End> {
        let (policy, name) = self.judging.policy()?;
        let mut output = Output::open(self.printing.output.as_deref())?;
        let complaints = self.range.complaints();
        let reading = self.reading.read(self.printing.output.as_deref(), complaints, &self.memory)?;
        let utc_offset_s = self.reading.utc_offset;
        let wanted = AuditOptions { all_verdicts: true, content: ContentCheck::Off, ..AuditOptions::default() };
        let (audit, summary) = self.judging.audit((&policy, name), &self.range, reading, utc_offset_s, wanted)?;
        if !self.reading.quiet {
            warn_if_stale(&summary);
        }
        let failed = output.failed();
        if let Some(format) = VERDICT_FORMATS.iter().find(|format| format.name == self.printing.format) {
            let mut report = (format.report)(&mut output);
            audit.verdicts(|judged| report.verdict(judged)).with_context(|| failed.clone())?;
            report.finish().with_context(|| failed)?;
        }
        output.finish()?;
        // Verdicts are an answer, not a complaint: only unreadable input makes the run fail.
        Ok(self.reading.end(summary.bad, End::Clean))
    }
}
