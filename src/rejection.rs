//! Every refusal: its status, its body (a page or JSON), what it says to do next.
//!
//! The only file that knows status codes, give or take the endpoints.

mod round;
mod show;

use std::borrow::Cow;

use http::header::LOCATION;
use http::{HeaderValue, Response, StatusCode};
use serde_json::Value;

use crate::body::Body;
use crate::config::Capability;
use crate::context::{Context, SignInMethod};
use crate::decision::{FRESH_SIGN_IN, Reason, Refusal};
use crate::path::PathFault;
use crate::session::{SignInAnswer, Tenant};
use crate::upstream::UpstreamError;
pub use round::WentRound;

/// A refusal, on its way to become an answer.
#[derive(Debug, Default)]
pub struct Rejection {
    status: StatusCode,
    code: Cow<'static, str>,
    message: Cow<'static, str>,
    reason: Option<&'static str>,
    retry_after: Option<u64>,
    allow: Option<String>,
    /// Where a person can go on: shown on the page, in the JSON, and to a server action.
    go_to: Option<(&'static str, String)>,
    /// Another tenant of the user's, to switch to.
    switch: Option<Box<Switch>>,
    reload: bool,
    /// Longest since the sign-in, in seconds, where it is too old.
    max_age: Option<u64>,
    fields: Option<Value>,
    went_round: Option<Box<round::Told>>,
}

/// The offer to go on as another tenant that the user belongs to.
#[derive(Debug)]
struct Switch {
    tenant_id: String,
    name: String,
    /// The page that was asked for.
    next: Option<String>,
}

impl Rejection {
    fn new(status: StatusCode, code: &'static str, message: &'static str) -> Self {
        Self { status, code: code.into(), message: message.into(), ..Self::default() }
    }

    /// The path cannot be read in one way only.
    pub fn bad_path(fault: PathFault) -> Self {
        Self { message: fault.to_string().into(), ..Self::new(StatusCode::BAD_REQUEST, "bad_path", "") }
    }

