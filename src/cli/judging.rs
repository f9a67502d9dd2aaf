//! The options of every command that judges: which policy, and what is known besides the log.

use std::path::PathBuf;

use anyhow::Context;
use chrono::NaiveDate;
use clap::Args;

use fbwin::audit::{Audit, AuditOptions, ContentCheck};
use fbwin::content::Lexicon;
use fbwin::finding::Summary;
use fbwin::source::Reading;
use fbwin::{Policy, ReplayOptions};

use crate::cli::reading::{self, Complaints};
use crate::cli::say;
use crate::cli::values::{self, Moment};

#[derive(Debug, Args)]
#[command(next_help_heading = "Judging")]
pub(crate) struct JudgingArgs {
    /// Judge by this policy file instead of the built-in one
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,

    /// Judge every send by the policy of this day, say 2026-04-27, instead of its own
    #[arg(long, value_name = "DAY", value_parser = values::day)]
    as_of: Option<NaiveDate>,

    /// The log has everything that ever happened: what it does not show did not happen
    #[arg(long)]
    complete: bool,

    /// The log has everything from here on
    #[arg(long, value_name = "TIME", value_parser = Moment::text)]
    log_begins: Option<Moment>,

    /// The business sends nothing tagged: where a log cannot show a tag, there was none
    #[arg(long)]
    untagged: bool,

    /// A WhatsApp template needs an opt-in that the log shows (rule optin-missing)
    #[arg(long)]
    require_optin: bool,

    /// Which accounts have an approval that logs cannot show: news=111,222 or news=none; kinds: subscription, news,
    /// direct-utility
    #[arg(long, value_name = "KIND=ACCOUNT,...", value_parser = values::approval)]
    approved: Vec<(String, Vec<String>)>,
}

/// Which sends are judged, and how they are shown.
#[derive(Debug, Args)]
#[command(next_help_heading = "Judging")]
pub(crate) struct RangeArgs {
    /// Judge only sends at or after this; what came before still counts as history
    #[arg(long, value_name = "TIME", value_parser = Moment::text)]
    since: Option<Moment>,

    /// Judge only sends before this
    #[arg(long, value_name = "TIME", value_parser = Moment::text)]
    until: Option<Moment>,

    /// Clocks differ: a user's move dated up to this long after a send may have come before it, say 5s
    #[arg(long, value_name = "SPAN", default_value = "0", value_parser = values::elapsed_ms)]
    skew: i64,

    /// Show users as short hashes, and quote nothing of the log; a phone number can be guessed from its hash
    #[arg(long)]
    redact: bool,
}

impl RangeArgs {
    /// How to complain of what was read.
    pub(crate) fn complaints(&self) -> Complaints {
        Complaints { redact: self.redact, ..Complaints::default() }
    }
}

impl JudgingArgs {
    /// The policy that judges, and its name.
    pub(crate) fn policy(&self) -> anyhow::Result<(Policy, String)> {
        match &self.policy {
            None => Ok((Policy::built_in(), "built in".into())),
            Some(path) => Ok((read_policy(path)?, path.display().to_string())),
        }
    }

    pub(crate) fn replay_options(&self, policy: &Policy, utc_offset_s: Option<i32>) -> anyhow::Result<ReplayOptions> {
        let log_begins = self.log_begins.as_ref().map(|at| at.at("--log-begins", utc_offset_s)).transpose()?;
        let mut options = ReplayOptions {
            complete: self.complete,
            log_begins,
            untagged: self.untagged,
            as_of: self.as_of,
            require_optin: self.require_optin,
            ..ReplayOptions::default()
        };
        for (kind, accounts) in &self.approved {
            if !policy.permissions.iter().any(|row| row.approval.as_ref() == Some(kind)) {
                anyhow::bail!("--approved: no row of the policy needs an approval `{kind}`");
            }
            options.approvals.entry(kind.clone()).or_default().extend(accounts.iter().cloned());
        }
        Ok(options)
    }

    /// Judges what was read, and keeps what `wanted` asks for.
    pub(crate) fn audit<'p>(
        &self,
        (policy, name): (&'p Policy, String),
        range: &RangeArgs,
        reading: Reading,
        utc_offset_s: Option<i32>,
        wanted: AuditOptions,
    ) -> anyhow::Result<(Audit<'p>, Summary)> {
        let bound = |moment: &Option<Moment>, option| moment.as_ref().map(|at| at.at(option, utc_offset_s)).transpose();
        let options = AuditOptions {
            replay: self.replay_options(policy, utc_offset_s)?,
            since: bound(&range.since, "--since")?,
            until: bound(&range.until, "--until")?,
            skew_ms: range.skew,
            redact: range.redact,
            ..wanted
        };
        if let (Some(since), Some(until)) = (options.since, options.until)
            && until <= since
        {
            anyhow::bail!("--until must come after --since: no send lies between {since} and {until}");
        }
        let mut summary = Summary {
            policy: name,
            policy_checked: policy.checked,
            as_of: self.as_of,
            ..reading::summary_of(&reading, range.redact)
        };
        let names = reading.inputs.into_iter().map(|input| input.name).collect();
        let audit = match reading.store {
            None => Audit::run(policy, reading.batches, names, &options, &mut summary),
            Some(store) => Audit::run_stored(policy, store, names, &options, &mut summary)?,
        };
        Ok((audit, summary))
    }
}

/// How texts are read.
#[derive(Debug, Args)]
#[command(next_help_heading = "Judging")]
pub(crate) struct ContentArgs {
    /// Extend the lexicon by which texts are read (rule promotional-content) with the phrases, weights and thresholds
    /// of this file
    #[arg(long, value_name = "FILE", conflicts_with = "no_content_check")]
    lexicon: Option<PathBuf>,

    /// Do not read texts: only what the log itself calls promotional is
    #[arg(long)]
    no_content_check: bool,
}

impl ContentArgs {
    pub(crate) fn check(&self) -> anyhow::Result<ContentCheck> {
        let Some(path) = &self.lexicon else {
            return Ok(if self.no_content_check { ContentCheck::Off } else { ContentCheck::BuiltIn });
        };
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let lexicon = Lexicon::extended(&text)
            .map_err(|error| anyhow::anyhow!("{}:{}: {}", path.display(), error.line, error.reason))?;
        Ok(ContentCheck::Own(lexicon.into()))
    }
}

/// Says once when sends are younger than the policy's last check.
pub(crate) fn warn_if_stale(summary: &Summary) {
    let judged_by = summary.as_of.or(summary.last.map(|last| last.day()));
    if let Some(day) = judged_by.filter(|day| summary.policy_checked < *day) {
        let checked = summary.policy_checked;
        let what = if summary.as_of.is_some() { "every send is judged as of" } else { "the log goes on to" };
        say(&format!(
            "warning: {what} {day}, the policy was last checked {checked}: later changes by Meta are not in it"
        ));
    }
}

/// Reads and checks a policy file.
pub(crate) fn read_policy(path: &std::path::Path) -> anyhow::Result<Policy> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Policy::parse(&text).map_err(|error| anyhow::anyhow!("{}:{}: {}", path.display(), error.line, error.reason))
}
