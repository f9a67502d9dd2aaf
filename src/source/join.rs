//! One send from its records: the request says who, tag and token; the response gives it an id; the echo, which has that id,
//! a time. And one person from their names.
//!
//! Nothing is guessed: a request that cannot be placed in time, and a response that could belong to several requests, are
//! reported. Which input came first never decides: what an id ties together is found wherever it stands.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::batch::Batch;
use crate::event::{Channel, Event, Kind, Place, Status};
use crate::time::{MINUTE_MS, SECOND_MS, Stamp, Time};

use super::loose::{Alias, Answer, Call, Loose, Piece, Recipient, Request};
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

/// A call, or the calls of a batch, and what became of them.
struct Asked {
    place: Place,
    channel: Channel,
    account: Option<String>,
    at: Option<Stamp>,
    correlation: Option<String>,
    calls: Vec<Call>,
    /// One for each call, or none at all.
    answers: Vec<Answer>,
}

/// An answer, or the answers to a batch.
struct Told {
    place: Place,
    channel: Channel,
    account: Option<String>,
    at: Option<Stamp>,
    correlation: Option<String>,
    answers: Vec<Answer>,
    fate: Fate,
}

/// What became of an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// No request is known that it may answer.
    Alone,
    /// Several requests that differ may be meant.
    Unclear,
    /// Its request is found, or found before by the same answer.
    Paired,
}

/// One or the other, as an index.
#[derive(Clone, Copy)]
enum Half {
    Asked(usize),
    Told(usize),
}

/// Both halves of all calls.
#[derive(Default)]
struct Halves {
    asked: Vec<Asked>,
    told: Vec<Told>,
    /// In the order of the inputs and their records.
    order: Vec<Half>,
}

/// A request that waits for its answer.
#[derive(Clone, Copy)]
struct Waiting {
    at: usize,
    /// An answer came that may have been this one's: for how many more answers it stands in the way of others. Then only an
    /// answer that names its recipient can be its own.
    doubted: Option<u32>,
}

/// What the log shows elsewhere of a message or token, by its id.
#[derive(Clone)]
struct Seen {
    channel: Channel,
    account: String,
    user: String,
    /// When it was sent or granted. A delivery tells only that it was sent before.
    sent: Option<Stamp>,
}

/// What the events show of what the calls name.
#[derive(Default)]
struct Elsewhere {
    seen: HashMap<String, Seen>,
    /// Comments by their ids: on whose channel and account they are. Their writers are known by other ids there.
    comments: HashMap<String, Seen>,
    /// The channel and account under which a user appears, where it is only one.
    homes: HashMap<String, Option<(Channel, String)>>,
    /// The accounts of each channel.
    accounts: HashMap<Channel, BTreeSet<String>>,
}

/// Joins the loose pieces to sends, adds them as a batch, and gives every user one name.
pub(super) fn join(
    batches: &mut Vec<Batch>,
    mut loose: Vec<Loose>,
    mut aliases: Vec<Alias>,
    options: &Options,
) -> Joined {
    let mut joined = Joined::default();
    if loose.is_empty() && aliases.is_empty() {
        return joined;
    }
    loose.sort_by_key(|piece| (piece.place, piece.nth));
    let mut halves = Halves::of(loose);
    halves.pair();
    let elsewhere = Elsewhere::of(batches, &halves);
    let mut sends = Sends { elsewhere, options, aliases: Vec::new(), batch: Batch::new(options.keep_text) };
    let is_repeat = halves.repeats();
    for (asked, is_repeat) in halves.asked.iter().zip(is_repeat) {
        for (at, call) in asked.calls.iter().enumerate() {
            let Call::Send(account, request) = call else { continue };
            // The same record read twice: the send is there already, with its answer.
            let outcome = if is_repeat {
                Ok(())
            } else {
                sends.of_call(asked, account.as_deref(), request, asked.answers.get(at))
            };
            match outcome {
                Ok(()) => *joined.records.entry(asked.place.input).or_default() += 1,
                Err(reason) => joined.bad.push(BadRecord { place: asked.place, reason }),
            }
        }
    }
    for told in halves.unpaired() {
        for answer in &told.answers {
            if matches!(answer, Answer::Taken { .. } | Answer::Refused { .. }) {
                *joined.unpaired.entry(told.place.input).or_default() += 1;
            }
            // A message that was taken was sent, whoever asked for it; only what it relied on is not known.
            if told.fate == Fate::Alone && sends.of_answer(told, answer) {
                *joined.records.entry(told.place.input).or_default() += 1;
            }
        }
    }
    let Sends { aliases: found, batch, .. } = sends;
    aliases.extend(found);
    if !batch.is_empty() {
        batches.push(batch);
    }
    rename(batches, aliases);
    joined
}

/// Calling codes of Mexico, Argentina and Brazil: Meta's ids of their mobile numbers have a digit more or less than is dialled.
const REWRITTEN: [&str; 3] = ["52", "54", "55"];
/// How many requests wait for an answer at most.
const MOST_WAITING: usize = 256;
/// A call that is not answered by then never is: every client has given up.
const LONGEST_CALL_MS: i64 = 5 * MINUTE_MS;
/// For how many answers a request stands in the way that an earlier answer may have belonged to.
const DOUBTED_FOR: u32 = 16;
/// How far the times of two lines of a log may be out of order.
const OUT_OF_ORDER_MS: i64 = 5 * SECOND_MS;

