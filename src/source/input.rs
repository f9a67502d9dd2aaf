//! Finding inputs and reading them in blocks of whole records.
//!
//! Blocks bound the memory whatever the input: a log of 100 GB, one line of 2 GB, a pipe that never says how long it
//! is. They are cut by one thread at a time, which only looks for line ends; reading what they say is for the others.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::store::StoreError;

use super::csv;
use super::foreign::{foreign, is_medium, is_page, is_prose, is_zip};
use super::unpack::{self, Contents, Fate, Member};
use super::{FORMATS, Fit, Format, InputReading, Layout, Opened, Options, Refusal, Sink, Start, too_long};

/// The size of a block: large enough that starting one costs nothing, small enough for the cache of one core or two.
pub(super) const BLOCK_BYTES: usize = 4 << 20;

/// Where a log is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file, or whatever else can be opened and read: a named pipe, `/dev/fd/63`.
    Path(PathBuf),
    /// A file in a directory that was named. One that cannot be opened, such as a link that leads nowhere, is a bad record,
    /// and the others are read.
    Found(PathBuf),
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Input::Stdin => f.write_str("<stdin>"),
            Input::Path(path) | Input::Found(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Why inputs cannot be found or read.
#[derive(Debug)]
pub enum SourceError {
    /// The operating system refused.
    Io {
        /// The path as given, or `<stdin>`.
        name: String,
        /// Its words.
        error: io::Error,
    },
    /// A directory without a file.
    NoFile {
        /// The directory as given.
        name: String,
    },
    /// `-` given twice.
    StdinTwice,
    /// What was read could not be kept.
    Store(StoreError),
}

impl From<StoreError> for SourceError {
    fn from(error: StoreError) -> SourceError {
        SourceError::Store(error)
    }
}

impl SourceError {
    fn io(name: impl fmt::Display, error: io::Error) -> SourceError {
        SourceError::Io { name: name.to_string(), error }
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourceError::Io { name, error } => write!(f, "cannot read `{name}`: {error}"),
            SourceError::NoFile { name } => write!(f, "the directory `{name}` holds no file to read"),
            SourceError::Store(error) => error.fmt(f),
            SourceError::StdinTwice => f.write_str("`-` (standard input) can be read only once"),
        }
    }
}

/// The cause is part of the sentence, so it is not given a second time as a source.
impl std::error::Error for SourceError {}

/// The inputs that the arguments name: `-` is standard input, a directory stands for the files in and below it in
/// sorted order, without hidden ones. A file that is named twice, under whatever names, is read once.
///
/// # Errors
/// What is named and does not exist or cannot be read, a directory without files, and a second `-`.
pub fn find(args: &[PathBuf]) -> Result<Vec<Input>, SourceError> {
    let mut found = Found::default();
    for arg in args {
        if arg.as_os_str() == "-" {
            if found.inputs.contains(&Input::Stdin) {
                return Err(SourceError::StdinTwice);
            }
            found.inputs.push(Input::Stdin);
            continue;
        }
        let kind = fs::metadata(arg).map_err(|error| SourceError::io(arg.display(), error))?;
        if kind.is_dir() {
            if !found.walk(arg, true)? {
                return Err(SourceError::NoFile { name: arg.display().to_string() });
            }
        } else {
            found.file(arg, Input::Path);
        }
    }
    Ok(found.inputs)
}

#[derive(Default)]
struct Found {
    inputs: Vec<Input>,
    /// The canonical paths of all files and directories met so far.
    seen: HashSet<PathBuf>,
}

impl Found {
    /// Whether this is the first name of what `path` leads to. A pipe that the shell opened for us has no canonical
    /// path; its own must do.
    fn is_new(&mut self, path: &Path) -> bool {
        self.seen.insert(path.canonicalize().unwrap_or_else(|_| path.to_owned()))
    }

    fn file(&mut self, path: &Path, how: fn(PathBuf) -> Input) {
        if self.is_new(path) {
            self.inputs.push(how(path.to_owned()));
        }
    }

