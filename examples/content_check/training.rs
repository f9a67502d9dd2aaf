//! The training: texts as features, weights fitted to them, and the files of the lexicon that hold these.
//!
//! A text is amounts of the kinds of evidence, terms (words, beginnings of words, pairs of neighbours) of its language, and
//! ideas: words that say the same in nine languages, which share a weight. All are fitted together; an idea's weight is then
//! given to each of its words.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use fbwin::content::{Evidence, Lexicon};

use crate::folds::{LANGUAGES, Text};

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
/// How firmly the kinds are held to that, and the others to nothing.
const KINDS_HELD: f64 = 0.03;
const IDEAS_HELD: f64 = 0.0005;
const TERMS_HELD: f64 = 0.0003;
/// What a text that was written to mislead counts for beside others: in logs they are rare.
const HARD_COUNTS: f64 = 0.5;
/// A term of fewer shops is a name or an accident.
const FEWEST_SHOPS: usize = 3;
/// Weights below this are left out.
const LIGHTEST: f64 = 0.1;
/// What the training leaves to chance: nothing. Its steps are fixed.
pub(crate) const STEPS: usize = 400;
const KINDS: usize = Evidence::ALL.len();
const IDEAS: &str = include_str!("ideas.txt");

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
    terms: Vec<String>,
}

pub(crate) fn parts(lexicon: &Lexicon, texts: &[Text]) -> Vec<Parts> {
    let part = |text: &Text| Parts { kinds: kinds(lexicon, &text.row.text), terms: lexicon.terms(&text.row.text) };
    texts.iter().map(part).collect()
}

/// The words of ideas, by language.
struct Ideas {
    /// Whether each may speak for promotion.
    promote: Vec<bool>,
    words: Vec<HashMap<String, usize>>,
}

fn ideas() -> Ideas {
    let mut ideas = Ideas { promote: Vec::new(), words: vec![HashMap::new(); LANGUAGES.len()] };
    let (promoting, excusing) = IDEAS.split_once("\n---\n").unwrap();
    for (list, promotes) in [(promoting, true), (excusing, false)] {
        for line in list.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let (_, words) = line.split_once(':').unwrap();
            for (words, known) in words.split('|').zip(&mut ideas.words) {
                known.extend(words.split_whitespace().map(|word| (word.replace('_', " "), ideas.promote.len())));
            }
            ideas.promote.push(promotes);
        }
    }
    ideas
}

impl Ideas {
    /// The words of ideas that stand in a text of these terms, with their ideas.
    fn found(&self, language: usize, terms: &[String]) -> BTreeMap<String, usize> {
        let words = &self.words[language];
        let mut found = BTreeMap::new();
        for term in terms.iter().filter(|term| term.len() == 1 || !term.ends_with('*')) {
            let mut look = |word: String| {
                if let Some(idea) = words.get(&word) {
                    found.insert(word, *idea);
                }
            };
            look(term.clone());
            if !term.contains(' ') {
                let ends = term.char_indices().map(|(at, c)| at + c.len_utf8()).skip(2);
                ends.for_each(|end| look(format!("{}*", &term[..end])));
            }
        }
        found
    }
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
    ideas: Ideas,
    /// The place of a term's weight.
    places: HashMap<(usize, String), usize>,
    bias: f64,
    weights: Vec<f64>,
}

impl Model {
    pub(crate) fn score(&self, text: &Text, parts: &Parts) -> f64 {
        self.of(&self.features(text, parts))
    }

    fn of(&self, features: &Features) -> f64 {
        self.bias + features.iter().map(|(at, amount)| self.weights[*at] * amount).sum::<f64>()
    }

    fn features(&self, text: &Text, parts: &Parts) -> Features {
        let language = language_of(text);
        let mut features = if self.layers.kinds { parts.kinds.clone() } else { Vec::new() };
        if self.layers.ideas {
            let mut ideas: BTreeMap<usize, f64> = BTreeMap::new();
            self.ideas.found(language, &parts.terms).values().for_each(|idea| *ideas.entry(*idea).or_default() += 1.0);
            features.extend(ideas.into_iter().map(|(idea, count)| (KINDS + idea, count)));
        }
        let known = parts.terms.iter().filter_map(|term| self.places.get(&(language, term.clone())));
        features.extend(known.map(|place| (*place, 1.0)));
        features
    }

