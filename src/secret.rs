//! How credentials and people are shown: by a hash that stands for them and does not give them away.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

/// Twelve hex digits for a sentence or a column: enough to tell two apart on a page.
pub(crate) fn short_hash(secret: &str) -> String {
    let mut hash = String::with_capacity(12);
    push_hex(&mut hash, &Sha256::digest(secret.as_bytes())[..6]);
    hash
}

/// Two digits for each byte: every finding about a token names one, and there is no need to format them.
fn push_hex(text: &mut String, bytes: &[u8]) {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    text.extend(digits.map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])));
}

/// The same of a token, whether the log has the token or its name.
pub(crate) fn short_token(token: &str) -> String {
    let mut short = String::with_capacity(12);
    push_hex(&mut short, &token_key(token)[..6]);
    short
}

/// The name of a token that does not give it away, long enough to tell any two of a long log apart. A name is its own name:
/// a log that was converted knows its tokens by them, and another one of the same business by the tokens themselves.
pub(crate) fn token_name(token: &str) -> String {
    name_of(&token_key(token))
}

/// What a token is known by, the same for the token and for its name.
pub(crate) type TokenKey = [u8; 12];

/// The key of a token or of a token's name.
pub(crate) fn token_key(token: &str) -> TokenKey {
    let mut key = TokenKey::default();
    if let Some(digits) = token.strip_prefix(NAMED).map(str::as_bytes)
        && digits.len() == 2 * key.len()
        && digits.iter().all(u8::is_ascii_hexdigit)
    {
        let value = |digit: u8| char::from(digit).to_digit(16).unwrap_or(0) as u8;
        for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = value(pair[0]) << 4 | value(pair[1]);
        }
        return key;
    }
    for (byte, hashed) in key.iter_mut().zip(Sha256::digest(token.as_bytes())) {
        *byte = hashed;
    }
    key
}

/// The name of the token with this key.
pub(crate) fn name_of(key: &TokenKey) -> String {
    let mut name = String::with_capacity(NAMED.len() + 2 * key.len());
    name.push_str(NAMED);
    push_hex(&mut name, key);
    name
}

/// How the name of a token begins.
const NAMED: &str = "sha256:";

/// Names under which a credential follows, in links, in JSON and in headers.
const NAMES: [&str; 10] = [
    "access_token",
    "accesstoken",
    "appsecret_proof",
    "app_secret",
    "client_secret",
    "fb_exchange_token",
    "input_token",
    "authorization",
    "bearer",
    "oauth",
];
/// What may stand between a name and its credential.
const SEPARATORS: [char; 7] = [' ', '\t', '=', ':', '"', '\'', '\\'];
/// How Meta's access tokens begin.
const BEGINNINGS: [&str; 3] = ["EAA", "IGQ", "IGAA"];
/// So many letters and digits behind such a beginning are no word.
const LONG: usize = 10;

/// Whether something in the text looks like a credential.
pub(crate) fn has_credential(text: &str) -> bool {
    matches!(without_credentials(text, |_| String::new()), Cow::Owned(_))
}

