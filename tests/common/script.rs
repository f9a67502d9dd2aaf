//! The language of `fixtures/policy/*.script` and of the examples in the rule catalog: an event a line, the verdict that is
//! expected at its end. `fixtures/README.md` describes it.

use std::collections::HashSet;

use fbwin::event::{
    Category, Channel, Entry, Event, Frequency, Kind, MessagingType, Sender, Status, TokenType, tag_word,
};
use fbwin::policy::Permission;
use fbwin::replay::Cause;
use fbwin::time::{Elapsed, Stamp};
use fbwin::{Policy, Replay, ReplayOptions, Verdict};

/// A script as read: the options it sets and its lines.
pub(crate) struct Script<'a> {
    pub(crate) options: ReplayOptions,
    pub(crate) lines: Vec<Line<'a>>,
}

/// One event and, for a send, what is expected of it.
pub(crate) struct Line<'a> {
    pub(crate) number: usize,
    pub(crate) event: Event<'a>,
    pub(crate) expected: Option<&'a str>,
}

/// Reads a script. Tags are kept in `tags`, since an event borrows its texts.
pub(crate) fn parse<'a>(text: &'a str) -> Result<Script<'a>, String> {
    let mut script = Script { options: ReplayOptions::default(), lines: Vec::new() };
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let wrong = |what: String| format!("line {number}: {what}");
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(option) = line.strip_prefix('!') {
            set_option(option.trim(), &mut script.options).map_err(wrong)?;
            continue;
        }
        script.lines.push(parse_line(line, number).map_err(wrong)?);
    }
    if !script.lines.iter().any(|line| line.expected.is_some()) {
        return Err("a script without an expectation claims nothing".into());
    }
    Ok(script)
}

fn set_option(option: &str, options: &mut ReplayOptions) -> Result<(), String> {
    match option.split_once(' ').unwrap_or((option, "")) {
        ("complete", _) => options.complete = true,
        ("untagged", _) => options.untagged = true,
        ("require-optin", _) => options.require_optin = true,
        ("as-of", day) => options.as_of = Some(day.trim().parse().map_err(|_| format!("bad day {day}"))?),
        ("log-begins", at) => options.log_begins = Some(Stamp::parse(at, None).map_err(|e| e.to_string())?.at),
        ("approved", list) => {
            let (kind, accounts) = list.split_once('=').ok_or("approved KIND=ACCOUNT,...")?;
            let accounts = accounts.split(',').map(str::to_owned).collect();
            options.approvals.insert(kind.trim().to_owned(), accounts);
        }
        _ => return Err(format!("no such option: {option}")),
    }
    Ok(())
}

fn parse_line(line: &str, number: usize) -> Result<Line<'_>, String> {
    let (line, expected) = match line.split_once(" = ") {
        Some((line, expected)) => (line.trim(), Some(expected.trim())),
        None => (line, None),
    };
    let mut words = line.split_whitespace();
    let mut next = |what: &str| words.next().ok_or_else(|| format!("{what} is missing"));
    let stamp = Stamp::parse(next("the time")?, None).map_err(|error| error.to_string())?;
    let place = next("the channel")?;
    let (channel, account) = place.split_once('/').unwrap_or((place, ""));
    let channel = Channel::from_word(channel).ok_or_else(|| format!("no such channel: {channel}"))?;
    let user = next("the user")?;
    let side = next("`<`, `>` or `|`")?;
    let mut event = Event {
        at: stamp.at,
        // As in logs: Messenger and Instagram write what they mean, WhatsApp knows seconds.
        precision_ms: if channel == Channel::Whatsapp { stamp.precision_ms } else { 0 },
        channel,
        account,
        user,
        ..Event::default()
    };
    event.place.line = number as u32;
    match side {
        ">" => event.kind = Kind::Send,
        "<" | "|" => {
            let kind = next("what happened")?;
            event.kind = Kind::from_word(kind).ok_or_else(|| format!("no such event: {kind}"))?;
            if (side == "<") != event.kind.is_users() {
                return Err(format!("{kind} does not go with `{side}`"));
            }
        }
        _ => return Err(format!("`{side}` is neither `<`, `>` nor `|`")),
    }
    for word in words {
        set_field(&mut event, word)?;
    }
    if (event.kind == Kind::Send) != expected.is_some() {
        return Err("a send, and only a send, has a verdict at its end".into());
    }
    Ok(Line { number, event, expected })
}

