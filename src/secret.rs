//! How credentials and people are shown: by a hash that stands for them and does not give them away.

use sha2::{Digest, Sha256};

/// Twelve hex digits for a sentence or a column: enough to tell two apart on a page.
pub(crate) fn short_hash(secret: &str) -> String {
    hash(secret, 6)
}

/// Twenty-four hex digits, enough to tell any two of a long log apart.
pub(crate) fn long_hash(secret: &str) -> String {
    hash(secret, 12)
}

fn hash(secret: &str, bytes: usize) -> String {
    Sha256::digest(secret.as_bytes()).iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}
