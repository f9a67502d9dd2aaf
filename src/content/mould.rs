//! What is the same in messages of one mould: a template with names and numbers put in leaves it when they are taken out.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use crate::content::fold::{Folded, fold};

/// Shorter texts are the same by chance: people thank, greet and apologise in the same few words. In bytes of folded
/// letters, since a word of few characters is a word of many bytes where characters are words.
const SHORTEST: usize = 20;

/// A number that texts share which differ in case, signs, numbers and capitalised names alone; nothing for a text so short
/// that people write the same by chance.
///
/// ```
/// use fbwin::content::mould;
///
/// let to_ana = mould("Hi Ana, your order #48213 is on its way to you!");
/// assert!(to_ana.is_some());
/// assert_eq!(to_ana, mould("Hi Bob, your order #7 is on its way to you."));
/// assert_ne!(to_ana, mould("Hi Ana, your order #48213 could not be sent to you!"));
/// assert_eq!(mould("Thank you, Ana!"), None);
/// ```
pub fn mould(text: &str) -> Option<u64> {
    // A fixed key, so that a text has the same number on every thread.
    let mut hasher = SipHasher13::new();
    let (mut kept, mut begins) = (0, true);
    let mut rest = text;
    while let Some(from) = rest.find(|c| matches!(fold(c), Folded::One(_) | Folded::Two(..))) {
        let (between, word) = rest.split_at(from);
        // After the end of a sentence a capital says nothing.
        begins |= between.contains(['.', '!', '?', ':', '\n', '…', '。']);
        let end = word.find(|c| fold(c) == Folded::Sign).unwrap_or(word.len());
        let (word, after) = word.split_at(end);
        let is_address = begins && after.starts_with(',');
        if word.contains(|c: char| c.is_numeric()) {
            hasher.write(b"0");
        } else if is_name(word) && (!begins || is_address) {
            hasher.write(b"A");
        } else {
            kept += write(word, &mut hasher);
        }
        hasher.write_u8(0xff);
        begins = false;
        rest = after;
    }
    (SHORTEST <= kept).then(|| hasher.finish())
}

/// Whether a word is written like a name: one capital, then small letters.
fn is_name(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(char::is_uppercase) && letters.clone().any(char::is_lowercase)
}

/// Writes the folded letters of a word, and says how many bytes they are.
fn write(word: &str, hasher: &mut SipHasher13) -> usize {
    let mut bytes = 0;
    let mut one = |letter: char| {
        let mut buffer = [0; 4];
        let letter = letter.encode_utf8(&mut buffer);
        hasher.write(letter.as_bytes());
        bytes += letter.len();
    };
    for c in word.chars() {
        match fold(c) {
            Folded::One(letter) => one(letter),
            Folded::Two(letter, other) => {
                one(letter);
                one(other);
            }
            Folded::Nothing | Folded::Sign => {}
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::mould;

    #[test]
    fn case_signs_names_and_numbers_make_no_difference() {
        let one = mould("Hello Ana! Your parcel 12 is waiting at our counter.");
        assert!(one.is_some());
        for same in [
            "HELLO Bob — your parcel 7 is WAITING at our counter",
            "hello Zoë 🎉 your parcel 99999 is waiting, at our cou\u{ad}nter!!!",
        ] {
            assert_eq!(mould(same), one, "{same}");
        }
        assert_ne!(one, mould("Hello Ana! Your parcel 12 is waiting at our office."));
        assert_eq!(
            mould("Ana, your parcel is waiting at our counter"),
            mould("Bob, your parcel is waiting at our counter")
        );
    }

    #[test]
    fn what_people_write_alike_by_chance_has_no_mould() {
        for text in
            ["", "ok", "Thank you!", "Have a nice day!", "Ana Bob Eve Kim Lee Max Ned 1234567890123456789012345"]
        {
            assert_eq!(mould(text), None, "{text}");
        }
        // Seven characters that are a sentence.
        assert!(mould("您的订单已发货").is_some());
    }
}
