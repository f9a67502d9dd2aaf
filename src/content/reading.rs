//! From the pieces of a text to amounts of evidence, and from these to the score.

use std::cmp::Reverse;

use crate::content::Evidence;
use crate::content::forms::{self, Forms};
use crate::content::learned::{self, Hit};
use crate::content::lexicon::{Languages, Lexicon};
use crate::content::phrases::{Match, longest};
use crate::content::token::{Class, Cut, Token, cut, head};

/// A line of no more words may be a heading or a button.
const SHORT_LINE: usize = 8;
/// Nor has it more bytes, whatever it takes for blanks; and so many such lines are looked at, for a log may hold anything.
const SHORT_LINE_BYTES: usize = 160;
const SHORT_LINES: usize = 32;
/// How many kinds of evidence there are.
const KINDS: usize = Evidence::ALL.len();
/// The longest list of words that a finding shows, and the longest of them.
const WORDS_SHOWN: usize = 8;
const CHARS_SHOWN: usize = 60;
/// Fewer words than this may be of any language.
const TOO_FEW_TO_TELL: usize = 4;
/// What a date says against promotion where it stands beside an offer.
const DATE_OF_AN_OFFER: f64 = 0.3;
/// A learned word of this weight is shown as evidence.
const TELLING: f64 = 0.3;
/// Shorter words show nothing: `y`, `a`. In bytes.
const SHORTEST_TELLING: usize = 3;
/// One common word in so many tells a language.
const ONE_COMMON_IN: usize = 5;

/// What a text says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// How much speaks for promotion, less what speaks against: logits of the model, around 0 where it is open.
    pub score: f64,
    /// Whether its language is one that the lexicon knows. If it is not, only numbers, links and signs were looked at, and
    /// words that are the same everywhere.
    pub language_known: bool,
    /// The words that speak for promotion, as they stand in the text, in its order. Empty below the lowest threshold, and where
    /// too little shows.
    pub matched: Vec<String>,
    /// The words that show what else it is (a survey, something over, something recurring), with what they show.
    pub about: Vec<(Evidence, String)>,
    amounts: [f64; KINDS],
}

impl Reading {
    /// How much evidence of this kind there is: 0 for none, 1 for one piece, below 2 for many.
    pub fn amount(&self, evidence: Evidence) -> f64 {
        self.amounts.get(evidence as usize).copied().unwrap_or_default()
    }
}

/// One piece of evidence and where it stands.
#[derive(Clone, Copy)]
struct Piece {
    evidence: Evidence,
    from: usize,
    to: usize,
    sentence: usize,
}

/// A text cut up, with what was found in it.
struct Looked<'t> {
    text: &'t str,
    cut: Cut,
    known: bool,
    /// The number of the language it is in, if that is known.
    language: Option<usize>,
    forms: Forms,
    matches: Vec<Match>,
}

