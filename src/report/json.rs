//! Findings and verdicts for programs: JSON lines, or one JSON document with the summary.
//!
//! The shapes are structs of their own, so that a change of the program's insides changes nobody's pipeline.

use std::collections::BTreeMap;
use std::io::{self, Write};

use rayon::iter::ParallelIterator;
use rayon::slice::ParallelSlice;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};

use crate::finding::{Confusion, Fate, Finding, Judged, Summary, Tally};
use crate::report::{Format, Look, Report, VerdictFormat, VerdictReport, is_unsafe};

pub(super) const FORMAT: Format =
    Format { name: "json", report: |out, _: Look| Box::new(Document { out, begun: false }) };
pub(super) const LINES: Format = Format { name: "jsonl", report: |out, _: Look| Box::new(Lines { out }) };
pub(super) const VERDICTS: VerdictFormat = VerdictFormat { name: "jsonl", report: |out| Box::new(Lines { out }) };

/// How many findings a thread writes at once.
const FINDINGS_A_SHARE: usize = 512;

struct Lines<'w> {
    out: &'w mut (dyn Write + Send),
}

impl Report for Lines<'_> {
    fn findings(&mut self, findings: &[Finding<'_>]) -> io::Result<()> {
        // Long reports are mostly this: every thread writes its share of the lines, and they are put together in order.
        let lines = |share: &[Finding<'_>]| -> io::Result<Vec<u8>> {
            let mut lines = Vec::new();
            for finding in share {
                write_json(&mut lines, &FindingJson::from(finding))?;
                lines.push(b'\n');
            }
            Ok(lines)
        };
        let shares = findings.par_chunks(FINDINGS_A_SHARE).map(lines).collect::<io::Result<Vec<_>>>()?;
        shares.iter().try_for_each(|share| self.out.write_all(share))
    }

    fn finish(&mut self, _: &Summary) -> io::Result<()> {
        Ok(())
    }
}

impl VerdictReport for Lines<'_> {
    fn verdict(&mut self, judged: &Judged<'_>) -> io::Result<()> {
        write_json(&mut *self.out, &VerdictJson::from(judged))?;
        self.out.write_all(b"\n")
    }
}

/// `{"findings": [...], "summary": {...}}`, a finding a line.
struct Document<'w> {
    out: &'w mut (dyn Write + Send),
    begun: bool,
}

impl Report for Document<'_> {
    fn findings(&mut self, findings: &[Finding<'_>]) -> io::Result<()> {
        for finding in findings {
            self.out.write_all(if self.begun { b",\n" } else { b"{\"findings\":[\n" })?;
            self.begun = true;
            write_json(&mut *self.out, &FindingJson::from(finding))?;
        }
        Ok(())
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        self.out.write_all(if self.begun { b"\n],\n\"summary\":" } else { b"{\"findings\":[],\n\"summary\":" })?;
        write_json(&mut *self.out, &SummaryJson::from(summary))?;
        self.out.write_all(b"}\n")
    }
}

fn write_json(out: impl Write, value: &impl Serialize) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(out, Harmless(CompactFormatter));
    value.serialize(&mut serializer).map_err(io::Error::from)
}

/// Compact JSON in which no character acts on a terminal: JSON itself only escapes those below U+0020.
struct Harmless(CompactFormatter);

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.is_ascii() && !fragment.contains('\u{7f}') {
            return self.0.write_string_fragment(writer, fragment);
        }
        let mut rest = fragment;
        while let Some(at) = rest.find(is_unsafe) {
            let (safe, from) = rest.split_at(at);
            self.0.write_string_fragment(writer, safe)?;
            let mut chars = from.chars();
            for unit in chars.next().into_iter().flat_map(|c| c.encode_utf16(&mut [0; 2]).to_vec()) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = chars.as_str();
        }
        self.0.write_string_fragment(writer, rest)
    }
}

#[derive(Serialize)]
struct FindingJson<'a> {
    rule: &'a str,
    severity: &'a str,
    channel: &'a str,
    account: &'a str,
    user: &'a str,
    ts: String,
    id: Option<&'a str>,
    message: &'a str,
    remedy: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    late_by_s: Option<Seconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    opened_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_at: Option<String>,
    policy: Option<PolicyJson<'a>>,
    evidence: &'a [String],
    source: &'a str,
    delivered: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    matched: Option<&'a [String]>,
    fingerprint: &'a str,
}

#[derive(Serialize)]
struct PolicyJson<'a> {
    permission: &'a str,
    from: String,
    until: Option<String>,
    source: &'a str,
}

/// Milliseconds written as seconds: an integer where they are whole, as `0.017` where they are not.
struct Seconds(i64);

impl Serialize for Seconds {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % 1_000 == 0 {
            serializer.serialize_i64(self.0 / 1_000)
        } else {
            serializer.serialize_f64(self.0 as f64 / 1_000.0)
        }
    }
}

impl<'a> From<&'a Finding<'a>> for FindingJson<'a> {
    fn from(finding: &'a Finding<'a>) -> Self {
        FindingJson {
            rule: finding.rule.word(),
            severity: finding.severity.word(),
            channel: finding.channel.word(),
            account: finding.account,
            user: &finding.user,
            ts: finding.at.to_string(),
            id: finding.id.as_deref(),
            message: &finding.message,
            remedy: &finding.remedy,
            late_by_s: finding.late_by_ms.map(Seconds),
            opened_at: finding.opened_at.map(|at| at.to_string()),
            closed_at: finding.closed_at.map(|at| at.to_string()),
            policy: finding.policy.map(|row| PolicyJson {
                permission: row.permission,
                from: row.from.to_string(),
                until: row.until.map(|until| until.to_string()),
                source: row.source,
            }),
            evidence: &finding.evidence,
            source: &finding.source,
            delivered: finding.delivered,
            confidence: finding.content.as_ref().map(|content| content.confidence.word()),
            // Hundredths are more than enough.
            score: finding.content.as_ref().map(|content| (content.score * 100.0).round() / 100.0),
            matched: finding.content.as_ref().map(|content| content.matched.as_slice()),
            fingerprint: &finding.fingerprint,
        }
    }
}

#[derive(Serialize)]
struct VerdictJson<'a> {
    verdict: &'a str,
    rules: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    channel: &'a str,
    account: &'a str,
    user: &'a str,
    ts: String,
    id: Option<&'a str>,
    permission: Option<&'a str>,
    why: &'a str,
    delivered: Option<bool>,
    source: &'a str,
}

impl<'a> From<&'a Judged<'a>> for VerdictJson<'a> {
    fn from(judged: &'a Judged<'a>) -> Self {
        VerdictJson {
            verdict: judged.verdict,
            rules: judged.rules.iter().map(|rule| rule.word()).collect(),
            reason: judged.reason,
            channel: judged.channel.word(),
            account: judged.account,
            user: judged.user,
            ts: judged.at.to_string(),
            id: judged.id,
            permission: judged.permission,
            why: &judged.why,
            delivered: judged.delivered,
            source: &judged.source,
        }
    }
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
