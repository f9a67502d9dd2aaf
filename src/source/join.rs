//! One send from its records: the request says who, tag and token; the response gives it an id; the echo, which has that id,
//! a time. And one person from their names.
//!
//! Nothing is guessed: a request that cannot be placed in time, and a response that could belong to several requests, are
//! reported.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use crate::batch::Batch;
use crate::event::{Channel, Event, Kind, Place, Status};
use crate::time::{Stamp, Time};

use super::loose::{Alias, Loose, Piece, Recipient, Request};
use super::{BadRecord, Options};

/// What joining found out, for the reports of the inputs.
#[derive(Debug, Default)]
pub(super) struct Joined {
    /// Sends that were put together, by input.
    pub(super) records: BTreeMap<u32, u64>,
    /// Pieces that could not be used.
    pub(super) bad: Vec<BadRecord>,
    /// Responses whose request is not known, by input.
    pub(super) unpaired: BTreeMap<u32, u64>,
}

/// A request and what became of it.
struct Call {
    place: Place,
    channel: Channel,
    account: Option<String>,
    at: Option<Stamp>,
    request: Request,
    answer: Option<Answer>,
}

enum Answer {
    Taken { id: String, recipient: Option<String> },
    Refused { code: Option<i32>, subcode: Option<i32> },
}

/// What the log shows elsewhere of a message, by its id.
#[derive(Clone)]
struct Seen {
    channel: Channel,
    account: String,
    user: String,
    at: Time,
    precision_ms: u32,
}

/// Joins the loose pieces to sends, adds them as a batch, and gives every user one name.
pub(super) fn join(
    batches: &mut Vec<Batch>,
    mut loose: Vec<Loose>,
    mut aliases: Vec<Alias>,
    options: &Options,
) -> Joined {
    let mut joined = Joined::default();
    loose.sort_by_key(|piece| (piece.place, piece.nth));
    let calls = pair(loose, &mut joined);
    let seen = seen_elsewhere(batches, &calls);
    let only_account = only_accounts(batches);
    let mut sends = Batch::new(options.keep_text);
    for call in &calls {
        match send_of(call, &seen, &only_account, options, &mut aliases, &mut sends) {
            Ok(()) => *joined.records.entry(call.place.input).or_default() += 1,
            Err(reason) => joined.bad.push(BadRecord { place: call.place, reason }),
        }
    }
    if !sends.is_empty() {
        batches.push(sends);
    }
    rename(batches, aliases);
    joined
}

/// Finds the request of each response: by the id of the logging layer, by the recipient, or because there is only one.
fn pair(loose: Vec<Loose>, joined: &mut Joined) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    // Requests of the current input that wait for their answer, as indices into `calls`.
    let mut waiting: VecDeque<usize> = VecDeque::new();
    let mut correlations: HashMap<String, usize> = HashMap::new();
    let mut last_place: Option<Place> = None;
    for piece in loose {
        if last_place.is_some_and(|place| place.input != piece.place.input) {
            waiting.clear();
        }
        last_place = Some(piece.place);
        let (answers, place) = match piece.what {
            Piece::Request(request) => {
                if let Some(correlation) = piece.correlation {
                    correlations.insert(correlation, calls.len());
                }
                waiting.push_back(calls.len());
                // An answer that is thousands of requests late will not come.
                if MOST_WAITING < waiting.len() {
                    waiting.pop_front();
                }
                let Loose { place, channel, account, at, .. } = piece;
                calls.push(Call { place, channel, account, at, request: *request, answer: None });
                continue;
            }
            Piece::Taken { ids, recipient } => {
                let taken = |id| Answer::Taken { id, recipient: recipient.clone() };
                (ids.into_iter().map(taken).collect::<Vec<_>>(), piece.place)
            }
            Piece::Refused { code, subcode } => (vec![Answer::Refused { code, subcode }], piece.place),
        };
        for answer in answers {
            let by_correlation = piece.correlation.as_ref().and_then(|id| correlations.get(id)).copied();
            let found = by_correlation.or_else(|| waiting_for(&answer, place, &waiting, &calls));
            match found.and_then(|index| calls.get_mut(index).map(|call| (index, call))) {
                Some((index, call)) => {
                    waiting.retain(|other| *other != index);
                    call.answer = Some(answer);
                }
                None => *joined.unpaired.entry(place.input).or_default() += 1,
            }
        }
    }
    calls
}

