//! What an invented shop's WhatsApp logs prove together: webhooks, requests with their responses, statuses.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::fs;

use common::script::describe;
use fbwin::audit::History;
use fbwin::batch::{Batch, KeepText};
use fbwin::event::{Category, Channel, Event, Kind, TEMPLATE_NOT_IN_LOG};
use fbwin::source::{self, Input, Options};
use fbwin::{Policy, Replay, ReplayOptions, Time};

const SHOP: &str = "fixtures/formats/whatsapp/a_shop.jsonl";

/// The verdicts by message, as `a.answer`; and whether Meta took the message.
fn verdicts(log: &str) -> BTreeMap<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    fs::write(&path, log).unwrap();
    let reading = source::read(&[Input::Path(path)], &Options::default(), &|_| ()).unwrap();
    assert_eq!(reading.bad.count, 0, "{:?}", reading.bad.first);
    let history = History::new(reading.batches);
    let policy = Policy::built_in();
    let mut replay = Replay::new(&policy, ReplayOptions { complete: true, ..ReplayOptions::default() });
    let mut verdicts = BTreeMap::new();
    for position in 0..history.len() {
        let event = history.event(position);
        let Some(verdict) = replay.step(&event) else { continue };
        let taken = if event.is_rejected() { " (rejected)" } else { "" };
        let id = event.id.unwrap().trim_start_matches("wamid.").to_owned();
        let before = verdicts.insert(id, format!("{}{taken}", describe(&verdict, &event)));
        assert_eq!(before, None, "one send, judged twice");
    }
    verdicts
}

#[test]
fn the_logs_of_a_shop() {
    let found = verdicts(&fs::read_to_string(SHOP).unwrap());
    let expected = [
        // The number dialled is not the user's id, and the read receipt came two days later.
        ("a.answer", "allowed whatsapp-service-window"),
        ("a.late", "outside-window late by 6 h (rejected)"),
        ("b.sale", "allowed whatsapp-template"),
        ("b.more sale", "marketing-after-stop"),
        ("b.order", "allowed whatsapp-template"),
        ("c.in time", "allowed whatsapp-service-window"),
        ("c.late", "outside-window late by 1 h"),
        // Nothing says what these were, or when they were sent.
        ("c.unpriced", "unproven claim-not-visible"),
        ("c.delivered", "unproven claim-not-visible"),
        ("c.code", "allowed whatsapp-template"),
        ("c.by conversation", "allowed whatsapp-template"),
        // The request says that it was no template.
        ("d.direct", "unproven approval-unknown"),
        ("e.sale", "region-excluded"),
        ("f.sale", "unproven region-unknown"),
        ("g.after call", "allowed whatsapp-service-window"),
        ("g.late", "outside-window late by 1 s"),
        // The app is bound to no window.
        ("h.app", "unproven claim-not-visible"),
        ("i.to the new one", "allowed whatsapp-service-window"),
        ("j.last", "allowed whatsapp-service-window"),
        ("j.exactly", "unproven time-precision"),
        ("j.late", "outside-window late by 1 s"),
        ("k.read", "allowed whatsapp-service-window"),
        ("l.unasked", "outside-window"),
    ];
    let expected: BTreeMap<String, String> =
        expected.into_iter().map(|(id, verdict)| (id.to_owned(), verdict.to_owned())).collect();
    assert_eq!(found, expected);
}

#[test]
fn the_order_of_lines_means_nothing() {
    let log = fs::read_to_string(SHOP).unwrap();
    let in_order = verdicts(&log);
    let backwards: Vec<&str> = log.lines().rev().collect();
    assert_eq!(verdicts(&backwards.join("\n")), in_order);
    // Webhooks are sent again until somebody takes them.
    let twice: Vec<&str> = log.lines().chain(log.lines().filter(|line| line.starts_with("{\"object\""))).collect();
    assert_eq!(verdicts(&twice.join("\n")), in_order);
}

/// Whatever a disk or a hasty export has done to a log, it is read or reported.
#[test]
fn damaged_logs_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let options = Options { owner: vec!["Flower Shop".to_owned()], utc_offset_s: Some(0), ..Options::default() };
    for formats in ["whatsapp", "whatsapp-send", "chat-txt"] {
        let logs = fs::read_dir(format!("fixtures/formats/{formats}")).unwrap().map(|entry| entry.unwrap().path());
        for log in logs.filter(|path| path.extension().is_some_and(|end| end == "jsonl" || end == "txt")) {
            let whole = fs::read(&log).unwrap();
            for at in (0..whole.len()).step_by(whole.len() / 8 + 1) {
                for damage in [&b""[..], b"\"", b"\xff", b"null", b"{", b"[", b"\n", b"-1e999"] {
                    let damaged = [&whole[..at], damage, &whole[at + 1..]].concat();
                    fs::write(&path, &damaged).unwrap();
                    let reading = source::read(&[Input::Path(path.clone())], &options, &|_| ()).unwrap();
                    let events: usize = reading.batches.iter().map(|batch| batch.len()).sum();
                    assert!(0 < events || 0 < reading.bad.count, "{} damaged at {at} is silent", log.display());
                }
                fs::write(&path, &whole[..at]).unwrap();
                source::read(&[Input::Path(path.clone())], &options, &|_| ()).unwrap();
            }
        }
    }
}

#[test]
fn records_of_one_send_are_believed_in_their_order() {
    let base = Event { kind: Kind::Send, channel: Channel::Whatsapp, user: "1", id: Some("x"), ..Event::default() };
    let logged = Event { at: Time::from_ms(100), logged_at: true, template: Some("sale"), ..base };
    let hidden = Some(TEMPLATE_NOT_IN_LOG);
    let late = Event { at: Time::from_ms(300), template: hidden, claim_hidden: true, ..base };
    let sent = Event { at: Time::from_ms(200), category: Some(Category::Marketing), ..late };
    for order in [[logged, late, sent], [late, sent, logged], [sent, logged, late]] {
        let mut batch = Batch::new(KeepText::All);
        assert!(order.iter().all(|event| batch.push(event)));
        let history = History::new(vec![batch]);
        let one = history.event(0);
        assert_eq!((history.len(), one.at, one.logged_at), (1, Time::from_ms(200), false));
        assert_eq!((one.template, one.category), (Some("sale"), Some(Category::Marketing)));
        assert!(!one.claim_hidden);
    }
}
