//! Cuts a text into the pieces that evidence is made of: words, numbers by what they count, links, emoji, sentences.

use crate::content::fold::{Folded, as_cyrillic, as_latin, fold};

/// What a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Class {
    /// A word.
    Word,
    /// Letters and digits in one, as codes and flights have them: `SAVE20`, `BA245`.
    Mixed,
    /// A number of which nothing is known.
    Number,
    /// `20 %`.
    Percent,
    /// `-20 %`.
    PercentOff,
    /// An amount of money.
    Price,
    /// `2x1`, `1+1`.
    Multiple,
    /// A time of day.
    Time,
    /// A date in digits.
    Date,
    /// A long number, or one after `#` or `№`: an order, a parcel, a passcode.
    Id,
    /// A telephone number.
    Phone,
    /// A link.
    Link,
    /// A sign that is a picture.
    Emoji,
}

/// One piece of a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) class: Class,
    /// Where it stands in the text, in bytes.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Where its folded form stands in [`Cut::folded`].
    folded: (usize, usize),
    /// Where it stands there in small letters with its accents, if it has any.
    accented: (usize, usize),
    /// Which sentence it is in, from 0.
    pub(super) sentence: usize,
    /// Whether it is a word of capitals.
    pub(super) capitals: bool,
}

/// A text cut up.
#[derive(Debug, Default)]
pub(super) struct Cut {
    pub(super) tokens: Vec<Token>,
    pub(super) folded: String,
    pub(super) exclamations: usize,
    pub(super) questions: usize,
}

impl Cut {
    /// A word in small letters with its accents, if it has any.
    pub(super) fn accented(&self, token: &Token) -> Option<&str> {
        self.folded.get(token.accented.0..token.accented.1).filter(|word| !word.is_empty())
    }

    /// The folded form of a piece.
    pub(super) fn word(&self, token: &Token) -> &str {
        self.folded.get(token.folded.0..token.folded.1).unwrap_or_default()
    }
}

/// A text is read this far: whoever promotes does so before, and a log may hold anything.
const LONGEST: usize = 8_192;
/// Words that make a price of the number before them.
const MONEY_AFTER: &[&str] = &[
    "usd",
    "eur",
    "gbp",
    "euro",
    "euros",
    "dollar",
    "dollars",
    "dolares",
    "bucks",
    "pounds",
    "rub",
    "руб",
    "р",
    "рублеи",
    "рубля",
    "рубль",
    "vnd",
    "vnđ",
    "dong",
    "rb",
    "ribu",
    "jt",
    "juta",
    "idr",
    "reais",
    "real",
    "pesos",
    "mxn",
    "ars",
    "brl",
    "cop",
    "clp",
    "soles",
    "sol",
    "uah",
    "грн",
    "kzt",
    "тг",
    "тенге",
    "chf",
    "franken",
    "cad",
    "aud",
    "sgd",
    "inr",
    "trieu",
    "nghin",
];
/// Words that make a price of the number after them.
const MONEY_BEFORE: &[&str] = &["rp", "rs", "usd", "eur", "gbp", "idr", "mxn", "ars", "brl", "vnd", "us", "chf", "inr"];
const CURRENCIES: [char; 11] = ['$', '€', '£', '¥', '₽', '₫', '₹', '₺', '₴', '₩', '฿'];
const PERCENT: &[&str] = &["percent", "pct", "prozent", "persen", "процентов", "процента", "проц"];
const HOURS: &[&str] = &["am", "pm", "uhr", "hs", "hrs", "wib", "wita", "heures"];
/// Endings of links that are written without `https://`.
const DOMAINS: &[&str] = &[
    "com", "net", "org", "io", "co", "shop", "store", "ly", "me", "ru", "vn", "id", "es", "it", "fr", "de", "br", "mx",
    "ar", "pt", "uk", "us", "eu", "app", "link", "page", "to", "info", "example", "test", "рф", "cl", "gl", "gg", "tv",
];

