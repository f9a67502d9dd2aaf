//! The sends that come of the calls: to whom, from which account, when.

use std::collections::BTreeSet;

use crate::batch::Batch;
use crate::event::{Channel, Event, Kind, Status};
use crate::source::Options;
use crate::source::beside;
use crate::source::loose::{Alias, Answer, Recipient, Request};

use super::elsewhere::{Elsewhere, Seen};
use super::halves::{Asked, Told};

/// Calling codes of Mexico, Argentina and Brazil: Meta's ids of their mobile numbers have a digit more or less than is dialled.
pub(super) const REWRITTEN: [&str; 3] = ["52", "54", "55"];

/// The sends that come of the calls.
pub(super) struct Sends<'o> {
    pub(super) elsewhere: Elsewhere,
    pub(super) options: &'o Options,
    pub(super) aliases: Vec<Alias>,
    pub(super) batch: Batch,
}

/// To whom a call went, and from which account.
pub(super) struct Aim<'c> {
    pub(super) channel: Channel,
    pub(super) account: String,
    /// The user, if the log tells.
    pub(super) user: Option<String>,
    /// The name that the call itself has for them.
    written: Option<&'c str>,
    alias: Option<Alias>,
    /// Whether it is not certain that `user` is their name here.
    unresolved: bool,
}

