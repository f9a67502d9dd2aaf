//! A folder as bots really leave it (webhook bodies, requests and responses, status callbacks) is judged as its canonical
//! log is; and without the requests only what they alone can tell is lost.
//!
//! `fixtures/day` holds the folder: two days of 200 invented users. `BLESS=1` writes it anew from the code below.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use common::render::{self, Happening};
use fbwin::audit::{Audit, AuditOptions};
use fbwin::event::{Channel, Kind, MessagingType};
use fbwin::finding::Summary;
use fbwin::source::{self, Options};
use fbwin::time::{HOUR_MS, MINUTE_MS, Stamp, Time};
use fbwin::{Policy, ReplayOptions};

/// A small generator of numbers: the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Every user writes on the first day; the business answers at once, once more within the window, and some the day after,
/// when the window has closed: plainly, under HUMAN_AGENT or a tag that has ended, by a spent token, by a template.
fn history() -> Vec<Happening> {
    let mut numbers = Numbers(20_260_427);
    let begin = Stamp::parse("2026-05-11T06:00:00.000Z", None).unwrap().at;
    let mut all = Vec::new();
    for user in 0..200_u64 {
        let channel = match user {
            0..140 => Channel::Messenger,
            140..170 => Channel::Instagram,
            _ => Channel::Whatsapp,
        };
        let (account, name) = match channel {
            Channel::Messenger => ("104500000000321".to_owned(), (24_100_000_000_000_007 + user * 7_919).to_string()),
            Channel::Instagram => ("17841400000000654".to_owned(), (1_790_000_000_000_003 + user * 6_151).to_string()),
            Channel::Whatsapp => ("109000000000987".to_owned(), format!("4915550{:05}", 10_000 + user * 37)),
        };
        let mut nth = 0;
        let mut happen = |at: Time, kind: Kind| {
            nth += 1;
            // WhatsApp's own times are whole seconds.
            let at = if channel == Channel::Whatsapp { Time::from_ms(at.ms() / 1_000 * 1_000) } else { at };
            let prefix = if channel == Channel::Whatsapp { "wamid." } else { "m_" };
            Happening {
                at,
                channel,
                account: account.clone(),
                user: name.clone(),
                kind,
                id: format!("{prefix}{user:03}{nth:02}"),
                text: format!("text {nth} of {user}"),
                messaging_type: (kind == Kind::Send && channel != Channel::Whatsapp).then_some(MessagingType::Response),
                tag: None,
                template: None,
                token: None,
                refused: None,
            }
        };
        let wrote = begin.plus_ms((numbers.below(600) * MINUTE_MS as u64 + numbers.below(60_000)) as i64);
        all.push(happen(wrote, Kind::Message));
        all.push(happen(wrote.plus_ms(2_000 + numbers.below(20_000) as i64), Kind::Send));
        if channel == Channel::Messenger && user % 4 == 0 {
            all.push(happen(wrote.plus_ms(5 * MINUTE_MS), Kind::Postback));
            all.push(happen(wrote.plus_ms(5 * MINUTE_MS + 1_500), Kind::Send));
        }
        if channel == Channel::Messenger && user % 7 == 0 {
            let token = Some(format!("otn-{user:03}"));
            all.push(Happening { token: token.clone(), ..happen(wrote.plus_ms(6 * MINUTE_MS), Kind::OtnOptin) });
            for hours in [30, 31] {
                let later = happen(wrote.plus_ms(hours * HOUR_MS), Kind::Send);
                all.push(Happening { token: token.clone(), messaging_type: None, ..later });
            }
            continue;
        }
        let next_day = wrote.plus_ms(25 * HOUR_MS + numbers.below(5 * HOUR_MS as u64) as i64);
        match (user % 6, channel) {
            (0, _) => all.push(happen(next_day, Kind::Send)),
            (1, Channel::Whatsapp) => {
                let template = Some(("order_on_its_way", "utility"));
                all.push(Happening { template, ..happen(next_day, Kind::Send) });
            }
            (1, _) => {
                let messaging_type = Some(MessagingType::MessageTag);
                all.push(Happening { tag: Some("HUMAN_AGENT"), messaging_type, ..happen(next_day, Kind::Send) });
            }
            (2, Channel::Messenger) => {
                let messaging_type = Some(MessagingType::MessageTag);
                all.push(Happening { tag: Some("ACCOUNT_UPDATE"), messaging_type, ..happen(next_day, Kind::Send) });
            }
            _ => {}
        }
    }
    all.sort_by_key(|one| (one.at, one.kind));
    all
}

