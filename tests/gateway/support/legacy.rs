//! Legacy cookies, as the old application and the libraries of its time wrote them: what the gateway reads is made here
//! by other code than the gateway's.

#[path = "../../load/jar.rs"]
mod jar;

use std::num::NonZeroU32;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_256, DecryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::hmac;
use aws_lc_rs::pbkdf2::{PBKDF2_HMAC_SHA256, derive};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

use super::client::{Call, Client};

pub(crate) use jar::*;

/// What every cookie here is protected with, where it is; the file `legacy-secret` beside the configuration.
pub(crate) const SECRET: &str = "synthetic-legacy-secret-for-tests-only";

/// `[legacy]` in this mode, with every carrier of the default set in the order that the documentation shows. Keys of
/// `[legacy]` itself may follow in `more`.
pub(crate) fn tables(mode: &str, more: &str) -> String {
    let carrier = |name: &str, cookies: &str, format: &str, key: bool| {
        let key = if key { "key = \"file:legacy-secret\"\n" } else { "" };
        format!("[[legacy.carrier]]\nname = \"{name}\"\ncookies = {cookies}\nformat = \"{format}\"\n{key}")
    };
    format!("[legacy]\nenabled = true\nmode = \"{mode}\"\nper_client = \"100000/s\"\n{more}\n")
        + &carrier("id", r#"["session_token"]"#, "session_id", false)
        + &carrier("cbc", r#"["dott_auth_session", "appSession"]"#, "aes_256_cbc", true)
        + &carrier("gcm", r#"["dott_auth_session"]"#, "aes_256_gcm", true)
        + &carrier("jwe", r#"["__session"]"#, "jwe", true)
        + &carrier("token", r#"["session_token"]"#, "access_token", false)
        + &carrier("json", r#"["dott_auth_session", "appSession"]"#, "base64_json", false)
        + &carrier("authjs", r#"["authjs.session-token"]"#, "authjs", true)
}

/// A request with this jar, as a browser sends it: HTTP/2 splits the cookies.
pub(crate) fn carrying(client: &Client, path: &str, jar: &[(String, String)]) -> Call {
    if !client.h2 {
        return client.get(path).cookie(&line(jar));
    }
    jar.iter().fold(client.get(path), |call, (name, value)| call.cookie(&format!("{name}={value}")))
}

/// A JWT that nobody has signed; only the backend can say so.
pub(crate) fn token(subject: &str) -> String {
    let part = |text: String| URL_SAFE_NO_PAD.encode(text);
    let claims = serde_json::json!({ "iss": "https://auth.example.test/", "sub": subject, "exp": 4_102_444_800_u64 });
    format!("{}.{}.{}", part(r#"{"alg":"HS256","typ":"JWT"}"#.to_owned()), part(claims.to_string()), part("?".into()))
}

/// `base64(JSON)`: what anybody can write.
pub(crate) fn base64_json(session: &Value) -> String {
    STANDARD.encode(session.to_string())
}

/// `base64(iv12 ciphertext tag16)`, AES-256-GCM under PBKDF2 of a secret.
pub(crate) fn gcm(secret: &str, session: &Value) -> String {
    let mut key = [0; 32];
    let rounds = NonZeroU32::new(100_000).unwrap();
    derive(PBKDF2_HMAC_SHA256, rounds, b"dott-session-salt", secret.as_bytes(), &mut key);
    let (iv, sealed) = seal(&key, b"", session);
    STANDARD.encode([&iv[..], &sealed].concat())
}

/// A compact JWE, `dir` and `A256GCM`, as @auth0/nextjs-auth0 writes it.
pub(crate) fn jwe(secret: &str, session: &Value) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"enc":"A256GCM","alg":"dir"}"#);
    let key: [u8; 32] = expanded(secret, b"", b"JWE CEK");
    compact_gcm(&header, &key, session)
}

/// The same as next-auth 4 writes it.
pub(crate) fn next_auth(secret: &str, session: &Value) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"dir","enc":"A256GCM"}"#);
    let key: [u8; 32] = expanded(secret, b"", b"NextAuth.js Generated Encryption Key");
    compact_gcm(&header, &key, session)
}

/// As Auth.js 5 writes it, `A256CBC-HS512`; the key is salted with the cookie's name.
pub(crate) fn authjs(secret: &str, cookie: &str, session: &Value) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"dir","enc":"A256CBC-HS512"}"#);
    let info = format!("Auth.js Generated Encryption Key ({cookie})");
    let key: [u8; 64] = expanded(secret, cookie.as_bytes(), info.as_bytes());
    let (mac, sealing) = key.split_at(32);
    let mut text = session.to_string().into_bytes();
    let sealing = UnboundCipherKey::new(&AES_256, sealing).and_then(PaddedBlockEncryptingKey::cbc_pkcs7).unwrap();
    let DecryptionContext::Iv128(iv) = sealing.encrypt(&mut text).unwrap() else { panic!("CBC has an IV") };
    let iv: &[u8; 16] = iv.as_ref();
    // RFC 7518 section 5.2.2.1: header, IV, ciphertext and the header's length in bits.
    let bits = (header.len() as u64 * 8).to_be_bytes();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, mac), &[header.as_bytes(), iv, &text, &bits].concat());
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    format!("{header}..{}.{}.{}", part(iv), part(&text), part(&tag.as_ref()[..32]))
}

/// Cut into cookies `name.0`, `name.1` ..., none longer than this.
pub(crate) fn chunked(name: &str, separator: &str, value: &str, length: usize) -> Vec<(String, String)> {
    let pieces = value.as_bytes().chunks(length).map(|piece| String::from_utf8(piece.to_vec()).unwrap());
    pieces.enumerate().map(|(n, piece)| (format!("{name}{separator}{n}"), piece)).collect()
}

fn compact_gcm(header: &str, key: &[u8; 32], session: &Value) -> String {
    let (iv, sealed) = seal(key, header.as_bytes(), session);
    let (text, tag) = sealed.split_at(sealed.len() - 16);
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    format!("{header}..{}.{}.{}", part(&iv), part(text), part(tag))
}

fn seal(key: &[u8; 32], aad: &[u8], session: &Value) -> ([u8; 12], Vec<u8>) {
    let iv: [u8; 12] = uuid::Uuid::new_v4().as_bytes()[..12].try_into().unwrap();
    let mut bytes = session.to_string().into_bytes();
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap());
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(iv), Aad::from(aad), &mut bytes).unwrap();
    (iv, bytes)
}

fn expanded<const N: usize>(secret: &str, salt: &[u8], info: &[u8]) -> [u8; N] {
    struct Length(usize);
    impl KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut key = [0; N];
    let salted = Salt::new(HKDF_SHA256, salt).extract(secret.as_bytes());
    salted.expand(&[info], Length(N)).unwrap().fill(&mut key).unwrap();
    key
}

#[test]
fn a_full_jar_is_what_browsers_still_accept() {
    let jar = full(SECRET, "5fc76680-b807-4a36-b4fa-f6df80022189");
    let largest = jar.iter().map(|(_, value)| value.len()).max().unwrap();
    assert!(jar.len() > 15 && (LARGEST - 40..=LARGEST).contains(&largest), "{} cookies, {largest}", jar.len());
    assert!(jar.iter().all(|(name, value)| name.len() + value.len() <= 4096));
    assert!((4_500..16_000).contains(&line(&jar).len()));
}