    /// No host, several, or none that can be read.
    pub fn bad_host() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "bad_host",
            "The request needs exactly one Host, and it must be a host name.",
        )
    }

    /// A reserved header in another spelling.
    pub fn alias() -> Self {
        let message = "The request has a header that is another spelling of one that only the gateway may set.";
        Self::new(StatusCode::BAD_REQUEST, "reserved_header", message)
    }

    /// More header fields than allowed.
    pub fn too_many_headers() -> Self {
        let message = "The request has too many header fields.";
        Self::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "too_many_headers", message)
    }

    /// The connection's certificate does not cover the host.
    pub fn misdirected() -> Self {
        let message = "This connection was opened for another host name. Open a new one for this host.";
        Self::new(StatusCode::MISDIRECTED_REQUEST, "misdirected", message)
    }

    /// No route.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no_route", "There is nothing at this address.")
    }

    /// There is no key set, because nothing is signed.
    pub fn no_assertion_key(message: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "no_assertion_key", message)
    }

    /// A route, but not for this method.
    pub fn method(allow: String) -> Self {
        let allow = Some(allow);
        Self {
            allow,
            ..Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "This address takes other methods.")
        }
    }

    /// Not from our own origin.
    pub fn cross_origin() -> Self {
        let message = "This call is only for pages of the same origin. Send it from there, with its Origin header.";
        Self::new(StatusCode::FORBIDDEN, "cross_origin", message)
    }

    /// A WebSocket handshake that is none.
    pub fn bad_handshake() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_handshake", "This is no WebSocket handshake that can be passed on.")
    }

    /// The body of a call to an endpoint.
    pub fn bad_body(code: &'static str, message: &'static str) -> Self {
        let status = match code {
            "body_too_large" => StatusCode::PAYLOAD_TOO_LARGE,
            "unsupported_media_type" => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            _ => StatusCode::BAD_REQUEST,
        };
        Self::new(status, code, message)
    }

    /// Too many attempts.
    pub fn limited(code: &'static str, message: &'static str, wait: std::time::Duration) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, code, message).retry_after(wait)
    }

    /// The backend did not answer.
    pub fn backend_unavailable() -> Self {
        let message = "The session service does not answer. Your session is kept; please try again in a moment.";
        let retry_after = Some(5);
        Self { retry_after, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "backend_unavailable", message) }
    }

    /// What must be in the audit trail cannot be written there.
    pub fn audit_unavailable() -> Self {
        let message = "This cannot be recorded as it must be, so it was not done. Please try again in a moment.";
        let retry_after = Some(5);
        Self { retry_after, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "audit_unavailable", message) }
    }

    /// The session backend has no call for this ([`config::Backend::supports`](crate::config::Backend::supports)).
    /// `message` says what it has, or what to do instead.
    pub fn not_supported(message: &'static str) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, "not_supported_by_backend", message)
    }

    /// The application has signed somebody in, and the backend did not answer when it was asked about that.
    pub fn sign_in_incomplete(sign_in: String) -> Self {
        let message = "The session service does not answer, so your sign-in could not be completed. \
                       Please sign in again in a moment.";
        let retry_after = Some(5);
        let base = Self::new(StatusCode::SERVICE_UNAVAILABLE, "sign_in_incomplete", message);
        Self { retry_after, go_to: Some(("signIn", sign_in)), ..base }
    }

    /// `Authorization: Session` beside another `Authorization`.
    pub fn several_credentials() -> Self {
        let message = "The request has more than one Authorization. Send one: Authorization: Session <sid>.";
        Self::new(StatusCode::BAD_REQUEST, "several_credentials", message)
    }

    /// A public id that is none of this user's sessions.
    pub fn session_not_found() -> Self {
        let message = "None of your sessions has this id. GET /api/auth/sessions lists them.";
        Self::new(StatusCode::NOT_FOUND, "session_not_found", message)
    }

    /// A switch to a tenant that is none of the user's; the way home.
    pub fn not_a_member(home: String) -> Self {
        let message = "You do not belong to this organisation, or not any more.";
        let go_to = Some(("home", home));
        Self { go_to, ..Self::new(StatusCode::FORBIDDEN, "not_a_member", message) }
    }

    /// A refusal of the backend at sign-in, passed on as our own.
    pub fn sign_in(refusal: SignInAnswer, method: SignInMethod) -> Self {
        let refusal = match refusal {
            SignInAnswer::Refused(refusal) => refusal,
            SignInAnswer::NotSupported(Capability::TokenSignIn) => {
                return Self::not_supported("There is no sign-in by token here. Send {\"email\", \"password\"}.");
            }
            SignInAnswer::NotSupported(_) => {
                let message = "There is no sign-in by e-mail address and password here. \
                               Send {\"accessToken\"}: the token that your identity provider issued.";
                return Self::not_supported(message);
            }
            _ => return Self::backend_unavailable(),
        };
        let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::UNAUTHORIZED);
        let message = match refusal.code.as_str() {
            "invalid_credentials" if method == SignInMethod::AccessToken => "The access token was not accepted.",
            "invalid_credentials" => "E-mail address or password is wrong.",
            "account_disabled" => "This account is disabled. Ask your administrator.",
            "account_locked" => "This account is locked for now. Try again later.",
            "session_limit" => "You are signed in on too many devices. Sign out on one of them first.",
            "invalid_challenge" => "The code is wrong, or no longer good.",
            "rate_limited" => "Too many attempts. Try again later.",
            _ => "The sign-in was refused.",
        };
        Self {
            code: refusal.code.into(),
            retry_after: refusal.retry_after.map(u64::from),
            fields: refusal.fields,
            ..Self::new(status, "", message)
        }
    }

    /// A refusal of the decision.
    pub fn decided(refusal: Refusal, reason: Reason, go_to: Option<(&'static str, String)>) -> Self {
        let base = match refusal {
            Refusal::Unauthenticated => {
                Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "You are not signed in.")
            }
            Refusal::Reload => {
                let message = "Your session is being renewed. This page reloads itself.";
                Self { reload: true, ..Self::new(StatusCode::UNAUTHORIZED, "session_rotated", message) }
            }
            Refusal::FreshSignIn { max_age } => {
                let message = "This needs a fresh sign-in. Sign in again to go on.";
                let base = Self::new(StatusCode::UNAUTHORIZED, FRESH_SIGN_IN, message);
                Self { max_age: Some(max_age.as_secs()), ..base }
            }
            Refusal::OnboardingNeeded => {
                Self::new(StatusCode::FORBIDDEN, "onboarding_needed", "Finish setting up your account first.")
            }
            Refusal::OtherTenant { .. } | Refusal::OtherTenantHost { .. } => {
                let message = "This address belongs to another organisation than the one you are working in.";
                Self::new(StatusCode::FORBIDDEN, "other_tenant", message)
            }
            Refusal::Throttled => {
                let message = "Too many requests with sessions that do not exist came from your network.";
                Self {
                    retry_after: Some(1),
                    ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_refused_sids", message)
                }
            }
            Refusal::BackendUnavailable => Self::backend_unavailable(),
        };
        Self { reason: Some(reason.as_str()), go_to, ..base }
    }

    /// The same, with the offer to switch to a tenant and come back to `next`.
    pub fn offer_switch(self, tenant: &Tenant, next: Option<String>) -> Self {
        let name = tenant.name.as_ref().or(tenant.slug.as_ref()).unwrap_or(&tenant.id).clone();
        Self { switch: Some(Box::new(Switch { tenant_id: tenant.id.clone(), name, next })), ..self }
    }

    /// The same, when it may be tried again.
    pub fn retry_after(self, wait: std::time::Duration) -> Self {
        // Rounded up: who comes back on time must not be too early.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Self { retry_after: Some(seconds.max(1)), ..self }
    }

    /// The status, for the log.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The code, unless it is the backend's own word.
    pub(crate) fn word(&self) -> Option<&'static str> {
        match self.code {
            Cow::Borrowed(word) => Some(word),
            Cow::Owned(_) => None,
        }
    }

    /// The code, for a form's way back.
    pub fn code(&self) -> &str {
        &self.code
    }
}

