//! Letters as they are compared: lower case, without diacritics, without costume.
//!
//! Whoever writes to many people writes `GIẢM GIÁ`, `giam gia`, `𝗚𝗜𝗔̉𝗠 𝗚𝗜𝗔́` or `ⓖⓘⓐⓜ ⓖⓘⓐ`, and means the same. What is folded
//! here is folded in the lexicon too, so that both sides always agree.

use std::sync::LazyLock;

/// Latin letters with what hangs on them, by the letter that is left. The capital and the small one are both listed.
const LATIN: &[(char, &str)] = &[
    ('a', "àáâãäåāăąǎạảấầẩẫậắằẳẵặÀÁÂÃÄÅĀĂĄǍẠẢẤẦẨẪẬẮẰẲẴẶªᴀ"),
    ('b', "ʙ"),
    ('c', "çćĉċčÇĆĈĊČᴄ"),
    ('d', "ďđðĎĐÐᴅ"),
    ('e', "èéêëēĕėęěẹẻẽếềểễệÈÉÊËĒĔĖĘĚẸẺẼẾỀỂỄỆᴇ"),
    ('f', "ꜰ"),
    ('g', "ĝğġģĜĞĠĢɢ"),
    ('h', "ĥħĤĦʜ"),
    ('i', "ìíîïĩīĭįıǐịỉÌÍÎÏĨĪĬĮİǏỊỈɪ"),
    ('j', "ĵĴᴊ"),
    ('k', "ķĶᴋ"),
    ('l', "ĺļľŀłĹĻĽĿŁʟ"),
    ('m', "ᴍ"),
    ('n', "ñńņňŉÑŃŅŇɴ"),
    ('o', "òóôõöøōŏőơǒọỏốồổỗộớờởỡợÒÓÔÕÖØŌŎŐƠǑỌỎỐỒỔỖỘỚỜỞỠỢºᴏ"),
    ('p', "ᴘ"),
    ('r', "ŕŗřŔŖŘʀ"),
    ('s', "śŝşšșŚŜŞŠȘ"),
    ('t', "ţťŧțŢŤŦȚᴛ"),
    ('u', "ùúûüũūŭůűųưǔụủứừửữựÙÚÛÜŨŪŬŮŰŲƯǓỤỦỨỪỬỮỰᴜ"),
    ('v', "ᴠ"),
    ('w', "ŵŴᴡ"),
    ('y', "ýÿŷỳỵỷỹÝŶŸỲỴỶỸʏ"),
    ('z', "źżžŹŻŽᴢ"),
];

/// The letters of `LATIN` by code point; nought is none of them.
static TABLE: LazyLock<Box<[u8]>> = LazyLock::new(|| {
    let mut table = vec![0; 0x1f00];
    for (plain, dressed) in LATIN {
        for c in dressed.chars() {
            if let Some(slot) = table.get_mut(c as usize) {
                *slot = *plain as u8;
            }
        }
    }
    table.into()
});

/// What is left of a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Folded {
    /// One letter or digit.
    One(char),
    /// Two letters: `ß` is `ss`.
    Two(char, char),
    /// Nothing: a combining mark, a joiner, something without width.
    Nothing,
    /// It is neither a letter nor a digit.
    Sign,
}

