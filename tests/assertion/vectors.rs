//! What deploy/assertion/vectors.json holds: tokens that a receiver takes, and all kinds that it must not.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};

use super::keys::{TestKey, hs256};

pub(crate) const ISSUER: &str = "sidgate";
pub(crate) const AUDIENCE: &str = "nextjs";
/// 2026-01-01T00:00:00Z, in Unix seconds.
pub(crate) const NOW: i64 = 1_767_225_600;

/// The key set's: one that signs, the one before it, one that is published and signs soon; and one of the other kind.
pub(crate) struct Keys {
    pub(crate) current: TestKey,
    pub(crate) previous: TestKey,
    pub(crate) next: TestKey,
    pub(crate) ed: TestKey,
    /// Those of somebody else.
    pub(crate) stranger: TestKey,
    pub(crate) ed_stranger: TestKey,
}

impl Keys {
    pub(crate) fn new() -> Self {
        Self {
            current: TestKey::es256("es256-current"),
            previous: TestKey::es256("es256-previous"),
            next: TestKey::es256("es256-next"),
            ed: TestKey::eddsa("eddsa-current"),
            stranger: TestKey::es256("es256-of-another-gateway"),
            ed_stranger: TestKey::eddsa("eddsa-of-another-gateway"),
        }
    }

    pub(crate) fn published(&self) -> [&TestKey; 4] {
        [&self.current, &self.previous, &self.next, &self.ed]
    }

    pub(crate) fn all(&self) -> [&TestKey; 6] {
        [&self.current, &self.previous, &self.next, &self.ed, &self.stranger, &self.ed_stranger]
    }
}

/// A token and what is to be said of it.
pub(crate) struct Vector {
    pub(crate) name: &'static str,
    pub(crate) token: String,
    /// Why it must not be taken; absent: it must be.
    pub(crate) reason: Option<&'static str>,
}

/// The signatures that a file has of a signing input: those of ES256 are random, and need not change at each writing.
pub(crate) type Kept = BTreeMap<String, Vec<String>>;

/// Every vector.
pub(crate) fn all(keys: &Keys, kept: &Kept) -> Vec<Vector> {
    let mut out = Vec::new();
    let maker = Maker { keys, kept };
    maker.good(&mut out);
    maker.of_other_keys(&mut out);
    maker.of_other_algorithms(&mut out);
    maker.of_faulty_signatures(&mut out);
    maker.of_faulty_headers(&mut out);
    maker.of_faulty_claims(&mut out);
    maker.of_faulty_forms(&mut out);
    out
}

struct Maker<'a> {
    keys: &'a Keys,
    kept: &'a Kept,
}

