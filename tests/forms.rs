//! A random history gets the same verdicts in every form that can carry it: the canonical record, and the webhooks, calls
//! and callbacks of which platforms and bots make their logs.
#![allow(clippy::unwrap_used)]

mod common;

use common::render::{self, Happening};
use fbwin::audit::{Audit, AuditOptions};
use fbwin::event::{Channel, Kind, MessagingType};
use fbwin::finding::Summary;
use fbwin::source::{self, Input, Options};
use fbwin::time::Time;
use fbwin::{Policy, ReplayOptions};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

/// What a send relies on, in these histories.
#[derive(Clone, Copy, Debug)]
enum Claim {
    Plain,
    Tag(&'static str),
    Token,
    Template(&'static str),
}

/// Times in steps that meet the limits. WhatsApp knows whole seconds, and so do all steps.
fn history() -> impl Strategy<Value = Vec<Happening>> {
    let step = select(vec![1_000_i64, 60_000, 3_600_000, 43_200_000, 86_399_000, 86_400_000, 604_800_000]);
    let claim = select(vec![
        Claim::Plain,
        Claim::Plain,
        Claim::Tag("HUMAN_AGENT"),
        Claim::Tag("ACCOUNT_UPDATE"),
        Claim::Token,
        Claim::Template("utility"),
        Claim::Template("marketing"),
    ]);
    let what = (step, 0..3_u8, 0..3_u8, 0..6_u8, claim, prop::bool::weighted(0.1));
    prop::collection::vec(what, 1..40).prop_map(|all| {
        let mut at = 1_777_161_600_000;
        let of = |(nth, (step, channel, user, kind, claim, refused))| {
            at += step;
            happening(nth, at, channel, user, kind, claim, refused)
        };
        all.into_iter().enumerate().map(of).collect()
    })
}

fn happening(nth: usize, at_ms: i64, channel: u8, user: u8, kind: u8, claim: Claim, refused: bool) -> Happening {
    let (channel, account, user) = match channel {
        0 => (Channel::Messenger, "104500000000321", format!("2410000000000{user}007")),
        1 => (Channel::Instagram, "17841400000000654", format!("179000000000{user}003")),
        _ => (Channel::Whatsapp, "109000000000987", format!("49155500{user}0123")),
    };
    let messenger = channel == Channel::Messenger;
    let kind = match kind {
        0 | 1 => Kind::Message,
        2 if channel != Channel::Whatsapp => Kind::Postback,
        3 if messenger => Kind::OtnOptin,
        _ => Kind::Send,
    };
    let send = kind == Kind::Send;
    let claims = send && channel != Channel::Whatsapp;
    let token = match (kind, claim) {
        (Kind::OtnOptin, _) => Some(format!("otn-{user}-{nth}")),
        // The token of one of the first opt-ins, if there was one: known or unknown, spent or not.
        (Kind::Send, Claim::Token) if messenger => Some(format!("otn-{user}-{}", nth / 2)),
        _ => None,
    };
    let tag = match claim {
        Claim::Tag(tag) if claims && token.is_none() => Some(tag),
        _ => None,
    };
    let template = match claim {
        Claim::Template(category) if send && channel == Channel::Whatsapp => Some(("order_sent", category)),
        _ => None,
    };
    let plain = if claims && token.is_none() { Some(MessagingType::Response) } else { None };
    let codes = match channel {
        Channel::Whatsapp => (131_026, 0),
        _ => (551, 1_545_041),
    };
    let is_refused = refused && send && template.is_none() && token.is_none();
    Happening {
        at: Time::from_ms(at_ms),
        channel,
        account: account.to_owned(),
        user,
        kind,
        id: format!("{}{nth:04}", if channel == Channel::Whatsapp { "wamid." } else { "m_" }),
        text: format!("text {nth}"),
        messaging_type: tag.map(|_| MessagingType::MessageTag).or(plain),
        tag,
        template,
        token,
        refused: is_refused.then_some(codes),
    }
}

/// The lines of the logs: webhooks in one, calls in the other. Meta tells of what it refused in its answer only, so there
/// the bot's own time is all there is.
fn forms(all: &[Happening]) -> Vec<String> {
    let line = |value: serde_json::Value| format!("{value}\n");
    let webhooks = all.iter().filter_map(render::webhook).map(line).collect();
    let calls = all.iter().filter_map(|one| {
        let (request, response) = (render::request(one)?, render::response(one)?);
        Some(match one.refused {
            None => format!("{request}\n{response}\n"),
            Some(_) => line(json!({ "time": one.at.to_string(), "account": one.account, "request": request,
                "response": response })),
        })
    });
    vec![webhooks, calls.collect()]
}

fn verdicts(files: &[String]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let inputs: Vec<Input> = (files.iter().enumerate())
        .map(|(index, text)| {
            let path = folder.path().join(format!("{index}.jsonl"));
            std::fs::write(&path, text).unwrap();
            Input::Path(path)
        })
        .collect();
    let reading = source::read(&inputs, &Options::default(), &|_| ()).unwrap();
    assert_eq!(reading.bad.count, 0, "{:?}", reading.bad.first.first());
    let replay = ReplayOptions { complete: true, ..ReplayOptions::default() };
    let options = AuditOptions { all_verdicts: true, replay, ..AuditOptions::default() };
    let policy = Policy::built_in();
    let audit = Audit::run(&policy, reading.batches, Vec::new(), &options, &mut Summary::default());
    let mut all = Vec::new();
    let take = |judged: &fbwin::finding::Judged<'_>| {
        let rules: Vec<&str> = judged.rules.iter().map(|rule| rule.word()).collect();
        let by = judged.reason.or(judged.permission).unwrap_or_default();
        all.push(format!(
            "{} {} {} {}{by} {:?}",
            judged.at,
            judged.user,
            judged.verdict,
            rules.join("+"),
            judged.delivered
        ));
        Ok(())
    };
    audit.verdicts(take).unwrap();
    all.sort();
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn a_history_is_judged_alike_in_every_form(all in history()) {
        let canonical = verdicts(&[render::canonical(&all)]);
        prop_assert_eq!(verdicts(&forms(&all)), canonical);
    }
}
