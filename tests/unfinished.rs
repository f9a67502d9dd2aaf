//! A report is written whole or not at all, however the run ends.
#![allow(clippy::unwrap_used)]

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

const PROGRAM: &str = env!("CARGO_BIN_EXE_fbwin");

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_a_killed_run_left_is_removed_and_what_a_running_one_writes_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let old = SystemTime::now() - Duration::from_secs(3_600);
    let make = |name: &str| {
        let file = File::create(folder.path().join(name)).unwrap();
        file.set_modified(old).unwrap();
        file
    };
    make(".fbwin-left.part");
    make("other.part");
    let locked = make(".fbwin-running.part");
    locked.lock().unwrap();
    File::create(folder.path().join(".fbwin-young.part")).unwrap();
    let report = folder.path().join("report.txt");
    let run = Command::new(PROGRAM).args(["audit", "fixtures/demo.jsonl", "-o"]).arg(&report).output().unwrap();
    assert_eq!(run.status.code(), Some(1));
    assert_eq!(files(folder.path()), [".fbwin-running.part", ".fbwin-young.part", "other.part", "report.txt"]);
}

#[cfg(unix)]
#[test]
fn an_interrupt_leaves_nothing_and_keeps_the_old_report() {
    use std::os::unix::process::ExitStatusExt;
    for (name, signal) in [("INT", 2), ("TERM", 15)] {
        let folder = tempfile::tempdir().unwrap();
        let report = folder.path().join("report.txt");
        fs::write(&report, "the old one").unwrap();
        let mut run = Command::new(PROGRAM)
            .args(["audit", "-", "--memory", "1KiB", "-o"])
            .arg(&report)
            .arg("--temp-dir")
            .arg(folder.path())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        // It waits for more of the log, with its unfinished report beside the old one.
        run.stdin.as_mut().unwrap().write_all(b"{\"ts\":1709287200,\"user\":\"1\",\"event\":\"send\"}\n").unwrap();
        let begun = std::time::Instant::now();
        while files(folder.path()).len() < 2 && begun.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(files(folder.path()).len(), 2, "{name}");
        // The file is there a moment before the signals are caught.
        std::thread::sleep(Duration::from_millis(300));
        let kill = Command::new("kill").args([&format!("-{name}"), &run.id().to_string()]).status().unwrap();
        assert!(kill.success());
        assert_eq!(run.wait().unwrap().signal(), Some(signal));
        assert_eq!(files(folder.path()), ["report.txt"], "{name}");
        assert_eq!(fs::read_to_string(&report).unwrap(), "the old one");
    }
}
