//! The keys that the vectors are signed with. Everybody knows them: they come from the texts below.

use aws_lc_rs::agreement::{self, ECDH_P256};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};

/// A key that signs, of which nothing is secret.
pub(crate) struct TestKey {
    pub(crate) name: &'static str,
    pair: Pair,
    secret: Vec<u8>,
}

enum Pair {
    Es256(Box<EcdsaKeyPair>),
    EdDsa(Box<Ed25519KeyPair>),
}

impl TestKey {
    pub(crate) fn es256(name: &'static str) -> Self {
        let secret = seed(name);
        let private = agreement::PrivateKey::from_private_key(&ECDH_P256, &secret).unwrap();
        let public = private.compute_public_key().unwrap();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &secret, public.as_ref()).unwrap();
        Self { name, pair: Pair::Es256(Box::new(pair)), secret }
    }

    pub(crate) fn eddsa(name: &'static str) -> Self {
        let secret = seed(name);
        let pair = Ed25519KeyPair::from_seed_unchecked(&secret).unwrap();
        Self { name, pair: Pair::EdDsa(Box::new(pair)), secret }
    }

    pub(crate) fn alg(&self) -> &'static str {
        match self.pair {
            Pair::Es256(_) => "ES256",
            Pair::EdDsa(_) => "EdDSA",
        }
    }

    /// The thumbprint of RFC 7638: the members that make the key, in the order of their names, without a blank.
    pub(crate) fn kid(&self) -> String {
        let (x, y) = self.point();
        let members = match self.pair {
            Pair::Es256(_) => format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#),
            Pair::EdDsa(_) => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#),
        };
        BASE64URL.encode(digest(&SHA256, members.as_bytes()))
    }

    pub(crate) fn public_jwk(&self) -> Value {
        let ((x, y), kid, alg) = (self.point(), self.kid(), self.alg());
        match self.pair {
            Pair::Es256(_) => {
                json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": kid, "use": "sig", "alg": alg })
            }
            Pair::EdDsa(_) => json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "use": "sig", "alg": alg }),
        }
    }

    pub(crate) fn private_jwk(&self) -> Value {
        let mut jwk = self.public_jwk();
        jwk["d"] = BASE64URL.encode(&self.secret).into();
        jwk["name"] = self.name.into();
        jwk
    }

    pub(crate) fn sign(&self, message: &str) -> Vec<u8> {
        match &self.pair {
            Pair::Es256(pair) => pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec(),
            Pair::EdDsa(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
        }
    }

    /// Whether this is the key's signature.
    pub(crate) fn signed(&self, message: &str, signature: &[u8]) -> bool {
        let (algorithm, public): (&dyn VerificationAlgorithm, _) = match &self.pair {
            Pair::Es256(pair) => (&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref()),
            Pair::EdDsa(pair) => (&ED25519, pair.public_key().as_ref()),
        };
        UnparsedPublicKey::new(algorithm, public).verify(message.as_bytes(), signature).is_ok()
    }

    /// What a careless receiver may take for the secret of HS256: the bytes of the public key.
    pub(crate) fn public_bytes(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Es256(pair) => pair.public_key().as_ref().to_vec(),
            Pair::EdDsa(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    /// The same as PEM (RFC 5480; RFC 8410 for Ed25519).
    pub(crate) fn public_pem(&self) -> String {
        let prefix = match self.pair {
            Pair::Es256(_) => "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE",
            Pair::EdDsa(_) => "MCowBQYDK2VwAyEA",
        };
        let bytes = self.public_bytes();
        // The point without its first byte, which the prefix has already.
        let bytes = if bytes.len() == 65 { &bytes[1..] } else { &bytes[..] };
        let text = format!("{prefix}{}", base64::prelude::BASE64_STANDARD.encode(bytes));
        let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
    }

    fn point(&self) -> (String, String) {
        match &self.pair {
            Pair::Es256(pair) => {
                let point = pair.public_key().as_ref();
                (BASE64URL.encode(&point[1..33]), BASE64URL.encode(&point[33..]))
            }
            Pair::EdDsa(pair) => (BASE64URL.encode(pair.public_key().as_ref()), String::new()),
        }
    }
}

/// HMAC-SHA-256, for the tokens that pretend.
pub(crate) fn hs256(secret: &[u8], message: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes()).as_ref().to_vec()
}

fn seed(name: &str) -> Vec<u8> {
    digest(&SHA256, format!("sidgate: public test key, never to be trusted: {name}").as_bytes()).as_ref().to_vec()
}
