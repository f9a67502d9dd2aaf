//! What the audit tells a report: findings, verdicts and the summary, as plain facts and sentences.
//!
//! Reports turn these into bytes and know nothing else of the program.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use chrono::NaiveDate;

use crate::content::Confidence;
use crate::event::{Channel, Kind};
use crate::rule::{Rule, Severity};
use crate::time::Time;

/// One rule broken by one send (or a warning or note about it), with evidence and remedy.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding<'a> {
    /// The rule.
    pub rule: Rule,
    /// How bad it is.
    pub severity: Severity,
    /// The send's channel.
    pub channel: Channel,
    /// The send's account.
    pub account: &'a str,
    /// The send's user, hashed if so wished.
    pub user: Cow<'a, str>,
    /// When it was sent.
    pub at: Time,
    /// The send's message id, hashed if so wished.
    pub id: Option<Cow<'a, str>>,
    /// What happened, in one sentence.
    pub message: String,
    /// What would have been lawful, in one sentence.
    pub remedy: String,
    /// How long after the limit it came, in ms, where there is a limit.
    pub late_by_ms: Option<i64>,
    /// When the permission was opened, where it was.
    pub opened_at: Option<Time>,
    /// The first moment the permission no longer covered, where there is one.
    pub closed_at: Option<Time>,
    /// The row of the policy.
    pub policy: Option<PolicyRow<'a>>,
    /// The records that prove it.
    pub evidence: Vec<Source<'a>>,
    /// The record of the send.
    pub source: Source<'a>,
    /// Whether Meta took the send; `None` if the log does not say.
    pub delivered: Option<bool>,
    /// How sure it is, where the log does not prove it.
    pub confidence: Option<Confidence>,
    /// What the text shows, where the finding rests on the text.
    pub content: Option<Content>,
    /// The same for the same finding in every run, wherever the file lies.
    pub fingerprint: Fingerprint,
}

/// By what a finding is known again, written as 16 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub u64);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A record of a log, which reports write as `file:line`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source<'a> {
    /// What the input is called.
    pub input: &'a str,
    /// The line on which the record begins, from 1.
    pub line: u32,
}

impl fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.input, self.line)
    }
}

/// What a text shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// By how much the evidence for outweighs the evidence against.
    pub score: f64,
    /// The words that show it, as they stand in the text, shortened.
    pub matched: Vec<String>,
}

/// The row of the policy that a finding rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyRow<'a> {
    /// Its id.
    pub permission: &'a str,
    /// The first day in force.
    pub from: NaiveDate,
    /// The first day no longer in force.
    pub until: Option<NaiveDate>,
    /// Where Meta says so.
    pub source: &'a str,
}

/// One send and its verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged<'a> {
    /// `allowed`, `violation` or `unproven`.
    pub verdict: &'static str,
    /// The rules it broke.
    pub rules: Vec<Rule>,
    /// Why it is unproven.
    pub reason: Option<&'static str>,
    /// The send's channel.
    pub channel: Channel,
    /// The send's account.
    pub account: &'a str,
    /// The send's user, hashed if so wished.
    pub user: &'a str,
    /// When it was sent.
    pub at: Time,
    /// The send's message id, hashed if so wished.
    pub id: Option<&'a str>,
    /// The row that allowed it.
    pub permission: Option<&'a str>,
    /// Why, in half a sentence.
    pub why: String,
    /// Whether Meta took the send; `None` if the log does not say.
    pub delivered: Option<bool>,
    /// The record of the send.
    pub source: Source<'a>,
}