/// The files of the folder by name.
fn folder(all: &[Happening]) -> BTreeMap<&'static str, String> {
    let lines = |values: Vec<serde_json::Value>| values.iter().map(|value| format!("{value}\n")).collect::<String>();
    let whatsapp = |one: &&Happening| one.channel == Channel::Whatsapp;
    let others = |one: &&Happening| one.channel != Channel::Whatsapp;
    let calls = |one: &Happening| [render::request(one), render::response(one)].into_iter().flatten();
    BTreeMap::from([
        ("webhooks.jsonl", lines(all.iter().filter(others).filter_map(render::webhook).collect())),
        ("send_api.jsonl", lines(all.iter().filter(others).flat_map(calls).collect())),
        ("whatsapp_callbacks.jsonl", lines(all.iter().filter(whatsapp).filter_map(render::webhook).collect())),
        ("whatsapp_calls.jsonl", lines(all.iter().filter(whatsapp).flat_map(calls).collect())),
    ])
}

/// Verdict, rules or reason of each send, by its id.
fn verdicts(paths: &[PathBuf]) -> BTreeMap<String, String> {
    let inputs = source::find(paths).unwrap();
    let reading = source::read(&inputs, &Options::default(), &|_| ()).unwrap();
    assert_eq!(reading.bad.count, 0, "{:?}", reading.bad.first.first());
    let names = reading.inputs.iter().map(|input| input.name.clone()).collect();
    let replay = ReplayOptions { complete: true, ..ReplayOptions::default() };
    let options = AuditOptions { all_verdicts: true, replay, ..AuditOptions::default() };
    let policy = Policy::built_in();
    let audit = Audit::run(&policy, reading.batches, names, &options, &mut Summary::default());
    let mut all = BTreeMap::new();
    let take = |judged: &fbwin::finding::Judged<'_>| {
        let rules: Vec<&str> = judged.rules.iter().map(|rule| rule.word()).collect();
        let by = judged.reason.or(judged.permission).unwrap_or_default();
        let verdict = format!("{} {}{by}", judged.verdict, rules.join("+"));
        assert!(all.insert(judged.id.unwrap().to_owned(), verdict).is_none(), "{:?} twice", judged.id);
        Ok(())
    };
    audit.verdicts(take).unwrap();
    all
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/day")
}

#[test]
fn the_folder_is_what_the_code_writes() {
    let all = history();
    let mut files = folder(&all);
    files.insert("../day-canonical/canonical.jsonl", render::canonical(&all));
    for (name, text) in files {
        let path = fixtures().join(name);
        if std::env::var_os("BLESS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &text).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "{name}; BLESS=1 writes it anew");
    }
}

fn day_files(wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    folder(&history()).into_keys().filter(|name| wanted(name)).map(|name| fixtures().join(name)).collect()
}

#[test]
fn a_folder_of_real_records_is_judged_as_its_canonical_log() {
    let canonical = verdicts(&[fixtures().join("../day-canonical/canonical.jsonl")]);
    assert_eq!(verdicts(&day_files(|_| true)), canonical);
    let broken = canonical.values().filter(|verdict| verdict.starts_with("violation")).count();
    assert!(50 < broken && broken < canonical.len() / 2, "{broken} of {}", canonical.len());
}

#[test]
fn without_the_requests_only_the_claims_are_lost() {
    let whole = verdicts(&day_files(|_| true));
    let without = verdicts(&day_files(|name| name != "send_api.jsonl" && name != "whatsapp_calls.jsonl"));
    assert_eq!(whole.keys().collect::<Vec<_>>(), without.keys().collect::<Vec<_>>());
    let mut lost = 0;
    for (id, verdict) in &whole {
        let now = &without[id];
        // What relied on the window, or was told by the status of WhatsApp, needs no request.
        if verdict == "allowed messenger-window" || verdict == "allowed instagram-window" || id.starts_with("wamid") {
            assert_eq!(now, verdict, "{id}");
        } else {
            lost += 1;
            assert_eq!(now, "unproven claim-not-visible", "{id} was {verdict}");
        }
    }
    assert!(50 < lost);
}

#[test]
fn without_the_answers_the_echoes_tell_whose_they_are() {
    let folder = tempfile::tempdir().unwrap();
    for path in day_files(|_| true) {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap();
        // WhatsApp shows nothing of what was sent, and these calls have no time.
        let answers = name == "send_api.jsonl";
        let kept: String =
            text.split_inclusive('\n').filter(|line| !answers || line.contains("recipient\":")).collect();
        assert_eq!(kept.len() < text.len(), answers);
        fs::write(folder.path().join(name), kept).unwrap();
    }
    assert_eq!(verdicts(&[folder.path().to_owned()]), verdicts(&day_files(|_| true)));
}