    /// Adds the files in and below a directory; whether there are any, or were when we came by before.
    fn walk(&mut self, directory: &Path, is_named: bool) -> Result<bool, SourceError> {
        if !self.is_new(directory) {
            return Ok(true);
        }
        let failed = |error| SourceError::io(directory.display(), error);
        let mut names = Vec::new();
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if is_named => return Err(failed(error)),
            // Opening it as a file will say why it cannot be read.
            Err(_) => {
                self.inputs.push(Input::Found(directory.to_owned()));
                return Ok(true);
            }
        };
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            if !name.as_encoded_bytes().starts_with(b".") {
                names.push(name);
            }
        }
        names.sort_unstable();
        let mut any = false;
        for name in names {
            let path = directory.join(name);
            let kind = fs::metadata(&path);
            if kind.as_ref().is_ok_and(fs::Metadata::is_dir) {
                any |= self.walk(&path, false)?;
            } else if kind.map_or(true, |kind| kind.is_file()) {
                // Nothing but files: a pipe or socket that happens to lie here would keep us waiting for ever.
                any = true;
                self.file(&path, Input::Found);
            }
        }
        Ok(any)
    }
}

/// Whole records of one input.
pub(super) struct Block {
    /// Which block of the run this is.
    pub(super) index: u64,
    /// Which input it is of.
    pub(super) input: u32,
    pub(super) layout: Arc<dyn Layout>,
    pub(super) bytes: Vec<u8>,
    /// The line on which `bytes` begin.
    pub(super) first_line: u64,
    /// How many bytes of input were passed since the block before.
    pub(super) consumed: u64,
    /// A record that had to be given up before `bytes`, by line and reason.
    pub(super) bad: Option<(u64, String)>,
}

/// Buffers that have been read and can be filled again: fresh memory for every block would cost as much as reading it.
#[derive(Clone, Debug, Default)]
pub(super) struct Spare(Arc<Mutex<Vec<Vec<u8>>>>);

/// More than this many are never waiting to be filled.
const MOST_SPARE: usize = 64;

impl Spare {
    /// Takes back a buffer.
    pub(super) fn give(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        // One that a long record has blown up would only keep its memory from others.
        if let Ok(mut spare) = self.0.lock()
            && spare.len() < MOST_SPARE
            && buffer.capacity() <= 2 * BLOCK_BYTES
        {
            spare.push(buffer);
        }
    }

    fn take(&self, capacity: usize) -> Vec<u8> {
        let spare = self.0.lock().ok().and_then(|mut spare| spare.pop());
        let mut buffer = spare.unwrap_or_default();
        buffer.reserve(capacity);
        buffer
    }
}

/// All inputs of a run as blocks, in order.
pub(super) struct Blocks<'a> {
    waiting: VecDeque<Waiting<'a>>,
    inputs: Vec<InputReading>,
    current: Option<Current>,
    options: &'a Options,
    block_bytes: usize,
    index: u64,
    spare: Spare,
}

pub(super) type Bytes = Box<dyn Read + Send>;
pub(super) type Opener<'a> = Box<dyn FnOnce() -> io::Result<Bytes> + Send + 'a>;

/// An input that is not yet opened.
struct Waiting<'a> {
    name: String,
    from: Origin<'a>,
    /// Whether the run ends if it cannot be opened.
    is_named: bool,
}

enum Origin<'a> {
    /// A stream; and the file it is, if it is one that may be an archive.
    Stream(Opener<'a>, Option<&'a Path>),
    /// A file inside an archive.
    Member(Box<Member>),
}