impl Sends<'_> {
    /// Makes the event of a call.
    pub(super) fn of_call(
        &mut self,
        asked: &Asked,
        own_account: Option<&str>,
        request: &Request,
        answer: Option<&Answer>,
    ) -> Result<(), String> {
        let id = answer.and_then(Answer::id);
        let echo = id.and_then(|id| self.elsewhere.seen.get(id));
        let Aim { channel, account, user, written, alias, unresolved } = self.aim(asked, own_account, request, answer);
        let user = user.as_deref().or(written.filter(|_| request.comment.is_none())).unwrap_or_default();
        let (stamp, logged_at) = match (echo.and_then(|echo| echo.sent), asked.at) {
            (Some(sent), _) => (sent, false),
            (None, Some(logged)) => (logged, true),
            (None, None) => {
                return Err("is a request without a time, and no echo or status of its message is in the log; \
                            name the log's own time with --time-field"
                    .to_owned());
            }
        };
        let (status, code, subcode) = match answer {
            Some(Answer::Taken { .. }) => (Some(Status::Sent), None, None),
            Some(Answer::Refused { code, subcode }) => (Some(Status::Failed), *code, *subcode),
            _ => (None, None, None),
        };
        let text = beside::below(request.text.as_deref(), request.beside.as_deref());
        let event = Event {
            at: stamp.at,
            precision_ms: self.options.precision_of(stamp.precision_ms),
            channel,
            account: &account,
            user,
            kind: Kind::Send,
            id,
            place: asked.place,
            text: text.as_deref(),
            messaging_type: request.messaging_type,
            tag: request.tag.as_deref(),
            token: request.token.as_deref(),
            token_type: request.token_type,
            comment: request.comment.as_deref(),
            template: request.template.as_deref(),
            category: request.category,
            status,
            error_code: code,
            error_subcode: subcode,
            recipient_hidden: unresolved,
            logged_at,
            unpaired: matches!(answer, None | Some(Answer::Other)),
            ..Event::default()
        };
        let fits = self.batch.push(&event);
        self.aliases.extend(alias);
        if fits { Ok(()) } else { Err("is too large to keep".to_owned()) }
    }

    /// To whom a call went, and from which account.
    pub(super) fn aim<'c>(
        &self,
        asked: &Asked,
        own_account: Option<&str>,
        request: &'c Request,
        answer: Option<&Answer>,
    ) -> Aim<'c> {
        let (id, recipient) = (answer.and_then(Answer::id), answer.and_then(Answer::recipient));
        let echo = id.and_then(|id| self.elsewhere.seen.get(id));
        let grant = request.token.as_deref().and_then(|token| self.elsewhere.seen.get(token));
        let (written, by_id) = match &request.to {
            Recipient::User(user) => (Some(user.as_str()), true),
            Recipient::Alias(user) => (Some(user.as_str()), false),
            Recipient::OfToken => (None, false),
        };
        let resolved = echo.map(|echo| echo.user.as_str()).or(recipient).or(grant.map(|grant| grant.user.as_str()));
        let resolved = resolved.filter(|user| !user.is_empty());
        let user = if by_id { resolved.or(written) } else { resolved };
        let written_account = own_account.or(asked.account.as_deref());
        let comment = request.comment.as_deref().and_then(|comment| self.elsewhere.comments.get(comment));
        let (channel, account) = self.whose(asked.channel, written_account, user, echo.or(grant).or(comment));
        // A comment is no person: its writer may answer, and be known by an id of their own, more than once. Nor is an id
        // another name of somebody, but on WhatsApp, where it is a number as it was dialled.
        let names = !by_id || channel == Channel::Whatsapp;
        let alias = match (written, user) {
            (Some(from), Some(to)) if from != to && request.comment.is_none() && names => {
                Some(Alias { channel, account: account.clone(), from: from.to_owned(), to: to.to_owned() })
            }
            _ => None,
        };
        // Unresolved, it keeps the name it was sent to; a later alias may still turn it into a user.
        let unresolved = user.is_none() && request.comment.is_none()
            || channel == Channel::Whatsapp && resolved.is_none() && self.is_another(channel, &account, written);
        Aim { channel, account, user: user.map(str::to_owned), written, alias, unresolved }
    }

    /// Makes an event of an answer whose request is not in the log, if it tells enough and nothing else does.
    pub(super) fn of_answer(&mut self, told: &Told, answer: &Answer) -> bool {
        let Answer::Taken { id, recipient: Some(user) } = answer else { return false };
        let seen = self.elsewhere.seen.get(id);
        let Some(stamp) = told.at.filter(|_| seen.is_none_or(|seen| seen.sent.is_none())) else { return false };
        let (channel, account) = self.whose(told.channel, told.account.as_deref(), Some(user), seen);
        self.batch.push(&Event {
            at: stamp.at,
            precision_ms: self.options.precision_of(stamp.precision_ms),
            channel,
            account: &account,
            user,
            kind: Kind::Send,
            id: Some(id),
            place: told.place,
            status: Some(Status::Sent),
            claim_hidden: true,
            logged_at: true,
            ..Event::default()
        })
    }

    /// Whether a number as it was dialled may not be that of the person's conversation: it is one that Meta knows in another
    /// form, or the business has several numbers and the log does not say from which one it was.
    fn is_another(&self, channel: Channel, account: &str, dialled: Option<&str>) -> bool {
        let accounts = self.elsewhere.accounts.get(&channel).map_or(0, BTreeSet::len);
        let rewritten = |number: &str| REWRITTEN.iter().any(|code| number.starts_with(code));
        let unseen = |number: &&str| !self.elsewhere.homes.contains_key(*number);
        account.is_empty() && 1 < accounts || dialled.filter(unseen).is_some_and(rewritten)
    }

    /// The channel and account of a call: as Meta's records of the message or token say, else as the log says, else where
    /// its user is known, else the only one there is.
    fn whose(
        &self,
        channel: Channel,
        written: Option<&str>,
        user: Option<&str>,
        seen: Option<&Seen>,
    ) -> (Channel, String) {
        let default = Some(self.options.account.as_str()).filter(|account| !account.is_empty());
        // A page-scoped id says whose user it is; a telephone number does not.
        let home =
            user.filter(|_| channel != Channel::Whatsapp).and_then(|user| self.elsewhere.homes.get(user)?.as_ref());
        let home = home.filter(|(channel, _)| *channel != Channel::Whatsapp);
        // Instagram's sends go through the endpoint of the Page, too: a user whom only Instagram knows is there.
        let channel = seen.map(|seen| seen.channel).unwrap_or_else(|| match (written, home) {
            (None, Some((home, _))) => *home,
            (Some(_), Some((Channel::Instagram, _))) if channel == Channel::Messenger => Channel::Instagram,
            _ => channel,
        });
        let home = home.filter(|(home, _)| *home == channel).map(|(_, account)| account.as_str());
        let seen = seen.map(|seen| seen.account.as_str()).filter(|account| !account.is_empty());
        let accounts = self.elsewhere.accounts.get(&channel);
        // What a logger calls an account may be its own number for a customer: no event knows it, while they know the user.
        let is_known = |account: &&str| home.is_none() || accounts.is_some_and(|known| known.contains(*account));
        let written = written.filter(is_known);
        let only = || accounts.filter(|known| known.len() == 1)?.first().map(String::as_str);
        // The default is for records that nothing else places, and of its own channel.
        let elsewhere = |account: &&str| {
            self.elsewhere.accounts.iter().any(|(other, known)| *other != channel && known.contains(*account))
        };
        let default = default.filter(|account| !elsewhere(account));
        let account = seen.or(written).or(home).or(default).or_else(only);
        (channel, account.unwrap_or_default().to_owned())
    }
}
