//! `fbwin rules` and `fbwin explain`: what the rules are, and what one of them means.

use anyhow::Context;
use clap::{Args, ValueEnum};
use comfy_table::presets::NOTHING;
use comfy_table::{ColumnConstraint, ContentArrangement, LineStyle, Table};
use std::io::Write;

use fbwin::Rule;
use fbwin::report::wrapped;

use crate::cli::End;
use crate::cli::output::Output;

/// List the rules: each is the name of one way to break the policy
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  fbwin rules --format json")]
pub(crate) struct RulesCommand {
    /// The form of the list
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = RulesFormat::Table)]
    format: RulesFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RulesFormat {
    Table,
    Json,
    Markdown,
}

/// Explain a rule: what it means, why Meta has it, since when, with examples and how to mend it
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  fbwin explain outside-window")]
pub(crate) struct ExplainCommand {
    /// Its name, as in a report
    rule: Rule,
}

impl RulesCommand {
    pub(crate) fn run(self) -> anyhow::Result<End> {
        let mut output = Output::open(None)?;
        let failed = output.failed();
        match self.format {
            RulesFormat::Table => {
                let mut table = Table::new();
                table.load_style(NOTHING.header_separator(LineStyle::none().fill('─').junction('─')));
                table.set_content_arrangement(ContentArrangement::Dynamic);
                table.set_width(output.width()).set_header(["rule", "severity", "the send ..."]);
                for rule in Rule::ALL {
                    table.add_row([rule.word(), rule.severity().word(), &rule.entry().says]);
                }
                for index in 0..2 {
                    if let Some(column) = table.column_mut(index) {
                        column.set_constraint(ColumnConstraint::ContentWidth);
                    }
                }
                writeln!(output, "{}\n\n`fbwin explain RULE` says more.", table.trim_fmt()).context(failed)?;
            }
            RulesFormat::Json => {
                let rules: Vec<serde_json::Value> = Rule::ALL
                    .iter()
                    .map(|rule| {
                        let entry = rule.entry();
                        serde_json::json!({
                            "name": rule.word(), "severity": rule.severity().word(), "says": entry.says,
                            "means": entry.means, "why": entry.why, "since": entry.since, "fix": entry.fix,
                            "source": entry.source,
                        })
                    })
                    .collect();
                writeln!(output, "{}", serde_json::to_string_pretty(&rules)?).context(failed)?;
            }
            RulesFormat::Markdown => write!(output, "{}", markdown()).context(failed)?,
        }
        output.finish()?;
        Ok(End::Clean)
    }
}

/// The rule table of the README.
fn markdown() -> String {
    let mut table = "| rule | severity | the send ... |\n| --- | --- | --- |\n".to_owned();
    for rule in Rule::ALL {
        let says = rule.entry().says.replace('|', "\\|");
        table.push_str(&format!("| `{rule}` | {} | {says} |\n", rule.severity()));
    }
    table
}

impl ExplainCommand {
    pub(crate) fn run(self) -> anyhow::Result<End> {
        let mut output = Output::open(None)?;
        let failed = output.failed();
        let width = usize::from(output.width());
        let entry = self.rule.entry();
        let mut page = format!("{} ({})\n", self.rule, self.rule.severity());
        page.push_str(&indented(&format!("the send {}", entry.says), width));
        for (title, text) in
            [("What it means", &entry.means), ("Why Meta has it", &entry.why), ("Since when", &entry.since)]
        {
            page.push_str(&format!("\n{title}\n{}", indented(text, width)));
        }
        let breaks = "An example that breaks it (< what the user did, > the send, = its verdict)";
        for (title, script) in [(breaks, &entry.breaks), ("One that does not", &entry.keeps)] {
            page.push_str(&format!("\n{title}\n"));
            let lines = script.trim().lines().flat_map(|line| wrapped(line, width.max(40) - 2, 4));
            page.extend(lines.map(|line| format!("  {line}\n")));
        }
        page.push_str(&format!("\nHow to mend it\n{}", indented(&entry.fix, width)));
        page.push_str(&format!("\nSource\n  {}\n", entry.source));
        write!(output, "{page}").context(failed)?;
        output.finish()?;
        Ok(End::Clean)
    }
}

/// A paragraph, indented and wrapped.
fn indented(text: &str, width: usize) -> String {
    let lines = wrapped(text, width.max(40) - 2, 0);
    lines.iter().map(|line| format!("  {line}\n")).collect()
}
