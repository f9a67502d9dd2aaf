//! CSV: a header with our names, or with names that `--map` explains, and a record a row.
//!
//! Rows are cut here rather than by the `csv` crate, because that one reads on through a stray quote: a row that
//! opens one swallows the rows after it, up to the next quote, into a field that nobody looks at, and they are gone
//! without a word. Here a quote must be closed, and followed by a delimiter or the end of the row; otherwise its line
//! is a bad record and reading goes on with the next line.

use std::cell::OnceCell;

use memchr::{memchr, memchr2};

use super::canonical::{Field, Names, Record, Value};
use super::cell;
use super::json::Json;
use super::preset::{self, Preset};
use super::shape;
use super::write;
use super::{Fit, Format, Layout, Opened, Refusal, Sink, Start, shown, too_long};
use crate::scan::near;
use crate::time::Stamp;

const QUOTE: u8 = b'"';
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// How the bytes of a table fall into rows and cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Dialect {
    delimiter: u8,
    /// Line feed, or carriage return where there are only those.
    line_end: u8,
    max_record_bytes: usize,
}

struct Csv {
    dialect: Dialect,
    names: Names,
    /// What each column holds, if it is one of our fields.
    columns: Vec<Option<Field>>,
    /// Whether we wrote it: nobody else has all these columns.
    is_ours: bool,
    /// What is known of such tables, and which of their columns are the two sides and the raw record.
    preset: Option<(&'static Preset, PresetColumns)>,
}

/// Columns that a preset reads and that are no field of ours.
#[derive(Clone, Copy, Debug, Default)]
struct PresetColumns {
    from: Option<usize>,
    to: Option<usize>,
    raw: Option<usize>,
}

/// A header as it was found.
struct Header {
    dialect: Dialect,
    cells: Vec<String>,
    columns: Vec<Option<Field>>,
    preset: Option<&'static Preset>,
    line: u64,
    /// How many bytes there are up to the first row.
    len: usize,
}

fn fits(start: &Start<'_>) -> Fit {
    let names = Names::new(&start.options.map);
    match header(start, &names).and_then(|header| refusal(&header, &names, start).map_or(Ok(()), Err)) {
        Ok(()) => Fit::Surely,
        Err(_) => Fit::Perhaps,
    }
}

fn open(start: &Start<'_>) -> Result<Opened, Refusal> {
    let names = Names::new(&start.options.map);
    let header = header(start, &names)?;
    if let Some(refusal) = refusal(&header, &names, start) {
        return Err(refusal);
    }
    let (names, preset) = match header.preset {
        None => (names, None),
        Some(preset) => {
            let at = |name: &str| header.cells.iter().position(|cell| cell.eq_ignore_ascii_case(name));
            let columns = PresetColumns {
                from: preset.sides.as_ref().and_then(|sides| at(&sides.from)),
                to: preset.sides.as_ref().and_then(|sides| at(&sides.to)),
                raw: preset.raw.as_deref().and_then(at),
            };
            (Names::new(&preset.map()), Some((preset, columns)))
        }
    };
    let is_ours = header.cells.iter().map(String::as_str).eq(write::fields().map(Field::word));
    let layout = Csv { dialect: header.dialect, names, columns: header.columns, is_ours, preset };
    Ok(Opened { layout: Box::new(layout), skip: header.len })
}

/// Finds the header and the delimiter under which it shows most of our fields.
fn header(start: &Start<'_>, names: &Names) -> Result<Header, Refusal> {
    let blank = start.bytes.iter().take_while(|c| c.is_ascii_whitespace()).count();
    // Blank lines may go before the header, but not a tab on its own line: that is a column without a name.
    let mut at = start.bytes[..blank].iter().rposition(|c| matches!(c, b'\r' | b'\n')).map_or(0, |end| end + 1);
    let line_end = match memchr2(b'\r', b'\n', &start.bytes[at..]) {
        Some(end) if start.bytes[at + end] == b'\r' && start.bytes.get(at + end + 1) != Some(&b'\n') => b'\r',
        _ => b'\n',
    };
    let mut delimiters = DELIMITERS.to_vec();
    // Excel's own way to say which delimiter it used.
    if let [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', delimiter, rest @ ..] = &start.bytes[at..]
        && delimiter.is_ascii()
        && !matches!(delimiter, b'"' | b'\r' | b'\n')
        && let Some(end) = memchr(line_end, rest).filter(|end| rest[..*end].trim_ascii().is_empty())
    {
        delimiters = vec![*delimiter];
        at += 5 + end + 1;
    }
    let line = 1 + memchr::memchr_iter(line_end, &start.bytes[..at]).count() as u64;
    let refuse = |reason: &str| Refusal { line, reason: reason.to_owned() };
    let mut best: Option<(usize, Header)> = None;
    for delimiter in delimiters {
        let dialect = Dialect { delimiter, line_end, max_record_bytes: start.options.max_record_bytes };
        let Scan::Row(len) = dialect.scan(&start.bytes[at..], true) else { continue };
        let Ok(row) = std::str::from_utf8(dialect.without_end(&start.bytes[at..at + len])) else {
            let is_text = memchr(0, &start.bytes[..start.bytes.len().min(4_096)]).is_none();
            return Err(refuse(if is_text { NOT_UTF8 } else { "is not text" }));
        };
        let cells: Vec<String> = dialect.cells(row).map(|cell| unquoted(cell).trim().to_owned()).collect();
        // Who maps columns knows them better.
        let known_table = start.options.map.is_empty() || start.options.preset.is_some();
        let preset = preset::find(start.options.preset.as_deref(), &cells).filter(|_| known_table);
        let theirs = preset.map(|preset| Names::new(&preset.map()));
        let names = theirs.as_ref().unwrap_or(names);
        let columns: Vec<Option<Field>> = cells.iter().map(|cell| names.find_loosely(cell)).collect();
        let known = columns.iter().flatten().count() + if preset.is_some() { Field::ALL.len() } else { 0 };
        if best.as_ref().is_none_or(|(most, _)| *most < known) {
            best = Some((known, Header { dialect, cells, columns, preset, line, len: at + len }));
        }
    }
    match best {
        Some((_, header)) if header.len - at <= start.options.max_record_bytes => Ok(header),
        Some(_) => Err(refuse(&too_long(start.options.max_record_bytes))),
        None => Err(refuse(STRAY_QUOTE)),
    }
}

/// Why the rows under this header cannot be read, if so.
fn refusal(header: &Header, names: &Names, start: &Start<'_>) -> Option<Refusal> {
    let refuse = |reason: String| Some(Refusal { line: header.line, reason });
    if header.preset.is_some() {
        return None;
    }
    if let Some(name) = &start.options.preset {
        let missing = preset::missing(name, &header.cells).join("`, `");
        return refuse(format!("the header has no column `{missing}`, which the preset {name} reads"));
    }
    let has = |field: Field| header.columns.contains(&Some(field));
    for (at, column) in header.columns.iter().enumerate() {
        if let Some(field) = column.filter(|field| header.columns[..at].contains(&Some(*field))) {
            return refuse(format!("the header has the column `{}` twice", names.of(field)));
        }
    }
    let there = || header.cells.iter().take(30).map(|cell| shown(cell)).collect::<Vec<_>>().join(", ");
    let unfound: Vec<&str> = names.mapped().filter(|field| !has(*field)).map(|field| names.of(field)).collect();
    if !unfound.is_empty() {
        let unfound = unfound.iter().map(|name| shown(name)).collect::<Vec<_>>().join("`, `");
        return refuse(format!("the header has no column `{unfound}`, which --map names; it has {}", there()));
    }
    let required = [
        (has(Field::Ts), "ts", "ts"),
        (has(Field::User), "user", "user"),
        (has(Field::Event) || has(Field::Direction), "event` or `direction", "direction"),
    ];
    let missing: Vec<_> = required.iter().filter(|(is_there, ..)| !is_there).collect();
    if missing.is_empty() {
        return None;
    }
    let names = missing.iter().map(|(_, name, _)| *name).collect::<Vec<_>>().join("`, `");
    let map = missing.iter().map(|(.., name)| format!("{name}=...")).collect::<Vec<_>>().join(",");
    // Who maps columns knows that the table is no other program's.
    let preset = preset::suggestion(&header.cells).filter(|_| start.options.map.is_empty());
    let preset = preset.map(|name| format!(", or read it with --preset {name}")).unwrap_or_default();
    refuse(format!("the header has no column `{names}`; name it with --map {map}{preset}; it has {}", there()))
}

impl Layout for Csv {
    fn line_end(&self) -> u8 {
        self.dialect.line_end
    }

    fn cut(&self, bytes: &[u8]) -> usize {
        let mut whole = 0;
        loop {
            match self.dialect.scan(&bytes[whole..], false) {
                Scan::Row(len) | Scan::Stray(len) => whole += len,
                Scan::Open => return whole,
            }
            if whole == bytes.len() {
                return whole;
            }
        }
    }

    fn read(&self, bytes: &[u8], first_line: u64, sink: &mut Sink<'_>) {
        let text = simdutf8::basic::from_utf8(bytes).ok();
        let has_nul = memchr(0, bytes).is_some();
        let (mut begin, mut line) = (0, first_line);
        while begin < bytes.len() {
            let (end, closed) = match self.dialect.scan(&bytes[begin..], true) {
                Scan::Row(len) => (begin + len, true),
                Scan::Stray(len) => (begin + len, false),
                Scan::Open => (bytes.len(), false),
            };
            let row = self.dialect.without_end(&bytes[begin..end]);
            let outcome = if self.dialect.max_record_bytes < row.len() {
                Err(too_long(self.dialect.max_record_bytes))
            } else if !closed {
                Err(STRAY_QUOTE.to_owned())
            } else {
                let row = match text {
                    Some(text) => text.get(begin..begin + row.len()),
                    None => std::str::from_utf8(row).ok(),
                };
                match row {
                    Some(row) if has_nul && row.contains('\0') => Err("holds a NUL byte".to_owned()),
                    Some(row) => self.row(row, line, sink),
                    None => Err(NOT_UTF8.to_owned()),
                }
            };
            if let Err(reason) = outcome {
                sink.bad(line, reason);
            }
            line += memchr::memchr_iter(self.dialect.line_end, &bytes[begin..end]).count() as u64;
            begin = end;
        }
    }
}

impl Csv {
    fn row(&self, row: &str, line: u64, sink: &mut Sink<'_>) -> Result<(), String> {
        // Cells that a table of ours has in another form.
        let has_any = self.is_ours && memchr(b'\'', row.as_bytes()).is_some();
        let mut restored = Vec::new();
        for (at, cell) in self.dialect.cells(row).enumerate().filter(|_| has_any) {
            restored.extend(cell::read(&unquoted(cell)).map(|text| (at, text.into_owned())));
        }
        let mut restored = restored.iter().peekable();
        let mut record = Record::default();
        // The cells that only a preset reads, and a time that we write anew.
        let (mut sides, mut raw, written_anew) = ((None, None), None, OnceCell::new());
        let (mut logged, mut code) = (None, None);
        let mut is_blank = true;
        let mut too_many = false;
        let mut columns = self.columns.iter();
        for (at, cell) in self.dialect.cells(row).enumerate() {
            let column = columns.next();
            let mut cell = cell;
            if let Some((_, text)) = restored.next_if(|(nth, _)| *nth == at) {
                cell = Value::Text(text);
            }
            let (Value::Text(text) | Value::CsvText(text)) = cell else { continue };
            if let Some((preset, columns)) = &self.preset {
                let at = Some(at);
                if at == columns.from {
                    sides.0 = Some(text);
                }
                if at == columns.to {
                    sides.1 = Some(text);
                }
                if at == columns.raw {
                    raw = Some(cell);
                }
                match column {
                    Some(Some(Field::Ts)) => {
                        logged = Stamp::parse(text, sink.options.utc_offset_s).ok();
                        if let Some(anew) = rfc_2822(text) {
                            cell = Value::Text(written_anew.get_or_init(|| anew));
                        }
                    }
                    Some(Some(Field::ErrorCode)) => code = Some(text),
                    Some(Some(field)) => cell = preset.word(*field, text).map_or(cell, Value::Text),
                    _ => {}
                }
            }
            if text.trim_ascii().is_empty() {
                continue;
            }
            is_blank = false;
            match column {
                Some(Some(field)) => {
                    if *field == Field::User {
                        sink.tally.id(text);
                    }
                    record.set(*field, cell);
                }
                Some(None) => {}
                None => too_many = true,
            }
        }
        // Spreadsheets like to end in rows of delimiters alone.
        if is_blank {
            return Ok(());
        }
        if too_many {
            return Err(format!("has more fields than the header, which has {}", self.columns.len()));
        }
        if let Some((preset, _)) = &self.preset {
            sink.tally.shape(&preset.name);
            let raw = raw.map(unquoted).unwrap_or_default();
            if let Some(json) = Json::parse(&raw).ok().filter(shape::is_known) {
                return shape::read_logged(&json, logged, line, sink);
            }
            for (field, value) in preset.fixed() {
                record.set(field, Value::Text(value));
            }
            record.claim_hidden = !preset.shows_claim;
            if let Some(places) = &preset.sides {
                let is_in = record.is_in();
                let (user, account) = if is_in { sides } else { (sides.1, sides.0) };
                let Some((channel, user)) = user.and_then(|text| places.address(text)) else {
                    sink.tally.left_out("a message of another channel, passed over");
                    return Ok(());
                };
                record.set(Field::Channel, Value::Text(channel.word()));
                record.claim_hidden &= !code.is_some_and(|code| preset.is_free_form(channel, code));
                record.set(Field::User, Value::Text(user));
                if let Some(text) = account {
                    let account = places.address(text).map_or(text, |(_, account)| account);
                    record.set(Field::Account, Value::Text(account));
                }
            }
        }
        sink.record(&record, &self.names, line)
    }
}

/// A time as mail writes it, which some programs use, as RFC 3339.
fn rfc_2822(text: &str) -> Option<String> {
    chrono::DateTime::parse_from_rfc2822(text.trim()).ok().map(|at| at.to_rfc3339())
}

const STRAY_QUOTE: &str = "has an opening quote without a closing one before a delimiter";

const NOT_UTF8: &str = "is not UTF-8; export it as CSV UTF-8";

/// What lies at the beginning of some bytes.
#[derive(Debug, PartialEq, Eq)]
enum Scan {
    /// A row of so many bytes, with its line end.
    Row(usize),
    /// A row whose quotes are wrong; its first line has so many bytes.
    Stray(usize),
    /// The beginning of a row whose end is not there yet.
    Open,
}

impl Dialect {
    /// Finds the end of the row that begins here.
    ///
    /// A block is scanned twice: when it is cut, with more bytes behind it, and when it is read, without them. Both
    /// must agree on where rows begin. They do, because a quote that is stray with all bytes in view is no less so
    /// when the view ends earlier.
    fn scan(&self, bytes: &[u8], at_end: bool) -> Scan {
        let is_end = |at: usize| bytes.get(at) == Some(&self.line_end);
        let mut at = 0;
        loop {
            let Some(found) = memchr2(QUOTE, self.line_end, &bytes[at..]) else {
                return if at_end { Scan::Row(bytes.len()) } else { Scan::Open };
            };
            at += found;
            if is_end(at) {
                return Scan::Row(at + 1);
            }
            let opens = at == 0 || bytes[at - 1] == self.delimiter;
            at += 1;
            if !opens {
                continue;
            }
            at = loop {
                let Some(found) = memchr(QUOTE, &bytes[at..]) else {
                    let given_up = at_end || self.max_record_bytes < bytes.len();
                    return if given_up { self.stray(bytes, at_end) } else { Scan::Open };
                };
                at += found + 1;
                match bytes.get(at) {
                    Some(&QUOTE) => at += 1,
                    Some(c) if *c == self.delimiter || *c == self.line_end => break at,
                    Some(b'\r') if is_end(at + 1) => break at,
                    Some(b'\r') if at + 1 == bytes.len() && at_end => break at,
                    Some(b'\r') if at + 1 == bytes.len() => return Scan::Open,
                    Some(_) => return self.stray(bytes, at_end),
                    None if at_end => break at,
                    None => return Scan::Open,
                }
            };
        }
    }

    fn stray(&self, bytes: &[u8], at_end: bool) -> Scan {
        match memchr(self.line_end, bytes) {
            Some(end) => Scan::Stray(end + 1),
            None if at_end => Scan::Stray(bytes.len()),
            None => Scan::Open,
        }
    }

    fn without_end<'b>(&self, row: &'b [u8]) -> &'b [u8] {
        let row = row.strip_suffix(&[self.line_end]).unwrap_or(row);
        row.strip_suffix(b"\r").unwrap_or(row)
    }

