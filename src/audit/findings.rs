//! From outcomes to findings and verdicts: facts get their sentences, places their file names.

use std::borrow::Cow;
use std::hash::Hasher;
use std::io;
use std::sync::PoisonError;

use foldhash::HashMap;
use rayon::iter::ParallelIterator;
use rayon::slice::ParallelSlice;
use siphasher::sip::SipHasher13;

use crate::audit::kept::{Kept, Outcome, Spot, drop_remedies};
use crate::audit::remedies::First;
use crate::audit::{Audit, ContentCheck, Habit, Told as ToldSends, content, sentence};
use crate::content::Confidence;
use crate::event::{Event, Place};
use crate::finding::{Content, Finding, Fingerprint, Judged, PolicyRow, Source, Summary};
use crate::policy::{Permission, Policy};
use crate::replay::{Breach, Cause, Opening, ReplayOptions, Verdict};
use crate::rule::{Rule, Severity};
use crate::secret::short_hash;

/// How many outcomes are put into words at once: enough for all threads, and little memory; and how many by one thread.
const OUTCOMES_AT_ONCE: usize = 8_192;
const OUTCOMES_A_SHARE: usize = 256;

/// What is needed to put an outcome into words.
#[derive(Debug)]
pub(super) struct Words<'p> {
    pub(super) policy: &'p Policy,
    pub(super) names: Vec<String>,
    pub(super) redact: bool,
    /// What is known besides the log, for what depends on the send alone.
    pub(super) replay: ReplayOptions,
    pub(super) content: ContentCheck,
}

