//! The program as its users meet it. Each folder of `tests/cli` is a run: `cmd` has the arguments (after a line that says
//! what the run shows), `stdin` what it is fed, `stdout`, `stderr` and `code` what must come out; other files are its
//! input, and the demo lies beside them as `demo.jsonl`. An argument that begins with `fixtures/` is there too.
//! `BLESS=1 cargo test --test cli` writes what comes out anew: review the diff.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fbwin::audit::{Audit, AuditOptions};
use fbwin::finding::Summary;
use fbwin::report::{FORMATS, Look};
use fbwin::source::{self, Input, Options};
use fbwin::time::Span;
use fbwin::{Policy, Rule};
use unicode_width::UnicodeWidthStr;

const DEMO: &str = "fixtures/demo.jsonl";

/// What a run of the program left behind.
struct Ran {
    stdout: String,
    stderr: String,
    code: Option<i32>,
}

/// A folder of its own for one test, with the demo in it.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::copy(DEMO, folder.join("demo.jsonl")).unwrap();
    folder
}

/// Copies the fixtures that a line of arguments names into the folder, under the same path.
fn bring_fixtures(line: &str, folder: &Path) {
    fn copy(from: &Path, to: &Path) {
        if from.is_dir() {
            fs::create_dir_all(to).unwrap();
            for inside in fs::read_dir(from).unwrap().map(|entry| entry.unwrap().file_name()) {
                copy(&from.join(&inside), &to.join(&inside));
            }
        } else {
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(from, to).unwrap();
        }
    }
    for path in words(line).iter().filter(|word| word.starts_with("fixtures/")) {
        copy(Path::new(path), &folder.join(path));
    }
}

fn command(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env_remove("COLUMNS").env_remove("NO_COLOR").env("TERM", "xterm-256color");
    command
}

fn fbwin(folder: &Path) -> Command {
    command(env!("CARGO_BIN_EXE_fbwin"), folder)
}

fn run(folder: &Path, arguments: &[&str]) -> Ran {
    run_with(folder, arguments, "")
}

