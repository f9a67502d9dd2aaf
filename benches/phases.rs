//! Where the time of an audit goes: reading, judging and writing the report, each in seconds, the best of several runs.
//!
//! usage: cargo bench --bench phases -- LOG [RUNS]
// A bench says what it finds, and stops where it cannot go on.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::io;
use std::time::{Duration, Instant};

use fbwin::audit::{Audit, AuditOptions};
use fbwin::finding::Summary;
use fbwin::report::{FORMATS, Look};
use fbwin::source::{self, Input, Options};
use fbwin::{Policy, ReplayOptions};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let Some(log) = arguments.first() else { return println!("give a log: cargo bench --bench phases -- LOG [RUNS]") };
    let runs = arguments.get(1).map_or(5, |runs| runs.parse().unwrap());
    let best = (0..runs).map(|_| once(log)).reduce(|a, b| [0, 1, 2, 3].map(|phase| a[phase].min(b[phase]))).unwrap();
    for (phase, took) in ["policy", "read", "judge", "report"].iter().zip(best) {
        println!("{phase:8} {:.3} s", took.as_secs_f64());
    }
}

/// How long each phase takes.
fn once(log: &str) -> [Duration; 4] {
    let mut times = Vec::new();
    let mut begun = Instant::now();
    let mut lap = || {
        times.push(begun.elapsed());
        begun = Instant::now();
    };
    let policy = Policy::built_in();
    lap();
    let reading = source::read(&[Input::Path(log.into())], &Options::default(), &|_| ()).unwrap();
    lap();
    let replay = ReplayOptions { complete: true, ..ReplayOptions::default() };
    let options = AuditOptions { replay, remedies: usize::MAX, ..AuditOptions::default() };
    let mut summary = Summary::default();
    let audit = Audit::run(&policy, reading.batches, vec![log.to_owned()], &options, &mut summary);
    lap();
    let mut sink = io::sink();
    let lines = FORMATS.iter().find(|format| format.name == "jsonl").unwrap();
    let mut report = (lines.report)(&mut sink, Look { width: 80, colour: false, rows_per_rule: None });
    audit.findings(|_| true, &mut summary, |findings| report.findings(findings)).unwrap();
    report.finish(&summary).unwrap();
    lap();
    times.try_into().unwrap()
}