/// What of a text is read.
pub(super) fn head(text: &str) -> &str {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Cuts a text up.
pub(super) fn cut(text: &str) -> Cut {
    let text = head(text);
    let mut cutter =
        Cutter { text, at: 0, sentence: 0, cut: Cut::default(), is_id: false, is_price: false, minus: false };
    cutter.cut.tokens.reserve(text.len() / 5);
    cutter.cut.folded.reserve(text.len());
    while let Some(c) = cutter.peek() {
        cutter.piece(c);
    }
    let mut cut = cutter.cut;
    close_up(&mut cut, text);
    cut
}

struct Cutter<'t> {
    text: &'t str,
    at: usize,
    sentence: usize,
    cut: Cut,
    /// The sign just passed says that an order's number follows.
    is_id: bool,
    /// ... that an amount of money follows.
    is_price: bool,
    /// ... that something is taken off.
    minus: bool,
}

impl Cutter<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn before(&self) -> Option<char> {
        self.text.get(..self.at)?.chars().next_back()
    }

    fn piece(&mut self, c: char) {
        match fold(c) {
            Folded::One('0'..='9') => self.number(c),
            Folded::One(_) | Folded::Two(..) => self.word(),
            Folded::Nothing => self.at += c.len_utf8(),
            Folded::Sign => self.sign(c),
        }
    }

    fn sign(&mut self, c: char) {
        let next = self.rest().chars().nth(1);
        let digit_follows = next.is_some_and(|next| next.is_ascii_digit());
        if c == '$' && next.is_some_and(|next| next.is_ascii_alphabetic()) {
            return self.word();
        }
        let start = self.at;
        self.at += c.len_utf8();
        match c {
            '\n' | '\r' => self.sentence += 1,
            '.' | '…' => {
                let lone = self.cut.tokens.last().is_some_and(|last| {
                    last.end == start && self.cut.word(last).chars().nth(1).is_none() && last.class == Class::Word
                });
                if !lone && !next.is_some_and(char::is_alphanumeric) {
                    self.sentence += 1;
                }
            }
            '!' | '！' => {
                self.cut.exclamations += 1;
                self.sentence += 1;
            }
            '?' | '？' => {
                self.cut.questions += 1;
                self.sentence += 1;
            }
            ';' | '|' | '•' | '·' | '‼' | '。' => self.sentence += 1,
            '#' | '№' => self.is_id = true,
            _ if CURRENCIES.contains(&c) => {
                self.is_price = digit_follows || next == Some(' ') || next == Some('\u{a0}');
            }
            '-' | '−' | '–' | '—' => {
                let alone = self.cut.tokens.last().is_none_or(|last| last.end != start);
                self.minus = digit_follows && alone;
            }
            '+' => {}
            ' ' | '\u{a0}' | '\t' => {}
            _ if is_emoji(c) => {
                let from = self.cut.folded.len();
                self.cut.folded.push(c);
                self.push(Class::Emoji, start, from);
            }
            _ => {}
        }
    }

    fn push(&mut self, class: Class, start: usize, from: usize) {
        let folded = (from, self.cut.folded.len());
        let (end, sentence) = (self.at, self.sentence);
        self.cut.tokens.push(Token { class, start, end, folded, accented: (0, 0), sentence, capitals: false });
        (self.is_id, self.is_price, self.minus) = (false, false, false);
    }

    fn word(&mut self) {
        let (start, from) = (self.at, self.cut.folded.len());
        let (mut digits, mut latin, mut cyrillic, mut small, mut great) = (false, false, false, false, false);
        let mut letters = 0_usize;
        while let Some(c) = self.peek() {
            // Most of most texts is small letters that are folded already.
            let plain = self.rest().bytes().take_while(u8::is_ascii_lowercase).count();
            if 0 < plain {
                let end = self.at + plain;
                self.cut.folded.push_str(self.text.get(self.at..end).unwrap_or_default());
                (latin, small, letters, self.at) = (true, true, letters + plain, end);
                continue;
            }
            let folded = match fold(c) {
                Folded::Sign if c == '$' && self.at == start => Folded::One('s'),
                folded => folded,
            };
            match folded {
                Folded::One(one) => {
                    digits |= one.is_ascii_digit();
                    latin |= one.is_ascii_alphabetic();
                    cyrillic |= ('а'..='я').contains(&one);
                    self.cut.folded.push(one);
                }
                Folded::Two(one, two) => self.cut.folded.extend([one, two]),
                Folded::Nothing => {}
                Folded::Sign => break,
            }
            letters += 1;
            (small, great) = (small || c.is_lowercase(), great || c.is_uppercase());
            self.at += c.len_utf8();
        }
        if self.link(start, from) {
            return;
        }
        if latin && cyrillic {
            self.one_script(from);
        }
        self.push(if digits { Class::Mixed } else { Class::Word }, start, from);
        let accented = self.accents(start);
        if let Some(last) = self.cut.tokens.last_mut() {
            last.capitals = great && !small && 3 <= letters && !digits;
            last.accented = accented;
        }
    }

    /// Writes the word from `start` on once more, with its accents, if it has any that are one with their letters.
    fn accents(&mut self, start: usize) -> (usize, usize) {
        let word = self.text.get(start..self.at).unwrap_or_default();
        if word.is_ascii() || !word.chars().any(is_accented) || word.chars().any(|c| matches!(c, '\u{300}'..='\u{36f}'))
        {
            return (0, 0);
        }
        let from = self.cut.folded.len();
        self.cut.folded.extend(word.chars().flat_map(char::to_lowercase));
        (from, self.cut.folded.len())
    }

    /// A word of two scripts is one word in costume: the letters of the script that has fewer of them are replaced.
    fn one_script(&mut self, from: usize) {
        let word = self.cut.folded.split_off(from);
        let latin = word.chars().filter(char::is_ascii_alphabetic).count();
        let change = if latin * 2 < word.chars().count() { as_cyrillic } else { as_latin };
        self.cut.folded.extend(word.chars().map(|c| change(c).unwrap_or(c)));
    }

    /// Takes what begins at `start` as a link, if it is one.
    fn link(&mut self, start: usize, from: usize) -> bool {
        let rest = self.rest();
        let named = rest.starts_with("://");
        let dotted = rest.starts_with('.') && rest.chars().nth(1).is_some_and(char::is_alphanumeric);
        if !named && !dotted {
            return false;
        }
        let whole = self.text.get(start..).unwrap_or_default();
        let run = whole.split(|c: char| c.is_whitespace() || "<>\"'()[]{}|".contains(c)).next().unwrap_or_default();
        let run = run.trim_end_matches(['.', ',', ';', ':', '!', '?', '*', '_', '»', '…']);
        let host = run.split(['/', '?', '#', ':']).next().unwrap_or_default();
        let ending = host.rsplit('.').next().unwrap_or_default();
        if !named && !DOMAINS.iter().any(|known| ending.eq_ignore_ascii_case(known)) {
            return false;
        }
        self.cut.folded.truncate(from);
        self.cut.folded.extend(run.chars().map(|c| c.to_ascii_lowercase()));
        self.at = start + run.len();
        self.push(Class::Link, start, from);
        true
    }

    fn number(&mut self, first: char) {
        let next = self.rest().chars().nth(1);
        if first == '0' && next.is_some_and(|next| next.is_ascii_alphabetic()) && self.before() != Some('.') {
            return self.word();
        }
        let (mut start, from) = (self.at, self.cut.folded.len());
        let (mut digits, mut colons, mut slashes, mut dots) = (0_usize, 0, 0, 0);
        let mut grouped = false;
        while let Some(c) = self.peek() {
            match fold(c) {
                Folded::One(digit @ '0'..='9') => {
                    digits += 1;
                    self.cut.folded.push(digit);
                }
                Folded::Nothing => {}
                _ if matches!(c, '.' | ',' | ':' | '/') => {
                    if !self.rest().chars().nth(1).is_some_and(|next| next.is_ascii_digit()) {
                        break;
                    }
                    colons += usize::from(c == ':');
                    slashes += usize::from(c == '/');
                    dots += usize::from(c == '.');
                    self.cut.folded.push(c);
                }
                _ if (digits < 4 || grouped) && colons + slashes == 0 && thousands(self.rest(), self.is_price) => {
                    grouped = true
                }
                _ => break,
            }
            self.at += c.len_utf8();
        }
        let plus = self.text.get(..start).is_some_and(|before| before.ends_with('+'));
        let word = self.cut.folded.get(from..).unwrap_or_default().to_owned();
        let class = if let Some(class) = self.with_what_follows(&word, digits) {
            class
        } else if self.is_price || self.money_before(start) {
            start = self.price_start(start);
            Class::Price
        } else if 0 < colons {
            Class::Time
        } else if (slashes == 1 && word != "24/7") || slashes == 2 || (dots == 2 && digits <= 8) || self.iso_date(&word)
        {
            Class::Date
        } else if plus && 6 < digits || word.starts_with('0') && 8 < digits {
            Class::Phone
        } else if self.is_id || (4 < digits && dots == 0 && !word.contains(',')) {
            Class::Id
        } else {
            Class::Number
        };
        self.push(class, start, from);
    }

    /// What the signs and words after a number make of it; they are taken in.
    fn with_what_follows(&mut self, word: &str, digits: usize) -> Option<Class> {
        let rest = self.rest();
        let mut chars = rest.chars();
        let next = chars.next();
        let blank = matches!(next, Some(' ' | '\u{a0}' | '\u{202f}'));
        let after = if blank { rest.get(next.map_or(0, char::len_utf8)..).unwrap_or_default() } else { rest };
        let sign = after.chars().next();
        let skipped = rest.len() - after.len();
        if matches!(sign, Some('%' | '％' | '٪')) {
            self.at += skipped + sign.map_or(0, char::len_utf8);
            return Some(if self.minus { Class::PercentOff } else { Class::Percent });
        }
        if sign.is_some_and(|sign| CURRENCIES.contains(&sign)) {
            self.at += skipped + sign.map_or(0, char::len_utf8);
            return Some(Class::Price);
        }
        // `2x1` and `1+1`, but no measures: one digit each.
        if let (1, Some('x' | 'X' | '×' | 'х' | '+')) = (digits, next) {
            let other = chars.next().filter(char::is_ascii_digit);
            let more = chars.next().is_some_and(char::is_alphanumeric);
            if let (Some(other), false) = (other, more) {
                let first = word.chars().next().unwrap_or('0');
                if first > other || (first == other && next == Some('+')) {
                    self.at += next.map_or(0, char::len_utf8) + 1;
                    return Some(Class::Multiple);
                }
            }
        }
        let length = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
        let unit: String = after.get(..length).unwrap_or_default().chars().take(12).filter_map(single).collect();
        let is = |words: &[&str]| words.contains(&unit.as_str());
        let value: u32 = word.parse().unwrap_or(u32::MAX);
        let class = if is(PERCENT) {
            if self.minus { Class::PercentOff } else { Class::Percent }
        } else if is(MONEY_AFTER)
            || (unit == "d" && 3 < digits)
            || (!blank && unit == "tr" && digits < 4)
            || (!blank && unit == "k" && 15 <= value && value != 21 && value != 42)
        {
            Class::Price
        } else if is(HOURS) || (matches!(unit.as_str(), "h" | "gio") && value < 24) {
            Class::Time
        } else {
            return None;
        };
        self.at += skipped + length;
        // `18h30`
        while class == Class::Time && self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        Some(class)
    }

    fn money_before(&self, start: usize) -> bool {
        let gap = |end: usize| self.text.get(end..start).is_some_and(|gap| gap.is_empty() || gap == " " || gap == ". ");
        self.cut.tokens.last().is_some_and(|last| {
            (gap(last.end) || self.text.get(last.end..start) == Some("."))
                && MONEY_BEFORE.contains(&self.cut.word(last))
        })
    }

    /// Where a price begins: at the word or sign before its digits.
    fn price_start(&mut self, start: usize) -> usize {
        if self.is_price {
            let before = self.text.get(..start).unwrap_or_default().trim_end_matches([' ', '\u{a0}']);
            return before.len() - before.chars().next_back().map_or(0, char::len_utf8);
        }
        self.cut.tokens.pop().map_or(start, |word| word.start)
    }

    /// Whether `2026` just read goes on as `-03-05`, which is taken in.
    fn iso_date(&mut self, word: &str) -> bool {
        let rest = self.rest().as_bytes();
        let digit = |at: usize| rest.get(at).is_some_and(u8::is_ascii_digit);
        let dash = |at: usize| rest.get(at) == Some(&b'-');
        let found = word.len() == 4 && dash(0) && digit(1) && digit(2) && dash(3) && digit(4) && digit(5) && !digit(6);
        if found {
            self.at += 6;
        }
        found
    }
}

