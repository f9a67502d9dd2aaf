//! `fbwin can-send`: may this message be sent at this moment? The same judge as everywhere, asked before the send.

use std::collections::BTreeSet;

use anyhow::bail;
use clap::Args;
use std::io::Write;

use fbwin::audit::{History, verdict_in_words, ways_in_words};
use fbwin::batch::KeepText;
use fbwin::event::{Category, Channel, Event, Kind, MessagingType, Sender, TokenType, tag_word};
use fbwin::{Replay, Verdict};

use crate::cli::End;
use crate::cli::judging::JudgingArgs;
use crate::cli::output::Output;
use crate::cli::reading::{Complaints, ReadingArgs};
use crate::cli::values::Moment;

/// Ask whether a message may be sent to a user at a moment: exit code 0 yes, 1 no or not certain, 2 trouble
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  fbwin can-send log.jsonl --user 42 --at 2026-04-25T10:00:00Z
  fbwin can-send log.jsonl --user 42 --at 2026-04-25 --tag HUMAN_AGENT")]
pub(crate) struct CanSendCommand {
    #[command(flatten)]
    reading: ReadingArgs,

    #[command(flatten)]
    message: MessageArgs,

    #[command(flatten)]
    judging: JudgingArgs,
}

/// The message in question.
#[derive(Debug, Args)]
#[command(next_help_heading = "The message")]
struct MessageArgs {
    /// To whom
    #[arg(long, value_name = "ID")]
    user: String,

    /// When: 2026-04-25T10:00:00Z, or a day, which is its 00:00 UTC
    #[arg(long, value_name = "TIME", value_parser = Moment::text)]
    at: Moment,

    /// On which channel; not needed if the log has the user on one only
    #[arg(long, value_parser = word(Channel::from_word, "use messenger, instagram or whatsapp"))]
    channel: Option<Channel>,

    /// With this message tag
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,

    /// With this messaging type
    #[arg(long, value_name = "TYPE", value_parser = word(MessagingType::from_word, "use RESPONSE, UPDATE, MESSAGE_TAG, UTILITY or NON_PROMOTIONAL_SUBSCRIPTION"))]
    messaging_type: Option<MessagingType>,

    /// Spending this one-time or recurring token
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,

    /// Which kind of token it is, if no opt-in in the log says so
    #[arg(long, value_name = "TYPE", value_parser = word(TokenType::from_word, "use otn or recurring"))]
    token_type: Option<TokenType>,

    /// As a private reply to this comment
    #[arg(long, value_name = "ID")]
    comment: Option<String>,

    /// As this template
    #[arg(long, value_name = "NAME")]
    template: Option<String>,

    /// Of this category
    #[arg(long, value_name = "CATEGORY", value_parser = word(Category::from_word, "use marketing, utility, authentication or service"))]
    category: Option<Category>,

    /// Written by a human or a bot
    #[arg(long, value_name = "WHO", value_parser = word(Sender::from_word, "use human or bot"))]
    sender: Option<Sender>,

    /// As a sponsored message
    #[arg(long)]
    sponsored: bool,

    /// With promotional content
    #[arg(long)]
    promotional: bool,

    /// To a user in this country
    #[arg(long, value_name = "COUNTRY")]
    region: Option<String>,
}

/// A parser for the words of an enum.
fn word<T: Clone + Send + Sync + 'static>(
    from_word: fn(&str) -> Option<T>,
    known: &'static str,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync {
    move |text| from_word(text).ok_or_else(|| known.to_owned())
}

impl CanSendCommand {
    pub(crate) fn run(self) -> anyhow::Result<End> {
        let utc_offset_s = self.reading.utc_offset;
        let at = self.message.at.at("--at", utc_offset_s)?;
        let (policy, _) = self.judging.policy()?;
        let options = self.judging.replay_options(&policy, utc_offset_s)?;
        let mut output = Output::open(None)?;
        let reading = self.reading.read_keeping(KeepText::OfClaims, None, Complaints::default())?;
        let bad = reading.bad.count;
        let history = History::new(reading.batches);
        let (channel, account) = self.conversation(&history)?;

        let mut replay = Replay::new(&policy, options);
        let events = (0..history.len()).map(|position| history.event(position));
        for event in events.take_while(|event| event.at <= at) {
            replay.step(&event);
        }
        let tag = self.message.tag.as_deref().map(tag_word).filter(|tag| !tag.is_empty());
        let send = Event {
            at,
            channel,
            account: &account,
            user: &self.message.user,
            kind: Kind::Send,
            messaging_type: self.message.messaging_type.or(tag.is_some().then_some(MessagingType::MessageTag)),
            tag: tag.as_deref(),
            token: self.message.token.as_deref(),
            token_type: self.message.token_type,
            comment: self.message.comment.as_deref(),
            template: self.message.template.as_deref(),
            category: self.message.category,
            sender: self.message.sender,
            sponsored: self.message.sponsored,
            promotional: self.message.promotional.then_some(true),
            region: self.message.region.as_deref(),
            ..Event::default()
        };
        let verdict = replay.can_send(&send);
        let lawful = ways_in_words(&replay.lawful(&send), &send);
        writeln!(output, "{}", fbwin::report::plain(&verdict_in_words(&verdict, &send, &policy)))?;
        let allowed = matches!(verdict, Verdict::Allowed(_));
        if !allowed && !lawful.is_empty() {
            let instead = matches!(verdict, Verdict::Violation(_));
            writeln!(output, "{}", if instead { "lawful instead:" } else { "lawful in any case:" })?;
            for way in &lawful {
                writeln!(output, "  {}", fbwin::report::plain(way))?;
            }
        }
        output.finish()?;
        Ok(self.reading.end(bad, if allowed { End::Clean } else { End::Found }))
    }

    /// The conversation that is meant: named by the options, or the only one that the user has in the log.
    fn conversation(&self, history: &History) -> anyhow::Result<(Channel, String)> {
        let events = (0..history.len()).map(|position| history.event(position));
        let known: BTreeSet<(Channel, String)> = events
            .filter(|event| event.user == self.message.user)
            .filter(|event| self.message.channel.is_none_or(|channel| channel == event.channel))
            .filter(|event| self.reading.account.as_deref().is_none_or(|account| account == event.account))
            .map(|event| (event.channel, event.account.to_owned()))
            .collect();
        let mut known = known.into_iter();
        match (known.next(), known.next()) {
            (Some(only), None) => Ok(only),
            // Somebody the log does not know is asked about on its account, if it has only one.
            (None, _) => {
                let channel = self.message.channel.unwrap_or_default();
                let here = (0..history.len()).map(|position| history.event(position));
                let accounts: BTreeSet<&str> =
                    here.filter(|event| event.channel == channel).map(|event| event.account).collect();
                let only = accounts.first().filter(|_| accounts.len() == 1).map(|only| (*only).to_owned());
                Ok((channel, self.reading.account.clone().or(only).unwrap_or_default()))
            }
            (Some((channel, account)), Some((other_channel, other))) => bail!(
                "the user is in several conversations ({channel} `{account}`, {other_channel} `{other}`, ...): \
                 name one with --channel and --account"
            ),
        }
    }
}
