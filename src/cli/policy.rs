//! `fbwin policy`: show the table, or check somebody's own.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use chrono::NaiveDate;
use clap::{Args, Subcommand, ValueEnum};
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{ContentArrangement, Table};
use serde_json::{Value, json};

use fbwin::policy::{Every, Exclusion, Permission};
use fbwin::time::Span;
use fbwin::{Channel, Policy};

use crate::cli::output::Output;
use crate::cli::{End, judging, say, values};

/// Show the dated policy, or check a policy file
#[derive(Debug, Args)]
pub(crate) struct PolicyCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show the rows of the policy
    Show(ShowArgs),
    /// Check a policy file: exit code 0 if it keeps the laws of the table, else 2 with file, line and reason
    Check {
        /// The file
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// Only rows in force on this day
    #[arg(long, value_name = "DAY", value_parser = values::day)]
    at: Option<NaiveDate>,

    /// Only rows of this channel: messenger, instagram, whatsapp
    #[arg(long, value_parser = |text: &str| Channel::from_word(text).ok_or("use messenger, instagram or whatsapp"))]
    channel: Option<Channel>,

    /// The form of the rows
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = PolicyFormat::Table)]
    format: PolicyFormat,

    /// Show this policy file instead of the built-in one
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PolicyFormat {
    Table,
    Json,
    Toml,
}

impl PolicyCommand {
    pub(crate) fn run(self) -> anyhow::Result<End> {
        match self.what {
            What::Check { file } => {
                let policy = judging::read_policy(&file)?;
                say(&format!(
                    "{}: {} permissions, checked {}",
                    file.display(),
                    policy.permissions.len(),
                    policy.checked
                ));
                Ok(End::Clean)
            }
            What::Show(show) => show.run(),
        }
    }
}

impl ShowArgs {
    fn run(self) -> anyhow::Result<End> {
        let policy = match &self.policy {
            Some(path) => judging::read_policy(path)?,
            None => Policy::built_in(),
        };
        let mut output = Output::open(None)?;
        let failed = output.failed();
        let wanted = |channel: Channel, from: NaiveDate, until: Option<NaiveDate>| {
            let in_force = |day: NaiveDate| from <= day && until.is_none_or(|until| day < until);
            self.channel.is_none_or(|only| only == channel) && self.at.is_none_or(in_force)
        };
        let permissions: Vec<&Permission> =
            policy.permissions.iter().filter(|row| wanted(row.channel, row.from, row.until)).collect();
        let exclusions: Vec<&Exclusion> =
            policy.exclusions.iter().filter(|row| wanted(row.channel, row.from, row.until)).collect();
        let text = match self.format {
            PolicyFormat::Table => table(&policy, &permissions, &exclusions, output.width()),
            PolicyFormat::Json => json_of(&policy, &permissions, &exclusions)?,
            PolicyFormat::Toml => toml_of(&policy, &permissions, &exclusions),
        };
        writeln!(output, "{}", text.trim_end()).context(failed)?;
        output.finish()?;
        Ok(End::Clean)
    }
}

fn span(span: Option<Span>) -> String {
    span.map_or_else(|| "-".into(), |span| span.to_string())
}

fn every(every: Every) -> String {
    match every {
        Every::Day => "day".into(),
        Every::Week => "week".into(),
        Every::Month => "month".into(),
        Every::Rolling(ms) => Span::Ms(ms).to_string(),
    }
}

fn term(from: NaiveDate, until: Option<NaiveDate>) -> String {
    format!("{from}\n{}", until.map_or_else(|| "today".into(), |until| format!("until {until}")))
}

