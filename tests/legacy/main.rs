//! What the decoders of legacy cookies make of every vector of the contract, of what the tests encode themselves, and
//! of anything else.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod arbitrary;
mod corpus;
mod encode;
mod round_trips;
#[path = "../fuzz/src/targets.rs"]
mod targets;
mod twins;
mod vectors;

use http::HeaderMap;
use http::header::COOKIE;
use jiff::Timestamp;
use sidgate::config::{self, JsonPointers, KeyFrom, LegacyCarrier, LegacyFormat, Place, Secret};
use sidgate::legacy::{Carriers, Claims, Jar, Verdict};

const UUID: &str = "5fc76680-b807-4a36-b4fa-f6df80022189";
const SECRET: &str = "synthetic-auth0-client-secret-for-vectors-only";

/// In 2027: nothing of the vectors is over that is not meant to be.
fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn carrier(name: &str, cookie: &str, format: LegacyFormat, key: Option<(&str, KeyFrom)>) -> LegacyCarrier {
    let (secret, key_from) = key.unwrap_or(("", KeyFrom::Sha256));
    LegacyCarrier {
        name: name.into(),
        cookies: vec![cookie.into()],
        format,
        key: Some(Secret::new(secret)),
        key_from,
        pointers: JsonPointers::default(),
        place: Place::default(),
    }
}

fn carriers(all: Vec<LegacyCarrier>) -> Carriers {
    Carriers::new(&config::Legacy { enabled: true, carriers: all, ..config::Legacy::default() })
}

/// What one carrier says to one value of the cookie `c`.
fn verdict(format: LegacyFormat, key: Option<(&str, KeyFrom)>, value: &str) -> Verdict {
    let claims = carriers(vec![carrier("x", "c", format, key)]).read(&Jar::single("c", value.as_bytes()), now());
    let [candidate] = &claims.candidates[..] else { panic!("{claims:?}") };
    candidate.verdict.clone()
}

/// What all of them say to a `Cookie` line.
fn read(carriers: &Carriers, line: &str) -> Claims {
    let headers = HeaderMap::from_iter([(COOKIE, line.parse().unwrap())]);
    carriers.read(&Jar::of(&headers), now())
}

/// Kind and value of the proof.
fn proof(verdict: &Verdict) -> Option<(&'static str, &str)> {
    match verdict {
        Verdict::Proof(proof) => Some((proof.kind.as_str(), proof.value.expose())),
        Verdict::None(_) | Verdict::Rejected(_) => None,
    }
}