impl Halves {
    fn of(loose: Vec<Loose>) -> Halves {
        let mut halves = Halves::default();
        for Loose { place, channel, account, at, correlation, what, .. } in loose {
            let (calls, answers) = match what {
                Piece::Request(request) => (vec![Call::Send(None, request)], Vec::new()),
                Piece::Action(to) => (vec![Call::Action(to)], Vec::new()),
                Piece::Calls(calls) => (calls, Vec::new()),
                // One call sends one message.
                Piece::Taken { ids, recipient } => match ids.into_iter().next() {
                    Some(id) => (Vec::new(), vec![Answer::Taken { id, recipient }]),
                    None => (Vec::new(), vec![Answer::Acted { recipient }]),
                },
                Piece::Refused { code, subcode } => (Vec::new(), vec![Answer::Refused { code, subcode }]),
                Piece::Answers(answers) => (Vec::new(), answers),
            };
            if answers.is_empty() {
                halves.order.push(Half::Asked(halves.asked.len()));
                halves.asked.push(Asked { place, channel, account, at, correlation, calls, answers });
            } else {
                halves.order.push(Half::Told(halves.told.len()));
                halves.told.push(Told { place, channel, account, at, correlation, answers, fate: Fate::Alone });
            }
        }
        halves
    }

    /// Finds the request of each answer: by the id of the logging layer, within one input and then among all; then by the
    /// recipient, or because there is only one, within one input.
    fn pair(&mut self) {
        let mut groups: HashMap<String, Vec<Half>> = HashMap::new();
        for half in &self.order {
            if let Some(correlation) = self.correlation(*half) {
                groups.entry(correlation.to_owned()).or_default().push(*half);
            }
        }
        for group in groups.values() {
            for of_input in group.chunk_by(|a, b| self.input(*a) == self.input(*b)).collect::<Vec<_>>() {
                self.settle(of_input);
            }
            // A log of requests and one of responses: requests first, whichever was named first.
            let mut left: Vec<Half> = group.iter().copied().filter(|half| self.is_open(*half)).collect();
            left.sort_by_key(|half| matches!(half, Half::Told(_)));
            self.settle(&left);
        }
        let order = std::mem::take(&mut self.order);
        for of_input in order.chunk_by(|a, b| self.input(*a) == self.input(*b)).collect::<Vec<_>>() {
            let left: Vec<Half> = of_input.iter().copied().filter(|half| self.is_open(*half)).collect();
            self.settle(&left);
        }
    }

    fn input(&self, half: Half) -> u32 {
        match half {
            Half::Asked(at) => self.asked[at].place.input,
            Half::Told(at) => self.told[at].place.input,
        }
    }

    fn correlation(&self, half: Half) -> Option<&str> {
        match half {
            Half::Asked(at) => self.asked[at].correlation.as_deref(),
            Half::Told(at) => self.told[at].correlation.as_deref(),
        }
    }

    fn is_open(&self, half: Half) -> bool {
        match half {
            Half::Asked(at) => self.asked[at].answers.is_empty(),
            Half::Told(at) => self.told[at].fate != Fate::Paired,
        }
    }

    /// Goes through some halves in order and pairs what can be paired.
    fn settle(&mut self, halves: &[Half]) {
        let mut waiting: Vec<Waiting> = Vec::new();
        let mut answered: HashMap<String, usize> = HashMap::new();
        for half in halves {
            let told_at = match *half {
                Half::Asked(at) => {
                    // An answer that is hundreds of requests late will not come.
                    if waiting.len() == MOST_WAITING {
                        waiting.remove(0);
                    }
                    waiting.push(Waiting { at, doubted: None });
                    continue;
                }
                Half::Told(at) => at,
            };
            let told = &self.told[told_at];
            let before = told.first_id().and_then(|id| answered.get(id)).copied();
            let (found, fate) = match before {
                // The answer is repeated; its request may be, too.
                Some(before) => {
                    let same = |one: &&Waiting| self.asked[one.at].calls == self.asked[before].calls;
                    (waiting.iter().find(same).map(|one| one.at), Fate::Paired)
                }
                None => self.asked_by(told, &mut waiting),
            };
            if let Some(found) = found {
                waiting.retain(|one| one.at != found);
                answered.extend(told.first_id().map(|id| (id.to_owned(), found)));
                let told = &self.told[told_at];
                let asked = &mut self.asked[found];
                asked.answers.clone_from(&told.answers);
                asked.at = asked.at.or(told.at);
                if asked.account.is_none() {
                    asked.account.clone_from(&told.account);
                }
            }
            self.told[told_at].fate = fate;
        }
    }

    /// The request this answers, if only one can be meant, or several that are the same in all that matters.
    fn asked_by(&self, told: &Told, waiting: &mut [Waiting]) -> (Option<usize>, Fate) {
        let choose = |candidates: &[usize]| match candidates.split_first() {
            None => (None, Fate::Alone),
            Some((first, more)) if more.iter().all(|at| self.asked[*at].is_like(&self.asked[*first])) => {
                (Some(*first), Fate::Paired)
            }
            Some(_) => (None, Fate::Unclear),
        };
        let fits: Vec<Fit> = waiting.iter().map(|one| self.asked[one.at].fit(told)).collect();
        let of = |wanted: Fit| waiting.iter().zip(&fits).filter(move |(_, fit)| **fit == wanted).map(|(one, _)| *one);
        let named: Vec<usize> = of(Fit::Named).map(|one| one.at).collect();
        let possible: Vec<usize> = of(Fit::Possible).filter(|one| one.doubted.is_none()).map(|one| one.at).collect();
        let in_doubt = of(Fit::Possible).any(|one| one.doubted.is_some_and(|left| 0 < left));
        let outcome = match (named.is_empty(), in_doubt) {
            (false, _) => choose(&named),
            (true, false) => choose(&possible),
            (true, true) => (None, Fate::Unclear),
        };
        for one in waiting.iter_mut() {
            one.doubted = one.doubted.map(|left| left.saturating_sub(1));
        }
        // Whatever this answered is answered now. Were all of them to wait on, one lost answer would put every later one in
        // doubt; so they stand in the way for a while only. What is in doubt only because of them does not do so at all.
        if named.is_empty() && outcome.1 == Fate::Unclear {
            for one in waiting.iter_mut().filter(|one| possible.contains(&one.at)) {
                one.doubted = Some(if in_doubt { 0 } else { DOUBTED_FOR });
            }
        }
        outcome
    }

