//! Every vector of the contract, raw and percent-encoded, with its key as bytes and made from its secret.

use serde_json::Value;
use sidgate::config::{KeyFrom, LegacyCarrier, LegacyFormat};
use sidgate::legacy::{Verdict, Why, is_publicly_known};

use super::{UUID, carrier, proof, verdict};

fn vectors() -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("vectors.json")).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

fn text<'v>(vector: &'v Value, key: &str) -> Option<&'v str> {
    vector[key].as_str()
}

/// The format, and each way to its key.
fn ways(vector: &Value) -> (LegacyFormat, Vec<Option<(&str, KeyFrom)>>) {
    let bytes = text(vector, "key_hex").map(|hex| (hex, KeyFrom::Bytes));
    let from = |way| text(vector, "secret").map(|secret| (secret, way));
    let pbkdf2 = KeyFrom::Pbkdf2 { salt: "dott-session-salt".into(), iterations: 100_000 };
    let hkdf = KeyFrom::Hkdf { salt: String::new(), info: "JWE CEK".into() };
    let raw = text(vector, "key_source").is_some_and(|source| source.contains("UTF-8 bytes"));
    match text(vector, "format").unwrap().as_bytes()[0] {
        b'A' => (LegacyFormat::Aes256Cbc, vec![bytes, from(if raw { KeyFrom::Bytes } else { KeyFrom::Sha256 })]),
        b'B' => (LegacyFormat::Base64Json, vec![None]),
        b'C' => (LegacyFormat::Aes256Gcm, vec![bytes, from(pbkdf2)]),
        b'D' => (LegacyFormat::Jwe, vec![bytes, from(hkdf)]),
        b'F' => (LegacyFormat::AccessToken, vec![None]),
        b'E' | b'G' => (LegacyFormat::SessionId, vec![None]),
        other => panic!("a carrier {}", char::from(other)),
    }
}

/// What the contract says of each, in the words of a verdict.
fn expected(id: &str) -> Result<&'static str, Verdict> {
    match id {
        "cbc-sha256-secret"
        | "cbc-env-key-32-ascii"
        | "cbc-default-dev-key"
        | "gcm-pbkdf2-edge"
        | "session_token-uuid" => Ok("session_id"),
        "cbc-no-sessiontoken" | "b64-appsession-minimal" | "jwe-auth0-v4" | "session_token-jwt" => Ok("access_token"),
        "cbc-expired" => Err(Verdict::Rejected(Why::Expired)),
        "cbc-tampered-last-byte" => Err(Verdict::Rejected(Why::Undecryptable)),
        "b64-forged" => Err(Verdict::Rejected(Why::Malformed)),
        "session_token-sentinel" => Err(Verdict::Rejected(Why::Sentinel)),
        other => panic!("a vector {other} that nobody expects"),
    }
}

#[test]
fn every_vector_is_what_the_contract_says() {
    for vector in vectors() {
        let id = text(&vector, "id").unwrap();
        if id == "onboarding_status-a" {
            continue;
        }
        let (format, ways) = ways(&vector);
        for key in ways.iter().enumerate().filter(|(i, way)| *i == 0 || way.is_some()).map(|(_, way)| way) {
            for spelling in ["value", "value_percent_encoded"] {
                let verdict = verdict(format, key.clone(), text(&vector, spelling).unwrap());
                match expected(id) {
                    Ok(kind) => assert_eq!(verdict.as_str(), kind, "{id} {spelling} {key:?}: {verdict:?}"),
                    Err(expected) => assert_eq!(verdict, expected, "{id} {spelling} {key:?}"),
                }
                if let Some((kind, value)) = proof(&verdict) {
                    let plain = &vector["plaintext"];
                    let inner = if kind == "session_id" {
                        plain["sessionToken"].as_str()
                    } else {
                        plain["accessToken"].as_str().or(plain["tokenSet"]["accessToken"].as_str())
                    };
                    assert_eq!(value, inner.unwrap_or_else(|| text(&vector, "value").unwrap()), "{id}");
                }
            }
        }
    }
}

/// State that is no session: whoever names it as a carrier gets nothing from it.
#[test]
fn a_hint_of_the_application_is_no_proof() {
    let vectors = vectors();
    let hint = vectors.iter().find(|v| v["id"] == "onboarding_status-a").unwrap();
    for format in [LegacyFormat::Base64Json, LegacyFormat::SessionId, LegacyFormat::AccessToken, LegacyFormat::Jwe] {
        let key = Some(("some secret of theirs", KeyFrom::Sha256));
        for spelling in ["value", "value_percent_encoded"] {
            let verdict = verdict(format, key.clone(), text(hint, spelling).unwrap());
            assert_eq!(verdict, Verdict::None(Why::OtherFormat), "{format:?}");
        }
    }
}

#[test]
fn the_sentinels_are_refused_whatever_reads_them() {
    for word in ["backend_session", "session-token", "session-v2-active"] {
        for format in [LegacyFormat::SessionId, LegacyFormat::AccessToken, LegacyFormat::Opaque] {
            assert_eq!(verdict(format, None, word), Verdict::Rejected(Why::Sentinel), "{word} {format:?}");
        }
    }
    assert_eq!(verdict(LegacyFormat::Opaque, None, UUID).as_str(), "opaque");
}

#[test]
fn the_key_of_development_builds_is_known_to_everybody() {
    let vectors = vectors();
    let vector = vectors.iter().find(|v| v["id"] == "cbc-default-dev-key").unwrap();
    let given = |key: &str, from| -> LegacyCarrier {
        carrier("x", "c", LegacyFormat::Aes256Cbc, Some((text(vector, key).unwrap(), from)))
    };
    assert!(is_publicly_known(&given("secret", KeyFrom::Sha256)));
    assert!(is_publicly_known(&given("key_hex", KeyFrom::Bytes)));
    assert!(!is_publicly_known(&carrier("x", "c", LegacyFormat::SessionId, None)));
}
