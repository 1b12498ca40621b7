//! One key: read, generated, published, used.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as BASE64URL};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use serde::Serialize;

use crate::config::Algorithm;

/// The keys of deploy/assertion/test-keys.json, whose private halves everybody has.
const PUBLISHED: [&str; 6] = [
    "BmbEeM2Ug8csjIkEPtTZNiP7upsQGLFAdXDgyswb3b8",
    "utpu3b6SNUrPtZ7whEnqgFUnICsBeBPTSWAZlXWzoQc",
    "vmEN6sDjTPvXridWs3bvS9iw855qdaNtKJmg6s_PWmI",
    "NlnOq1oXfJA9sfjeC0NlFcwS60pxjdspJ5K81poAUKs",
    "5DJbi2Sq256OrM6fcuEB0GLEt-j-nrCm9OubI-WacvU",
    "vMXlY4zpbeLuM2IgwWQ6kiDOGu0VTheyJ7cXZL-91OA",
];

/// A key that signs. `Debug` shows its name.
pub(super) struct Key {
    /// Its thumbprint (RFC 7638), by which receivers find it.
    pub(super) kid: String,
    /// The header of every token that it signs, encoded.
    pub(super) header: String,
    pair: Pair,
}

enum Pair {
    Es256(Box<EcdsaKeyPair>),
    EdDsa(Box<Ed25519KeyPair>),
}

/// The public half (RFC 7517, section 4; RFC 8037, section 2).
#[derive(Debug, Serialize)]
pub(super) struct Jwk {
    kty: &'static str,
    crv: &'static str,
    x: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    kid: String,
    r#use: &'static str,
    alg: &'static str,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {}", self.kid)
    }
}

