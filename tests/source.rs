//! What is read of a log. Each file in `fixtures/source` says by its name what it shows; beside it stands what comes
//! out, after a line with the flags it was read with. `BLESS=1 cargo test` writes what comes out anew: review the diff.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use fbwin::batch::KeepText;
use fbwin::event::{Category, Channel, Entry, Event, Frequency, Kind, MessagingType, Place, Sender, Status, TokenType};
use fbwin::source::{self, Input, Options, Reading};
use fbwin::time::{self, Time};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};

#[test]
fn every_fixture_reads_as_expected() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    let mut paths: Vec<PathBuf> = fs::read_dir("fixtures/source").unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|end| end != "expected")) {
        seen += 1;
        let expected_path = PathBuf::from(format!("{}.expected", path.display()));
        let expected = fs::read_to_string(&expected_path).unwrap_or_else(|_| "$\n".to_owned());
        let flags = expected.lines().next().unwrap_or_default();
        let found = format!("{flags}\n{}", shown(&read(path, &options(flags))));
        if found != expected {
            wrong.push(format!("{}\n{found}", path.display()));
            if std::env::var_os("BLESS").is_some() {
                fs::write(&expected_path, found).unwrap();
            }
        }
    }
    assert!(50 <= paths.len() && paths.len() == 2 * seen, "{} files, {seen} of them logs", paths.len());
    assert!(wrong.is_empty(), "these read otherwise:\n{}", wrong.join("\n"));
}

fn read(path: &Path, options: &Options) -> Reading {
    source::read(&[Input::Path(path.to_owned())], options, &|_| ()).unwrap()
}

/// The options that a line such as `$ --account 111 --utc-offset +02:00` stands for.
fn options(flags: &str) -> Options {
    let mut options = Options { keep_text: KeepText::All, ..Options::default() };
    let mut words = flags.trim_start_matches('$').split_whitespace();
    while let (Some(flag), Some(value)) = (words.next(), words.next()) {
        match flag {
            "--account" => options.account = value.to_owned(),
            "--utc-offset" => options.utc_offset_s = Some(time::parse_utc_offset(value).unwrap()),
            "--map" => options.map = source::parse_map(&value.replace('+', " ")).unwrap(),
            "--precision-ms" => options.precision_ms = Some(value.parse().unwrap()),
            "--max-record" => options.max_record_bytes = value.parse().unwrap(),
            "--keep-text" => options.keep_text = KeepText::OfClaims,
            _ => panic!("unknown flag {flag}"),
        }
    }
    options
}

fn events(reading: &Reading) -> Vec<Event<'_>> {
    let mut events: Vec<_> =
        reading.batches.iter().flat_map(|batch| (0..batch.len()).map(|index| batch.event(index))).collect();
    events.sort_by_key(|event| event.place);
    events
}

/// A reading as text: the counts, the events and bad records by line, the unknown words and notes.
fn shown(reading: &Reading) -> String {
    let mut lines: Vec<(u32, String)> = Vec::new();
    for event in events(reading) {
        lines.push((event.place.line, format!("{:>3}  {}", event.place.line, shown_event(&event))));
    }
    for bad in &reading.bad.first {
        lines.push((bad.place.line, format!("{:>3}! {}", bad.place.line, bad.reason)));
    }
    lines.sort();
    let mut text = String::new();
    for input in &reading.inputs {
        writeln!(text, "{}: {} records, {} bad", input.format, input.records, input.bad).unwrap();
    }
    for (_, line) in lines {
        writeln!(text, "{line}").unwrap();
    }
    for input in &reading.inputs {
        for (word, count) in &input.unknown_events {
            writeln!(text, "unknown event {word}: {count}").unwrap();
        }
        for note in &input.notes {
            writeln!(text, "note: {note}").unwrap();
        }
    }
    text
}