    /// Which requests without an answer are those of another record that has one.
    fn repeats(&self) -> Vec<bool> {
        type Key<'k> = (Channel, Option<&'k str>, Option<i64>, Option<&'k str>, &'k [Call]);
        fn key(asked: &Asked) -> Key<'_> {
            // The name we gave to a line is no evidence.
            let correlation = asked.correlation.as_deref().filter(|name| !name.starts_with('\0'));
            (asked.channel, asked.account.as_deref(), asked.at.map(|at| at.at.ms()), correlation, &asked.calls)
        }
        let answered: HashSet<Key<'_>> = self.asked.iter().filter(|asked| !asked.answers.is_empty()).map(key).collect();
        let is_repeat = |asked: &Asked| {
            let key = key(asked);
            asked.answers.is_empty() && (key.2.is_some() || key.3.is_some()) && answered.contains(&key)
        };
        self.asked.iter().map(is_repeat).collect()
    }

    /// The answers without a request that do not only repeat one which has it.
    fn unpaired(&self) -> impl Iterator<Item = &Told> {
        let known: HashSet<&str> = self.asked.iter().flat_map(|asked| &asked.answers).filter_map(Answer::id).collect();
        let repeats = move |told: &Told| told.first_id().is_some_and(|id| known.contains(id));
        self.told.iter().filter(move |told| told.fate != Fate::Paired && !repeats(told))
    }
}

/// How well an answer fits a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    Impossible,
    Possible,
    /// It names the same recipient.
    Named,
}

impl Asked {
    fn fit(&self, told: &Told) -> Fit {
        if self.calls.len() != told.answers.len() {
            return Fit::Impossible;
        }
        let same_name = match (&self.correlation, &told.correlation) {
            (Some(one), Some(other)) if one != other => return Fit::Impossible,
            (one, other) => one.is_some() && one == other,
        };
        if let (Some(asked), Some(told), false) = (self.at, told.at, same_name) {
            let took_ms = told.at.since(asked.at);
            if !(-OUT_OF_ORDER_MS..=LONGEST_CALL_MS).contains(&took_ms) {
                return Fit::Impossible;
            }
        }
        let fits: Vec<Fit> =
            self.calls.iter().zip(&told.answers).map(|(call, told)| fit(self.channel, call, told)).collect();
        if fits.contains(&Fit::Impossible) {
            Fit::Impossible
        } else if fits.contains(&Fit::Named) {
            Fit::Named
        } else {
            Fit::Possible
        }
    }

    /// Whether it makes no difference which of the two an answer belongs to.
    fn is_like(&self, other: &Asked) -> bool {
        let same = |(one, other): (&Call, &Call)| match (one, other) {
            (Call::Send(a, one), Call::Send(b, other)) => {
                a == b && Request { text: None, ..(**one).clone() } == Request { text: None, ..(**other).clone() }
            }
            (Call::Action(_), Call::Action(_)) | (Call::Other, Call::Other) => true,
            _ => false,
        };
        (self.channel, &self.account) == (other.channel, &other.account)
            && self.calls.len() == other.calls.len()
            && self.calls.iter().zip(&other.calls).all(same)
    }
}

fn fit(channel: Channel, call: &Call, answer: &Answer) -> Fit {
    let (to, answered) = match (call, answer) {
        (Call::Send(_, request), Answer::Taken { recipient, .. }) => match &request.to {
            Recipient::User(user) => (Some(user), recipient),
            _ => return Fit::Possible,
        },
        (Call::Action(to), Answer::Acted { recipient }) => (to.as_ref(), recipient),
        (Call::Send(..), Answer::Acted { .. }) | (Call::Action(_), Answer::Taken { .. }) => {
            return Fit::Impossible;
        }
        _ => return Fit::Possible,
    };
    match (to, answered) {
        (Some(to), Some(answered)) if to == answered => Fit::Named,
        // WhatsApp answers with the number as it is written there, which may not be the one that was dialled.
        (Some(_), Some(_)) if channel != Channel::Whatsapp => Fit::Impossible,
        _ => Fit::Possible,
    }
}

impl Answer {
    fn id(&self) -> Option<&str> {
        match self {
            Answer::Taken { id, .. } => Some(id),
            _ => None,
        }
    }

    fn recipient(&self) -> Option<&str> {
        match self {
            Answer::Taken { recipient, .. } => recipient.as_deref(),
            _ => None,
        }
    }
}

impl Told {
    fn first_id(&self) -> Option<&str> {
        self.answers.iter().find_map(Answer::id)
    }
}

