//! Looking through text eight bytes at a time: most of a log, and most of a report, is text in which nothing happens.

/// The first place from `at` on that is a quote, a backslash or a control character.
pub(crate) fn special(bytes: &[u8], at: usize) -> usize {
    first(
        bytes,
        at,
        |word| below(word, 0x20) | is(word, b'"') | is(word, b'\\'),
        |c| matches!(c, b'"' | b'\\' | ..0x20),
    )
}

/// The same, or anything that is not ASCII, or DEL.
pub(crate) fn unusual(bytes: &[u8], at: usize) -> usize {
    first(
        bytes,
        at,
        |word| below(word, 0x20) | is(word, b'"') | is(word, b'\\') | is(word, 0x7f) | (word & HIGHS),
        |c| matches!(c, b'"' | b'\\' | ..0x20 | 0x7f..),
    )
}

/// The first place from `at` on that is `byte`. Where it is near, this is quicker than the call of a search made for far ones.
pub(crate) fn near(bytes: &[u8], at: usize, byte: u8) -> Option<usize> {
    let found = first(bytes, at, |word| is(word, byte), |c| c == byte);
    (found < bytes.len()).then_some(found)
}

/// The first place from `at` on for which `one` holds; `eight` marks such bytes of a word by their highest bit, and perhaps
/// bytes after the first such one.
fn first(bytes: &[u8], mut at: usize, eight: impl Fn(u64) -> u64, one: impl Fn(u8) -> bool) -> usize {
    while let Some((word, _)) = bytes.get(at..).and_then(<[u8]>::split_first_chunk::<8>) {
        let found = eight(u64::from_le_bytes(*word));
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|c| !one(*c)) {
        at += 1;
    }
    at
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Marks the bytes below `limit`, which is at most 0x80.
const fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(ONES * limit as u64) & !word & HIGHS
}

/// Marks the bytes that are `byte`.
const fn is(word: u64, byte: u8) -> u64 {
    below(word ^ (ONES * byte as u64), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_found_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for at in 0..20 {
                let mut bytes = [b'a'; 20];
                bytes[at] = byte;
                let is_special = matches!(byte, b'"' | b'\\' | ..0x20);
                assert_eq!(special(&bytes, 0), if is_special { at } else { 20 }, "{byte}");
                let is_unusual = is_special || 0x7f <= byte;
                assert_eq!(unusual(&bytes, 0), if is_unusual { at } else { 20 }, "{byte}");
            }
        }
        for at in 0..20 {
            assert_eq!(near(b"aaaaaaaaaaaaaaaaaaaa,", at, b','), Some(20));
            assert_eq!(near(b",aaaaaaaaaaaaaaaaaaa", at + 1, b','), None);
        }
        assert_eq!((special(b"", 0), special(b"\"a\"", 1), unusual(b"\"", 1)), (0, 2, 1));
    }
}
