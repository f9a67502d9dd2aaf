//! What the log lacks: the notes on what could not be checked and why.

use crate::audit::AuditOptions;
use crate::event::{Channel, Event, Kind};
use crate::policy::Policy;
use crate::replay::Verdict;
use crate::rule::Rule;

/// What the log lacks, gathered while it is read, for the notes on what could not be checked.
#[derive(Debug, Default)]
pub(super) struct Seen {
    moves: u64,
    entries: u64,
    late_sends_without_entry: u64,
    templates_without_category: u64,
    without_rule: u64,
    /// Sends that may have carried a tag or token, and those on WhatsApp, which has neither, that may have been templates.
    hidden: u64,
    hidden_on_whatsapp: u64,
    sends: u64,
    unshown: u64,
}

impl Seen {
    pub(super) fn see(&mut self, event: &Event<'_>) {
        self.moves += u64::from(event.kind.is_users());
        self.entries += u64::from(event.entry.is_some() || event.kind == Kind::Referral);
    }

    /// Messages of which nothing but their delivery is in the log.
    pub(super) fn see_unshown(&mut self, count: u64) {
        self.unshown += count;
    }

    pub(super) fn judge(&mut self, send: &Event<'_>, verdict: &Verdict<'_>, policy: &Policy, options: &AuditOptions) {
        self.sends += 1;
        // A template is a claim that outweighs whatever else may be hidden.
        if send.claim_hidden && send.template.is_none() {
            let hidden =
                if send.channel == Channel::Whatsapp { &mut self.hidden_on_whatsapp } else { &mut self.hidden };
            *hidden += 1;
        }
        self.templates_without_category += u64::from(send.template.is_some() && send.category.is_none());
        self.without_rule += u64::from(matches!(verdict, Verdict::Allowed(permit) if permit.permission.is_none()));
        if verdict.rules().any(|rule| rule == Rule::OutsideWindow) {
            let day = options.replay.as_of.unwrap_or_else(|| send.at.day());
            let widened = policy.in_force(send.channel, day).any(|row| row.unclear_after.is_some());
            self.late_sends_without_entry += u64::from(widened);
        }
    }

    /// Adds what was seen elsewhere.
    pub(super) fn add(&mut self, other: &Seen) {
        self.moves += other.moves;
        self.entries += other.entries;
        self.late_sends_without_entry += other.late_sends_without_entry;
        self.templates_without_category += other.templates_without_category;
        self.without_rule += other.without_rule;
        self.hidden += other.hidden;
        self.hidden_on_whatsapp += other.hidden_on_whatsapp;
        self.sends += other.sends;
        self.unshown += other.unshown;
    }

    pub(super) fn notes(&self, policy: &Policy, options: &AuditOptions) -> Vec<String> {
        let mut notes = Vec::new();
        let widened = policy.permissions.iter().find(|row| row.unclear_after.is_some());
        if let (Some(row), true) = (widened, self.entries == 0 && 0 < self.late_sends_without_entry) {
            notes.push(format!(
                "no record says how its conversation began (`entry`, referral): since {} the window after the first message from an ad may last up to {}, which could not be considered",
                row.from,
                row.lasts.map_or(String::new(), |lasts| lasts.to_string()),
            ));
        }
        if self.moves == 0 && 0 < self.sends {
            notes.push("the log has sends and not one move of a user: add the log of incoming events, or hardly anything can be proved".into());
        }
        notes.extend(unshown_in_words(self.unshown));
        if 0 < self.templates_without_category {
            notes.push(format!(
                "{} no `category`: rules for marketing templates could not be checked there",
                many(self.templates_without_category, "template carries", "templates carry")
            ));
        }
        if 0 < self.hidden && !options.replay.untagged {
            notes.push(format!(
                "{} from a format that shows neither tag nor token: unproven outside the window, unless --untagged says that the business sends nothing tagged",
                many(self.hidden, "send comes", "sends come")
            ));
        }
        if 0 < self.hidden_on_whatsapp && !options.replay.untagged {
            notes.push(format!(
                "{} not show which ones are templates: unproven outside the window, unless the calls or the statuses are in the log, too",
                many(self.hidden_on_whatsapp, "send on WhatsApp comes from a format that does", "sends on WhatsApp come from a format that does")
            ));
        }
        if 0 < self.without_rule {
            notes.push(format!(
                "{} older than the policy's first row of the channel: no rule is known",
                many(self.without_rule, "send is", "sends are")
            ));
        }
        notes
    }
}

/// What to do about messages of which the log shows no more than that they were delivered or read, where there are any.
pub fn unshown_in_words(count: u64) -> Option<String> {
    (0 < count).then(|| {
        format!(
            "{} delivered or read that the log does not show: subscribe to message_echoes, or add the log of calls, to have them judged",
            many(count, "message was", "messages were")
        )
    })
}

fn many(count: u64, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}
