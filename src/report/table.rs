//! The report for a person: what was read, how the accounts fared, the findings by rule, and what could not be checked.
//!
//! It fits the width it is given, wraps instead of cutting, and shows only so many findings of a rule; it says how many
//! there are besides.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{self, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle, Width};

use crate::event::Channel;
use crate::finding::{Confusion, Fate, Finding, Source, Summary, Tally};
use crate::report::{Format, Look, Report, plain, wrapped};
use crate::rule::{Rule, Severity};
use crate::time::{Elapsed, Time};

pub(super) const FORMAT: Format =
    Format { name: "table", report: |out, look| Box::new(Page { out, look, groups: BTreeMap::new() }) };

/// Thousands of accounts are a list for a program; a person is shown this many.
const ACCOUNTS_SHOWN: usize = 20;
/// A line under the header, and no other: for rows of one line.
const COUNTS: TableStyle = NOTHING.header_separator(LineStyle::none().fill('─').junction('─'));
/// A line between rows, which are many lines high.
const FINDINGS: TableStyle = NOTHING
    .top_border(LineStyle::none().fill('─').junction('─'))
    .row_separator(LineStyle::none().fill('─').junction('─'))
    .bottom_border(LineStyle::none().fill('─').junction('─'));
/// When and to whom: as wide as `2026-04-23 14:45:17` and the blanks around it.
const WHEN_AND_WHO: u16 = 21;

struct Page<'w> {
    out: &'w mut (dyn Write + Send),
    look: Look,
    groups: BTreeMap<(Reverse<Severity>, Rule), Group>,
}

/// The findings of one rule.
#[derive(Default)]
struct Group {
    count: u64,
    rejected: u64,
    /// By how many ms the latest one was late.
    late_ms_most: Option<i64>,
    shown: Vec<Row>,
}

struct Row {
    at: Time,
    channel: Channel,
    account: String,
    user: String,
    rejected: bool,
    message: String,
    remedy: String,
    evidence: String,
}

impl Report for Page<'_> {
    fn findings(&mut self, findings: &[Finding<'_>]) -> io::Result<()> {
        for finding in findings {
            self.finding(finding);
        }
        Ok(())
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        let groups = std::mem::take(&mut self.groups);
        self.head(summary)?;
        self.accounts(summary)?;
        self.overview(&groups)?;
        self.platform(&summary.confusion)?;
        for ((severity, rule), group) in &groups {
            self.group(severity.0, *rule, group, summary)?;
        }
        self.foot(summary)
    }
}

