//! Findings and verdicts for programs: JSON lines, or one JSON document with the summary.
//!
//! The shapes are written out here, so that a change of the program's insides changes nobody's pipeline.

use std::collections::BTreeMap;
use std::io::{self, Write};

use rayon::iter::ParallelIterator;
use rayon::slice::ParallelSlice;
use serde::Serialize;

use crate::finding::{Confusion, Fate, Finding, Judged, Summary, Tally};
use crate::harmless;
use crate::report::escape::Object;
use crate::report::{Format, Look, Report, VerdictFormat, VerdictReport};

pub(super) const FORMAT: Format =
    Format { name: "json", report: |out, _: Look| Box::new(Document { out, begun: false, line: Vec::new() }) };
pub(super) const LINES: Format =
    Format { name: "jsonl", report: |out, _: Look| Box::new(Lines { out, line: Vec::new() }) };
pub(super) const VERDICTS: VerdictFormat =
    VerdictFormat { name: "jsonl", report: |out| Box::new(Lines { out, line: Vec::new() }) };

/// How many findings a thread writes at once.
const FINDINGS_A_SHARE: usize = 512;

struct Lines<'w> {
    out: &'w mut (dyn Write + Send),
    line: Vec<u8>,
}

impl Report for Lines<'_> {
    fn findings(&mut self, findings: &[Finding<'_>]) -> io::Result<()> {
        // Long reports are mostly this: every thread writes its share of the lines, and they are put together in order.
        let lines = |share: &[Finding<'_>]| -> Vec<u8> {
            let mut lines = Vec::with_capacity(share.len() * 1_536);
            for finding in share {
                write_finding(&mut lines, finding);
                lines.push(b'\n');
            }
            lines
        };
        let shares: Vec<Vec<u8>> = findings.par_chunks(FINDINGS_A_SHARE).map(lines).collect();
        shares.iter().try_for_each(|share| self.out.write_all(share))
    }

    fn finish(&mut self, _: &Summary) -> io::Result<()> {
        Ok(())
    }
}

impl VerdictReport for Lines<'_> {
    fn verdict(&mut self, judged: &Judged<'_>) -> io::Result<()> {
        self.line.clear();
        write_verdict(&mut self.line, judged);
        self.line.push(b'\n');
        self.out.write_all(&self.line)
    }
}

/// `{"findings": [...], "summary": {...}}`, a finding a line.
struct Document<'w> {
    out: &'w mut (dyn Write + Send),
    begun: bool,
    line: Vec<u8>,
}

impl Report for Document<'_> {
    fn findings(&mut self, findings: &[Finding<'_>]) -> io::Result<()> {
        for finding in findings {
            self.out.write_all(if self.begun { b",\n" } else { b"{\"findings\":[\n" })?;
            self.begun = true;
            self.line.clear();
            write_finding(&mut self.line, finding);
            self.out.write_all(&self.line)?;
        }
        Ok(())
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        self.out.write_all(if self.begun { b"\n],\n\"summary\":" } else { b"{\"findings\":[],\n\"summary\":" })?;
        SummaryJson::from(summary).serialize(&mut harmless::json(&mut *self.out))?;
        self.out.write_all(b"}\n")
    }
}

fn write_finding(out: &mut Vec<u8>, finding: &Finding<'_>) {
    let mut line = Object::new(out);
    line.text("rule", finding.rule.word());
    line.text("severity", finding.severity.word());
    line.text("channel", finding.channel.word());
    line.text("account", finding.account);
    line.text("user", &finding.user);
    line.plain("ts", finding.at);
    line.maybe("id", finding.id.as_deref());
    line.text("message", &finding.message);
    line.text("remedy", &finding.remedy);
    if let Some(ms) = finding.late_by_ms {
        line.seconds("late_by_s", ms);
    }
    for (name, at) in [("opened_at", finding.opened_at), ("closed_at", finding.closed_at)] {
        if let Some(at) = at {
            line.plain(name, at);
        }
    }
    match finding.policy {
        None => line.maybe("policy", None),
        Some(row) => {
            let mut policy = line.object("policy");
            policy.text("permission", row.permission);
            policy.plain("from", row.from);
            match row.until {
                Some(until) => policy.plain("until", until),
                None => policy.maybe("until", None),
            }
            policy.text("source", row.source);
            policy.end();
        }
    }
    line.sources("evidence", &finding.evidence);
    line.source("source", finding.source);
    line.truth("delivered", finding.delivered);
    if let Some(confidence) = finding.confidence {
        line.text("confidence", confidence.word());
    }
    if let Some(content) = &finding.content {
        line.hundredths("score", content.score);
        line.list("matched", &content.matched);
    }
    line.plain("fingerprint", finding.fingerprint);
    line.end();
}

