//! What is read of the logs of other programs. Each file `X` below `fixtures/formats/FORMAT` says by its name what it
//! shows; `X.expected` is what comes out, `X.args` the options it is read with, one `name=value` a line. All are invented.
//! `BLESS=1 cargo test --test formats` writes what comes out anew: review the diff.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use fbwin::batch::KeepText;
use fbwin::event::{Event, Place};
use fbwin::source::{self, DateOrder, Input, Options, Reading};
use fbwin::time;

#[test]
fn every_format_reads_as_expected() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for folder in sorted(Path::new("fixtures/formats")) {
        let files = sorted(&folder);
        let is_ours = |path: &&PathBuf| path.extension().is_some_and(|end| end == "expected" || end == "args");
        for side in files.iter().filter(is_ours) {
            assert!(files.contains(&side.with_extension("")), "{} belongs to no log", side.display());
        }
        for path in files.iter().filter(|path| !is_ours(path)) {
            seen += 1;
            let found = shown(&source::read(&[Input::Path(path.clone())], &options(path), &|_| ()).unwrap());
            let expected_path = beside(path, "expected");
            if fs::read_to_string(&expected_path).unwrap_or_default() != found {
                if std::env::var_os("BLESS").is_some() {
                    fs::write(&expected_path, &found).unwrap();
                }
                wrong.push(format!("{}\n{found}", path.display()));
            }
        }
    }
    assert!(0 < seen);
    assert!(wrong.is_empty(), "these read otherwise:\n{}", wrong.join("\n"));
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn beside(path: &Path, end: &str) -> PathBuf {
    PathBuf::from(format!("{}.{end}", path.display()))
}

fn options(path: &Path) -> Options {
    let mut options = Options { keep_text: KeepText::All, ..Options::default() };
    let args = fs::read_to_string(beside(path, "args")).unwrap_or_default();
    for (name, value) in args.lines().filter_map(|line| line.split_once('=')) {
        match name {
            "account" => options.account = value.to_owned(),
            "utc_offset" => options.utc_offset_s = Some(time::parse_utc_offset(value).unwrap()),
            "time_field" => options.time_field = Some(value.to_owned()),
            "owner" => options.owner.push(value.to_owned()),
            "from" => options.from = Some(value.to_owned().leak()),
            "date_order" => options.date_order = Some(DateOrder::from_word(value).unwrap()),
            "preset" => options.preset = Some(value.to_owned()),
            "map" => options.map = source::parse_map(value).unwrap(),
            _ => panic!("{}: unknown option {name}", path.display()),
        }
    }
    options
}

/// A reading as text: the format, the events and bad records by line, what was counted and noted.
fn shown(reading: &Reading) -> String {
    let mut lines: Vec<(Place, String)> = Vec::new();
    for event in reading.batches.iter().flat_map(|batch| (0..batch.len()).map(|index| batch.event(index))) {
        lines.push((event.place, format!("event {} {}", event.place.line, shown_event(&event))));
    }
    for bad in &reading.bad.first {
        lines.push((bad.place, format!("bad {} {}", bad.place.line, bad.reason)));
    }
    lines.sort();
    let mut text = String::new();
    for (index, input) in reading.inputs.iter().enumerate() {
        // An archive is several inputs, each under a name of its own.
        if let Some((_, member)) = input.name.split_once('!') {
            writeln!(text, "!{member}").unwrap();
        }
        writeln!(text, "{}: {} records, {} bad", input.format, input.records, input.bad).unwrap();
        for (_, line) in lines.iter().filter(|(place, _)| place.input as usize == index) {
            writeln!(text, "{line}").unwrap();
        }
        for (word, count) in &input.unknown_events {
            writeln!(text, "unknown {word}: {count}").unwrap();
        }
        for note in &input.notes {
            writeln!(text, "note {note}").unwrap();
        }
    }
    text
}

/// What the event says, in the order of the names of its fields.
fn shown_event(event: &Event<'_>) -> String {
    let mut fields: BTreeMap<&str, String> = BTreeMap::new();
    let mut add = |name, value: Option<String>| {
        if let Some(value) = value {
            fields.insert(name, value);
        }
    };
    let truth = |truth: bool| truth.then(|| "true".to_owned());
    add("account", Some(event.account.to_owned()).filter(|account| !account.is_empty()));
    add("category", event.category.map(|word| word.to_string()));
    add("channel", Some(event.channel.to_string()));
    add("claim_hidden", truth(event.claim_hidden));
    add("comment", event.comment.map(str::to_owned));
    add("entry", event.entry.map(|word| word.to_string()));
    add("error_code", event.error_code.map(|code| code.to_string()));
    add("error_subcode", event.error_subcode.map(|code| code.to_string()));
    add("event", Some(event.kind.to_string()));
    add("frequency", event.frequency.map(|word| word.to_string()));
    add("id", event.id.map(str::to_owned));
    add("logged_at", truth(event.logged_at));
    add("messaging_type", event.messaging_type.map(|word| word.to_string()));
    add("precision_ms", Some(event.precision_ms).filter(|ms| *ms != 0).map(|ms| ms.to_string()));
    add("promotional", event.promotional.map(|truth| truth.to_string()));
    add("recipient_hidden", truth(event.recipient_hidden));
    add("region", event.region.map(str::to_owned));
    add("sender", event.sender.map(|word| word.to_string()));
    add("sponsored", truth(event.sponsored));
    add("status", event.status.map(|word| word.to_string()));
    add("tag", event.tag.map(str::to_owned));
    add("template", event.template.map(str::to_owned));
    add("text", event.text.map(|text| format!("{text:?}")));
    add("token", event.token.map(str::to_owned));
    add("token_expires", event.token_expires.map(|at| at.to_string()));
    add("token_type", event.token_type.map(|word| word.to_string()));
    add("ts", Some(event.at.to_string()));
    add("unpaired", truth(event.unpaired));
    add("user", Some(event.user.to_owned()));
    fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}
