//! What stands in the JSON of a session.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::token;
use crate::config::JsonPointers;
use crate::legacy::{Verdict, Why};

/// From here on a number counts milliseconds: as seconds it would be the year 5138, as milliseconds it is 1973.
const MILLISECONDS: f64 = 1e11;

/// The one claim in it: a session before a token, so that a session that was ended is not made again out of the token
/// beside it.
pub(super) fn claim(plain: &[u8], pointers: &JsonPointers, now: Timestamp) -> Result<Verdict, Verdict> {
    let object: Map<String, Value> = serde_json::from_slice(plain).map_err(|_| Verdict::Rejected(Why::NotJson))?;
    let json = Value::Object(object);
    let found = |pointers: &[String]| pointers.iter().filter_map(|p| json.pointer(p)).collect::<Vec<_>>();
    if found(&pointers.expires).iter().any(|time| is_over(time, now)) {
        return Err(Verdict::Rejected(Why::Expired));
    }
    let mut rejected = None;
    let mut first = |pointers: &[String], read: &dyn Fn(&str) -> Verdict| {
        let texts = found(pointers).into_iter().filter_map(Value::as_str).filter(|text| !text.is_empty());
        for verdict in texts.map(read) {
            match verdict {
                Verdict::Proof(_) => return Some(verdict),
                Verdict::None(Why::OtherFormat) => rejected = rejected.or(Some(Why::Malformed)),
                Verdict::None(_) => {}
                Verdict::Rejected(why) => rejected = rejected.or(Some(why)),
            }
        }
        None
    };
    let claim = first(&pointers.session_id, &token::session_id)
        .or_else(|| first(&pointers.access_token, &|text| token::access_token(text, now)))
        .or_else(|| first(&pointers.opaque, &token::opaque));
    Ok(claim.unwrap_or(match rejected {
        Some(why) => Verdict::Rejected(why),
        None => Verdict::None(Why::NoProof),
    }))
}

/// Whether a time has come: seconds or milliseconds since 1970, as a number or a text, or RFC 3339. What is none of
/// them says nothing.
pub(super) fn is_over(time: &Value, now: Timestamp) -> bool {
    let number = match time {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.parse::<Timestamp>() {
            Ok(at) => return at <= now,
            Err(_) => text.parse().ok(),
        },
        _ => None,
    };
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this age fit")]
    let milliseconds = now.as_millisecond() as f64;
    let at = |number: f64| if number.abs() >= MILLISECONDS { number } else { number * 1000.0 };
    number.is_some_and(|number| at(number) <= milliseconds)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const UUID: &str = "5fc76680-b807-4a36-b4fa-f6df80022189";
    const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.e30.c2ln";

    fn read(json: &Value, pointers: &JsonPointers) -> Verdict {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        claim(json.to_string().as_bytes(), pointers, now).unwrap_or_else(|verdict| verdict)
    }

    fn usual(json: &Value) -> Verdict {
        read(json, &JsonPointers::default())
    }

    #[test]
    fn a_session_comes_before_a_token() {
        assert_eq!(usual(&json!({"sessionToken": UUID, "accessToken": JWT})).as_str(), "session_id");
        for none in [json!(null), json!(""), json!(7), json!("x")] {
            assert_eq!(usual(&json!({"sessionToken": none, "accessToken": JWT})).as_str(), "access_token", "{none}");
        }
        assert_eq!(usual(&json!({"tokenSet": {"accessToken": JWT}})).as_str(), "access_token");
    }

    #[test]
    fn what_is_no_proof_is_none() {
        let forged = json!({"user": {"email": "bob@example.test"}, "accessToken": "x"});
        assert_eq!(usual(&forged), Verdict::Rejected(Why::Malformed));
        assert_eq!(usual(&json!({"user": {"sub": "bob"}, "idToken": JWT})), Verdict::None(Why::NoProof));
        assert_eq!(usual(&json!([UUID])), Verdict::Rejected(Why::NotJson));
        let now = Timestamp::UNIX_EPOCH;
        let deep = "[".repeat(5000);
        for text in ["", "{", "{}x", deep.as_str(), r#"{"a":1e999}"#] {
            let verdict = claim(text.as_bytes(), &JsonPointers::default(), now);
            assert_eq!(verdict, Err(Verdict::Rejected(Why::NotJson)), "{text:.10}");
        }
    }

    #[test]
    fn what_is_over_is_rejected_however_the_time_is_written() {
        for key in ["expiresAt", "accessTokenExpiresAt", "exp"] {
            for over in [
                json!(1_799_999_999),
                json!(1_800_000_000),
                json!(1_800_000_000_000_i64),
                json!(1_799_999_999.5),
                json!("1799999999"),
                json!("2027-01-15T07:59:59Z"),
                json!(0),
                json!(-1),
            ] {
                let verdict = usual(&json!({"sessionToken": UUID, key: over}));
                assert_eq!(verdict, Verdict::Rejected(Why::Expired), "{key} {over}");
            }
            for good in [
                json!(1_800_000_001),
                json!(1_800_000_000_001_i64),
                json!("2027-01-15T08:00:01Z"),
                json!(null),
                json!("never"),
                json!({}),
            ] {
                assert_eq!(usual(&json!({"sessionToken": UUID, key: good})).as_str(), "session_id", "{key} {good}");
            }
        }
        let token_set = json!({"exp": 1_900_000_000, "tokenSet": {"accessToken": JWT, "expiresAt": 1_799_999_999}});
        assert_eq!(usual(&token_set), Verdict::Rejected(Why::Expired));
    }

    #[test]
    fn another_shop_says_where_things_stand() {
        let pointers = JsonPointers {
            session_id: vec!["/auth/sessions/0/id".into()],
            access_token: Vec::new(),
            opaque: vec!["/auth/key~1value".into()],
            expires: vec!["/auth/until".into()],
        };
        let session = json!({"auth": {"sessions": [{"id": UUID}]}, "exp": 1});
        assert_eq!(read(&session, &pointers).as_str(), "session_id");
        assert_eq!(read(&json!({"auth": {"key/value": "abc"}}), &pointers).as_str(), "opaque");
        let over = json!({"auth": {"key/value": "abc", "until": 5}});
        assert_eq!(read(&over, &pointers), Verdict::Rejected(Why::Expired));
        assert_eq!(read(&json!({"accessToken": JWT}), &pointers), Verdict::None(Why::NoProof));
    }
}
