//! `base64(iv ciphertext tag)`: AES-256-GCM.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::key::Key;
use super::looks_like_json;
use crate::legacy::{Verdict, Why, encoding};

pub(super) const IV: usize = 12;
pub(super) const TAG: usize = 16;

/// A key of this format.
#[derive(Debug)]
pub(in crate::legacy) struct Gcm(LessSafeKey);

impl Gcm {
    pub(super) fn new(key: &Key) -> Option<Self> {
        UnboundKey::new(&AES_256_GCM, key).ok().map(|key| Self(LessSafeKey::new(key)))
    }

    pub(super) fn open(&self, text: &str) -> Result<Vec<u8>, Verdict> {
        let sealed = encoding::base64(text).filter(|bytes| bytes.len() >= IV + TAG);
        let mut sealed = sealed.ok_or(Verdict::None(Why::OtherFormat))?;
        let (head, rest) = sealed.split_at_mut(IV);
        let Ok(iv) = <[u8; IV]>::try_from(&*head) else { return Err(Verdict::Rejected(Why::Malformed)) };
        if let Some(plain) = self.decrypt(iv, b"", rest.to_vec()) {
            return Ok(plain);
        }
        // The same names carry `base64(JSON)`.
        Err(if looks_like_json(&sealed) && std::str::from_utf8(&sealed).is_ok() {
            Verdict::None(Why::OtherFormat)
        } else {
            Verdict::Rejected(Why::Undecryptable)
        })
    }

    /// `sealed` ends with the tag.
    pub(super) fn decrypt(&self, iv: [u8; IV], aad: &[u8], mut sealed: Vec<u8>) -> Option<Vec<u8>> {
        let nonce = Nonce::assume_unique_for_key(iv);
        let length = self.0.open_in_place(nonce, Aad::from(aad), &mut sealed).ok()?.len();
        sealed.truncate(length);
        Some(sealed)
    }
}
