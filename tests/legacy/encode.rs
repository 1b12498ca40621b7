//! Cookies as applications write them.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_256, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{hkdf, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

pub(super) fn sha256(secret: &str) -> [u8; 32] {
    digest(&SHA256, secret.as_bytes()).as_ref().try_into().unwrap()
}

pub(super) fn hkdf<const N: usize>(secret: &str, salt: &str, info: &str) -> [u8; N] {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut key = [0; N];
    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, salt.as_bytes()).extract(secret.as_bytes());
    prk.expand(&[info.as_bytes()], Length(N)).unwrap().fill(&mut key).unwrap();
    key
}

fn cbc_bytes(key: &[u8], iv: [u8; 16], plain: &[u8]) -> Vec<u8> {
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_256, key).unwrap()).unwrap();
    let mut text = plain.to_vec();
    key.less_safe_encrypt(&mut text, EncryptionContext::Iv128(FixedLength::from(iv))).unwrap();
    text
}

fn gcm_bytes(key: &[u8], iv: [u8; 12], aad: &[u8], plain: &[u8]) -> Vec<u8> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap());
    let mut text = plain.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(iv), Aad::from(aad), &mut text).unwrap();
    text
}

pub(super) fn cbc(key: &[u8], iv: [u8; 16], plain: &[u8]) -> String {
    format!("{}:{}", STANDARD.encode(iv), STANDARD.encode(cbc_bytes(key, iv, plain)))
}

pub(super) fn gcm(key: &[u8], iv: [u8; 12], plain: &[u8]) -> String {
    STANDARD.encode([&iv[..], &gcm_bytes(key, iv, b"", plain)].concat())
}

pub(super) fn base64_json(plain: &[u8]) -> String {
    STANDARD.encode(plain)
}

/// `dir` with `A256GCM`, or with what the header says.
pub(super) fn jwe(key: &[u8], header: &str, iv: [u8; 12], plain: &[u8]) -> String {
    let header = URL_SAFE_NO_PAD.encode(header);
    let sealed = gcm_bytes(key, iv, header.as_bytes(), plain);
    let (text, tag) = sealed.split_at(sealed.len() - 16);
    let [iv, text, tag] = [&iv[..], text, tag].map(|part| URL_SAFE_NO_PAD.encode(part));
    format!("{header}..{iv}.{text}.{tag}")
}

/// `dir` with `A256CBC-HS512`.
pub(super) fn jwe_cbc(key: &[u8; 64], header: &str, iv: [u8; 16], plain: &[u8]) -> String {
    let header = URL_SAFE_NO_PAD.encode(header);
    let text = cbc_bytes(&key[32..], iv, plain);
    let bits = u64::try_from(header.len() * 8).unwrap().to_be_bytes();
    let mac = hmac::Key::new(hmac::HMAC_SHA512, &key[..32]);
    let tag = hmac::sign(&mac, &[header.as_bytes(), &iv, &text, &bits].concat());
    let [iv, text, tag] = [&iv[..], &text, &tag.as_ref()[..32]].map(|part| URL_SAFE_NO_PAD.encode(part));
    format!("{header}..{iv}.{text}.{tag}")
}

/// As `encodeURIComponent`.
pub(super) fn percent(text: &str) -> String {
    const KEPT: percent_encoding::AsciiSet = percent_encoding::NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'_')
        .remove(b'.')
        .remove(b'!')
        .remove(b'~')
        .remove(b'*')
        .remove(b'\'')
        .remove(b'(')
        .remove(b')');
    percent_encoding::utf8_percent_encode(text, &KEPT).to_string()
}