/// The text with whatever looks like a credential in it replaced by `instead` of it: a log may have one in any place, a
/// link to the next page in a message, a header in a word that we do not know.
pub(crate) fn without_credentials(text: &str, instead: impl Fn(&str) -> String) -> Cow<'_, str> {
    let mut clean: Option<String> = None;
    // Up to where the text is copied, and from where it is looked at.
    let (mut copied, mut at) = (0, 0);
    while at < text.len() {
        let rest = &text[at..];
        // A name may be the end of another one (`page_access_token`), or stand behind a `%3F`.
        let begins_word = !text[..at].ends_with(is_of_token);
        if let Some((begin, end)) = named(rest).or_else(|| if begins_word { bare(rest) } else { None }) {
            let clean = clean.get_or_insert_with(String::new);
            clean.push_str(&text[copied..at + begin]);
            clean.push_str(&instead(&rest[begin..end]));
            copied = at + end;
            at = copied;
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    match clean {
        None => Cow::Borrowed(text),
        Some(clean) => Cow::Owned(clean + &text[copied..]),
    }
}

/// Where the credential stands of which `text` begins with the name.
fn named(text: &str) -> Option<(usize, usize)> {
    let starts =
        |at: usize, word: &str| text.get(at..at + word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
    let name = NAMES.iter().find(|name| starts(0, name))?;
    let mut begin = name.len();
    loop {
        let rest = &text[begin..];
        let gap = rest.len() - rest.trim_start_matches(SEPARATORS).len();
        let next = begin + gap;
        begin = match ["%3D", "%22", "bearer ", "oauth "].iter().find(|word| starts(next, word)) {
            // `Authorization: Bearer ...`
            Some(word) => next + word.len(),
            None if next == name.len() => return None,
            None => break,
        };
    }
    let begin = text.len() - text[begin..].trim_start_matches(SEPARATORS).len();
    let rest = &text[begin..];
    let ends = |c: char| c.is_whitespace() || "&\"'\\,;)]}#".contains(c);
    let end = begin + rest.find(ends).unwrap_or(rest.len());
    // What stands behind these names may be any word, unless it is long and has a digit.
    let may_be_word = matches!(*name, "bearer" | "oauth" | "authorization");
    let is_long = LONG <= end - begin && text[begin..end].contains(|c: char| c.is_ascii_digit());
    (if may_be_word { is_long } else { begin < end }).then_some((begin, end))
}

/// Where the credential ends with which `text` begins, if it looks like one by itself.
fn bare(text: &str) -> Option<(usize, usize)> {
    let run = |from: usize| from + text[from..].find(|c| !is_of_token(c)).unwrap_or(text.len() - from);
    if BEGINNINGS.iter().any(|begin| text.starts_with(begin)) {
        let end = run(0);
        return (LONG + 3 <= end).then_some((0, end));
    }
    // The token of an app: its id and its secret.
    let digits = text.find(|c: char| !c.is_ascii_digit()).filter(|digits| 5 < *digits)?;
    let bar = ["|", "%7C", "%7c"].iter().find(|bar| text[digits..].starts_with(**bar))?;
    let end = run(digits + bar.len());
    (LONG <= end - digits - bar.len()).then_some((0, end))
}

fn is_of_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_known_wherever_they_stand() {
        for (text, expected) in [
            (
                "https://graph.facebook.com/v19.0/t_1/messages?access_token=EAAGx&limit=25",
                "https://graph.facebook.com/v19.0/t_1/messages?access_token=*&limit=25",
            ),
            ("https://x/?limit=25&access_token=short", "https://x/?limit=25&access_token=*"),
            ("redirect=%3Faccess_token%3DEAAGabc", "redirect=%3Faccess_token%3D*"),
            (r#"{"access_token":"abc","x":1}"#, r#"{"access_token":"*","x":1}"#),
            (r#"{\"access_token\": \"abc\"}"#, r#"{\"access_token\": \"*\"}"#),
            ("Authorization: Bearer abcdefghijk1, x", "Authorization: Bearer *, x"),
            ("OAuth EAAGm0PX4ZCpsBA", "OAuth *"),
            ("token EAAGm0PX4ZCpsBAKZC and IGQVJabcdefghij", "token * and *"),
            ("1234567890|abcdefghijklmnop-q", "*"),
            ("appsecret_proof=0a1b", "appsecret_proof=*"),
        ] {
            assert_eq!(without_credentials(text, |_| "*".to_owned()), expected);
        }
        for text in [
            "",
            "EAA",
            "EAAGER",
            "the bearer of news",
            "oauth is a protocol",
            "Authorization: representative",
            "access_token",
            "access_tokens are nice",
            "12|34",
            "123456|short",
            "XEAAGm0PX4ZCpsBAKZC",
            "é EAA é",
        ] {
            assert_eq!(without_credentials(text, |_| "*".to_owned()), text);
        }
    }
}
