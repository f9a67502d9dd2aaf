//! How credentials and people are shown: by a hash that stands for them and does not give them away.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

/// Twelve hex digits for a sentence or a column: enough to tell two apart on a page.
pub(crate) fn short_hash(secret: &str) -> String {
    hash(secret, 6)
}

/// The same of a token, whether the log has the token or its name.
pub(crate) fn short_token(token: &str) -> String {
    let name = token_name(token);
    name.chars().skip(NAMED.len()).take(12).collect()
}

/// The name of a token that does not give it away, long enough to tell any two of a long log apart. A name is its own name:
/// a log that was converted knows its tokens by them, and another one of the same business by the tokens themselves.
pub(crate) fn token_name(token: &str) -> Cow<'_, str> {
    match token.strip_prefix(NAMED) {
        Some(digits) if digits.len() == 24 && digits.bytes().all(|c| c.is_ascii_hexdigit()) => Cow::Borrowed(token),
        _ => Cow::Owned(format!("{NAMED}{}", hash(token, 12))),
    }
}

/// How the name of a token begins.
const NAMED: &str = "sha256:";

fn hash(secret: &str, bytes: usize) -> String {
    Sha256::digest(secret.as_bytes()).iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}
