//! JSON documents and compressed logs that are cut off: whatever is missing at the end, the reader says so, and never panics.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;

use fbwin::source::{self, Input, Options, Reading};

fn read(path: &Path, options: &Options) -> Reading {
    source::read(&[Input::Path(path.to_owned())], options, &|_| ()).unwrap()
}

#[test]
fn every_document_that_is_cut_off_is_reported() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("log");
    let options = Options { account: "111".to_owned(), owner: vec!["Corner Shop".to_owned()], ..Options::default() };
    for name in [
        "document/array_pretty.json",
        "document/array_on_one_line.json",
        "document/array_of_lines.json",
        "document/array_of_arrays.json",
        "document/object_pretty.json",
        "document/no_indent.json",
        "document/webhook_body_pretty.json",
        "document/tabs_carriage_returns_and_a_mark.json",
        "dyi/year_2018.json",
        "dyi/v2.json",
        "dyi/v2_on_one_line.json",
        "graph/bare_messages.json",
        "compressed/log.jsonl.gz",
        "compressed/log.jsonl.zst",
        "compressed/document.json.gz",
        "compressed/stored.zip",
        "compressed/several_files.zip",
    ] {
        let whole = fs::read(Path::new("fixtures/formats").join(name)).unwrap();
        fs::write(&path, &whole).unwrap();
        assert_eq!(read(&path, &options).bad.count, 0, "{name}");
        let begin = if whole.starts_with(b"\xef\xbb\xbf") { 4 } else { 1 };
        for end in begin..whole.trim_ascii_end().len() {
            fs::write(&path, &whole[..end]).unwrap();
            assert!(0 < read(&path, &options).bad.count, "{name} cut off after {end} bytes");
        }
    }
}

#[test]
fn a_long_array_is_read_in_blocks() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("log");
    let element = "  {\n    \"ts\": 1709287200,\n    \"user\": \"1\",\n    \"event\": \"send\"\n  }";
    let count = 300_000;
    fs::write(&path, format!("[\n{}\n]\n", vec![element; count].join(",\n"))).unwrap();
    let reading = read(&path, &Options::default());
    assert_eq!((reading.inputs[0].records, reading.bad.count), (count as u64, 0));
    assert!(3 < reading.batches.len(), "{} batches", reading.batches.len());
    let last = reading.batches.last().unwrap();
    assert_eq!(last.event(last.len() - 1).place.line as usize, 2 + 5 * (count - 1));
}

#[test]
fn a_record_that_is_too_long_ends_the_document() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("log");
    let good = "{\"ts\":1709287200,\n\"user\":\"1\",\"event\":\"send\"}\n";
    fs::write(&path, format!("{good}{{\"a\":[{}", "\n1,".repeat(4 << 20))).unwrap();
    let options = Options { max_document_bytes: 5 << 20, ..Options::default() };
    let reading = read(&path, &options);
    assert_eq!((reading.inputs[0].records, reading.bad.count), (1, 1));
    assert_eq!(reading.bad.first[0].reason, "is longer than 5 MiB; what follows in this file is not read");
    assert_eq!(reading.bad.first[0].place.line, 2);
}
