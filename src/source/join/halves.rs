//! Requests and answers find each other: by what ties them together, never by a guess.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::event::{Channel, Place};
use crate::source::loose::{Answer, Call, Loose, Piece, Recipient};
use crate::time::{MINUTE_MS, SECOND_MS, Stamp};

use super::echoes::Links;
use super::repeats::SAME_CALL_MS;

/// A call, or the calls of a batch, and what became of them.
pub(super) struct Asked {
    pub(super) place: Place,
    pub(super) channel: Channel,
    pub(super) account: Option<String>,
    pub(super) at: Option<Stamp>,
    pub(super) correlation: Option<String>,
    pub(super) calls: Vec<Call>,
    /// One for each call, or none at all.
    pub(super) answers: Vec<Answer>,
}

/// An answer, or the answers to a batch.
pub(super) struct Told {
    pub(super) place: Place,
    pub(super) channel: Channel,
    pub(super) account: Option<String>,
    pub(super) at: Option<Stamp>,
    pub(super) correlation: Option<String>,
    pub(super) answers: Vec<Answer>,
    pub(super) fate: Fate,
}

/// What became of an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// No request is known that it may answer.
    Alone,
    /// Several requests that differ may be meant.
    Unclear,
    /// Its request is found, or found before by the same answer.
    Paired,
}

/// One or the other, as an index.
#[derive(Clone, Copy)]
pub(super) enum Half {
    Asked(usize),
    Told(usize),
}

/// Both halves of all calls.
#[derive(Default)]
pub(super) struct Halves {
    pub(super) asked: Vec<Asked>,
    pub(super) told: Vec<Told>,
    /// In the order of the inputs and their records.
    pub(super) order: Vec<Half>,
    /// The request of each message that was taken, by the message's id.
    answered: HashMap<String, usize>,
}

/// A request that waits for its answer.
#[derive(Clone, Copy)]
pub(super) struct Waiting {
    at: usize,
    /// An answer came that may have been this one's: for how many more answers it stands in the way of others. Then only an
    /// answer that names its recipient can be its own.
    doubted: Option<u32>,
}

/// How many requests wait for an answer at most.
pub(super) const MOST_WAITING: usize = 256;
/// A call that is not answered by then never is: every client has given up.
pub(super) const LONGEST_CALL_MS: i64 = 5 * MINUTE_MS;
/// For how many answers a request stands in the way that an earlier answer may have belonged to.
pub(super) const DOUBTED_FOR: u32 = 16;
/// How far the times of two lines of a log may be out of order.
pub(super) const OUT_OF_ORDER_MS: i64 = 5 * SECOND_MS;

