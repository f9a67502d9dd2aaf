//! The rules: each is the name of one way to break the policy. Reports, baselines and CI configurations rely on the names.
//!
//! What a rule means at length, with examples, is in `rule/catalog.toml`; a test holds the two equal.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::event::words;

words! {
    /// How bad a finding is. `--fail-on` compares with it.
    Severity {
        /// Worth knowing.
        Note = "note",
        /// Worth looking at.
        Warning = "warning",
        /// Broke the policy.
        Error = "error",
    }
}

words! {
    /// A way to break the policy, or something about a send that is worth a warning or a note.
    Rule {
        /// Relied on the window, which was not open, and on nothing else.
        OutsideWindow = "outside-window",
        /// Carried a tag that never existed.
        UnknownTag = "unknown-tag",
        /// Carried a tag that had ended.
        RetiredTag = "retired-tag",
        /// Carried a tag before its first day.
        PrematureTag = "premature-tag",
        /// Carried a tag that its channel does not have.
        TagNotOnChannel = "tag-not-on-channel",
        /// Said MESSAGE_TAG and carried none.
        MissingTag = "missing-tag",
        /// HUMAN_AGENT too late.
        HumanAgentExpired = "human-agent-expired",
        /// HUMAN_AGENT from a program.
        HumanAgentAutomated = "human-agent-automated",
        /// Promotion where it is forbidden.
        PromotionalContent = "promotional-content",
        /// A one-time token spent twice.
        OtnTokenReused = "otn-token-reused",
        /// A one-time token spent too late.
        OtnTokenExpired = "otn-token-expired",
        /// A one-time token of another user or account.
        OtnTokenWrongUser = "otn-token-wrong-user",
        /// A one-time token that was never granted.
        OtnTokenUnknown = "otn-token-unknown",
        /// Asked for a one-time notification with no window open.
        OtnRequestOutsideWindow = "otn-request-outside-window",
        /// A recurring token used too often.
        RecurringTooOften = "recurring-too-often",
        /// A recurring token used too late.
        RecurringTokenExpired = "recurring-token-expired",
        /// A recurring token used after the user stopped it.
        RecurringTokenStopped = "recurring-token-stopped",
        /// A recurring token that this user never granted.
        RecurringTokenUnknown = "recurring-token-unknown",
        /// A recurring notification after Meta ended them.
        RecurringEnded = "recurring-ended",
        /// Asked for a recurring subscription with no window open.
        RecurringRequestOutsideWindow = "recurring-request-outside-window",
        /// A private reply too late.
        PrivateReplyLate = "private-reply-late",
        /// A second private reply to one comment.
        PrivateReplyRepeated = "private-reply-repeated",
        /// A customer feedback request too late.
        FeedbackExpired = "feedback-expired",
        /// Subscription or news messaging without the approval.
        SubscriptionNotApproved = "subscription-not-approved",
        /// Marketing after the user stopped it.
        MarketingAfterStop = "marketing-after-stop",
        /// Marketing to a region that the policy excludes.
        RegionExcluded = "region-excluded",
        /// A template to a user of whom no opt-in is known (only with `--require-optin`).
        OptinMissing = "optin-missing",
        /// Allowed by the policy, yet refused by Meta as breaking it: one of log, table and Meta is wrong.
        RefusedThoughAllowed = "refused-though-allowed",
        /// Under a tag, right after Meta had refused the same text without one.
        TagAfterRefusal = "tag-after-refusal",
        /// Of an account that puts a tag on every send, needed or not.
        TagOnEverything = "tag-on-everything",
        /// The text reads like something that the tag is not for: a survey, something over, something recurring.
        OffPurposeContent = "off-purpose-content",
        /// HUMAN_AGENT while the window was open: allowed, but reviewers ask why.
        NeedlessTag = "needless-tag",
    }
}

impl Rule {
    /// How bad it is to break it, at worst: a finding may be less sure, and then weighs less.
    pub const fn severity(self) -> Severity {
        match self {
            Rule::NeedlessTag | Rule::OffPurposeContent => Severity::Note,
            Rule::RefusedThoughAllowed | Rule::TagAfterRefusal | Rule::TagOnEverything => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// What is said of it at length. A test holds the catalog and the rules equal; a missing entry would be an empty one.
    pub fn entry(self) -> Entry {
        ENTRIES.rule.iter().find(|entry| entry.name == self.word()).cloned().unwrap_or_default()
    }
}

/// Not the name of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchRule;

impl fmt::Display for NoSuchRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such rule; `fbwin rules` lists them")
    }
}

impl std::error::Error for NoSuchRule {}

impl FromStr for Rule {
    type Err = NoSuchRule;

    fn from_str(name: &str) -> Result<Rule, NoSuchRule> {
        Rule::from_word(name).ok_or(NoSuchRule)
    }
}

const CATALOG: &str = include_str!("rule/catalog.toml");

/// The catalog, read when the first rule is explained.
static ENTRIES: LazyLock<Catalog> = LazyLock::new(|| toml::from_str(CATALOG).unwrap_or_default());

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalog {
    rule: Vec<Entry>,
}

/// A rule explained: one entry of the catalog.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The rule's name.
    pub name: String,
    /// What the send did, as the rest of a sentence that begins "the send".
    pub says: String,
    /// What it means.
    pub means: String,
    /// Why Meta has it.
    pub why: String,
    /// Since when, in words.
    pub since: String,
    /// A script that breaks it (see `fixtures/README.md` for its language).
    pub breaks: String,
    /// A script that does not, though it comes close.
    pub keeps: String,
    /// How to mend it.
    pub fix: String,
    /// Where Meta says so.
    pub source: String,
}
