//! The lexicon on disk, and the files of it that the training writes.

use std::collections::{BTreeMap, BTreeSet};

use fbwin::content::{Evidence, Lexicon};

use crate::folds::{LANGUAGES, Text, file};
use crate::ideas::Ideas;
use crate::training::{Layers, Model, Parts, language_of};

/// Learned words that weigh less are left out.
const LIGHTEST: f64 = 0.1;
/// And so are those of words that stand in no text and weigh less than this: there are many, and few are ever needed.
const LIGHTEST_UNMET: f64 = 0.5;
/// No learned word counts for more, or one alone would be as good as a phrase.
const HEAVIEST: f64 = 1.5;
/// Weights are written in twentieths.
const PARTS_OF_A_WEIGHT: f64 = 20.0;

pub(crate) fn path(name: &str) -> String {
    format!("{}/src/content/lexicon/{name}.toml", env!("CARGO_MANIFEST_DIR"))
}

fn lexicon_of(files: &[String]) -> Lexicon {
    Lexicon::of(files.iter().map(String::as_str)).unwrap_or_else(|error| panic!("{error}"))
}

/// Phrases, links and the words by which languages are known, which the training leaves as they are or makes of all texts.
fn given() -> Vec<String> {
    ["links", "common", "any"].into_iter().chain(LANGUAGES).map(|name| file(&path(name))).collect()
}

/// The lexicon as it lies on disk, so that a change of it can be measured without building anything.
pub(crate) fn lexicon() -> &'static Lexicon {
    static LEXICON: std::sync::LazyLock<Lexicon> = std::sync::LazyLock::new(|| {
        let words = LANGUAGES.map(|language| file(&path(&format!("words/{language}"))));
        lexicon_of(&[vec![file(&path("model"))], given(), words.to_vec()].concat())
    });
    &LEXICON
}

/// The lexicon that a model makes, with thresholds that every score is above.
fn lexicon_with(model: &Model) -> Lexicon {
    let words = (0..LANGUAGES.len()).map(|language| words_file(model, language)).collect();
    let thresholds = "[thresholds]\nlow = -1e9\nmedium = 1e9\nhigh = 1e9\n".to_owned();
    lexicon_of(&[given(), words, vec![kinds_file(model), thresholds]].concat())
}

/// The scores of texts by lexicons that are made without their fold; what shows no words as evidence is never found,
/// whatever its score is.
pub(crate) fn unseen(
    texts: &[Text],
    parts: &[Parts],
    folds: &[usize],
    layers: Layers,
    steps: usize,
) -> Vec<Option<f64>> {
    let mut scores = vec![None; texts.len()];
    for fold in folds.iter().copied() {
        let seen = texts.iter().zip(parts).filter(|(text, _)| text.fold != fold).collect::<Vec<_>>();
        let made = lexicon_with(&Model::of_texts(&seen, layers, steps));
        for (text, score) in texts.iter().zip(&mut scores).filter(|(text, _)| text.fold == fold) {
            let reading = made.read(&text.row.text);
            *score = Some(if reading.matched.is_empty() { f64::NEG_INFINITY } else { reading.score });
        }
    }
    scores
}

/// The file of the learned words of a language.
pub(crate) fn words_file(model: &Model, language: usize) -> String {
    let mut by_weight: BTreeMap<i32, BTreeSet<String>> = BTreeMap::new();
    for (term, (weight, met)) in model.learned(language) {
        if (if met { LIGHTEST } else { LIGHTEST_UNMET }) <= weight.abs() {
            let weight = weight.clamp(-HEAVIEST, HEAVIEST);
            by_weight.entry((weight * PARTS_OF_A_WEIGHT).round() as i32).or_default().insert(term.to_owned());
        }
    }
    let name = LANGUAGES[language];
    let mut file =
        format!("# Learned by `content_check train`; the form is described in lexicon.rs.\n\n[words.{name}]\n");
    for (weight, terms) in by_weight.into_iter().rev().filter(|(weight, _)| *weight != 0) {
        let terms: Vec<String> = terms.into_iter().collect();
        let weight = f64::from(weight) / PARTS_OF_A_WEIGHT;
        file += &format!("\"{weight}\" = '''\n{}'''\n", wrapped(&terms, ", "));
    }
    file
}

/// The weights of the kinds, as `model.toml` has them.
pub(crate) fn kinds_file(model: &Model) -> String {
    let mut file = format!("[weights]\nbias = {:.2}\nmixed = 0.7\napart = 0.5\nalone = 3.5\n", model.bias);
    for kind in Evidence::ALL.iter().filter(|kind| kind.promotes() || kind.excuses()) {
        file += &format!("{} = {:.2}\n", kind.word(), model.weight(*kind));
    }
    file
}

/// The words by which each language is known: those of the most shops, and the numbers.
pub(crate) fn common_file(texts: &[Text], parts: &[Parts]) -> String {
    const MOST: usize = 220;
    let mut file =
        "# The words by which each language is known, as `content_check train` finds them: those of the most senders, and numbers.\n"
            .to_owned();
    let numerals = &Ideas::all().numerals;
    for (index, (language, numerals)) in LANGUAGES.iter().zip(numerals).enumerate() {
        let mut shops: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (text, parts) in texts.iter().zip(parts).filter(|(text, _)| language_of(text) == index) {
            let words = parts.terms.iter().filter(|term| term.chars().all(char::is_alphabetic));
            words.for_each(|word| {
                shops.entry(word).or_default().insert(&text.row.shop);
            });
        }
        shops.retain(|word, _| 1 < word.len());
        let mut words: Vec<(&str, usize)> = shops.into_iter().map(|(word, shops)| (word, shops.len())).collect();
        words.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        words.truncate(MOST);
        let mut words: BTreeSet<String> = words.into_iter().map(|(word, _)| word.to_owned()).collect();
        words.extend(numerals.iter().cloned());
        let words: Vec<String> = words.into_iter().collect();
        file += &format!("\n[languages.{language}]\ncommon = '''\n{}'''\n", wrapped(&words, " "));
    }
    file
}

fn wrapped(words: &[String], between: &str) -> String {
    let (mut all, mut line) = (String::new(), String::new());
    for word in words {
        if !line.is_empty() && 130 < line.chars().count() + word.chars().count() {
            all += &format!("{}\n", line.trim_end());
            line.clear();
        }
        line += word;
        line += between;
    }
    all + line.trim_end_matches(between) + "\n"
}