impl Page<'_> {
    fn finding(&mut self, finding: &Finding<'_>) {
        let group = self.groups.entry((Reverse(finding.severity), finding.rule)).or_default();
        let rejected = finding.delivered == Some(false);
        group.count += 1;
        group.rejected += u64::from(rejected);
        group.late_ms_most = group.late_ms_most.max(finding.late_by_ms);
        if self.look.rows_per_rule.is_some_and(|most| most <= group.shown.len()) {
            return;
        }
        group.shown.push(Row {
            at: finding.at,
            channel: finding.channel,
            account: plain(finding.account).into_owned(),
            user: plain(&finding.user).into_owned(),
            rejected,
            message: plain(&finding.message).into_owned(),
            remedy: plain(&finding.remedy).into_owned(),
            evidence: plain(&by_file(&finding.evidence)).into_owned(),
        });
    }

    fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    /// A paragraph, wrapped at the width; lines after the first are indented by `indent` blanks.
    fn paragraph(&mut self, text: &str, indent: usize) -> io::Result<()> {
        for line in wrapped(text, usize::from(self.look.width.max(40)), indent) {
            self.line(&line)?;
        }
        Ok(())
    }

    fn head(&mut self, summary: &Summary) -> io::Result<()> {
        let total = summary.total();
        let from = match summary.inputs.as_slice() {
            [only] => plain(&only.name).into_owned(),
            inputs => count(inputs.len() as u64, "file"),
        };
        let span = match (summary.first, summary.last) {
            (Some(first), Some(last)) => format!(", {} to {} UTC", minute(first), minute(last)),
            _ => String::new(),
        };
        self.paragraph(&format!("{} from {from}{span}", count(summary.events, "event")), 3)?;
        let mut aside = Vec::new();
        if 0 < summary.duplicates {
            aside.push(format!("{} left out", count(summary.duplicates, "duplicate")));
        }
        if 0 < summary.joined {
            aside.push(format!("{} joined with these", count(summary.joined, "record")));
        }
        if 0 < summary.bad {
            aside.push(format!("{} could not be read", count(summary.bad, "record")));
        }
        if !aside.is_empty() {
            self.paragraph(&format!("beside them {}", aside.join(", ")), 3)?;
        }
        let as_of = summary.as_of.map_or(String::new(), |day| format!("; every send judged as of {day}"));
        let (policy, checked) = (plain(&summary.policy), summary.policy_checked);
        self.paragraph(&format!("policy: {policy}, last checked {checked}{as_of}"), 3)?;
        match total.sends() {
            0 => self.line("no sends to judge")?,
            sends => {
                let Tally { allowed, violations, unproven, .. } = total;
                let violations = count(violations, "violation");
                self.paragraph(
                    &format!("{}: {allowed} allowed, {violations}, {unproven} unproven", count(sends, "send")),
                    3,
                )?;
            }
        }
        self.line("")
    }

    fn accounts(&mut self, summary: &Summary) -> io::Result<()> {
        if summary.accounts.is_empty() {
            return Ok(());
        }
        let mut table = self.table(COUNTS);
        table.set_header(header(["account"], ["sends", "allowed", "violations", "unproven", "rejected"]));
        let mut row = |name: String, tally: &Tally| {
            let numbers = [tally.sends(), tally.allowed, tally.violations, tally.unproven, tally.rejected];
            table.add_row(std::iter::once(Cell::new(name)).chain(numbers.map(right)));
        };
        let mut accounts: Vec<_> = summary.accounts.iter().collect();
        if ACCOUNTS_SHOWN < accounts.len() {
            accounts.sort_by_key(|(_, tally)| Reverse((tally.violations, tally.sends())));
        }
        for ((channel, account), tally) in accounts.iter().take(ACCOUNTS_SHOWN) {
            row(format!("{channel} {}", plain(account)), tally);
        }
        match accounts.len() {
            1 => {}
            all @ ..=ACCOUNTS_SHOWN => row(format!("all {all}"), &summary.total()),
            all => row(format!("all {all}, of which {ACCOUNTS_SHOWN} are shown"), &summary.total()),
        }
        self.counts(table, 1)
    }

    /// Which rules were broken, how often, and how badly: the page at a glance.
    fn overview(&mut self, groups: &BTreeMap<(Reverse<Severity>, Rule), Group>) -> io::Result<()> {
        if groups.len() < 2 {
            return Ok(());
        }
        let mut table = self.table(COUNTS);
        table.set_header(header(["", "rule"], ["sends", "rejected", "late by up to"]));
        for ((severity, rule), group) in groups {
            let late = group.late_ms_most.map_or(String::new(), |ms| Elapsed(ms).to_string());
            let words = [Cell::new(severity.0.word()), Cell::new(rule.word())];
            table.add_row(words.into_iter().chain([right(group.count), right(group.rejected), right(late)]));
        }
        self.counts(table, 2)
    }

    /// Where Meta and we disagree: it tells the user that history is missing, or us that a row is wrong.
    fn platform(&mut self, confusion: &Confusion) -> io::Result<()> {
        let of_fate = |fate: Fate| Confusion::VERDICTS.map(|verdict| confusion.of(verdict, fate));
        let heard = of_fate(Fate::Taken).iter().chain(&of_fate(Fate::RefusedAsBreaking)).sum::<u64>();
        if heard == 0 {
            return Ok(());
        }
        let mut table = self.table(COUNTS);
        table.set_header(header(["what Meta did"], ["allowed", "violations", "unproven"]));
        for fate in Fate::ALL {
            let counts = of_fate(*fate);
            if counts != [0; 3] {
                table.add_row(std::iter::once(Cell::new(fate.phrase())).chain(counts.map(right)));
            }
        }
        self.counts(table, 1)?;
        let (refused, taken) =
            (confusion.of("allowed", Fate::RefusedAsBreaking), confusion.of("violation", Fate::Taken));
        if 0 < refused {
            let sends = count(refused, "send");
            self.paragraph(&format!("{sends} refused though allowed: moves or sends are missing from the log"), 0)?;
        }
        if 0 < taken {
            let sends = count(taken, "send");
            self.paragraph(&format!("{sends} taken though in violation: Meta does not refuse everything"), 0)?;
        }
        if 0 < refused + taken { self.line("") } else { Ok(()) }
    }

    /// Prints a table of counts. Its numbers keep their width; the first `words` columns share what is left.
    fn counts(&mut self, mut table: Table, words: usize) -> io::Result<()> {
        for index in words..table.column_count() {
            if let Some(column) = table.column_mut(index) {
                column.set_constraint(ColumnConstraint::ContentWidth).set_padding((1, 0));
            }
        }
        self.line(&table.trim_fmt())?;
        self.line("")
    }

    fn group(&mut self, severity: Severity, rule: Rule, group: &Group, summary: &Summary) -> io::Result<()> {
        let mut heading = format!("{severity} {rule}: {}", count(group.count, "send"));
        if 0 < group.rejected {
            heading.push_str(&format!(", {} rejected by Meta", group.rejected));
        }
        if let Some(ms) = group.late_ms_most {
            let up_to = if group.count == 1 { "" } else { "up to " };
            heading.push_str(&format!(", late by {up_to}{}", Elapsed(ms)));
        }
        for (index, line) in wrapped(&heading, usize::from(self.look.width.max(40)), 3).iter().enumerate() {
            // The severity is the first word of the first line, and no escape sequence has a width.
            match line.strip_prefix(severity.word()) {
                Some(rest) if index == 0 && self.look.colour => {
                    let colour = match severity {
                        Severity::Error => "31;1",
                        Severity::Warning => "33;1",
                        Severity::Note => "36;1",
                    };
                    self.line(&format!("\u{1b}[{colour}m{severity}\u{1b}[0m{rest}"))?;
                }
                _ => self.line(line)?,
            }
        }
        self.paragraph(&format!("the send {}", rule.entry().says), 3)?;
        let mut table = self.table(FINDINGS);
        for row in &group.shown {
            let mut who = vec![second(row.at), row.channel.word().to_owned()];
            let channels_accounts = summary.accounts.keys().filter(|(channel, _)| *channel == row.channel).count();
            if 1 < channels_accounts {
                who.push(row.account.clone());
            }
            who.push(row.user.clone());
            if row.rejected {
                who.push("rejected by Meta".into());
            }
            table.add_row([who.join("\n"), format!("{}\n{}\nsee {}", row.message, row.remedy, row.evidence)]);
        }
        // Between the two stands one blank.
        let widths = [WHEN_AND_WHO, self.look.width.max(40) - WHEN_AND_WHO - 1];
        for (index, width) in widths.into_iter().enumerate() {
            if let Some(column) = table.column_mut(index) {
                column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
            }
        }
        self.line(&table.trim_fmt())?;
        let hidden = group.count - group.shown.len() as u64;
        if 0 < hidden {
            self.paragraph(&format!("and {hidden} more: --show N shows N of each rule, --format jsonl all"), 3)?;
        }
        self.line("")
    }

    fn foot(&mut self, summary: &Summary) -> io::Result<()> {
        if !summary.reasons.is_empty() {
            let all = count(summary.total().unproven, "send");
            self.paragraph(&format!("unproven: {all}; `fbwin replay` says why for each"), 3)?;
            let mut table = self.table(NOTHING);
            for (reason, count) in &summary.reasons {
                table.add_row([right(count), Cell::new(reason), Cell::new(advice(reason))]);
            }
            for index in 0..2 {
                if let Some(column) = table.column_mut(index) {
                    column.set_constraint(ColumnConstraint::ContentWidth);
                }
            }
            self.line(&table.trim_fmt())?;
            self.line("")?;
        }
        if 0 < summary.skewed {
            self.paragraph(&format!("{} depended on --skew", count(summary.skewed, "verdict")), 3)?;
            self.line("")?;
        }
        if !summary.notes.is_empty() {
            self.line("could not be checked:")?;
            for note in &summary.notes {
                self.paragraph(&format!("- {}", plain(note)), 2)?;
            }
            self.line("")?;
        }
        let found = |severity: Severity| -> u64 { summary.severities.get(&severity).copied().unwrap_or_default() };
        let (errors, warnings, notes) = (found(Severity::Error), found(Severity::Warning), found(Severity::Note));
        let counts = format!("{}, {}, {}", count(errors, "error"), count(warnings, "warning"), count(notes, "note"));
        match errors + warnings + notes {
            0 => self.line(&counts),
            _ => self.paragraph(&format!("{counts}; `fbwin explain RULE` says what a rule means"), 3),
        }
    }

    fn table(&self, style: TableStyle) -> Table {
        let mut table = Table::new();
        table.load_style(style);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(self.look.width.max(40));
        table
    }
}

