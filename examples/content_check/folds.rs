//! The labelled texts, their folds, and how judgements of them are counted: shared by the measurement and by the tests.

use std::collections::HashMap;

use serde::Deserialize;

pub(crate) const LANGUAGES: [&str; 9] = ["en", "es", "pt", "it", "fr", "de", "ru", "vi", "id"];
pub(crate) const FOLDS: usize = 5;
/// How many texts of each language's file came first, when the set leaned to what is unusual; those behind them are of the
/// kinds that senders ordinarily send.
const UNUSUAL: [usize; 9] = [1942, 1466, 1426, 1451, 1450, 1534, 1609, 1580, 1595];

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
    /// Whether it is of the later part of the set, see [`UNUSUAL`].
    pub(crate) ordinary: bool,
}

pub(crate) fn file(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(crate) fn load(set: &str) -> Vec<Text> {
    let mut all = Vec::new();
    for (language, unusual) in LANGUAGES.into_iter().zip(UNUSUAL) {
        let lines = file(&format!("{}/fixtures/content/{set}/{language}.jsonl", env!("CARGO_MANIFEST_DIR")));
        let rows: Vec<Row> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let folds = folds(&rows);
        for (index, (row, fold)) in rows.into_iter().zip(folds).enumerate() {
            all.push(Text { language, promotes: row.label == "promotional", row, fold, ordinary: unusual <= index });
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
