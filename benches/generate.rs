//! Writes an invented log of canonical records, the same for the same arguments, as large as one likes.
//!
//! usage: cargo bench --bench generate -- --events N [--users U] [--even] [--accounts A] [--days D] [--seed S]
//! [--format jsonl|csv] [--order time|shuffled|newest] > LOG
//!
//! Conversations interleave by time as in a log of webhooks, and a few users write most of it (Zipf); with `--even` all
//! write as much. About 55 of 100 events are the user's, 45 are sends; some of those are outside the window, under a
//! retired tag, under HUMAN_AGENT too late, or spend a token twice.
//!
//! In order of time it holds 40 bytes a user and a slice of the log; in another order, 32 bytes an event.
// A bench says what is wrong with its arguments, and stops where it cannot go on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, clippy::exit)]

use std::io::{self, BufWriter, Write};
use std::process::exit;

const USAGE: &str = "usage: cargo bench --bench generate -- --events N [--users U] [--even] [--accounts A] [--days D] \
    [--seed S] [--format jsonl|csv] [--order time|shuffled|newest] > LOG";

/// 2026-03-01T00:00:00Z.
const START_MS: f64 = 1_772_323_200_000.0;
const DAY_MS: u64 = 86_400_000;
const HEADER: &str = "ts,channel,account,user,event,id,text,messaging_type,tag,token,sender,status\r\n";
const WORDS: &[&str] = &[
    "hello",
    "thanks",
    "order",
    "delivery",
    "please",
    "when",
    "size",
    "blue",
    "confirmed",
    "your",
    "table",
    "for",
    "two",
    "tomorrow",
    "is",
    "ready",
    "¿cuándo",
    "llega",
    "pedido",
    "спасибо",
    "заказ",
    "cảm",
    "ơn",
    "đơn",
    "hàng",
    "obrigado",
    "\"quoted\"",
    "line\\break",
    "😀",
    "price",
    "appointment",
    "update",
    "shipped",
];
const TAGS: [&str; 3] = ["ACCOUNT_UPDATE", "POST_PURCHASE_UPDATE", "SHIPPING_UPDATE"];
const TEXTS: u64 = 5_000;
const GAPS_MS: [f64; 6] = [20_000.0, 60_000.0, 300_000.0, 3_600_000.0, 40_000_000.0, 90_000_000.0];
/// About so many events are sorted at once.
const SLICE_EVENTS: u64 = 200_000;

#[derive(Clone, Copy, PartialEq)]
enum Order {
    Time,
    Shuffled,
    Newest,
}

struct Arguments {
    events: u64,
    users: u64,
    even: bool,
    accounts: u64,
    days: u64,
    seed: u64,
    csv: bool,
    order: Order,
}

fn wrong(what: &str) -> ! {
    eprintln!("{what}\n{USAGE}");
    exit(2)
}

fn arguments() -> Arguments {
    let mut given =
        Arguments { events: 0, users: 0, even: false, accounts: 50, days: 30, seed: 1, csv: false, order: Order::Time };
    let mut words = std::env::args().skip(1);
    while let Some(name) = words.next() {
        let mut value = || words.next().unwrap_or_else(|| wrong(&format!("{name} needs a value")));
        let number = |text: String| text.parse().unwrap_or_else(|_| wrong(&format!("`{text}` is no number")));
        match name.as_str() {
            "--bench" => {} // Cargo's
            "--even" => given.even = true,
            "--events" => given.events = number(value()),
            "--users" => given.users = number(value()),
            "--accounts" => given.accounts = number(value()).max(1),
            "--days" => given.days = number(value()),
            "--seed" => given.seed = number(value()),
            "--format" => match value().as_str() {
                "jsonl" => given.csv = false,
                "csv" => given.csv = true,
                other => wrong(&format!("`{other}` is no format")),
            },
            "--order" => match value().as_str() {
                "time" => given.order = Order::Time,
                "shuffled" => given.order = Order::Shuffled,
                "newest" => given.order = Order::Newest,
                other => wrong(&format!("`{other}` is no order")),
            },
            other => wrong(&format!("`{other}` is no option")),
        }
    }
    if given.users == 0 {
        given.users = (given.events / 25).max(1);
    }
    given
}

