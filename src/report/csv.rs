//! Findings and verdicts for a spreadsheet. No cell can start a formula, and no control character gets through.

use std::io::{self, Write};

use crate::finding::{Finding, Judged, Source, Summary};
use crate::report::{Format, Look, Report, VerdictFormat, VerdictReport, plain};

pub(super) const FORMAT: Format =
    Format { name: "csv", report: |out, _: Look| Box::new(Rows::new(out, FINDING_COLUMNS)) };
pub(super) const VERDICTS: VerdictFormat =
    VerdictFormat { name: "csv", report: |out| Box::new(Rows::new(out, VERDICT_COLUMNS)) };

const FINDING_COLUMNS: &[&str] = &[
    "rule",
    "severity",
    "channel",
    "account",
    "user",
    "ts",
    "id",
    "message",
    "remedy",
    "late_by_s",
    "opened_at",
    "closed_at",
    "permission",
    "policy_from",
    "policy_until",
    "policy_source",
    "evidence",
    "source",
    "delivered",
    "confidence",
    "score",
    "matched",
    "fingerprint",
];
const VERDICT_COLUMNS: &[&str] = &[
    "verdict",
    "rules",
    "reason",
    "channel",
    "account",
    "user",
    "ts",
    "id",
    "permission",
    "why",
    "delivered",
    "source",
];

struct Rows<'w> {
    out: csv::Writer<&'w mut (dyn Write + Send)>,
    header: Option<&'static [&'static str]>,
}

impl<'w> Rows<'w> {
    fn new(out: &'w mut (dyn Write + Send), header: &'static [&'static str]) -> Rows<'w> {
        Rows { out: csv::Writer::from_writer(out), header: Some(header) }
    }

    fn row(&mut self, cells: &[&str]) -> io::Result<()> {
        self.header()?;
        for cell in cells {
            self.out.write_field(harmless(cell))?;
        }
        self.out.write_record(None::<&[u8]>)?;
        Ok(())
    }

    fn header(&mut self) -> io::Result<()> {
        match self.header.take() {
            Some(columns) => self.out.write_record(columns).map_err(io::Error::from),
            None => Ok(()),
        }
    }
}

/// A cell that a spreadsheet will not take for a formula: one that begins like a formula gets a quote before it.
fn harmless(cell: &str) -> String {
    let cell = plain(cell);
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.into_owned() }
}

fn yes_no(value: Option<bool>) -> &'static str {
    match value {
        Some(true) => "true",
        Some(false) => "false",
        None => "",
    }
}

impl Rows<'_> {
    fn finding(&mut self, finding: &Finding<'_>) -> io::Result<()> {
        let time = |at: Option<crate::time::Time>| at.map_or(String::new(), |at| at.to_string());
        let late = finding.late_by_ms.map_or(String::new(), |ms| format!("{}.{:03}", ms / 1_000, ms % 1_000));
        let until = finding.policy.and_then(|row| row.until).map_or(String::new(), |until| until.to_string());
        let content = finding.content.as_ref();
        let evidence: Vec<String> = finding.evidence.iter().map(Source::to_string).collect();
        let from = finding.policy.map_or(String::new(), |row| row.from.to_string());
        self.row(&[
            finding.rule.word(),
            finding.severity.word(),
            finding.channel.word(),
            finding.account,
            &finding.user,
            &finding.at.to_string(),
            finding.id.as_deref().unwrap_or_default(),
            &finding.message,
            &finding.remedy,
            &late,
            &time(finding.opened_at),
            &time(finding.closed_at),
            finding.policy.map_or("", |row| row.permission),
            &from,
            &until,
            finding.policy.map_or("", |row| row.source),
            &evidence.join(" "),
            &finding.source.to_string(),
            yes_no(finding.delivered),
            finding.confidence.map_or("", |confidence| confidence.word()),
            &content.map_or(String::new(), |content| format!("{:.2}", content.score)),
            &content.map_or(String::new(), |content| content.matched.join(" | ")),
            &finding.fingerprint.to_string(),
        ])
    }
}

impl Report for Rows<'_> {
    fn findings(&mut self, findings: &[Finding<'_>]) -> io::Result<()> {
        findings.iter().try_for_each(|finding| self.finding(finding))
    }

    fn finish(&mut self, _: &Summary) -> io::Result<()> {
        self.header()?;
        self.out.flush()
    }
}

impl VerdictReport for Rows<'_> {
    fn finish(&mut self) -> io::Result<()> {
        self.header()?;
        self.out.flush()
    }

    fn verdict(&mut self, judged: &Judged<'_>) -> io::Result<()> {
        let rules: Vec<&str> = judged.rules.iter().map(|rule| rule.word()).collect();
        self.row(&[
            judged.verdict,
            &rules.join(" "),
            judged.reason.unwrap_or_default(),
            judged.channel.word(),
            judged.account,
            judged.user,
            &judged.at.to_string(),
            judged.id.unwrap_or_default(),
            judged.permission.unwrap_or_default(),
            &judged.why,
            yes_no(judged.delivered),
            &judged.source.to_string(),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn no_cell_starts_a_formula() {
        for (cell, shown) in
            [("=1+1", "'=1+1"), ("+55 11", "'+55 11"), ("@x", "'@x"), ("-2", "'-2"), ("a=b", "a=b"), ("", "")]
        {
            assert_eq!(harmless(cell), shown);
        }
        assert_eq!(harmless("\t=1"), "\\u{9}=1");
    }
}