/// What was read, judged and found, and what could not be checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Which policy judged: `built in` or a file's name, and the day it was last checked.
    pub policy: String,
    /// The day of the policy's last check.
    pub policy_checked: NaiveDate,
    /// The day whose policy judged every send, if one was given.
    pub as_of: Option<NaiveDate>,
    /// What was read.
    pub inputs: Vec<InputSummary>,
    /// Events, duplicates not counted.
    pub events: u64,
    /// Records that repeated another one.
    pub duplicates: u64,
    /// Records that told more of the event of another one, and were joined with it.
    pub joined: u64,
    /// Records that could not be read.
    pub bad: u64,
    /// When the first event happened.
    pub first: Option<Time>,
    /// When the last event happened.
    pub last: Option<Time>,
    /// Events by kind.
    pub kinds: BTreeMap<Kind, u64>,
    /// Verdicts by channel and account.
    pub accounts: BTreeMap<(Channel, String), Tally>,
    /// Verdicts beside what Meta made of the sends.
    pub confusion: Confusion,
    /// Findings by rule, after `--select` and `--ignore`.
    pub rules: BTreeMap<Rule, u64>,
    /// The same findings by severity.
    pub severities: BTreeMap<Severity, u64>,
    /// Unproven sends by reason.
    pub reasons: BTreeMap<&'static str, u64>,
    /// Verdicts that are other than they would be without `--skew`.
    pub skewed: u64,
    /// What could not be checked and why, a sentence each.
    pub notes: Vec<String>,
}

/// One input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InputSummary {
    /// Its name as given.
    pub name: String,
    /// The format it was read as.
    pub format: &'static str,
    /// Records read.
    pub records: u64,
    /// Records that could not be read.
    pub bad: u64,
}

/// What Meta made of a send, as far as the log says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It took the send.
    Taken,
    /// It refused it with a code that says that a rule was broken.
    RefusedAsBreaking,
    /// It refused it for another reason.
    RefusedOtherwise,
    /// The log does not say.
    Unknown,
}

impl Fate {
    /// All of them.
    pub const ALL: &'static [Fate] = &[Fate::Taken, Fate::RefusedAsBreaking, Fate::RefusedOtherwise, Fate::Unknown];

    /// What Meta did, in the words of a report.
    pub const fn phrase(self) -> &'static str {
        match self {
            Fate::Taken => "took it",
            Fate::RefusedAsBreaking => "refused it as breaking a rule",
            Fate::RefusedOtherwise => "refused it for another reason",
            Fate::Unknown => "the log does not say",
        }
    }

    /// The same in one word, for programs.
    pub const fn word(self) -> &'static str {
        match self {
            Fate::Taken => "taken",
            Fate::RefusedAsBreaking => "refused_as_breaking",
            Fate::RefusedOtherwise => "refused_otherwise",
            Fate::Unknown => "unknown",
        }
    }
}

/// Sends by our verdict and Meta's own word: where the two disagree, history is missing or a row of the policy is wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Confusion {
    counts: [[u64; 4]; 3],
}

impl Confusion {
    /// The verdicts, in the order of the rows.
    pub const VERDICTS: [&'static str; 3] = ["allowed", "violation", "unproven"];

    /// Counts a send. A verdict that is none is not counted.
    pub fn add(&mut self, verdict: &str, fate: Fate) {
        if let Some(row) = Self::VERDICTS.iter().position(|known| *known == verdict) {
            self.counts[row][fate as usize] += 1;
        }
    }

    /// Adds what was counted elsewhere.
    pub fn merge(&mut self, other: &Confusion) {
        let counts = self.counts.iter_mut().flatten().zip(other.counts.iter().flatten());
        counts.for_each(|(sum, count)| *sum += count);
    }

    /// How many sends had this verdict and this fate.
    pub fn of(&self, verdict: &str, fate: Fate) -> u64 {
        let row = Self::VERDICTS.iter().position(|known| *known == verdict);
        row.map_or(0, |row| self.counts[row][fate as usize])
    }
}

/// Verdicts counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Sends allowed.
    pub allowed: u64,
    /// Sends that broke a rule.
    pub violations: u64,
    /// Sends that could not be judged.
    pub unproven: u64,
    /// Sends of all three that Meta rejected.
    pub rejected: u64,
}

impl Tally {
    /// Adds what was counted elsewhere.
    pub fn add(&mut self, other: Tally) {
        self.allowed += other.allowed;
        self.violations += other.violations;
        self.unproven += other.unproven;
        self.rejected += other.rejected;
    }

    /// All sends.
    pub fn sends(&self) -> u64 {
        self.allowed + self.violations + self.unproven
    }
}

impl Summary {
    /// The verdicts of all accounts together.
    pub fn total(&self) -> Tally {
        let mut total = Tally::default();
        self.accounts.values().for_each(|one| total.add(*one));
        total
    }
}
