//! Hashes and sids: what is kept of a secret, and how one is made.

use aws_lc_rs::{digest, hmac};
use uuid::{Builder, Uuid};

/// A SHA-256.
pub(super) type Digest = [u8; 32];

/// SHA-256 of anything.
pub(super) fn sha256(bytes: &[u8]) -> Digest {
    first(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// HMAC-SHA256.
pub(super) fn hmac_sha256(key: &[u8], message: &[u8]) -> Digest {
    first(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message).as_ref())
}

/// A new sid.
pub(super) fn random_sid() -> String {
    Uuid::new_v4().to_string()
}

/// A sid that the same hash always makes again; its shape is that of a random one.
pub(super) fn derived_sid(hash: &Digest) -> String {
    Builder::from_random_bytes(first(hash)).into_uuid().to_string()
}

/// What is stored of a sid. `None` unless it is the one canonical spelling: 36 characters in lower case.
pub(super) fn stored(sid: &str) -> Option<Digest> {
    let uuid = Uuid::try_parse(sid).ok()?;
    (uuid.to_string() == sid).then(|| sha256(sid.as_bytes()))
}

/// Reads a hash written as 64 hex digits.
pub(super) fn from_hex(text: &str) -> Option<Digest> {
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut hash = Digest::default();
    for (i, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(hash)
}

fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    std::array::from_fn(|i| bytes[i])
}
