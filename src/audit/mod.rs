//! The audit: a history goes through the replay, and findings, verdicts and a summary come out.
//!
//! This is where reading, judging and reporting meet; each of them knows only the events, verdicts and findings that pass.

mod order;
mod sentence;

use std::hash::Hasher;
use std::io;

use sha2::{Digest, Sha256};
use siphasher::sip::SipHasher13;

use crate::event::{Event, Kind, Place};
use crate::finding::{Finding, Judged, PolicyRow, Summary};
use crate::policy::{Permission, Policy};
use crate::replay::{Cause, Lawful, Opening, Replay, ReplayOptions, Verdict};
use crate::rule::{Rule, Severity};
use crate::time::Time;

pub use order::History;
pub use sentence::{verdict_in_words, ways_in_words};

/// What is judged, and how.
#[derive(Clone, Debug, Default)]
pub struct AuditOptions {
    /// What is known besides the log.
    pub replay: ReplayOptions,
    /// Judge only sends at or after this; what came before still counts as history.
    pub since: Option<Time>,
    /// Judge only sends before this.
    pub until: Option<Time>,
    /// A move of the user dated up to this many ms after a send may have come before it.
    pub skew_ms: i64,
    /// Show users as short hashes.
    pub redact: bool,
}

/// A history judged.
#[derive(Debug)]
pub struct Audit<'p> {
    policy: &'p Policy,
    history: History,
    names: Vec<String>,
    redact: bool,
    outcomes: Vec<Outcome<'p>>,
}

/// One send and what was found.
#[derive(Debug)]
struct Outcome<'p> {
    /// Where in the history.
    position: usize,
    verdict: Verdict<'p>,
    /// What would have been lawful instead, for violations.
    lawful: Vec<Lawful<'p>>,
}