fn table(policy: &Policy, permissions: &[&Permission], exclusions: &[&Exclusion], width: u16) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    table.set_header(["permission", "opened by", "lasts", "terms", "in force"]);
    for row in permissions {
        let mut terms = Vec::new();
        if let Some(uses) = row.uses {
            terms.push(format!("{uses} use"));
        }
        if let Some(pace) = row.every {
            terms.push(format!("1 per {}", every(pace)));
        }
        if let Some(frequency) = row.frequency {
            terms.push(format!("{frequency} tokens"));
        }
        if let Some(approval) = &row.approval {
            terms.push(format!("{approval} approval"));
        }
        if !row.only_in.is_empty() {
            terms.push(format!("only in {}", row.only_in.join(" ")));
        }
        let flags = [
            (row.human, "by a person"),
            (!row.promotion, "no promotion"),
            (row.unmarked, "not visible in logs"),
            (row.unsure, "sources disagree"),
        ];
        terms.extend(flags.iter().filter(|(set, _)| *set).map(|(_, word)| (*word).to_owned()));
        let opened_by = match &row.extra_after {
            Some(first) => format!("the end of {first}"),
            None => row.opened_by.iter().map(|opener| opener.word()).collect::<Vec<_>>().join(", "),
        };
        let lasts = match row.unclear_after {
            Some(unclear) => format!("{} to {}, unclear", unclear, span(row.lasts)),
            None => span(row.lasts),
        };
        table.add_row([row.id.clone(), opened_by, lasts, terms.join(", "), term(row.from, row.until)]);
    }
    for row in exclusions {
        let what = row.category.map_or(String::new(), |category| format!("{category} "));
        let terms = format!("no {what}{} to {}", row.claim, row.regions.join(" "));
        table.add_row([row.id.clone(), "-".into(), "-".into(), terms, term(row.from, row.until)]);
    }
    format!("{table}\nlast checked {}; --format json and toml have sources and notes", policy.checked)
}

fn json_of(policy: &Policy, permissions: &[&Permission], exclusions: &[&Exclusion]) -> anyhow::Result<String> {
    let permissions: Vec<Value> = permissions
        .iter()
        .map(|row| {
            json!({
                "id": row.id, "channel": row.channel.word(), "claim": row.claim.word(), "tag": row.tag,
                "opened_by": row.opened_by.iter().map(|opener| opener.word()).collect::<Vec<_>>(),
                "unclear_by": row.unclear_by.iter().map(|opener| opener.word()).collect::<Vec<_>>(),
                "lasts": row.lasts.map(|span| span.to_string()),
                "unclear_after": row.unclear_after.map(|span| span.to_string()),
                "extra_after": row.extra_after, "uses": row.uses, "every": row.every.map(every),
                "unclear_every": row.unclear_every_ms.map(|ms| Span::Ms(ms).to_string()),
                "follow_ups": row.follow_ups,
                "frequency": row.frequency.map(|frequency| frequency.word()), "only_in": row.only_in,
                "approval": row.approval, "human": row.human, "promotion": row.promotion,
                "no_promotion_in": row.no_promotion_in.iter().map(|category| category.word()).collect::<Vec<_>>(),
                "unmarked": row.unmarked, "unsure": row.unsure, "for": row.purpose,
                "from": row.from.to_string(), "until": row.until.map(|until| until.to_string()),
                "source": row.source, "sure": row.sure.word(), "note": row.note,
            })
        })
        .collect();
    let exclusions: Vec<Value> = exclusions
        .iter()
        .map(|row| {
            json!({
                "id": row.id, "channel": row.channel.word(), "claim": row.claim.word(),
                "category": row.category.map(|category| category.word()), "regions": row.regions,
                "calling_code": row.calling_code, "from": row.from.to_string(),
                "until": row.until.map(|until| until.to_string()), "source": row.source, "sure": row.sure.word(),
                "note": row.note,
            })
        })
        .collect();
    let all = json!({ "checked": policy.checked.to_string(), "permissions": permissions, "exclusions": exclusions });
    Ok(serde_json::to_string_pretty(&all)?)
}

/// A policy file of the wanted rows, as their own file has them.
fn toml_of(policy: &Policy, permissions: &[&Permission], exclusions: &[&Exclusion]) -> String {
    let rows = permissions.iter().map(|row| &row.toml).chain(exclusions.iter().map(|row| &row.toml));
    let rows: Vec<&str> = rows.map(String::as_str).collect();
    format!("checked = {}\n\n{}\n{}", policy.checked, policy.regions_toml(), rows.join("\n\n"))
}
