//! Measures the content check on the labelled texts of `fixtures/content`, and works out its weights.
//!
//! ```text
//! cargo run --release --example content_check            the tables of docs/content-check.md
//! cargo run --release --example content_check weights    weights and thresholds for src/content/lexicon/model.toml
//! cargo run --release --example content_check errors en  the texts of the development set that are judged wrongly
//! cargo run --release --example content_check quick      one line to compare lexicons by
//! cargo run --release --example content_check kinds      how telling each kind of evidence is
//! cargo run --release --example content_check examples   how the kinds of content that Meta names are judged
//! cargo run --release --example content_check speed      microseconds a message
//! cargo run --release --example content_check blind      totals on the texts kept apart
//! ```
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::panic)]

use std::time::Instant;

use fbwin::content::{Confidence, Evidence, Lexicon};

mod folds;

use folds::*;
use serde::Deserialize;

/// The lexicon as it lies on disk, so that a change of it can be measured without building anything.
fn lexicon() -> &'static Lexicon {
    static LEXICON: std::sync::LazyLock<Lexicon> = std::sync::LazyLock::new(|| {
        let names = ["model", "any"].into_iter().chain(LANGUAGES);
        let read = |name| {
            let path = format!("{}/src/content/lexicon/{name}.toml", env!("CARGO_MANIFEST_DIR"));
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
        };
        let files: Vec<String> = names.map(read).collect();
        Lexicon::of(files.iter().map(String::as_str)).unwrap_or_else(|error| panic!("{error}"))
    });
    &LEXICON
}

const BUCKETS: usize = 1 << 16;

/// Words, pairs of words and runs of five letters: what a model without any lexicon sees.
fn grams(text: &str) -> Features {
    let text = text.to_lowercase();
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let mut grams: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    grams.extend(words.windows(2).map(|two| two.join(" ")));
    let chars: Vec<char> = text.chars().collect();
    grams.extend(chars.windows(5).map(|run| run.iter().collect::<String>()));
    let hash = |gram: &String| {
        gram.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3))
    };
    let mut buckets: Vec<usize> = grams.iter().map(|gram| hash(gram) as usize % BUCKETS).collect();
    buckets.sort_unstable();
    buckets.dedup();
    let length = (buckets.len() as f64).sqrt();
    buckets.into_iter().map(|bucket| (bucket, 1.0 / length)).collect()
}

fn table(title: &str, texts: &[Text], found: impl Fn(usize) -> bool) {
    println!("\n{title}\n\n| language | texts | precision | recall | not hard: precision | recall |");
    println!("| --- | --- | --- | --- | --- | --- |");
    let row = |name: &str, chosen: &dyn Fn(&Text) -> bool| {
        let (mut all, mut plain, mut size) = (Count::default(), Count::default(), 0);
        for (index, text) in texts.iter().enumerate().filter(|(_, text)| chosen(text)) {
            size += 1;
            all.add(found(index), text.promotes);
            if !text.row.hard {
                plain.add(found(index), text.promotes);
            }
        }
        println!("| {name} | {size} | {} | {} |", all.cells(), plain.cells());
    };
    for language in LANGUAGES {
        row(language, &|text| text.language == language);
    }
    row("all", &|_| true);
}

fn built_in(texts: &[Text], title: &str) {
    let lexicon = lexicon();
    for wanted in [Confidence::High, Confidence::Medium, Confidence::Low] {
        let sure =
            |index: usize| lexicon.confidence(&lexicon.read(&texts[index].row.text)).is_some_and(|sure| wanted <= sure);
        table(&format!("{title}, {wanted} confidence or more"), texts, sure);
    }
}

fn report() {
    let (texts, lexicon) = (load("dev"), lexicon());
    let of_kinds: Vec<Features> = texts.iter().map(|text| kinds(lexicon, &text.row.text)).collect();
    let by_kinds = five_fold(&texts, &of_kinds, Evidence::ALL.len(), FIRMLY, 0.5, true);
    table("Five folds, lexicon and kinds, high confidence", &texts, |index| 0.0 <= by_kinds[index]);
    let equal: Vec<f64> = of_kinds
        .iter()
        .map(|features| {
            let sign = |at: usize| if Evidence::ALL[at].promotes() { 1.0 } else { -1.0 };
            features.iter().map(|(at, amount)| sign(*at) * amount).sum()
        })
        .collect();
    let mut scored: Vec<(f64, bool)> = equal.iter().zip(&texts).map(|(score, text)| (*score, text.promotes)).collect();
    let limit = threshold(&mut scored, WANTED_PRECISION);
    table("Lexicon with all weights equal (threshold chosen on the same texts)", &texts, |index| limit <= equal[index]);
    let of_grams: Vec<Features> = texts.iter().map(|text| grams(&text.row.text)).collect();
    let by_grams = five_fold(&texts, &of_grams, BUCKETS, 0.0002, 4.0, false);
    table("Five folds, words and letters without a lexicon", &texts, |index| 0.0 <= by_grams[index]);
    built_in(&texts, "The built-in weights on all texts of the development set (they have seen them)");
}

