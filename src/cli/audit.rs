//! `fbwin audit`: the report of what broke the policy.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use clap::builder::PossibleValuesParser;

use fbwin::audit::{AuditOptions, fails};
use fbwin::report::{FORMATS, Look};
use fbwin::{Policy, Rule};

use crate::cli::End;
use crate::cli::judging::{ContentArgs, JudgingArgs, RangeArgs, warn_if_stale};
use crate::cli::memory::MemoryArgs;
use crate::cli::output::Output;
use crate::cli::reading::ReadingArgs;
use crate::cli::values::FailOn;

/// Report every send that broke the policy of its day, with the evidence and what would have been lawful
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  fbwin audit logs/                          all logs of a directory
  zcat log.jsonl.gz | fbwin audit -          standard input
  fbwin audit log.jsonl --as-of 2026-04-27   what breaks on that day?
  fbwin audit log.jsonl --format csv -o findings.csv")]
pub(crate) struct AuditCommand {
    #[command(flatten)]
    reading: ReadingArgs,
    #[command(flatten)]
    judging: JudgingArgs,
    #[command(flatten)]
    range: RangeArgs,
    #[command(flatten)]
    memory: MemoryArgs,
    #[command(flatten)]
    content: ContentArgs,
    #[command(flatten)]
    reporting: ReportingArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Reporting")]
struct ReportingArgs {
    /// The form of the report
    #[arg(long, value_name = "FORMAT", default_value = FORMATS[0].name,
          value_parser = PossibleValuesParser::new(FORMATS.iter().map(|format| format.name)))]
    format: String,

    /// Write the report to this file, whole or not at all
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Report only these rules
    #[arg(long, value_name = "RULE,...", value_delimiter = ',')]
    select: Vec<Rule>,

    /// Do not report these rules
    #[arg(long, value_name = "RULE,...", value_delimiter = ',')]
    ignore: Vec<Rule>,

    /// What ends the run with exit code 1: findings of this severity or worse; `unproven`: errors and sends that could
    /// not be judged
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = FailOn::Error)]
    fail_on: FailOn,

    /// How many findings of each rule a table shows; 0 shows all
    #[arg(long, value_name = "N", default_value_t = 5)]
    show: usize,
}

impl AuditCommand {
    pub(crate) fn run(self) -> anyhow::Result<End> {
        let (policy, name): (Policy, String) = self.judging.policy()?;
        let content = self.content.check()?;
        let mut output = Output::open(self.reporting.output.as_deref())?;
        let complaints = self.range.complaints();
        let reading = self.reading.read(self.reporting.output.as_deref(), complaints, &self.memory)?;
        // Only a table leaves findings out.
        let table = self.reporting.format == FORMATS[0].name && 0 < self.reporting.show;
        let remedies = if table { self.reporting.show } else { usize::MAX };
        let wanted = AuditOptions { remedies, content, ..AuditOptions::default() };
        let (audit, mut summary) =
            self.judging.audit((&policy, name), &self.range, reading, self.reading.utc_offset, wanted)?;
        if !self.reading.quiet {
            warn_if_stale(&summary);
        }
        let look = look(&output, self.reporting.show);
        let failed = output.failed();
        let wanted = |rule: Rule| {
            (self.reporting.select.is_empty() || self.reporting.select.contains(&rule))
                && !self.reporting.ignore.contains(&rule)
        };
        if let Some(format) = FORMATS.iter().find(|format| format.name == self.reporting.format) {
            let mut report = (format.report)(&mut output, look);
            audit
                .findings(wanted, &mut summary, |findings| report.findings(findings))
                .with_context(|| failed.clone())?;
            report.finish(&summary).with_context(|| failed)?;
        }
        output.finish()?;
        // The process ends with the report: its memory goes back at once, and not piece by piece.
        std::mem::forget(audit);
        let unproven = self.reporting.fail_on == FailOn::Unproven && 0 < summary.total().unproven;
        let found = self.reporting.fail_on.threshold().is_some_and(|threshold| fails(&summary, threshold));
        let end = if found || unproven { End::Found } else { End::Clean };
        Ok(self.reading.end(summary.bad, end))
    }
}

/// How the report may look where it goes: no colour outside a terminal, nor for whoever sets `NO_COLOR`.
fn look(output: &Output, show: usize) -> Look {
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    Look {
        width: output.width(),
        colour: output.is_terminal() && !no_colour && !dumb,
        rows_per_rule: (0 < show).then_some(show),
    }
}