fn write_verdict(out: &mut Vec<u8>, judged: &Judged<'_>) {
    let mut line = Object::new(out);
    line.text("verdict", judged.verdict);
    line.list("rules", judged.rules.iter().map(|rule| rule.word()));
    if let Some(reason) = judged.reason {
        line.text("reason", reason);
    }
    line.text("channel", judged.channel.word());
    line.text("account", judged.account);
    line.text("user", judged.user);
    line.plain("ts", judged.at);
    line.maybe("id", judged.id);
    line.maybe("permission", judged.permission);
    line.text("why", &judged.why);
    line.truth("delivered", judged.delivered);
    line.source("source", judged.source);
    line.end();
}

#[derive(Serialize)]
struct SummaryJson<'a> {
    policy: &'a str,
    policy_checked: String,
    as_of: Option<String>,
    events: u64,
    duplicates: u64,
    joined: u64,
    bad_records: u64,
    first: Option<String>,
    last: Option<String>,
    sends: u64,
    allowed: u64,
    violations: u64,
    unproven: u64,
    rejected: u64,
    findings: BTreeMap<&'a str, u64>,
    unproven_reasons: &'a BTreeMap<&'static str, u64>,
    /// Sends by verdict and by what Meta did.
    platform: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    depended_on_skew: u64,
    kinds: BTreeMap<&'a str, u64>,
    accounts: Vec<AccountJson<'a>>,
    inputs: Vec<InputJson<'a>>,
    not_checked: &'a [String],
}

#[derive(Serialize)]
struct AccountJson<'a> {
    channel: &'a str,
    account: &'a str,
    sends: u64,
    allowed: u64,
    violations: u64,
    unproven: u64,
    rejected: u64,
}

#[derive(Serialize)]
struct InputJson<'a> {
    name: &'a str,
    format: &'a str,
    records: u64,
    bad_records: u64,
}

impl<'a> From<&'a Summary> for SummaryJson<'a> {
    fn from(summary: &'a Summary) -> Self {
        let total: Tally = summary.total();
        SummaryJson {
            policy: &summary.policy,
            policy_checked: summary.policy_checked.to_string(),
            as_of: summary.as_of.map(|day| day.to_string()),
            events: summary.events,
            duplicates: summary.duplicates,
            joined: summary.joined,
            bad_records: summary.bad,
            first: summary.first.map(|at| at.to_string()),
            last: summary.last.map(|at| at.to_string()),
            sends: total.sends(),
            allowed: total.allowed,
            violations: total.violations,
            unproven: total.unproven,
            rejected: total.rejected,
            findings: summary.rules.iter().map(|(rule, count)| (rule.word(), *count)).collect(),
            unproven_reasons: &summary.reasons,
            platform: BTreeMap::from(Confusion::VERDICTS.map(|verdict| {
                let fates = Fate::ALL.iter().map(|fate| (fate.word(), summary.confusion.of(verdict, *fate)));
                (verdict, fates.collect())
            })),
            depended_on_skew: summary.skewed,
            kinds: summary.kinds.iter().map(|(kind, count)| (kind.word(), *count)).collect(),
            accounts: summary
                .accounts
                .iter()
                .map(|((channel, account), tally)| AccountJson {
                    channel: channel.word(),
                    account,
                    sends: tally.sends(),
                    allowed: tally.allowed,
                    violations: tally.violations,
                    unproven: tally.unproven,
                    rejected: tally.rejected,
                })
                .collect(),
            inputs: summary
                .inputs
                .iter()
                .map(|input| InputJson {
                    name: &input.name,
                    format: input.format,
                    records: input.records,
                    bad_records: input.bad,
                })
                .collect(),
            not_checked: &summary.notes,
        }
    }
}
