//! How credentials and people are shown: by a hash that stands for them and does not give them away.

use sha2::{Digest, Sha256};

/// Twelve hex digits for a sentence or a column: enough to tell two apart on a page.
pub(crate) fn short_hash(secret: &str) -> String {
    Sha256::digest(secret.as_bytes()).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// The same of a token, whether the log has the token or its name.
pub(crate) fn short_token(token: &str) -> String {
    let name = token_name(token);
    name.chars().skip(NAMED.len()).take(12).collect()
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
    let digits = key.iter().map(|byte| format!("{byte:02x}"));
    std::iter::once(NAMED.to_owned()).chain(digits).collect()
}

/// How the name of a token begins.
const NAMED: &str = "sha256:";
