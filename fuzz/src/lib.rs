//! What holds for every log, whatever its bytes: the properties that the targets check.

use std::io::Cursor;
use std::sync::{Once, OnceLock};

use fbwin::audit::{Audit, AuditOptions, History};
use fbwin::batch::{Batch, KeepText};
use fbwin::event::{Event, Kind, Place};
use fbwin::finding::Summary;
use fbwin::report;
use fbwin::source::{
    self, BadRecord, CanonicalForm, CanonicalWriter, DateOrder, Options, Reading, WriteTokens, shape_names,
};
use fbwin::{Policy, Rule};

/// The block size of the program.
const BLOCK_BYTES: usize = 4 << 20;
/// A token shorter than this may stand anywhere by chance.
const LONG_TOKEN: usize = 10;

/// Checks all properties on an input whose first byte chooses the options, so that one corpus tries them all.
pub fn log(input: &[u8]) {
    let Some((choice, log)) = input.split_first() else { return };
    let options = options(*choice);
    let reading = read(log, &options, BLOCK_BYTES);
    let all = all_of(&reading);
    same(&all_of(&read(log, &options, BLOCK_BYTES)), &all, "reading twice");
    let block_bytes = 1 + usize::from(*choice) % 61;
    same(&all_of(&read(log, &options, block_bytes)), &all, "reading in small blocks");
    counts(&reading);
    places(&reading, log);
    said_of_tokens(&reading);
    let history = History::new(reading.batches);
    written(&history);
    judged(&history, read(log, &options, BLOCK_BYTES).batches);
}

/// The options that a byte stands for.
fn options(choice: u8) -> Options {
    let has = |bit: u8| choice & (1 << bit) != 0;
    Options {
        account: if has(0) { "111".to_owned() } else { String::new() },
        utc_offset_s: has(1).then_some(3_600),
        owner: if has(2) { vec!["Flower Shop".to_owned(), "Corner Shop".to_owned()] } else { Vec::new() },
        date_order: has(3).then_some(DateOrder::DayFirst),
        preset: (choice >> 4 == 15).then(|| "twilio".to_owned()),
        from: (choice >> 4 == 14).then(|| shape_names()[usize::from(choice & 7) % shape_names().len()]),
        precision_ms: has(4).then_some(60_000),
        keep_text: KeepText::All,
        ..Options::default()
    }
}

fn read(log: &[u8], options: &Options, block_bytes: usize) -> Reading {
    on_this_thread();
    let bytes = Cursor::new(log.to_vec());
    source::read_from_in_blocks(bytes, options, block_bytes).expect("memory can be read")
}

/// A pool would hand each log to another thread, which costs more than reading it.
fn on_this_thread() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread();
        pool.build_global().expect("this is the first pool");
    });
}

fn events(reading: &Reading) -> impl Iterator<Item = Event<'_>> {
    reading.batches.iter().flat_map(|batch| (0..batch.len()).map(|index| batch.event(index)))
}

/// Everything in a reading, to compare.
fn all_of(reading: &Reading) -> Vec<String> {
    let inputs = reading.inputs.iter().map(|input| format!("{input:?}"));
    let bad = reading.bad.first.iter().map(|bad| format!("{bad:?}"));
    let events = events(reading).map(|event| format!("{event:?}"));
    inputs.chain(bad).chain(events).collect()
}

/// Two lists that must be the same; says where they are not.
fn same(found: &[String], expected: &[String], what: &str) {
    let differ = found.iter().zip(expected).filter(|(one, other)| one != other).take(3);
    let differ: Vec<String> = differ.map(|(one, other)| format!("\n{one}\n{other}")).collect();
    let lengths = (found.len(), expected.len());
    assert!(found == expected, "{what}: {lengths:?} {}", differ.concat());
}

