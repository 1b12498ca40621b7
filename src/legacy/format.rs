//! How the text of a cookie is read.

mod cbc;
mod gcm;
mod json;
mod jwe;
mod key;
mod token;

use jiff::Timestamp;

pub use key::is_publicly_known;

use super::{Verdict, Why, encoding};
use crate::config::{JsonPointers, LegacyCarrier, LegacyFormat};
use cbc::Cbc;
use gcm::Gcm;
use jwe::{Authjs, Jwe};

/// A format with its key.
#[derive(Debug)]
pub(super) enum Format {
    SessionId,
    AccessToken,
    Opaque,
    Json(Box<Sealed>, JsonPointers),
    /// A key that cannot be used. A configuration that has been checked has none.
    Unusable,
}

/// What JSON is in.
#[derive(Debug)]
pub(super) enum Sealed {
    Base64,
    Cbc(Box<Cbc>),
    Gcm(Gcm),
    Jwe(Jwe),
    Authjs(Box<Authjs>),
}

impl Format {
    /// Of a carrier; `cookie` is the name that Auth.js makes its key with.
    pub(super) fn new(carrier: &LegacyCarrier, cookie: &str) -> Self {
        let sealed = || {
            Some(match carrier.format {
                LegacyFormat::Aes256Cbc => Sealed::Cbc(Box::new(Cbc::new(&key::derive(carrier)?)?)),
                LegacyFormat::Aes256Gcm => Sealed::Gcm(Gcm::new(&key::derive(carrier)?)?),
                LegacyFormat::Jwe => Sealed::Jwe(Jwe::new(&key::derive(carrier)?)?),
                LegacyFormat::Authjs => Sealed::Authjs(Box::new(Authjs::new(carrier.key.as_ref()?.expose(), cookie)?)),
                _ => Sealed::Base64,
            })
        };
        match carrier.format {
            LegacyFormat::SessionId => Self::SessionId,
            LegacyFormat::AccessToken => Self::AccessToken,
            LegacyFormat::Opaque => Self::Opaque,
            _ => sealed().map_or(Self::Unusable, |sealed| Self::Json(Box::new(sealed), carrier.pointers.clone())),
        }
    }

    /// What the text is at this time.
    pub(super) fn read(&self, text: &str, now: Timestamp) -> Verdict {
        let read = match self {
            Self::SessionId => return token::session_id(text),
            Self::AccessToken => return token::access_token(text, now),
            Self::Opaque => return token::opaque(text),
            Self::Unusable => return Verdict::Rejected(Why::Undecryptable),
            Self::Json(sealed, pointers) => sealed.open(text).and_then(|plain| json::claim(&plain, pointers, now)),
        };
        read.unwrap_or_else(|verdict| verdict)
    }
}

impl Sealed {
    /// The JSON, as bytes; or what the text is instead.
    fn open(&self, text: &str) -> Result<Vec<u8>, Verdict> {
        match self {
            Self::Base64 => base64_json(text),
            Self::Cbc(cbc) => cbc.open(text),
            Self::Gcm(gcm) => gcm.open(text),
            Self::Jwe(jwe) => jwe.open(text),
            Self::Authjs(authjs) => authjs.open(text),
        }
    }
}

/// `base64(JSON)`: anybody can write it, and what is in it is a claim as good as one that is encrypted.
fn base64_json(text: &str) -> Result<Vec<u8>, Verdict> {
    match encoding::base64(text) {
        Some(plain) if looks_like_json(&plain) => Ok(plain),
        _ => Err(Verdict::None(Why::OtherFormat)),
    }
}

fn looks_like_json(plain: &[u8]) -> bool {
    plain.trim_ascii_start().first() == Some(&b'{')
}
