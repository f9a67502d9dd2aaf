//! The program: read the arguments, do what they say, answer with an exit code.

use std::process::ExitCode;

use clap::Parser;

mod cli;

fn main() -> ExitCode {
    cli::Arguments::parse().run()
}