impl<'p> Audit<'p> {
    /// Gives every verdict that was kept to `each`, in order of time.
    ///
    /// # Errors
    /// Whatever `each` fails with, at once; a temporary file that cannot be read.
    pub fn verdicts(&self, mut each: impl FnMut(&Judged<'_>) -> io::Result<()>) -> io::Result<()> {
        self.each_kept(|parts, order| {
            order
                .iter()
                .filter_map(|spot| outcome(parts, *spot))
                .try_for_each(|(send, outcome)| self.words.verdict(&send, outcome, &mut each))
        })
    }

    /// Gives every finding of the rules that `wanted` accepts to `take`, some at a time, in order of time, and counts them
    /// by rule. What only the log as a whole shows comes last.
    ///
    /// # Errors
    /// Whatever `take` fails with, at once; a temporary file that cannot be read.
    pub fn findings(
        &self,
        wanted: impl Fn(Rule) -> bool + Sync,
        summary: &mut Summary,
        mut take: impl FnMut(&[Finding<'_>]) -> io::Result<()> + Send,
    ) -> io::Result<()> {
        let mut seen: HashMap<Fingerprint, u32> = HashMap::default();
        self.each_kept(|parts, order| self.findings_of(parts, order, &wanted, &mut seen, summary, &mut take))?;
        let of_habits = self.habits.iter().map(|habit| self.words.dressed_habit(habit)).collect();
        take(&numbered(of_habits, &mut seen, &wanted, summary))
    }

    fn findings_of(
        &self,
        parts: &[Kept<'p>],
        order: &[Spot],
        wanted: &(impl Fn(Rule) -> bool + Sync),
        seen: &mut HashMap<Fingerprint, u32>,
        summary: &mut Summary,
        take: &mut (impl FnMut(&[Finding<'_>]) -> io::Result<()> + Send),
    ) -> io::Result<()> {
        let dressed = |run: &[Spot]| self.words.dressed_all(parts, run);
        let mut runs = order.chunks(OUTCOMES_AT_ONCE);
        let mut ready = runs.next().map(dressed).unwrap_or_default();
        loop {
            let next = runs.next();
            if ready.is_empty() && next.is_none() {
                return Ok(());
            }
            // While one run is written, the next one is put into words.
            let (coming, written) =
                rayon::join(|| next.map(dressed).unwrap_or_default(), || take(&numbered(ready, seen, wanted, summary)));
            written?;
            ready = coming;
        }
    }

    /// Gives the sends about which there is something to tell to `each`, with their order, all at once or many at a time.
    fn each_kept(&self, mut each: impl FnMut(&[Kept<'p>], &[Spot]) -> io::Result<()>) -> io::Result<()> {
        match &self.told {
            ToldSends::Held { parts, order } => each(parts, order),
            ToldSends::Stored(runs) => {
                let mut first = First::new(self.remedies);
                let mut runs = runs.lock().unwrap_or_else(PoisonError::into_inner);
                runs.merged(self.words.policy, |mut kept| {
                    let order: Vec<Spot> = (0..kept.len() as u32).map(|index| (0, index)).collect();
                    drop_remedies(std::slice::from_mut(&mut kept), &order, &mut first);
                    each(std::slice::from_ref(&kept), &order)
                })
            }
        }
    }
}

/// The send at a spot, and what came of it.
fn outcome<'k, 'p>(parts: &'k [Kept<'p>], (part, index): Spot) -> Option<(Event<'k>, &'k Outcome<'p>)> {
    parts.get(part as usize)?.get(index as usize)
}

impl<'p> Words<'p> {
    fn verdict(
        &self,
        send: &Event<'_>,
        outcome: &Outcome<'_>,
        each: &mut impl FnMut(&Judged<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let (user, id) = (self.private(send.user), send.id.map(|id| self.private(id)));
        let (mut permission, mut reason) = (None, None);
        match &outcome.verdict {
            Verdict::Allowed(permit) => permission = permit.permission.map(|row| row.id.as_str()),
            Verdict::Violation(_) => {}
            Verdict::Unproven(doubt) => reason = Some(doubt.reason.word()),
        }
        each(&Judged {
            verdict: outcome.verdict.word(),
            rules: outcome.verdict.rules().collect(),
            reason,
            channel: send.channel,
            account: send.account,
            user: &user,
            at: send.at,
            id: id.as_deref(),
            permission,
            why: sentence::why(&outcome.verdict, send, self.policy),
            delivered: send.delivered(),
            source: self.source(send.place),
        })
    }

    fn dressed_all<'a>(&'a self, parts: &'a [Kept<'p>], run: &[Spot]) -> Vec<Finding<'a>> {
        let dressed = |spots: &[Spot]| {
            let mut findings = Vec::with_capacity(spots.len());
            for (send, outcome) in spots.iter().filter_map(|spot| outcome(parts, *spot)) {
                self.dress(send, outcome, &mut findings);
            }
            findings
        };
        let mut shares: Vec<Vec<Finding<'a>>> = run.par_chunks(OUTCOMES_A_SHARE).map(dressed).collect();
        let mut all = Vec::with_capacity(shares.iter().map(Vec::len).sum());
        shares.iter_mut().for_each(|share| all.append(share));
        all
    }

    /// Adds the findings about one send, whole but for their fingerprints, of which only the base is known here.
    fn dress<'a>(&'a self, send: Event<'a>, outcome: &Outcome<'p>, findings: &mut Vec<Finding<'a>>) {
        let of_content = match outcome.misused {
            true => content::told(&self.content, self.policy, &self.replay, &send, self.redact),
            false => [None, None],
        };
        for told in self.told(outcome, &send).into_iter().chain(of_content.into_iter().flatten()) {
            let source = self.source(send.place);
            findings.push(Finding {
                rule: told.rule,
                severity: told.severity,
                channel: send.channel,
                account: send.account,
                user: self.private(send.user),
                at: send.at,
                id: send.id.map(|id| self.private(id)),
                late_by_ms: told.late_by_ms,
                opened_at: told.opening.map(|opening| opening.by.at),
                closed_at: told.opening.and_then(|opening| opening.closes_at),
                policy: told.permission.map(policy_row),
                evidence: told.opened.into_iter().map(|place| self.source(place)).chain([source]).collect(),
                source,
                delivered: send.delivered(),
                message: told.message,
                remedy: told.remedy,
                confidence: told.confidence,
                content: told.content,
                fingerprint: fingerprint_base(told.rule, &send),
            });
        }
    }

    /// A finding about something that only the log as a whole shows.
    fn dressed_habit<'a>(&'a self, habit: &'a Habit<'p>) -> Finding<'a> {
        let send = habit.send();
        // A habit of the account stays the same finding when a longer log shows it by an earlier send.
        let known_by = habit.known_by.map(|known_by| Event { user: known_by, id: Some(""), ..send });
        Finding {
            rule: habit.rule,
            severity: habit.severity,
            channel: send.channel,
            account: send.account,
            user: self.private(send.user),
            at: send.at,
            id: send.id.map(|id| self.private(id)),
            message: habit.message.clone(),
            remedy: habit.remedy.to_owned(),
            late_by_ms: None,
            opened_at: None,
            closed_at: None,
            policy: habit.permission.map(policy_row),
            evidence: habit.evidence.iter().map(|place| self.source(*place)).collect(),
            source: self.source(send.place),
            delivered: habit.delivered(),
            confidence: habit.confidence,
            content: None,
            fingerprint: fingerprint_base(habit.rule, &known_by.unwrap_or(send)),
        }
    }

    /// What there is to say of one send: its violations, or warnings and notes beside a permission.
    fn told(&self, outcome: &Outcome<'p>, send: &Event<'_>) -> Vec<Told<'p>> {
        match &outcome.verdict {
            Verdict::Violation(breaches) => breaches
                .iter()
                .map(|breach| Told {
                    rule: breach.rule,
                    severity: breach.rule.severity(),
                    permission: breach.permission,
                    opening: breach.opening,
                    late_by_ms: breach.late_by_ms(send.at),
                    opened: evidence_of(breach),
                    message: sentence::message(breach, send, self.policy),
                    remedy: sentence::remedy(breach, send, &outcome.lawful),
                    confidence: None,
                    content: None,
                })
                .collect(),
            Verdict::Allowed(permit) => {
                let told = |rule: Rule, message: String, remedy: &str| Told {
                    rule,
                    severity: rule.severity(),
                    permission: permit.permission,
                    opening: permit.opening,
                    late_by_ms: None,
                    opened: permit.opening.map(|opening| opening.by.place).into_iter().collect(),
                    message,
                    remedy: remedy.into(),
                    confidence: None,
                    content: None,
                };
                let why = || sentence::why_allowed(permit, send);
                let needless = permit.needless_tag.then(|| {
                    let tag = send.tag.unwrap_or_default();
                    let message = format!("{}, so {tag} was not needed", why());
                    told(Rule::NeedlessTag, message, "lawful: the same message without the tag")
                });
                let refused = self.policy.refusal(send.channel, send.error_code, send.error_subcode).map(|refusal| {
                    let codes = sentence::codes(send);
                    let message = format!("Meta refused it as {} ({codes}), yet {}", refusal.means, why());
                    let remedy =
                        "look for moves or sends that the log lacks; if it has them all, the policy table is wrong";
                    told(Rule::RefusedThoughAllowed, message, remedy)
                });
                refused.into_iter().chain(needless).collect()
            }
            Verdict::Unproven(_) => Vec::new(),
        }
    }

    fn source(&self, place: Place) -> Source<'_> {
        let input = self.names.get(place.input as usize).map_or("<input>", String::as_str);
        Source { input, line: place.line }
    }

    /// A user's id, or a message's, which on WhatsApp has the user's number in it: as it is, or hashed if so wished.
    fn private<'e>(&self, id: &'e str) -> Cow<'e, str> {
        if self.redact { short_hash(id).into() } else { id.into() }
    }
}