/// Time, channel, account, user and kind, and whatever else the event says.
fn shown_event(event: &Event<'_>) -> String {
    let Event { at, channel, account, user, kind, .. } = event;
    let account = if account.is_empty() { "-" } else { account };
    let user = if user.len() < 50 { (*user).to_owned() } else { format!("({} bytes)", user.len()) };
    let mut text = format!("{at} {channel} {account} {user} {kind}");
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            write!(text, " {name}={value}").unwrap();
        }
    };
    add("precision_ms", Some(event.precision_ms).filter(|ms| *ms != 0).map(|ms| ms.to_string()));
    add("id", event.id.map(str::to_owned));
    add("text", event.text.map(|text| format!("{text:?}")));
    add("messaging_type", event.messaging_type.map(|word| word.to_string()));
    add("tag", event.tag.map(str::to_owned));
    add("token", event.token.map(str::to_owned));
    add("token_type", event.token_type.map(|word| word.to_string()));
    add("token_expires", event.token_expires.map(|at| at.to_string()));
    add("frequency", event.frequency.map(|word| word.to_string()));
    add("comment", event.comment.map(str::to_owned));
    add("template", event.template.map(str::to_owned));
    add("category", event.category.map(|word| word.to_string()));
    add("sponsored", event.sponsored.then(|| "true".to_owned()));
    add("sender", event.sender.map(|word| word.to_string()));
    add("promotional", event.promotional.map(|truth| truth.to_string()));
    add("status", event.status.map(|word| word.to_string()));
    add("error_code", event.error_code.map(|code| code.to_string()));
    add("error_subcode", event.error_subcode.map(|code| code.to_string()));
    add("entry", event.entry.map(|word| word.to_string()));
    add("region", event.region.map(str::to_owned));
    text
}

#[test]
fn a_map_names_known_fields_once() {
    let map = source::parse_map(" ts = Sent Date ,USER=From").unwrap();
    assert_eq!(map, [(source::Field::Ts, "Sent Date".to_owned()), (source::Field::User, "From".to_owned())]);
    for (text, part) in [
        ("", "not of the form field=column"),
        ("ts", "not of the form field=column"),
        ("ts=", "not of the form field=column"),
        ("ts=a,,user=b", "not of the form field=column"),
        ("time=a", "our fields, which are ts, channel, account, user, "),
        ("ts=a,ts=b", "`ts` is mapped twice; each of ts, channel, "),
        ("ts=a,user=A", "`A` is mapped to two fields"),
    ] {
        let error = source::parse_map(text).unwrap_err();
        assert!(error.contains(part), "{text}: {error}");
    }
}