impl<'t> Looked<'t> {
    fn at(lexicon: &Lexicon, text: &'t str) -> Looked<'t> {
        let cut = cut(text);
        let forms = Forms::of(&cut);
        let (known, language, active) = languages(lexicon, &cut, &forms);
        let mut matches = Vec::new();
        for (number, language) in lexicon.languages.iter().enumerate() {
            if number == 0 || active & (1 << number) != 0 {
                language.phrases().find(&forms, &mut matches);
            }
        }
        Looked { text, cut, known, language, forms, matches: longest(matches) }
    }

    /// Whether a piece means nothing, as somebody has said.
    fn is_covered(&self, at: usize) -> bool {
        self.matches.iter().any(|one| one.evidence == Evidence::Neutral && (one.from..one.to).contains(&at))
    }

    /// The learned words in it.
    fn hits(&self, lexicon: &Lexicon) -> Vec<Hit> {
        match self.language.and_then(|language| lexicon.languages.get(language)) {
            Some(language) if self.known => language.words().find(&self.forms, |at| self.is_covered(at)),
            _ => Vec::new(),
        }
    }

    /// Whether a learned word shows a reader anything: it speaks for promotion, and is none of those that every text has.
    fn tells(&self, lexicon: &Lexicon, hit: &Hit) -> bool {
        let bit = self.language.map_or(0, |language| 1 << language);
        let is_common = |word: u64| lexicon.common(word) & bit != 0;
        let pieces = self.cut.tokens.iter().zip(&self.forms.pieces);
        let mut covered = pieces.take(hit.to).skip(hit.from);
        let tells = |(token, piece): (&Token, &forms::Piece)| match piece.class {
            Class::Emoji => true,
            Class::Word => {
                self.cut.word(token).len() >= SHORTEST_TELLING && piece.form.is_some_and(|form| !is_common(form.whole))
            }
            _ => false,
        };
        TELLING <= hit.weight && covered.any(tells)
    }

    fn shown(&self, from: usize, to: usize) -> String {
        let start = self.cut.tokens.get(from).map_or(0, |token| token.start);
        let end = self.cut.tokens.get(to.saturating_sub(1)).map_or(0, |token| token.end);
        shortened(self.text.get(start..end).unwrap_or_default())
    }
}

pub(super) fn terms(lexicon: &Lexicon, text: &str) -> Vec<String> {
    let looked = Looked::at(lexicon, text);
    learned::terms(&looked.cut, &looked.forms, |at| looked.is_covered(at)).into_iter().collect()
}

pub(super) fn read(lexicon: &Lexicon, text: &str) -> Reading {
    reading_of(lexicon, Looked::at(lexicon, text))
}

fn reading_of(lexicon: &Lexicon, looked: Looked<'_>) -> Reading {
    let mut pieces = pieces_of(&looked.cut, &looked.matches);
    patterns(lexicon, &looked, &mut pieces);
    let amounts = amounts(lexicon, &looked.cut, &pieces);
    let hits = looked.hits(lexicon);
    let mut score = lexicon.bias
        + Evidence::ALL.iter().map(|kind| lexicon.weight(*kind) * amounts[*kind as usize]).sum::<f64>()
        + hits.iter().map(|hit| hit.weight).sum::<f64>();
    let line =
        if looked.known && score < lexicon.thresholds.high { line_that_calls(lexicon, looked.text) } else { None };
    let telling = pieces.iter().filter(|piece| tells_more(piece.evidence));
    let about = telling.map(|piece| (piece.evidence, looked.shown(piece.from, piece.to))).collect();
    let mut matched = Vec::new();
    if lexicon.thresholds.low <= score {
        let mut telling: Vec<Hit> = hits.into_iter().filter(|hit| looked.tells(lexicon, hit)).collect();
        telling.sort_by(|one, other| other.weight.total_cmp(&one.weight));
        telling.truncate(WORDS_SHOWN);
        for (from, to) in spans(&pieces, &telling) {
            let words = looked.shown(from, to);
            if matched.len() < WORDS_SHOWN && !matched.contains(&words) {
                matched.push(words);
            }
        }
    }
    if let Some(line) = line.filter(|line| score < line.score) {
        (score, matched) = (line.score, line.matched);
    }
    Reading { score, language_known: looked.known, matched, about, amounts }
}

/// The short line of several that calls to buy most of all, if what it says is enough by itself, as buttons and headings do:
/// no other line excuses it. Lines with amounts of money may be those of a bill.
fn line_that_calls(lexicon: &Lexicon, text: &str) -> Option<Reading> {
    let lines = head(text).split(['\n', '\r']).filter(|line| line.len() < text.len() && line.len() <= SHORT_LINE_BYTES);
    let short = lines.filter(|line| !line.trim().is_empty() && line.split_whitespace().nth(SHORT_LINE).is_none());
    let looked = short.take(SHORT_LINES).map(|line| Looked::at(lexicon, line));
    let unpriced = looked.filter(|line| line.cut.tokens.iter().all(|token| token.class != Class::Price));
    let calls = unpriced.map(|line| reading_of(lexicon, line)).filter(|line| 0.0 < line.amount(Evidence::Buy));
    let enough = calls.filter(|line| lexicon.alone <= line.score && !line.matched.is_empty());
    enough.max_by(|one, other| one.score.total_cmp(&other.score))
}

/// Where what speaks for promotion stands, evidence and telling words; what overlaps is one.
fn spans(pieces: &[Piece], hits: &[Hit]) -> Vec<(usize, usize)> {
    let promoting = pieces.iter().filter(|piece| piece.evidence.promotes());
    let mut all: Vec<(usize, usize)> = promoting.map(|piece| (piece.from, piece.to)).collect();
    // A word within a phrase, or beside it in a pair, adds nothing to what is shown.
    let apart = |hit: &&Hit| {
        pieces.iter().all(|piece| !piece.evidence.promotes() || hit.to <= piece.from || piece.to <= hit.from)
    };
    all.extend(hits.iter().filter(apart).map(|hit| (hit.from, hit.to)));
    // One word alone is no offer, nor are amounts: "last night", "a new one", "24 € or 30 €".
    let strong = pieces.iter().any(|piece| piece.evidence.promotes() && !is_weak(piece.evidence));
    let amounts = pieces.iter().filter(|piece| matches!(piece.evidence, Evidence::Price | Evidence::Percent)).count();
    if !strong && amounts.min(1) + all.len() - amounts < 2 {
        all.clear();
    }
    all.sort_unstable();
    let mut merged: Vec<(usize, usize)> = Vec::with_capacity(all.len());
    for (from, to) in all {
        match merged.last_mut() {
            Some(last) if from < last.1 => last.1 = last.1.max(to),
            _ => merged.push((from, to)),
        }
    }
    merged
}

fn tells_more(evidence: Evidence) -> bool {
    matches!(evidence, Evidence::Survey | Evidence::PastEvent | Evidence::Recurring)
}

/// Whether the language is known, which it is most likely, and which ones the text may be in besides.
fn languages(lexicon: &Lexicon, cut: &Cut, forms: &Forms) -> (bool, Option<usize>, Languages) {
    let mut counts = [0_u32; Languages::BITS as usize];
    let mut found = [0_usize; Languages::BITS as usize];
    let mut words = 0;
    for (token, piece) in cut.tokens.iter().zip(&forms.pieces).filter(|(token, _)| token.class == Class::Word) {
        // Scripts without blanks make one word of many.
        words += 1 + cut.word(token).chars().filter(|c| !c.is_ascii()).count().saturating_sub(24);
        let known = [piece.form.map(|form| form.whole), piece.accented];
        let mut common = known.into_iter().flatten().fold(0, |all, word| all | lexicon.common(word));
        // What is common in fewer languages tells more.
        let telling = Languages::BITS / common.count_ones().max(1);
        while common != 0 {
            counts[common.trailing_zeros() as usize] += telling;
            found[common.trailing_zeros() as usize] += 1;
            common &= common - 1;
        }
    }
    let mut best = counts.iter().copied().max().unwrap_or(0);
    let found = found.into_iter().max().unwrap_or(0);
    let known = words < TOO_FEW_TO_TELL || 0 < best && words <= ONE_COMMON_IN * found;
    if best == 0 && known {
        // A few words, none of them common: what has been learned of languages tells.
        for (count, language) in counts.iter_mut().zip(&lexicon.languages).skip(1) {
            *count = language.words().find(forms, |_| false).len() as u32;
        }
        best = counts.iter().copied().max().unwrap_or(0);
    }
    let active = (0..).zip(counts).filter(|(_, count)| 0 < *count && best <= 2 * count);
    let active = active.fold(0, |mask: Languages, (bit, _)| mask | 1 << bit);
    let likely = || (0..).zip(counts).filter(|(_, count)| *count == best).map(|(number, _)| number);
    // Where small words leave it open, as between neighbours, the learned ones decide.
    let learned = |number: &usize| {
        lexicon.languages.get(*number).map_or(0, |language| language.words().find(forms, |_| false).len())
    };
    let language = match likely().count() {
        _ if best == 0 => None,
        1 => likely().next(),
        _ => likely().min_by_key(|number| Reverse(learned(number))),
    };
    (known, language, active)
}

fn pieces_of(cut: &Cut, matches: &[Match]) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::with_capacity(matches.len() + 8);
    // The same words twice are one piece of evidence.
    let said = |one: &Match| cut.tokens.iter().take(one.to).skip(one.from).map(|token| cut.word(token));
    for (index, one) in matches.iter().enumerate() {
        let again = matches.get(..index).is_some_and(|before| {
            before.iter().any(|other| other.evidence == one.evidence && said(other).eq(said(one)))
        });
        if !again {
            let sentence = cut.tokens.get(one.from).map_or(0, |token| token.sentence);
            pieces.push(Piece { evidence: one.evidence, from: one.from, to: one.to, sentence });
        }
    }
    pieces
}