/// One character folded.
pub(super) fn fold(c: char) -> Folded {
    if c.is_ascii() {
        return if c.is_ascii_alphanumeric() { Folded::One(c.to_ascii_lowercase()) } else { Folded::Sign };
    }
    match TABLE.get(c as usize) {
        Some(0) | None => {}
        Some(plain) => return Folded::One(char::from(*plain)),
    }
    match c {
        'ß' | 'ẞ' => Folded::Two('s', 's'),
        'æ' | 'Æ' => Folded::Two('a', 'e'),
        'œ' | 'Œ' => Folded::Two('o', 'e'),
        'ё' | 'Ё' => Folded::One('е'),
        'й' | 'Й' => Folded::One('и'),
        // Most of what is neither ASCII nor in the table, and quicker than asking Unicode.
        'а'..='я' => Folded::One(c),
        'А'..='Я' => Folded::One(char::from_u32(c as u32 + 0x20).unwrap_or(c)),
        '\u{300}'..='\u{36f}'
        | '\u{ad}'
        | '\u{200b}'..='\u{200d}'
        | '\u{2060}'
        | '\u{feff}'
        | '\u{fe00}'..='\u{fe0f}' => Folded::Nothing,
        '\u{20d0}'..='\u{20ff}' => Folded::Nothing,
        'ꜱ' => Folded::One('s'),
        '\u{ff10}'..='\u{ff19}' | '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}' => ascii(c as u32 - 0xfee0),
        // Circled and squared letters, and those of regional indicators.
        '\u{24b6}'..='\u{24cf}' => letter(c as u32 - 0x24b6),
        '\u{24d0}'..='\u{24e9}' => letter(c as u32 - 0x24d0),
        '\u{1f110}'..='\u{1f129}' => letter(c as u32 - 0x1f110),
        '\u{1f130}'..='\u{1f149}' => letter(c as u32 - 0x1f130),
        '\u{1f150}'..='\u{1f169}' => letter(c as u32 - 0x1f150),
        '\u{1f170}'..='\u{1f189}' => letter(c as u32 - 0x1f170),
        // The mathematical alphabets: thirteen of Latin letters, then the digits.
        '\u{1d400}'..='\u{1d6a3}' => letter((c as u32 - 0x1d400) % 26),
        '\u{1d7ce}'..='\u{1d7ff}' => ascii(0x30 + (c as u32 - 0x1d7ce) % 10),
        _ if c.is_alphanumeric() => Folded::One(c.to_lowercase().next().unwrap_or(c)),
        _ => Folded::Sign,
    }
}

fn letter(index: u32) -> Folded {
    ascii(0x61 + index)
}

fn ascii(code: u32) -> Folded {
    match char::from_u32(code) {
        Some(c) => Folded::One(c.to_ascii_lowercase()),
        None => Folded::Sign,
    }
}

/// The Latin letter that looks like this Cyrillic one.
pub(super) fn as_latin(c: char) -> Option<char> {
    CYRILLIC.chars().position(|known| known == c).and_then(|at| LOOKALIKES.chars().nth(at))
}

/// The Cyrillic letter that looks like this Latin one.
pub(super) fn as_cyrillic(c: char) -> Option<char> {
    LOOKALIKES.chars().position(|known| known == c).and_then(|at| CYRILLIC.chars().nth(at))
}

const CYRILLIC: &str = "асеокрхумтвнігп";
const LOOKALIKES: &str = "aceokpxymtbhirn";

/// The letter that a digit or sign stands for where somebody hides a word: `S4LE`.
pub(super) fn unmasked(c: char) -> char {
    match c {
        '0' => 'o',
        '1' => 'i',
        '3' => 'e',
        '4' => 'a',
        '5' => 's',
        '7' => 't',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        let mut all = String::new();
        for c in text.chars() {
            match fold(c) {
                Folded::One(one) => all.push(one),
                Folded::Two(one, two) => all.extend([one, two]),
                Folded::Nothing => {}
                Folded::Sign => all.push(' '),
            }
        }
        all
    }

    #[test]
    fn one_word_in_many_costumes() {
        for text in
            ["GIẢM GIÁ", "giảm giá", "giam gia", "𝗚𝗜𝗔𝗠 𝗚𝗜𝗔", "ⓖⓘⓐⓜ ⓖⓘⓐ", "ｇｉａｍ　ｇｉａ", "gia\u{309}m gia\u{301}"]
        {
            assert_eq!(folded(text), "giam gia", "{text}");
        }
        assert_eq!(folded("Größe Œuvre ÉTÉ Скидка ещё 𝟓𝟎 ᴅɪsᴄᴏᴜɴᴛ"), "grosse oeuvre ete скидка еще 50 discount");
        assert_eq!(folded("5️⃣0️⃣"), "50");
    }

    #[test]
    fn lookalikes_lead_both_ways() {
        for (one, other) in CYRILLIC.chars().zip(LOOKALIKES.chars()) {
            assert_eq!((as_latin(one), as_cyrillic(other)), (Some(other), Some(one)));
        }
        assert_eq!((as_latin('a'), unmasked('4'), unmasked('b')), (None, 'a', 'b'));
    }
}