/// SplitMix64: eight bytes of state, and good enough to make up a log.
#[derive(Clone, Copy)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to below 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(limit)) >> 64) as u64
    }
}

/// What an event is, and what goes with it.
#[derive(Clone, Copy)]
enum What {
    Message { text: u16 },
    Postback,
    OptIn,
    Read,
    Send { text: u16, claim: Claim, by_human: bool },
}

#[derive(Clone, Copy)]
enum Claim {
    Nothing,
    Response,
    HumanAgent,
    /// One of [`TAGS`], by its place.
    Tag(u8),
    /// The opt-in, by its number in the conversation, whose token it spends.
    Token(u32),
}

#[derive(Clone, Copy)]
struct Event {
    ms: u64,
    user: u32,
    number: u32,
    what: What,
}

/// A conversation between two of its events.
struct Conversation {
    next_ms: f64,
    random: Random,
    number: u32,
    events: u32,
    /// The number of the last opt-in, plus one.
    token: u32,
}

impl Conversation {
    fn new(user: u64, events: u32, arguments: &Arguments) -> Conversation {
        let mut random = Random(arguments.seed.wrapping_mul(1_000_003).wrapping_add(user));
        random.0 = random.next();
        let begin = START_MS + random.share() * (arguments.days * DAY_MS) as f64 * 0.5;
        let mut conversation = Conversation { next_ms: begin, random, number: 0, events, token: 0 };
        conversation.wait();
        conversation
    }

    /// Seconds to a day; less where there is much to say.
    fn wait(&mut self) {
        let gap = GAPS_MS[self.random.below(6) as usize];
        self.next_ms += gap * (0.5 + self.random.share()) * (60.0 / f64::from(self.events)).min(1.0);
    }

    fn event(&mut self, user: u32) -> Event {
        let what = self.what();
        let event = Event { ms: self.next_ms as u64, user, number: self.number, what };
        self.number += 1;
        self.wait();
        event
    }

    fn what(&mut self) -> What {
        let x = self.random.share();
        let text = self.random.below(TEXTS) as u16;
        if x < 0.40 {
            return What::Message { text };
        } else if x < 0.47 {
            return What::Postback;
        } else if x < 0.49 {
            self.token = self.number + 1;
            return What::OptIn;
        } else if x < 0.55 {
            return What::Read;
        }
        let by_human = self.random.below(3) == 2;
        let y = self.random.share();
        let (claim, by_human) = if y < 0.80 {
            (Claim::Response, by_human)
        } else if y < 0.92 {
            (Claim::HumanAgent, true)
        } else if y < 0.97 {
            (Claim::Tag(self.random.below(TAGS.len() as u64) as u8), by_human)
        } else {
            (self.token.checked_sub(1).map_or(Claim::Nothing, Claim::Token), by_human)
        };
        What::Send { text, claim, by_human }
    }
}

/// One of the texts as it stands in a log.
struct Text {
    json: String,
    /// All that is not ASCII escaped, as some programs write it.
    ascii: String,
    csv: String,
}

fn texts(seed: u64) -> Vec<Text> {
    let mut random = Random(seed);
    let text = |_| {
        let words = 4 + random.below(25);
        let words: Vec<&str> = (0..words).map(|_| WORDS[random.below(WORDS.len() as u64) as usize]).collect();
        let text = words.join(" ");
        let json = text.replace('\\', "\\\\").replace('"', "\\\"");
        let escaped = |c: char| match c {
            c if c.is_ascii() => c.to_string(),
            c => c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
        };
        let ascii = json.chars().map(escaped).collect();
        let csv = if text.contains('"') { format!("\"{}\"", text.replace('"', "\"\"")) } else { text };
        Text { json, ascii, csv }
    };
    (0..TEXTS).map(text).collect()
}

