//! Reads a log and does nothing with it: into a typed record that borrows what it can, or with fbwin's own reader, which
//! also packs its events. One process, one measurement: `compare.py` runs it.
//!
//! usage: parse serde_json|sonic-rs|simd-json|fbwin THREADS LOG

use std::borrow::Cow;
use std::error::Error;

use serde::Deserialize;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Record<'a> {
    #[serde(borrow)]
    ts: Cow<'a, str>,
    #[serde(borrow)]
    channel: Cow<'a, str>,
    #[serde(borrow)]
    account: Cow<'a, str>,
    #[serde(borrow)]
    user: Cow<'a, str>,
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    text: Cow<'a, str>,
    #[serde(borrow)]
    messaging_type: Cow<'a, str>,
    #[serde(borrow)]
    tag: Cow<'a, str>,
    #[serde(borrow)]
    token: Cow<'a, str>,
    #[serde(borrow)]
    sender: Cow<'a, str>,
    #[serde(borrow)]
    status: Cow<'a, str>,
}

impl Record<'_> {
    /// What makes sure that nothing of it is left out: the length of all of it.
    fn length(&self) -> u64 {
        let Record { ts, channel, account, user, event, id, text, messaging_type, tag, token, sender, status } = self;
        let all = [ts, channel, account, user, event, id, text, messaging_type, tag, token, sender, status];
        all.into_iter().map(|value| value.len() as u64).sum()
    }
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [way, threads, log] = arguments.as_slice() else { return Err("WAY THREADS LOG".into()) };
    let threads = threads.parse()?;
    let sum = match way.as_str() {
        "serde_json" => {
            choices::lines(log, threads, |line| serde_json::from_slice::<Record>(line).expect("a record").length())?
        }
        "sonic-rs" => {
            choices::lines(log, threads, |line| sonic_rs::from_slice::<Record>(line).expect("a record").length())?
        }
        "simd-json" => {
            choices::lines(log, threads, |line| simd_json::from_slice::<Record>(line).expect("a record").length())?
        }
        "fbwin" => choices::read(log, threads)?,
        other => return Err(format!("`{other}` is no way").into()),
    };
    println!("{sum}");
    Ok(())
}
