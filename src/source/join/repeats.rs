//! One call that stands in several logs, the gateway's and the bot's, say, is one send.

use std::collections::{BTreeSet, HashMap};

use crate::event::Channel;
use crate::source::loose::Call;
use crate::time::SECOND_MS;

use super::halves::{Asked, Halves};

/// How far the times may be apart that two logs give to one call.
pub(super) const SAME_CALL_MS: i64 = 5 * SECOND_MS;

/// All that is the same of one call wherever it is logged, but its time.
type Key<'k> = (Channel, Option<&'k str>, Option<&'k str>, &'k [Call]);

/// The records of calls that are the same, at one moment: however many there are, they are one call.
struct Moment {
    ms: i64,
    members: Vec<usize>,
}

/// Moments that are one call, logged once in each of several inputs.
struct Group {
    moments: Vec<usize>,
    inputs: BTreeSet<u32>,
}

impl Halves {
    /// Which requests without an answer only repeat another record of the same call.
    pub(super) fn repeats(&self) -> Vec<bool> {
        let mut is_repeat = vec![false; self.asked.len()];
        let mut same: HashMap<Key<'_>, Vec<usize>> = HashMap::new();
        for (at, asked) in self.asked.iter().enumerate() {
            same.entry(key(asked)).or_default().push(at);
        }
        for (key, members) in same.into_iter().filter(|(_, members)| 1 < members.len()) {
            let (timed, untimed): (Vec<usize>, Vec<usize>) =
                members.into_iter().partition(|at| self.asked[*at].at.is_some());
            // Without a time, only the name that the logger gave to the call tells that it is one.
            if key.2.is_some() {
                self.keep_answered(&untimed, &mut is_repeat);
            }
            for group in self.groups(timed) {
                self.keep_answered(&group, &mut is_repeat);
            }
        }
        is_repeat
    }

    /// Of the records of one call those with an answer stay, or else the first.
    fn keep_answered(&self, members: &[usize], is_repeat: &mut [bool]) {
        let is_open = |at: &usize| self.asked[*at].answers.is_empty();
        let spared = usize::from(members.iter().all(is_open));
        for at in members.iter().copied().filter(is_open).skip(spared) {
            is_repeat[at] = true;
        }
    }

    /// The records of one call each. Within one input calls at two moments are two; between inputs those nearest to each
    /// other are one.
    fn groups(&self, mut members: Vec<usize>) -> Vec<Vec<usize>> {
        let ms = |at: usize| self.asked[at].at.map_or(0, |stamp| stamp.at.ms());
        members.sort_by_key(|at| (ms(*at), self.asked[*at].place));
        let moments: Vec<Moment> = members
            .chunk_by(|a, b| ms(*a) == ms(*b))
            .map(|members| Moment { ms: members.first().map_or(0, |at| ms(*at)), members: members.to_vec() })
            .collect();
        let inputs = |moment: &Moment| -> BTreeSet<u32> {
            moment.members.iter().map(|at| self.asked[*at].place.input).collect()
        };
        let mut group_of: Vec<usize> = (0..moments.len()).collect();
        let mut groups: Vec<Group> = moments
            .iter()
            .enumerate()
            .map(|(at, moment)| Group { moments: vec![at], inputs: inputs(moment) })
            .collect();
        let mut pairs: Vec<(i64, usize, usize)> = Vec::new();
        for (at, one) in moments.iter().enumerate() {
            let later = moments.iter().enumerate().skip(at + 1);
            let near = later.take_while(|(_, other)| other.ms - one.ms <= SAME_CALL_MS);
            pairs.extend(near.map(|(other_at, other)| (other.ms - one.ms, at, other_at)));
        }
        pairs.sort_unstable();
        for (_, one, other) in pairs {
            let (one, other) = (group_of[one], group_of[other]);
            if one == other || !groups[one].inputs.is_disjoint(&groups[other].inputs) {
                continue;
            }
            let Group { moments, inputs } =
                std::mem::replace(&mut groups[other], Group { moments: Vec::new(), inputs: BTreeSet::new() });
            for moment in &moments {
                group_of[*moment] = one;
            }
            groups[one].moments.extend(moments);
            groups[one].inputs.extend(inputs);
        }
        let all = |group: Group| group.moments.iter().flat_map(|at| moments[*at].members.clone()).collect();
        groups.into_iter().map(all).collect()
    }
}

fn key(asked: &Asked) -> Key<'_> {
    // The name we gave to a line is no evidence.
    let correlation = asked.correlation.as_deref().filter(|name| !name.starts_with('\0'));
    (asked.channel, asked.account.as_deref(), correlation, &asked.calls)
}