/// Whether a Latin letter and its accent are one character.
pub(super) fn is_accented(c: char) -> bool {
    matches!(c, '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}') && c != 'ß'
}

/// Whether a blank parts the thousands of a number that goes on: `21 600 ₽`. A plain blank does so in amounts of money only.
fn thousands(rest: &str, is_price: bool) -> bool {
    let mut chars = rest.chars();
    let Some(blank @ (' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\'' | '’')) = chars.next() else { return false };
    let mut after = chars.as_str();
    let group = |text: &str| {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        (digits == 3).then_some(3)
    };
    let Some(first) = group(after) else { return false };
    after = after.get(first..).unwrap_or_default();
    // More groups than these no amount has, and a text of nothing else would be gone through again at each.
    for _ in 0..4 {
        let Some(next) = after.strip_prefix(blank).filter(|next| group(next).is_some()) else { break };
        after = next.get(3..).unwrap_or_default();
    }
    let unit = after.trim_start_matches([' ', '\u{a0}', '\u{202f}', '\u{2009}']);
    let length = unit.find(|c: char| !c.is_alphabetic()).unwrap_or(unit.len());
    let word: String = unit.get(..length).unwrap_or_default().chars().take(12).filter_map(single).collect();
    let money = unit.starts_with(CURRENCIES) || MONEY_AFTER.contains(&word.as_str());
    blank != ' ' || is_price || money
}