impl<'p> Audit<'p> {
    /// Judges every send of the history that lies within the options, and counts. `names` are the inputs' names, by the
    /// index that places carry; `summary` brings what the reader knows.
    pub fn run(
        policy: &'p Policy,
        history: History,
        names: Vec<String>,
        options: AuditOptions,
        summary: &mut Summary,
    ) -> Audit<'p> {
        let mut audit = Audit { policy, history, names, redact: options.redact, outcomes: Vec::new() };
        let mut replay = Replay::new(policy, options.replay.clone());
        let mut seen = Seen::default();
        summary.events = audit.history.len() as u64;
        summary.duplicates = audit.history.duplicates;
        for position in 0..audit.history.len() {
            let event = audit.history.event(position);
            *summary.kinds.entry(event.kind).or_default() += 1;
            summary.first.get_or_insert(event.at);
            summary.last = Some(event.at);
            seen.see(&event);
            let inside = options.since.is_none_or(|since| since <= event.at)
                && options.until.is_none_or(|until| event.at < until);
            if event.kind != Kind::Send || !inside {
                replay.record(&event);
                continue;
            }
            let mut verdict = replay.can_send(&event);
            if 0 < options.skew_ms && !matches!(verdict, Verdict::Allowed(_)) {
                audit.apply_moves_within(options.skew_ms, position, &mut replay);
                let tolerant = replay.can_send(&event);
                summary.skewed += u64::from(tolerant.word() != verdict.word());
                verdict = tolerant;
            }
            let violated = matches!(verdict, Verdict::Violation(_));
            let lawful = if violated { replay.lawful(&event) } else { Vec::new() };
            replay.record(&event);
            seen.judge(&event, &verdict);
            count(&event, &verdict, summary);
            audit.outcomes.push(Outcome { position, verdict, lawful });
        }
        summary.notes.extend(seen.notes(policy, &options));
        audit
    }

    /// Lets the replay know of moves that the user made up to `skew_ms` after the send at `position`, as if they had come
    /// with it: one of two clocks may have been late. Each is seen again in its own time.
    fn apply_moves_within(&self, skew_ms: i64, position: usize, replay: &mut Replay<'_>) {
        let send = self.history.event(position);
        for later in position + 1..self.history.len() {
            let event = self.history.event(later);
            if skew_ms < event.at.since(send.at) {
                return;
            }
            let same = (event.channel, event.account, event.user) == (send.channel, send.account, send.user);
            if same && event.kind.is_users() && event.kind != Kind::RecurringStop {
                replay.record(&Event { at: send.at, ..event });
            }
        }
    }

    /// Gives every verdict to `each`, in order of time.
    ///
    /// # Errors
    /// Whatever `each` fails with, at once.
    pub fn verdicts(&self, mut each: impl FnMut(&Judged<'_>) -> io::Result<()>) -> io::Result<()> {
        for outcome in &self.outcomes {
            let send = self.history.event(outcome.position);
            let user = self.shown_user(&send);
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
                id: send.id,
                permission,
                why: sentence::why(&outcome.verdict, &send, self.policy),
                delivered: send.delivered(),
                source: self.shown(send.place),
            })?;
        }
        Ok(())
    }

    /// Gives every finding of the rules that `wanted` accepts to `each`, in order of time, and counts them by rule.
    ///
    /// # Errors
    /// Whatever `each` fails with, at once.
    pub fn findings(
        &self,
        wanted: impl Fn(Rule) -> bool,
        summary: &mut Summary,
        mut each: impl FnMut(&Finding<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut fingerprints = Fingerprints::default();
        for outcome in &self.outcomes {
            let send = self.history.event(outcome.position);
            for told in self.told(outcome, &send) {
                let fingerprint = fingerprints.of(told.rule, &send);
                if !wanted(told.rule) {
                    continue;
                }
                *summary.rules.entry(told.rule).or_default() += 1;
                let evidence = told.opened.into_iter().map(|place| self.shown(place));
                let source = self.shown(send.place);
                each(&Finding {
                    rule: told.rule,
                    severity: told.rule.severity(),
                    channel: send.channel,
                    account: send.account,
                    user: &self.shown_user(&send),
                    at: send.at,
                    id: send.id,
                    late_by_ms: told.late_by_ms,
                    opened_at: told.opening.map(|opening| opening.by.at),
                    closed_at: told.opening.and_then(|opening| opening.closes_at),
                    policy: told.permission.map(|row| PolicyRow {
                        permission: &row.id,
                        from: row.from,
                        until: row.until,
                        source: &row.source,
                    }),
                    evidence: evidence.chain([source.clone()]).collect(),
                    source,
                    delivered: send.delivered(),
                    message: told.message,
                    remedy: told.remedy,
                    fingerprint,
                })?;
            }
        }
        Ok(())
    }

    /// What there is to say of one send: its violations, or warnings and notes beside a permission.
    fn told(&self, outcome: &Outcome<'p>, send: &Event<'_>) -> Vec<Told<'p>> {
        match &outcome.verdict {
            Verdict::Violation(breaches) => breaches
                .iter()
                .map(|breach| Told {
                    rule: breach.rule,
                    permission: breach.permission,
                    opening: breach.opening,
                    late_by_ms: breach.late_by_ms(send.at),
                    opened: evidence_of(breach.opening, breach.cause),
                    message: sentence::message(breach, send, self.policy),
                    remedy: sentence::remedy(breach, send, &outcome.lawful),
                })
                .collect(),
            Verdict::Allowed(permit) => {
                let told = |rule, message: String, remedy: &str| Told {
                    rule,
                    permission: permit.permission,
                    opening: permit.opening,
                    late_by_ms: None,
                    opened: permit.opening.map(|opening| opening.by.place).into_iter().collect(),
                    message,
                    remedy: remedy.into(),
                };
                let why = || sentence::why_allowed(permit, send);
                let needless = permit.needless_tag.then(|| {
                    let tag = send.tag.unwrap_or_default();
                    let message = format!("{} and {tag} was not needed", why());
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

    fn shown_user<'e>(&self, send: &Event<'e>) -> std::borrow::Cow<'e, str> {
        if self.redact { short_hash(send.user).into() } else { send.user.into() }
    }
}

/// A finding before it is dressed.
struct Told<'p> {
    rule: Rule,
    permission: Option<&'p Permission>,
    opening: Option<Opening>,
    late_by_ms: Option<i64>,
    opened: Vec<Place>,
    message: String,
    remedy: String,
}

/// The records, besides the send itself, that prove a breach.
fn evidence_of(opening: Option<Opening>, cause: Cause<'_>) -> Vec<Place> {
    let opened = opening.map(|opening| opening.by.place);
    let other = match cause {
        Cause::ExtraSpent(mark) | Cause::Spent(mark) | Cause::GrantedElsewhere(mark) | Cause::Stopped(mark) => {
            Some(mark)
        }
        Cause::TooSoon(last, _) => Some(last),
        _ => None,
    };
    opened.into_iter().chain(other.map(|mark| mark.place)).collect()
}

fn count(send: &Event<'_>, verdict: &Verdict<'_>, summary: &mut Summary) {
    let key = (send.channel, send.account.to_owned());
    let tally = summary.accounts.entry(key).or_default();
    tally.rejected += u64::from(send.is_rejected());
    match verdict {
        Verdict::Allowed(_) => tally.allowed += 1,
        Verdict::Violation(_) => tally.violations += 1,
        Verdict::Unproven(doubt) => {
            tally.unproven += 1;
            *summary.reasons.entry(doubt.reason.word()).or_default() += 1;
        }
    }
}

/// What the log lacks, gathered while it is read, for the notes on what could not be checked.
#[derive(Debug, Default)]
struct Seen {
    moves: u64,
    entries: u64,
    late_sends_without_entry: u64,
    templates_without_category: u64,
    without_rule: u64,
    hidden: u64,
    others: u64,
    last_send: Option<Time>,
}

impl Seen {
    fn see(&mut self, event: &Event<'_>) {
        self.moves += u64::from(event.kind.is_users());
        self.entries += u64::from(event.entry.is_some() || event.kind == Kind::Referral);
        self.others += u64::from(event.kind == Kind::Other);
    }

    fn judge(&mut self, send: &Event<'_>, verdict: &Verdict<'_>) {
        self.last_send = Some(send.at);
        self.hidden += u64::from(send.claim_hidden);
        self.templates_without_category += u64::from(send.template.is_some() && send.category.is_none());
        self.without_rule += u64::from(matches!(verdict, Verdict::Allowed(permit) if permit.permission.is_none()));
        self.late_sends_without_entry += u64::from(verdict.rules().any(|rule| rule == Rule::OutsideWindow));
    }

    fn notes(&self, policy: &Policy, options: &AuditOptions) -> Vec<String> {
        let day = options.replay.as_of.or(self.last_send.map(Time::day));
        let mut notes = Vec::new();
        if let (Some(day), true) = (day, self.entries == 0 && 0 < self.late_sends_without_entry) {
            let widened = |row: &&Permission| row.unclear_after.is_some() && row.from <= day;
            if let Some(row) = policy.permissions.iter().find(widened) {
                notes.push(format!(
                    "no record says how its conversation began (`entry`, referral): since {} the window after the first message from an ad may last up to {}, which could not be considered",
                    row.from,
                    row.lasts.map_or(String::new(), |lasts| lasts.to_string()),
                ));
            }
        }
        if self.moves == 0 && self.last_send.is_some() {
            notes.push("the log has sends and not one move of a user: add the log of incoming events, or hardly anything can be proved".into());
        }
        if 0 < self.templates_without_category {
            notes.push(format!(
                "{} templates carry no `category`: rules for marketing templates could not be checked on them",
                self.templates_without_category
            ));
        }
        if 0 < self.hidden && !options.replay.untagged {
            notes.push(format!(
                "{} sends come from a format that shows neither tag nor token: outside the window they are unproven, unless --untagged says that the business sends nothing tagged",
                self.hidden
            ));
        }
        if 0 < self.without_rule {
            notes.push(format!(
                "{} sends are older than the policy's first row of their channel: no rule is known",
                self.without_rule
            ));
        }
        if 0 < self.others {
            notes.push(format!(
                "{} events are of no kind that opens or spends anything and were counted as `other`",
                self.others
            ));
        }
        notes
    }
}

/// The same finding has the same fingerprint in every run, wherever its file lies. Sends without an id are told apart by
/// their time, and by their number where even that is the same.
#[derive(Debug, Default)]
struct Fingerprints {
    seen: std::collections::HashMap<u64, u32>,
}

impl Fingerprints {
    fn of(&mut self, rule: Rule, send: &Event<'_>) -> String {
        let mut hasher = SipHasher13::new();
        for part in [rule.word(), send.channel.word(), send.account, send.user, send.id.unwrap_or_default()] {
            hasher.write(part.as_bytes());
            hasher.write_u8(0xff);
        }
        if send.id.is_none() {
            hasher.write_i64(send.at.ms());
        }
        let nth = self.seen.entry(hasher.finish()).or_default();
        hasher.write_u32(*nth);
        *nth += 1;
        format!("{:016x}", hasher.finish())
    }
}

/// Eight hex digits that stand for a token or a user and do not give it away.
pub(crate) fn short_hash(secret: &str) -> String {
    let digest = Sha256::digest(secret.as_bytes());
    digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// Whether findings of these counts fail a run that tolerates nothing at or above `threshold`.
pub fn fails(summary: &Summary, threshold: Severity) -> bool {
    summary.rules.iter().any(|(rule, count)| threshold <= rule.severity() && 0 < *count)
}
