//! The report for a person: what was read, how the accounts fared, the findings by rule, and what could not be checked.
//!
//! It fits the width it is given, wraps instead of cutting, and shows only so many findings of a rule; it says how many
//! there are besides.

use std::collections::BTreeMap;
use std::io::{self, Write};

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, Width};

use crate::finding::{Finding, Summary, Tally};
use crate::report::{Format, Look, Report, plain};
use crate::rule::{Rule, Severity};
use crate::time::{Brief, Time};

pub(super) const FORMAT: Format =
    Format { name: "table", report: |out, look| Box::new(Page { out, look, groups: BTreeMap::new() }) };

struct Page<'w> {
    out: &'w mut (dyn Write + Send),
    look: Look,
    groups: BTreeMap<(std::cmp::Reverse<Severity>, Rule), Group>,
}

/// The findings of one rule.
#[derive(Default)]
struct Group {
    count: u64,
    shown: Vec<Row>,
}

struct Row {
    at: Time,
    who: String,
    what: String,
    how: String,
}

impl Page<'_> {
    fn finding(&mut self, finding: &Finding<'_>) {
        let group = self.groups.entry((std::cmp::Reverse(finding.severity), finding.rule)).or_default();
        group.count += 1;
        if self.look.rows_per_rule.is_some_and(|most| most <= group.shown.len()) {
            return;
        }
        let account = if finding.account.is_empty() { String::new() } else { format!("/{}", plain(finding.account)) };
        let delivered = if finding.delivered == Some(false) { " (an attempt: Meta rejected it)" } else { "" };
        group.shown.push(Row {
            at: finding.at,
            who: format!("{}{account} {}", finding.channel.word(), plain(&finding.user)),
            what: format!("{}{delivered}", plain(&finding.message)),
            how: format!("{} [{}]", plain(&finding.remedy), plain(&finding.evidence.join(" "))),
        });
    }
}

impl Report for Page<'_> {
    fn findings(&mut self, findings: &[Finding<'_>]) -> io::Result<()> {
        findings.iter().for_each(|finding| self.finding(finding));
        Ok(())
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        self.head(summary)?;
        self.accounts(summary)?;
        let groups = std::mem::take(&mut self.groups);
        for ((severity, rule), group) in &groups {
            self.group(severity.0, *rule, group)?;
        }
        self.foot(summary)
    }
}