impl Halves {
    pub(super) fn of(loose: Vec<Loose>) -> Halves {
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
    pub(super) fn pair(&mut self) {
        let mut groups: BTreeMap<String, Vec<Half>> = BTreeMap::new();
        for half in &self.order {
            if let Some(correlation) = self.correlation(*half) {
                groups.entry(correlation.to_owned()).or_default().push(*half);
            }
        }
        for group in groups.values() {
            for of_input in group.chunk_by(|a, b| self.input(*a) == self.input(*b)).collect::<Vec<_>>() {
                self.settle(of_input);
            }
            let left = group.iter().copied().filter(|half| self.is_open(*half)).collect();
            let left = self.in_time(left);
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

    /// A log of requests and one of responses, whichever was named first: in order of time, or, where that is not known, the
    /// requests first.
    fn in_time(&self, mut halves: Vec<Half>) -> Vec<Half> {
        let is_told = |half: &Half| matches!(half, Half::Told(_));
        let at = |half: &Half| match *half {
            Half::Asked(at) => self.asked[at].at.map(|stamp| stamp.at.plus_ms(-OUT_OF_ORDER_MS)),
            Half::Told(at) => self.told[at].at.map(|stamp| stamp.at),
        };
        if halves.iter().all(|half| at(half).is_some()) {
            halves.sort_by_key(|half| (at(half), is_told(half)));
        } else {
            halves.sort_by_key(is_told);
        }
        halves
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
            let before = told.first_id().and_then(|id| self.answered.get(id)).copied();
            // Another log of the same call may have its own name for it.
            let is_told_anew =
                |before: &usize| told.correlation.is_none() || told.correlation == self.asked[*before].correlation;
            let (found, fate) = match before.filter(is_told_anew) {
                // The answer is repeated; its request may be, too.
                Some(before) => {
                    let before = &self.asked[before];
                    let same = |one: &&Waiting| {
                        let asked = &self.asked[one.at];
                        asked.repeats(before) && asked.fit(told) != Fit::Impossible
                    };
                    let nearest = waiting.iter().filter(same).min_by_key(|one| self.asked[one.at].apart_ms(before));
                    (nearest.map(|one| one.at), Fate::Paired)
                }
                None => self.asked_by(told, &mut waiting),
            };
            if let Some(found) = found {
                waiting.retain(|one| one.at != found);
                let told = &self.told[told_at];
                self.answered.extend(told.first_id().map(|id| (id.to_owned(), found)));
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
        let fits = self.fits(told, waiting);
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

    /// How well the answer fits each request that waits.
    fn fits(&self, told: &Told, waiting: &[Waiting]) -> Vec<Fit> {
        let mut fits: Vec<Fit> = waiting.iter().map(|one| self.asked[one.at].fit(told)).collect();
        let took_ms = |one: &Waiting| Some(told.at?.at.since(self.asked[one.at].at?.at).max(0));
        let possible = waiting.iter().zip(&fits).filter(|(_, fit)| **fit != Fit::Impossible);
        let Some(least_ms) = possible.filter_map(|(one, _)| took_ms(one)).min() else { return fits };
        // A name that was given out again is that of the latest call.
        for (one, fit) in waiting.iter().zip(&mut fits) {
            if took_ms(one).is_some_and(|ms| least_ms + LONGEST_CALL_MS < ms) {
                *fit = Fit::Impossible;
            }
        }
        fits
    }

    /// The answers without a request that do not only repeat one which has it.
    pub(super) fn unpaired<'h>(&'h self, links: &'h Links) -> impl Iterator<Item = &'h Told> {
        let answers = self.asked.iter().flat_map(|asked| &asked.answers).chain(links.answers.values());
        let known: HashSet<&str> = answers.filter_map(Answer::id).collect();
        let repeats = move |told: &Told| told.first_id().is_some_and(|id| known.contains(id));
        self.told.iter().filter(move |told| told.fate != Fate::Paired && !repeats(told))
    }
}

/// How well an answer fits a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
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
        let differ = |one: &Option<String>, other: &Option<String>| one.is_some() && other.is_some() && one != other;
        if differ(&self.correlation, &told.correlation) || differ(&self.account, &told.account) {
            return Fit::Impossible;
        }
        if let (Some(asked), Some(told)) = (self.at, told.at) {
            let took_ms = told.at.since(asked.at);
            // A logger that starts anew gives its names out again, so that they do not make an old call the one meant.
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
    pub(super) fn is_like(&self, other: &Asked) -> bool {
        (self.channel, &self.account) == (other.channel, &other.account) && self.claims_like(other)
    }

    /// Whether this may be another record of the call that the other one is of.
    fn repeats(&self, other: &Asked) -> bool {
        let account_differs = self.account.is_some() && other.account.is_some() && self.account != other.account;
        // Another log may leave out what the message says.
        let says_alike = |(one, other): (&Call, &Call)| match (one, other) {
            (Call::Send(_, one), Call::Send(_, other)) => {
                one.text.is_none() || other.text.is_none() || one.text == other.text
            }
            _ => true,
        };
        let alike = if self.place.input == other.place.input {
            self.calls == other.calls
        } else {
            self.claims_like(other) && self.calls.iter().zip(&other.calls).all(says_alike)
        };
        alike && !account_differs && self.apart_ms(other).is_none_or(|ms| ms <= SAME_CALL_MS)
    }

    /// How far two requests are apart, if both have a time.
    fn apart_ms(&self, other: &Asked) -> Option<i64> {
        Some(self.at?.at.since(other.at?.at).abs())
    }

    fn claims_like(&self, other: &Asked) -> bool {
        let same = |(one, other): (&Call, &Call)| match (one, other) {
            (Call::Send(a, one), Call::Send(b, other)) => a == b && one.is_like(other),
            (Call::Action(_), Call::Action(_)) | (Call::Other, Call::Other) => true,
            _ => false,
        };
        self.calls.len() == other.calls.len() && self.calls.iter().zip(&other.calls).all(same)
    }
}

pub(super) fn fit(channel: Channel, call: &Call, answer: &Answer) -> Fit {
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
    pub(super) fn id(&self) -> Option<&str> {
        match self {
            Answer::Taken { id, .. } => Some(id),
            _ => None,
        }
    }

    pub(super) fn recipient(&self) -> Option<&str> {
        match self {
            Answer::Taken { recipient, .. } => recipient.as_deref(),
            _ => None,
        }
    }
}

impl Told {
    pub(super) fn first_id(&self) -> Option<&str> {
        self.answers.iter().find_map(Answer::id)
    }
}