/// The counts agree with each other, and nothing passes in silence.
fn counts(reading: &Reading) {
    let records: u64 = reading.inputs.iter().map(|input| input.records).sum();
    let bad: u64 = reading.inputs.iter().map(|input| input.bad).sum();
    let found = events(reading).count() as u64;
    // A request that stands twice is a record and no second event.
    assert!(found <= records, "{found} events of {records} records");
    assert_eq!(bad, reading.bad.count, "bad records by input and in all");
    assert_eq!(reading.bad.first.len() as u64, bad.min(1_000), "bad records kept");
    for input in &reading.inputs {
        let met =
            input.records + input.bad + input.unknown_events.values().sum::<u64>() + input.shapes.values().sum::<u64>();
        let silent = met == 0 && input.notes.is_empty();
        // A table may be a header alone, a document an empty list, and a chat one line of blanks.
        assert!(!silent || input.format != "jsonl" || input.bytes == 0, "a log of {} bytes in silence", input.bytes);
    }
}

/// Whatever is reported stands somewhere in the log.
fn places(reading: &Reading, log: &[u8]) {
    let count = |end: u8| log.iter().filter(|c| **c == end).count();
    // What was unpacked has lines of its own.
    let is_packed = matches!(log, [0x1f, 0x8b, ..] | [0x28, 0xb5, ..]);
    let lines = if is_packed { u32::MAX } else { count(b'\n').max(count(b'\r')) as u32 + 1 };
    let bad = reading.bad.first.iter().map(|BadRecord { place, .. }| *place);
    for place in events(reading).map(|event| event.place).chain(bad) {
        assert!((place.input as usize) < reading.inputs.len(), "{place:?} is in no input");
        assert!((1..=lines).contains(&place.line), "{place:?} is beyond the {lines} lines");
    }
}

/// What is said of a log shows no token.
fn said_of_tokens(reading: &Reading) {
    let mut said: Vec<&str> = reading.bad.first.iter().map(|bad| bad.reason.as_str()).collect();
    for input in &reading.inputs {
        said.extend(input.notes.iter().map(String::as_str));
        said.extend(input.unknown_events.keys().map(String::as_str));
    }
    for token in events(reading).filter_map(|event| event.token).filter(|token| LONG_TOKEN <= token.len()) {
        for sentence in &said {
            assert!(!sentence.contains(token), "a token is shown in: {sentence}");
        }
    }
}

/// The canonical form reads back as it was written, and shows no token unless asked to.
fn written(history: &History) {
    for form in [CanonicalForm::JsonLines, CanonicalForm::Csv] {
        let whole = convert(history, form, WriteTokens::Whole);
        let back = History::new(
            read(&whole, &Options { keep_text: KeepText::All, ..Options::default() }, BLOCK_BYTES).batches,
        );
        // Those of one moment have an order that a name where there was none may change.
        let shown = |history: &History| -> Vec<String> {
            let mut all: Vec<String> = (0..history.len()).map(|at| bare(&history.event(at))).collect();
            all.sort();
            all
        };
        same(&shown(&back), &shown(history), "reading back");
        no_token(history, &convert(history, form, WriteTokens::Hashed));
    }
}

fn convert(history: &History, form: CanonicalForm, tokens: WriteTokens) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = CanonicalWriter::new(&mut bytes, form, tokens);
    for position in 0..history.len() {
        writer.event(&history.event(position)).expect("memory can be written");
    }
    writer.finish().expect("memory can be written");
    drop(writer);
    bytes
}

/// What an event says, without where it stood. A user that is not known has a name where one is needed.
fn bare(event: &Event<'_>) -> String {
    let user = if event.user.is_empty() { "(unknown)" } else { event.user };
    let is_hidden = event.recipient_hidden || event.user.is_empty();
    // Only a send has a claim that may be hidden.
    let claim_hidden = event.claim_hidden && event.kind == Kind::Send;
    format!("{:?}", Event { place: Place::default(), user, recipient_hidden: is_hidden, claim_hidden, ..*event })
}