/// How many requests wait for an answer at most.
const MOST_WAITING: usize = 256;

/// The request this answers, if only one can be meant.
fn waiting_for(answer: &Answer, place: Place, waiting: &VecDeque<usize>, calls: &[Call]) -> Option<usize> {
    let addressed = |recipient: &str| {
        let same = |index: &&usize| matches!(&calls[**index].request.to, Recipient::User(user) if user == recipient);
        waiting.iter().find(same).copied()
    };
    if let Answer::Taken { recipient: Some(recipient), .. } = answer
        && let Some(index) = addressed(recipient)
    {
        return Some(index);
    }
    // A response on the same line or the next one, or to the only request that waits.
    let last = waiting.back().copied()?;
    let adjacent = place.line.saturating_sub(calls.get(last)?.place.line) <= 1;
    // Somebody addressed by an id answers under that id: another one means another request.
    let other_user = match (answer, &calls.get(last)?.request.to) {
        (Answer::Taken { recipient: Some(recipient), .. }, Recipient::User(user)) => recipient != user,
        _ => false,
    };
    (!other_user && (adjacent || waiting.len() == 1)).then_some(last)
}

/// What the events show of the messages and tokens that the calls name.
fn seen_elsewhere(batches: &[Batch], calls: &[Call]) -> HashMap<String, Seen> {
    let mut wanted: BTreeSet<&str> = BTreeSet::new();
    for call in calls {
        if let Some(Answer::Taken { id, .. }) = &call.answer {
            wanted.insert(id);
        }
        wanted.extend(call.request.token.as_deref().filter(|_| matches!(call.request.to, Recipient::OfToken)));
    }
    let mut seen: HashMap<String, Seen> = HashMap::new();
    if wanted.is_empty() {
        return seen;
    }
    for batch in batches {
        for event in (0..batch.len()).map(|index| batch.event(index)) {
            let key = match event.kind {
                // The status of a delivery does not tell when the message was sent.
                Kind::Send if event.logged_at => None,
                Kind::Send => event.id,
                Kind::OtnOptin | Kind::RecurringOptin => event.token,
                _ => None,
            };
            let Some(key) = key.filter(|key| wanted.contains(key)) else { continue };
            let here = Seen {
                channel: event.channel,
                account: event.account.to_owned(),
                user: event.user.to_owned(),
                at: event.at,
                precision_ms: event.precision_ms,
            };
            match seen.get_mut(key) {
                Some(known) if here.at < known.at => *known = here,
                Some(_) => {}
                None => {
                    seen.insert(key.to_owned(), here);
                }
            }
        }
    }
    seen
}

/// The account of each channel, where all events are of one.
fn only_accounts(batches: &[Batch]) -> HashMap<Channel, String> {
    let mut accounts: HashMap<Channel, BTreeSet<String>> = HashMap::new();
    for batch in batches {
        for (channel, account) in batch.accounts() {
            accounts.entry(channel).or_default().insert(account.to_owned());
        }
    }
    let only = accounts.into_iter().filter(|(_, names)| names.len() == 1);
    only.filter_map(|(channel, names)| names.into_iter().next().map(|name| (channel, name))).collect()
}

