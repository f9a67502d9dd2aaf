//! The training: texts as features, and weights fitted to them.
//!
//! A text is amounts of the kinds of evidence, terms (words, beginnings of words, pairs of neighbours, first words of
//! sentences) of its language, and ideas: words that say the same in nine languages, which share a weight. All are fitted
//! together; the weights of a word's ideas are then added to its own.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use fbwin::content::{Evidence, Lexicon};

use crate::folds::{LANGUAGES, Text};
use crate::ideas::Ideas;

/// What each kind was thought to weigh before a text was read: training only moves the weights from here. The texts of the
/// development set are harder than what shops send, and what they say alone would be a model of hard cases.
pub(crate) const BEFORE: [(Evidence, f64); 31] = [
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
    (Evidence::Question, 0.6),
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
/// How firmly the kinds are held to that, and the others to nothing.
const KINDS_HELD: f64 = 0.03;
const IDEAS_HELD: f64 = 0.0005;
const TERMS_HELD: f64 = 0.00015;
/// A term of fewer shops is a name or an accident.
const FEWEST_SHOPS: usize = 3;
/// What the training leaves to chance: nothing. Its steps are fixed.
pub(crate) const STEPS: usize = 400;
const KINDS: usize = Evidence::ALL.len();

/// A text as a sparse vector.
pub(crate) type Features = Vec<(usize, f64)>;

pub(crate) fn kinds(lexicon: &Lexicon, text: &str) -> Features {
    let reading = lexicon.read(text);
    let used = Evidence::ALL.iter().filter(|kind| kind.promotes() || kind.excuses());
    used.map(|kind| (*kind as usize, reading.amount(*kind))).filter(|(_, amount)| *amount != 0.0).collect()
}

/// A text taken apart.
pub(crate) struct Parts {
    kinds: Features,
    pub(crate) terms: Vec<String>,
    /// The words of ideas that stand in it.
    of_ideas: BTreeSet<&'static str>,
}

pub(crate) fn parts(lexicon: &Lexicon, texts: &[Text]) -> Vec<Parts> {
    let part = |text: &Text| {
        let terms = lexicon.terms(&text.row.text);
        let of_ideas = Ideas::all().found(language_of(text), &terms);
        Parts { kinds: kinds(lexicon, &text.row.text), terms, of_ideas }
    };
    texts.iter().map(part).collect()
}

/// Which parts of a text are looked at.
#[derive(Clone, Copy)]
pub(crate) struct Layers {
    pub(crate) kinds: bool,
    pub(crate) ideas: bool,
    pub(crate) terms: bool,
}

pub(crate) const ALL_LAYERS: Layers = Layers { kinds: true, ideas: true, terms: true };

/// What is learned from some texts.
pub(crate) struct Model {
    layers: Layers,
    ideas: &'static Ideas,
    /// The words of ideas that stand in the texts, by language.
    met: Vec<HashSet<&'static str>>,
    /// The place of a term's weight.
    places: HashMap<(usize, String), usize>,
    pub(crate) bias: f64,
    weights: Vec<f64>,
}

impl Model {
    fn of(&self, features: &Features) -> f64 {
        self.bias + features.iter().map(|(at, amount)| self.weights[*at] * amount).sum::<f64>()
    }

    fn features(&self, text: &Text, parts: &Parts) -> Features {
        let language = language_of(text);
        let mut features = if self.layers.kinds { parts.kinds.clone() } else { Vec::new() };
        if self.layers.ideas {
            let mut ideas: BTreeMap<usize, f64> = BTreeMap::new();
            for word in &parts.of_ideas {
                self.ideas.of(language, word).iter().for_each(|idea| *ideas.entry(*idea).or_default() += 1.0);
            }
            features.extend(ideas.into_iter().map(|(idea, count)| (KINDS + idea, count)));
        }
        let known = parts.terms.iter().filter_map(|term| self.places.get(&(language, term.clone())));
        features.extend(known.map(|place| (*place, 1.0)));
        features
    }

    /// Logistic regression. Evidence of a kind that promotes never counts against it, nor the other way round: what an
    /// accident of few texts says, a reader of the report could not follow.
    pub(crate) fn of_texts(texts: &[(&Text, &Parts)], layers: Layers, steps: usize) -> Model {
        let ideas = Ideas::all();
        let shared = KINDS + ideas.count;
        let terms = if layers.terms { vocabulary(texts) } else { Vec::new() };
        let size = shared + terms.len();
        let places = terms.into_iter().zip(shared..).collect();
        let mut before = vec![0.0; size];
        BEFORE.iter().for_each(|(kind, weight)| before[*kind as usize] = *weight);
        let mut met = vec![HashSet::new(); LANGUAGES.len()];
        for (text, parts) in texts {
            met[language_of(text)].extend(&parts.of_ideas);
        }
        let mut model = Model { layers, ideas, met, places, bias: 0.0, weights: before.clone() };
        let rows: Vec<Features> = texts.iter().map(|(text, parts)| model.features(text, parts)).collect();
        let held = |at: usize| {
            if at < KINDS {
                KINDS_HELD
            } else if at < shared {
                IDEAS_HELD
            } else {
                TERMS_HELD
            }
        };
        let labelled: Vec<(Features, f64)> =
            rows.into_iter().zip(texts).map(|(row, (text, _))| (row, f64::from(text.promotes))).collect();
        model.descend(&labelled, &before, held, steps);
        model
    }

    /// Moves the weights from where they were before to where they fit the labels, each the faster, the rarer what it weighs.
    fn descend(&mut self, rows: &[(Features, f64)], before: &[f64], held: impl Fn(usize) -> f64, steps: usize) {
        let (all, size) = (rows.len() as f64, before.len());
        let mut bend = vec![0.0; size];
        for (row, _) in rows {
            row.iter().for_each(|(at, amount)| bend[*at] += 0.25 * amount * amount / all);
        }
        let (mut speed, mut bias_speed) = (vec![0.0; size], 0.0);
        for _ in 0..steps {
            let (mut slope, mut bias_slope) = (vec![0.0; size], 0.0);
            for (row, promotes) in rows {
                let chance = 1.0 / (1.0 + (-self.of(row)).exp());
                let wrong = (chance - promotes) / all;
                bias_slope += wrong;
                row.iter().for_each(|(at, amount)| slope[*at] += wrong * amount);
            }
            bias_speed = 0.9 * bias_speed - RATE * bias_slope / 0.25;
            self.bias += bias_speed;
            for at in 0..size {
                let pull = held(at) * (self.weights[at] - before[at]);
                speed[at] = 0.9 * speed[at] - RATE * (slope[at] + pull) / (bend[at] + held(at));
                self.weights[at] += speed[at];
                let signed = match Evidence::ALL.get(at) {
                    Some(kind) if kind.promotes() => self.weights[at].max(0.0),
                    Some(kind) if kind.excuses() => self.weights[at].min(0.0),
                    Some(_) => 0.0,
                    None => continue,
                };
                // At its border a weight stands still.
                if signed != self.weights[at] {
                    (self.weights[at], speed[at]) = (signed, 0.0);
                }
            }
        }
    }

    /// The weights of the terms of a language, ideas and all, by term, and whether each stands in a text.
    pub(crate) fn learned(&self, language: usize) -> BTreeMap<&str, (f64, bool)> {
        let mut learned: BTreeMap<&str, (f64, bool)> = BTreeMap::new();
        for (word, ideas) in &self.ideas.words[language] {
            let weight = ideas.iter().map(|idea| self.weights[KINDS + idea]).sum();
            learned.insert(word, (weight, self.met[language].contains(word.as_str())));
        }
        for ((_, term), place) in self.places.iter().filter(|((of, _), _)| *of == language) {
            let (weight, met) = learned.entry(term).or_default();
            *weight += self.weights[*place];
            *met = true;
        }
        learned
    }

    /// The weight of a kind of evidence.
    pub(crate) fn weight(&self, kind: Evidence) -> f64 {
        if self.layers.kinds { self.weights[kind as usize] } else { 0.0 }
    }
}

/// How far a step goes.
const RATE: f64 = 0.02;

pub(crate) fn language_of(text: &Text) -> usize {
    LANGUAGES.iter().position(|language| *language == text.language).unwrap()
}

/// The terms that are no accident.
fn vocabulary(texts: &[(&Text, &Parts)]) -> Vec<(usize, String)> {
    let mut shops: BTreeMap<(usize, &str), BTreeSet<&str>> = BTreeMap::new();
    for (text, parts) in texts {
        // In German every noun has a capital.
        let names = if text.language == "de" { BTreeSet::new() } else { names(&text.row.text) };
        let is_name = |word: &str| match word.strip_suffix('*') {
            Some(beginning) => names.iter().any(|name| name.starts_with(beginning)),
            None => names.contains(word),
        };
        let language = language_of(text);
        for term in parts.terms.iter().filter(|term| !term.split(' ').any(is_name)) {
            shops.entry((language, term)).or_default().insert(&text.row.shop);
        }
    }
    let many = shops.into_iter().filter(|(_, shops)| FEWEST_SHOPS <= shops.len());
    many.map(|((language, term), _)| (language, term.to_owned())).collect()
}

/// The words of a text, in small letters, that stand in the middle of a sentence with one capital: most are names.
fn names(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut inside = false;
    for word in text.split_inclusive(char::is_whitespace) {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let mut letters = bare.chars();
        let capital = letters.next().is_some_and(char::is_uppercase) && letters.all(char::is_lowercase);
        if capital && inside && bare.is_ascii() {
            names.insert(bare.to_lowercase());
        }
        inside = !word.contains(['.', '!', '?', ':', '\n']);
    }
    names
}

/// The lowest score from which on so many of the texts promote.
pub(crate) fn threshold(scored: &[(f64, bool)], wanted: f64) -> f64 {
    let mut scored = scored.to_vec();
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