/// What numbers and links say where no phrase has said it already.
fn patterns(lexicon: &Lexicon, looked: &Looked<'_>, pieces: &mut Vec<Piece>) {
    let mut covering = looked.matches.iter().peekable();
    let mut reach = 0;
    let cut = &looked.cut;
    for (index, token) in cut.tokens.iter().enumerate() {
        while let Some(one) = covering.next_if(|one| one.from <= index) {
            reach = reach.max(one.to);
        }
        let is_off = token.class == Class::PercentOff && !is_of_a_bill(looked.text, token);
        if is_off {
            // `-30 %` is an offer by itself, whatever words stand around it.
            pieces.push(Piece { evidence: Evidence::Offer, from: index, to: index + 1, sentence: token.sentence });
        }
        if index < reach && token.class != Class::Link {
            continue;
        }
        let evidence = match token.class {
            Class::PercentOff if is_off => Evidence::Discount,
            Class::Percent | Class::PercentOff => Evidence::Percent,
            Class::Price => Evidence::Price,
            Class::Multiple => Evidence::Offer,
            Class::Time | Class::Date => Evidence::When,
            Class::Id => Evidence::Number,
            Class::Link => match lexicon.link(cut.word(token)) {
                Some(evidence) => evidence,
                None => continue,
            },
            Class::Word | Class::Mixed | Class::Number | Class::Phone | Class::Emoji => continue,
        };
        pieces.push(Piece { evidence, from: index, to: index + 1, sentence: token.sentence });
    }
}