fn single(c: char) -> Option<char> {
    match fold(c) {
        Folded::One(one) => Some(one),
        _ => None,
    }
}

fn is_emoji(c: char) -> bool {
    matches!(c, '\u{1f300}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' | '\u{2b50}' | '\u{2b55}' | '\u{23f0}'..='\u{23f3}')
}

/// Puts words together that somebody has spaced out: `S A L E`, `5 0 %`, `s.a.l.e`.
fn close_up(cut: &mut Cut, text: &str) {
    let short = |cut: &Cut, index: usize| {
        cut.tokens.get(index).is_some_and(|token| {
            matches!(token.class, Class::Word | Class::Number | Class::Percent | Class::PercentOff)
                && cut.word(token).chars().nth(1).is_none()
        })
    };
    let close = |cut: &Cut, index: usize| {
        let (Some(one), Some(next)) = (cut.tokens.get(index), cut.tokens.get(index + 1)) else { return false };
        let gap = text.get(one.end..next.start).unwrap_or_default();
        gap.chars().nth(1).is_none() && gap.chars().all(|c| " .-*_".contains(c))
    };
    let mut index = 0;
    while index < cut.tokens.len() {
        let mut end = index;
        while short(cut, end) && (end == index || close(cut, end - 1)) {
            end += 1;
        }
        if end < index + 3 {
            index = end.max(index + 1);
            continue;
        }
        let run: Vec<Token> = cut.tokens.drain(index..end).collect();
        let mut closed: Vec<Token> = Vec::new();
        for token in run {
            let word = cut.word(&token).to_owned();
            let is_word = token.class == Class::Word;
            match closed.last_mut() {
                // Its folded form is the last that was written.
                Some(last) if (last.class == Class::Word) == is_word => {
                    cut.folded.push_str(&word);
                    (last.end, last.class, last.folded.1) = (token.end, token.class, cut.folded.len());
                    last.capitals |= token.capitals;
                }
                _ => {
                    let from = cut.folded.len();
                    cut.folded.push_str(&word);
                    closed.push(Token { folded: (from, cut.folded.len()), ..token });
                }
            }
        }
        let count = closed.len();
        cut.tokens.splice(index..index, closed);
        index += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let cut = cut(text);
        let show = |token: &Token| format!("{:?} {}", token.class, cut.word(token));
        cut.tokens.iter().map(show).collect()
    }

    #[test]
    fn numbers_are_known_by_what_stands_beside_them() {
        for (text, expected) in [
            ("20% off", "Percent 20|Word off"),
            ("-20 %", "PercentOff 20"),
            ("10-20%", "Number 10|Percent 20"),
            ("$19.99", "Price 19.99"),
            ("R$ 50", "Word r|Price 50"),
            ("1.299,00 €", "Price 1.299,00"),
            ("Rp 50.000", "Price 50.000"),
            ("299k", "Price 299"),
            ("10k", "Number 10|Word k"),
            ("299.000đ", "Price 299.000"),
            ("500 руб.", "Price 500"),
            ("21 600 ₽", "Price 21600"),
            ("1\u{202f}230 €", "Price 1230"),
            ("1 200 000 руб", "Price 1200000"),
            ("room 12 300 guests", "Word room|Number 12|Number 300|Word guests"),
            ("2x1 3+1 1+1", "Multiple 2|Multiple 3|Multiple 1"),
            ("30x40", "Number 30|Mixed x40"),
            ("10:30", "Time 10:30"),
            ("10am 18h30", "Time 10|Time 18"),
            ("05/03/2026 5.3.2026 2026-03-05", "Date 05/03/2026|Date 5.3.2026|Date 2026"),
            ("#4821 №7 48213", "Id 4821|Id 7|Id 48213"),
            ("+1 5551234567 0901234567", "Number 1|Id 5551234567|Phone 0901234567"),
            ("20OFF SAVE20", "Number 20|Word off|Mixed save20"),
            ("0FF", "Mixed 0ff"),
        ] {
            assert_eq!(shown(text).join("|"), expected, "{text}");
        }
    }

    #[test]
    fn links_are_whole_and_words_are_not_links() {
        assert_eq!(shown("see https://Shop.example/sale?x=1."), ["Word see", "Link https://shop.example/sale?x=1"]);
        assert_eq!(shown("bit.ly/abc"), ["Link bit.ly/abc"]);
        assert_eq!(shown("today.Buy"), ["Word today", "Word buy"]);
    }

    #[test]
    fn spaced_out_and_mixed_letters_are_words() {
        assert_eq!(shown("S A L E now"), ["Word sale", "Word now"]);
        assert_eq!(shown("5 0 % O F F"), ["Percent 50", "Word off"]);
        assert_eq!(shown("s.a.l.e"), ["Word sale"]);
        assert_eq!(shown("cкидкa"), ["Word скидка"]);
        assert_eq!(shown("я и ты"), ["Word я", "Word и", "Word ты"]);
        assert_eq!(shown("$ALE"), ["Word sale"]);
    }

    #[test]
    fn sentences_end_where_they_end() {
        let cut = cut("Sent 3.5 kg. Buy now!\nBye");
        let sentences: Vec<usize> = cut.tokens.iter().map(|token| token.sentence).collect();
        assert_eq!(sentences, [0, 0, 0, 1, 1, 3]);
        assert_eq!(cut.exclamations, 1);
    }
}