fn set_field<'a>(event: &mut Event<'a>, word: &'a str) -> Result<(), String> {
    let Some((name, value)) = word.split_once('=') else {
        match word {
            "response" => event.messaging_type = Some(MessagingType::Response),
            "update" => event.messaging_type = Some(MessagingType::Update),
            "utility" => event.messaging_type = Some(MessagingType::Utility),
            "news" => event.messaging_type = Some(MessagingType::NonPromotionalSubscription),
            "untyped" => {}
            "hidden" => event.claim_hidden = true,
            "human" => event.sender = Some(Sender::Human),
            "bot" => event.sender = Some(Sender::Bot),
            "failed" => event.status = Some(Status::Failed),
            "sent" => event.status = Some(Status::Sent),
            "sponsored" => event.sponsored = true,
            "promotional" => event.promotional = Some(true),
            tag if tag == tag_word(tag) => {
                event.messaging_type = Some(MessagingType::MessageTag);
                event.tag = Some(tag);
            }
            _ => return Err(format!("no such word: {word}")),
        }
        return Ok(());
    };
    let unknown = || format!("no such {name}: {value}");
    match name {
        "id" => event.id = Some(value),
        "text" => event.text = Some(value),
        "tag" => event.tag = Some(value),
        "type" => event.messaging_type = Some(MessagingType::from_word(value).ok_or_else(unknown)?),
        "token" => event.token = Some(value),
        "token_type" => event.token_type = Some(TokenType::from_word(value).ok_or_else(unknown)?),
        "expires" => event.token_expires = Some(Stamp::parse(value, None).map_err(|_| unknown())?.at),
        "frequency" => event.frequency = Some(Frequency::from_word(value).ok_or_else(unknown)?),
        "comment" => event.comment = Some(value),
        "template" => event.template = Some(value),
        "category" => event.category = Some(Category::from_word(value).ok_or_else(unknown)?),
        "entry" => event.entry = Some(Entry::from_word(value).ok_or_else(unknown)?),
        "region" => event.region = Some(value),
        "code" => event.error_code = Some(value.parse().map_err(|_| unknown())?),
        "subcode" => event.error_subcode = Some(value.parse().map_err(|_| unknown())?),
        "precision" => event.precision_ms = value.parse().map_err(|_| unknown())?,
        _ => return Err(format!("no such field: {name}")),
    }
    Ok(())
}

/// Replays a script and says where a verdict differs from what is expected.
pub(crate) fn check(policy: &Policy, text: &str) -> Result<(), String> {
    let script = parse(text)?;
    let mut replay = Replay::new(policy, script.options.clone());
    let mut last = None;
    let mut wrong = Vec::new();
    for line in &script.lines {
        if last.is_some_and(|last| line.event.at < last) {
            return Err(format!("line {}: out of order; the core takes events in order of time", line.number));
        }
        last = Some(line.event.at);
        let verdict = replay.step(&line.event);
        if let (Some(verdict), Some(expected)) = (verdict, line.expected) {
            let answer = describe(&verdict, &line.event);
            // An expectation may leave out the end (the permission, or by how much it was late), but not a note.
            let left_out = answer.strip_prefix(expected);
            let fits =
                left_out.is_some_and(|end| end.is_empty() || end.starts_with(' ') && !end.ends_with(" needless"));
            if !fits {
                wrong.push(format!("line {}: expected `{expected}`, got `{answer}`", line.number));
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// A verdict in the words of a script.
pub(crate) fn describe(verdict: &Verdict<'_>, send: &Event<'_>) -> String {
    match verdict {
        Verdict::Allowed(permit) => {
            let row = permit.permission.map_or("by no known rule", |row| row.id.as_str());
            format!("allowed {row}{}", if permit.needless_tag { " needless" } else { "" })
        }
        Verdict::Unproven(doubt) => format!("unproven {}", doubt.reason),
        Verdict::Violation(breaches) => {
            let rules: Vec<&str> = breaches.iter().map(|breach| breach.rule.word()).collect();
            let late = breaches.iter().find_map(|breach| breach.late_by_ms(send.at));
            let late = late.map_or(String::new(), |ms| format!(" late by {}", Elapsed(ms)));
            format!("{}{late}", rules.join("+"))
        }
    }
}

/// One version of a permission, by a name that no other version shares.
pub(crate) fn version(row: &Permission) -> String {
    let frequency = row.frequency.map_or(String::new(), |frequency| format!(", {frequency} tokens"));
    format!("{} of {}{frequency}", row.id, row.from)
}

/// What a script's sends met, for tests of coverage: rules, reasons, and each version of a permission that allowed a
/// send, was violated by one, or left one unproven.
pub(crate) fn outcomes(policy: &Policy, text: &str) -> Result<HashSet<String>, String> {
    let script = parse(text)?;
    let mut replay = Replay::new(policy, script.options.clone());
    let mut met = HashSet::new();
    for line in &script.lines {
        match replay.step(&line.event) {
            Some(Verdict::Allowed(permit)) => {
                met.extend(permit.permission.map(|row| format!("{} allows", version(row))));
            }
            Some(Verdict::Violation(breaches)) => {
                for breach in breaches {
                    met.insert(breach.rule.word().to_owned());
                    met.extend(breach.permission.map(|row| format!("{} is violated", version(row))));
                    if let Cause::Excluded(exclusion) = breach.cause {
                        met.insert(format!("{} excludes", exclusion.id));
                    }
                    if let Cause::ExtraSpent(_) = breach.cause {
                        met.insert("the one more message is spent".to_owned());
                    }
                }
            }
            Some(Verdict::Unproven(doubt)) => {
                met.insert(doubt.reason.word().to_owned());
                met.extend(doubt.permission.map(|row| format!("{} is in doubt", version(row))));
            }
            None => {}
        }
    }
    Ok(met)
}
