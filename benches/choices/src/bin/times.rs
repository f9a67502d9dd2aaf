//! Reads the times of a log with several crates and with ours, in ns a time, the best of some runs.
//!
//! usage: times LOG [RUNS]

use std::hint::black_box;
use std::sync::Mutex;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let log = arguments.next().ok_or("LOG [RUNS]")?;
    let runs: u32 = arguments.next().map_or(Ok(9), |runs| runs.parse())?;
    let times = Mutex::new(Vec::new());
    choices::lines(&log, 1, |line| {
        let line: serde_json::Value = serde_json::from_slice(line).expect("a record");
        times.lock().expect("one thread").push(line["ts"].as_str().expect("a time").to_owned());
        0
    })?;
    let times = times.into_inner()?;
    let ways: [(&str, fn(&str) -> i64); 4] = [
        ("chrono", |text| chrono::DateTime::parse_from_rfc3339(text).map_or(0, |at| at.timestamp_millis())),
        ("jiff", |text| text.parse::<jiff::Timestamp>().map_or(0, |at| at.as_millisecond())),
        ("speedate", |text| {
            speedate::DateTime::parse_str(text)
                .map_or(0, |at| at.timestamp_tz() * 1_000 + i64::from(at.time.microsecond / 1_000))
        }),
        ("fbwin", |text| fbwin::time::Stamp::parse(text, None).map_or(0, |stamp| stamp.at.ms())),
    ];
    let mut best = [f64::MAX; 4];
    let mut sums = [0; 4];
    for _ in 0..runs {
        for (way, (_, parse)) in ways.iter().enumerate() {
            let begun = Instant::now();
            sums[way] = times.iter().map(|text| parse(black_box(text))).sum::<i64>();
            best[way] = best[way].min(begun.elapsed().as_secs_f64() * 1e9 / times.len() as f64);
        }
    }
    assert!(sums.iter().all(|sum| *sum == sums[0]), "they do not agree: {sums:?}");
    for ((name, _), best) in ways.iter().zip(best) {
        println!("{name:9} {best:.1} ns");
    }
    Ok(())
}
