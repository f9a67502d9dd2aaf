//! Calls that nothing answers, and the echoes that no call has claimed: the same message, where only one of each can be
//! meant.
//!
//! An echo is of a call if it is of the same conversation, says the same and comes soon after it. If several calls that
//! differ may be meant, none is taken; but then none of these echoes is known to be plain, whatever is said of the business.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::batch::Batch;
use crate::event::Channel;
use crate::source::loose::{Alias, Answer, Call, Content, Request};
use crate::time::{MINUTE_MS, SECOND_MS, Stamp, Time};

use super::elsewhere::Seen;
use super::halves::{Asked, Halves};
use super::names::Names;
use super::sends::Sends;

/// How long after its call an echo may come, and how long before it by the clock of another machine.
const ECHO_AFTER_MS: i64 = 5 * MINUTE_MS;
const ECHO_BEFORE_MS: i64 = 5 * SECOND_MS;

/// Sends that a batch holds, by their index, and what they said.
pub(in crate::source) type Contents = Vec<(u32, Content)>;

/// What became of the calls that nothing answers; a call is named by its record and its place in the batch of calls.
#[derive(Default)]
pub(super) struct Links {
    /// What an echo tells in place of an answer.
    pub(super) answers: HashMap<(usize, usize), Answer>,
    /// Calls that only repeat one that has an echo.
    pub(super) repeats: HashSet<(usize, usize)>,
    /// How many calls may be one of several echoes, or share one, by input.
    pub(super) doubted: BTreeMap<u32, u64>,
}

/// A call that nothing answers.
struct Open<'h> {
    name: (usize, usize),
    asked: &'h Asked,
    request: &'h Request,
    channel: Channel,
    account: String,
    user: String,
    content: Content,
}

/// A send that no call has claimed, however often it stands in the log.
struct Echo {
    seen: Seen,
    /// The last name of its user.
    name: String,
    id: String,
    at: Time,
    precision_ms: u32,
    content: Content,
    /// The template that it shows.
    template: Option<String>,
    /// Whether the price of it is one of templates only, or of none.
    is_template: bool,
    is_free_form: bool,
    /// Batches and indices.
    places: Vec<(usize, usize)>,
}

/// How well an echo fits a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Match {
    Perhaps,
    Sure,
}

/// Calls and echoes that may be each other's, and nobody else's.
#[derive(Default)]
struct Knot {
    open: Vec<usize>,
    echoes: Vec<usize>,
    has_doubtful: bool,
}

/// Finds the echoes of the calls that nothing answers, and marks those of which it is not known whose they are.
pub(super) fn link(
    halves: &Halves,
    is_repeat: &[bool],
    sends: &mut Sends<'_>,
    batches: &mut [Batch],
    contents: &[Contents],
    aliases: &[Alias],
) -> Links {
    let names = Names::of(aliases);
    let open = open_calls(halves, is_repeat, sends, &names);
    let mut links = Links::default();
    if open.is_empty() {
        return links;
    }
    let echoes = unclaimed(halves, &open, batches, contents, &names);
    for knot in knots(&open, &echoes) {
        let Some(pairs) = untie(&knot, &open, &echoes) else {
            for at in &knot.open {
                *links.doubted.entry(open[*at].asked.place.input).or_default() += 1;
            }
            for (batch, index) in knot.echoes.iter().flat_map(|at| &echoes[*at].places) {
                if let Some(batch) = batches.get_mut(*batch) {
                    batch.leave_unpaired(*index);
                }
            }
            continue;
        };
        for (open_at, echo_at) in &pairs {
            let echo = &echoes[*echo_at];
            links.answers.insert(open[*open_at].name, Answer::Taken { id: echo.id.clone(), recipient: None });
            sends.elsewhere.seen.insert(echo.id.clone(), echo.seen.clone());
        }
        links.repeats.extend(repeats(&knot, &pairs, &open));
    }
    links
}

/// Calls without a time of which the log of another input has as many as there are echoes: the same log under two names.
fn repeats(knot: &Knot, pairs: &[(usize, usize)], open: &[Open<'_>]) -> Vec<(usize, usize)> {
    let mut of_input: BTreeMap<u32, usize> = BTreeMap::new();
    for at in &knot.open {
        *of_input.entry(open[*at].asked.place.input).or_default() += 1;
    }
    let left = knot.open.iter().filter(|at| pairs.iter().all(|(paired, _)| paired != *at)).map(|at| &open[*at]);
    let is_repeat = |open: &&Open<'_>| {
        open.asked.at.is_none() && of_input.get(&open.asked.place.input).is_some_and(|count| *count <= pairs.len())
    };
    left.filter(is_repeat).map(|open| open.name).collect()
}

