//! What the measurements share: the lines of a log on several threads, and an audit as the program runs it.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use fbwin::audit::{Audit, AuditOptions};
use fbwin::finding::Summary;
use fbwin::report::{FORMATS, Look};
use fbwin::source::{self, Input, Options};
use fbwin::{Policy, ReplayOptions};

const BLOCK: u64 = 1 << 20;
/// No line of the logs measured is longer.
const LONGEST_LINE: u64 = 1 << 16;

/// Gives every line of `log` to `each`, on so many threads, out of blocks that stay in a processor's cache. The sum of what
/// it returns.
///
/// # Errors
/// The log cannot be read.
pub fn lines(log: &str, threads: usize, each: impl Fn(&mut [u8]) -> u64 + Sync) -> io::Result<u64> {
    let file = File::open(log)?;
    let length = file.metadata()?.len();
    let (next, sum) = (AtomicU64::new(0), AtomicU64::new(0));
    let work = || -> io::Result<()> {
        let mut buffer = vec![0; (BLOCK + LONGEST_LINE) as usize];
        loop {
            let begin = next.fetch_add(BLOCK, Ordering::Relaxed);
            if length <= begin {
                return Ok(());
            }
            // A line belongs to the block that has the line break before it.
            let from = begin.saturating_sub(1);
            let want = (BLOCK + LONGEST_LINE).min(length - from) as usize;
            let bytes = &mut buffer[..want];
            file.read_exact_at(bytes, from)?;
            let skip = if begin == 0 { 0 } else { bytes.iter().position(|c| *c == b'\n').map_or(want, |at| at + 1) };
            let mut at = skip;
            let mut here = 0;
            while at < want && from + (at as u64) < begin + BLOCK {
                let end = memchr::memchr(b'\n', &bytes[at..]).map_or(want, |end| at + end);
                here += each(&mut bytes[at..end]);
                at = end + 1;
            }
            sum.fetch_add(here, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| Err(io::Error::other("panicked"))))
    })?;
    Ok(sum.into_inner())
}

/// Reads `log` on so many threads as the program does, into memory. The number of its events.
///
/// # Errors
/// The log cannot be read.
pub fn read(log: &str, threads: usize) -> Result<u64, Box<dyn Error + Send + Sync>> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let reading = pool.install(|| {
        source::read(&[Input::Path(log.into())], &Options::default(), &|_| ()).map_err(|e| e.to_string())
    })?;
    Ok(reading.batches.iter().map(|batch| batch.len() as u64).sum())
}

/// Audits the log that is the first argument, into the file that is the second: all of it in memory.
///
/// # Errors
/// The log cannot be read, or the report not written.
pub fn audit() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(log), Some(report)) = (arguments.next(), arguments.next()) else { return Err("LOG REPORT".into()) };
    let policy = Policy::built_in();
    let reading =
        source::read(&[Input::Path(log.clone().into())], &Options::default(), &|_| ()).map_err(|e| e.to_string())?;
    let replay = ReplayOptions { complete: true, ..ReplayOptions::default() };
    let options = AuditOptions { replay, remedies: usize::MAX, ..AuditOptions::default() };
    let mut summary = Summary::default();
    let audit = Audit::run(&policy, reading.batches, vec![log], &options, &mut summary);
    let mut sink = BufWriter::new(File::create(report)?);
    let lines = FORMATS.iter().find(|format| format.name == "jsonl").ok_or("no such format")?;
    let mut report = (lines.report)(&mut sink, Look { width: 80, colour: false, rows_per_rule: None });
    audit.findings(|_| true, &mut summary, |findings| report.findings(findings))?;
    report.finish(&summary)?;
    drop(report);
    sink.flush()?;
    Ok(())
}
