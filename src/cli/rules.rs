//! `fbwin rules` and `fbwin explain`: what the rules are, and what one of them means.

use anyhow::Context;
use clap::{Args, ValueEnum};
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{ContentArrangement, Table};
use std::io::Write;

use fbwin::Rule;

use crate::cli::End;
use crate::cli::output::Output;

/// List the rules: each is the name of one way to break the policy
#[derive(Debug, Args)]
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

/// Explain a rule: what it means, why Meta has it, since when, an example that breaks it and one that does not, and how to
/// mend it
#[derive(Debug, Args)]
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
                table.load_style(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
                table.set_width(output.width()).set_header(["rule", "severity", "the send ..."]);
                for rule in Rule::ALL {
                    table.add_row([rule.word(), rule.severity().word(), &rule.entry().says]);
                }
                writeln!(output, "{table}\n`fbwin explain RULE` says more.").context(failed)?;
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
        page.push_str(&wrapped(&format!("The send {}.", entry.says.trim_end_matches('.')), width));
        for (title, text) in
            [("What it means", &entry.means), ("Why Meta has it", &entry.why), ("Since when", &entry.since)]
        {
            page.push_str(&format!("\n{title}\n{}", wrapped(text, width)));
        }
        for (title, script) in [("An example that breaks it", &entry.breaks), ("One that does not", &entry.keeps)] {
            page.push_str(&format!("\n{title}\n"));
            page.extend(script.trim().lines().map(|line| format!("  {line}\n")));
        }
        page.push_str(&format!("\nHow to mend it\n{}", wrapped(&entry.fix, width)));
        page.push_str(&format!("\nSource\n  {}\n", entry.source));
        write!(output, "{page}").context(failed)?;
        output.finish()?;
        Ok(End::Clean)
    }
}

/// A paragraph, indented and wrapped.
fn wrapped(text: &str, width: usize) -> String {
    let (mut lines, mut line) = (String::new(), String::new());
    for word in text.split_whitespace() {
        if !line.is_empty() && width < line.chars().count() + word.chars().count() + 3 {
            lines.push_str(&format!("  {line}\n"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    format!("{lines}  {line}\n")
}