impl Maker<'_> {
    fn good(&self, out: &mut Vec<Vector>) {
        let Keys { current, previous, next, ed, .. } = self.keys;
        let mut add = |name, token| out.push(Vector { name, token, reason: None });
        add("es256", self.token(current, claims()));
        add("eddsa", self.token(ed, claims()));
        add("es256_previous_key_still_published", self.token(previous, claims()));
        add("es256_next_key_published_ahead", self.token(next, claims()));
        add("just_signed", self.other());
        add("about_to_expire", self.token(current, with(&[("iat", json!(NOW - 59)), ("exp", json!(NOW + 1))])));
        // A receiver allows for clocks that differ a little.
        add("gateway_clock_5s_ahead", self.token(current, with(&[("iat", json!(NOW + 5)), ("exp", json!(NOW + 65))])));
        let onboarding = [("onb", json!("needed;step=company%2Dprofile")), ("tid", Value::Null)];
        add("onboarding_needed_no_tenant", self.token(current, with(&onboarding)));
        let few = [("email", Value::Null), ("name", Value::Null), ("tid", Value::Null), ("roles", json!([]))];
        add("only_what_is_always_there", self.token(ed, with(&few)));
        let name = r#"Zoë "Ω" O'Neil \ 李 🦀"#;
        add("names_beyond_ascii", self.token(current, with(&[("name", json!(name)), ("sub", json!("ü/7 "))])));
        add(
            "claims_to_ignore",
            self.token(current, with(&[("x", json!({ "admin": true })), ("nbf", json!(NOW - 10))])),
        );
    }

    fn of_other_keys(&self, out: &mut Vec<Vector>) {
        let Keys { current, ed, stranger, ed_stranger, .. } = self.keys;
        let mut add = |name, token, reason| out.push(Vector { name, token, reason: Some(reason) });
        add("unknown_kid", self.token(stranger, claims()), "unknown_key");
        add("unknown_kid_eddsa", self.token(ed_stranger, claims()), "unknown_key");
        let ours = |key: &TestKey| json!({ "alg": key.alg(), "typ": "JWT", "kid": key.kid() });
        add("another_gateways_key_under_our_kid", self.signed(stranger, &ours(current), claims()), "signature");
        add("another_gateways_key_under_our_kid_eddsa", self.signed(ed_stranger, &ours(ed), claims()), "signature");
        let none = json!({ "alg": "ES256", "typ": "JWT" });
        add("no_kid", self.signed(current, &none, claims()), "unknown_key");
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": "../../../../dev/null" });
        add("kid_is_a_path", self.signed(stranger, &header, claims()), "unknown_key");
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": "" });
        add("kid_is_empty", self.signed(stranger, &header, claims()), "unknown_key");
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": stranger.kid(), "jwk": stranger.public_jwk() });
        add("brings_its_own_key", self.signed(stranger, &header, claims()), "unknown_key");
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": current.kid(), "jwk": stranger.public_jwk() });
        add("brings_its_own_key_under_our_kid", self.signed(stranger, &header, claims()), "signature");
        let url = "https://attacker.example/jwks.json";
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": stranger.kid(), "jku": url });
        add("names_its_own_key_set", self.signed(stranger, &header, claims()), "unknown_key");
    }

    fn of_other_algorithms(&self, out: &mut Vec<Vector>) {
        let Keys { current, ed, .. } = self.keys;
        let mut add = |name, token, reason| out.push(Vector { name, token, reason: Some(reason) });
        let header = |alg: &str, key: &TestKey| json!({ "alg": alg, "typ": "JWT", "kid": key.kid() });
        for (name, alg) in
            [("alg_none", "none"), ("alg_none_capital", "None"), ("alg_none_mixed", "nOnE"), ("alg_empty", "")]
        {
            add(name, with_signature(&input(&header(alg, current), &claims()), b""), "algorithm");
        }
        let unsigned = input(&header("none", current), &claims());
        add("alg_none_with_signature", with_signature(&unsigned, &self.signature(current, &unsigned)), "algorithm");
        let pretend = |key: &TestKey, secret: &[u8]| {
            let input = input(&header("HS256", key), &claims());
            with_signature(&input, &hs256(secret, &input))
        };
        add("hs256_public_key_bytes_as_secret", pretend(current, &current.public_bytes()), "algorithm");
        add("hs256_public_key_pem_as_secret", pretend(current, current.public_pem().as_bytes()), "algorithm");
        let jwk = current.public_jwk().to_string();
        add("hs256_public_key_jwk_as_secret", pretend(current, jwk.as_bytes()), "algorithm");
        add("hs256_eddsa_public_key_as_secret", pretend(ed, &ed.public_bytes()), "algorithm");
        add("hs256_empty_secret", pretend(current, b""), "algorithm");
        add("alg_rs256", self.signed(current, &header("RS256", current), claims()), "algorithm");
        add("alg_es384", self.signed(current, &header("ES384", current), claims()), "algorithm");
        add("alg_lower_case", self.signed(current, &header("es256", current), claims()), "algorithm");
        let missing = json!({ "typ": "JWT", "kid": current.kid() });
        add("alg_missing", self.signed(current, &missing, claims()), "algorithm");
        add("es256_with_kid_of_eddsa", self.signed(current, &header("ES256", ed), claims()), "key_algorithm");
        add("eddsa_with_kid_of_es256", self.signed(ed, &header("EdDSA", current), claims()), "key_algorithm");
        add("eddsa_key_called_es256", self.signed(ed, &header("ES256", ed), claims()), "key_algorithm");
    }

    fn of_faulty_signatures(&self, out: &mut Vec<Vector>) {
        let Keys { current, ed, .. } = self.keys;
        let mut add = |name, token, reason| out.push(Vector { name, token, reason: Some(reason) });
        let (good, good_ed) = (self.token(current, claims()), self.token(ed, claims()));
        let parts = |token: &str| {
            let (input, signature) = token.rsplit_once('.').unwrap();
            (input.to_owned(), BASE64URL.decode(signature).unwrap())
        };
        let ((message, signature), (message_ed, signature_ed)) = (parts(&good), parts(&good_ed));
        let other = input(&header_of(current), &with(&[("sub", json!("1"))]));
        add("payload_changed", with_signature(&other, &signature), "signature");
        let other = input(&header_of(ed), &with(&[("sub", json!("1"))]));
        add("payload_changed_eddsa", with_signature(&other, &signature_ed), "signature");
        let header = BASE64URL.encode(format!("{} ", header_of(current)));
        let other = format!("{header}.{}", BASE64URL.encode(claims().to_string()));
        add("header_changed", with_signature(&other, &signature), "signature");
        add("signature_stripped", with_signature(&message, b""), "signature");
        add("signature_stripped_eddsa", with_signature(&message_ed, b""), "signature");
        let flipped = |signature: &[u8]| {
            let mut changed = signature.to_vec();
            changed[10] ^= 1;
            changed
        };
        add("signature_bit_flipped", with_signature(&message, &flipped(&signature)), "signature");
        add("signature_bit_flipped_eddsa", with_signature(&message_ed, &flipped(&signature_ed)), "signature");
        add("signature_cut", with_signature(&message, &signature[..63]), "signature");
        add("signature_longer", with_signature(&message, &[&signature[..], &[0]].concat()), "signature");
        // CVE-2022-21449: r = s = 0 fits every message where nobody looks.
        add("signature_of_zeros", with_signature(&message, &[0; 64]), "signature");
        add("signature_of_zeros_eddsa", with_signature(&message_ed, &[0; 64]), "signature");
        // RFC 7518, section 3.4: 64 bytes, not the ASN.1 of other protocols.
        add("signature_as_der", with_signature(&message, &der(&signature)), "signature");
        add("signature_of_another_token", with_signature(&message, &parts(&self.other()).1), "signature");
    }

    fn of_faulty_headers(&self, out: &mut Vec<Vector>) {
        let Keys { current, .. } = self.keys;
        let mut add = |name, header: Value, reason| {
            out.push(Vector { name, token: self.signed(current, &header, claims()), reason: Some(reason) });
        };
        let kid = current.kid();
        add(
            "crit",
            json!({ "alg": "ES256", "typ": "JWT", "kid": kid, "crit": ["exp"], "exp": NOW }),
            "critical_header",
        );
        let b64 = json!({ "alg": "ES256", "typ": "JWT", "kid": kid, "crit": ["b64"], "b64": true });
        add("crit_b64", b64, "critical_header");
        add("crit_empty", json!({ "alg": "ES256", "typ": "JWT", "kid": kid, "crit": [] }), "critical_header");
        add("typ_access_token", json!({ "alg": "ES256", "typ": "at+jwt", "kid": kid }), "type");
        add("typ_logout_token", json!({ "alg": "ES256", "typ": "logout+jwt", "kid": kid }), "type");
    }

    fn of_faulty_claims(&self, out: &mut Vec<Vector>) {
        let mut add = |name, changes: &[(&str, Value)], reason| {
            out.push(Vector { name, token: self.token(&self.keys.current, with(changes)), reason: Some(reason) });
        };
        let none = || Value::Null;
        add("aud_of_another_application", &[("aud", json!(["shop", "billing"]))], "audience");
        add("aud_prefix_only", &[("aud", json!(["nextjs-staging", "nextj", "backend-2"]))], "audience");
        add("aud_other_case", &[("aud", json!(["NextJS", "Backend"]))], "audience");
        add("aud_empty", &[("aud", json!([]))], "audience");
        add("aud_missing", &[("aud", none())], "claim_missing");
        add("iss_other", &[("iss", json!("sidgate-staging"))], "issuer");
        add("iss_missing", &[("iss", none())], "claim_missing");
        add("iss_list", &[("iss", json!(["sidgate"]))], "claim_malformed");
        add("expired", &[("iat", json!(NOW - 180)), ("exp", json!(NOW - 120))], "expired");
        add("expired_yesterday", &[("iat", json!(NOW - 86_400)), ("exp", json!(NOW - 86_340))], "expired");
        add("exp_missing", &[("exp", none())], "claim_missing");
        add("exp_text", &[("exp", json!((NOW + 50).to_string()))], "claim_malformed");
        add("iat_in_the_future", &[("iat", json!(NOW + 120)), ("exp", json!(NOW + 180))], "not_yet_valid");
        add("iat_missing", &[("iat", none())], "claim_missing");
        add("lives_61s", &[("iat", json!(NOW - 10)), ("exp", json!(NOW + 51))], "lifetime");
        add("lives_an_hour", &[("iat", json!(NOW - 10)), ("exp", json!(NOW + 3590))], "lifetime");
        add("lives_for_ever", &[("exp", json!(253_402_300_799_i64))], "lifetime");
        add("sub_missing", &[("sub", none())], "claim_missing");
        add("sub_empty", &[("sub", json!(""))], "claim_malformed");
        add("sub_number", &[("sub", json!(42))], "claim_malformed");
        add("sid_h_missing", &[("sid_h", none())], "claim_missing");
        add("jti_missing", &[("jti", none())], "claim_missing");
    }

    fn of_faulty_forms(&self, out: &mut Vec<Vector>) {
        let Keys { current, .. } = self.keys;
        let good = self.token(current, claims());
        let mut add = |name, token| out.push(Vector { name, token, reason: Some("malformed") });
        add("empty", String::new());
        add("no_token", "null".to_owned());
        add("two_parts", good.rsplit_once('.').unwrap().0.to_owned());
        add("four_parts", format!("{good}.AAAA"));
        add("five_parts_as_encrypted", format!("{good}.AAAA.AAAA"));
        add("with_scheme", format!("Bearer {good}"));
        add("two_tokens", format!("{good}, {good}"));
        let message = format!("{}.{}", BASE64URL.encode(header_of(current).to_string()), BASE64URL.encode("no JSON"));
        add("claims_no_json", with_signature(&message, &self.signature(current, &message)));
        let message = format!("{}.{}", BASE64URL.encode(header_of(current).to_string()), BASE64URL.encode(r#"["a"]"#));
        add("claims_no_object", with_signature(&message, &self.signature(current, &message)));
    }

    /// Good as well, and a vector too.
    fn other(&self) -> String {
        self.token(&self.keys.current, with(&[("iat", json!(NOW)), ("exp", json!(NOW + 60))]))
    }

    fn token(&self, key: &TestKey, claims: Value) -> String {
        self.signed(key, &header_of(key), claims)
    }

    fn signed(&self, key: &TestKey, header: &Value, claims: Value) -> String {
        let message = input(header, &claims);
        with_signature(&message, &self.signature(key, &message))
    }

    fn signature(&self, key: &TestKey, message: &str) -> Vec<u8> {
        let kept = self.kept.get(message).into_iter().flatten().filter_map(|text| BASE64URL.decode(text).ok());
        kept.into_iter().find(|signature| key.signed(message, signature)).unwrap_or_else(|| key.sign(message))
    }
}

fn header_of(key: &TestKey) -> Value {
    json!({ "alg": key.alg(), "typ": "JWT", "kid": key.kid() })
}

fn claims() -> Value {
    json!({
        "iss": ISSUER,
        "aud": [AUDIENCE, "backend"],
        "sub": "42",
        "email": "alice@example.com",
        "name": "Alice Adams",
        "tid": "7",
        "onb": "complete",
        "roles": ["admin"],
        // Of the sid 9e3779b9-7f4a-4c15-8000-000000000000.
        "sid_h": "2472eaa4d076a5e00c5cc5fd87db1a3a7e23b2b8d4fd48f5db254788088f8ca5",
        "iat": NOW - 10,
        "exp": NOW + 50,
        "jti": "8Yk0cW1kT3qv1v0m0Zt5Jg",
    })
}

/// The claims with some changed, or left out where null.
fn with(changes: &[(&str, Value)]) -> Value {
    let mut claims = claims();
    let map = claims.as_object_mut().unwrap();
    for (name, value) in changes {
        match value {
            Value::Null => map.remove(*name),
            value => map.insert((*name).to_owned(), value.clone()),
        };
    }
    claims
}

/// The signing input (RFC 7515, section 5.1).
fn input(header: &Value, claims: &Value) -> String {
    format!("{}.{}", BASE64URL.encode(header.to_string()), BASE64URL.encode(claims.to_string()))
}

fn with_signature(message: &str, signature: &[u8]) -> String {
    format!("{message}.{}", BASE64URL.encode(signature))
}

/// ECDSA-Sig-Value (RFC 3279, section 2.2.3) of r and s, 32 bytes each.
fn der(signature: &[u8]) -> Vec<u8> {
    let integer = |bytes: &[u8]| {
        let start = bytes.iter().position(|b| *b != 0).unwrap_or(31);
        let sign: &[u8] = if bytes[start] >= 0x80 { &[0] } else { &[] };
        let content = [sign, &bytes[start..]].concat();
        [&[2, u8::try_from(content.len()).unwrap()][..], &content].concat()
    };
    let (r, s) = signature.split_at(32);
    let content = [integer(r), integer(s)].concat();
    [&[0x30, u8::try_from(content.len()).unwrap()][..], &content].concat()
}
