//! Several claims in one jar.

use sidgate::config::{KeyFrom, LegacyFormat};
use sidgate::legacy::{Carriers, MAX_PROOFS, Verdict, Why};

use super::{SECRET, UUID, carrier, carriers, encode, read};

const OTHER: &str = "0190d6d2-7c2f-7a3b-8c4d-0123456789ab";
const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.e30.c2ln";

/// As the contract tries them.
fn usual() -> Carriers {
    let key = || Some((SECRET, KeyFrom::Sha256));
    carriers(vec![
        carrier("uuid", "session_token", LegacyFormat::SessionId, None),
        carrier("cbc", "dott_auth_session", LegacyFormat::Aes256Cbc, key()),
        carrier("gcm", "dott_auth_session", LegacyFormat::Aes256Gcm, key()),
        carrier("jwt", "session_token", LegacyFormat::AccessToken, None),
        carrier("json", "dott_auth_session", LegacyFormat::Base64Json, None),
    ])
}

fn proofs(line: &str) -> Vec<(String, String)> {
    let claims = read(&usual(), line);
    claims.proofs().into_iter().map(|(c, p)| (c.carrier.to_string(), p.value.expose().to_owned())).collect()
}

fn sealed(session: &str) -> String {
    encode::cbc(&encode::sha256(SECRET), [1; 16], format!(r#"{{"sessionToken":"{session}"}}"#).as_bytes())
}

fn owned(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(carrier, value)| ((*carrier).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_order_is_that_of_the_carriers_and_not_of_the_header() {
    let line = format!("dott_auth_session={}; session_token={UUID}", sealed(OTHER));
    assert_eq!(proofs(&line), owned(&[("uuid", UUID), ("cbc", OTHER)]));
    let line = format!("session_token={JWT}; dott_auth_session={}", sealed(OTHER));
    assert_eq!(proofs(&line), owned(&[("cbc", OTHER), ("jwt", JWT)]));
}

#[test]
fn one_proof_in_two_cookies_is_one() {
    let line = format!("dott_auth_session={}; session_token={UUID}", sealed(UUID));
    assert_eq!(proofs(&line), owned(&[("uuid", UUID)]));
}

#[test]
fn twins_are_candidates_each_and_three_proofs_are_asked_about() {
    assert_eq!(
        proofs(&format!("session_token={UUID}; session_token={OTHER}; session_token={JWT}")),
        owned(&[("uuid", UUID), ("uuid", OTHER), ("jwt", JWT)])
    );
    let line = format!(
        "session_token={UUID}; session_token={OTHER}; session_token={JWT}; dott_auth_session={}",
        sealed("11111111-1111-4111-8111-111111111111")
    );
    assert_eq!(proofs(&line).len(), MAX_PROOFS);
    assert_eq!(proofs(&format!("session_token=backend_session; session_token={UUID}")), owned(&[("uuid", UUID)]));
}

#[test]
fn each_carrier_says_what_a_cookie_is_to_it() {
    let words = |line: &str| -> Vec<String> {
        let claims = read(&usual(), line);
        claims.candidates.iter().map(|c| format!("{} {}", c.carrier, c.verdict.as_str())).collect()
    };
    let forged = encode::base64_json(br#"{"user":{"sub":"bob"},"accessToken":"x"}"#);
    assert_eq!(words(&format!("dott_auth_session={forged}")), ["cbc none", "gcm none", "json rejected"]);
    assert_eq!(words("session_token=backend_session"), ["uuid rejected", "jwt rejected"]);
    assert_eq!(words("theme=dark; sid=x"), [""; 0]);
    let empty = read(&usual(), "session_token=");
    assert!(empty.candidates.iter().all(|c| c.verdict == Verdict::None(Why::Empty)));
    // A name in another case, or with anything around it, is another cookie.
    assert_eq!(words(&format!("Session_Token={UUID}; session_token =x; xsession_token={UUID}")), [""; 0]);
}

#[test]
fn nothing_that_is_printed_holds_a_value() {
    let claims = read(&usual(), &format!("session_token={UUID}; dott_auth_session={}", sealed(OTHER)));
    let shown = format!("{claims:?} {:?}", usual());
    assert!(!shown.contains(UUID) && !shown.contains(OTHER) && !shown.contains(SECRET), "{shown}");
}