/// What would make sends provable that are not, for this reason.
fn advice(reason: &str) -> &'static str {
    match reason {
        "log-starts-late" => {
            "what opened it may lie before the log: add older logs, or say --complete or --log-begins if nothing is missing"
        }
        "claim-not-visible" => {
            "the log does not show what it relied on: add the log of requests, or, of Messenger and Instagram, say --untagged if nothing is ever tagged"
        }
        "time-precision" => "it is closer to the limit than the log's times are exact",
        "recipient-unresolved" => "to whom it went, or what it answered, is not in the log",
        "approval-unknown" => "no log shows which account has which approval: say it with --approved",
        "region-unknown" => "the user's country decides: add the field `region`",
        "terms-unclear" => "Meta's own words leave it open",
        _ => "",
    }
}

/// `a:3 a:17 b:2` as `a:3, 17; b:2`.
fn by_file(sources: &[Source<'_>]) -> String {
    let mut shown = String::new();
    let mut last = None;
    for source in sources {
        shown.push_str(&match last {
            Some(same) if same == source.input => format!(", {}", source.line),
            Some(_) => format!("; {source}"),
            None => source.to_string(),
        });
        last = Some(source.input);
    }
    shown
}

fn header<const W: usize, const N: usize>(words: [&str; W], numbers: [&str; N]) -> Vec<Cell> {
    words.into_iter().map(Cell::new).chain(numbers.map(right)).collect()
}

fn right(content: impl ToString) -> Cell {
    Cell::new(content).set_alignment(CellAlignment::Right)
}

fn minute(at: Time) -> String {
    second(at).get(..16).unwrap_or_default().to_owned()
}

fn second(at: Time) -> String {
    at.to_string().get(..19).unwrap_or_default().replace('T', " ")
}

fn count(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::{Source, by_file};

    #[test]
    fn a_file_is_named_once_for_all_its_lines() {
        let places = [("a.jsonl", 3), ("a.jsonl", 17), ("b:c.csv", 2), ("<stdin>", 9)];
        assert_eq!(by_file(&places.map(|(input, line)| Source { input, line })), "a.jsonl:3, 17; b:c.csv:2; <stdin>:9");
        assert_eq!(by_file(&[]), "");
    }
}
