//! Legacy cookies, as the old application and the libraries of its time wrote them: what the gateway reads is made here
//! by other code than the gateway's.

#[expect(dead_code, reason = "the decoders' own tests use all of it")]
#[path = "../../legacy/encode.rs"]
mod encode;
#[path = "../../load/jar.rs"]
mod jar;

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2::{PBKDF2_HMAC_SHA256, derive};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
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
    encode::base64_json(&bytes(session))
}

/// `base64(iv12 ciphertext tag16)`, AES-256-GCM under PBKDF2 of a secret.
pub(crate) fn gcm(secret: &str, session: &Value) -> String {
    let mut key = [0; 32];
    let rounds = NonZeroU32::new(100_000).unwrap();
    derive(PBKDF2_HMAC_SHA256, rounds, b"dott-session-salt", secret.as_bytes(), &mut key);
    encode::gcm(&key, random(), &bytes(session))
}

/// A compact JWE, `dir` and `A256GCM`, as @auth0/nextjs-auth0 writes it.
pub(crate) fn jwe(secret: &str, session: &Value) -> String {
    let key: [u8; 32] = encode::hkdf(secret, "", "JWE CEK");
    encode::jwe(&key, r#"{"enc":"A256GCM","alg":"dir"}"#, random(), &bytes(session))
}

/// The same as next-auth 4 writes it.
pub(crate) fn next_auth(secret: &str, session: &Value) -> String {
    let key: [u8; 32] = encode::hkdf(secret, "", "NextAuth.js Generated Encryption Key");
    encode::jwe(&key, r#"{"alg":"dir","enc":"A256GCM"}"#, random(), &bytes(session))
}

/// As Auth.js 5 writes it, `A256CBC-HS512`; the key is salted with the cookie's name.
pub(crate) fn authjs(secret: &str, cookie: &str, session: &Value) -> String {
    let info = format!("Auth.js Generated Encryption Key ({cookie})");
    let key: [u8; 64] = encode::hkdf(secret, cookie, &info);
    encode::jwe_cbc(&key, r#"{"alg":"dir","enc":"A256CBC-HS512"}"#, random(), &bytes(session))
}

/// Cut into cookies `name.0`, `name.1` ..., none longer than this.
pub(crate) fn chunked(name: &str, separator: &str, value: &str, length: usize) -> Vec<(String, String)> {
    let pieces = value.as_bytes().chunks(length).map(|piece| String::from_utf8(piece.to_vec()).unwrap());
    pieces.enumerate().map(|(n, piece)| (format!("{name}{separator}{n}"), piece)).collect()
}

fn bytes(session: &Value) -> Vec<u8> {
    session.to_string().into_bytes()
}

fn random<const N: usize>() -> [u8; N] {
    uuid::Uuid::new_v4().as_bytes()[..N].try_into().unwrap()
}

#[test]
fn a_full_jar_is_what_browsers_still_accept() {
    let jar = full(SECRET, "5fc76680-b807-4a36-b4fa-f6df80022189");
    let largest = jar.iter().map(|(_, value)| value.len()).max().unwrap();
    assert!(jar.len() > 15 && NEARLY.contains(&largest), "{} cookies, {largest}", jar.len());
    assert!(jar.iter().all(|(name, value)| name.len() + value.len() <= 4096));
    assert!((4_500..16_000).contains(&line(&jar).len()));
}
