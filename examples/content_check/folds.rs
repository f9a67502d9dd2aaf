//! The labelled texts, their folds, and the training of weights: shared by the measurement and by the tests.

use std::collections::HashMap;

use fbwin::content::{Evidence, Lexicon};
use serde::Deserialize;

pub(crate) const LANGUAGES: [&str; 9] = ["en", "es", "pt", "it", "fr", "de", "ru", "vi", "id"];
pub(crate) const FOLDS: usize = 5;
/// What the training leaves to chance: nothing. Steps and their length are fixed.
pub(crate) const STEPS: usize = 1_500;
/// How precise the texts of the other folds must come out at the threshold.
pub(crate) const WANTED_PRECISION: f64 = 0.985;

#[derive(Deserialize)]
pub(crate) struct Row {
    pub(crate) text: String,
    pub(crate) label: String,
    pub(crate) shop: String,
    pub(crate) theme: String,
    /// Whether its words point the other way.
    pub(crate) hard: bool,
}

pub(crate) struct Text {
    pub(crate) language: &'static str,
    pub(crate) row: Row,
    pub(crate) promotes: bool,
    pub(crate) fold: usize,
}

pub(crate) fn load(set: &str) -> Vec<Text> {
    let mut all = Vec::new();
    for language in LANGUAGES {
        let path = format!("{}/fixtures/content/{set}/{language}.jsonl", env!("CARGO_MANIFEST_DIR"));
        let lines = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let rows: Vec<Row> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let folds = folds(&rows);
        for (row, fold) in rows.into_iter().zip(folds) {
            all.push(Text { language, promotes: row.label == "promotional", row, fold });
        }
    }
    all
}

/// A fold for each text. Texts of one shop or one theme are in the same, so that no near-twin of a text helps to judge it.
pub(crate) fn folds(rows: &[Row]) -> Vec<usize> {
    let mut group: Vec<usize> = (0..rows.len()).collect();
    let mut first: HashMap<(bool, &str), usize> = HashMap::new();
    for (index, row) in rows.iter().enumerate() {
        for key in [(false, row.shop.as_str()), (true, row.theme.as_str())] {
            let other = *first.entry(key).or_insert(index);
            let (from, to) = (group[index], group[other]);
            group.iter_mut().filter(|one| **one == from).for_each(|one| *one = to);
        }
    }
    let mut sizes: HashMap<usize, usize> = HashMap::new();
    group.iter().for_each(|one| *sizes.entry(*one).or_default() += 1);
    let mut order: Vec<(usize, usize)> = sizes.into_iter().map(|(one, size)| (size, one)).collect();
    order.sort_unstable_by(|a, b| b.cmp(a));
    let (mut filled, mut fold_of) = ([0; FOLDS], HashMap::new());
    for (size, one) in order {
        let least = (0..FOLDS).min_by_key(|fold| filled[*fold]).unwrap();
        filled[least] += size;
        fold_of.insert(one, least);
    }
    group.iter().map(|one| fold_of[one]).collect()
}

/// What each kind was thought to weigh before a text was read: training only moves the weights from here. The texts of the
/// development set are harder than what shops send, and what they say alone would be a model of hard cases.
pub(crate) const BEFORE: [(Evidence, f64); 30] = [
    (Evidence::Offer, 1.6),
    (Evidence::Discount, 1.5),
    (Evidence::Coupon, 1.6),
    (Evidence::Gift, 1.3),
    (Evidence::Urgency, 0.9),
    (Evidence::Buy, 1.6),
    (Evidence::Novelty, 1.1),
    (Evidence::Upsell, 1.5),
    (Evidence::Loyalty, 1.3),
    (Evidence::Lure, 1.2),
    (Evidence::Hype, 0.6),
    (Evidence::Hint, 0.4),
    (Evidence::Percent, 0.2),
    (Evidence::Price, 0.1),
    (Evidence::ShopLink, 1.0),
    (Evidence::Emoji, 1.0),
    (Evidence::Shouting, 0.8),
    (Evidence::Variety, 0.5),
    (Evidence::Order, -1.2),
    (Evidence::Shipping, -1.0),
    (Evidence::Booking, -0.9),
    (Evidence::Passcode, -1.5),
    (Evidence::Payment, -1.5),
    (Evidence::Account, -1.2),
    (Evidence::Support, -0.9),
    (Evidence::Settled, -1.8),
    (Evidence::Press, -1.0),
    (Evidence::Number, -0.8),
    (Evidence::When, -0.5),
    (Evidence::Survey, -0.3),
];
/// How firmly.
pub(crate) const FIRMLY: f64 = 0.03;

pub(crate) fn before(size: usize, signed: bool) -> Vec<f64> {
    let mut weights = vec![0.0; size];
    if signed {
        BEFORE.iter().for_each(|(kind, weight)| weights[*kind as usize] = *weight);
    }
    weights
}

