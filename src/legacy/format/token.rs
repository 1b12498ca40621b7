//! Values that are a proof as they stand.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::config::{Secret, is_uuid};
use crate::legacy::{Verdict, Why, encoding};
use crate::session::{Proof, ProofKind, SessionId};

/// The backend's session UUID, in the one spelling that a sid has.
pub(super) fn session_id(text: &str) -> Verdict {
    match SessionId::parse(text.as_bytes()) {
        Some(_) => proof(ProofKind::SessionId, text),
        None if is_uuid(text) => Verdict::Rejected(Why::Malformed),
        None => Verdict::None(Why::OtherFormat),
    }
}

/// A JWT (RFC 7519). Nothing in it is believed: its signature is the backend's to verify. `exp` is read only to spare
/// the backend those that are over.
pub(super) fn access_token(text: &str, now: Timestamp) -> Verdict {
    let parts: Vec<&str> = text.splitn(4, '.').collect();
    let [header, payload, signature] = parts[..] else { return Verdict::None(Why::OtherFormat) };
    let base64url = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    // `{` in base64url.
    if !header.starts_with('e') || ![payload, signature].iter().all(|part| part.bytes().all(base64url)) {
        return Verdict::None(Why::OtherFormat);
    }
    // In one spelling: verifiers pass over the last bits, and the same token would be another proof.
    if encoding::base64url(signature).is_none() {
        return Verdict::Rejected(Why::Malformed);
    }
    let algorithm = object(header).and_then(|header| Some(header.get("alg")?.as_str()?.to_owned()));
    let (Some(algorithm), Some(payload), false) = (algorithm, object(payload), signature.is_empty()) else {
        return Verdict::Rejected(Why::Malformed);
    };
    if algorithm.eq_ignore_ascii_case("none") {
        return Verdict::Rejected(Why::Algorithm);
    }
    if payload.get("exp").is_some_and(|exp| super::json::is_over(exp, now)) {
        return Verdict::Rejected(Why::Expired);
    }
    proof(ProofKind::AccessToken, text)
}

/// Whatever it is, only the backend knows. It has to fit into a header, as it did.
pub(super) fn opaque(text: &str) -> Verdict {
    // What a script writes that has no value.
    if matches!(text, "null" | "undefined") {
        return Verdict::None(Why::Empty);
    }
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Verdict::Rejected(Why::Malformed);
    }
    proof(ProofKind::Opaque, text)
}

fn proof(kind: ProofKind, value: &str) -> Verdict {
    Verdict::Proof(Proof { kind, value: Secret::new(value) })
}

/// A JSON object in base64url.
pub(super) fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&encoding::base64url(part)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    const UUID: &str = "5fc76680-b807-4a36-b4fa-f6df80022189";

    fn jwt(header: &str, payload: &str) -> String {
        format!("{}.{}.c2lnbmF0dXJl", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_session_id_is_a_uuid_in_the_spelling_of_a_sid() {
        assert_eq!(session_id(UUID).as_str(), "session_id");
        assert_eq!(session_id(&UUID.to_uppercase()), Verdict::Rejected(Why::Malformed));
        for other in ["x", "5fc76680b8074a36b4faf6df80022189", "{5fc76680-b807-4a36-b4fa-f6df80022189}"] {
            assert_eq!(session_id(other), Verdict::None(Why::OtherFormat), "{other}");
        }
    }

    #[test]
    fn an_access_token_is_a_jwt_that_is_not_over() {
        let hs = r#"{"alg":"HS256"}"#;
        for good in [
            jwt(hs, r#"{"exp":1001}"#),
            jwt(hs, r#"{"exp":1000.5}"#),
            jwt(hs, r#"{}"#),
            jwt(r#"{ "alg":"RS256"}"#, r#"{"exp":"soon"}"#),
        ] {
            assert_eq!(access_token(&good, at(1000)).as_str(), "access_token", "{good}");
        }
        for over in [r#"{"exp":1000}"#, r#"{"exp":-1}"#, r#"{"exp":999.9}"#] {
            assert_eq!(access_token(&jwt(hs, over), at(1000)), Verdict::Rejected(Why::Expired), "{over}");
        }
        let bad = [
            (jwt(r#"{"alg":"none"}"#, "{}"), Why::Algorithm),
            (jwt(r#"{"alg":"NONE"}"#, "{}"), Why::Algorithm),
            (jwt("{}", "{}"), Why::Malformed),
            (jwt(hs, "[]"), Why::Malformed),
            (jwt(hs, "x"), Why::Malformed),
            (jwt(hs, "{}").replace("c2lnbmF0dXJl", ""), Why::Malformed),
            (jwt(hs, "{}").replace("c2lnbmF0dXJl", "c2lnbmF0dXK"), Why::Malformed),
        ];
        for (text, why) in bad {
            assert_eq!(access_token(&text, at(0)), Verdict::Rejected(why), "{text}");
        }
        for other in ["", "a.b", "a.b.c", "eyJ.b", "eyJ.b.c.d", "eyJ.b!.c", UUID] {
            assert_eq!(access_token(other, at(0)), Verdict::None(Why::OtherFormat), "{other}");
        }
    }

    #[test]
    fn anything_that_fits_into_a_header_may_be_opaque() {
        assert_eq!(opaque("s:abc.def/+=").as_str(), "opaque");
        assert_eq!(opaque("null"), Verdict::None(Why::Empty));
        for bad in ["a b", "a\r\nb", "ä"] {
            assert_eq!(opaque(bad), Verdict::Rejected(Why::Malformed), "{bad}");
        }
    }
}