impl Elsewhere {
    fn of(batches: &[Batch], halves: &Halves) -> Elsewhere {
        let mut elsewhere = Elsewhere { accounts: accounts(batches), ..Elsewhere::default() };
        let mut wanted: HashSet<&str> = HashSet::new();
        let mut users: HashSet<&str> = HashSet::new();
        let told = halves.told.iter().flat_map(|told| &told.answers);
        for answer in halves.asked.iter().flat_map(|asked| &asked.answers).chain(told) {
            wanted.extend(answer.id());
            users.extend(answer.recipient());
        }
        for call in halves.asked.iter().flat_map(|asked| &asked.calls) {
            if let Call::Send(_, request) = call {
                wanted.extend(request.token.as_deref());
                wanted.extend(request.comment.as_deref());
                users.extend(match &request.to {
                    Recipient::User(user) => Some(user.as_str()),
                    _ => None,
                });
            }
        }
        if wanted.is_empty() && users.is_empty() {
            return elsewhere;
        }
        for batch in batches {
            for event in (0..batch.len()).map(|index| batch.event(index)) {
                elsewhere.look(&event, &wanted, &users);
            }
        }
        elsewhere
    }

    fn look(&mut self, event: &Event<'_>, wanted: &HashSet<&str>, users: &HashSet<&str>) {
        if users.contains(event.user) && !event.account.is_empty() {
            match self.homes.get_mut(event.user) {
                None => {
                    let home = Some((event.channel, event.account.to_owned()));
                    self.homes.insert(event.user.to_owned(), home);
                }
                Some(home) => {
                    let is_same =
                        |known: &(Channel, String)| known.0 == event.channel && known.1.as_str() == event.account;
                    if home.as_ref().is_some_and(|known| !is_same(known)) {
                        *home = None;
                    }
                }
            }
        }
        let (key, tells_time) = match event.kind {
            // The status of a delivery does not tell when the message was sent.
            Kind::Send => (event.id, !event.logged_at),
            Kind::Delivery | Kind::Read => (event.id, false),
            Kind::OtnOptin | Kind::RecurringOptin => (event.token, true),
            Kind::Comment => (event.comment.or(event.id), false),
            _ => (None, false),
        };
        let Some(key) = key.filter(|key| wanted.contains(key)) else { return };
        let here = Seen {
            channel: event.channel,
            account: event.account.to_owned(),
            user: event.user.to_owned(),
            sent: tells_time.then_some(Stamp { at: event.at, precision_ms: event.precision_ms }),
        };
        if event.kind == Kind::Comment {
            self.comments.entry(key.to_owned()).or_insert(here);
            return;
        }
        let rank = |seen: &Seen| (seen.sent.map_or(Time::from_ms(i64::MAX), |sent| sent.at), seen.sent.is_none());
        match self.seen.get_mut(key) {
            Some(known) if rank(&here) < rank(known) => *known = here,
            Some(_) => {}
            None => {
                self.seen.insert(key.to_owned(), here);
            }
        }
    }
}

/// The accounts that the events name.
fn accounts(batches: &[Batch]) -> HashMap<Channel, BTreeSet<String>> {
    let mut accounts: HashMap<Channel, BTreeSet<String>> = HashMap::new();
    for batch in batches {
        for (channel, account) in batch.accounts() {
            let known = accounts.entry(channel).or_default();
            if !known.contains(account) {
                known.insert(account.to_owned());
            }
        }
    }
    accounts
}

/// The sends that come of the calls.
struct Sends<'o> {
    elsewhere: Elsewhere,
    options: &'o Options,
    aliases: Vec<Alias>,
    batch: Batch,
}

