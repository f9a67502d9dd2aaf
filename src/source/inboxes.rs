//! Which account an inbox is: a helpdesk names its own inbox where Meta names the account, so one message logged by both
//! would be two. A message id that both know ties them together, and the inbox gets the account's name everywhere.
//!
//! Nothing is guessed: an inbox whose messages are those of several accounts keeps its own name.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::batch::Batch;
use crate::event::{Channel, Event};

use super::loose::Alias;

/// The inboxes that records name, by channel.
pub(super) type Inboxes = BTreeMap<Channel, BTreeSet<String>>;

/// How the helpdesk names somebody of whom it does not say Meta's id.
pub(super) const OWN_NAMES: [&str; 2] = ["contact:", "conversation:"];

/// What one message shows that both know.
struct Shown {
    inbox: (Channel, String),
    account: String,
    /// The user there and here, where the helpdesk has a name of its own.
    user: Option<(String, String)>,
}

/// Gives the events of every inbox its account, where that is known, and returns what else its users are called.
pub(super) fn rename(batches: &mut [Batch], inboxes: &Inboxes) -> Vec<Alias> {
    if inboxes.is_empty() {
        return Vec::new();
    }
    let shown = shown(batches, inboxes);
    let mut accounts: BTreeMap<&(Channel, String), BTreeSet<&str>> = BTreeMap::new();
    for one in &shown {
        accounts.entry(&one.inbox).or_default().insert(&one.account);
    }
    let only = |inbox: &(Channel, String)| accounts.get(inbox).filter(|known| known.len() == 1)?.first().copied();
    for batch in batches.iter_mut() {
        for index in 0..batch.len() {
            let event = batch.event(index);
            let account = of_inbox(&event, inboxes).and_then(|inbox| only(&inbox)).map(str::to_owned);
            if let Some(account) = account {
                batch.move_to(index, &account);
            }
        }
    }
    let of_user = |one: &Shown| {
        let (from, to) = one.user.clone()?;
        let account = only(&one.inbox)?.to_owned();
        Some(Alias { channel: one.inbox.0, account, from, to })
    };
    shown.iter().filter_map(of_user).collect()
}

/// The inbox of an event, if it has one.
fn of_inbox(event: &Event<'_>, inboxes: &Inboxes) -> Option<(Channel, String)> {
    let known = inboxes.get(&event.channel)?;
    known.contains(event.account).then(|| (event.channel, event.account.to_owned()))
}

/// The messages that an inbox and an account both have.
fn shown(batches: &[Batch], inboxes: &Inboxes) -> Vec<Shown> {
    let all = || batches.iter().flat_map(|batch| (0..batch.len()).map(|index| batch.event(index)));
    let mut of_inboxes: HashMap<(Channel, &str), Vec<(&str, &str)>> = HashMap::new();
    for event in all().filter(|event| of_inbox(event, inboxes).is_some()) {
        if let Some(id) = event.id {
            of_inboxes.entry((event.channel, id)).or_default().push((event.account, event.user));
        }
    }
    let mut shown = Vec::new();
    for event in all().filter(|event| !event.account.is_empty() && of_inbox(event, inboxes).is_none()) {
        let Some(both) = event.id.and_then(|id| of_inboxes.get(&(event.channel, id))) else { continue };
        for (inbox, user) in both {
            let is_own = OWN_NAMES.iter().any(|own| user.starts_with(own));
            let user = (is_own && !event.user.is_empty()).then(|| ((*user).to_owned(), event.user.to_owned()));
            let inbox = (event.channel, (*inbox).to_owned());
            shown.push(Shown { inbox, account: event.account.to_owned(), user });
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Cursor;

    use super::super::{Options, read_from};
    use crate::audit::History;

    fn chatwoot(inbox: u32, contact: &str, mid: &str, kind: u32, second: u32) -> String {
        format!(
            r#"{{"id":{second},"content":"x","inbox_id":{inbox},"conversation_id":3,"message_type":{kind},"created_at":17092872{second:02},"source_id":"{mid}"{contact}}}"#
        )
    }

    fn meta(account: &str, mid: &str, echo: bool, second: u32) -> String {
        let (from, to) = if echo { (account, "42") } else { ("42", account) };
        format!(
            r#"{{"object":"page","entry":[{{"id":"{account}","messaging":[{{"sender":{{"id":"{from}"}},"recipient":{{"id":"{to}"}},"timestamp":17092872{second:02}123,"message":{{"is_echo":{echo},"mid":"{mid}","text":"x"}}}}]}}]}}"#
        )
    }

    fn found(lines: &[String]) -> String {
        let reading = read_from("log", Cursor::new(lines.join("\n")), &Options::default()).unwrap();
        assert_eq!(reading.bad.count, 0, "{:?}", reading.bad.first);
        let history = History::new(reading.batches);
        let events = (0..history.len()).map(|at| history.event(at));
        let shown =
            events.map(|event| format!("{}/{} {} {}", event.account, event.user, event.kind, event.id.unwrap_or("-")));
        shown.collect::<Vec<_>>().join("; ")
    }

    const CONTACT: &str = r#","conversation":{"contact_inbox":{"source_id":"42"}}"#;

    #[test]
    fn a_message_of_the_helpdesk_and_of_meta_is_one() {
        let log = [
            chatwoot(7, CONTACT, "m_1", 0, 1),
            chatwoot(7, CONTACT, "m_2", 1, 2),
            chatwoot(7, CONTACT, "m_3", 1, 9),
            meta("111", "m_1", false, 1),
            meta("111", "m_2", true, 2),
        ];
        let expected = "111/42 message m_1; 111/42 send m_2; 111/42 send m_3";
        assert_eq!(found(&log), expected);
        let turned: Vec<String> = log.iter().rev().cloned().collect();
        assert_eq!(found(&turned), expected);
    }

    #[test]
    fn a_conversation_gets_the_users_name() {
        let log = [chatwoot(7, "", "m_1", 0, 1), chatwoot(7, "", "m_3", 1, 9), meta("111", "m_1", false, 1)];
        assert_eq!(found(&log), "111/42 message m_1; 111/42 send m_3");
    }

    #[test]
    fn an_inbox_of_two_accounts_or_of_none_keeps_its_name() {
        let log = [
            chatwoot(7, CONTACT, "m_1", 0, 1),
            chatwoot(7, CONTACT, "m_2", 0, 2),
            meta("111", "m_1", false, 1),
            meta("222", "m_2", false, 2),
        ];
        assert_eq!(found(&log), "7/42 message m_1; 111/42 message m_1; 7/42 message m_2; 222/42 message m_2");
        let log = [chatwoot(7, CONTACT, "m_1", 0, 1), meta("111", "m_2", false, 2)];
        assert_eq!(found(&log), "7/42 message m_1; 111/42 message m_2");
    }
}