impl Key {
    /// A new one, as the text of a PEM file (PKCS#8, RFC 5958). Holds a secret.
    ///
    /// # Errors
    /// In words; only when the system has no randomness.
    pub(super) fn generate(algorithm: Algorithm) -> Result<String, String> {
        let random = SystemRandom::new();
        let document = match algorithm {
            Algorithm::Es256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random),
            // Version 1 of the format: what other programs read.
            Algorithm::EdDsa => Ed25519KeyPair::generate_pkcs8v1(&random),
        };
        let document = document.map_err(|_| "no key could be generated")?;
        let text = BASE64_STANDARD.encode(document.as_ref());
        let lines = text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok());
        let body: String = lines.flat_map(|line| [line, "\n"]).collect();
        Ok(format!("-----BEGIN PRIVATE KEY-----\n{body}-----END PRIVATE KEY-----\n"))
    }

    /// Reads the text of a PEM file.
    ///
    /// # Errors
    /// In words, without anything of the text.
    pub(super) fn from_pem(text: &[u8]) -> Result<Self, String> {
        let convert = "convert it: openssl pkcs8 -topk8 -nocrypt -in KEY -out KEY.pem";
        let der = match PrivateKeyDer::from_pem_slice(text) {
            Ok(PrivateKeyDer::Pkcs8(der)) => der,
            Ok(_) => return Err(format!("its private key is not in PKCS#8 form; {convert}")),
            Err(_) if text.windows(21).any(|w| w == b"ENCRYPTED PRIVATE KEY") => {
                return Err(format!("its private key is encrypted, and there is nobody to ask; {convert}"));
            }
            Err(_) => return Err("it holds no private key in PEM form".into()),
        };
        let der = der.secret_pkcs8_der();
        let ec = || EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).ok().map(Box::new);
        let ed = || Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok().map(Box::new);
        let pair = ec().map(Pair::Es256).or_else(|| ed().map(Pair::EdDsa));
        let key = Self::new(pair.ok_or("its key is neither EC P-256 nor Ed25519; `sidgate keys new` makes one")?);
        if PUBLISHED.contains(&key.kid.as_str()) {
            return Err("it is a test key that everybody has; `sidgate keys new` makes one of your own".into());
        }
        Ok(key)
    }

    fn new(pair: Pair) -> Self {
        let mut key = Self { kid: String::new(), header: String::new(), pair };
        let jwk = key.jwk();
        // The members that make the key, in the order of their names, without a blank.
        let members = match &jwk.y {
            Some(y) => format!(r#"{{"crv":"{}","kty":"{}","x":"{}","y":"{y}"}}"#, jwk.crv, jwk.kty, jwk.x),
            None => format!(r#"{{"crv":"{}","kty":"{}","x":"{}"}}"#, jwk.crv, jwk.kty, jwk.x),
        };
        key.kid = BASE64URL.encode(digest(&SHA256, members.as_bytes()));
        let alg = key.algorithm().as_str();
        key.header = BASE64URL.encode(format!(r#"{{"alg":"{alg}","typ":"JWT","kid":"{}"}}"#, key.kid));
        key
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        match self.pair {
            Pair::Es256(_) => Algorithm::Es256,
            Pair::EdDsa(_) => Algorithm::EdDsa,
        }
    }

    /// The public half.
    pub(super) fn jwk(&self) -> Jwk {
        let (kty, crv, x, y) = match &self.pair {
            Pair::Es256(pair) => {
                // A point that is not compressed: 0x04, x, y.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                ("EC", "P-256", x, Some(BASE64URL.encode(y)))
            }
            Pair::EdDsa(pair) => ("OKP", "Ed25519", pair.public_key().as_ref(), None),
        };
        let (kid, alg) = (self.kid.clone(), self.algorithm().as_str());
        Jwk { kty, crv, x: BASE64URL.encode(x), y, kid, r#use: "sig", alg }
    }

    /// Adds the signature of all of `token` to it (RFC 7515, section 3.1). Nothing when the library refuses.
    pub(super) fn sign(&self, token: &mut String) -> Option<()> {
        let signature = match &self.pair {
            Pair::Es256(pair) => pair.sign(&SystemRandom::new(), token.as_bytes()).ok()?,
            Pair::EdDsa(pair) => pair.try_sign(token.as_bytes()).ok()?,
        };
        token.push('.');
        BASE64URL.encode_string(signature.as_ref(), token);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_key_is_read_again_and_is_its_thumbprint() {
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
            let text = Key::generate(algorithm).unwrap();
            let (once, again) = (Key::from_pem(text.as_bytes()).unwrap(), Key::from_pem(text.as_bytes()).unwrap());
            assert_eq!((once.algorithm(), &once.kid), (algorithm, &again.kid));
            assert_eq!(once.kid.len(), 43);
            assert!(!format!("{once:?}").contains("PRIVATE"));
        }
    }

    /// The example of RFC 8037, appendices A.1 and A.3.
    #[test]
    fn the_thumbprint_is_that_of_the_standard() {
        let seed = BASE64URL.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        assert_eq!(Key::new(Pair::EdDsa(Box::new(pair))).kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn the_published_test_keys_are_refused() {
        let file: serde_json::Value =
            serde_json::from_str(include_str!("../../deploy/assertion/test-keys.json")).unwrap();
        let mut kids: Vec<&str> =
            file["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect();
        kids.sort_unstable();
        let mut refused = PUBLISHED.to_vec();
        refused.sort_unstable();
        assert_eq!(kids, refused);
    }

    #[test]
    fn anything_but_a_key_that_can_sign_is_refused_in_words() {
        for (text, word) in [
            ("", "no private key"),
            ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", "encrypted"),
            ("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n", "openssl pkcs8"),
            ("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n", "openssl pkcs8"),
            ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "neither"),
            ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "no private key"),
        ] {
            let reason = Key::from_pem(text.as_bytes()).unwrap_err();
            assert!(reason.contains(word) && !reason.contains("AAAA"), "{text}: {reason}");
        }
    }
}
