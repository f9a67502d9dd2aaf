//! What would have been lawful instead: the same judge, asked about the same moment with another claim.

use crate::event::{Category, Event, Kind, MessagingType, Sender};
use crate::policy::{Claim, Permission};
use crate::replay::judge::Case;
use crate::replay::verdict::Verdict;
use crate::secret::name_of;
use crate::time::Time;

/// A permission that would have covered the message at that moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lawful<'p> {
    /// The permission.
    pub permission: &'p Permission,
    /// The first moment it no longer would; `None` is without end.
    pub until: Option<Time>,
}

impl<'p> Case<'_, 'p> {
    /// The permissions that would have covered the message, in the order of the table, each once.
    pub(super) fn lawful(&self) -> Vec<Lawful<'p>> {
        let send = self.send;
        let plain = Event {
            at: send.at,
            precision_ms: send.precision_ms,
            logged_at: send.logged_at,
            channel: send.channel,
            account: send.account,
            user: send.user,
            kind: Kind::Send,
            promotional: send.promotional,
            region: send.region,
            ..Event::default()
        };
        let mut covering: Vec<Lawful<'p>> = Vec::new();
        let mut ask = |probe: &Event<'_>, token: Option<usize>, claim: Claim| {
            if let Verdict::Allowed(permit) = (Case { send: probe, token, ..*self }).verdict()
                && let Some(permission) = permit.permission
                && permission.claim == claim
                && !covering.iter().any(|known| known.permission.id == permission.id)
            {
                let until = permit.opening.and_then(|opening| opening.closes_at);
                covering.push(Lawful { permission, until });
            }
        };
        ask(&plain, None, Claim::Response);
        for row in self.policy.in_force(send.channel, self.day) {
            match row.claim {
                Claim::Tag if row.tag.as_deref() != send.tag || row.human => {
                    let sender = if row.human { Some(Sender::Human) } else { send.sender };
                    let messaging_type = Some(MessagingType::MessageTag);
                    ask(&Event { tag: row.tag.as_deref(), messaging_type, sender, ..plain }, None, Claim::Tag);
                }
                Claim::Utility if !matches!(send.messaging_type, Some(MessagingType::Utility)) => {
                    ask(&Event { messaging_type: Some(MessagingType::Utility), ..plain }, None, Claim::Utility);
                }
                Claim::Template => {
                    let category = send.category.filter(|_| send.template.is_some()).or(Some(Category::Utility));
                    let category = if send.promotional == Some(true) { Some(Category::Marketing) } else { category };
                    ask(&Event { template: Some("approved"), category, ..plain }, None, Claim::Template);
                }
                Claim::OneTime | Claim::Recurring => {
                    let granted = self.conversation.map_or(&[][..], |conversation| &conversation.tokens);
                    for (index, token) in granted.iter().filter_map(|index| Some((*index, self.tokens.at(*index)?))) {
                        let name = name_of(&token.key);
                        ask(&Event { token: Some(&name), ..plain }, Some(index), row.claim);
                    }
                }
                _ => {}
            }
        }
        covering.shrink_to_fit();
        covering
    }
}
