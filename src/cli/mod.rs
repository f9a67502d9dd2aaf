//! The command line: what may be said, and what is done about it. Only this part of the crate knows clap, anyhow, the
//! terminal and the exit codes.

mod audit;
mod can_send;
mod convert;
mod inspect;
mod judging;
mod memory;
mod output;
mod policy;
mod reading;
mod replay;
mod rules;
mod values;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Says which of your sends broke Meta's messaging policy as it stood at that moment, what proves it, and what would have
/// been lawful instead.
#[derive(Debug, Parser)]
#[command(name = "fbwin", version, max_term_width = 100, subcommand_required = true, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 nothing found; 1 findings at or above --fail-on, or can-send says no; \
                        2 wrong usage, unreadable input, or more unreadable records than --max-bad.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Audit(audit::AuditCommand),
    Replay(replay::ReplayCommand),
    CanSend(can_send::CanSendCommand),
    Convert(convert::ConvertCommand),
    Inspect(inspect::InspectCommand),
    Policy(policy::PolicyCommand),
    Rules(rules::RulesCommand),
    Explain(rules::ExplainCommand),
}

/// How a run ended, for the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Nothing to complain of.
    Clean,
    /// Findings, or a no.
    Found,
    /// The input could not be trusted.
    Trouble,
}

impl Arguments {
    /// Does what was asked, and says on standard error what went wrong.
    pub(crate) fn run(self) -> ExitCode {
        let end = match self.command {
            Command::Audit(command) => command.run(),
            Command::Replay(command) => command.run(),
            Command::CanSend(command) => command.run(),
            Command::Convert(command) => command.run(),
            Command::Inspect(command) => command.run(),
            Command::Policy(command) => command.run(),
            Command::Rules(command) => command.run(),
            Command::Explain(command) => command.run(),
        };
        match end {
            Ok(End::Clean) => ExitCode::SUCCESS,
            Ok(End::Found) => ExitCode::from(1),
            Ok(End::Trouble) => ExitCode::from(2),
            Err(error) => {
                say(&format!("error: {error:#}"));
                ExitCode::from(2)
            }
        }
    }
}

/// A line on standard error. If even that is closed there is nobody left to tell.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{}", fbwin::report::plain(line));
}
