//! Measures the content check on the labelled texts of `fixtures/content`, and learns its weights from them.
//!
//! ```text
//! cargo run --release --example content_check            the tables of docs/content-check.md
//! cargo run --release --example content_check train      writes src/content/lexicon/{model,common}.toml and words/
//! cargo run --release --example content_check errors en  the texts of the development set that are judged wrongly
//! cargo run --release --example content_check examples   how the kinds of content that Meta names are judged
//! cargo run --release --example content_check speed      microseconds a message
//! cargo run --release --example content_check blind      totals on the texts kept apart
//! cargo run --release --example content_check count FILE totals on labelled texts of your own
//! ```
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::panic)]

use std::time::Instant;

use fbwin::content::{Confidence, Evidence, Lexicon};
use serde::Deserialize;

mod files;
mod folds;
mod ideas;
mod training;

use files::*;
use folds::*;
use training::*;

/// How precise each confidence shall be on texts that the model has not seen.
const WANTED: [(&str, f64); 3] = [("low", 0.93), ("medium", 0.95), ("high", 0.977)];

fn table(title: &str, texts: &[Text], found: impl Fn(usize) -> bool) {
    println!("\n{title}\n\n| language | texts | precision | recall | not hard: precision | recall |");
    println!("| --- | --- | --- | --- | --- | --- |");
    LANGUAGES.iter().for_each(|language| row(language, texts, &found, |text| text.language == *language));
    row("all", texts, &found, |_| true);
    row("the unusual", texts, &found, |text| !text.ordinary);
    row("the ordinary", texts, &found, |text| text.ordinary);
}

fn row(name: &str, texts: &[Text], found: &impl Fn(usize) -> bool, chosen: impl Fn(&Text) -> bool) {
    let (mut all, mut plain, mut size) = (Count::default(), Count::default(), 0);
    for (index, text) in texts.iter().enumerate().filter(|(_, text)| chosen(text)) {
        size += 1;
        all.add(found(index), text.promotes);
        if !text.row.hard {
            plain.add(found(index), text.promotes);
        }
    }
    println!("| {name} | {size} | {} | {} |", all.cells(), plain.cells());
}

/// The judgement of the lexicon on disk, at each confidence.
fn built_in(texts: &[Text]) {
    let lexicon = lexicon();
    let judged: Vec<Option<Confidence>> =
        texts.iter().map(|text| lexicon.confidence(&lexicon.read(&text.row.text))).collect();
    println!("| confidence | texts | precision | recall | not hard: precision | recall |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for wanted in [Confidence::High, Confidence::Medium, Confidence::Low] {
        let sure = |index: usize| judged[index].is_some_and(|sure| wanted <= sure);
        row(&format!("{wanted} or more"), texts, &sure, |_| true);
    }
}

/// Scores of texts that the models have not seen.
fn scored(texts: &[Text], parts: &[Parts], layers: Layers) -> Vec<(f64, bool)> {
    let folds: Vec<usize> = (0..FOLDS).collect();
    let scores = unseen(texts, parts, &folds, layers, STEPS);
    scores.into_iter().zip(texts).map(|(score, text)| (score.unwrap(), text.promotes)).collect()
}

/// Which texts are found with high confidence, by thresholds that come from the other folds.
fn found(texts: &[Text], scored: &[(f64, bool)], wanted: f64) -> Vec<bool> {
    let limits: Vec<f64> = (0..FOLDS)
        .map(|fold| {
            let others = scored.iter().zip(texts).filter(|(_, text)| text.fold != fold);
            threshold(&others.map(|(scored, _)| *scored).collect::<Vec<_>>(), wanted)
        })
        .collect();
    scored.iter().zip(texts).map(|((score, _), text)| limits[text.fold] <= *score).collect()
}

