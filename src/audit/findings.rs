//! From outcomes to findings and verdicts: facts get their sentences, places their file names.

use std::borrow::Cow;
use std::hash::Hasher;
use std::io;

use foldhash::HashMap;
use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};
use siphasher::sip::SipHasher13;

use crate::audit::{Audit, Habit, Outcome, content, sentence};
use crate::content::Confidence;
use crate::event::{Event, Place};
use crate::finding::{Content, Finding, Judged, PolicyRow, Summary};
use crate::policy::Permission;
use crate::replay::{Breach, Cause, Opening, Verdict};
use crate::rule::{Rule, Severity};
use crate::secret::short_hash;

/// How many outcomes are put into words at once: enough for all threads, and little memory.
const OUTCOMES_AT_ONCE: usize = 8_192;

impl<'p> Audit<'p> {
    /// Gives every verdict that was kept to `each`, in order of time.
    ///
    /// # Errors
    /// Whatever `each` fails with, at once.
    pub fn verdicts(&self, mut each: impl FnMut(&Judged<'_>) -> io::Result<()>) -> io::Result<()> {
        for place in &self.order {
            let (send, outcome) = self.outcome(*place);
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
                why: sentence::why(&outcome.verdict, &send, self.policy),
                delivered: send.delivered(),
                source: self.shown(send.place),
            })?;
        }
        Ok(())
    }

    /// Gives every finding of the rules that `wanted` accepts to `take`, some at a time, in order of time, and counts them
    /// by rule. What only the log as a whole shows comes last.
    ///
    /// # Errors
    /// Whatever `take` fails with, at once.
    pub fn findings(
        &self,
        wanted: impl Fn(Rule) -> bool + Sync,
        summary: &mut Summary,
        mut take: impl FnMut(&[Finding<'_>]) -> io::Result<()> + Send,
    ) -> io::Result<()> {
        let mut seen: HashMap<u64, u32> = HashMap::default();
        let mut runs = self.order.chunks(OUTCOMES_AT_ONCE);
        let mut ready = runs.next().map(|run| self.dressed_all(run)).unwrap_or_default();
        loop {
            let next = runs.next();
            if ready.is_empty() && next.is_none() {
                let of_habits = self.habits.iter().map(|habit| self.dressed_habit(habit)).collect();
                return take(&numbered(of_habits, &mut seen, &wanted, summary));
            }
            // While one run is written, the next one is put into words.
            let (coming, written) = rayon::join(
                || next.map(|run| self.dressed_all(run)).unwrap_or_default(),
                || take(&numbered(ready, &mut seen, &wanted, summary)),
            );
            written?;
            ready = coming;
        }
    }

    fn dressed_all<'a>(&'a self, run: &'a [(u32, u32)]) -> Vec<(u64, Finding<'a>)> {
        run.par_iter().with_min_len(64).flat_map_iter(|place| self.dressed(*place)).collect()
    }

    /// The findings about one send, whole but for their fingerprints, of which only the base is known here.
    fn dressed(&self, place: (u32, u32)) -> impl Iterator<Item = (u64, Finding<'_>)> {
        let (send, outcome) = self.outcome(place);
        let of_content = content::told(&self.content, self.policy, &self.replay, &send, self.redact);
        self.told(outcome, &send).into_iter().chain(of_content.into_iter().flatten()).map(move |told| {
            let evidence = told.opened.into_iter().map(|place| self.shown(place));
            let source = self.shown(send.place);
            let finding = Finding {
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
                evidence: evidence.chain([source.clone()]).collect(),
                source,
                delivered: send.delivered(),
                message: told.message,
                remedy: told.remedy,
                confidence: told.confidence,
                content: told.content,
                fingerprint: String::new(),
            };
            (fingerprint_base(told.rule, &send), finding)
        })
    }

    /// A finding about something that only the log as a whole shows.
    fn dressed_habit<'a>(&'a self, habit: &'a Habit<'p>) -> (u64, Finding<'a>) {
        let send = habit.send();
        let finding = Finding {
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
            evidence: habit.evidence.iter().map(|place| self.shown(*place)).collect(),
            source: self.shown(send.place),
            delivered: habit.delivered(),
            confidence: habit.confidence,
            content: None,
            fingerprint: String::new(),
        };
        // A habit of the account stays the same finding when a longer log shows it by an earlier send.
        let known_by = habit.known_by.map(|known_by| Event { user: known_by, id: Some(""), ..send });
        (fingerprint_base(habit.rule, &known_by.unwrap_or(send)), finding)
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

    fn shown(&self, place: Place) -> String {
        let name = self.names.get(place.input as usize).map_or("<input>", String::as_str);
        format!("{name}:{}", place.line)
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
    findings: Vec<(u64, Finding<'a>)>,
    seen: &mut HashMap<u64, u32>,
    wanted: &impl Fn(Rule) -> bool,
    summary: &mut Summary,
) -> Vec<Finding<'a>> {
    let mut kept = Vec::with_capacity(findings.len());
    for (base, mut finding) in findings {
        // Numbered before the choice of rules, so that choosing changes no fingerprint.
        finding.fingerprint = fingerprint(base, seen.entry(base).or_default());
        if wanted(finding.rule) {
            *summary.rules.entry(finding.rule).or_default() += 1;
            *summary.severities.entry(finding.severity).or_default() += 1;
            kept.push(finding);
        }
    }
    kept
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
fn fingerprint_base(rule: Rule, send: &Event<'_>) -> u64 {
    // SipHash with a fixed key: the standard library does not promise that its own will stay what it is.
    let mut hasher = SipHasher13::new();
    for part in [rule.word(), send.channel.word(), send.account, send.user, send.id.unwrap_or_default()] {
        hasher.write(part.as_bytes());
        hasher.write_u8(0xff);
    }
    if send.id.is_none() {
        hasher.write_i64(send.at.ms());
    }
    hasher.finish()
}

/// The fingerprint of the next finding with this base: those that share one are numbered.
fn fingerprint(base: u64, seen: &mut u32) -> String {
    let mut hasher = SipHasher13::new();
    hasher.write_u64(base);
    hasher.write_u32(*seen);
    *seen += 1;
    format!("{:016x}", hasher.finish())
}