/// A finding before it is dressed.
pub(super) struct Told<'p> {
    pub(super) rule: Rule,
    pub(super) severity: Severity,
    pub(super) permission: Option<&'p Permission>,
    pub(super) opening: Option<Opening>,
    pub(super) late_by_ms: Option<i64>,
    pub(super) opened: Vec<Place>,
    pub(super) message: String,
    pub(super) remedy: String,
    pub(super) confidence: Option<Confidence>,
    pub(super) content: Option<Content>,
}

/// Gives findings their fingerprints, and counts and keeps those of the rules that are wanted.
fn numbered<'a>(
    mut findings: Vec<Finding<'a>>,
    seen: &mut HashMap<Fingerprint, u32>,
    wanted: &impl Fn(Rule) -> bool,
    summary: &mut Summary,
) -> Vec<Finding<'a>> {
    findings.retain_mut(|finding| {
        // Numbered before the choice of rules, so that choosing changes no fingerprint.
        finding.fingerprint = fingerprint(finding.fingerprint, seen.entry(finding.fingerprint).or_default());
        let is_wanted = wanted(finding.rule);
        if is_wanted {
            *summary.rules.entry(finding.rule).or_default() += 1;
            *summary.severities.entry(finding.severity).or_default() += 1;
        }
        is_wanted
    });
    findings
}

fn policy_row(row: &Permission) -> PolicyRow<'_> {
    PolicyRow { permission: &row.id, from: row.from, until: row.until, source: &row.source }
}

/// The records, besides the send itself, that prove a breach.
fn evidence_of(breach: &Breach<'_>) -> Vec<Place> {
    let opened = breach.opening.map(|opening| opening.by.place);
    let other = match breach.cause {
        Cause::ExtraSpent(mark) | Cause::Spent(mark) | Cause::GrantedElsewhere(mark) | Cause::Stopped(mark) => {
            Some(mark)
        }
        Cause::TooSoon(last, _) => Some(last),
        _ => None,
    };
    let idle = breach.idle.map(|idle| idle.mark);
    opened.into_iter().chain([other, idle].into_iter().flatten().map(|mark| mark.place)).collect()
}

/// What is the same for the same finding in every run, wherever its file lies. Sends without an id are told apart by their
/// time.
fn fingerprint_base(rule: Rule, send: &Event<'_>) -> Fingerprint {
    // SipHash with a fixed key: the standard library does not promise that its own will stay what it is.
    let mut hasher = SipHasher13::new();
    for part in [rule.word(), send.channel.word(), send.account, send.user, send.id.unwrap_or_default()] {
        hasher.write(part.as_bytes());
        hasher.write_u8(0xff);
    }
    if send.id.is_none() {
        hasher.write_i64(send.at.ms());
    }
    Fingerprint(hasher.finish())
}

/// The fingerprint of the next finding with this base: those that share one are numbered.
fn fingerprint(base: Fingerprint, seen: &mut u32) -> Fingerprint {
    let mut hasher = SipHasher13::new();
    hasher.write_u64(base.0);
    hasher.write_u32(*seen);
    *seen += 1;
    Fingerprint(hasher.finish())
}
