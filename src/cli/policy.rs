//! `fbwin policy`: show the table, or check somebody's own.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use chrono::NaiveDate;
use clap::{Args, Subcommand, ValueEnum};
use comfy_table::presets::NOTHING;
use comfy_table::{ColumnConstraint, ContentArrangement, LineStyle, Table};
use serde_json::{Value, json};

use fbwin::policy::{BUILT_IN, Every, Exclusion, Opener, Permission, Refusal, holds};
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
    #[command(after_help = "Example:\n  fbwin policy check house.toml")]
    Check {
        /// A policy file, in the form that `policy show --format toml` prints
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  fbwin policy show --at 2019-06-01 --channel messenger
  fbwin policy show --format toml > house.toml      to change and use with --policy")]
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
                let (rows, checked) = (policy.permissions.len(), policy.checked);
                let permissions = if rows == 1 { "permission" } else { "permissions" };
                say(&format!("{}: keeps the laws; {rows} {permissions}, last checked {checked}", file.display()));
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
            self.channel.is_none_or(|only| only == channel) && self.at.is_none_or(|day| holds(from, until, day))
        };
        let permissions: Vec<&Permission> =
            policy.permissions.iter().filter(|row| wanted(row.channel, row.from, row.until)).collect();
        let exclusions: Vec<&Exclusion> =
            policy.exclusions.iter().filter(|row| wanted(row.channel, row.from, row.until)).collect();
        let wanted = |row: &&Refusal| self.channel.is_none_or(|only| row.channels.contains(&only));
        let refusals: Vec<&Refusal> = policy.refusals.iter().filter(wanted).collect();
        let text = match self.format {
            PolicyFormat::Table => table(&policy, &permissions, &exclusions, output.width()),
            PolicyFormat::Json => json_of(&policy, &permissions, &exclusions, &refusals)?,
            PolicyFormat::Toml => toml_of(&policy, &permissions, &exclusions, &refusals),
        };
        writeln!(output, "{}", text.trim_end()).context(failed)?;
        output.finish()?;
        Ok(End::Clean)
    }
}

fn table(policy: &Policy, permissions: &[&Permission], exclusions: &[&Exclusion], width: u16) -> String {
    if permissions.is_empty() && exclusions.is_empty() {
        return format!("no such row in the policy, which was last checked {}", policy.checked);
    }
    let mut table = Table::new();
    let line = LineStyle::none().fill('─').junction('─');
    table.load_style(NOTHING.header_separator(line).row_separator(line).bottom_border(line));
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width.max(60));
    table.set_header(["permission", "in force", "terms"]);
    for row in permissions {
        table.add_row([at_hyphens(&row.id), term(row.from, row.until), terms_of(row).join("; ")]);
    }
    for row in exclusions {
        let what = row.category.map_or(String::new(), |category| format!("{category} "));
        let terms = format!("no {what}{} to {}", row.claim, row.regions.join(" "));
        table.add_row([at_hyphens(&row.id), term(row.from, row.until), terms]);
    }
    for index in 0..2 {
        if let Some(column) = table.column_mut(index) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    let checked = policy.checked;
    format!("{}\nlast checked {checked}; --format json and toml have sources and notes", table.trim_fmt())
}

/// An id is one word to a table, which would cut it anywhere.
fn at_hyphens(id: &str) -> String {
    const COLUMNS: usize = 24;
    let mut lines: Vec<String> = vec![String::new()];
    for part in id.split_inclusive('-') {
        match lines.last_mut() {
            Some(line) if line.is_empty() || line.len() + part.len() <= COLUMNS => line.push_str(part),
            _ => lines.push(part.to_owned()),
        }
    }
    lines.join("\n")
}

fn term(from: NaiveDate, until: Option<NaiveDate>) -> String {
    format!("{from} to\n{}", until.map_or_else(|| "today".into(), |until| until.to_string()))
}

