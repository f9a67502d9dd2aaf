//! One call that stands in several logs, the gateway's and the bot's, say, is one send.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::event::Channel;
use crate::source::loose::{Answer, Call};
use crate::time::SECOND_MS;

use super::halves::{Asked, Halves};

/// How far the times may be apart that two logs give to one call.
pub(super) const SAME_CALL_MS: i64 = 5 * SECOND_MS;

/// All that is the same of one call wherever it is logged, but its time and the name its logger gave to it.
type Key<'k> = (Channel, Option<&'k str>, &'k [Call]);

/// The records of calls that are the same, at one moment and under one name: however many there are, they are one call.
struct Moment<'k> {
    ms: i64,
    name: Option<&'k str>,
    members: Vec<usize>,
}

/// Moments that are one call, logged once in each of several inputs.
struct Group<'k> {
    moments: Vec<usize>,
    inputs: BTreeSet<u32>,
    /// What its records say became of it.
    answers: Vec<&'k [Answer]>,
}

impl Halves {
    /// Which requests only repeat another record of the same call.
    pub(super) fn repeats(&self) -> Vec<bool> {
        let mut is_repeat = vec![false; self.asked.len()];
        let mut same: HashMap<Key<'_>, Vec<usize>> = HashMap::new();
        for (at, asked) in self.asked.iter().enumerate() {
            same.entry((asked.channel, asked.account.as_deref(), &asked.calls)).or_default().push(at);
        }
        for members in same.into_values().filter(|members| 1 < members.len()) {
            let (timed, untimed): (Vec<usize>, Vec<usize>) =
                members.into_iter().partition(|at| self.asked[*at].at.is_some());
            // Without a time, only the name that the logger gave to the call tells that it is one.
            let mut named: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
            for at in untimed {
                if let Some(name) = self.asked[at].name() {
                    named.entry(name).or_default().push(at);
                }
            }
            for group in named.into_values().chain(self.groups(timed)) {
                self.keep_answered(&group, &mut is_repeat);
            }
        }
        is_repeat
    }

    /// Of the records of one call those stay that tell the id of a message, or else the earliest that was refused, or else
    /// the earliest.
    fn keep_answered(&self, members: &[usize], is_repeat: &mut [bool]) {
        let tells_id = |at: &usize| self.asked[*at].answers.iter().any(|answer| answer.id().is_some());
        let kept = if members.iter().any(tells_id) {
            None
        } else {
            let order = |asked: &Asked| (asked.answers.is_empty(), asked.at.map(|stamp| stamp.at), asked.place);
            members.iter().copied().min_by_key(|at| order(&self.asked[*at]))
        };
        for at in members.iter().copied().filter(|at| !tells_id(at) && Some(*at) != kept) {
            is_repeat[at] = true;
        }
    }

    /// The records of one call each. Within one input calls at two moments, or under two names, are two; between inputs those
    /// nearest to each other are one, if nothing else became of one than of the other.
    fn groups(&self, mut members: Vec<usize>) -> Vec<Vec<usize>> {
        let order = |at: usize| (self.asked[at].at.map_or(0, |stamp| stamp.at.ms()), self.asked[at].name());
        members.sort_by_key(|at| (order(*at), self.asked[*at].place));
        let mut moments: Vec<Moment<'_>> = Vec::new();
        for at in members {
            let (ms, name) = order(at);
            match moments.last_mut().filter(|moment| (moment.ms, moment.name) == (ms, name)) {
                Some(moment) => moment.members.push(at),
                None => moments.push(Moment { ms, name, members: vec![at] }),
            }
        }
        let mut group_of: Vec<usize> = (0..moments.len()).collect();
        let group = |(at, moment): (usize, &Moment<'_>)| Group {
            moments: vec![at],
            inputs: moment.members.iter().map(|at| self.asked[*at].place.input).collect(),
            answers: moment.members.iter().map(|at| self.asked[*at].answers.as_slice()).collect(),
        };
        let mut groups: Vec<Group<'_>> = moments.iter().enumerate().map(group).collect();
        for (one, other) in nearest_first(&moments, &groups) {
            let (one, other) = (group_of[one], group_of[other]);
            if one == other || !groups[one].may_be(&groups[other]) {
                continue;
            }
            let empty = Group { moments: Vec::new(), inputs: BTreeSet::new(), answers: Vec::new() };
            let Group { moments, inputs, answers } = std::mem::replace(&mut groups[other], empty);
            for moment in &moments {
                group_of[*moment] = one;
            }
            groups[one].moments.extend(moments);
            groups[one].inputs.extend(inputs);
            groups[one].answers.extend(answers);
        }
        let all = |group: Group<'_>| group.moments.iter().flat_map(|at| moments[*at].members.clone()).collect();
        groups.into_iter().map(all).collect()
    }
}

/// Moments that are near to each other: first those that share an answer or a name, then the nearest.
fn nearest_first(moments: &[Moment<'_>], groups: &[Group<'_>]) -> Vec<(usize, usize)> {
    let mut pairs: Vec<(bool, bool, i64, usize, usize)> = Vec::new();
    for (at, one) in moments.iter().enumerate() {
        let later = moments.iter().enumerate().skip(at + 1);
        for (other_at, other) in later.take_while(|(_, other)| other.ms - one.ms <= SAME_CALL_MS) {
            let ids = |at: usize| groups[at].answers.iter().copied().flatten().find_map(Answer::id);
            let shares_id = ids(at).is_some() && ids(at) == ids(other_at);
            let shares_name = one.name.is_some() && one.name == other.name;
            pairs.push((!shares_id, !shares_name, other.ms - one.ms, at, other_at));
        }
    }
    pairs.sort_unstable();
    pairs.into_iter().map(|(.., one, other)| (one, other)).collect()
}

impl Group<'_> {
    fn may_be(&self, other: &Group<'_>) -> bool {
        let agree = |(one, other): (&Answer, &Answer)| match (one, other) {
            (Answer::Taken { id, .. }, Answer::Taken { id: other, .. }) => id == other,
            (Answer::Taken { .. }, Answer::Refused { .. }) | (Answer::Refused { .. }, Answer::Taken { .. }) => false,
            _ => true,
        };
        let agrees = |one: &[Answer]| other.answers.iter().all(|other| one.iter().zip(*other).all(agree));
        self.inputs.is_disjoint(&other.inputs) && self.answers.iter().all(|one| agrees(one))
    }
}

impl Asked {
    /// The name that its logger gave to it; the one we gave to a line is no evidence.
    fn name(&self) -> Option<&str> {
        self.correlation.as_deref().filter(|name| !name.starts_with('\0'))
    }
}
