//! What an input is that is no log we read, by its first bytes: a picture beside the logs, an archive, a page.

use std::path::Path;

use super::Options;

/// What an input is that has no lines of UTF-8 at all, and what to do about it.
pub(super) fn foreign(start: &[u8]) -> Option<&'static str> {
    const UTF16: &str = "is UTF-16; convert it to UTF-8";
    match start {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, b'{' | b'[' | b'"', ..] | [b'{' | b'[' | b'"', 0, ..] => Some(UTF16),
        [0x1f, 0x8b, ..] => Some("is compressed (gzip); unpack it first"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("is compressed (zstd); unpack it first"),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some("is compressed (xz); unpack it first"),
        [b'B', b'Z', b'h', b'1'..=b'9', b'1', b'A', b'Y', ..] => Some("is compressed (bzip2); unpack it first"),
        // A zip archive that is a file of its own has been opened before.
        start if is_zip(start) => Some("is a zip archive in a pipe or in another archive; unpack it first"),
        _ if start.get(257..262) == Some(b"ustar") => Some("is a tar archive; unpack it first"),
        _ => None,
    }
}

/// Whether these are the first bytes of a zip archive, with or without files.
pub(super) fn is_zip(start: &[u8]) -> bool {
    matches!(start, [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..])
}

/// Whether these are the first bytes of what lies beside the logs of an export, in whatever folder it is.
pub(super) fn is_medium(start: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 8] =
        [b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"%PDF-", b"OggS", b"ID3", b"RIFF", b"\x1a\x45\xdf\xa3"];
    let page = start.trim_ascii_start().get(..14).unwrap_or_default().to_ascii_lowercase();
    BEGINNINGS.iter().any(|begin| start.starts_with(begin))
        || start.get(4..8) == Some(b"ftyp")
        || page.starts_with(b"<!doctype html")
        || page.starts_with(b"<html")
}

/// Whether a text begins like a page to read: with a heading, or a line that nothing divides into columns. Who says how to
/// read a table knows that it is one.
pub(super) fn is_prose(start: &[u8], options: &Options) -> bool {
    let first = start.trim_ascii_start().split(|c| matches!(c, b'\r' | b'\n')).next().unwrap_or_default();
    let is_text = std::str::from_utf8(first).is_ok_and(|first| !first.contains('\0'));
    let is_divided = first.iter().any(|c| b",;\t|".contains(c));
    options.map.is_empty() && options.preset.is_none() && is_text && (!is_divided || has_heading(start))
}

/// Whether a file in a folder is a page for people to read: called as one, and with a heading. A log may begin with a heading,
/// too.
pub(super) fn is_page(name: &str, start: &[u8]) -> bool {
    let end = Path::new(name).extension().unwrap_or_default();
    ["md", "markdown", "txt"].iter().any(|known| end.eq_ignore_ascii_case(known)) && has_heading(start)
}

/// Whether the first line is marked as a heading, or underlined.
fn has_heading(start: &[u8]) -> bool {
    let mut lines = start.trim_ascii_start().split(|c| *c == b'\n').map(<[u8]>::trim_ascii_end);
    let (first, second) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let is_underlined = |mark: u8| 3 <= second.len() && second.iter().all(|c| *c == mark);
    let marks = first.iter().take_while(|c| **c == b'#').count();
    (1..=6).contains(&marks) && first.get(marks) == Some(&b' ') || is_underlined(b'=') || is_underlined(b'-')
}