/// Makes the event of a call.
fn send_of(
    call: &Call,
    seen: &HashMap<String, Seen>,
    only_account: &HashMap<Channel, String>,
    options: &Options,
    aliases: &mut Vec<Alias>,
    sends: &mut Batch,
) -> Result<(), String> {
    let request = &call.request;
    let (id, recipient) = match &call.answer {
        Some(Answer::Taken { id, recipient }) => (Some(id.as_str()), recipient.as_deref()),
        _ => (None, None),
    };
    let echo = id.and_then(|id| seen.get(id));
    let grant = request.token.as_deref().and_then(|token| seen.get(token));
    let channel = echo.or(grant).map_or(call.channel, |seen| seen.channel);
    let account = call.account.as_deref();
    let account = account.or(echo.or(grant).map(|seen| seen.account.as_str()));
    let default = Some(options.account.as_str()).filter(|account| !account.is_empty());
    let account = account.or(default).or(only_account.get(&channel).map(String::as_str)).unwrap_or_default();
    let written = match &request.to {
        Recipient::User(user) | Recipient::Alias(user) => Some(user.as_str()),
        Recipient::OfToken => None,
    };
    let by_id = matches!(request.to, Recipient::User(_));
    let resolved = echo.map(|echo| echo.user.as_str()).or(recipient).or(grant.map(|grant| grant.user.as_str()));
    let user = if by_id { resolved.or(written) } else { resolved };
    // A comment is no person: its writer may answer, and be known by an id of their own, more than once.
    if let (Some(from), Some(to)) = (written, user)
        && from != to
        && request.comment.is_none()
    {
        aliases.push(Alias { channel, account: account.to_owned(), from: from.to_owned(), to: to.to_owned() });
    }
    // Unresolved, it keeps the name it was sent to; a later alias may still turn it into a user.
    let unresolved = user.is_none() && request.comment.is_none();
    let user = user.or(written.filter(|_| request.comment.is_none())).unwrap_or_default();
    let (at, precision_ms, logged_at) = match (echo, call.at) {
        (Some(echo), _) => (echo.at, echo.precision_ms, false),
        (None, Some(stamp)) => (stamp.at, stamp.precision_ms, true),
        (None, None) => {
            return Err("is a request without a time, and no echo or status of its message is in the log; \
                        name the log's own time with --time-field"
                .to_owned());
        }
    };
    let (status, code, subcode) = match &call.answer {
        Some(Answer::Taken { .. }) => (Some(Status::Sent), None, None),
        Some(Answer::Refused { code, subcode }) => (Some(Status::Failed), *code, *subcode),
        None => (None, None, None),
    };
    let event = Event {
        at,
        precision_ms: precision_ms.max(options.precision_ms.unwrap_or(0)),
        channel,
        account,
        user,
        kind: Kind::Send,
        id,
        place: call.place,
        text: request.text.as_deref(),
        messaging_type: request.messaging_type,
        tag: request.tag.as_deref(),
        token: request.token.as_deref(),
        token_type: request.token_type,
        comment: request.comment.as_deref(),
        template: request.template.as_deref(),
        category: request.category,
        status,
        error_code: code,
        error_subcode: subcode,
        recipient_hidden: unresolved,
        logged_at,
        ..Event::default()
    };
    if sends.push(&event) { Ok(()) } else { Err("is too large to keep".to_owned()) }
}

/// Gives every user the last name in the chain of their aliases, everywhere.
fn rename(batches: &mut [Batch], aliases: Vec<Alias>) {
    if aliases.is_empty() {
        return;
    }
    let mut names: HashMap<(Channel, &str, &str), &str> = HashMap::new();
    let aliases: BTreeSet<Alias> = aliases.into_iter().collect();
    for alias in &aliases {
        names.insert((alias.channel, &alias.account, &alias.from), &alias.to);
    }
    let last_name = |channel: Channel, account: &str, user: &str| -> Option<String> {
        let mut name = None;
        let mut current = user;
        // A number may change hands in a circle; a chain ends all the same.
        for _ in 0..MOST_NAMES {
            match names.get(&(channel, account, current)).or_else(|| names.get(&(channel, "", current))) {
                Some(next) if *next != user => {
                    current = next;
                    name = Some(current);
                }
                _ => break,
            }
        }
        name.map(str::to_owned)
    };
    for batch in batches {
        for index in 0..batch.len() {
            let event = batch.event(index);
            if let Some(name) = last_name(event.channel, event.account, event.user) {
                batch.rename(index, &name);
            }
        }
    }
}

/// How many names one person may have had.
const MOST_NAMES: usize = 16;