/// Whether a percentage is all that a line says of its name, as bills do: `Discount: -20 %`.
fn is_of_a_bill(text: &str, token: &Token) -> bool {
    let before = text.get(..token.start).unwrap_or_default().trim_end_matches([' ', '\u{a0}', '-', '−', '–']);
    let after = text.get(token.end..).unwrap_or_default();
    before.ends_with(':') && (after.is_empty() || after.starts_with(['\n', '\r']))
}

fn amounts(lexicon: &Lexicon, cut: &Cut, pieces: &[Piece]) -> [f64; KINDS] {
    let beside = |sentence: usize, other: fn(Evidence) -> bool| {
        pieces.iter().any(|piece| piece.sentence == sentence && other(piece.evidence))
    };
    let mut counts = [0.0; KINDS];
    for piece in pieces {
        let share = if piece.evidence.promotes() && beside(piece.sentence, Evidence::excuses) {
            lexicon.mixed
        } else if piece.evidence == Evidence::When && beside(piece.sentence, Evidence::promotes) {
            // Until when an offer lasts excuses nothing.
            DATE_OF_AN_OFFER
        } else if piece.evidence.excuses() && !beside(piece.sentence, Evidence::promotes) {
            lexicon.apart
        } else {
            1.0
        };
        counts[piece.evidence as usize] += share;
    }
    let mut amounts = counts.map(dwindling);
    let speaking = |kind: &&Evidence| kind.promotes() && 0.0 < amounts[**kind as usize] && !is_weak(**kind);
    let kinds = Evidence::ALL.iter().filter(speaking).count();
    amounts[Evidence::Variety as usize] = kinds.saturating_sub(1).min(4) as f64;
    amounts[Evidence::Shouting as usize] = shouting(&cut.tokens, cut.exclamations);
    amounts[Evidence::Question as usize] = if cut.questions == 0 { 0.0 } else { 1.0 };
    amounts
}

/// What is worth nothing beside other kinds.
fn is_weak(kind: Evidence) -> bool {
    matches!(kind, Evidence::Hint | Evidence::Price | Evidence::Percent | Evidence::Emoji)
}

/// The second piece of a kind says half as much as the first, and so on.
fn dwindling(count: f64) -> f64 {
    if count <= 1.0 { count } else { 2.0 - (1.0 - count).exp2() }
}

fn shouting(tokens: &[Token], exclamations: usize) -> f64 {
    let words = tokens.iter().filter(|token| token.class == Class::Word).count();
    let capitals = tokens.iter().filter(|token| token.capitals).count();
    let loud = if 2 < capitals && words < 3 * capitals { 1.0 } else { 0.0 };
    loud + match exclamations {
        0 => 0.0,
        1 => 1.0,
        _ => 1.25,
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(CHARS_SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
