//! Validation: whose a sid is, and how it is said that it is nobody's.

use uuid::Uuid;

use super::super::check::{Check, Done, Stop, check};
use super::super::suite::Suite;

pub(super) const CHECKS: &[Check] = &[
    check!("validate.session", "GET /api/sessions/current/ -> 200 session", good),
    check!("validate.by-path", "GET /api/sessions/{sid}/: the same by path", by_path),
    check!("validate.unknown", "Refused: a JSON body with {\"code\": \"session_unknown\"}", unknown),
    check!("validate.unknown-by-path", "Refused: a JSON body with {\"code\": \"session_unknown\"}", unknown_by_path),
    check!(
        "validate.canonical",
        "`sid`: a 36-byte UUID; upper-case or otherwise non-canonical ones are malformed",
        canonical
    ),
    check!("validate.no-credential", "A 401 without one of the six codes signs nobody out", no_credential),
    check!(
        "validate.other-credential",
        "A call about one session: Authorization: Session <sid>, and nothing else",
        other_credential
    ),
    check!(
        "validate.no-such-call",
        "A 404 without one of the six codes (a wrong prefix) signs nobody out",
        no_such_call
    ),
    check!(
        "validate.repeated",
        "Everything about a session is asked again and again: the answer stays the same",
        repeated
    ),
];

async fn good(suite: &Suite) -> Done {
    let made = suite.member().await?;
    let answer = suite.call("GET current/").session(&made.sid).send().await?;
    let session = answer.object(200)?;
    answer.must(session["public_id"] == made.session["public_id"], "the public_id of the sign-in")?;
    answer.must(session["user"] == made.session["user"], "the user of the sign-in")?;
    answer.must(session.get("sid").is_none(), "no \"sid\": only answers that create or change a session have one")
}

async fn by_path(suite: &Suite) -> Done {
    let made = suite.member().await?;
    let answer = suite.call(&format!("GET {}/", made.sid)).send().await?;
    if answer.status == 404 && answer.is_no_refusal().is_ok() {
        return Err(Stop::Skip("not served; only `backend.paths.validate` could ask for it".into()));
    }
    let same = suite.call("GET current/").session(&made.sid).send().await?;
    answer.must(answer.status == 200 && answer.json() == same.json(), "what GET /api/sessions/current/ answers")
}

async fn unknown(suite: &Suite) -> Done {
    suite.refused(&Uuid::new_v4().to_string(), &["session_unknown"]).await
}

async fn unknown_by_path(suite: &Suite) -> Done {
    let answer = suite.call(&format!("GET {}/", Uuid::new_v4())).send().await?;
    if answer.status == 404 && answer.is_no_refusal().is_ok() {
        return Err(Stop::Skip("not served; only `backend.paths.validate` could ask for it".into()));
    }
    let code = answer.refuses_session()?;
    answer.must(code == "session_unknown", "4xx with the code session_unknown")
}

async fn canonical(suite: &Suite) -> Done {
    let sid = suite.member().await?.sid;
    for other in
        [sid.to_uppercase(), sid.replace('-', ""), format!("{{{sid}}}"), format!("urn:uuid:{sid}"), format!("{sid}0")]
    {
        suite.call("GET current/").session(&other).send().await?.is_client_error()?;
    }
    suite.call("GET current/").session("no-sid").send().await?.is_client_error()
}

async fn no_credential(suite: &Suite) -> Done {
    suite.call("GET current/").send().await?.is_no_refusal()
}

async fn other_credential(suite: &Suite) -> Done {
    let sid = suite.member().await?.sid;
    let call = || suite.call("GET current/");
    call().authorization(format!("Bearer {sid}")).send().await?.is_no_refusal()?;
    let cookies = format!("sid={sid}; sessionid={sid}");
    call().header("cookie", cookies).send().await?.is_no_refusal()
}

async fn no_such_call(suite: &Suite) -> Done {
    for line in ["GET no-such-call/", "GET nowhere/at/all/", "POST current/no-such-call/"] {
        let answer = suite.call(line).send().await?;
        answer.is_no_refusal()?;
    }
    Ok(())
}

async fn repeated(suite: &Suite) -> Done {
    let made = suite.member().await?;
    let first = suite.session(&made.sid).await?;
    for _ in 0..3 {
        let answer = suite.call("GET current/").session(&made.sid).send().await?;
        let session = answer.object(200)?;
        let same = ["public_id", "user", "tenant", "authenticated_at", "created_at", "expires_at"]
            .iter()
            .all(|name| session[name] == first[name]);
        answer.must(same, "the same session as before")?;
    }
    Ok(())
}
