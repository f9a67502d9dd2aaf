//! `fbwin inspect`: what was recognised in a log, without judging anybody.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use fbwin::audit::{History, unshown_in_words};
use fbwin::batch::KeepText;
use fbwin::event::{Channel, Kind};
use fbwin::report::plain;
use fbwin::source::Reading;
use fbwin::time::{Brief, DAY_MS, Elapsed, Time};

use crate::cli::End;
use crate::cli::output::Output;
use crate::cli::reading::{Complaints, ReadingArgs, counted, notes_of, records, unknown_events, without_quotes};

/// Print what was recognised: formats, events by kind, accounts, time span, gaps, unknown shapes
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  fbwin inspect logs/
  fbwin inspect export.zip --owner 'Corner Shop'
  fbwin inspect logs/ --redact -o what-there-is.txt")]
pub(crate) struct InspectCommand {
    #[command(flatten)]
    reading: ReadingArgs,

    /// Write the page to this file, whole or not at all
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Quote nothing of the log, neither here nor on standard error
    #[arg(long)]
    redact: bool,
}

/// How many gaps, and how many accounts, are listed.
const LISTED: usize = 10;

/// What is counted of one account.
#[derive(Default)]
struct Of {
    users: BTreeSet<String>,
    moves: u64,
    sends: u64,
    hidden: u64,
}

impl InspectCommand {
    pub(crate) fn run(self) -> anyhow::Result<End> {
        let mut output = Output::open(self.output.as_deref())?;
        let complaints = Complaints { redact: self.redact, of_bad_records_only: true };
        let reading = self.reading.read_keeping(KeepText::OfClaims, self.output.as_deref(), complaints)?;
        let bad = reading.bad.count;
        let page = page(reading, self.redact);
        let failed = output.failed();
        write!(output, "{page}").context(failed)?;
        output.finish()?;
        Ok(self.reading.end(bad, End::Clean))
    }
}

fn page(reading: Reading, redact: bool) -> String {
    let mut page = String::new();
    // What lies beside the logs is told of in one line, however much it is.
    let (left_out, inputs): (Vec<_>, Vec<_>) = reading.inputs.iter().partition(|input| input.format == "none");
    for input in inputs {
        let shapes: Vec<String> = input.shapes.iter().map(|(name, count)| format!("{count} {name}")).collect();
        let shapes = if shapes.is_empty() { String::new() } else { format!(" ({})", shapes.join(", ")) };
        let name = plain(&input.name).into_owned();
        page.push_str(&format!(
            "{name}: {}, {}{shapes}, {} unreadable\n",
            input.format,
            records(input.records),
            input.bad
        ));
        for note in unknown_events(input).chain(input.notes.iter().cloned()) {
            let note = if redact { without_quotes(&note) } else { note };
            page.push_str(&format!("   {}\n", plain(&note)));
        }
    }
    for note in notes_of(&left_out, redact) {
        page.push_str(&format!("{}\n", plain(&note)));
    }
    let history = History::new(reading.batches);
    let mut kinds: BTreeMap<Kind, u64> = BTreeMap::new();
    let mut accounts: BTreeMap<(Channel, String), Of> = BTreeMap::new();
    let mut gaps: Vec<(i64, Time, Time)> = Vec::new();
    let mut last: Option<Time> = None;
    for event in (0..history.len()).map(|position| history.event(position)) {
        *kinds.entry(event.kind).or_default() += 1;
        let of = accounts.entry((event.channel, event.account.to_owned())).or_default();
        if !of.users.contains(event.user) {
            of.users.insert(event.user.to_owned());
        }
        of.moves += u64::from(event.kind.is_users());
        of.sends += u64::from(event.kind == Kind::Send);
        of.hidden += u64::from(event.kind == Kind::Send && event.claim_hidden);
        if let Some(before) = last.filter(|before| DAY_MS <= event.at.since(*before)) {
            gaps.push((event.at.since(before), before, event.at));
        }
        last = Some(event.at);
    }
    page.push_str(&format!(
        "\n{}, {}, {} joined\n",
        counted(history.len() as u64, "event"),
        counted(history.duplicates(), "repeated record"),
        history.joined()
    ));
    if let (Some(first), Some(last)) = (history.len().checked_sub(1).map(|_| history.event(0).at), last) {
        page.push_str(&format!("from {} to {}\n", Brief(first), Brief(last)));
    }
    if let Some(note) = unshown_in_words(history.unshown()) {
        page.push_str(&format!("{note}\n"));
    }
    for (kind, count) in &kinds {
        page.push_str(&format!("   {count:>9} {kind}\n"));
    }
    if !accounts.is_empty() {
        page.push_str("\naccounts\n");
    }
    for ((channel, account), of) in accounts.iter().take(LISTED) {
        let account = if account.is_empty() { "(none named)".into() } else { plain(account) };
        let hidden = if of.hidden == 0 {
            String::new()
        } else {
            // WhatsApp has neither tag nor token.
            let hide = match (*channel == Channel::Whatsapp, of.hidden) {
                (true, 1) => "hides whether it is a template",
                (true, _) => "hide whether they are templates",
                (false, 1) => "hides tag and token",
                (false, _) => "hide tag and token",
            };
            format!(", {} of them {hide}", of.hidden)
        };
        let users = counted(of.users.len() as u64, "user");
        let (moves, sends) = (counted(of.moves, "move"), counted(of.sends, "send"));
        page.push_str(&format!("   {channel} {account}: {users}, {moves}, {sends}{hidden}\n"));
    }
    if LISTED < accounts.len() {
        page.push_str(&format!("   and {} more\n", accounts.len() - LISTED));
    }
    gaps.sort_by_key(|(length, from, _)| (std::cmp::Reverse(*length), *from));
    if !gaps.is_empty() {
        page.push_str("\ngaps of a day or more, the longest first\n");
    }
    for (length, from, to) in gaps.iter().take(LISTED) {
        page.push_str(&format!("   {} from {} to {}\n", Elapsed(*length), Brief(*from), Brief(*to)));
    }
    page
}