/// Places the files of `names` (a name that ends in `/` is a directory) in a new directory.
fn directory(names: &[&str]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for name in names {
        let path = root.path().join(name);
        if name.ends_with('/') {
            fs::create_dir_all(path).unwrap();
        } else {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
    }
    root
}

fn found(root: &Path, args: &[&str]) -> Result<String, String> {
    let args: Vec<PathBuf> = args.iter().map(|arg| if *arg == "-" { "-".into() } else { root.join(arg) }).collect();
    let inputs = source::find(&args).map_err(|error| error.to_string())?;
    let names: Vec<String> = inputs.iter().map(|input| input.to_string()).collect();
    Ok(names.join(" ").replace(&format!("{}/", root.display()), ""))
}

#[test]
fn a_directory_is_its_files_in_sorted_order() {
    let root = directory(&["logs/b.csv", "logs/a.jsonl", "logs/sub/c", "logs/.hidden", "logs/.git/d", "logs/sub/e/"]);
    let found = |args: &[&str]| found(root.path(), args);
    assert_eq!(found(&["logs"]).unwrap(), "logs/a.jsonl logs/b.csv logs/sub/c");
    assert_eq!(found(&["logs/.hidden"]).unwrap(), "logs/.hidden", "a hidden file that is named is meant");
    assert_eq!(found(&["logs/b.csv", "-", "logs"]).unwrap(), "logs/b.csv <stdin> logs/a.jsonl logs/sub/c");
    assert_eq!(found(&["logs", "logs/sub/../sub", "logs/a.jsonl"]).unwrap(), "logs/a.jsonl logs/b.csv logs/sub/c");
    assert_eq!(found(&[]).unwrap(), "");
}

#[test]
fn what_cannot_be_found_is_named() {
    let root = directory(&["empty/sub/", "empty/.hidden"]);
    let found = |args: &[&str]| found(root.path(), args).unwrap_err();
    assert!(found(&["none.csv"]).starts_with("cannot read `/") && found(&["none.csv"]).contains("none.csv`: "));
    assert!(found(&["empty"]).contains("empty` holds no file"));
    assert!(found(&["-", "-"]).contains("only once"));
    let gone = source::read(&[Input::Path(root.path().join("gone"))], &Options::default(), &|_| ()).unwrap_err();
    assert!(gone.to_string().contains("gone`: "), "{gone}");
    let folder = source::read(&[Input::Path(root.path().join("empty"))], &Options::default(), &|_| ()).unwrap_err();
    assert!(folder.to_string().contains("empty`: "), "{folder}");
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_loops_end() {
    use std::os::unix::fs::symlink;
    let root = directory(&["logs/a", "logs/sub/b", "other/c"]);
    let path = |name: &str| root.path().join(name);
    symlink(path("logs"), path("logs/sub/loop")).unwrap();
    symlink(path("logs/a"), path("logs/z_again")).unwrap();
    symlink(path("other"), path("logs/more")).unwrap();
    symlink(path("other/c"), path("link")).unwrap();
    assert_eq!(found(root.path(), &["logs"]).unwrap(), "logs/a logs/more/c logs/sub/b");
    assert_eq!(found(root.path(), &["link", "logs"]).unwrap(), "link logs/a logs/sub/b");
    symlink(path("nowhere"), path("logs/broken")).unwrap();
    let inputs = source::find(&[path("logs")]).unwrap();
    let reading = source::read(&inputs, &Options::default(), &|_| ()).unwrap();
    let (broken, bad) = (&reading.inputs[1], &reading.bad);
    assert!(broken.name.ends_with("logs/broken"), "{}", broken.name);
    assert_eq!((reading.inputs.len(), broken.bad, bad.count, bad.first[0].place.input), (4, 1, 1, 1));
    assert!(bad.first[0].reason.starts_with("cannot be opened: "), "{}", bad.first[0].reason);
    assert!(found(root.path(), &["logs/broken"]).unwrap_err().contains("logs/broken`: "), "named, it is an error");
}

#[test]
fn inputs_keep_their_order_and_one_bad_one_does_not_stop_the_others() {
    let paths = ["fixtures/source/utf16.jsonl", "fixtures/source/tab.csv", "fixtures/source/prose_before.jsonl"];
    let inputs: Vec<Input> = paths.iter().map(|path| Input::Path(path.into())).collect();
    let consumed = std::sync::atomic::AtomicU64::new(0);
    let progress = |bytes| {
        consumed.fetch_add(bytes, std::sync::atomic::Ordering::Relaxed);
    };
    let reading = source::read(&inputs, &Options::default(), &progress).unwrap();
    let names: Vec<&str> = reading.inputs.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(names, paths);
    let places: Vec<Place> = events(&reading).iter().map(|event| event.place).collect();
    assert_eq!(places, [Place { input: 1, line: 2 }, Place { input: 2, line: 2 }]);
    let bad: Vec<Place> = reading.bad.first.iter().map(|bad| bad.place).collect();
    assert_eq!(bad, [Place { input: 0, line: 1 }, Place { input: 2, line: 1 }]);
    let sizes: u64 = paths.iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    assert_eq!(reading.inputs.iter().map(|input| input.bytes).sum::<u64>(), sizes);
    assert_eq!(consumed.into_inner(), sizes);
}

#[test]
fn of_many_bad_records_the_first_thousand_are_kept() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("log");
    fs::write(&path, "{\"ts\":1}\n".repeat(1_000_000)).unwrap();
    let reading = read(&path, &Options::default());
    assert_eq!((reading.bad.count, reading.inputs[0].bad), (1_000_000, 1_000_000));
    let lines: Vec<u32> = reading.bad.first.iter().map(|bad| bad.place.line).collect();
    assert_eq!(lines, (1..=1_000).collect::<Vec<u32>>());
}

#[test]
fn no_reason_shows_a_token_or_moves_the_cursor() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("log");
    let secret = "EAAsecret";
    let start = r#"{"ts":"2024-03-01T10:00:00Z","user":"1","event":"send""#;
    let long = "\\u001b[2J".repeat(50);
    let lines = [
        format!(r#"{start},"token":["{secret}"]}}"#),
        format!(r#"{start},"token":"{secret}","token":"{secret}"}}"#),
        format!(r#"{start},"token":"{secret}\ud800"}}"#),
        format!(r#"{start},"token":"{secret}"#),
        format!(r#""{secret}""#),
        format!(r#"{start},"token":"{secret}" "{secret}"}}"#),
        format!(r#"{start},"token":"{secret}","status":"{long}"}}"#),
        format!(r#"{start},"token":"{secret}","error_code":"{long}"}}"#),
        format!(r#"{start},"token":"{secret}","token_expires":"\u202e{long}"}}"#),
    ];
    fs::write(&path, lines.join("\n")).unwrap();
    let reading = read(&path, &Options::default());
    assert_eq!(reading.bad.count, lines.len() as u64);
    for bad in &reading.bad.first {
        assert!(!bad.reason.contains(secret) && bad.reason.len() < 500, "{}", bad.reason);
        assert!(!bad.reason.chars().any(|c| c.is_control() || c == '\u{202e}'), "{}", bad.reason);
    }
}

/// An event as one would write it down: everything in a form that owns its text.
#[derive(Clone, Debug)]
struct Written {
    event: Event<'static>,
    texts: [Option<String>; 9],
}

const TEXTS: [&str; 9] = ["account", "user", "id", "text", "tag", "token", "comment", "template", "region"];

impl Written {
    fn event(&self, line: usize) -> Event<'_> {
        let [account, user, id, text, tag, token, comment, template, region] = &self.texts;
        Event {
            place: Place { input: 0, line: line as u32 },
            account: account.as_deref().unwrap_or_default(),
            user: user.as_deref().unwrap_or_default(),
            id: id.as_deref(),
            text: text.as_deref(),
            tag: tag.as_deref(),
            token: token.as_deref(),
            comment: comment.as_deref(),
            template: template.as_deref(),
            region: region.as_deref(),
            ..self.event
        }
    }

    /// All fields by name, without those that are absent.
    fn fields(&self) -> Vec<(&'static str, String)> {
        let event = &self.event;
        let mut fields = vec![
            ("ts", event.at.to_string()),
            ("channel", event.channel.to_string()),
            ("event", event.kind.to_string()),
            ("sponsored", event.sponsored.to_string()),
        ];
        let mut add = |name, value: Option<String>| fields.extend(value.map(|value| (name, value)));
        for (name, text) in TEXTS.into_iter().zip(&self.texts) {
            add(name, text.clone());
        }
        add("messaging_type", event.messaging_type.map(|word| word.to_string()));
        add("token_type", event.token_type.map(|word| word.to_string()));
        add("token_expires", event.token_expires.map(|at| at.to_string()));
        add("frequency", event.frequency.map(|word| word.to_string()));
        add("category", event.category.map(|word| word.to_string()));
        add("sender", event.sender.map(|word| word.to_string()));
        add("promotional", event.promotional.map(|truth| truth.to_string()));
        add("status", event.status.map(|word| word.to_string()));
        add("error_code", event.error_code.map(|code| code.to_string()));
        add("error_subcode", event.error_subcode.map(|code| code.to_string()));
        add("entry", event.entry.map(|word| word.to_string()));
        fields
    }
}

fn one_of<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    proptest::sample::select(all)
}

fn perhaps<T: std::fmt::Debug + Clone + 'static>(
    some: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Option<T>> {
    prop_oneof![Just(None), some.prop_map(Some)]
}

fn written() -> impl Strategy<Value = Written> {
    // Ids are read without the blanks around them, and `x` keeps them from looking like a spreadsheet's number.
    let name = || "x[ -~\u{e9}\u{4e2d}\u{1f600}]{0,8}x";
    let texts = (
        perhaps(name()),
        name(),
        perhaps(name()),
        perhaps("[ \t\r\n\"',;\\\\a-z\u{301}\u{1f600}]{0,20}x"),
        perhaps("[A-Z]{1,9}_[A-Z]{1,9}"),
        perhaps(name()),
        perhaps(name()),
        perhaps(name()),
        perhaps("[A-Z]{2}"),
    );
    let code = || perhaps(any::<i32>().prop_filter("0 is none", |code| *code != 0));
    let time = || (-62_167_219_200_000_i64..=253_402_300_799_999).prop_map(Time::from_ms);
    let claims = (
        perhaps(one_of(MessagingType::ALL)),
        perhaps(one_of(TokenType::ALL)),
        perhaps(time()),
        perhaps(one_of(Frequency::ALL)),
        perhaps(one_of(Category::ALL)),
        any::<bool>(),
    );
    let outcome = (
        perhaps(one_of(Sender::ALL)),
        perhaps(any::<bool>()),
        perhaps(one_of(Status::ALL)),
        code(),
        code(),
        perhaps(one_of(Entry::ALL)),
    );
    (time(), one_of(Channel::ALL), one_of(Kind::ALL), texts, claims, outcome).prop_map(
        |(at, channel, kind, texts, claims, outcome)| {
            let (messaging_type, token_type, token_expires, frequency, category, sponsored) = claims;
            let (sender, promotional, status, error_code, error_subcode, entry) = outcome;
            let (account, user, id, text, tag, token, comment, template, region) = texts;
            let event = Event { at, channel, kind, messaging_type, token_type, token_expires, ..Event::default() };
            let event = Event { frequency, category, sponsored, sender, promotional, status, ..event };
            let event = Event { error_code, error_subcode, entry, ..event };
            Written { event, texts: [account, Some(user), id, text, tag, token, comment, template, region] }
        },
    )
}

fn as_json_lines(all: &[Written]) -> Vec<u8> {
    let mut lines = String::new();
    for written in all {
        let fields: serde_json::Map<String, serde_json::Value> =
            written.fields().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        writeln!(lines, "{}", serde_json::Value::Object(fields)).unwrap();
    }
    lines.into_bytes()
}

/// The table, and the line on which each row begins.
fn as_csv(all: &[Written], delimiter: u8) -> (Vec<u8>, Vec<usize>) {
    let names: Vec<&str> = source::Field::ALL.iter().map(|field| field.word()).collect();
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
    writer.write_record(&names).unwrap();
    let (mut line, mut lines) = (2, Vec::new());
    for written in all {
        let fields = written.fields();
        let value =
            |name: &&str| fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.as_str());
        let row: Vec<&str> = names.iter().map(value).collect();
        lines.push(line);
        line += 1 + row.iter().map(|cell| cell.matches('\n').count()).sum::<usize>();
        writer.write_record(&row).unwrap();
    }
    (writer.into_inner().unwrap(), lines)
}

fn read_bytes(bytes: &[u8], options: &Options) -> Reading {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("log");
    fs::write(&path, bytes).unwrap();
    read(&path, options)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back(
        all in proptest::collection::vec(written(), 1..20),
        delimiter in one_of(b",;\t"),
    ) {
        let options = Options { keep_text: KeepText::All, ..Options::default() };
        let reading = read_bytes(&as_json_lines(&all), &options);
        let expected: Vec<Event<'_>> = all.iter().zip(1..).map(|(written, line)| written.event(line)).collect();
        prop_assert_eq!(&reading.bad.first, &[]);
        prop_assert_eq!(events(&reading), expected);

        let (table, lines) = as_csv(&all, delimiter);
        let reading = read_bytes(&table, &options);
        let expected: Vec<Event<'_>> = all.iter().zip(lines).map(|(written, line)| written.event(line)).collect();
        prop_assert_eq!(&reading.bad.first, &[]);
        prop_assert_eq!(events(&reading), expected);
    }

    #[test]
    fn random_bytes_are_read_or_refused(
        start in one_of(&["", "\u{feff}", "{\"ts\":\"", "ts,user,direction\n", "sep=", "\tts\tuser\tevent\r\n\""]),
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let bytes = [start.as_bytes(), &bytes].concat();
        let reading = read_bytes(&bytes, &Options::default());
        let is_blank = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes).iter().all(u8::is_ascii_whitespace);
        prop_assert_eq!(reading.inputs[0].format == "empty", is_blank);
        prop_assert!(!is_blank || reading.bad.count == 0);
    }

    #[test]
    fn random_lines_are_all_accounted_for(
        lines in proptest::collection::vec("[{}\\[\\]\",:a-z0-9\\\\. \u{e9}]{0,30}x", 1..20),
        header in one_of(&["{}\n", "ts,user,direction\n"]),
    ) {
        let reading = read_bytes(format!("{header}{}", lines.join("\n")).as_bytes(), &Options::default());
        // Nothing here is a record. A row of the table may have lines inside a quote that is closed properly.
        let bad = reading.bad.count as usize;
        let quotes = lines.iter().map(|line| line.matches('"').count()).sum::<usize>();
        if header == "{}\n" {
            prop_assert_eq!(bad, lines.len() + 1);
        } else {
            prop_assert!(bad <= lines.len() && lines.len() <= bad + quotes, "{bad} of {lines:?}");
        }
    }
}

#[test]
fn a_log_cut_short_loses_nothing_but_its_last_record() {
    for name in ["every_field.jsonl", "words.jsonl", "broken_lines.jsonl"] {
        let whole = fs::read(Path::new("fixtures/source").join(name)).unwrap();
        for end in 0..whole.len() {
            let cut = &whole[..end];
            let reading = read_bytes(cut, &Options::default());
            let is_line = |line: &&[u8]| !line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii().is_empty();
            let lines = cut.split(|c| *c == b'\n').filter(is_line).count() as u64;
            assert_eq!(reading.inputs[0].records + reading.bad.count, lines, "{name} cut at {end}");
        }
    }
    for name in ["comma.csv", "semicolon.csv", "stray_quotes.csv"] {
        let path = Path::new("fixtures/source").join(name);
        let whole = fs::read(&path).unwrap();
        let reading = read(&path, &Options::default());
        let mut begins: Vec<u32> = events(&reading).iter().map(|event| event.place.line).collect();
        begins.extend(reading.bad.first.iter().map(|bad| bad.place.line));
        for end in 0..whole.len() {
            let cut = &whole[..end];
            let lines = cut.iter().filter(|c| **c == b'\n').count() as u32;
            let expected = begins.iter().filter(|line| **line <= lines).count() as u64;
            let reading = read_bytes(cut, &Options::default());
            assert!(expected <= reading.inputs[0].records + reading.bad.count, "{name} cut at {end}");
        }
    }
}

#[test]
fn pictures_of_an_export_are_left_out_of_a_folder_and_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("log.jsonl"), "{\"ts\":1709287200,\"user\":\"1\",\"event\":\"send\"}\n").unwrap();
    let photo = folder.path().join("photo.jpg");
    fs::write(&photo, b"\xff\xd8\xff\xe0\0\x10JFIF\0").unwrap();
    fs::write(folder.path().join("start.html"), "<!DOCTYPE html>\n<html></html>").unwrap();
    let readme = folder.path().join("README.md");
    fs::write(&readme, "# Logs\n\nOf the bot, by month, newest last.\n").unwrap();
    fs::write(folder.path().join("notes.txt"), "Our logs, by month\n==================\n").unwrap();
    let inputs = fbwin::source::find(&[folder.path().to_owned()]).unwrap();
    let reading = fbwin::source::read(&inputs, &Options::default(), &|_| ()).unwrap();
    assert_eq!((reading.inputs.len(), reading.bad.count), (5, 0));
    assert_eq!(
        reading.inputs.iter().filter(|input| input.notes.iter().any(|note| note.contains("left out"))).count(),
        4
    );
    // Nobody who names it is told to name its columns.
    assert_eq!(read(&readme, &Options::default()).bad.first[0].reason, "is in no format that fbwin reads");
    // A heading may stand above a log, and what is no log and no page either must not be passed over.
    fs::write(&readme, "# Logs\n{\"ts\":1709287200,\"user\":\"1\",\"event\":\"send\"}\n").unwrap();
    fs::write(folder.path().join("notes.txt"), "when|who|which way\n").unwrap();
    let reading = fbwin::source::read(&inputs, &Options::default(), &|_| ()).unwrap();
    assert_eq!((reading.inputs.iter().map(|input| input.records).sum::<u64>(), reading.bad.count), (2, 2));
    let reasons: Vec<&str> = reading.bad.first.iter().map(|bad| bad.reason.as_str()).collect();
    assert!(reasons.iter().any(|reason| reason.contains("--map")), "{reasons:?}");
    assert_eq!(read(&photo, &Options::default()).bad.count, 1);
}
