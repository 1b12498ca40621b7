//! What a call to the session API carries: JSON, or a form where a form is taken.

use http::Request;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::config::Secret;
use crate::context::SignInMethod;
use crate::rejection::Rejection;
use crate::session::Credentials;

/// Bytes of a call's body.
const MAX_BODY: usize = 16 * 1024;
/// Longest a call's body may take.
const BODY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(15);

/// A sign-in as it was sent.
pub(super) struct SignIn {
    pub(super) credentials: Credentials,
    pub(super) next: Option<String>,
    /// An HTML form: it gets a redirect.
    pub(super) form: bool,
}

impl SignIn {
    /// For the log.
    pub(super) fn method(&self) -> SignInMethod {
        match &self.credentials {
            _ if self.challenge().is_some() => SignInMethod::Challenge,
            Credentials::Password { .. } => SignInMethod::Password,
            Credentials::AccessToken { .. } => SignInMethod::AccessToken,
        }
    }

    /// For the limit per address.
    pub(super) fn email(&self) -> Option<String> {
        match &self.credentials {
            Credentials::Password { email, .. } => Some(account(email)),
            Credentials::AccessToken { .. } => None,
        }
    }

    /// The challenge that it answers.
    pub(super) fn challenge(&self) -> Option<&Value> {
        match &self.credentials {
            Credentials::Password { challenge, .. } | Credentials::AccessToken { challenge, .. } => challenge.as_ref(),
        }
    }
}

/// What counts as one address. A backend may take many spellings for the same account: it trims more than we would,
/// compares in upper case (`ı` is `I` there) or by a collation to which `á` is `a`. So every spelling that could be one
/// counts as one: without white space and controls, folded both ways, and a side that is not ASCII even so is `?`.
fn account(email: &str) -> String {
    let plain: String = email.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
    let folded = plain.to_uppercase().to_lowercase();
    let side = |text: &str| if text.is_ascii() { text.to_owned() } else { "?".to_owned() };
    let whole = match folded.rsplit_once('@') {
        Some((local, domain)) => format!("{}@{}", side(local), side(domain)),
        None => side(&folded),
    };
    // No address is longer (RFC 5321 section 4.5.3.1.3), and what is remembered of it must not be either.
    whole.chars().take(254).collect()
}

/// Whether the body says it is a form.
pub(super) fn is_form(request: &Request<Incoming>) -> bool {
    media_type(request) == "application/x-www-form-urlencoded"
}

/// Reads a sign-in.
pub(super) async fn sign_in(request: Request<Incoming>) -> Result<SignIn, Rejection> {
    let form = is_form(&request);
    if !form && media_type(&request) != "application/json" {
        let message = "Send application/json, or a form as application/x-www-form-urlencoded.";
        return Err(Rejection::bad_body("unsupported_media_type", message));
    }
    let bytes = collect(request).await?;
    if form { from_form(&bytes) } else { from_json(&bytes) }
}

pub(super) fn media_type(request: &Request<Incoming>) -> String {
    let value = request.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The bytes of a call's body.
pub(crate) async fn collect(request: Request<Incoming>) -> Result<bytes::Bytes, Rejection> {
    let read = Limited::new(request.into_body(), MAX_BODY).collect();
    let late = || Rejection::bad_body("slow_body", "The body did not come in time.");
    let read = tokio::time::timeout(BODY_TIMEOUT, read).await.map_err(|_| late())?;
    let body =
        read.map_err(|_| Rejection::bad_body("body_too_large", "The body is larger than 16 KiB, or broke off."))?;
    Ok(body.to_bytes())
}

fn from_json(bytes: &[u8]) -> Result<SignIn, Rejection> {
    let bad = || Rejection::bad_body("invalid_body", "Send {\"email\", \"password\"} or {\"accessToken\"} as JSON.");
    let json: Value = serde_json::from_slice(bytes).map_err(|_| bad())?;
    let text = |key: &str| json.get(key).and_then(Value::as_str).filter(|s| !s.is_empty()).map(str::to_owned);
    let challenge = match json.get("challenge").filter(|given| !given.is_null()) {
        Some(given) => Some(challenge(given.get("id"), given.get("code")).ok_or_else(|| {
            let message =
                "The answer to a challenge is {\"challenge\": {\"id\", \"code\"}}, beside what was sent before.";
            Rejection::bad_body("invalid_body", message)
        })?),
        None => None,
    };
    let credentials = match (text("accessToken"), text("email"), text("password")) {
        (Some(token), None, None) => Credentials::AccessToken { token: Secret::new(token), challenge },
        (None, Some(email), Some(password)) => {
            Credentials::Password { email, password: Secret::new(password), challenge }
        }
        _ => return Err(bad()),
    };
    Ok(SignIn { credentials, next: text("next"), form: false })
}

/// The answer to a challenge, as the contract writes it. None without an id: a form may always have the fields.
fn challenge(id: Option<&Value>, code: Option<&Value>) -> Option<Value> {
    let plain = |value: &&Value| value.is_number() || value.is_string();
    let fits = |value: &&Value| value.as_str().is_none_or(|text| (1..=256).contains(&text.len()));
    let id = id.filter(plain).filter(fits)?;
    Some(json!({ "id": id, "code": code.filter(plain)? }))
}

fn from_form(bytes: &[u8]) -> Result<SignIn, Rejection> {
    let (mut email, mut password, mut next, mut nexts) = (None, None, None, 0);
    let (mut challenge_id, mut challenge_code) = (None, None);
    for (key, value) in url::form_urlencoded::parse(bytes) {
        match &*key {
            "email" => email = Some(value.into_owned()),
            "password" => password = Some(value.into_owned()),
            "challenge_id" => challenge_id = Some(Value::from(value)),
            "challenge_code" => challenge_code = Some(Value::from(value)),
            "next" => {
                nexts += 1;
                next = Some(value.into_owned());
            }
            _ => {}
        }
    }
    // A form with an empty field is a person who pressed the button too early: the backend's answer will say so.
    let (Some(email), Some(password)) = (email, password) else {
        return Err(Rejection::bad_body("invalid_body", "The form needs the fields email and password."));
    };
    let challenge = challenge(challenge_id.as_ref(), challenge_code.as_ref());
    let credentials = Credentials::Password { email, password: Secret::new(password), challenge };
    // Which of two is meant would be a guess.
    Ok(SignIn { credentials, next: next.filter(|n| nexts == 1 && !n.is_empty()), form: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_that_a_backend_may_take_for_one_account_are_one() {
        for spelling in
            ["Alice@ACME.test", " alice@acme.test\u{1f}", "al\u{131}ce@acme.te\u{17f}t", "alice @acme.test\0"]
        {
            assert_eq!(account(spelling), "alice@acme.test", "{spelling:?}");
        }
        for spelling in ["\u{e1}lice@acme.test", "\u{ff41}lice@acme.test", "ali\u{200b}ce@acme.test"] {
            assert_eq!(account(spelling), "?@acme.test", "{spelling:?}");
        }
        assert_eq!(account("info@m\u{fc}ller.test"), "info@?");
        assert_eq!(account(&"x".repeat(999)).len(), 254);
    }
}