fn report() {
    let texts = load("dev");
    let parts = parts(lexicon(), &texts);
    let all = scored(&texts, &parts, ALL_LAYERS);
    for (name, wanted) in WANTED.into_iter().rev() {
        let found = found(&texts, &all, wanted);
        table(&format!("Five folds, {name} confidence or more"), &texts, |index| found[index]);
    }
    println!("\nFive folds, high confidence, by layers");
    for (name, layers) in [
        ("phrases alone", Layers { ideas: false, terms: false, ..ALL_LAYERS }),
        ("learned words alone", Layers { kinds: false, ideas: false, ..ALL_LAYERS }),
        ("phrases and ideas", Layers { terms: false, ..ALL_LAYERS }),
        ("phrases and learned words", Layers { ideas: false, ..ALL_LAYERS }),
        ("all of them", ALL_LAYERS),
    ] {
        let found = found(&texts, &scored(&texts, &parts, layers), WANTED[2].1);
        row(name, &texts, &|index: usize| found[index], |_| true);
    }
    println!("\nThe built-in weights on the development set (they have seen it)\n");
    built_in(&texts);
}

/// Learns from all texts; thresholds come from scores of texts that the models had not seen.
fn train() {
    let texts = load("dev");
    let all = parts(lexicon(), &texts);
    std::fs::write(path("common"), common_file(&texts, &all)).unwrap();
    let scored = scored(&texts, &all, ALL_LAYERS);
    let pairs: Vec<(&Text, &Parts)> = texts.iter().zip(&all).collect();
    let model = Model::of_texts(&pairs, ALL_LAYERS, STEPS);
    for (index, language) in LANGUAGES.iter().enumerate() {
        let words = words_file(&model, index);
        Lexicon::of([words.as_str()]).unwrap_or_else(|error| panic!("{language}: {error}"));
        std::fs::write(path(&format!("words/{language}")), words).unwrap();
    }
    let mut file = "# Thresholds and the weights of the kinds of evidence, as `content_check train` works them out.\n\n[thresholds]\n"
        .to_owned();
    for (name, wanted) in WANTED {
        file += &format!("{name} = {:.2}\n", threshold(&scored, wanted));
    }
    file = format!("{file}\n{}", kinds_file(&model));
    std::fs::write(path("model"), &file).unwrap();
    println!("{file}");
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

fn speed() {
    let texts = load("dev");
    for language in LANGUAGES {
        let text = texts.iter().find(|text| text.language == language && 100 < text.row.text.len()).unwrap();
        let once = |_| {
            let begun = Instant::now();
            let fresh = Lexicon::extended("").unwrap();
            let at_once = begun.elapsed().as_secs_f64() * 1e3;
            fresh.read(&text.row.text);
            (begun.elapsed().as_secs_f64() * 1e3, at_once)
        };
        let (all, at_once) = (0..15).map(once).min_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
        println!("the first text in {language}: {all:.1} ms, of these {at_once:.1} ms before it is read");
    }
    let lexicon = Lexicon::built_in();
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

/// Totals on labelled texts of a file with the fields `text` and `label`.
fn count(path: &str) {
    #[derive(Deserialize)]
    struct Labelled {
        text: String,
        label: String,
    }
    let lexicon = lexicon();
    for wanted in [Confidence::High, Confidence::Medium, Confidence::Low] {
        let mut counted = Count::default();
        for line in file(path).lines() {
            let one: Labelled = serde_json::from_str(line).unwrap();
            let sure = lexicon.confidence(&lexicon.read(&one.text));
            counted.add(sure.is_some_and(|sure| wanted <= sure), one.label == "promotional");
        }
        println!("{wanted} or more: found {}, precision | recall {}", counted.found, counted.cells());
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => report(),
        ["train"] => train(),
        ["errors", language] => errors(language),
        ["examples"] => examples(),
        ["speed"] => speed(),
        ["blind"] => built_in(&load("blind")),
        ["count", path] => count(path),
        _ => println!("content_check [train | errors LANGUAGE | examples | speed | blind | count FILE]"),
    }
}

/// The kinds of content that Meta names as allowed and not, in our own words: how each of them is judged.
fn examples() {
    #[derive(Deserialize)]
    struct Example {
        text: String,
        allowed: bool,
    }
    for line in file(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/content/meta_examples.jsonl")).lines() {
        let example: Example = serde_json::from_str(line).unwrap();
        let reading = lexicon().read(&example.text);
        println!("{:5} {:6.2} {:?}", example.allowed, reading.score, reading.matched);
    }
}
