//! What the replay answers for one send: allowed, violation or unproven, and why.

use crate::event::words;
use crate::policy::{Claim, Exclusion, Permission};
use crate::replay::facts::Mark;
use crate::rule::Rule;
use crate::time::Time;

words! {
    /// Why a send could not be judged.
    Reason {
        /// The times are not precise enough to say on which side of the limit it lies.
        TimePrecision = "time-precision",
        /// What would have opened it may lie before the beginning of the log.
        LogStartsLate = "log-starts-late",
        /// Whom it was sent to, or what it answered, is not in the log.
        RecipientUnresolved = "recipient-unresolved",
        /// Whether the account has the approval it needs is not in the log.
        ApprovalUnknown = "approval-unknown",
        /// The region of the user decides, and is not in the log.
        RegionUnknown = "region-unknown",
        /// What it relied on is not in the log.
        ClaimNotVisible = "claim-not-visible",
        /// Meta's own words leave the case open, or sources disagree; the note of the row says how.
        TermsUnclear = "terms-unclear",
    }
}

/// The answer for one send.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict<'p> {
    /// Covered by a permission.
    Allowed(Permit<'p>),
    /// Broke at least one rule.
    Violation(Vec<Breach<'p>>),
    /// The log, or Meta, does not say enough.
    Unproven(Doubt<'p>),
}

impl Verdict<'_> {
    /// `allowed`, `violation` or `unproven`.
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Allowed(_) => "allowed",
            Verdict::Violation(_) => "violation",
            Verdict::Unproven(_) => "unproven",
        }
    }

    /// The rules it broke.
    pub fn rules(&self) -> impl Iterator<Item = Rule> {
        let breaches = match self {
            Verdict::Violation(breaches) => breaches.as_slice(),
            _ => &[],
        };
        breaches.iter().map(|breach| breach.rule)
    }
}

/// From when to when a permission was open, and the move that opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The move.
    pub by: Mark,
    /// The first moment no longer covered; `None` is without end.
    pub closes_at: Option<Time>,
}

/// By what a send is allowed.
#[derive(Clone, Debug, PartialEq)]
pub struct Permit<'p> {
    /// The row; `None` where the policy knows no rule yet.
    pub permission: Option<&'p Permission>,
    /// What opened it, where the log shows it.
    pub opening: Option<Opening>,
    /// The send carried HUMAN_AGENT and did not need it.
    pub needless_tag: bool,
}

/// One rule broken by one send.
#[derive(Clone, Debug, PartialEq)]
pub struct Breach<'p> {
    /// The rule.
    pub rule: Rule,
    /// The row that would have covered the send, or that ended.
    pub permission: Option<&'p Permission>,
    /// What had opened it, where the log shows it.
    pub opening: Option<Opening>,
    /// How it broke it.
    pub cause: Cause<'p>,
    /// What was sent to the user while the window was shut, and might be mistaken for what opened it again.
    pub idle: Option<Idle>,
}

/// A send that needed no open window, and opened none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idle {
    /// What it relied on.
    pub claim: Claim,
    /// When it was sent.
    pub mark: Mark,
}

/// How a rule was broken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cause<'p> {
    /// After the opening had closed.
    Late,
    /// The log shows no move that could have opened it, and reaches back far enough to do so.
    NeverOpened,
    /// The one extra message after the window was already sent, then.
    ExtraSpent(Mark),
    /// The token was spent, or the comment answered, then.
    Spent(Mark),
    /// The token was granted then, by somebody else.
    GrantedElsewhere(Mark),
    /// The user had stopped it then.
    Stopped(Mark),
    /// The last one was then, and the next would have been allowed at the second moment.
    TooSoon(Mark, Time),
    /// The user is in a region that this row excludes.
    Excluded(&'p Exclusion),
    /// The user is in none of the regions of the row.
    NotInRegion,
    /// The row of the tag on another channel.
    OtherChannel(&'p Permission),
    /// What the send itself says is enough.
    Itself,
}

impl Breach<'_> {
    /// By how many ms a send at `at` came after the opening had closed: 0 at the limit itself.
    pub fn late_by_ms(&self, at: Time) -> Option<i64> {
        self.opening.and_then(|opening| opening.closes_at).map(|closed| at.since(closed)).filter(|ms| 0 <= *ms)
    }
}

/// Why a send could not be judged, and what it would break at worst.
#[derive(Clone, Debug, PartialEq)]
pub struct Doubt<'p> {
    /// Why.
    pub reason: Reason,
    /// The rule it may have broken.
    pub rule: Rule,
    /// The row in question.
    pub permission: Option<&'p Permission>,
    /// What had opened it, where the log shows it.
    pub opening: Option<Opening>,
}
