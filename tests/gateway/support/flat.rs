//! The flat backend: what somebody builds who has only the first design's page.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};

use super::backend::{Body, Inner};
use super::shaped::{self, text};

pub(crate) const PASSWORD: &str = "correct horse";

/// The backend. A clone is the same one.
#[derive(Clone, Default)]
pub(crate) struct Flat(Arc<Mutex<HashMap<String, String>>>);

impl Flat {
    pub(crate) fn inner(&self) -> Inner {
        let this = self.clone();
        Arc::new(move |request| {
            let this = this.clone();
            Box::pin(async move { this.answer(request).await })
        })
    }

    pub(crate) fn lives(&self, sid: &str) -> bool {
        self.0.lock().unwrap().contains_key(sid)
    }

    async fn answer(&self, request: Request<Full<bytes::Bytes>>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        if (&parts.method, path) == (&Method::POST, "/api/auth/login/") {
            let body = body.collect().await.unwrap().to_bytes();
            return self.login(&serde_json::from_slice(&body).unwrap_or_default());
        }
        let sid = path.strip_prefix("/api/sessions/").and_then(|rest| rest.strip_suffix('/'));
        let Some(sid) = sid else { return text(404, "") };
        let credential = parts.headers.get("authorization").and_then(|v| v.to_str().ok());
        if credential != Some(&format!("SessionID {sid}")) {
            return text(403, "");
        }
        let mut sessions = self.0.lock().unwrap();
        match (&parts.method, sessions.get(sid)) {
            (&Method::GET, Some(email)) => shaped::json(200, &flat(email)),
            (&Method::DELETE, Some(_)) => {
                sessions.remove(sid);
                text(204, "")
            }
            (&Method::GET | &Method::DELETE, None) => text(404, ""),
            _ => text(405, ""),
        }
    }

    fn login(&self, body: &Value) -> Response<Body> {
        let known = body["password"] == PASSWORD && body["email"].as_str().is_some_and(|e| e.ends_with("@shop.test"));
        let email = match body["access_token"].as_str() {
            Some("token of ada") => "ada@shop.test",
            None if known => body["email"].as_str().unwrap(),
            _ => return text(401, ""),
        };
        let sid = uuid::Uuid::new_v4().to_string();
        self.0.lock().unwrap().insert(sid.clone(), email.to_owned());
        shaped::json(200, &json!({"session_id": sid, "expires_at": "2031-05-06T07:08:09Z"}))
    }
}

fn flat(email: &str) -> Value {
    let (needed, completed) = match email {
        "new@shop.test" => (true, false),
        "both@shop.test" => (true, true),
        _ => (false, true),
    };
    json!({"email": email, "tenant_id": (email != "new@shop.test").then_some("t-1"), "needs_onboarding": needed,
           "onboarding_completed": completed, "permissions": ["invoices.view"]})
}