/// The input being read.
struct Current {
    bytes: Bytes,
    layout: Arc<dyn Layout>,
    /// What is read and not yet in a block.
    buffer: Vec<u8>,
    at_end: bool,
    /// The line on which the buffer begins.
    line: u64,
    /// Whether the buffer begins inside a line that is given up.
    skipping: bool,
    consumed: u64,
    bad: Option<(u64, String)>,
    /// How unpacking went, where there was something to unpack, and whether that is reported.
    fate: Option<Fate>,
    is_fate_told: bool,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(inputs: &'a [Input], options: &'a Options) -> Blocks<'a> {
        let open = |input: &'a Input| -> Waiting<'a> {
            let from = match input {
                Input::Stdin => Origin::Stream(Box::new(|| Ok(Box::new(io::stdin()) as Bytes)), None),
                Input::Path(path) | Input::Found(path) => {
                    Origin::Stream(Box::new(move || Ok(Box::new(File::open(path)?) as Bytes)), Some(path))
                }
            };
            Waiting { name: input.to_string(), from, is_named: !matches!(input, Input::Found(_)) }
        };
        let waiting = inputs.iter().map(open).collect();
        Blocks {
            waiting,
            inputs: Vec::new(),
            current: None,
            options,
            block_bytes: BLOCK_BYTES,
            index: 0,
            spare: Spare::default(),
        }
    }

    /// Streams that are no files, read in blocks of another size: it changes nothing but the time it takes.
    pub(super) fn of(streams: VecDeque<(String, Opener<'a>)>, options: &'a Options, block_bytes: usize) -> Blocks<'a> {
        let waiting = streams.into_iter().map(|(name, opener)| Waiting {
            name,
            from: Origin::Stream(opener, None),
            is_named: true,
        });
        Blocks {
            waiting: waiting.collect(),
            inputs: Vec::new(),
            current: None,
            options,
            block_bytes,
            index: 0,
            spare: Spare::default(),
        }
    }

    /// Where buffers go that have been read.
    pub(super) fn spare(&self) -> Spare {
        self.spare.clone()
    }

    /// What is known of the inputs by now.
    pub(super) fn into_inputs(self) -> Vec<InputReading> {
        self.inputs
    }

    /// The next block; `None` at the end, and after an error.
    pub(super) fn next_block(&mut self) -> Option<Result<Block, SourceError>> {
        loop {
            if self.current.is_none() {
                let Waiting { name, from, is_named } = self.waiting.pop_front()?;
                match self.open(&name, from, is_named) {
                    Ok(()) => {}
                    Err(error) if is_named => {
                        self.waiting.clear();
                        return Some(Err(SourceError::io(name, error)));
                    }
                    Err(error) => self.refuse(&name, UNKNOWN, Some(format!("cannot be opened: {error}"))),
                }
            }
            // Every opened input is in `inputs` and in `current`.
            let (current, of_input) = (self.current.as_mut()?, self.inputs.last_mut()?);
            let max_record_bytes = current.layout.max_record_bytes(self.options);
            match current.next(self.block_bytes, max_record_bytes, &self.spare) {
                Ok(Some((bytes, first_line))) => {
                    let consumed = current.take_consumed();
                    of_input.bytes += consumed;
                    let block = Block {
                        index: self.index,
                        // More than 4 billion inputs are beyond any command line.
                        input: self.inputs.len() as u32 - 1,
                        layout: Arc::clone(&current.layout),
                        bytes,
                        first_line,
                        consumed,
                        bad: current.bad.take(),
                    };
                    self.index += 1;
                    return Some(Ok(block));
                }
                Ok(None) => self.current = None,
                Err(error) => {
                    let error = SourceError::io(&of_input.name, error);
                    self.waiting.clear();
                    self.current = None;
                    return Some(Err(error));
                }
            }
        }
    }

    /// Opens an input, tells its format and gets past what precedes its first record. An archive is followed by its files.
    fn open(&mut self, name: &str, from: Origin<'a>, is_named: bool) -> io::Result<()> {
        let (mut bytes, mut fate, path, is_member) = match from {
            Origin::Stream(opener, path) => (opener()?, None, path, false),
            Origin::Member(member) => match member.open()? {
                Ok((bytes, fate)) => (bytes, Some(fate), None, true),
                Err(reason) => {
                    self.refuse(name, UNKNOWN, Some(reason));
                    return Ok(());
                }
            },
        };
        let mut start = Vec::new();
        let mut at_end = fill(&mut bytes, &mut start, BLOCK_BYTES)?;
        if let Some(path) = path
            && is_zip(&start)
        {
            match unpack::members(path, name)? {
                Ok(Contents { members, notes }) => {
                    self.refuse(name, "zip", None);
                    self.inputs.last_mut().into_iter().for_each(|input| input.notes.clone_from(&notes));
                    for member in members.into_iter().rev() {
                        let (name, from) = (member.name.clone(), Origin::Member(Box::new(member)));
                        self.waiting.push_front(Waiting { name, from, is_named: true });
                    }
                }
                Err(reason) => self.refuse(name, UNKNOWN, Some(reason)),
            }
            return Ok(());
        }
        if !is_named && is_medium(&start) {
            self.leave_out(name);
            return Ok(());
        }
        if !is_member && let Some(packing) = unpack::packing(&start) {
            let packed = Box::new(Cursor::new(std::mem::take(&mut start)).chain(bytes));
            let (unpacked, its_fate) = unpack::stream(packing, packed);
            (bytes, fate) = (unpacked, Some(its_fate));
            at_end = fill(&mut bytes, &mut start, BLOCK_BYTES)?;
        }
        let read = start.len();
        let (format, opened) = tell(&mut start, at_end, self.options);
        if !is_named && format == UNKNOWN && is_page(name, &start) {
            self.leave_out(name);
            return Ok(());
        }
        let (opened, bad) = match opened {
            Ok(opened) => (opened, None),
            Err(Refusal { line, reason }) => {
                start.clear();
                bytes = Box::new(io::empty());
                (Opened { layout: Box::new(Nothing), skip: 0 }, Some((line, reason)))
            }
        };
        let line = 1 + count(opened.layout.line_end(), &start[..opened.skip]);
        start.drain(..opened.skip);
        self.inputs.push(InputReading { name: name.to_owned(), format, ..InputReading::default() });
        self.current = Some(Current {
            consumed: (read - start.len()) as u64,
            bytes: Box::new(Cursor::new(start).chain(bytes)),
            layout: Arc::from(opened.layout),
            buffer: Vec::new(),
            at_end: false,
            line,
            skipping: false,
            // One reason is enough for an input that is refused.
            is_fate_told: bad.is_some(),
            bad,
            fate,
        });
        Ok(())
    }

    /// Takes in a file that lies among the logs and is none.
    fn leave_out(&mut self, name: &str) {
        self.refuse(name, "none", None);
        let note = "left out: a picture, a sound, a film or a page, and no log";
        self.inputs.last_mut().into_iter().for_each(|input| input.notes.push(note.to_owned()));
    }

    /// Takes an input in of which no byte is read as a record.
    fn refuse(&mut self, name: &str, format: &'static str, reason: Option<String>) {
        self.inputs.push(InputReading { name: name.to_owned(), format, ..InputReading::default() });
        self.current = Some(Current {
            consumed: 0,
            bytes: Box::new(io::empty()),
            layout: Arc::new(Nothing),
            buffer: Vec::new(),
            at_end: true,
            line: 1,
            skipping: false,
            bad: reason.map(|reason| (1, reason)),
            fate: None,
            is_fate_told: true,
        });
    }
}