    /// Logistic regression. Evidence for promotion never counts against it, nor the other way round: what an accident of few
    /// texts says, a reader of the report could not follow.
    pub(crate) fn of_texts(texts: &[(&Text, &Parts)], layers: Layers, steps: usize) -> Model {
        let ideas = ideas();
        let shared = KINDS + ideas.promote.len();
        let terms = if layers.terms { vocabulary(texts) } else { Vec::new() };
        let size = shared + terms.len();
        let places = terms.into_iter().zip(shared..).collect();
        let mut before = vec![0.0; size];
        BEFORE.iter().for_each(|(kind, weight)| before[*kind as usize] = *weight);
        let mut model = Model { layers, ideas, places, bias: 0.0, weights: before.clone() };
        let counts: Vec<f64> = texts.iter().map(|(text, _)| if text.row.hard { HARD_COUNTS } else { 1.0 }).collect();
        let all: f64 = counts.iter().sum();
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
        // Each weight moves the faster, the rarer what it weighs.
        let mut bend = vec![0.0; size];
        for (row, count) in rows.iter().zip(&counts) {
            row.iter().for_each(|(at, amount)| bend[*at] += 0.25 * count * amount * amount / all);
        }
        let (mut speed, mut bias_speed) = (vec![0.0; size], 0.0);
        for _ in 0..steps {
            let (mut slope, mut bias_slope) = (vec![0.0; size], 0.0);
            for ((row, count), (text, _)) in rows.iter().zip(&counts).zip(texts) {
                let chance = 1.0 / (1.0 + (-model.of(row)).exp());
                let wrong = (chance - f64::from(text.promotes)) * count / all;
                bias_slope += wrong;
                row.iter().for_each(|(at, amount)| slope[*at] += wrong * amount);
            }
            bias_speed = 0.9 * bias_speed - RATE * bias_slope / 0.25;
            model.bias += bias_speed;
            for at in 0..size {
                let pull = held(at) * (model.weights[at] - before[at]);
                speed[at] = 0.9 * speed[at] - RATE * (slope[at] + pull) / (bend[at] + held(at));
                model.weights[at] += speed[at];
                let signed = match Evidence::ALL.get(at) {
                    Some(kind) if kind.promotes() => model.weights[at].max(0.0),
                    Some(kind) if kind.excuses() => model.weights[at].min(0.0),
                    Some(_) => 0.0,
                    None => match model.ideas.promote.get(at - KINDS) {
                        Some(true) => model.weights[at].max(0.0),
                        Some(false) => model.weights[at].min(0.0),
                        None => continue,
                    },
                };
                // At its border a weight stands still.
                if signed != model.weights[at] {
                    (model.weights[at], speed[at]) = (signed, 0.0);
                }
            }
        }
        model
    }

    /// The weights of the terms of a language, ideas and all, by term.
    fn learned(&self, language: usize) -> BTreeMap<String, f64> {
        let mut learned: BTreeMap<String, f64> = BTreeMap::new();
        for (word, idea) in &self.ideas.words[language] {
            learned.insert(word.clone(), self.weights[KINDS + idea]);
        }
        for ((_, term), place) in self.places.iter().filter(|((of, _), _)| *of == language) {
            *learned.entry(term.clone()).or_default() += self.weights[*place];
        }
        learned
    }

    /// The file of the learned words of a language.
    pub(crate) fn words_file(&self, language: usize) -> String {
        let mut by_weight: BTreeMap<i32, BTreeSet<String>> = BTreeMap::new();
        for (term, weight) in self.learned(language).into_iter().filter(|(_, weight)| LIGHTEST <= weight.abs()) {
            by_weight.entry((weight * 20.0).round() as i32).or_default().insert(term);
        }
        let name = LANGUAGES[language];
        let mut file =
            format!("# Learned by `content_check train`; the form is described in lexicon.rs.\n\n[words.{name}]\n");
        for (weight, terms) in by_weight.into_iter().rev().filter(|(weight, _)| *weight != 0) {
            let terms: Vec<String> = terms.into_iter().collect();
            file += &format!("\"{}\" = \"\"\"\n{}\"\"\"\n", f64::from(weight) / 20.0, wrapped(&terms, ", "));
        }
        file
    }

    /// The weights of the kinds, as `model.toml` has them.
    pub(crate) fn kinds_file(&self) -> String {
        let mut file = format!("[weights]\nbias = {:.2}\nmixed = 0.7\napart = 0.5\n", self.bias);
        for kind in Evidence::ALL.iter().filter(|kind| kind.promotes() || kind.excuses()) {
            file += &format!("{} = {:.2}\n", kind.word(), self.weights[*kind as usize]);
        }
        file
    }
}

/// How far a step goes.
const RATE: f64 = 0.02;

fn language_of(text: &Text) -> usize {
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

/// The words by which each language is known: those of the most shops.
pub(crate) fn common_file(texts: &[Text], parts: &[Parts]) -> String {
    const MOST: usize = 220;
    let mut file =
        "# The words by which each language is known, as `content_check train` finds them: those of the most senders.\n"
            .to_owned();
    for (index, language) in LANGUAGES.iter().enumerate() {
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
        let mut words: Vec<String> = words.into_iter().map(|(word, _)| word.to_owned()).collect();
        words.sort();
        file += &format!("\n[languages.{language}]\ncommon = \"\"\"\n{}\"\"\"\n", wrapped(&words, " "));
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

/// The scores of all texts by models that have not seen their fold.
pub(crate) fn out_of_fold(
    texts: &[Text],
    parts: &[Parts],
    folds: &[usize],
    layers: Layers,
    steps: usize,
) -> Vec<Option<f64>> {
    let mut scores = vec![None; texts.len()];
    for fold in folds.iter().copied() {
        let seen = texts.iter().zip(parts).filter(|(text, _)| text.fold != fold).collect::<Vec<_>>();
        let model = Model::of_texts(&seen, layers, steps);
        for ((text, parts), score) in
            texts.iter().zip(parts).zip(&mut scores).filter(|((text, _), _)| text.fold == fold)
        {
            *score = Some(model.score(text, parts));
        }
    }
    scores
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