/// A text as a sparse vector.
pub(crate) type Features = Vec<(usize, f64)>;

pub(crate) fn kinds(lexicon: &Lexicon, text: &str) -> Features {
    let reading = lexicon.read(text);
    let used = Evidence::ALL.iter().filter(|kind| kind.promotes() || kind.excuses());
    used.map(|kind| (*kind as usize, reading.amount(*kind))).filter(|(_, amount)| *amount != 0.0).collect()
}

pub(crate) struct Model {
    pub(crate) bias: f64,
    pub(crate) weights: Vec<f64>,
}

impl Model {
    pub(crate) fn score(&self, features: &Features) -> f64 {
        self.bias + features.iter().map(|(at, amount)| self.weights[*at] * amount).sum::<f64>()
    }
}

/// Logistic regression. With `signed`, evidence for promotion never counts against it, nor the other way round: what an
/// accident of few texts says, a reader of the report could not follow.
pub(crate) fn train(texts: &[(&Features, bool)], size: usize, ridge: f64, rate: f64, signed: bool) -> Model {
    let before = before(size, signed);
    let mut model = Model { bias: 0.0, weights: before.clone() };
    let (mut speed, mut bias_speed) = (vec![0.0; size], 0.0);
    for _ in 0..STEPS {
        let (mut slope, mut bias_slope) = (vec![0.0; size], 0.0);
        for (features, promotes) in texts {
            let chance = 1.0 / (1.0 + (-model.score(features)).exp());
            let wrong = chance - f64::from(*promotes);
            bias_slope += wrong;
            features.iter().for_each(|(at, amount)| slope[*at] += wrong * amount);
        }
        let count = texts.len() as f64;
        bias_speed = 0.9 * bias_speed - rate * bias_slope / count;
        model.bias += bias_speed;
        for (at, weight) in model.weights.iter_mut().enumerate() {
            speed[at] = 0.9 * speed[at] - rate * (slope[at] / count + ridge * (*weight - before[at]));
            *weight += speed[at];
            if signed {
                *weight = match Evidence::ALL.get(at) {
                    Some(kind) if kind.promotes() => weight.max(0.0),
                    Some(kind) if kind.excuses() => weight.min(0.0),
                    _ => 0.0,
                };
            }
        }
    }
    model
}

/// The lowest score from which on so many of the texts promote.
pub(crate) fn threshold(scored: &mut [(f64, bool)], wanted: f64) -> f64 {
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut right, mut best) = (0.0, f64::MAX);
    for (index, (score, promotes)) in scored.iter().enumerate() {
        right += f64::from(*promotes);
        if wanted <= right / (index + 1) as f64 {
            best = *score;
        }
    }
    best
}

#[derive(Clone, Copy, Default)]
pub(crate) struct Count {
    pub(crate) found: usize,
    pub(crate) right: usize,
    pub(crate) promote: usize,
}

impl Count {
    pub(crate) fn add(&mut self, found: bool, promotes: bool) {
        self.found += usize::from(found);
        self.right += usize::from(found && promotes);
        self.promote += usize::from(promotes);
    }

    pub(crate) fn cells(&self) -> String {
        let share = |of: usize| if of == 0 { 1.0 } else { self.right as f64 / of as f64 };
        format!("{:.3} | {:.3}", share(self.found), share(self.promote))
    }
}

/// Scores of all texts by models that have not seen their fold, less the thresholds these models had chosen.
pub(crate) fn five_fold(
    texts: &[Text],
    features: &[Features],
    size: usize,
    ridge: f64,
    rate: f64,
    signed: bool,
) -> Vec<f64> {
    let mut margins = vec![0.0; texts.len()];
    for fold in 0..FOLDS {
        let seen: Vec<usize> = (0..texts.len()).filter(|index| texts[*index].fold != fold).collect();
        let rows: Vec<(&Features, bool)> =
            seen.iter().map(|index| (&features[*index], texts[*index].promotes)).collect();
        let model = train(&rows, size, ridge, rate, signed);
        // A model with as many weights as letters separates what it has seen: its threshold needs texts of its own.
        let mut scored: Vec<(f64, bool)> = if signed {
            rows.iter().map(|(features, promotes)| (model.score(features), *promotes)).collect()
        } else {
            let other = (fold + 1) % FOLDS;
            let apart: Vec<_> = seen
                .iter()
                .filter(|index| texts[**index].fold != other)
                .map(|index| (&features[*index], texts[*index].promotes))
                .collect();
            let smaller = train(&apart, size, ridge, rate, signed);
            seen.iter()
                .filter(|index| texts[**index].fold == other)
                .map(|index| (smaller.score(&features[*index]), texts[*index].promotes))
                .collect()
        };
        let limit = threshold(&mut scored, WANTED_PRECISION);
        for index in (0..texts.len()).filter(|index| texts[*index].fold == fold) {
            margins[index] = model.score(&features[index]) - limit;
        }
    }
    margins
}