impl Sends<'_> {
    /// Makes the event of a call.
    fn of_call(
        &mut self,
        asked: &Asked,
        own_account: Option<&str>,
        request: &Request,
        answer: Option<&Answer>,
    ) -> Result<(), String> {
        let (id, recipient) = (answer.and_then(Answer::id), answer.and_then(Answer::recipient));
        let echo = id.and_then(|id| self.elsewhere.seen.get(id));
        let grant = request.token.as_deref().and_then(|token| self.elsewhere.seen.get(token));
        let (written, by_id) = match &request.to {
            Recipient::User(user) => (Some(user.as_str()), true),
            Recipient::Alias(user) => (Some(user.as_str()), false),
            Recipient::OfToken => (None, false),
        };
        let resolved = echo.map(|echo| echo.user.as_str()).or(recipient).or(grant.map(|grant| grant.user.as_str()));
        let resolved = resolved.filter(|user| !user.is_empty());
        let user = if by_id { resolved.or(written) } else { resolved };
        let written_account = own_account.or(asked.account.as_deref());
        let comment = request.comment.as_deref().and_then(|comment| self.elsewhere.comments.get(comment));
        let (channel, account) = self.whose(asked.channel, written_account, user, echo.or(grant).or(comment));
        // A comment is no person: its writer may answer, and be known by an id of their own, more than once. Nor is an id
        // another name of somebody, but on WhatsApp, where it is a number as it was dialled.
        let names = !by_id || channel == Channel::Whatsapp;
        let alias = match (written, user) {
            (Some(from), Some(to)) if from != to && request.comment.is_none() && names => {
                Some(Alias { channel, account: account.clone(), from: from.to_owned(), to: to.to_owned() })
            }
            _ => None,
        };
        // Unresolved, it keeps the name it was sent to; a later alias may still turn it into a user.
        let unresolved = user.is_none() && request.comment.is_none()
            || channel == Channel::Whatsapp && resolved.is_none() && self.is_another(channel, &account, written);
        let user = user.or(written.filter(|_| request.comment.is_none())).unwrap_or_default();
        let (stamp, logged_at) = match (echo.and_then(|echo| echo.sent), asked.at) {
            (Some(sent), _) => (sent, false),
            (None, Some(logged)) => (logged, true),
            (None, None) => {
                return Err("is a request without a time, and no echo or status of its message is in the log; \
                            name the log's own time with --time-field"
                    .to_owned());
            }
        };
        let (status, code, subcode) = match answer {
            Some(Answer::Taken { .. }) => (Some(Status::Sent), None, None),
            Some(Answer::Refused { code, subcode }) => (Some(Status::Failed), *code, *subcode),
            _ => (None, None, None),
        };
        let event = Event {
            at: stamp.at,
            precision_ms: stamp.precision_ms.max(self.options.precision_ms.unwrap_or(0)),
            channel,
            account: &account,
            user,
            kind: Kind::Send,
            id,
            place: asked.place,
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
        let fits = self.batch.push(&event);
        self.aliases.extend(alias);
        if fits { Ok(()) } else { Err("is too large to keep".to_owned()) }
    }

    /// Makes an event of an answer whose request is not in the log, if it tells enough and nothing else does.
    fn of_answer(&mut self, told: &Told, answer: &Answer) -> bool {
        let Answer::Taken { id, recipient: Some(user) } = answer else { return false };
        let seen = self.elsewhere.seen.get(id);
        let Some(stamp) = told.at.filter(|_| seen.is_none_or(|seen| seen.sent.is_none())) else { return false };
        let (channel, account) = self.whose(told.channel, told.account.as_deref(), Some(user), seen);
        self.batch.push(&Event {
            at: stamp.at,
            precision_ms: stamp.precision_ms.max(self.options.precision_ms.unwrap_or(0)),
            channel,
            account: &account,
            user,
            kind: Kind::Send,
            id: Some(id),
            place: told.place,
            status: Some(Status::Sent),
            claim_hidden: true,
            logged_at: true,
            ..Event::default()
        })
    }

    /// Whether a number as it was dialled may not be that of the person's conversation: it is one that Meta knows in another
    /// form, or the business has several numbers and the log does not say from which one it was.
    fn is_another(&self, channel: Channel, account: &str, dialled: Option<&str>) -> bool {
        let accounts = self.elsewhere.accounts.get(&channel).map_or(0, BTreeSet::len);
        let rewritten = |number: &str| REWRITTEN.iter().any(|code| number.starts_with(code));
        let unseen = |number: &&str| !self.elsewhere.homes.contains_key(*number);
        account.is_empty() && 1 < accounts || dialled.filter(unseen).is_some_and(rewritten)
    }

    /// The channel and account of a call: as Meta's records of the message or token say, else as the log says, else where
    /// its user is known, else the only one there is.
    fn whose(
        &self,
        channel: Channel,
        written: Option<&str>,
        user: Option<&str>,
        seen: Option<&Seen>,
    ) -> (Channel, String) {
        let default = Some(self.options.account.as_str()).filter(|account| !account.is_empty());
        // A page-scoped id says whose user it is; a telephone number does not.
        let home =
            user.filter(|_| channel != Channel::Whatsapp).and_then(|user| self.elsewhere.homes.get(user)?.as_ref());
        let home = home.filter(|(channel, _)| *channel != Channel::Whatsapp);
        let channel = seen.map(|seen| seen.channel).unwrap_or_else(|| match (written, home) {
            (None, Some((home, _))) => *home,
            _ => channel,
        });
        let home = home.filter(|(home, _)| *home == channel).map(|(_, account)| account.as_str());
        let seen = seen.map(|seen| seen.account.as_str()).filter(|account| !account.is_empty());
        let accounts = self.elsewhere.accounts.get(&channel);
        // What a logger calls an account may be its own number for a customer: no event knows it, while they know the user.
        let is_known = |account: &&str| home.is_none() || accounts.is_some_and(|known| known.contains(*account));
        let written = written.filter(is_known);
        let only = || accounts.filter(|known| known.len() == 1)?.first().map(String::as_str);
        // The default is for records that nothing else places, and of its own channel.
        let elsewhere = |account: &&str| {
            self.elsewhere.accounts.iter().any(|(other, known)| *other != channel && known.contains(*account))
        };
        let default = default.filter(|account| !elsewhere(account));
        let account = seen.or(written).or(home).or(default).or_else(only);
        (channel, account.unwrap_or_default().to_owned())
    }
}

/// Gives every user the last name in the chain of their aliases, everywhere.
fn rename(batches: &mut [Batch], aliases: Vec<Alias>) {
    if aliases.is_empty() {
        return;
    }
    let aliases: BTreeSet<Alias> = aliases.into_iter().collect();
    let mut names: HashMap<(Channel, &str, &str), Option<&str>> = HashMap::new();
    for alias in aliases.iter().filter(|alias| alias.from != alias.to) {
        // A name of two people is nobody's.
        let key = (alias.channel, alias.account.as_str(), alias.from.as_str());
        names.entry(key).and_modify(|to| *to = None).or_insert(Some(&alias.to));
    }
    for batch in batches {
        for index in 0..batch.len() {
            let event = batch.event(index);
            let name = last_name(&names, event.channel, event.account, event.user);
            if let Some(name) = name {
                batch.rename(index, name);
            }
        }
    }
}