impl Page<'_> {
    fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    /// A paragraph, wrapped at the width; lines after the first are indented.
    fn paragraph(&mut self, text: &str) -> io::Result<()> {
        let width = usize::from(self.look.width.max(20));
        let mut line = String::new();
        for word in text.split_whitespace() {
            if !line.trim().is_empty() && width < line.chars().count() + 1 + word.chars().count() {
                self.line(&line)?;
                line = "   ".into();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.line(&line)
    }

    fn head(&mut self, summary: &Summary) -> io::Result<()> {
        let total = summary.total();
        let span = match (summary.first, summary.last) {
            (Some(first), Some(last)) => format!(", {} to {}", minute(first), minute(last)),
            _ => String::new(),
        };
        let files = count(summary.inputs.len() as u64, "file");
        self.paragraph(&format!("{} from {files}{span}", count(summary.events, "event")))?;
        let mut aside = Vec::new();
        if 0 < summary.duplicates {
            aside.push(format!("{} left out", count(summary.duplicates, "duplicate")));
        }
        if 0 < summary.bad {
            aside.push(format!("{} could not be read", count(summary.bad, "record")));
        }
        if !aside.is_empty() {
            self.paragraph(&format!("beside them {}", aside.join(", ")))?;
        }
        let as_of = summary.as_of.map_or(String::new(), |day| format!(", every send judged as of {day}"));
        let (policy, checked) = (&summary.policy, summary.policy_checked);
        self.paragraph(&format!("policy: {policy}, last checked {checked}{as_of}"))?;
        if total.sends() == 0 {
            self.line("no sends to judge")?;
        }
        self.line("")
    }

    fn accounts(&mut self, summary: &Summary) -> io::Result<()> {
        if summary.accounts.is_empty() {
            return Ok(());
        }
        let mut table = self.table();
        table.set_header(["account", "sends", "allowed", "violations", "unproven", "rejected"]);
        let mut row = |name: String, tally: &Tally| {
            let numbers = [tally.sends(), tally.allowed, tally.violations, tally.unproven, tally.rejected];
            let cells = numbers.iter().map(|n| Cell::new(n).set_alignment(CellAlignment::Right));
            table.add_row(std::iter::once(Cell::new(name)).chain(cells));
        };
        // Thousands of accounts are a list for a program; a person is shown the busiest in trouble.
        let mut accounts: Vec<_> = summary.accounts.iter().collect();
        let most = 20;
        if most < accounts.len() {
            accounts.sort_by_key(|(_, tally)| std::cmp::Reverse((tally.violations, tally.sends())));
        }
        for ((channel, account), tally) in accounts.iter().take(most) {
            row(format!("{} {}", channel.word(), plain(account)), tally);
        }
        if most < accounts.len() {
            row(format!("all {} accounts", accounts.len()), &summary.total());
        }
        let table = table.to_string();
        self.line(&table)?;
        self.line("")
    }

    fn group(&mut self, severity: Severity, rule: Rule, group: &Group) -> io::Result<()> {
        let colour = match severity {
            Severity::Error => "31;1",
            Severity::Warning => "33;1",
            Severity::Note => "36;1",
        };
        let label =
            if self.look.colour { format!("\u{1b}[{colour}m{severity}\u{1b}[0m") } else { severity.to_string() };
        let says = rule.entry().says;
        self.line(&format!("{label} {rule}: {}", count(group.count, "send")))?;
        self.paragraph(&format!("   {says}"))?;
        let mut table = self.table();
        table.set_header(["when (UTC)", "who", "what and why; what would have been lawful"]);
        if let Some(column) = table.column_mut(0) {
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(13)));
        }
        if let Some(column) = table.column_mut(1) {
            column.set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed(21)));
        }
        for row in &group.shown {
            let when = Brief(row.at).to_string();
            let (day, clock) = when.split_once('T').unwrap_or((&when, ""));
            let when = format!("{day}\n{}", clock.trim_end_matches('Z'));
            table.add_row([when, row.who.clone(), format!("{}\n{}", row.what, row.how)]);
        }
        let table = table.to_string();
        self.line(&table)?;
        let hidden = group.count - group.shown.len() as u64;
        if 0 < hidden {
            self.paragraph(&format!("and {hidden} more: --show N shows N of each rule, --format jsonl all"))?;
        }
        self.line("")
    }

    fn foot(&mut self, summary: &Summary) -> io::Result<()> {
        if !summary.reasons.is_empty() {
            let reasons: Vec<String> =
                summary.reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
            let all = count(summary.total().unproven, "send");
            self.paragraph(&format!("unproven: {all} ({}); `fbwin replay` says why for each", reasons.join(", ")))?;
        }
        if 0 < summary.skewed {
            self.paragraph(&format!("{} depended on --skew", count(summary.skewed, "verdict")))?;
        }
        if !summary.notes.is_empty() {
            self.line("could not be checked:")?;
            for note in &summary.notes {
                self.paragraph(&format!(" - {}", plain(note)))?;
            }
        }
        let found = |severity: Severity| -> u64 {
            summary.rules.iter().filter(|(rule, _)| rule.severity() == severity).map(|(_, count)| count).sum()
        };
        let (errors, warnings, notes) = (found(Severity::Error), found(Severity::Warning), found(Severity::Note));
        self.line(&format!("{}, {}, {}", count(errors, "error"), count(warnings, "warning"), count(notes, "note")))
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(UTF8_HORIZONTAL_ONLY);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(self.look.width.max(40));
        table
    }
}

fn minute(at: Time) -> String {
    let text = at.to_string();
    format!("{} {}", text.get(..10).unwrap_or_default(), text.get(11..16).unwrap_or_default())
}

fn count(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