struct Log<'a> {
    arguments: &'a Arguments,
    texts: Vec<Text>,
    sink: BufWriter<io::StdoutLock<'static>>,
    written: u64,
    line: Vec<u8>,
    /// The day since the epoch that `date` spells.
    day: u64,
    date: String,
}

impl Log<'_> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        if self.written == self.arguments.events {
            return Ok(());
        }
        self.line.clear();
        if self.arguments.csv {
            self.csv(event)?
        } else {
            self.json(event)?
        }
        self.written += 1;
        self.sink.write_all(&self.line)
    }

    fn when(&mut self, ms: u64) -> io::Result<()> {
        if ms / DAY_MS != self.day {
            self.day = ms / DAY_MS;
            self.date = date(self.day);
        }
        let (ms, s) = (ms % 1_000, ms % DAY_MS / 1_000);
        self.line.extend_from_slice(self.date.as_bytes());
        write!(self.line, "T{:02}:{:02}:{:02}.{ms:03}Z", s / 3_600, s / 60 % 60, s % 60)
    }

    fn json(&mut self, Event { ms, user, number, what }: &Event) -> io::Result<()> {
        self.line.extend_from_slice(b"{\"ts\":\"");
        self.when(*ms)?;
        let (account, id, name) = (self.account(*user), self.user(*user), word(*what));
        let line = &mut self.line;
        write!(line, r#"","channel":"messenger","account":"{account}","user":"{id}","event":"{name}","#)?;
        write!(line, r#""id":"m_{user:x}_{number:x}""#)?;
        if let What::Message { text } | What::Send { text, .. } = what {
            let text = &self.texts[usize::from(*text)];
            let text = if self.written.is_multiple_of(7) { &text.ascii } else { &text.json };
            write!(line, r#","text":"{text}""#)?;
        }
        match what {
            What::OptIn => write!(line, r#","token":"tok_{user:x}_{number:x}""#)?,
            What::Send { claim, by_human, .. } => {
                match claim {
                    Claim::Nothing => {}
                    Claim::Response => write!(line, r#","messaging_type":"RESPONSE""#)?,
                    Claim::HumanAgent => write!(line, r#","messaging_type":"MESSAGE_TAG","tag":"HUMAN_AGENT""#)?,
                    Claim::Tag(tag) => {
                        write!(line, r#","messaging_type":"MESSAGE_TAG","tag":"{}""#, TAGS[usize::from(*tag)])?
                    }
                    Claim::Token(token) => write!(line, r#","token":"tok_{user:x}_{token:x}""#)?,
                }
                write!(line, r#","sender":"{}","status":"sent""#, sender(*by_human))?;
            }
            _ => {}
        }
        self.line.extend_from_slice(b"}\n");
        Ok(())
    }

    fn csv(&mut self, Event { ms, user, number, what }: &Event) -> io::Result<()> {
        self.when(*ms)?;
        let (account, id, name) = (self.account(*user), self.user(*user), word(*what));
        let line = &mut self.line;
        write!(line, ",messenger,{account},{id},{name},m_{user:x}_{number:x},")?;
        if let What::Message { text } | What::Send { text, .. } = what {
            line.extend_from_slice(self.texts[usize::from(*text)].csv.as_bytes());
        }
        match what {
            What::OptIn => write!(line, ",,,tok_{user:x}_{number:x},,")?,
            What::Send { claim, by_human, .. } => {
                match claim {
                    Claim::Nothing => write!(line, ",,,")?,
                    Claim::Response => write!(line, ",RESPONSE,,")?,
                    Claim::HumanAgent => write!(line, ",MESSAGE_TAG,HUMAN_AGENT,")?,
                    Claim::Tag(tag) => write!(line, ",MESSAGE_TAG,{},", TAGS[usize::from(*tag)])?,
                    Claim::Token(token) => write!(line, ",,,tok_{user:x}_{token:x}")?,
                }
                write!(line, ",{},sent", sender(*by_human))?;
            }
            _ => write!(line, ",,,,,")?,
        }
        self.line.extend_from_slice(b"\r\n");
        Ok(())
    }

    fn account(&self, user: u32) -> u64 {
        100_000_000_000_000 + u64::from(user) % self.arguments.accounts
    }

    fn user(&self, user: u32) -> u64 {
        24_000_000_000_000_000 + u64::from(user) * 7_919
    }
}

fn word(what: What) -> &'static str {
    match what {
        What::Message { .. } => "message",
        What::Postback => "postback",
        What::OptIn => "otn_optin",
        What::Read => "read",
        What::Send { .. } => "send",
    }
}

fn sender(by_human: bool) -> &'static str {
    if by_human { "human" } else { "bot" }
}

/// The civil date of a day since the epoch, by Howard Hinnant's algorithm.
fn date(day: u64) -> String {
    let z = day + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

fn conversations(arguments: &Arguments) -> Vec<Conversation> {
    let weight = |user: u64| if arguments.even { 1.0 } else { ((user + 1) as f64).powf(-0.8) };
    let total: f64 = (0..arguments.users).map(weight).sum();
    let of = |user| {
        let events = (arguments.events as f64 * weight(user) / total).round() as u32;
        Conversation::new(user, events.max(2), arguments)
    };
    (0..arguments.users).map(of).collect()
}

/// Gives all events in order of time, a slice of the log after the other: each slice knows the users who say something
/// in it, so nobody is asked before it is their turn.
fn in_order(arguments: &Arguments, mut each: impl FnMut(&Event) -> io::Result<()>) -> io::Result<()> {
    let mut conversations = conversations(arguments);
    let slices = (arguments.events / SLICE_EVENTS + 1) as usize;
    let slice_ms = (arguments.days * DAY_MS) as f64 * 1.2 / slices as f64;
    let slice_of = |ms: f64| (((ms - START_MS) / slice_ms) as usize).min(slices - 1);
    let mut speakers: Vec<Vec<u32>> = vec![Vec::new(); slices];
    for (user, conversation) in conversations.iter().enumerate() {
        speakers[slice_of(conversation.next_ms)].push(user as u32);
    }
    let mut events = Vec::new();
    for slice in 0..slices {
        for user in std::mem::take(&mut speakers[slice]) {
            let conversation = &mut conversations[user as usize];
            while conversation.number < conversation.events {
                let next = slice_of(conversation.next_ms);
                if next != slice {
                    speakers[next].push(user);
                    break;
                }
                events.push(conversation.event(user));
            }
        }
        events.sort_unstable_by_key(|event| (event.ms, event.user, event.number));
        for event in &events {
            each(event)?;
        }
        events.clear();
    }
    Ok(())
}

fn write_log(arguments: &Arguments) -> io::Result<()> {
    let sink = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    let texts = texts(arguments.seed);
    let mut log = Log { arguments, texts, sink, written: 0, line: Vec::new(), day: 0, date: date(0) };
    if arguments.csv {
        log.sink.write_all(HEADER.as_bytes())?;
    }
    if arguments.order == Order::Time {
        in_order(arguments, |event| log.event(event))?;
    } else {
        let mut events = Vec::new();
        in_order(arguments, |event| {
            events.push(*event);
            Ok(())
        })?;
        events.truncate(arguments.events as usize);
        match arguments.order {
            Order::Time => {}
            Order::Newest => events.reverse(),
            Order::Shuffled => {
                let mut random = Random(arguments.seed);
                for last in (1..events.len()).rev() {
                    events.swap(last, random.below(last as u64 + 1) as usize);
                }
            }
        }
        for event in &events {
            log.event(event)?;
        }
    }
    log.sink.flush()
}

const _: () = assert!(size_of::<Event>() <= 32, "what the head of this file says");

fn main() {
    let arguments = arguments();
    if arguments.events == 0 {
        // `cargo bench` without a name runs every bench.
        return eprintln!("{USAGE}");
    }
    if let Err(error) = write_log(&arguments)
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        wrong(&error.to_string());
    }
}