impl Current {
    /// The next whole records and the line they begin on; none, where a record is given up or the last bytes held none.
    fn next(
        &mut self,
        block_bytes: usize,
        max_record_bytes: usize,
        spare: &Spare,
    ) -> io::Result<Option<(Vec<u8>, u64)>> {
        let line_end = self.layout.line_end();
        // A record may be read only if it is not too long, so one byte beyond the longest settles it.
        let most = max_record_bytes.saturating_add(2).max(block_bytes);
        let mut wanted = block_bytes;
        loop {
            self.fill(wanted)?;
            if self.skipping {
                match memchr::memchr(line_end, &self.buffer) {
                    Some(end) => {
                        self.buffer.drain(..=end);
                        self.line += 1;
                        self.skipping = false;
                    }
                    None => self.buffer.clear(),
                }
                if !self.buffer.is_empty() || !self.at_end {
                    continue;
                }
            }
            if self.buffer.is_empty() {
                let wrong =
                    self.fate.as_ref().and_then(Fate::wrong).filter(|_| !self.is_fate_told && self.bad.is_none());
                if let Some(wrong) = wrong {
                    self.bad = Some((self.line, wrong.to_owned()));
                    self.is_fate_told = true;
                }
                let consumed = self.fate.as_ref().map_or(self.consumed, Fate::passed);
                let is_untold = self.bad.is_some() || consumed != 0;
                return Ok(is_untold.then(|| (Vec::new(), self.line)));
            }
            let whole = if self.at_end { self.buffer.len() } else { self.layout.cut(&self.buffer) };
            if whole != 0 {
                let mut rest = spare.take(block_bytes);
                rest.extend_from_slice(&self.buffer[whole..]);
                self.buffer.truncate(whole);
                let block = std::mem::replace(&mut self.buffer, rest);
                let first_line = self.line;
                self.line += count(line_end, &block);
                return Ok(Some((block, first_line)));
            }
            if self.buffer.len() < most {
                wanted = self.buffer.len().saturating_mul(2).min(most);
                continue;
            }
            let reason = too_long(max_record_bytes);
            if self.layout.goes_on() {
                self.bad = Some((self.line, reason));
                self.skipping = true;
            } else {
                self.bad = Some((self.line, format!("{reason}; what follows in this file is not read")));
                self.give_up();
            }
            return Ok(Some((Vec::new(), self.line)));
        }
    }

