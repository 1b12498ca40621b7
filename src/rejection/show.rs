//! How a refusal looks: a small page for people, JSON for programs.
//!
//! What the routers of Next.js 15 and 16 make of it, tried in a browser (`tests/e2e/next/next-requests.js`):
//!
//! - A navigation (`RSC: 1`), `router.refresh()` and the older router's `/_next/data/` that get no 2xx of their own
//!   content type load the page as a document, and the redirect to sign-in happens there. A prefetch is dropped, and asked
//!   again when the link is clicked.
//! - A server action without their content type is an error ("An unexpected response was received from the server"),
//!   unless it has `x-action-redirect`: `<address>;push` or `;replace`. A redirect is followed within the router, whatever
//!   the status. The address is parted at the first `;`, so none may stand in it unencoded.
//! - All three send no `Sec-Fetch-Mode: navigate`, so none of them takes the cookie away; the document that follows does.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_SECURITY_POLICY, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Response};
use serde_json::{Map, json};

use super::{Rejection, Switch};
use crate::body::Body;
use crate::context::Context;
use crate::decision::Wants;
use crate::endpoint::TENANT;

const ACTION_REDIRECT: HeaderName = HeaderName::from_static("x-action-redirect");
const REFRESH: HeaderName = HeaderName::from_static("refresh");

/// The one way on looks like a button.
const BUTTON: &str = "p>a{display:inline-block;padding:.6rem 1.2rem;border:1px solid;border-radius:.3rem;\
                      text-decoration:none}ul{padding-left:1.2rem;overflow-wrap:anywhere}";

impl Rejection {
    /// The answer, as a page or as JSON.
    pub fn answer(self, cx: &Context) -> Response<Body> {
        let body = match cx.wants {
            Wants::Page => self.page(cx),
            Wants::Api => self.json(cx),
        };
        let mut answer = Response::new(Body::Own(Bytes::from(body)));
        *answer.status_mut() = self.status;
        let headers = answer.headers_mut();
        let kind = match cx.wants {
            Wants::Page => "text/html; charset=utf-8",
            Wants::Api => "application/json",
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        if cx.wants == Wants::Page {
            let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
                          form-action 'self'; frame-ancestors 'self'";
            headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(allow) = self.allow.and_then(|a| HeaderValue::try_from(a).ok()) {
            headers.insert(ALLOW, allow);
        }
        if let Some(seconds) = self.max_age
            && let Ok(value) = HeaderValue::try_from(challenge(seconds))
        {
            headers.insert(WWW_AUTHENTICATE, value);
        }
        if self.reload && cx.wants == Wants::Page {
            headers.insert(REFRESH, HeaderValue::from_static("1"));
        }
        if let Some((_, address)) = self.go_to
            && let Ok(value) = HeaderValue::try_from(format!("{address};replace"))
        {
            headers.insert(ACTION_REDIRECT, value);
        }
        answer
    }

    fn json(&self, cx: &Context) -> String {
        let mut error = Map::new();
        error.insert("code".into(), json!(self.code));
        error.insert("message".into(), json!(self.message));
        error.insert("requestId".into(), json!(cx.id.to_string()));
        if let Some(reason) = self.reason {
            error.insert("reason".into(), json!(reason));
        }
        if let Some((key, address)) = &self.go_to {
            error.insert((*key).into(), json!(address));
        }
        if let Some(switch) = &self.switch {
            error.insert("switch".into(), json!(TENANT));
            error.insert("tenantId".into(), json!(switch.tenant_id));
        }
        if let Some(seconds) = self.max_age {
            error.insert("maxAge".into(), json!(seconds));
        }
        if let Some(told) = &self.went_round {
            error.insert("redirect".into(), told.json());
        }
        if let Some(fields) = &self.fields {
            error.insert("fields".into(), fields.clone());
        }
        json!({ "error": error }).to_string()
    }

    fn page(&self, cx: &Context) -> String {
        let status = self.status.as_u16();
        let title = self.status.canonical_reason().unwrap_or("Error");
        let message = escape(&self.message);
        let go_to = self.go_to.as_ref().map_or(String::new(), |(key, address)| {
            let label = match *key {
                "signIn" => "Sign in",
                "onboarding" => "Go on with setting up",
                "page" => "Go on",
                _ => "Go to your own page",
            };
            format!("<p><a href=\"{}\">{label}</a></p>", escape(address))
        });
        let told = self.went_round.as_ref().map_or(String::new(), |told| {
            let items: String = told.sentences().map(|text| format!("<li>{}", escape(&text))).collect();
            format!("<style>{BUTTON}</style><ul>{items}</ul>")
        });
        let switch = self.switch.as_ref().map_or(String::new(), |switch| form(switch));
        format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{status} {title}</title>\
             <style>:root{{color-scheme:light dark}}body{{font:16px/1.5 system-ui,sans-serif;max-width:34rem;\
             margin:18vh auto 0;padding:0 1.5rem}}h1{{font-size:1.4rem;margin:0 0 .5rem}}small{{opacity:.65}}</style>\
             <h1>{title}</h1><p>{message}</p>{told}{go_to}{switch}<p><small>{status} · request {}</small></p></html>",
            cx.id
        )
    }
}

/// RFC 9470, section 3. The scheme is that of the sid as a credential, and not one for which browsers ask by themselves.
fn challenge(max_age: u64) -> String {
    format!(
        "Session error=\"insufficient_user_authentication\", \
         error_description=\"A more recent sign-in is required\", max_age=\"{max_age}\""
    )
}

/// The switch as a form: it needs no script.
fn form(switch: &Switch) -> String {
    let hidden =
        |name: &str, value: &str| format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(value));
    let next = switch.next.as_ref().map_or(String::new(), |next| hidden("next", next));
    format!(
        "<form method=\"post\" action=\"{TENANT}\">{}{next}<button>Switch to {}</button></form>",
        hidden("tenantId", &switch.tenant_id),
        escape(&switch.name)
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