    /// The cells of a row whose quotes are right.
    fn cells<'r>(&self, row: &'r str) -> impl Iterator<Item = Value<'r>> {
        let delimiter = self.delimiter;
        let mut rest = Some(row);
        std::iter::from_fn(move || {
            let row = rest?;
            let bytes = row.as_bytes();
            let quoted = bytes.first() == Some(&QUOTE);
            let mut end = 0;
            if quoted {
                end = 1;
                while let Some(found) = memchr(QUOTE, &bytes[end..]) {
                    end += found + 1;
                    if bytes.get(end) != Some(&QUOTE) {
                        break;
                    }
                    end += 1;
                }
            }
            let end = near(bytes, end, delimiter);
            let cell = &row[..end.unwrap_or(row.len())];
            rest = end.map(|end| &row[end + 1..]);
            let inside = cell.strip_prefix('"').and_then(|cell| cell.strip_suffix('"'));
            Some(inside.map_or(Value::Text(cell), Value::CsvText))
        })
    }
}

fn unquoted(cell: Value<'_>) -> String {
    match cell {
        Value::CsvText(text) => text.replace("\"\"", "\""),
        Value::Text(text) => text.to_owned(),
        _ => String::new(),
    }
}

pub(super) const FORMAT: Format = Format { name: "csv", fits, open };

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, proptest};
    use proptest::sample::select;

    use super::*;

    const COMMA: Dialect = Dialect { delimiter: b',', line_end: b'\n', max_record_bytes: 64 };

    fn rows(dialect: Dialect, table: &str) -> Vec<Vec<String>> {
        let (mut begin, mut rows) = (0, Vec::new());
        while begin < table.len() {
            let Scan::Row(len) = dialect.scan(&table.as_bytes()[begin..], true) else { return Vec::new() };
            let row = dialect.without_end(&table.as_bytes()[begin..begin + len]);
            if !row.is_empty() {
                let row = &table[begin..begin + row.len()];
                rows.push(dialect.cells(row).map(|cell| unquoted(cell).to_owned()).collect());
            }
            begin += len;
        }
        rows
    }

    #[test]
    fn quotes_are_closed_or_stray() {
        for (table, expected) in [
            ("a,\"b\"\nc", Scan::Row(6)),
            ("a,\"b\"\r\nc", Scan::Row(7)),
            ("a,\"b\nb\"\nc", Scan::Row(8)),
            ("a,\"b\"\"\"\nc", Scan::Row(8)),
            ("a,\"\"\nc", Scan::Row(5)),
            ("5\" x,b\nc", Scan::Row(7)),
            ("\n", Scan::Row(1)),
            ("a,\"b\" \nc", Scan::Stray(7)),
            ("a,\"b\nc,\"d\"\n", Scan::Stray(5)),
            ("a,\"\"b\nc", Scan::Stray(6)),
            ("a,\"b\nc", Scan::Open),
            ("a,b", Scan::Open),
            ("a,\"b\"", Scan::Open),
            ("a,\"b\"\r", Scan::Open),
            ("", Scan::Open),
        ] {
            assert_eq!(COMMA.scan(table.as_bytes(), false), expected, "{table:?}");
            let at_end = match expected {
                Scan::Open if table == "a,\"b\nc" => Scan::Stray(5),
                Scan::Open => Scan::Row(table.len()),
                other => other,
            };
            assert_eq!(COMMA.scan(table.as_bytes(), true), at_end, "{table:?} and no more");
        }
        let long = format!("a,\"{}\n{}", "b".repeat(10), "c".repeat(64));
        assert_eq!(COMMA.scan(long.as_bytes(), false), Scan::Stray(14), "no record is as long as that");
    }

    fn cell() -> impl Strategy<Value = String> {
        vec(select(vec!['a', ' ', '"', ',', ';', '\n', 'é']), 0..6).prop_map(String::from_iter)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// What the `csv` crate writes is read as it was written.
        #[test]
        fn tables_are_read_as_written(
            table in vec(vec(cell(), 2..5), 1..6),
            delimiter in select(vec![b',', b';']),
            crlf in any::<bool>(),
        ) {
            let terminator = if crlf { ::csv::Terminator::CRLF } else { ::csv::Terminator::Any(b'\n') };
            let mut writer =
                ::csv::WriterBuilder::new().delimiter(delimiter).terminator(terminator).flexible(true).from_writer(vec![]);
            for row in &table {
                writer.write_record(row).map_err(|e| proptest::test_runner::TestCaseError::fail(e.to_string()))?;
            }
            let text = String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default();
            prop_assert_eq!(rows(Dialect { delimiter, ..COMMA }, &text), table);
        }

        /// Where the quotes of every row are right, we read whatever the `csv` crate reads.
        #[test]
        fn any_text_is_read_as_by_the_csv_crate(text in "[a\",\n]{0,40}") {
            let ours = rows(COMMA, &text);
            let mut reader =
                ::csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
            let theirs: Vec<Vec<String>> =
                reader.records().flatten().map(|row| row.iter().map(str::to_owned).collect()).collect();
            prop_assert!(ours.is_empty() || ours == theirs, "{ours:?} {theirs:?}");
        }

        /// The one who cuts and the one who reads agree on where rows begin.
        #[test]
        fn cut_rows_are_the_rows_read(text in "[a\",\r\n]{0,200}") {
            let begins = |bytes: &[u8]| {
                let (mut at, mut begins) = (0, vec![0]);
                while at < bytes.len() {
                    match COMMA.scan(&bytes[at..], true) {
                        Scan::Row(len) | Scan::Stray(len) => at += len,
                        Scan::Open => return begins,
                    }
                    begins.push(at);
                }
                begins
            };
            let csv = Csv { dialect: COMMA, names: Names::new(&[]), columns: vec![], is_ours: false, preset: None };
            let bytes = text.as_bytes();
            let cut = csv.cut(bytes);
            let mut twice = begins(&bytes[..cut]);
            prop_assert_eq!(twice.pop(), Some(cut));
            twice.extend(begins(&bytes[cut..]).into_iter().map(|at| cut + at));
            prop_assert_eq!(twice, begins(bytes));
        }
    }
}
