//! Verdicts in words: what happened, and what would have been lawful.

use std::borrow::Cow;

use crate::event::{Channel, Event};
use crate::policy::{Claim, Permission, Policy};
use crate::replay::{Breach, Cause, Doubt, Lawful, Opening, Permit, Reason, Verdict};
use crate::rule::Rule;
use crate::secret::{short_token, without_credentials};
use crate::time::{Brief, Elapsed};

/// A verdict in one sentence: `violation outside-window: the window opened ...`.
pub fn verdict_in_words(verdict: &Verdict<'_>, send: &Event<'_>, policy: &Policy) -> String {
    let by = match verdict {
        Verdict::Allowed(permit) => permit.permission.map_or(String::new(), |row| row.id.clone()),
        Verdict::Violation(_) => verdict.rules().map(Rule::word).collect::<Vec<_>>().join("+"),
        Verdict::Unproven(doubt) => doubt.reason.word().to_owned(),
    };
    format!("{} {by}: {}", verdict.word(), why(verdict, send, policy))
}

/// What would have been lawful, a phrase each: the plain message first, then the tags in one phrase, then the rest.
pub fn ways_in_words(lawful: &[Lawful<'_>], send: &Event<'_>) -> Vec<String> {
    // A tag says what the message is about, which no log shows: one `if` holds for all of them.
    let (tags, others): (Vec<_>, Vec<_>) = lawful.iter().partition(|way| is_plain_tag(way.permission));
    let mut ways: Vec<String> = others.into_iter().map(|way| way_of(way, send)).collect();
    if let Some(phrase) = tags_in_words(&tags) {
        let plain = lawful.first().is_some_and(|way| way.permission.claim == Claim::Response);
        ways.insert(usize::from(plain), phrase);
    }
    ways
}

/// Whether the row is for whatever carries its tag, and asks only that the message be about what the tag is for.
fn is_plain_tag(row: &Permission) -> bool {
    row.claim == Claim::Tag && row.tag.is_some() && !row.human
}

/// `ACCOUNT_UPDATE or POST_PURCHASE_UPDATE, if it is about what the tag is for`.
fn tags_in_words(tags: &[&Lawful<'_>]) -> Option<String> {
    /// Before 2020 there were seventeen.
    const NAMED: usize = 3;
    let names: Vec<&str> = tags.iter().filter_map(|way| way.permission.tag.as_deref()).collect();
    match names.as_slice() {
        [] => None,
        [only] => {
            let purpose = tags.first().and_then(|way| way.permission.purpose.as_deref());
            Some(format!("under {only}, if it is about {}", purpose.unwrap_or("what the tag is for")))
        }
        [first @ .., last] if names.len() <= NAMED => {
            Some(format!("under {} or {last}, if it is about what the tag is for", first.join(", ")))
        }
        all => {
            let (named, rest) = all.split_at(NAMED);
            let (named, rest) = (named.join(", "), rest.len());
            Some(format!("under {named} or {rest} more tags, if it is about what the tag is for"))
        }
    }
}

/// Why the verdict is what it is, in half a sentence.
pub(super) fn why(verdict: &Verdict<'_>, send: &Event<'_>, policy: &Policy) -> String {
    match verdict {
        Verdict::Allowed(permit) => why_allowed(permit, send),
        Verdict::Violation(breaches) => {
            breaches.iter().map(|breach| message(breach, send, policy)).collect::<Vec<_>>().join("; ")
        }
        Verdict::Unproven(doubt) => why_unproven(doubt, send, policy),
    }
}

/// Why a send is allowed.
pub(super) fn why_allowed(permit: &Permit<'_>, send: &Event<'_>) -> String {
    let Some(row) = permit.permission else {
        return format!("no rule for {} is known before the policy's first row", send.channel);
    };
    if row.extra_after.is_some() {
        return "the window had closed, and this is the one message allowed after it".into();
    }
    match permit.opening {
        Some(Opening { by, closes_at: Some(closes_at) }) => {
            format!("{} opened {} and closes {}", name_of(row), Brief(by.at), Brief(closes_at))
        }
        Some(Opening { by, closes_at: None }) => format!("{} opened {}", name_of(row), Brief(by.at)),
        None => format!("{} does not depend on when the user last wrote", name_of(row)),
    }
}

/// What a row is called in a sentence.
pub(super) fn name_of(row: &Permission) -> Cow<'_, str> {
    match (row.claim, &row.tag) {
        (Claim::Response, _) if row.channel == Channel::Whatsapp => "the customer service window".into(),
        (Claim::Response, _) => "the window".into(),
        (_, Some(tag)) if row.lasts.is_some() => format!("the time for {tag}").into(),
        (_, Some(tag)) => tag.into(),
        (Claim::OneTime, _) => "the one-time token".into(),
        (Claim::Recurring, _) => "the recurring token".into(),
        (Claim::OneTimeRequest, _) => "the window for a one-time request".into(),
        (Claim::RecurringRequest, _) => "the window for a subscription request".into(),
        (Claim::PrivateReply, _) => "the time for a private reply".into(),
        (Claim::Utility, _) => "a utility template".into(),
        (Claim::Template, _) => "an approved template".into(),
        (Claim::Marketing, _) => "a marketing message".into(),
        (Claim::Sponsored, _) => "a sponsored message".into(),
        (Claim::DirectUtility, _) => "a utility message without a template".into(),
        (Claim::Tag | Claim::Subscription | Claim::Feedback, None) => row.id.as_str().into(),
    }
}

fn opened_and_closed(row: Option<&Permission>, opening: Option<Opening>) -> Option<String> {
    let Opening { by, closes_at } = opening?;
    let name = row.map_or_else(|| "the window".into(), name_of);
    Some(format!("{name} opened {} and closed {}", Brief(by.at), Brief(closes_at?)))
}

/// Why a send is unproven: what is missing to tell.
fn why_unproven(doubt: &Doubt<'_>, send: &Event<'_>, policy: &Policy) -> String {
    let row = doubt.permission;
    let name = row.map_or_else(|| "the window".into(), name_of);
    let mut why = match doubt.reason {
        Reason::TimePrecision => {
            let known = opened_and_closed(row, doubt.opening).unwrap_or_else(|| "the limit is too close".into());
            format!("{known}, and the times are not precise enough to say on which side of it the send lies")
        }
        Reason::LogStartsLate => match row.map(|row| row.claim) {
            Some(Claim::OneTime | Claim::Recurring) => {
                "the log does not show where the token comes from and does not reach back far enough to rule it out"
                    .into()
            }
            Some(Claim::PrivateReply) => {
                "the comment is not in the log, which does not reach back far enough to rule it out".into()
            }
            Some(Claim::Template) => "the log shows no opt-in, and may begin after it".into(),
            _ => format!("what opened {name} may lie before the beginning of the log"),
        },
        Reason::RecipientUnresolved if send.recipient_hidden => {
            "the log does not show to which user it went: add the responses or the log of incoming events".into()
        }
        Reason::RecipientUnresolved => "the comment it answers is not in the log, nor is any other".into(),
        Reason::ApprovalUnknown => {
            let kind = row.and_then(|row| row.approval.as_deref()).unwrap_or("the");
            format!(
                "whether the account has the {kind} approval is not in the log; say so with --approved {kind}=ACCOUNT"
            )
        }
        Reason::RegionUnknown => "the region of the user decides, and the log does not name it".into(),
        Reason::ClaimNotVisible if doubt.rule == Rule::MarketingAfterStop => {
            "the user stopped marketing, and the log does not say whether this template is marketing".into()
        }
        Reason::ClaimNotVisible if doubt.rule == Rule::PrivateReplyRepeated => {
            "a call before it answered the same comment, and nothing in the log shows that it reached Meta".into()
        }
        Reason::ClaimNotVisible if matches!(doubt.rule, Rule::OtnTokenReused | Rule::RecurringTooOften) => format!(
            "a call before it used the token {}, and nothing in the log shows that it reached Meta",
            token(send)
        ),
        Reason::ClaimNotVisible if send.claim_hidden && send.unpaired => {
            "outside the window, and it may be any of several calls of which no answer is in the log".into()
        }
        Reason::ClaimNotVisible if row.is_some_and(|row| row.unmarked) => {
            "outside the window, and urgent notices and subscription messages carried no mark in those days".into()
        }
        Reason::ClaimNotVisible if send.channel == Channel::Whatsapp => {
            "outside the window, and the log does not show whether it was a template".into()
        }
        Reason::ClaimNotVisible => {
            "outside the window, and the log does not show whether it carried a tag or token".into()
        }
        Reason::TermsUnclear => unclear_terms(doubt, &name),
    };
    why.push_str(&refusal(send, policy, None));
    why
}

/// What it is that Meta's words, or the sources, leave open. The row's note says more.
fn unclear_terms(doubt: &Doubt<'_>, name: &str) -> String {
    let row = doubt.permission;
    if row.is_some_and(|row| row.unsure) {
        let from = row.map_or(String::new(), |row| row.from.to_string());
        return format!("sources disagree whether the rule was in force yet after {from}");
    }
    if doubt.rule == Rule::RecurringTooOften {
        return "Meta's pages disagree on how soon after the last one the next may follow".into();
    }
    let opened = doubt.opening.map_or(String::new(), |opening| format!(" {}", Brief(opening.by.at)));
    match row.and_then(|row| row.unclear_after.zip(row.lasts)) {
        Some((certain, lasts)) => {
            format!("{name} opened{opened} for {certain}, and Meta says only that it may last up to {lasts}")
        }
        None => format!("Meta does not say whether what the user did{opened} opens {name}"),
    }
}

/// What Meta itself said of a rejected send, where it says something about the policy. `broken` is what we found.
fn refusal(send: &Event<'_>, policy: &Policy, broken: Option<Rule>) -> String {
    let (channel, code, subcode) = (send.channel, send.error_code, send.error_subcode);
    if broken.is_some_and(|rule| policy.confirms(rule, channel, code, subcode).is_some()) {
        return format!("; Meta refused it for that ({})", codes(send));
    }
    match policy.refusal(channel, code, subcode) {
        Some(row) => format!("; Meta refused it as {} ({})", row.means, codes(send)),
        None => String::new(),
    }
}

/// `10/2018278`, or whichever of the two the log has.
pub(super) fn codes(send: &Event<'_>) -> String {
    let both = [send.error_code, send.error_subcode];
    both.iter().flatten().map(i32::to_string).collect::<Vec<_>>().join("/")
}

/// What happened: one sentence without its full stop.
pub(super) fn message(breach: &Breach<'_>, send: &Event<'_>, policy: &Policy) -> String {
    let row = breach.permission;
    let tag = send.tag.unwrap_or_default();
    let day = |row: Option<&Permission>, of: fn(&Permission) -> String| row.map(of).unwrap_or_default();
    let mut said = match (breach.rule, breach.cause) {
        (Rule::RetiredTag, _) => {
            let ended = day(row, |row| row.until.map_or(String::new(), |until| until.to_string()));
            format!("tag {tag} ended {ended}")
        }
        (Rule::PrematureTag, _) => format!("tag {tag} begins {}", day(row, |row| row.from.to_string())),
        // Whatever stands there: a credential in the wrong field is not printed.
        (Rule::UnknownTag, _) => {
            format!("there has never been a tag {}", without_credentials(tag, |_| "(credential)".to_owned()))
        }
        (Rule::TagNotOnChannel, Cause::OtherChannel(row)) => {
            format!("{} has no tag {tag}, which is one of {}", send.channel, row.channel)
        }
        (Rule::MissingTag, _) => "messaging_type is MESSAGE_TAG and there is no tag".into(),
        (Rule::HumanAgentAutomated, _) => format!("{tag} is for people, and a bot sent it"),
        (Rule::PromotionalContent, _) => {
            let name = row.map_or_else(Cow::default, name_of);
            let says = if send.promotional == Some(true) {
                "the log calls it promotional"
            } else {
                "its category is marketing"
            };
            format!("{says}, which {name} forbids")
        }
        (Rule::SubscriptionNotApproved, _) => {
            format!(
                "the account does not have the {} approval",
                day(row, |row| row.approval.clone().unwrap_or_default())
            )
        }
        (Rule::RegionExcluded, Cause::Excluded(exclusion)) => {
            format!("no marketing to {} since {}", exclusion.regions.join(", "), exclusion.from)
        }
        (Rule::RecurringEnded, Cause::NotInRegion) => {
            let (from, regions) = (day(row, |row| row.from.to_string()), day(row, |row| row.only_in.join(", ")));
            format!("recurring notifications ended {from} for users outside {regions}")
        }
        (Rule::RecurringEnded, _) => {
            let ended = day(row, |row| row.until.map_or(String::new(), |until| until.to_string()));
            format!("recurring notifications ended {ended}")
        }
        (Rule::PrivateReplyRepeated, Cause::Spent(mark)) => {
            format!("the comment was already answered privately {}", Brief(mark.at))
        }
        (_, Cause::Spent(mark)) => format!("the token {} was already spent {}", token(send), Brief(mark.at)),
        (_, Cause::GrantedElsewhere(mark)) => {
            format!("the token {} was granted {} by another user or account", token(send), Brief(mark.at))
        }
        (_, Cause::Stopped(mark)) => format!("the user stopped it {}", Brief(mark.at)),
        (_, Cause::TooSoon(last, next)) => {
            format!("the last one was sent {}, so the next may follow {} or later", Brief(last.at), Brief(next))
        }
        (Rule::OtnTokenUnknown | Rule::RecurringTokenUnknown, _) => {
            format!("no opt-in in the log granted the token {}", token(send))
        }
        (Rule::PrivateReplyLate, Cause::NeverOpened) => "the log shows no such comment in the time allowed".into(),
        (Rule::OptinMissing, _) => "the log shows no opt-in of the user".into(),
        (_, Cause::NeverOpened) => {
            let name = row.map_or_else(|| "the window".into(), name_of);
            format!("no move of the user in the log opened {name}")
        }
        (_, cause) => {
            let known = opened_and_closed(row, breach.opening).unwrap_or_else(|| breach.rule.word().into());
            match cause {
                Cause::ExtraSpent(mark) => {
                    format!("{known}, and the one message allowed after it was sent {}", Brief(mark.at))
                }
                _ => known,
            }
        }
    };
    match breach.late_by_ms(send.at) {
        Some(0) => said.push_str(", late by 0 ms: the limit itself is outside"),
        Some(ms) => said.push_str(&format!(", late by {}", Elapsed(ms))),
        None => {}
    }
    if let Some(idle) = breach.idle {
        let what = match idle.claim {
            Claim::OneTime => "the one-time notification",
            Claim::Recurring => "the recurring notification",
            Claim::Marketing => "the marketing message",
            _ => "the template",
        };
        said.push_str(&format!(
            "; {what} sent {} opened nothing: only the user's answer would have",
            Brief(idle.mark.at)
        ));
    }
    said.push_str(&refusal(send, policy, Some(breach.rule)));
    said
}

/// A token as it may be shown: never whole.
fn token(send: &Event<'_>) -> String {
    send.token.map_or_else(String::new, short_token)
}

/// What would have been lawful at that moment: one sentence without its full stop.
pub(super) fn remedy(breach: &Breach<'_>, send: &Event<'_>, lawful: &[Lawful<'_>]) -> String {
    let first = match breach.rule {
        Rule::MissingTag => Some("with the tag's name beside MESSAGE_TAG".to_owned()),
        Rule::PromotionalContent => Some("without the promotion".into()),
        Rule::OtnTokenReused => Some("after a new one-time opt-in, since a token is good for one message".into()),
        Rule::OtnTokenWrongUser => Some("to the user and from the account that granted the token".into()),
        Rule::RecurringTooOften => match breach.cause {
            Cause::TooSoon(_, next) => Some(format!("from {} on", Brief(next))),
            _ => None,
        },
        Rule::RecurringTokenStopped | Rule::MarketingAfterStop => {
            Some("after the user resumes or opts in again".into())
        }
        Rule::PrivateReplyRepeated => Some("after the user's answer, which opens the window".into()),
        Rule::SubscriptionNotApproved => Some("with the approval that this messaging type needs".into()),
        Rule::OptinMissing => Some("after an opt-in that the log shows".into()),
        _ => None,
    };
    let before = breach.opening.and_then(|opening| opening.closes_at).map(|closed| format!("before {}", Brief(closed)));
    let mut ways: Vec<String> = first.into_iter().chain(before).collect();
    ways.extend(ways_in_words(lawful, send));
    if ways.is_empty() {
        ways.push(match breach.rule {
            Rule::RegionExcluded => "inside the window, or as a template that is not marketing".into(),
            _ => "after the user's next message".into(),
        });
    }
    format!("lawful: {}", ways.join("; or "))
}

fn way_of(way: &Lawful<'_>, send: &Event<'_>) -> String {
    let row = way.permission;
    let until = way.until.map_or(String::new(), |until| format!(" until {}", Brief(until)));
    match (row.claim, &row.tag) {
        (Claim::Response, _) if send.tag.is_some() => format!("without the tag, within the window{until}"),
        (Claim::Response, _) if row.extra_after.is_some() => "as the one message after the window".into(),
        (Claim::Response, _) => format!("as a plain message, within the window{until}"),
        (Claim::Tag, Some(tag)) if row.human => format!("under {tag}{until}, if a person writes it"),
        (Claim::Utility, _) => "as an approved utility template".into(),
        (Claim::OneTime, _) => format!("with the user's unspent one-time token{until}"),
        (Claim::Recurring, _) => format!("with the user's recurring token{until}"),
        (Claim::Template, _) => "as an approved template".into(),
        _ => match &row.purpose {
            Some(purpose) => format!("as {} for {purpose}", name_of(row)),
            None => format!("as {}", name_of(row)),
        },
    }
}
