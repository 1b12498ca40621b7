//! The published vectors (deploy/assertion): reproducible, and a receiver that keeps the rules says of each what the
//! file says. `SIDGATE_WRITE_VECTORS=1 cargo test --test assertion` writes them anew.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod keys;
mod vectors;
mod verify;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use vectors::{AUDIENCE, ISSUER, Kept, Keys, NOW};
use verify::Receiver;

#[test]
fn the_files_are_what_the_code_makes_of_the_test_keys() {
    let made = made();
    for (name, text) in [("vectors.json", &made.0), ("test-keys.json", &made.1)] {
        if std::env::var_os("SIDGATE_WRITE_VECTORS").is_some() {
            std::fs::write(path(name), text).unwrap();
        }
        let hint = "write it anew: SIDGATE_WRITE_VECTORS=1 cargo test --test assertion";
        assert!(std::fs::read_to_string(path(name)).unwrap_or_default() == *text, "{name} is another; {hint}");
    }
}

#[test]
fn a_receiver_that_keeps_the_rules_says_of_each_what_the_file_says() {
    let file = file();
    for audience in [AUDIENCE, "backend"] {
        for vector in file["vectors"].as_array().unwrap() {
            let receiver = Receiver { jwks: &file["jwks"], issuer: ISSUER, audience, now: NOW };
            let verdict = receiver.verify(vector["token"].as_str().unwrap());
            let (name, reason) = (&vector["name"], vector["reason"].as_str());
            assert_eq!(verdict.as_ref().err().copied(), reason, "{name} for {audience}");
            assert_eq!(verdict.ok().map(Value::Object).as_ref(), vector.get("claims"), "{name}");
        }
    }
}

#[test]
fn no_vector_depends_on_how_generous_a_receiver_is_with_clocks() {
    let file = file();
    let verdicts = |now: i64| -> Vec<bool> {
        let receiver = Receiver { jwks: &file["jwks"], issuer: ISSUER, audience: AUDIENCE, now };
        let tokens = file["vectors"].as_array().unwrap().iter();
        tokens.map(|v| receiver.verify(v["token"].as_str().unwrap()).is_ok()).collect()
    };
    let valid: Vec<bool> = file["vectors"].as_array().unwrap().iter().map(|v| v["valid"] == true).collect();
    // With the leeway of the receiver above: from 5 to 60 s.
    assert_eq!(verdicts(NOW - 5), valid);
    for (late, early) in [(NOW - 50, NOW + 50), (NOW - 60, NOW + 60)] {
        let either: Vec<bool> = verdicts(late).iter().zip(verdicts(early)).map(|(a, b)| *a || b).collect();
        assert!(either.iter().zip(&valid).all(|(taken, valid)| !taken || *valid));
    }
}

#[test]
fn the_test_keys_are_those_of_the_vectors_and_say_what_they_are() {
    let (file, keys) = (file(), read("test-keys.json"));
    assert!(keys["warning"].as_str().unwrap().contains("never"));
    let kids = |set: &Value| -> BTreeSet<String> {
        set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    };
    assert!(kids(&keys).is_superset(&kids(&file["jwks"])));
    assert!(file["jwks"]["keys"].as_array().unwrap().iter().all(|key| key.get("d").is_none()));
}

fn made() -> (String, String) {
    let keys = Keys::new();
    let old = std::fs::read_to_string(path("vectors.json")).ok();
    let old: Option<Value> = old.and_then(|text| serde_json::from_str(&text).ok());
    let tokens = old.iter().flat_map(|file| file["vectors"].as_array().into_iter().flatten());
    let mut kept = Kept::new();
    for (message, signature) in tokens.filter_map(|vector| vector["token"].as_str()?.rsplit_once('.')) {
        kept.entry(message.to_owned()).or_default().push(signature.to_owned());
    }
    let vectors: Vec<Value> = vectors::all(&keys, &kept)
        .into_iter()
        .map(|v| match v.reason {
            Some(reason) => json!({ "name": v.name, "valid": false, "reason": reason, "token": v.token }),
            None => {
                let (header, claims) = verify::parts(&v.token).unwrap();
                json!({ "name": v.name, "valid": true, "token": v.token, "header": header, "claims": claims })
            }
        })
        .collect();
    let published: Vec<Value> = keys.published().iter().map(|key| key.public_jwk()).collect();
    let file = json!({
        "description": "Assertions that a receiver must take (valid) and must not; see README.md beside this file. \
            The keys are public knowledge: never trust them outside of tests.",
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "now": NOW,
        "leeway": verify::LEEWAY,
        "jwks": { "keys": published },
        "vectors": vectors,
    });
    let private: Vec<Value> = keys.all().iter().map(|key| key.private_jwk()).collect();
    let keys = json!({
        "warning": "Test keys, published. Whoever trusts one takes tokens from everybody: never use them but in tests.",
        "keys": private,
    });
    [file, keys].map(|value| serde_json::to_string_pretty(&value).unwrap() + "\n").into()
}

fn file() -> Value {
    read("vectors.json")
}

fn read(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path(name)).unwrap()).unwrap()
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/assertion").join(name)
}