fn run_with(folder: &Path, arguments: &[&str], stdin: &str) -> Ran {
    let mut child = fbwin(folder).args(arguments).stdin(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let fed = stdin.to_owned();
    // The program need not read what it is fed.
    let feeding = std::thread::spawn(move || drop(pipe.write_all(fed.as_bytes())));
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { stdout: text(output.stdout), stderr: text(output.stderr), code: output.status.code() }
}

/// The arguments of a line: blanks divide, single quotes hold together.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    for c in line.chars() {
        match c {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' if !quoted => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[test]
fn every_run_comes_out_as_written() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut cases: Vec<PathBuf> = fs::read_dir("tests/cli").unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    let mut wrong = Vec::new();
    for case in &cases {
        let name = case.file_name().unwrap().to_str().unwrap();
        let folder = folder(&format!("runs/{name}"));
        let golden = |file: &str| fs::read_to_string(case.join(file)).unwrap_or_default();
        for file in fs::read_dir(case).unwrap().map(|entry| entry.unwrap().path()) {
            let file_name = file.file_name().unwrap().to_str().unwrap();
            if !["cmd", "stdin", "stdout", "stderr", "code"].contains(&file_name) {
                fs::copy(&file, folder.join(file_name)).unwrap();
            }
        }
        let cmd = golden("cmd");
        let lines: Vec<&str> = cmd.lines().collect();
        let [claim, line] = lines.as_slice() else { panic!("{name}/cmd: a claim and a line of arguments") };
        assert!(claim.starts_with("# ") && claim.ends_with('.'), "{name}/cmd: the first line says what the run shows");
        bring_fixtures(line, &folder);
        let words = words(line);
        let ran = run_with(&folder, &words.iter().map(String::as_str).collect::<Vec<_>>(), &golden("stdin"));
        let code = ran.code.map_or("a signal".to_owned(), |code| code.to_string());
        for (file, found) in [("stdout", ran.stdout), ("stderr", ran.stderr), ("code", format!("{code}\n"))] {
            if golden(file) == found {
                continue;
            }
            match bless {
                true if found.is_empty() => fs::remove_file(case.join(file)).unwrap(),
                true => fs::write(case.join(file), found).unwrap(),
                false => wrong.push(format!("{name}/{file} should be\n{}\nand is\n{found}", golden(file))),
            }
        }
    }
    assert!(50 <= cases.len(), "{} runs", cases.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

// --- Where the input comes from, where the output goes ---------------------------------------------------------------

#[test]
fn standard_input_and_a_directory_give_the_same_findings() {
    let folder = folder("same");
    fs::create_dir(folder.join("logs")).unwrap();
    let demo = fs::read_to_string(DEMO).unwrap();
    let (first, second) = demo.split_at(demo[..demo.len() / 2].rfind('\n').unwrap() + 1);
    fs::write(folder.join("logs/1.jsonl"), first).unwrap();
    fs::write(folder.join("logs/2.jsonl"), second).unwrap();
    let without_places = |ran: Ran| -> Vec<serde_json::Value> {
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        let lines = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
        lines
            .map(|mut finding: serde_json::Value| {
                let object = finding.as_object_mut().unwrap();
                assert!(object.remove("source").is_some() && object.remove("evidence").is_some());
                finding
            })
            .collect()
    };
    let of_directory = without_places(run(&folder, &["audit", "logs", "--format", "jsonl"]));
    let of_pipe = without_places(run_with(&folder, &["audit", "-", "--format", "jsonl"], &demo));
    assert!(!of_pipe.is_empty());
    assert_eq!(of_pipe, of_directory);
}

#[test]
fn a_run_that_fails_leaves_the_old_report() {
    let folder = folder("old_report");
    let report = folder.join("report.json");
    fs::write(&report, "old").unwrap();
    fs::write(folder.join("bad.toml"), "checked = 1\n").unwrap();
    for arguments in [
        vec!["audit", "demo.jsonl", "-o", "report.json", "--policy", "bad.toml"],
        vec!["audit", "nowhere.jsonl", "-o", "report.json"],
        vec!["audit", "demo.jsonl", "-o", "report.json", "--approved", "nonsense=1"],
        vec!["replay", "demo.jsonl", "-o", "report.json", "--since", "never"],
    ] {
        let ran = run(&folder, &arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {}", ran.stderr);
        assert_eq!(fs::read_to_string(&report).unwrap(), "old", "{arguments:?}");
    }
    // Nor does it leave anything beside it.
    let mut left: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["bad.toml", "demo.jsonl", "report.json"]);
}

#[test]
fn a_report_in_a_file_is_the_one_on_standard_output() {
    let folder = folder("in_a_file");
    for (verb, format) in [
        ("audit", "table"),
        ("audit", "json"),
        ("audit", "jsonl"),
        ("audit", "csv"),
        ("replay", "text"),
        ("replay", "jsonl"),
        ("replay", "csv"),
    ] {
        fs::write(folder.join("report"), "old").unwrap();
        let shown = run(&folder, &[verb, "demo.jsonl", "--format", format]);
        let written = run(&folder, &[verb, "demo.jsonl", "--format", format, "--output", "report"]);
        assert_eq!((written.code, written.stdout.as_str()), (shown.code, ""));
        assert!(!shown.stdout.is_empty());
        assert_eq!(fs::read_to_string(folder.join("report")).unwrap(), shown.stdout, "{verb} {format}");
    }
}

#[test]
fn an_unwritable_output_is_trouble_that_names_it() {
    let folder = folder("unwritable");
    fs::create_dir(folder.join("directory")).unwrap();
    for (output, reason) in [
        ("directory", "error: cannot write directory: it is a directory\n"),
        ("no/such/folder", "error: cannot write no/such/folder: "),
    ] {
        let ran = run(&folder, &["audit", "demo.jsonl", "-o", output]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{output}");
        assert!(ran.stderr.starts_with(reason), "{}", ran.stderr);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_trouble_that_says_so() {
    let folder = folder("full");
    for verb in ["audit", "replay"] {
        let ran = run(&folder, &[verb, "demo.jsonl", "-o", "/dev/full"]);
        let expected = "error: cannot write /dev/full: No space left on device (os error 28)\n";
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(2), expected), "{verb}");
    }
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    for arguments in [
        vec!["audit", "demo.jsonl"],
        vec!["audit", "demo.jsonl", "--format", "csv"],
        vec!["replay", "demo.jsonl"],
        vec!["rules"],
        vec!["explain", "outside-window"],
        vec!["policy", "show", "--format", "toml"],
        vec!["can-send", "demo.jsonl", "--user", "1", "--at", "2026-04-25"],
    ] {
        let output = fbwin(&folder).args(&arguments).stdout(full()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.starts_with("error: cannot write to standard output: No space left"), "{arguments:?}: {said}");
    }
}

#[test]
fn a_reader_that_goes_away_is_a_normal_end() {
    let folder = folder("closed_pipe");
    // More than a pipe holds, so that writing meets the closed end.
    fs::write(folder.join("long.jsonl"), long_log(3_000)).unwrap();
    for arguments in [
        vec!["audit", "long.jsonl", "--show", "0"],
        vec!["audit", "long.jsonl", "--format", "json"],
        vec!["audit", "long.jsonl", "--format", "jsonl"],
        vec!["audit", "long.jsonl", "--format", "csv"],
        vec!["replay", "long.jsonl"],
        vec!["rules"],
        vec!["policy", "show"],
    ] {
        let mut child = fbwin(&folder).args(&arguments).spawn().unwrap();
        let mut pipe = child.stdout.take().unwrap();
        let mut first = [0; 1];
        pipe.read_exact(&mut first).unwrap();
        drop(pipe);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said, "", "{arguments:?}");
        let expected = if arguments[0] == "audit" { 1 } else { 0 };
        assert_eq!(output.status.code(), Some(expected), "{arguments:?}");
    }
}

/// A log in which every send comes too late.
fn long_log(sends: usize) -> String {
    let pair = |n: usize| {
        let (first, second) = (1_700_000_000 + n, 1_700_200_000 + n);
        format!(
            "{{\"ts\":{first},\"user\":\"{n}\",\"event\":\"message\"}}\n{{\"ts\":{second},\"user\":\"{n}\",\"event\":\"send\"}}\n"
        )
    };
    (0..sends).map(pair).collect()
}

// --- One log in another form -----------------------------------------------------------------------------------------

/// The verdicts of a log, without where its records stand.
fn verdicts(folder: &Path, log: &[&str]) -> Vec<serde_json::Value> {
    let ran = run(folder, &[&["replay", "--format", "jsonl", "--quiet"], log].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let verdict = |line: &str| {
        let mut verdict: serde_json::Value = serde_json::from_str(line).unwrap();
        verdict.as_object_mut().unwrap().retain(|key, _| key != "source");
        verdict
    };
    ran.stdout.lines().map(verdict).collect()
}

#[test]
fn a_converted_log_gets_the_same_verdicts() {
    let folder = folder("converted");
    for log in [
        &["fixtures/demo.jsonl"][..],
        &["fixtures/day", "--complete"],
        &["fixtures/day/webhooks.jsonl", "fixtures/day/whatsapp_callbacks.jsonl"],
        &["fixtures/formats/send-api/recipients.jsonl", "--max-bad", "2"],
        &["fixtures/formats/twilio/console_export.csv", "--max-bad", "1"],
        &["fixtures/formats/chat-txt/android.txt", "--owner", "Flower Shop", "--utc-offset", "+01:00"],
    ] {
        log.iter().for_each(|word| bring_fixtures(word, &folder));
        let direct = verdicts(&folder, log);
        assert!(!direct.is_empty(), "{log:?}");
        // What was said about the reading is in the converted log; what was said about the judging is not.
        let judging: Vec<&str> = log.iter().copied().filter(|word| *word == "--complete").collect();
        let reading: Vec<&str> = log.iter().copied().filter(|word| *word != "--complete").collect();
        for (form, tokens) in [("jsonl", "--with-tokens"), ("csv", "--with-tokens")] {
            let ran =
                run(&folder, &[&["convert", "--to", form, "-o", "out", tokens, "--quiet"], &reading[..]].concat());
            assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""), "{log:?}: {}", ran.stderr);
            assert_eq!(verdicts(&folder, &[&["out"], &judging[..]].concat()), direct, "{log:?} as {form}");
        }
    }
}

/// The hash of a token stands for it wherever the token decides; only the sentence that shows it shows another hash.
#[test]
fn a_converted_log_without_its_tokens_gets_the_same_verdicts() {
    let folder = folder("converted_hashed");
    bring_fixtures("fixtures/day", &folder);
    let words = |log: &[&str]| -> Vec<(String, String, String, String)> {
        let word = |verdict: &serde_json::Value, key: &str| verdict[key].to_string();
        let verdicts = verdicts(&folder, log);
        verdicts.iter().map(|it| (word(it, "ts"), word(it, "user"), word(it, "verdict"), word(it, "rules"))).collect()
    };
    assert_eq!(run(&folder, &["convert", "fixtures/day", "-o", "out"]).code, Some(0));
    let direct = words(&["fixtures/day", "--complete"]);
    assert!(direct.iter().any(|(_, _, _, rules)| rules.contains("otn-token-reused")), "{:?}", direct.first());
    assert_eq!(words(&["out", "--complete"]), direct);
}

// --- What fails a run ------------------------------------------------------------------------------------------------

#[test]
fn fail_on_decides_what_fails_a_run() {
    const CLEAN: &str = r#"{"ts":"2024-03-01T10:00:00.000Z","user":"1","event":"message"}
{"ts":"2024-03-01T11:00:00.000Z","user":"1","event":"send"}
"#;
    const NOTE: &str = r#"{"ts":"2024-03-01T10:00:00.000Z","user":"1","event":"message"}
{"ts":"2024-03-01T11:00:00.000Z","user":"1","event":"send","messaging_type":"MESSAGE_TAG","tag":"HUMAN_AGENT"}
"#;
    const WARNING: &str = r#"{"ts":"2024-03-01T10:00:00.000Z","user":"1","event":"message"}
{"ts":"2024-03-01T11:00:00.000Z","user":"1","event":"send","status":"failed","error_code":10,"error_subcode":2018278}
"#;
    const ERROR: &str = r#"{"ts":"2024-03-01T10:00:00.000Z","user":"1","event":"message"}
{"ts":"2024-03-03T11:00:00.000Z","user":"1","event":"send"}
"#;
    const UNPROVEN: &str = r#"{"ts":"2024-03-01T10:00:00.000Z","user":"1","event":"send"}
"#;
    let folder = folder("fail_on");
    for (log, codes) in [
        (CLEAN, [0, 0, 0, 0, 0]),
        (NOTE, [0, 0, 1, 0, 0]),
        (WARNING, [0, 1, 1, 0, 0]),
        (ERROR, [1, 1, 1, 1, 0]),
        (UNPROVEN, [0, 0, 0, 1, 0]),
    ] {
        for (value, code) in ["error", "warning", "note", "unproven", "never"].iter().zip(codes) {
            let ran = run_with(&folder, &["audit", "-", "--fail-on", value], log);
            assert_eq!(ran.code, Some(code), "--fail-on {value}: {}", ran.stdout);
        }
        let ran = run_with(&folder, &["audit", "-"], log);
        assert_eq!(ran.code, Some(codes[0]), "the default is `error`");
    }
}

#[test]
fn max_bad_decides_how_many_unreadable_records_are_trouble() {
    const BAD: &str = "{\"ts\":1}\n{\"user\":1}\n{\"ts\":1709287200,\"user\":\"1\",\"event\":\"message\"}\n";
    let folder = folder("max_bad");
    for (arguments, code) in [
        (&["audit", "-"][..], 2),
        (&["audit", "-", "--max-bad", "1"], 2),
        (&["audit", "-", "--max-bad", "2"], 0),
        (&["audit", "-", "--quiet"], 2),
        (&["replay", "-"], 2),
        (&["replay", "-", "--max-bad", "2"], 0),
        (&["can-send", "-", "--user", "1", "--at", "1709287201"], 2),
        (&["can-send", "-", "--user", "1", "--at", "1709287201", "--max-bad", "2"], 0),
    ] {
        let ran = run_with(&folder, arguments, BAD);
        assert_eq!(ran.code, Some(code), "{arguments:?}: {}", ran.stderr);
        let says = ran.stderr.contains("error: 2 records could not be read");
        assert_eq!(says, code == 2, "{arguments:?}: {}", ran.stderr);
    }
}

#[test]
fn of_many_unreadable_records_the_first_are_listed_and_all_are_counted() {
    let ran = run_with(&folder("many_bad"), &["audit", "-"], &"{\n".repeat(1_234));
    assert_eq!(ran.code, Some(2));
    assert_eq!(ran.stderr.lines().filter(|line| line.starts_with("<stdin>:")).count(), 20);
    assert!(ran.stderr.contains("and 1214 more") && ran.stderr.contains("error: 1234 records"), "{}", ran.stderr);
}

// --- What must never be shown ----------------------------------------------------------------------------------------

/// Every way in which a log comes out again.
const SHOWN: &[&[&str]] = &[
    &["audit", "--format", "table", "--show", "0"],
    &["audit", "--format", "json"],
    &["audit", "--format", "jsonl"],
    &["audit", "--format", "csv"],
    &["replay", "--format", "text"],
    &["replay", "--format", "jsonl"],
    &["replay", "--format", "csv"],
];

#[test]
fn redact_hides_every_user_in_every_format() {
    let folder = folder("redact");
    let demo = fs::read_to_string(DEMO).unwrap();
    let records = demo.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let users: std::collections::BTreeSet<String> =
        records.map(|record| record["user"].as_str().unwrap().to_owned()).collect();
    assert!(10 < users.len());
    for arguments in SHOWN {
        let whole = run(&folder, &[arguments, &["demo.jsonl"][..]].concat());
        let redacted = run(&folder, &[arguments, &["demo.jsonl", "--redact"][..]].concat());
        assert!(users.iter().any(|user| whole.stdout.contains(user.as_str())), "{arguments:?} shows users");
        for user in &users {
            let found = redacted.stdout.contains(user.as_str()) || redacted.stderr.contains(user.as_str());
            assert!(!found, "{arguments:?} shows {user}");
        }
        assert_eq!(redacted.code, whole.code);
    }
}

#[test]
fn no_text_of_a_message_is_shown_in_any_format() {
    let folder = folder("texts");
    let demo = fs::read_to_string(DEMO).unwrap();
    let records = demo.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let texts: Vec<String> = records.filter_map(|record| Some(record["text"].as_str()?.to_owned())).collect();
    let telling: Vec<&String> = texts.iter().filter(|text| 10 < text.chars().count()).collect();
    assert!(50 < telling.len());
    for arguments in SHOWN {
        let ran = run(&folder, &[arguments, &["demo.jsonl"][..]].concat());
        for text in &telling {
            assert!(
                !ran.stdout.contains(text.as_str()) && !ran.stderr.contains(text.as_str()),
                "{arguments:?}: {text}"
            );
        }
    }
}

#[test]
fn no_token_is_shown_whole_in_any_format() {
    const TOKEN: &str = "4417290035518826731";
    const RECURRING: &str = "8830162947105532640";
    let folder = folder("tokens");
    let log = format!(
        r#"{{"ts":"2024-03-01T10:00:00.000Z","user":"1","event":"otn_optin","token":"{TOKEN}"}}
{{"ts":"2024-03-02T10:00:00.000Z","user":"1","event":"send","token":"{TOKEN}"}}
{{"ts":"2024-03-03T10:00:00.000Z","user":"1","event":"send","token":"{TOKEN}"}}
{{"ts":"2024-03-03T10:00:00.000Z","user":"2","event":"send","token":"{TOKEN}"}}
{{"ts":"2024-03-03T10:00:00.000Z","user":"2","event":"send","token":"{TOKEN}-never-granted"}}
{{"ts":"2024-03-03T10:00:00.000Z","user":"3","event":"recurring_optin","token":"{RECURRING}"}}
{{"ts":"2024-03-04T10:00:00.000Z","user":"3","event":"send","token":"{RECURRING}"}}
{{"ts":"2024-03-04T11:00:00.000Z","user":"3","event":"send","token":"{RECURRING}"}}
{{"ts":"2024-03-04T12:00:00.000Z","user":"4","event":"send","token":"{RECURRING}"}}
{{"ts":"2024-03-04T13:00:00.000Z","user":"3","event":"recurring_stop","token":"{RECURRING}"}}
{{"ts":"2024-03-08T13:00:00.000Z","user":"3","event":"send","token":"{RECURRING}"}}
{{"ts":"a bad time","user":"3","event":"send","token":"{RECURRING}"}}
{{"ts":"2024-03-08T13:00:00.000Z","user":"3","event":"send","token":{{"{RECURRING}":1}}}}
"#
    );
    for arguments in SHOWN {
        let ran = run_with(&folder, &[arguments, &["-", "--complete", "--max-bad", "2"][..]].concat(), &log);
        for rule in ["otn-token-reused", "otn-token-unknown", "recurring-too-often", "recurring-token-stopped"] {
            assert!(ran.stdout.contains(rule), "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        }
        for token in [TOKEN, RECURRING] {
            assert!(!ran.stdout.contains(token) && !ran.stderr.contains(token), "{arguments:?} shows {token}");
        }
    }
}

#[test]
fn convert_writes_no_token_whole_unless_it_is_told_to() {
    const TOKEN: &str = "4417290035518826731";
    let folder = folder("tokens_converted");
    let log = format!(
        r#"{{"ts":"2024-03-01T10:00:00.000Z","user":"1","event":"otn_optin","token":"{TOKEN}"}}
{{"ts":"2024-03-02T10:00:00.000Z","user":"1","event":"send","token":"{TOKEN}"}}
"#
    );
    for form in ["jsonl", "csv"] {
        let hashed = run_with(&folder, &["convert", "-", "--to", form], &log);
        assert_eq!((hashed.code, hashed.stdout.contains(TOKEN)), (Some(0), false), "{form}: {}", hashed.stdout);
        let whole = run_with(&folder, &["convert", "-", "--to", form, "--with-tokens"], &log);
        assert_eq!((whole.code, whole.stdout.matches(TOKEN).count()), (Some(0), 2), "{form}: {}", whole.stdout);
    }
}

#[test]
fn nothing_in_a_log_acts_on_the_terminal() {
    let evil = "e\\u001b[31mvil\\u009b2J\\u202e\\u0007";
    let log = format!(
        r#"{{"ts":"2024-03-01T10:00:00.000Z","user":"{evil}","account":"{evil}","event":"message","text":"{evil}"}}
{{"ts":"2024-03-03T10:00:00.000Z","user":"{evil}","account":"{evil}","event":"send","id":"{evil}","text":"{evil}"}}
{{"ts":"2024-03-03T10:00:00.000Z","user":"{evil}","account":"{evil}","event":"send","tag":"{evil}","template":"{evil}"}}
{{"ts":"2024-03-03T10:00:00.000Z","user":"{evil}","account":"{evil}","event":"send","comment":"{evil}"}}
{{"ts":"2024-03-03T10:00:00.000Z","user":"{evil}","account":"{evil}","event":"{evil}","sender":"{evil}"}}
{{"ts":"{evil}","user":"{evil}","event":"message"}}
{{"ts":"2024-03-03T10:00:00.000Z","user":"{evil}","event":"send","channel":"{evil}"}}
"#
    );
    let name = "l\u{1b}[32mog\u{202e}.jsonl";
    let folder = folder("terminal");
    fs::write(folder.join(name), log).unwrap();
    fs::write(folder.join("p\u{1b}[1m.toml"), fbwin::policy::BUILT_IN).unwrap();
    let acts = |text: &str| text.chars().find(|c| c.is_control() && *c != '\n' || *c == '\u{202e}');
    for arguments in SHOWN {
        let more: &[&str] = &[name, "--max-bad", "2", "--policy", "p\u{1b}[1m.toml"];
        let ran = run(&folder, &[arguments, more].concat());
        assert!(ran.stdout.contains("outside-window"), "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("vil"), "{arguments:?}");
        for text in [&ran.stdout, &ran.stderr] {
            assert_eq!(acts(text), None, "{arguments:?}: {text:?}");
        }
    }
    for arguments in [
        &["audit", "\u{1b}[1m"][..],
        &["audit", name, "--policy", "\u{1b}[1m"],
        &["audit", name, "-o", "no/\u{1b}[1m"],
        &["audit", name, "--since", "\u{1b}[1m"],
        &["can-send", name, "--user", "\u{1b}[1m", "--at", "2024-03-03", "--tag", "\u{1b}[1m"],
        &["policy", "check", "\u{1b}[1m"],
    ] {
        let ran = run(&folder, arguments);
        for text in [&ran.stdout, &ran.stderr] {
            assert_eq!(acts(text), None, "{arguments:?}: {text:?}");
        }
    }
}

#[test]
fn a_cell_of_a_spreadsheet_starts_no_formula() {
    let log = r#"{"ts":"2024-03-01T10:00:00.000Z","user":"=1+1","account":"+55","event":"message"}
{"ts":"2024-03-03T10:00:00.000Z","user":"=1+1","account":"+55","id":"@SUM(A1)","event":"send"}
{"ts":"2024-03-03T10:00:00.000Z","user":"-2","account":"\t=1","id":"=cmd|' /C calc'!A0","event":"send","tag":"=X"}
"#;
    let folder = folder("formulas");
    for verb in ["audit", "replay"] {
        let ran = run_with(&folder, &[verb, "-", "--format", "csv"], log);
        let mut rows = csv::Reader::from_reader(ran.stdout.as_bytes());
        let cells: Vec<String> =
            rows.records().flat_map(|row| row.unwrap().iter().map(str::to_owned).collect::<Vec<_>>()).collect();
        assert!(cells.iter().any(|cell| cell == "'=1+1") && cells.iter().any(|cell| cell == "'+55"), "{cells:?}");
        for cell in &cells {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{verb}: {cell}");
        }
    }
}

// --- How it looks ----------------------------------------------------------------------------------------------------

/// The table of a log, made through the library, for terminals of any width.
fn table(log: &Path, look: Look) -> String {
    let policy = Policy::built_in();
    let reading = source::read(&[Input::Path(log.to_owned())], &Options::default(), &|_| ()).unwrap();
    let mut summary = Summary { policy: "built in".into(), policy_checked: policy.checked, ..Summary::default() };
    let audit =
        Audit::run(&policy, reading.batches, vec![log.display().to_string()], &AuditOptions::default(), &mut summary);
    let mut page = Vec::new();
    let format = FORMATS.iter().find(|format| format.name == "table").unwrap();
    let mut report = (format.report)(&mut page, look);
    audit.findings(|_| true, &mut summary, |findings| report.findings(findings)).unwrap();
    report.finish(&summary).unwrap();
    drop(report);
    String::from_utf8(page).unwrap()
}

#[test]
fn no_line_of_a_table_is_wider_than_the_terminal() {
    let wide = folder("wide").join("log.jsonl");
    let name = "陶器の店".repeat(9);
    let log = format!(
        r#"{{"ts":"2024-03-01T10:00:00.000Z","user":"{name}","account":"{name}","event":"message"}}
{{"ts":"2024-03-03T10:00:00.000Z","user":"{name}","account":"{name}","event":"send","id":"1"}}
{{"ts":"2024-03-03T10:00:00.000Z","user":"{name}","account":"other","event":"send","tag":"{name}"}}
"#
    );
    fs::write(&wide, log).unwrap();
    for log in [Path::new(DEMO), &wide] {
        for width in [60, 80, 120] {
            let page = table(log, Look { width, colour: false, rows_per_rule: None });
            assert!(page.contains("outside-window"));
            for line in page.lines() {
                assert!(line.width() <= usize::from(width), "{} > {width}: {line}", line.width());
            }
        }
    }
}

#[test]
fn colour_is_for_terminals_that_want_it() {
    let coloured = table(Path::new(DEMO), Look { width: 80, colour: true, rows_per_rule: Some(5) });
    let plain = table(Path::new(DEMO), Look { width: 80, colour: false, rows_per_rule: Some(5) });
    assert!(coloured.contains("\u{1b}[31;1merror\u{1b}[0m outside-window"));
    let mut without = coloured.clone();
    for sequence in ["\u{1b}[31;1m", "\u{1b}[33;1m", "\u{1b}[36;1m", "\u{1b}[0m"] {
        without = without.replace(sequence, "");
    }
    assert_eq!(without, plain, "colour moves nothing");
    // A pipe is no terminal.
    let ran = run(&folder("no_colour"), &["audit", "demo.jsonl"]);
    assert!(!ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'));
}

/// Whether `script`, which lends a program a terminal, is there and does.
#[cfg(target_os = "linux")]
fn on_a_terminal(folder: &Path, line: &str, variables: &[(&str, &str)]) -> Option<String> {
    let program = env!("CARGO_BIN_EXE_fbwin");
    let mut script = command("script", folder);
    script.args(["-qec", &format!("'{program}' {line}"), "/dev/null"]).envs(variables.iter().copied());
    let output = script.output().ok()?;
    Some(String::from_utf8(output.stdout).unwrap()).filter(|shown| shown.contains("outside-window"))
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gets_colour_unless_no_color_is_set() {
    let folder = folder("terminal_colour");
    let line = "audit demo.jsonl --select outside-window --quiet";
    // Not every machine has `script`; without it there is nothing to see.
    let Some(shown) = on_a_terminal(&folder, line, &[]) else { return };
    assert!(shown.contains("\u{1b}[31;1merror"), "{shown}");
    for variable in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let shown = on_a_terminal(&folder, line, &[variable]).unwrap();
        assert!(!shown.contains('\u{1b}'), "{variable:?}: {shown:?}");
    }
    let shown = on_a_terminal(&folder, line, &[("COLUMNS", "60"), ("NO_COLOR", "1")]).unwrap();
    let widest = shown.lines().map(|line| line.trim_end().width()).max();
    assert!(widest.is_some_and(|widest| 50 < widest && widest <= 60), "{widest:?}");
}

#[test]
fn every_rule_is_explained_within_80_columns() {
    let folder = folder("explain");
    for rule in Rule::ALL {
        let ran = run(&folder, &["explain", rule.word()]);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{rule}");
        assert!(ran.stdout.starts_with(rule.word()));
        for line in ran.stdout.lines().filter(|line| !line.trim_start().starts_with("https://")) {
            assert!(line.width() <= 80, "{rule}: {line}");
        }
    }
}

#[test]
fn every_page_of_help_fits_80_columns_and_shows_an_example() {
    let folder = folder("help");
    for verb in [
        "",
        "audit",
        "replay",
        "can-send",
        "convert",
        "inspect",
        "policy",
        "policy show",
        "policy check",
        "rules",
        "explain",
    ] {
        let mut words: Vec<&str> = verb.split_whitespace().collect();
        words.push("--help");
        let output = fbwin(&folder).args(&words).env("COLUMNS", "80").output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(verb.is_empty() || verb == "policy" || help.contains("\nExample"), "{verb}");
        for line in help.lines() {
            assert!(line.width() <= 80, "{verb}: {line}");
        }
    }
}

// --- The policy as data ----------------------------------------------------------------------------------------------

#[test]
fn the_shown_policy_is_a_policy_file_that_judges_alike() {
    let folder = folder("round_trip");
    let shown = run(&folder, &["policy", "show", "--format", "toml"]);
    fs::write(folder.join("shown.toml"), &shown.stdout).unwrap();
    let checked = run(&folder, &["policy", "check", "shown.toml"]);
    assert_eq!((checked.code, checked.stdout.as_str()), (Some(0), ""), "{}", checked.stderr);
    let again = run(&folder, &["policy", "show", "--format", "toml", "--policy", "shown.toml"]);
    assert_eq!(again.stdout, shown.stdout);
    let json = |more: &[&str]| run(&folder, &[&["policy", "show", "--format", "json"], more].concat()).stdout;
    assert_eq!(json(&["--policy", "shown.toml"]), json(&[]));
    for verb in ["audit", "replay"] {
        let built_in = run(&folder, &[verb, "demo.jsonl", "--format", "jsonl"]);
        let own = run(&folder, &[verb, "demo.jsonl", "--format", "jsonl", "--policy", "shown.toml"]);
        assert_eq!((own.stdout, own.code), (built_in.stdout, built_in.code));
    }
}

/// A field that a row may have is easily forgotten where rows are written out one by one.
#[test]
fn the_policy_as_json_has_every_field_of_the_policy_as_toml() {
    let folder = folder("fields");
    let toml: toml::Table = run(&folder, &["policy", "show", "--format", "toml"]).stdout.parse().unwrap();
    let json = run(&folder, &["policy", "show", "--format", "json"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    for (table, list) in [("permission", "permissions"), ("exclusion", "exclusions"), ("refusal", "refusals")] {
        let (rows, shown) = (toml[table].as_array().unwrap(), json[list].as_array().unwrap());
        assert_eq!(rows.len(), shown.len());
        for (row, shown) in rows.iter().zip(shown) {
            for (name, value) in row.as_table().unwrap() {
                let as_json = match value.as_datetime() {
                    Some(day) => day.to_string().into(),
                    None => serde_json::to_value(value).unwrap(),
                };
                // Two days are 48 hours.
                let span = |json: &serde_json::Value| json.as_str().and_then(|text| Span::parse(text).ok());
                let same = shown[name] == as_json || span(&as_json).is_some_and(|it| Some(it) == span(&shown[name]));
                assert!(same, "{}: {name} = {value:?} is {} as JSON", shown["id"], shown[name]);
            }
        }
    }
}

// --- The README ------------------------------------------------------------------------------------------------------

fn readme() -> String {
    fs::read_to_string("README.md").unwrap()
}

#[test]
fn the_readme_begins_with_two_commands() {
    let readme = readme();
    let first = readme.find("cargo run --release -- audit fixtures/demo.jsonl").unwrap();
    let second = readme.find("cargo test").unwrap();
    assert!(first < second && second < 1_000);
}

/// Each `console` block is one session, where `fbwin` is the program and the fixtures that are named lie in `fixtures/`,
/// all in one folder: a line after `$ ` is a command, and the lines after it are what it prints. A line `...` stands for any
/// lines.
#[cfg(unix)]
#[test]
fn the_sessions_of_the_readme_are_true() {
    let readme = readme();
    let bin = Path::new(env!("CARGO_BIN_EXE_fbwin")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let sessions: Vec<&str> =
        readme.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(5 <= sessions.len());
    let folder = folder("readme");
    for session in sessions {
        session.lines().filter_map(|line| line.strip_prefix("$ ")).for_each(|line| bring_fixtures(line, &folder));
        let mut script = String::new();
        let mut expected = Vec::new();
        for line in session.lines() {
            match line.strip_prefix("$ ") {
                Some(command) => {
                    // What ends the output of one command must not change the `$?` of the next.
                    script.push_str(&format!("{command}\nstatus=$?; echo '<<end>>'; (exit $status)\n"));
                    expected.push((command, String::new()));
                }
                None => expected.last_mut().expect("a session begins with a command").1.push_str(&format!("{line}\n")),
            }
        }
        let output = command("sh", &folder).args(["-c", &format!("exec 2>&1\n{script}")]).env("PATH", &path).output();
        let found = String::from_utf8(output.unwrap().stdout).unwrap();
        let found: Vec<&str> = found.split("<<end>>\n").collect();
        assert_eq!(found.len(), expected.len() + 1, "{session}");
        for ((command, expected), found) in expected.iter().zip(found) {
            assert!(like(expected, found), "$ {command}\nshould print\n{expected}\nand prints\n{found}");
        }
    }
}

/// Whether `found` is `expected`, in which a line `...` stands for any lines.
fn like(expected: &str, found: &str) -> bool {
    let pieces: Vec<&str> = expected.split("...\n").collect();
    let (first, last) = (pieces[0], pieces[pieces.len() - 1]);
    if pieces.len() == 1 {
        return expected == found;
    }
    let mut rest = match found.strip_prefix(first) {
        Some(rest) => rest,
        None => return false,
    };
    for piece in &pieces[1..pieces.len() - 1] {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[test]
fn the_rule_table_of_the_readme_is_the_one_the_program_prints() {
    let readme = readme();
    let table = readme.split("<!-- rules: begin -->\n").nth(1).unwrap().split("<!-- rules: end -->").next().unwrap();
    let printed = run(&folder("markdown"), &["rules", "--format", "markdown"]).stdout;
    assert_eq!(table, printed, "paste what `fbwin rules --format markdown` prints between the markers");
}

#[test]
fn the_readme_names_every_field_of_the_record() {
    let readme = readme();
    for field in source::Field::ALL {
        assert!(readme.contains(&format!("| `{field}` |")), "{field}");
    }
}

#[test]
fn every_link_within_the_readme_leads_somewhere() {
    let readme = readme();
    let anchor = |heading: &str| -> String {
        let kept = heading.to_lowercase().replace(' ', "-");
        kept.chars().filter(|c| c.is_alphanumeric() || *c == '-').collect()
    };
    let headings: Vec<String> = readme
        .lines()
        .filter(|line| line.starts_with("##"))
        .map(|line| anchor(line.trim_start_matches(['#', ' '])))
        .collect();
    for rest in readme.split("](").skip(1) {
        let target = rest.split(')').next().unwrap();
        match target.strip_prefix('#') {
            Some(to) => assert!(headings.iter().any(|heading| heading == to), "#{to}"),
            None => assert!(target.starts_with("https://") || Path::new(target).exists(), "{target}"),
        }
    }
}

#[test]
fn the_readme_names_no_option_that_is_not_there() {
    let folder = folder("options");
    let help: String = ["audit", "replay", "can-send", "convert", "inspect", "rules", "explain"]
        .iter()
        .map(|verb| run(&folder, &[verb, "--help"]).stdout)
        .chain(["show", "check"].iter().map(|what| run(&folder, &["policy", what, "--help"]).stdout))
        .collect();
    let cargo = ["--release", "--locked", "--path", "--features", "--no-default-features", "--test", "--open"];
    for word in readme().split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')) {
        if word.starts_with("--") && word.len() > 3 && word.as_bytes()[2] != b'-' && !cargo.contains(&word) {
            assert!(help.contains(&format!("{word} ")) || help.contains(&format!("{word}\n")), "{word}");
        }
    }
}