impl From<UpstreamError> for Rejection {
    fn from(error: UpstreamError) -> Self {
        match error {
            UpstreamError::Alias => Self::alias(),
            UpstreamError::Handshake => Self::bad_handshake(),
            UpstreamError::SlowBody => {
                Self::new(StatusCode::REQUEST_TIMEOUT, "slow_body", "The rest of the request did not come in time.")
            }
            UpstreamError::Connect => Self::new(
                StatusCode::BAD_GATEWAY,
                "upstream_unreachable",
                "The application cannot be reached right now.",
            ),
            UpstreamError::Broken => {
                let message = "The application closed the connection before it answered.";
                Self::new(StatusCode::BAD_GATEWAY, "upstream_broken", message)
            }
            UpstreamError::Timeout => {
                Self::new(StatusCode::GATEWAY_TIMEOUT, "upstream_timeout", "The application did not answer in time.")
            }
            UpstreamError::Overloaded => {
                let retry_after = Some(1);
                let message = "The application has more requests open than it can take. Try again in a moment.";
                Self { retry_after, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "upstream_overloaded", message) }
            }
            UpstreamError::Draining => {
                let retry_after = Some(1);
                let message = "This gateway is about to stop. Try again.";
                Self { retry_after, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "draining", message) }
            }
        }
    }
}

/// A redirect: 302, or 303 where the method was not a safe one (RFC 9110 section 15.4.4).
pub fn redirect(cx: &Context, to: &str) -> Response<Body> {
    let mut answer = Response::new(Body::Empty);
    *answer.status_mut() = if cx.safe_method() { StatusCode::FOUND } else { StatusCode::SEE_OTHER };
    if let Ok(location) = HeaderValue::try_from(to) {
        answer.headers_mut().insert(LOCATION, location);
    }
    answer
}
