//! The gateway's key: nothing without it.

use serde_json::{Value, json};

use super::super::api::Key;
use super::super::check::{Check, Done, check};
use super::super::suite::Suite;
use crate::conformance::check::Stop;

const CONTRACT: &str = "Every call carries X-Gateway-Key; a call without the key is refused with gateway_key_invalid";

pub(super) const CHECKS: &[Check] = &[
    check!("key.validate", CONTRACT, asked_for, "GET current/"),
    check!("key.validate-by-path", CONTRACT, asked_for_by_path),
    check!("key.sign-in", CONTRACT, asked_for, "POST "),
    check!("key.sign-out", CONTRACT, asked_for, "DELETE current/"),
    check!("key.rotate", CONTRACT, asked_for, "POST current/rotate/"),
    check!("key.tenant", CONTRACT, asked_for, "POST current/tenant/"),
    check!("key.devices", CONTRACT, asked_for, "GET "),
    check!("key.end-device", CONTRACT, asked_for_by_public_id),
    check!("key.end-devices", CONTRACT, asked_for, "DELETE ?scope=all"),
    check!("key.migrate", CONTRACT, asked_for, "POST migrate/"),
    check!("key.revoke", CONTRACT, asked_for, "POST revoke/"),
    check!("key.activity", CONTRACT, asked_for, "POST activity/"),
];

/// With another key and with none: refused, and nothing of it done.
async fn asked_for(suite: &Suite, line: &str) -> Done {
    let made = suite.member().await?;
    asked_with(suite, line, &made.sid).await
}

async fn asked_for_by_public_id(suite: &Suite) -> Done {
    let made = suite.member().await?;
    asked_with(suite, &format!("DELETE by-public-id/{}/", made.public_id), &made.sid).await
}

async fn asked_for_by_path(suite: &Suite) -> Done {
    let made = suite.member().await?;
    if suite.call(&format!("GET {}/", made.sid)).send().await?.status == 404 {
        return Err(Stop::Skip("not served; only `backend.paths.validate` could ask for it".into()));
    }
    asked_with(suite, &format!("GET {}/", made.sid), &made.sid).await
}

async fn asked_with(suite: &Suite, line: &str, sid: &str) -> Done {
    for key in [Key::Wrong, Key::None] {
        let answer = suite.call(line).key(key).session(sid).json(&body(suite, line)).send().await?;
        let refused = matches!(answer.status, 401 | 403) && answer.code() == "gateway_key_invalid";
        let which = if matches!(key, Key::None) { "no key" } else { "another key" };
        answer.must(refused, format!("401 with {{\"code\": \"gateway_key_invalid\"}}, for {which}"))?;
    }
    suite.lives(sid, "for nothing of what was refused was done").await
}

/// A good body, which does no harm where it is taken.
fn body(suite: &Suite, line: &str) -> Value {
    let member = suite.people.member();
    match line {
        "POST " => json!({"email": member.email, "password": member.password}),
        "POST revoke/" => json!({"all": true, "issued_before": "2000-01-01T00:00:00Z"}),
        "POST activity/" => json!({"seen": []}),
        "POST migrate/" => json!({
            "proof": {"kind": "opaque", "value": "made up"},
            "source": "session_id",
            "idempotency_key": uuid::Uuid::new_v4().to_string(),
        }),
        _ => json!({}),
    }
}