    /// How many bytes of the input, packed as it is, were passed since this was last asked.
    fn take_consumed(&mut self) -> u64 {
        let consumed = std::mem::take(&mut self.consumed);
        self.fate.as_ref().map_or(consumed, Fate::take_passed)
    }

    /// Leaves the rest of the input unread.
    fn give_up(&mut self) {
        self.bytes = Box::new(io::empty());
        self.buffer = Vec::new();
        self.at_end = true;
        self.is_fate_told = true;
    }

    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        let before = self.buffer.len();
        if !self.at_end && before < wanted {
            self.at_end = fill(&mut self.bytes, &mut self.buffer, wanted)?;
            self.consumed += (self.buffer.len() - before) as u64;
        }
        Ok(())
    }
}

/// Reads until the buffer holds `wanted` bytes; whether the input ended before.
fn fill(bytes: &mut Bytes, buffer: &mut Vec<u8>, wanted: usize) -> io::Result<bool> {
    let missing = wanted.saturating_sub(buffer.len());
    buffer.reserve_exact(missing);
    Ok(bytes.take(missing as u64).read_to_end(buffer)? < missing)
}

fn count(line_end: u8, bytes: &[u8]) -> u64 {
    memchr::memchr_iter(line_end, bytes).count() as u64
}

/// Tells the format of an input by its beginning, and takes the byte order mark away.
fn tell(start: &mut Vec<u8>, at_end: bool, options: &Options) -> (&'static str, Result<Opened, Refusal>) {
    if let Some(reason) = foreign(start) {
        return (UNKNOWN, Err(Refusal { line: 1, reason: reason.to_owned() }));
    }
    if start.starts_with(UTF8_MARK) {
        start.drain(..UTF8_MARK.len());
    }
    if at_end && start.iter().all(u8::is_ascii_whitespace) {
        return ("empty", Ok(Opened { layout: Box::new(Nothing), skip: start.len() }));
    }
    let start = Start { bytes: start, options };
    let mut best: Option<(Fit, &Format)> = None;
    for format in FORMATS {
        let fit = (format.fits)(&start);
        if best.is_none_or(|(so_far, _)| so_far < fit) {
            best = Some((fit, format));
        }
    }
    let opened = match best {
        Some((fit @ (Fit::Perhaps | Fit::Surely), format)) => Some((fit, format.name, (format.open)(&start))),
        _ => None,
    };
    match opened {
        // The last format takes any text for a table. What to do about its header helps nobody whose file has none.
        Some((Fit::Perhaps, format, Err(_))) if format == csv::FORMAT.name && is_prose(start.bytes, options) => {
            no_format()
        }
        Some((_, format, opened)) => (format, opened),
        None => no_format(),
    }
}

/// The format of an input that is in none.
const UNKNOWN: &str = "unknown";

fn no_format() -> (&'static str, Result<Opened, Refusal>) {
    (UNKNOWN, Err(Refusal { line: 1, reason: "is in no format that fbwin reads".to_owned() }))
}

/// The byte order mark that some programs put before UTF-8.
pub(super) const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// The layout of what holds no record.
struct Nothing;

impl Layout for Nothing {
    fn cut(&self, bytes: &[u8]) -> usize {
        bytes.len()
    }

    fn read(&self, _bytes: &[u8], _first_line: u64, _sink: &mut Sink<'_>) {}
}