/// An output shows no token, unless the log has it in another place as well.
fn no_token(history: &History, output: &[u8]) {
    let output = String::from_utf8_lossy(output);
    let events: Vec<Event<'_>> = (0..history.len()).map(|at| history.event(at)).collect();
    let elsewhere: String = events.iter().map(|event| format!("{:?}", Event { token: None, ..*event })).collect();
    for token in events.iter().filter_map(|event| event.token).filter(|token| LONG_TOKEN <= token.len()) {
        let is_name = token.starts_with("sha256:");
        assert!(is_name || !output.contains(token) || elsewhere.contains(token), "{token} is shown in\n{output}");
    }
}

/// Every send is judged, and every report can be written and shows no token.
fn judged(history: &History, batches: Vec<Batch>) {
    static POLICY: OnceLock<Policy> = OnceLock::new();
    let policy = POLICY.get_or_init(Policy::built_in);
    let sends = (0..history.len()).filter(|at| history.event(*at).kind == Kind::Send).count();
    let tokens: Vec<String> = (0..history.len()).filter_map(|at| history.event(at).token.map(str::to_owned)).collect();
    let events = (0..history.len()).map(|at| format!("{:?}", Event { token: None, ..history.event(at) }));
    let elsewhere: String = events.collect();
    let mut summary = Summary::default();
    let options = AuditOptions { redact: true, remedies: 3, all_verdicts: true, ..AuditOptions::default() };
    let audit = Audit::run(policy, batches, vec!["log".to_owned()], &options, &mut summary);
    let mut output = Vec::new();
    let mut verdicts = 0;
    for format in report::VERDICT_FORMATS {
        let mut report = (format.report)(&mut output);
        verdicts = 0;
        let written = audit.verdicts(|judged| {
            verdicts += 1;
            report.verdict(judged)
        });
        written.and_then(|()| report.finish()).expect("memory can be written");
    }
    assert_eq!(verdicts, sends, "verdicts and sends");
    for format in report::FORMATS {
        let look = report::Look { width: 80, colour: false, rows_per_rule: None };
        let mut report = (format.report)(&mut output, look);
        let findings = audit.findings(|_: Rule| true, &mut summary, |findings| report.findings(findings));
        findings.and_then(|()| report.finish(&summary)).expect("memory can be written");
    }
    let output = String::from_utf8_lossy(&output);
    for token in tokens.iter().filter(|token| LONG_TOKEN <= token.len() && !token.starts_with("sha256:")) {
        assert!(!output.contains(token) || elsewhere.contains(token), "{token} is shown in\n{output}");
    }
}

/// Checks a policy file: one that is refused says why, and one that is taken judges a history without trouble.
pub fn policy(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let policy = match Policy::parse(text) {
        Ok(policy) => policy,
        Err(error) => {
            assert!(!error.to_string().is_empty(), "refused without a reason");
            return;
        }
    };
    on_this_thread();
    static LOG: &[u8] = include_bytes!("../../fixtures/demo.jsonl");
    let batches = read(LOG, &Options::default(), BLOCK_BYTES).batches;
    let mut summary = Summary::default();
    let options = AuditOptions { remedies: 1, ..AuditOptions::default() };
    let audit = Audit::run(&policy, batches, vec!["log".to_owned()], &options, &mut summary);
    audit.findings(|_: Rule| true, &mut summary, |_| Ok(())).expect("nothing is written");
}

/// Checks the value of `--map`, which is the first line, and reads the rest as a table by it.
pub fn map(input: &[u8]) {
    let at = input.iter().position(|c| *c == b'\n').unwrap_or(input.len());
    let Ok(text) = std::str::from_utf8(&input[..at]) else { return };
    let map = match source::parse_map(text) {
        Ok(map) => map,
        Err(reason) => {
            assert!(!reason.is_empty(), "refused without a reason");
            return;
        }
    };
    let options = Options { map, utc_offset_s: Some(0), keep_text: KeepText::All, ..Options::default() };
    let log = &input[(at + 1).min(input.len())..];
    let reading = read(log, &options, BLOCK_BYTES);
    same(&all_of(&read(log, &options, 7)), &all_of(&reading), "reading in small blocks");
    counts(&reading);
    places(&reading, log);
    said_of_tokens(&reading);
    written(&History::new(reading.batches));
}
