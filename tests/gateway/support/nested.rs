//! The nested backend, as a deployment of it answers: statuses, texts, headers, and onboarding flags that stay behind.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use http::{HeaderMap, Method, Request, Response};
use serde_json::{Value, json};

use super::backend::{Body, Inner};
use super::shaped::{self, text};

/// One text for missing, unknown, revoked and expired; and for a database that does not answer.
pub(crate) const BARE: &str = r#"{"detail":"Invalid or expired session"}"#;
pub(crate) const TENANT: &str = "0b5e1f6a-52a4-4c08-9c32-6b2f6d0f6a11";

/// Through with onboarding, and everything agrees.
pub(crate) const ADA: u64 = 7;
/// Her row says complete; there is no progress row, which `current/` reads.
pub(crate) const STALE: u64 = 8;
/// Has not begun: no tenant.
pub(crate) const NEW: u64 = 9;
/// Needed and completed, both.
pub(crate) const BOTH: u64 = 10;

/// The backend. A clone is the same one.
#[derive(Clone, Default)]
pub(crate) struct Nested(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    sessions: HashMap<String, u64>,
    outage: bool,
    /// Users whose row has been completed since.
    completed: Vec<u64>,
}

impl Nested {
    pub(crate) fn inner(&self) -> Inner {
        let this = self.clone();
        Arc::new(move |request| {
            let this = this.clone();
            Box::pin(async move { this.answer(&request) })
        })
    }

    /// A session that the gateway has not seen.
    pub(crate) fn session(&self, user: u64) -> String {
        let sid = uuid::Uuid::new_v4().to_string();
        self.0.lock().unwrap().sessions.insert(sid.clone(), user);
        sid
    }

    pub(crate) fn lives(&self, sid: &str) -> bool {
        self.0.lock().unwrap().sessions.contains_key(sid)
    }

    pub(crate) fn outage(&self, outage: bool) {
        self.0.lock().unwrap().outage = outage;
    }

    /// The user row is completed; `current/` goes on as before.
    pub(crate) fn complete(&self, user: u64) {
        self.0.lock().unwrap().completed.push(user);
    }

    fn answer<B>(&self, request: &Request<B>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        if !path.ends_with('/') {
            let mut moved = text(301, "");
            moved.headers_mut().insert("location", format!("{path}/").parse().unwrap());
            return moved;
        }
        let Some(call) = path.strip_prefix("/api/sessions/") else { return text(404, "Not Found") };
        let by_header = self.of(credential(request.headers(), "Session "));
        match (request.method(), call.trim_end_matches('/')) {
            (&Method::POST, "create") => self.create(request.headers()),
            (&Method::POST, "consolidated-auth" | "cloudflare/create") => self.minted(ADA),
            (&Method::DELETE, "current") => match by_header {
                Some((sid, _)) => {
                    self.0.lock().unwrap().sessions.remove(&sid);
                    shaped::json(200, &json!({"success": true, "message": "Session deleted"}))
                }
                None => bare(),
            },
            (&Method::GET, call) => match call.split_once('/') {
                Some(("public", sid)) => match self.of(Some(sid)) {
                    Some((sid, user)) => with_sid(&sid, 200, &self.public(user)),
                    None => text(404, r#"{"error":"Session not found"}"#),
                },
                Some(("debug", sid)) => shaped::json(200, &json!({"session_token": sid, "cookies": "all of them"})),
                // A uuid in the path is not looked at.
                _ => match by_header {
                    Some((sid, user)) => with_sid(&sid, 200, &self.body(&sid, user)),
                    None => bare(),
                },
            },
            _ => text(404, "Not Found"),
        }
    }

    fn of(&self, sid: Option<&str>) -> Option<(String, u64)> {
        let state = self.0.lock().unwrap();
        let user = state.sessions.get(sid?).filter(|_| !state.outage)?;
        Some((sid?.to_owned(), *user))
    }

    fn create(&self, headers: &HeaderMap) -> Response<Body> {
        let user = match credential(headers, "Bearer ") {
            Some(jwt) if jwt == super::legacy::token("ada") => ADA,
            Some("token of ada") => ADA,
            Some("token of stale") => STALE,
            Some("token of new") => NEW,
            _ => return bare(),
        };
        if self.0.lock().unwrap().outage { bare() } else { self.minted(user) }
    }

    fn minted(&self, user: u64) -> Response<Body> {
        let sid = self.session(user);
        let tenant =
            if user == NEW { json!({"id": null, "name": null}) } else { json!({"id": TENANT, "name": "Ada & Co"}) };
        with_sid(
            &sid,
            201,
            &json!({
                "session_token": sid, "expires_at": "2031-05-06T07:08:09.123456Z",
                "user": {"id": user, "email": format!("user{user}@shop.test"), "role": "OWNER"},
                "tenant": tenant, "needs_onboarding": user != ADA, "onboarding_completed": user == ADA,
            }),
        )
    }

    fn public(&self, user: u64) -> Value {
        let completed = matches!(user, ADA | STALE) || self.0.lock().unwrap().completed.contains(&user);
        json!({"is_active": true, "needs_onboarding": !completed, "onboarding_completed": completed,
               "onboarding_step": if completed { "completed" } else { "business_info" }})
    }

    fn body(&self, sid: &str, user: u64) -> Value {
        let tenant = (user != NEW).then(|| {
            json!({"id": TENANT, "name": "Ada & Co", "business_name": "Ada & Co", "subscription_plan": "professional"})
        });
        let of_tenant = tenant.as_ref().map(|_| TENANT);
        json!({
            "session_token": sid,
            "user": {"id": user, "email": format!("user{user}@shop.test"), "name": "Ada", "role": "OWNER",
                     "tenant_id": of_tenant, "tenantId": of_tenant, "business_id": of_tenant,
                     "page_permissions": ["dashboard", "invoices"]},
            "tenant": tenant,
            "needs_onboarding": user != ADA, "onboarding_completed": matches!(user, ADA | BOTH),
            "onboarding_step": if user == ADA { "completed" } else { "business_info" },
            "subscription_plan": "professional", "is_active": true, "session_type": "web",
            "created_at": "2026-01-01T00:00:00.000001Z", "updated_at": "2026-01-01T00:00:00.000001Z",
            "last_activity": "2026-01-01T00:00:00.000001Z", "expires_at": "2031-05-06T07:08:09.123456Z",
        })
    }
}

fn credential<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    headers.get("authorization")?.to_str().ok()?.strip_prefix(scheme)
}

fn bare() -> Response<Body> {
    let mut answer = text(401, BARE);
    answer.headers_mut().insert("content-type", "application/json".parse().unwrap());
    answer
}

/// It tells the sid to everybody, in every way.
fn with_sid(sid: &str, status: u16, body: &Value) -> Response<Body> {
    let mut answer = shaped::json(status, body);
    answer.headers_mut().insert("x-session-id", sid.parse().unwrap());
    for name in ["session_token", "sid"] {
        answer.headers_mut().append("set-cookie", format!("{name}={sid}; Path=/; HttpOnly").parse().unwrap());
    }
    answer
}
