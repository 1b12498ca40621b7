//! JWE in its compact form (RFC 7516), with the key itself as the content encryption key (`dir`).

use aws_lc_rs::{constant_time, hmac};

use super::cbc::Cbc;
use super::gcm::{Gcm, IV, TAG};
use super::key::{Key, expand};
use super::token;
use crate::legacy::{Verdict, Why, encoding};

/// A key for `A256GCM`.
#[derive(Debug)]
pub(in crate::legacy) struct Jwe(Gcm);

impl Jwe {
    pub(super) fn new(key: &Key) -> Option<Self> {
        Gcm::new(key).map(Self)
    }

    pub(super) fn open(&self, text: &str) -> Result<Vec<u8>, Verdict> {
        let compact = Compact::parse(text)?;
        if compact.encryption != "A256GCM" {
            return Err(Verdict::Rejected(Why::Algorithm));
        }
        compact.open_gcm(&self.0).ok_or(Verdict::Rejected(Why::Undecryptable))
    }
}

/// The keys of Auth.js and NextAuth for one cookie. Both are made from one secret: Auth.js takes the cookie's name as
/// the salt and says it in what the key is for, NextAuth 4 has neither.
#[derive(Debug)]
pub(in crate::legacy) struct Authjs {
    current: Gcm,
    nextauth: Gcm,
    cbc: CbcHs512,
}

impl Authjs {
    pub(super) fn new(secret: &str, cookie: &str) -> Option<Self> {
        let info = format!("Auth.js Generated Encryption Key ({cookie})");
        Some(Self {
            current: Gcm::new(&expand(secret, cookie, &info)?)?,
            nextauth: Gcm::new(&expand(secret, "", "NextAuth.js Generated Encryption Key")?)?,
            cbc: CbcHs512::new(&expand(secret, cookie, &info)?)?,
        })
    }

    pub(super) fn open(&self, text: &str) -> Result<Vec<u8>, Verdict> {
        let compact = Compact::parse(text)?;
        let plain = match compact.encryption.as_str() {
            "A256GCM" => compact.open_gcm(&self.current).or_else(|| compact.open_gcm(&self.nextauth)),
            "A256CBC-HS512" => self.cbc.open(&compact),
            _ => return Err(Verdict::Rejected(Why::Algorithm)),
        };
        plain.ok_or(Verdict::Rejected(Why::Undecryptable))
    }
}

/// `A256CBC-HS512` (RFC 7518, section 5.2.5).
#[derive(Debug)]
struct CbcHs512 {
    mac: hmac::Key,
    cbc: Cbc,
}

impl CbcHs512 {
    fn new(key: &[u8; 64]) -> Option<Self> {
        let (mac, encryption) = key.split_at(32);
        let cbc = Cbc::new(encryption.try_into().ok()?)?;
        Some(Self { mac: hmac::Key::new(hmac::HMAC_SHA512, mac), cbc })
    }

    fn open(&self, compact: &Compact<'_>) -> Option<Vec<u8>> {
        let iv = <[u8; 16]>::try_from(compact.iv.as_slice()).ok()?;
        let bits = u64::try_from(compact.header.len()).ok()?.checked_mul(8)?;
        let mut context = hmac::Context::with_key(&self.mac);
        for part in [compact.header.as_bytes(), &iv, &compact.ciphertext, &bits.to_be_bytes()] {
            context.update(part);
        }
        let mac = context.sign();
        // Half of it is the tag. Nothing is decrypted without it, so the padding tells nobody anything.
        let half = mac.as_ref().get(..32)?;
        constant_time::verify_slices_are_equal(half, &compact.tag).ok()?;
        self.cbc.decrypt(iv, compact.ciphertext.clone())
    }
}

/// The five parts.
struct Compact<'a> {
    /// As it stands: it is what is authenticated.
    header: &'a str,
    encryption: String,
    iv: Vec<u8>,
    ciphertext: Vec<u8>,
    tag: Vec<u8>,
}

impl<'a> Compact<'a> {
    /// Takes it apart. Nothing but `dir` is read, nothing compressed, and no extension that must be understood.
    fn parse(text: &'a str) -> Result<Self, Verdict> {
        let parts: Vec<&str> = text.splitn(6, '.').collect();
        let [header, key, iv, ciphertext, tag] = parts[..] else { return Err(Verdict::None(Why::OtherFormat)) };
        let malformed = Verdict::Rejected(Why::Malformed);
        let Some(fields) = token::object(header) else { return Err(malformed) };
        let field = |name| fields.get(name).and_then(serde_json::Value::as_str);
        let (Some("dir"), Some(encryption)) = (field("alg"), field("enc")) else {
            return Err(Verdict::Rejected(Why::Algorithm));
        };
        if ["zip", "crit"].iter().any(|name| fields.contains_key(*name)) {
            return Err(Verdict::Rejected(Why::Algorithm));
        }
        let decoded = [iv, ciphertext, tag].map(encoding::base64url);
        let ([Some(iv), Some(ciphertext), Some(tag)], "") = (decoded, key) else { return Err(malformed) };
        Ok(Self { header, encryption: encryption.to_owned(), iv, ciphertext, tag })
    }

    fn open_gcm(&self, key: &Gcm) -> Option<Vec<u8>> {
        let iv = <[u8; IV]>::try_from(self.iv.as_slice()).ok()?;
        if self.tag.len() != TAG {
            return None;
        }
        key.decrypt(iv, self.header.as_bytes(), [self.ciphertext.as_slice(), &self.tag].concat())
    }
}