/// The calls that nothing answers, with the user they went to, where that is known.
fn open_calls<'h>(halves: &'h Halves, is_repeat: &[bool], sends: &Sends<'_>, names: &Names<'_>) -> Vec<Open<'h>> {
    let mut open = Vec::new();
    for (asked_at, asked) in halves.asked.iter().enumerate().filter(|(at, _)| !is_repeat[*at]) {
        for (nth, call) in asked.calls.iter().enumerate() {
            let Call::Send(own_account, request) = call else { continue };
            if !matches!(asked.answers.get(nth), None | Some(Answer::Other)) {
                continue;
            }
            let aim = sends.aim(asked, own_account.as_deref(), request, None);
            let Some(user) = aim.user.filter(|_| request.comment.is_none()) else { continue };
            let user = names.last(aim.channel, &aim.account, &user).map(str::to_owned).unwrap_or(user);
            let content = request.text.as_deref().map_or(request.attached, Content::of_text);
            open.push(Open {
                name: (asked_at, nth),
                asked,
                request,
                channel: aim.channel,
                account: aim.account,
                user,
                content,
            });
        }
    }
    open
}

/// The sends to the users of these calls whose ids no answered call has.
fn unclaimed(
    halves: &Halves,
    open: &[Open<'_>],
    batches: &[Batch],
    contents: &[Contents],
    names: &Names<'_>,
) -> Vec<Echo> {
    let claimed: HashSet<&str> = halves.asked.iter().flat_map(|asked| &asked.answers).filter_map(Answer::id).collect();
    let users: HashSet<(Channel, &str)> = open.iter().map(|open| (open.channel, open.user.as_str())).collect();
    let mut echoes: BTreeMap<(Channel, String, String, String), Echo> = BTreeMap::new();
    for (batch_at, (batch, contents)) in batches.iter().zip(contents).enumerate() {
        for (index, content) in contents.iter().map(|(index, content)| (*index as usize, *content)) {
            let event = batch.event(index);
            let user = names.last(event.channel, event.account, event.user).unwrap_or(event.user);
            let Some(id) = event.id.filter(|id| users.contains(&(event.channel, user)) && !claimed.contains(id)) else {
                continue;
            };
            let key = (event.channel, event.account.to_owned(), user.to_owned(), id.to_owned());
            let stamp = Stamp { at: event.at, precision_ms: event.precision_ms };
            let sent = (!event.logged_at).then_some(stamp);
            let echo = echoes.entry(key).or_insert_with(|| Echo {
                seen: Seen {
                    channel: event.channel,
                    account: event.account.to_owned(),
                    user: event.user.to_owned(),
                    sent,
                },
                name: user.to_owned(),
                id: id.to_owned(),
                at: event.at,
                precision_ms: event.precision_ms,
                content,
                template: None,
                is_template: false,
                is_free_form: false,
                places: Vec::new(),
            });
            let earliest = [echo.seen.sent, sent].into_iter().flatten().min_by_key(|sent| (sent.at, sent.precision_ms));
            echo.seen.sent = earliest;
            let at = earliest.map_or_else(|| echo.at.min(event.at), |sent| sent.at);
            (echo.at, echo.precision_ms) = (at, echo.precision_ms.max(event.precision_ms));
            if echo.content == Content::Unknown {
                echo.content = content;
            }
            if echo.template.is_none() {
                echo.template = event.template.map(str::to_owned);
            }
            let is_free_form = !event.claim_hidden && event.template.is_none();
            echo.is_free_form |= event.channel == Channel::Whatsapp && is_free_form;
            echo.is_template |= event.template.is_some() && event.category.is_some();
            echo.places.push((batch_at, index));
        }
    }
    echoes.into_values().collect()
}

/// Puts together what may belong together.
fn knots(open: &[Open<'_>], echoes: &[Echo]) -> Vec<Knot> {
    let mut of_user: HashMap<(Channel, &str), Vec<usize>> = HashMap::new();
    for (at, echo) in echoes.iter().enumerate() {
        of_user.entry((echo.seen.channel, echo.name.as_str())).or_default().push(at);
    }
    let mut sets = Sets::new(open.len() + echoes.len());
    let mut doubtful = Vec::new();
    for (open_at, one) in open.iter().enumerate() {
        for echo_at in of_user.get(&(one.channel, one.user.as_str())).into_iter().flatten() {
            let Some(found) = fit(one, &echoes[*echo_at]) else { continue };
            sets.unite(open_at, open.len() + echo_at);
            if found == Match::Perhaps {
                doubtful.push(open_at);
            }
        }
    }
    let mut knots: BTreeMap<usize, Knot> = BTreeMap::new();
    for at in 0..open.len() {
        knots.entry(sets.of(at)).or_default().open.push(at);
    }
    for at in 0..echoes.len() {
        if let Some(knot) = knots.get_mut(&sets.of(open.len() + at)) {
            knot.echoes.push(at);
        }
    }
    for at in doubtful {
        if let Some(knot) = knots.get_mut(&sets.of(at)) {
            knot.has_doubtful = true;
        }
    }
    knots.into_values().filter(|knot| !knot.echoes.is_empty()).collect()
}

/// Deals the echoes of a knot out to its calls, if only one way is possible or it makes no difference.
fn untie(knot: &Knot, open: &[Open<'_>], echoes: &[Echo]) -> Option<Vec<(usize, usize)>> {
    let first = open.get(*knot.open.first()?)?;
    let alike = |at: &usize| {
        let one = &open[*at];
        one.content == first.content && one.request.is_like(first.request) && one.account == first.account
    };
    if knot.has_doubtful || !knot.open.iter().all(alike) {
        return None;
    }
    let mut calls = knot.open.clone();
    let order =
        |one: &Open<'_>| (one.asked.at.map(|stamp| stamp.at), one.request.beside.clone(), one.asked.place, one.name);
    calls.sort_by_cached_key(|at| order(&open[*at]));
    let mut sent = knot.echoes.clone();
    sent.sort_by_key(|at| (echoes[*at].at, &echoes[*at].id));
    let mut pairs = Vec::new();
    for echo_at in sent {
        // Of those that may be meant the first one has waited longest. An echo too many is nobody's.
        let found = calls.iter().position(|at| fit(&open[*at], &echoes[echo_at]).is_some())?;
        pairs.push((calls.remove(found), echo_at));
    }
    Some(pairs)
}

/// Whether an echo may be that of a call, both of one user.
fn fit(open: &Open<'_>, echo: &Echo) -> Option<Match> {
    let same_account = open.account == echo.seen.account;
    if !same_account && !open.account.is_empty() {
        return None;
    }
    let template = open.request.template.as_deref();
    let is_another = if open.channel == Channel::Whatsapp {
        echo.is_free_form && template.is_some() || echo.is_template && template.is_none()
    } else {
        echo.template.is_some() && echo.template.as_deref() != template
    };
    if is_another {
        return None;
    }
    let content = match (open.content, echo.content) {
        (one, other) if one == other && one != Content::Unknown => Match::Sure,
        // Statuses never show what was sent.
        (_, Content::Unknown) if open.channel == Channel::Whatsapp && open.asked.at.is_some() => Match::Sure,
        (Content::Unknown, _) | (_, Content::Unknown) => Match::Perhaps,
        // Of a template an echo may show the text alone, or the kind of something in it.
        (Content::Other, _) => Match::Perhaps,
        _ => return None,
    };
    match open.asked.at {
        Some(asked) => {
            let took_ms = echo.at.since(asked.at);
            let least_ms = -ECHO_BEFORE_MS - i64::from(echo.precision_ms);
            let most_ms = ECHO_AFTER_MS + i64::from(asked.precision_ms);
            let in_time = (least_ms..=most_ms).contains(&took_ms);
            in_time.then_some(if same_account { content } else { Match::Perhaps })
        }
        // Without a time it must say the same in words: one picture is as good as another.
        None => {
            let is_text = matches!(open.content, Content::Text(_));
            (is_text && content == Match::Sure && same_account).then_some(Match::Sure)
        }
    }
}

/// Which of many belong together.
struct Sets {
    parents: Vec<usize>,
}

impl Sets {
    fn new(count: usize) -> Sets {
        Sets { parents: (0..count).collect() }
    }

    fn of(&mut self, mut at: usize) -> usize {
        while self.parents[at] != at {
            self.parents[at] = self.parents[self.parents[at]];
            at = self.parents[at];
        }
        at
    }

    fn unite(&mut self, one: usize, other: usize) {
        let (one, other) = (self.of(one), self.of(other));
        self.parents[one.max(other)] = one.min(other);
    }
}
