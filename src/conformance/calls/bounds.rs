//! What is no call of the contract: none of it may look like a backend that is down, and none like a refusal.

use serde_json::json;

use super::super::check::{Check, Done, Stop, check};
use super::super::suite::Suite;

pub(super) const CHECKS: &[Check] = &[
    check!("bounds.bad-json", "A body that is not JSON is the caller's fault (4xx), not the backend's (5xx)", bad_json),
    check!("bounds.no-object", "A body that is no JSON object is the caller's fault (4xx)", no_object),
    check!("bounds.deep-json", "Bodies are bounded: nesting without end is the caller's fault (4xx)", deep_json),
    check!("bounds.huge-body", "Bodies are bounded", huge_body),
    check!("bounds.odd-text", "A text that no database takes is the caller's fault (4xx)", odd_text),
    check!("bounds.method", "Another method on a call's address: 405", method),
    check!("bounds.two-credentials", "Exactly one credential of the user", two_credentials),
];

const TAKE_JSON: [&str; 5] = ["POST ", "POST current/tenant/", "POST migrate/", "POST revoke/", "POST activity/"];

async fn each(suite: &Suite, body: &[u8], status: Option<u16>) -> Done {
    let made = suite.member().await?;
    for line in TAKE_JSON {
        let call = suite.call(line).bytes(body.to_vec());
        let call = if line == "POST current/tenant/" { call.session(&made.sid) } else { call };
        let answer = call.send().await?;
        answer.is_no_refusal()?;
        answer.must(status.is_none_or(|status| status == answer.status), "400")?;
    }
    suite.lives(&made.sid, "for nothing was done").await
}

async fn bad_json(suite: &Suite) -> Done {
    for body in [&b"{"[..], b"", b"\xff\xfe", b"{\"all\": true"] {
        each(suite, body, Some(400)).await?;
    }
    Ok(())
}

async fn no_object(suite: &Suite) -> Done {
    for body in ["[1]", "null", "\"text\"", "7"] {
        each(suite, body.as_bytes(), Some(400)).await?;
    }
    Ok(())
}

async fn deep_json(suite: &Suite) -> Done {
    let deep = format!("{{\"email\":{}1{}}}", "[".repeat(50_000), "]".repeat(50_000));
    each(suite, deep.as_bytes(), None).await
}

async fn huge_body(suite: &Suite) -> Done {
    let body = json!({"email": "x".repeat(8 * 1024 * 1024), "password": "x"}).to_string();
    match suite.call("POST ").bytes(body.into_bytes()).send().await {
        Ok(answer) => answer.is_no_refusal(),
        // It need not read to the end what it will not take.
        Err(Stop::Fail { .. }) => suite.member().await.map(drop),
        Err(skipped) => Err(skipped),
    }
}

async fn odd_text(suite: &Suite) -> Done {
    let made = suite.member().await?;
    for text in ["a\u{0}b@example.test", "\u{202e}\u{fffd}@example.test", &"x".repeat(20_000)] {
        suite.attempt(&json!({"email": text, "password": text})).await?.is_client_error()?;
        let to = json!({"tenant_id": text});
        suite.call("POST current/tenant/").session(&made.sid).json(&to).send().await?.is_client_error()?;
        let proof = json!({"kind": "opaque", "value": text});
        let body = json!({"proof": proof, "source": text, "idempotency_key": text});
        suite.call("POST migrate/").json(&body).send().await?.is_client_error()?;
        let answer = suite.call("POST revoke/").json(&json!({"user_id": text})).send().await?;
        answer.must(answer.status < 500, "anything but a 5xx")?;
        let seen = json!([{"public_id": text, "at": text, "ip": text, "user_agent": text},
            {"public_id": made.public_id, "at": "2100-01-01T00:00:00Z", "ip": text, "user_agent": text}]);
        let answer = suite.call("POST activity/").json(&json!({"seen": seen})).send().await?;
        answer.must(answer.status < 500, "anything but a 5xx")?;
    }
    // A lone surrogate: good JSON to some parsers, and no Unicode.
    let lone = br#"{"email": "\ud800@example.test", "password": "\ud800"}"#.to_vec();
    suite.call("POST ").bytes(lone).send().await?.is_client_error()?;
    suite.lives(&made.sid, "for nothing was done").await
}

async fn method(suite: &Suite) -> Done {
    let made = suite.member().await?;
    for path in ["", "current/", "current/rotate/", "current/tenant/", "migrate/", "revoke/", "activity/"] {
        suite.call(&format!("PUT {path}")).session(&made.sid).json(&json!({})).send().await?.status(405)?;
    }
    let device = format!("PUT by-public-id/{}/", made.public_id);
    suite.call(&device).session(&made.sid).json(&json!({})).send().await?.status(405)?;
    for line in ["GET current/rotate/", "GET current/tenant/", "GET migrate/", "GET revoke/", "GET activity/"] {
        suite.call(line).session(&made.sid).send().await?.status(405)?;
    }
    suite.lives(&made.sid, "for nothing was done").await
}

async fn two_credentials(suite: &Suite) -> Done {
    let made = suite.member().await?;
    let call = suite.call("GET current/").session(&made.sid);
    let answer = call.header("authorization", "Session 00000000-0000-4000-8000-000000000000".into()).send().await?;
    answer.is_client_error()
}
