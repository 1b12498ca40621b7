//! How a receiver verifies an assertion: the rules of deploy/assertion/README.md, written down once more and by itself,
//! so that what signs and what verifies share no line.
#![allow(dead_code, reason = "each test binary uses its part")]

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Map, Value};

/// Seconds that the clocks of gateway and receiver may differ.
pub(crate) const LEEWAY: i64 = 10;

/// Seconds from `iat` to `exp`, at most.
pub(crate) const LONGEST: i64 = 60;

const REQUIRED: [&str; 7] = ["iss", "aud", "sub", "sid_h", "iat", "exp", "jti"];

/// The parts of a token: header, claims.
pub(crate) type Parts = (Map<String, Value>, Map<String, Value>);

/// Who receives, and when.
pub(crate) struct Receiver<'a> {
    pub(crate) jwks: &'a Value,
    pub(crate) issuer: &'a str,
    pub(crate) audience: &'a str,
    /// Unix seconds.
    pub(crate) now: i64,
}

impl Receiver<'_> {
    /// The claims, or the word of the first rule that is broken.
    pub(crate) fn verify(&self, token: &str) -> Result<Map<String, Value>, &'static str> {
        let (header, claims) = parts(token).ok_or("malformed")?;
        self.check_signature(token, &header)?;
        self.check_claims(&claims)?;
        Ok(claims)
    }

    fn check_signature(&self, token: &str, header: &Map<String, Value>) -> Result<(), &'static str> {
        let algorithm = header.get("alg").and_then(Value::as_str).filter(|alg| ["ES256", "EdDSA"].contains(alg));
        let algorithm = algorithm.ok_or("algorithm")?;
        if header.contains_key("crit") {
            return Err("critical_header");
        }
        if !header.get("typ").and_then(Value::as_str).is_some_and(|typ| typ.eq_ignore_ascii_case("JWT")) {
            return Err("type");
        }
        let key = self.key(header).ok_or("unknown_key")?;
        if key["alg"] != algorithm {
            return Err("key_algorithm");
        }
        let (message, signature) = token.rsplit_once('.').ok_or("malformed")?;
        let signature = BASE64URL.decode(signature).map_err(|_| "malformed")?;
        let part = |name: &str| key[name].as_str().and_then(|text| BASE64URL.decode(text).ok()).unwrap_or_default();
        let verified = match algorithm {
            "ES256" => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, [vec![4], part("x"), part("y")].concat())
                .verify(message.as_bytes(), &signature),
            _ => UnparsedPublicKey::new(&ED25519, part("x")).verify(message.as_bytes(), &signature),
        };
        verified.map_err(|_| "signature")
    }

    /// From the key set alone: what a token says of keys (`jwk`, `jku`, `x5c`) is not looked at.
    fn key(&self, header: &Map<String, Value>) -> Option<&Value> {
        let kid = header.get("kid")?.as_str()?;
        self.jwks["keys"].as_array()?.iter().find(|key| key["kid"] == kid)
    }

    fn check_claims(&self, claims: &Map<String, Value>) -> Result<(), &'static str> {
        if REQUIRED.iter().any(|name| !claims.contains_key(*name)) {
            return Err("claim_missing");
        }
        let text = |name: &str| claims[name].as_str().filter(|text| !text.is_empty()).ok_or("claim_malformed");
        let seconds = |name: &str| claims[name].as_i64().ok_or("claim_malformed");
        let (issuer, _, _, _) = (text("iss")?, text("sub")?, text("sid_h")?, text("jti")?);
        let (issued, expires) = (seconds("iat")?, seconds("exp")?);
        let audience = claims["aud"].as_array().ok_or("claim_malformed")?;
        if issuer != self.issuer {
            Err("issuer")
        } else if !audience.iter().any(|name| name == self.audience) {
            Err("audience")
        } else if expires - issued > LONGEST {
            Err("lifetime")
        } else if self.now - LEEWAY >= expires {
            Err("expired")
        } else if issued > self.now + LEEWAY {
            Err("not_yet_valid")
        } else {
            Ok(())
        }
    }
}

/// Header and claims, unverified. Three parts of base64url without padding (RFC 7515, section 7.1).
pub(crate) fn parts(token: &str) -> Option<Parts> {
    let [header, claims, signature] = <[&str; 3]>::try_from(token.split('.').collect::<Vec<_>>()).ok()?;
    let object = |part: &str| serde_json::from_slice(&BASE64URL.decode(part).ok()?).ok();
    BASE64URL.decode(signature).ok()?;
    Some((object(header)?, object(claims)?))
}