/// The name at the end of the chain that begins with this one; `None` if it is that itself.
fn last_name<'n>(
    names: &HashMap<(Channel, &'n str, &'n str), Option<&'n str>>,
    channel: Channel,
    account: &str,
    user: &str,
) -> Option<&'n str> {
    let next = |name: &str| {
        let of_account = names.get(&(channel, account, name)).copied().flatten();
        of_account.or_else(|| names.get(&(channel, "", name)).copied().flatten())
    };
    let mut chain: Vec<&'n str> = Vec::new();
    let mut current = next(user)?;
    while chain.len() < MOST_NAMES {
        if current == user || chain.contains(&current) {
            // Names that change hands in a circle are one name, whichever comes first.
            let circle = chain.iter().copied().skip_while(|name| current != user && *name != current);
            let first = circle.chain([current]).min().filter(|first| *first != user);
            return first;
        }
        chain.push(current);
        match next(current) {
            Some(name) => current = name,
            None => break,
        }
    }
    chain.last().copied()
}

/// How many names one person may have had.
const MOST_NAMES: usize = 16;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::VecDeque;
    use std::io::Cursor;

    use super::super::input::{Blocks, Bytes, Opener};
    use super::super::{Options, Reading, read_blocks};
    use super::*;
    use crate::audit::History;

    fn read(inputs: &[&str]) -> Reading {
        let open = |text: &str| -> (String, Opener<'static>) {
            let bytes: Bytes = Box::new(Cursor::new(text.to_owned()));
            ("log".to_owned(), Box::new(move || Ok(bytes)))
        };
        let waiting: VecDeque<(String, Opener<'static>)> = inputs.iter().map(|text| open(text)).collect();
        let options = Options::default();
        read_blocks(Blocks::of(waiting, &options, 4 << 20), &options, &|_| ()).unwrap()
    }

    /// The sends of a history, and how many records were bad and answers unpaired.
    fn sends(inputs: &[&str]) -> String {
        let reading = read(inputs);
        let unpaired = reading.inputs.iter().flat_map(|input| &input.notes).filter(|note| note.contains("response"));
        let mut lines = vec![format!("{} bad, {} notes", reading.bad.count, unpaired.count())];
        let history = History::new(reading.batches);
        for event in (0..history.len()).map(|at| history.event(at)).filter(|event| event.kind == Kind::Send) {
            let claim = event.tag.or(event.token).or(event.messaging_type.map(|word| word.word()));
            let claim = if event.claim_hidden { "?" } else { claim.unwrap_or("-") };
            let hidden = if event.recipient_hidden { "(hidden)" } else { "" };
            let fate = event.delivered().map_or("unknown", |sent| if sent { "sent" } else { "failed" });
            let second = event.at.ms() / 1_000 % 60;
            lines.push(format!(
                "{}/{}{hidden} {} {claim} {fate} :{second:02}",
                event.account,
                event.user,
                event.id.unwrap_or("-")
            ));
        }
        lines.join("; ")
    }

    const ECHO_1: &str = r#"{"object":"page","entry":[{"id":"111","messaging":[{"sender":{"id":"111"},"recipient":{"id":"42"},"timestamp":1709287201000,"message":{"is_echo":true,"mid":"m_1","text":"x"}}]}]}"#;
    const WROTE: &str = r#"{"object":"page","entry":[{"id":"111","messaging":[{"sender":{"id":"42"},"recipient":{"id":"111"},"timestamp":1709287200000,"message":{"mid":"m_0","text":"x"}}]}]}"#;
    const WROTE_TO_ANOTHER: &str = r#"{"object":"page","entry":[{"id":"222","messaging":[{"sender":{"id":"52"},"recipient":{"id":"222"},"timestamp":1709287200000,"message":{"mid":"m_9","text":"x"}}]}]}"#;
    const REQUEST_1: &str =
        r#"{"recipient":{"id":"42"},"message":{"text":"x"},"messaging_type":"MESSAGE_TAG","tag":"HUMAN_AGENT"}"#;
    const RESPONSE_1: &str = r#"{"recipient_id":"42","message_id":"m_1"}"#;
    const TIMED_REQUEST_1: &str = r#"{"ts":"2024-03-01T10:00:05Z","request":{"recipient":{"id":"42"},"message":{"text":"x"},"tag":"HUMAN_AGENT"}}"#;
    const TIMED_RESPONSE_1: &str =
        r#"{"ts":"2024-03-01T10:00:06Z","response":{"recipient_id":"42","message_id":"m_1"}}"#;

    fn timed(second: u32, correlation: &str, key: &str, body: &str) -> String {
        let correlation =
            if correlation.is_empty() { String::new() } else { format!(r#","correlation_id":"{correlation}""#) };
        format!(r#"{{"ts":"2024-03-01T10:00:{second:02}Z"{correlation},"{key}":{body}}}"#)
    }

    fn request(second: u32, correlation: &str, user: &str, claim: &str) -> String {
        timed(
            second,
            correlation,
            "request",
            &format!(r#"{{"recipient":{{"id":"{user}"}},"message":{{"text":"x"}}{claim}}}"#),
        )
    }

    const TAG: &str = r#","tag":"HUMAN_AGENT""#;
    const REFUSED: &str = r#"{"error":{"message":"x","code":10,"error_subcode":2018278}}"#;

    #[test]
    fn halves_find_each_other_or_are_reported() {
        let lines = |lines: &[&str]| lines.join("\n");
        let taken = |second, name: &str, user: &str, id: &str| {
            timed(second, name, "response", &format!(r#"{{"recipient_id":"{user}","message_id":"{id}"}}"#))
        };
        let refused = |second, name: &str| timed(second, name, "response", REFUSED);
        let cases: Vec<(&str, String, &str)> = vec![
            (
                "the echo gives the time, the request the claim",
                lines(&[WROTE, REQUEST_1, RESPONSE_1, ECHO_1]),
                "0 bad, 0 notes; 111/42 m_1 HUMAN_AGENT sent :01",
            ),
            (
                "without an echo the logger's time must do",
                lines(&[WROTE, TIMED_REQUEST_1, TIMED_RESPONSE_1]),
                "0 bad, 0 notes; 111/42 m_1 HUMAN_AGENT sent :05",
            ),
            ("no time at all", lines(&[WROTE, REQUEST_1, RESPONSE_1]), "1 bad, 0 notes"),
            ("no time and no answer", lines(&[WROTE, REQUEST_1]), "1 bad, 0 notes"),
            (
                "interleaved calls are told apart by their recipients",
                lines(&[
                    &request(1, "", "1", TAG),
                    &request(2, "", "2", ""),
                    &taken(3, "", "1", "a"),
                    &taken(4, "", "2", "b"),
                ]),
                "0 bad, 0 notes; /1 a HUMAN_AGENT sent :01; /2 b - sent :02",
            ),
            (
                "an error that could be of two requests is of none",
                lines(&[&request(1, "", "1", TAG), &request(2, "", "2", ""), &refused(3, "")]),
                "0 bad, 1 notes; /1 - HUMAN_AGENT unknown :01; /2 - - unknown :02",
            ),
            (
                "the logger's id says which",
                lines(&[
                    &request(1, "A", "1", TAG),
                    &request(2, "B", "2", ""),
                    &refused(3, "A"),
                    &taken(4, "B", "2", "b"),
                ]),
                "0 bad, 0 notes; /1 - HUMAN_AGENT failed :01; /2 b - sent :02",
            ),
            (
                "a trace may be about several calls",
                lines(&[
                    &request(1, "T", "1", TAG),
                    &taken(2, "T", "1", "a"),
                    &request(3, "T", "1", ""),
                    &refused(4, "T"),
                ]),
                "0 bad, 0 notes; /1 a HUMAN_AGENT sent :01; /1 - - failed :03",
            ),
            (
                "two answers for one user whose claims differ are not dealt out",
                lines(&[&request(1, "", "1", TAG), &request(2, "", "1", ""), &taken(3, "", "1", "a")]),
                "0 bad, 1 notes; /1 - HUMAN_AGENT unknown :01; /1 - - unknown :02",
            ),
            (
                "where they do not differ it makes no difference",
                lines(&[
                    &request(1, "", "1", TAG),
                    &request(2, "", "1", TAG),
                    &taken(3, "", "1", "a"),
                    &taken(4, "", "1", "b"),
                ]),
                "0 bad, 0 notes; /1 a HUMAN_AGENT sent :01; /1 b HUMAN_AGENT sent :02",
            ),
            (
                "the answer to typing is not that of the send",
                lines(&[
                    &timed(1, "", "request", r#"{"recipient":{"id":"1"},"sender_action":"typing_on"}"#),
                    &timed(1, "", "response", r#"{"recipient_id":"1"}"#),
                    &request(2, "", "1", ""),
                    &refused(3, ""),
                ]),
                "0 bad, 0 notes; /1 - - failed :02",
            ),
            (
                "an error next to typing and a send is of neither",
                lines(&[
                    &timed(1, "", "request", r#"{"recipient":{"id":"1"},"sender_action":"typing_on"}"#),
                    &request(2, "", "1", ""),
                    &refused(3, ""),
                ]),
                "0 bad, 1 notes; /1 - - unknown :02",
            ),
            (
                "an answer without its request shows a send, not its claim",
                taken(3, "", "1", "a"),
                "0 bad, 1 notes; /1 a ? sent :03",
            ),
            (
                "the account is where the user is known",
                lines(&[
                    WROTE,
                    WROTE_TO_ANOTHER,
                    &request(1, "", "52", ""),
                    &request(2, "", "42", ""),
                    &request(3, "", "62", ""),
                ]),
                "0 bad, 0 notes; 222/52 - - unknown :01; 111/42 - - unknown :02; /62 - - unknown :03",
            ),
            (
                "a logger's own number for a customer is no account",
                lines(&[
                    WROTE,
                    WROTE_TO_ANOTHER,
                    &request(1, "", "42", "").replacen("\"ts\"", "\"account_id\":7,\"ts\"", 1),
                ]),
                "0 bad, 0 notes; 111/42 - - unknown :01",
            ),
            (
                "a record that stands twice is one send",
                lines(&[
                    &request(1, "", "1", TAG),
                    &request(1, "", "1", TAG),
                    &taken(3, "", "1", "a"),
                    &taken(3, "", "1", "a"),
                ]),
                "0 bad, 0 notes; /1 a HUMAN_AGENT sent :01",
            ),
            (
                "a request that stands twice is one send",
                lines(&[&request(1, "", "1", TAG), &taken(3, "", "1", "a"), &request(1, "", "1", TAG)]),
                "0 bad, 0 notes; /1 a HUMAN_AGENT sent :01",
            ),
        ];
        for (name, log, expected) in cases {
            assert_eq!(sends(&[&log]), expected, "{name}");
            // The same log twice, under two names, shows nothing new; what was bad is bad twice.
            let twice = sends(&[&log, &log]);
            let tail = |text: &str| text.split_once("; ").map(|(_, tail)| tail.to_owned());
            assert_eq!(tail(&twice), tail(expected), "{name}, read twice");
        }
    }

    #[test]
    fn a_lost_answer_does_not_put_the_whole_log_in_doubt() {
        let mut lines = vec![request(0, "", "9", TAG)];
        for call in 0..40 {
            lines.push(request(1, "", &format!("{call}"), ""));
            lines.push(timed(1, "", "response", REFUSED));
        }
        let found = sends(&[&lines.join("\n")]);
        let failed = found.matches("failed").count();
        assert_eq!(failed, 40 - 1 - DOUBTED_FOR as usize, "{found}");
        assert!(found.contains("/9 - HUMAN_AGENT unknown"), "{found}");
    }

    #[test]
    fn which_input_comes_first_does_not_matter() {
        let requests = [request(1, "A", "1", TAG), request(2, "B", "2", "")].join("\n");
        let taken = timed(4, "B", "response", r#"{"recipient_id":"2","message_id":"b"}"#);
        let responses = [timed(3, "A", "response", REFUSED), taken].join("\n");
        let expected = "0 bad, 0 notes; /1 - HUMAN_AGENT failed :01; /2 b - sent :02";
        assert_eq!(sends(&[&requests, &responses]), expected);
        assert_eq!(sends(&[&responses, &requests]), expected);
        assert_eq!(sends(&[&responses, &requests, &requests, &responses]), expected);
        let calls = [REQUEST_1, RESPONSE_1].join("\n");
        let expected = "0 bad, 0 notes; 111/42 m_1 HUMAN_AGENT sent :01";
        assert_eq!(sends(&[&calls, ECHO_1]), expected);
        assert_eq!(sends(&[ECHO_1, &calls]), expected);
        assert_eq!(sends(&[&calls, ECHO_1, &calls]), expected);
    }

    #[test]
    fn one_person_has_one_name() {
        let granted = r#"{"object":"page","entry":[{"id":"111","messaging":[{"sender":{"id":"42"},"recipient":{"id":"111"},"timestamp":1709287200000,"optin":{"type":"one_time_notif_req","one_time_notif_token":"OTN"}}]}]}"#;
        let to = |second, recipient: &str| {
            timed(second, "", "request", &format!(r#"{{"recipient":{recipient},"message":{{"text":"x"}}}}"#))
        };
        let checkbox = r#"{"object":"page","entry":[{"id":"111","messaging":[{"sender":{"id":"42"},"recipient":{"id":"111"},"timestamp":1709287209000,"message":{"mid":"m_8","text":"x"},"prior_message":{"source":"checkbox_plugin","identifier":"ref"}}]}]}"#;
        let answered = timed(2, "", "response", r#"{"recipient_id":"42","message_id":"m_7"}"#);
        for (name, log, expected) in [
            (
                "a token is its grantee's",
                vec![granted.to_owned(), to(1, r#"{"one_time_notif_token":"OTN"}"#)],
                "0 bad, 0 notes; 111/42 - OTN unknown :01",
            ),
            (
                "a token that nobody was seen to grant is nobody's",
                vec![to(1, r#"{"one_time_notif_token":"OTN"}"#)],
                "0 bad, 0 notes; /(hidden) - OTN unknown :01",
            ),
            (
                "a reference is resolved by a later message",
                vec![checkbox.to_owned(), to(1, r#"{"user_ref":"ref"}"#)],
                "0 bad, 0 notes; 111/42 - - unknown :01",
            ),
            (
                "a telephone number by the response, for all sends to it",
                vec![
                    WROTE.to_owned(),
                    to(1, r#"{"phone_number":"+1(555)"}"#),
                    answered.clone(),
                    to(3, r#"{"phone_number":"+1(555)"}"#),
                ],
                "0 bad, 0 notes; 111/42 m_7 - sent :01; 111/42 - - unknown :03",
            ),
            (
                "a comment by the response, for this one send",
                vec![WROTE.to_owned(), to(1, r#"{"comment_id":"c"}"#), answered, to(3, r#"{"comment_id":"c"}"#)],
                "0 bad, 0 notes; 111/42 m_7 - sent :01; 111/ - - unknown :03",
            ),
            (
                "an unknown reference stays one",
                vec![to(1, r#"{"user_ref":"r"}"#)],
                "0 bad, 0 notes; /r(hidden) - - unknown :01",
            ),
        ] {
            assert_eq!(sends(&[&log.join("\n")]), expected, "{name}");
            let apart: Vec<&str> = log.iter().map(String::as_str).rev().collect();
            if log.len() == 2 {
                assert_eq!(sends(&apart), expected, "{name}, in two inputs");
            }
        }
    }

    #[test]
    fn chains_of_names_end() {
        let alias = |from: &str, to: &str| Alias {
            channel: Channel::Whatsapp,
            account: "1".to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
        };
        let aliases = [("a", "b"), ("b", "c"), ("x", "y"), ("y", "x"), ("p", "q"), ("p", "r"), ("s", "x"), ("z", "z")];
        let mut batch = Batch::default();
        for user in ["a", "b", "c", "x", "y", "p", "s", "z"] {
            batch.push(&Event {
                channel: Channel::Whatsapp,
                account: "1",
                user,
                kind: Kind::Message,
                ..Event::default()
            });
        }
        let mut batches = vec![batch];
        rename(&mut batches, aliases.map(|(from, to)| alias(from, to)).to_vec());
        let users: Vec<&str> = (0..8).map(|at| batches[0].event(at).user).collect();
        assert_eq!(users, ["c", "c", "c", "x", "x", "p", "x", "z"]);
    }
}
