//! Keys, made from secrets.

use std::num::NonZeroU32;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::{hkdf, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::config::{KeyFrom, LegacyCarrier};

/// For AES-256.
pub(super) type Key = [u8; 32];

/// The key of a carrier.
pub(super) fn derive(carrier: &LegacyCarrier) -> Option<Key> {
    let secret = carrier.key.as_ref()?.expose();
    match &carrier.key_from {
        KeyFrom::Bytes => bytes(secret),
        KeyFrom::Sha256 => Some(sha256(secret)),
        KeyFrom::Pbkdf2 { salt, iterations } => {
            let mut key = [0; 32];
            let iterations = NonZeroU32::new(*iterations)?;
            pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt.as_bytes(), secret.as_bytes(), &mut key);
            Some(key)
        }
        KeyFrom::Hkdf { salt, info } => expand(secret, salt, info),
        KeyFrom::Authjs => None,
    }
}

/// HKDF with SHA-256 (RFC 5869).
pub(super) fn expand<const N: usize>(secret: &str, salt: &str, info: &str) -> Option<[u8; N]> {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut key = [0; N];
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, salt.as_bytes()).extract(secret.as_bytes());
    extracted.expand(&[info.as_bytes()], Length(N)).ok()?.fill(&mut key).ok()?;
    Some(key)
}

/// What unconfigured development builds encrypted with, and so can everybody.
const DEVELOPMENT: &str = "default-dev-key";

/// Whether everybody knows the key of a carrier, in whatever form it is given.
pub fn is_publicly_known(carrier: &LegacyCarrier) -> bool {
    let Some(secret) = carrier.key.as_ref().map(|key| key.expose().trim()) else { return false };
    let known = sha256(DEVELOPMENT);
    let hex: String = known.iter().map(|byte| format!("{byte:02x}")).collect();
    secret == DEVELOPMENT
        || secret.eq_ignore_ascii_case(&hex)
        || secret.trim_end_matches('=') == STANDARD.encode(known).trim_end_matches('=')
}

/// As they are, or as hexadecimal digits.
fn bytes(secret: &str) -> Option<Key> {
    if let Ok(key) = Key::try_from(secret.as_bytes()) {
        return Some(key);
    }
    let digits = secret.as_bytes();
    let mut key = [0; 32];
    if digits.len() != 2 * key.len() {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(key)
}

fn sha256(secret: &str) -> Key {
    let mut key = [0; 32];
    key.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
    key
}

#[cfg(test)]
mod tests {
    use crate::config::{JsonPointers, LegacyFormat, Place, Secret};

    use super::*;

    fn carrier(secret: &str, key_from: KeyFrom) -> LegacyCarrier {
        LegacyCarrier {
            name: "x".into(),
            cookies: Vec::new(),
            format: LegacyFormat::Aes256Cbc,
            key: Some(Secret::new(secret)),
            key_from,
            pointers: JsonPointers::default(),
            place: Place::default(),
        }
    }

    #[test]
    fn bytes_are_taken_as_they_are_or_as_digits() {
        let text = "0123456789abcdefghijklmnopqrstuv";
        let hex = "303132333435363738396162636465666768696a6b6c6d6e6f70717273747576";
        assert_eq!(derive(&carrier(text, KeyFrom::Bytes)).as_ref().map(<[u8; 32]>::as_slice), Some(text.as_bytes()));
        assert_eq!(derive(&carrier(text, KeyFrom::Bytes)), derive(&carrier(hex, KeyFrom::Bytes)));
        for none in ["short", &hex[2..], &hex.replace('6', "x")] {
            assert_eq!(derive(&carrier(none, KeyFrom::Bytes)), None, "{none}");
        }
    }

    #[test]
    fn the_key_of_unconfigured_builds_is_known_in_every_form() {
        for known in [
            "default-dev-key",
            "901f94e59fe853b297af428a6a561787324feb928cf22a642b4685f02182d0e8",
            "901F94E59FE853B297AF428A6A561787324FEB928CF22A642B4685F02182D0E8",
            "kB+U5Z/oU7KXr0KKalYXhzJP65KM8ipkK0aF8CGC0Og=",
        ] {
            assert!(is_publicly_known(&carrier(known, KeyFrom::Sha256)), "{known}");
        }
        assert!(!is_publicly_known(&carrier("default-dev-keys", KeyFrom::Sha256)));
    }
}