fn weights() {
    let (texts, lexicon) = (load("dev"), lexicon());
    let of_kinds: Vec<Features> = texts.iter().map(|text| kinds(lexicon, &text.row.text)).collect();
    let rows: Vec<(&Features, bool)> =
        of_kinds.iter().zip(&texts).map(|(features, text)| (features, text.promotes)).collect();
    let model = train(&rows, Evidence::ALL.len(), FIRMLY, 0.5, true);
    let mut scored: Vec<(f64, bool)> =
        rows.iter().map(|(features, promotes)| (model.score(features), *promotes)).collect();
    let limit = |scored: &mut [(f64, bool)], wanted: f64| threshold(scored, wanted);
    println!("[thresholds]");
    for (name, wanted) in [("low", 0.9), ("medium", 0.94), ("high", WANTED_PRECISION)] {
        println!("{name} = {:.2}", limit(&mut scored, wanted));
    }
    println!("\n[weights]\nbias = {:.2}", model.bias);
    for kind in Evidence::ALL.iter().filter(|kind| kind.promotes() || kind.excuses()) {
        println!("{} = {:.2}", kind.word(), model.weights[*kind as usize]);
    }
}

fn errors(language: &str) {
    let (texts, lexicon) = (load("dev"), lexicon());
    for text in texts.iter().filter(|text| text.language == language) {
        let reading = lexicon.read(&text.row.text);
        let sure = lexicon.confidence(&reading);
        if (sure == Some(Confidence::High)) == text.promotes && (text.promotes || sure.is_none()) {
            continue;
        }
        let evidence = Evidence::ALL.iter().filter(|kind| reading.amount(**kind) != 0.0);
        let evidence: Vec<String> = evidence.map(|kind| format!("{kind} {:.1}", reading.amount(*kind))).collect();
        println!(
            "{} {:.2} {:?}\n   {}\n   {}",
            text.row.label,
            reading.score,
            reading.matched,
            text.row.text.replace('\n', " / "),
            evidence.join(", ")
        );
    }
}

/// How telling each kind of evidence is: in how many texts that promote it stands, and in how many honest ones.
fn kinds_told() {
    let (texts, lexicon) = (load("dev"), lexicon());
    let mut counts = vec![[0; 2]; Evidence::ALL.len()];
    for text in &texts {
        let reading = lexicon.read(&text.row.text);
        for kind in Evidence::ALL.iter().filter(|kind| 0.0 < reading.amount(**kind)) {
            counts[*kind as usize][usize::from(text.promotes)] += 1;
        }
    }
    for kind in Evidence::ALL {
        println!("{kind:12} {:4} {:4}", counts[*kind as usize][1], counts[*kind as usize][0]);
    }
}

/// Recall at some precisions, all languages and folds together: one line to compare lexicons by.
fn quick() {
    let (texts, lexicon) = (load("dev"), lexicon());
    let of_kinds: Vec<Features> = texts.iter().map(|text| kinds(lexicon, &text.row.text)).collect();
    let mut scored: Vec<(f64, bool)> = Vec::new();
    for fold in 0..FOLDS {
        let seen = (0..texts.len()).filter(|index| texts[*index].fold != fold);
        let rows: Vec<(&Features, bool)> = seen.map(|index| (&of_kinds[index], texts[index].promotes)).collect();
        let model = train(&rows, Evidence::ALL.len(), FIRMLY, 0.5, true);
        let unseen = (0..texts.len()).filter(|index| texts[*index].fold == fold);
        scored.extend(unseen.map(|index| (model.score(&of_kinds[index]), texts[index].promotes)));
    }
    let promote = scored.iter().filter(|(_, promotes)| *promotes).count() as f64;
    for wanted in [0.98, 0.97, 0.95, 0.9, 0.8] {
        let limit = threshold(&mut scored, wanted);
        let found = scored.iter().filter(|(score, promotes)| *promotes && limit <= *score).count() as f64;
        print!("{wanted}: {:.3} from {limit:.2}   ", found / promote);
    }
    println!();
}

fn speed() {
    let begun = Instant::now();
    let lexicon = lexicon();
    println!("reading the lexicon: {:.1} ms", begun.elapsed().as_secs_f64() * 1e3);
    let texts = load("dev");
    let mut spent: Vec<f64> = Vec::new();
    for text in &texts {
        let mut best = f64::MAX;
        for _ in 0..20 {
            let begun = Instant::now();
            std::hint::black_box(lexicon.read(std::hint::black_box(&text.row.text)));
            best = best.min(begun.elapsed().as_secs_f64() * 1e6);
        }
        spent.push(best);
    }
    spent.sort_by(f64::total_cmp);
    let chars: usize = texts.iter().map(|text| text.row.text.chars().count()).sum();
    let (median, late) = (spent[spent.len() / 2], spent[spent.len() * 95 / 100]);
    println!(
        "{} texts, {} characters on average: median {median:.1} µs, 95 in 100 below {late:.1} µs",
        texts.len(),
        chars / texts.len()
    );
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => report(),
        ["weights"] => weights(),
        ["errors", language] => errors(language),
        ["kinds"] => kinds_told(),
        ["examples"] => examples(),
        ["quick"] => quick(),
        ["speed"] => speed(),
        ["blind"] => built_in(&load("blind"), "Texts kept apart"),
        _ => println!("content_check [weights | errors LANGUAGE | speed | blind]"),
    }
}

/// The kinds of content that Meta names as allowed and not, in our own words: how each of them is judged.
fn examples() {
    #[derive(Deserialize)]
    struct Example {
        text: String,
        allowed: bool,
    }
    let path = format!("{}/fixtures/content/meta_examples.jsonl", env!("CARGO_MANIFEST_DIR"));
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let example: Example = serde_json::from_str(line).unwrap();
        let reading = lexicon().read(&example.text);
        println!("{:5} {:6.2} {:?}", example.allowed, reading.score, reading.matched);
    }
}
