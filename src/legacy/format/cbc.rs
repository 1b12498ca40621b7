//! `base64(iv) ":" base64(ciphertext)`: AES-256-CBC with PKCS#7.
//!
//! There is no MAC. Who flips a bit of the IV changes one of the first block, so what is read is as good as written by
//! whoever sent it: a claim, and never an identity.

use aws_lc_rs::cipher::{AES_256, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;

use super::key::Key;
use crate::legacy::{Verdict, Why, encoding};

const BLOCK: usize = 16;

/// A key of this format.
#[derive(Debug)]
pub(in crate::legacy) struct Cbc(PaddedBlockDecryptingKey);

impl Cbc {
    pub(super) fn new(key: &Key) -> Option<Self> {
        let key = UnboundCipherKey::new(&AES_256, key).ok()?;
        PaddedBlockDecryptingKey::cbc_pkcs7(key).ok().map(Self)
    }

    pub(super) fn open(&self, text: &str) -> Result<Vec<u8>, Verdict> {
        let (iv, ciphertext) = text.split_once(':').ok_or(Verdict::None(Why::OtherFormat))?;
        let malformed = Verdict::Rejected(Why::Malformed);
        let (Some(iv), Some(ciphertext)) = (encoding::base64(iv), encoding::base64(ciphertext)) else {
            return Err(malformed);
        };
        let Ok(iv) = <[u8; BLOCK]>::try_from(iv) else { return Err(malformed) };
        self.decrypt(iv, ciphertext).ok_or(Verdict::Rejected(Why::Undecryptable))
    }

    /// Whole blocks, at least one, with good padding.
    pub(super) fn decrypt(&self, iv: [u8; BLOCK], mut ciphertext: Vec<u8>) -> Option<Vec<u8>> {
        if ciphertext.is_empty() || !ciphertext.len().is_multiple_of(BLOCK) {
            return None;
        }
        let iv = DecryptionContext::Iv128(FixedLength::from(iv));
        let length = self.0.decrypt(&mut ciphertext, iv).ok()?.len();
        ciphertext.truncate(length);
        Some(ciphertext)
    }
}