/// What a row asks, a phrase each.
fn terms_of(row: &Permission) -> Vec<String> {
    let words = |moves: &[Opener]| moves.iter().map(|opener| opener.word()).collect::<Vec<_>>().join(", ");
    let lasts = row.lasts.map_or(String::new(), |lasts| format!("{lasts} "));
    let mut terms = vec![match &row.extra_after {
        Some(first) => format!("after the end of {first}"),
        None if row.opened_by == [Opener::Any] => format!("{lasts}after any earlier move of the user"),
        None => format!("{lasts}after {}", words(&row.opened_by)),
    }];
    if let Some(span) = row.unclear_after {
        terms.push(format!("unclear from {span} on"));
    }
    if !row.unclear_by.is_empty() {
        terms.push(format!("unclear after {}", words(&row.unclear_by)));
    }
    if let Some(uses) = row.uses {
        terms.push(if uses == 1 { "once".into() } else { format!("{uses} times") });
    }
    if let Some(pace) = row.every {
        terms.push(format!("one per {}", every(pace)));
    }
    if 0 < row.follow_ups {
        let within = Span::Ms(row.follow_ups_within_ms);
        terms.push(format!("{} more within {within} count as one with it", row.follow_ups));
    }
    if let Some(frequency) = row.frequency {
        terms.push(format!("{frequency} tokens"));
    }
    if let Some(day) = row.granted_before {
        terms.push(format!("granted before {day}"));
    }
    if let Some(approval) = &row.approval {
        terms.push(format!("with {approval} approval"));
    }
    if !row.only_in.is_empty() {
        terms.push(format!("only in {}", row.only_in.join(", ")));
    }
    let flags = [
        (row.human, "by a person"),
        (!row.promotion, "no promotion"),
        (row.unmarked, "not visible in logs"),
        (row.unsure, "sources disagree"),
    ];
    terms.extend(flags.iter().filter(|(set, _)| *set).map(|(_, word)| (*word).to_owned()));
    if !row.no_promotion_in.is_empty() {
        let categories: Vec<&str> = row.no_promotion_in.iter().map(|category| category.word()).collect();
        terms.push(format!("no promotion in {}", categories.join(", ")));
    }
    if !row.not_for.is_empty() {
        let misuses: Vec<&str> = row.not_for.iter().map(|evidence| evidence.word()).collect();
        terms.push(format!("not for {}", misuses.join(", ")));
    }
    terms
}

fn every(every: Every) -> String {
    match every {
        Every::Day => "day".into(),
        Every::Week => "week".into(),
        Every::Month => "month".into(),
        Every::Rolling(ms) => Span::Ms(ms).to_string(),
    }
}

fn json_of(
    policy: &Policy,
    permissions: &[&Permission],
    exclusions: &[&Exclusion],
    refusals: &[&Refusal],
) -> anyhow::Result<String> {
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
                "follow_ups_within": (0 < row.follow_ups).then(|| Span::Ms(row.follow_ups_within_ms).to_string()),
                "frequency": row.frequency.map(|frequency| frequency.word()), "granted_before": row.granted_before.map(|day| day.to_string()), "only_in": row.only_in,
                "approval": row.approval, "human": row.human, "promotion": row.promotion,
                "no_promotion_in": row.no_promotion_in.iter().map(|category| category.word()).collect::<Vec<_>>(),
                "not_for": row.not_for.iter().map(|evidence| evidence.word()).collect::<Vec<_>>(),
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
    let refusals: Vec<Value> = refusals
        .iter()
        .map(|row| {
            json!({
                "channels": row.channels.iter().map(|channel| channel.word()).collect::<Vec<_>>(),
                "code": row.code, "subcode": row.subcode, "means": row.means, "confirms_only": row.confirms_only,
                "source": row.source,
            })
        })
        .collect();
    let all = json!({
        "checked": policy.checked.to_string(), "permissions": permissions, "exclusions": exclusions,
        "refusals": refusals,
    });
    Ok(serde_json::to_string_pretty(&all)?)
}

/// A policy file of the wanted rows, as their own file has them.
fn toml_of(policy: &Policy, permissions: &[&Permission], exclusions: &[&Exclusion], refusals: &[&Refusal]) -> String {
    let rows = permissions.iter().map(|row| &row.toml).chain(exclusions.iter().map(|row| &row.toml)).cloned();
    let rows: Vec<String> = rows.chain(refusals.iter().map(|row| refusal_toml(row))).collect();
    // What the fields mean stands at the head of the built-in table.
    let help: String =
        BUILT_IN.lines().take_while(|line| line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    format!("{help}\nchecked = {}\n\n{}\n{}", policy.checked, policy.regions_toml(), rows.join("\n\n"))
}

fn refusal_toml(row: &Refusal) -> String {
    let channels: Vec<&str> = row.channels.iter().map(|channel| channel.word()).collect();
    let mut toml = format!("[[refusal]]\nchannels = {channels:?}\n");
    for (name, code) in [("code", row.code), ("subcode", row.subcode)] {
        toml.extend(code.map(|code| format!("{name} = {code}\n")));
    }
    let confirms_only = if row.confirms_only { "confirms_only = true\n" } else { "" };
    format!("{toml}means = {:?}\n{confirms_only}source = {:?}", row.means, row.source)
}
