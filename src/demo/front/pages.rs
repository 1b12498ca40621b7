//! What each page says.

use super::page::Part::{Html, Text};
use super::page::{escape, fill, layout};
use super::told::Told;
use crate::demo::{CODE, PASSWORD};

const PEOPLE: [(&str, &str); 5] = [
    ("alice@acme.test", "owner of Acme"),
    ("bob@globex.test", "owner of Globex"),
    ("carol@acme.test", "belongs to Acme and to Globex"),
    ("dave@acme.test", "has a second factor"),
    ("newbie@example.test", "has onboarding ahead"),
];

pub(super) fn home(told: &Told) -> String {
    let greeting = if told.user_id.is_some() { "You are signed in" } else { "Hello, whoever you are" };
    let next = told.home();
    let next_text = match (&told.user_id, told.needs_onboarding) {
        (None, _) => "Sign in",
        (Some(_), true) => "Go on with onboarding",
        (Some(_), false) => "Your dashboard",
    };
    let parts = [("greeting", Text(greeting)), ("next", Text(&next)), ("next_text", Text(next_text))];
    layout(told, "Start", &fill(include_str!("home.html"), &parts))
}

pub(super) fn sign_in(told: &Told, query: Option<&str>) -> String {
    let next = parameter(query, "next")
        .map(|next| format!("<input type=\"hidden\" name=\"next\" value=\"{}\" data-testid=\"next\">", escape(&next)));
    // Always there, for the script; hidden until a code is asked for.
    let id = parameter(query, "challenge").unwrap_or_default();
    let hidden = if id.is_empty() { " hidden" } else { "" };
    let challenge = [("hidden", Html(hidden)), ("id", Text(&id)), ("code", Text(CODE))];
    let challenge = fill(include_str!("challenge.html"), &challenge);
    let ended = parameter(query, "reason").map(|reason| match reason.as_str() {
        // As the end of a session and as a sign-in that was refused it says different things.
        "session_limit" => "You signed in on another device, and this session ended for it.".to_owned(),
        other => in_words(other),
    });
    let fault = parameter(query, "error").as_deref().map(in_words).or(ended);
    let people: String = PEOPLE.iter().map(|(email, about)| person(email, about)).collect();
    let parts = [
        ("error", Html(&error(fault))),
        ("challenge", Html(&challenge)),
        ("next", Html(&next.unwrap_or_default())),
        ("password", Text(PASSWORD)),
        ("people", Html(&people)),
    ];
    layout(told, "Sign in", &fill(include_str!("signin.html"), &parts))
}

pub(super) fn onboarding(told: &Told, query: Option<&str>) -> String {
    if told.user_id.is_some() && !told.needs_onboarding {
        let parts = [("home", Text(&told.home()))];
        return layout(told, "Onboarding", &fill(include_str!("onboarded.html"), &parts));
    }
    let fault = parameter(query, "error").map(|code| match code.as_str() {
        "company" => "Say what your company is called.".to_owned(),
        _ => "That did not work.".to_owned(),
    });
    layout(told, "Onboarding", &fill(include_str!("onboarding.html"), &[("error", Html(&error(fault)))]))
}

pub(super) fn dashboard(told: &Told, slug: &str) -> String {
    let other = if told.tenant.as_deref().unwrap_or(slug) == "acme" { "globex" } else { "acme" };
    let warning = warning(told, slug);
    let parts = [("slug", Text(slug)), ("warning", Html(&warning)), ("other", Text(other))];
    layout(told, "Dashboard", &fill(include_str!("dashboard.html"), &parts))
}

pub(super) fn live(told: &Told, slug: &str) -> String {
    let parts = [("slug", Text(slug)), ("warning", Html(&warning(told, slug)))];
    layout(told, "Live events", &fill(include_str!("live.html"), &parts))
}

/// `/dashboard`: the home of users without a tenant; the others find the way from here.
pub(super) fn dashboard_of_nobody(told: &Told) -> String {
    let (text, target_text) = match (&told.tenant, &told.user_id) {
        (Some(_), _) => ("Your company has a dashboard of its own.", "Go there"),
        (None, Some(_)) => ("You belong to no company yet, so there is nothing to show.", "To onboarding"),
        (None, None) => ("Nobody is signed in.", "Sign in"),
    };
    notice(told, "Dashboard", text, &told.home(), target_text)
}

pub(super) fn not_found(told: &Told, path: &str) -> String {
    let text =
        format!("The application has no page at {path}. The gateway let the request through, so a route covers it.");
    notice(told, "No such page", &text, "/", "To the start")
}

pub(super) fn not_allowed(told: &Told, allow: &str) -> String {
    notice(told, "Not that way", &format!("This address takes {allow} only."), "/", "To the start")
}

fn notice(told: &Told, heading: &str, text: &str, target: &str, target_text: &str) -> String {
    let parts = [
        ("heading", Text(heading)),
        ("text", Text(text)),
        ("target", Text(target)),
        ("target_text", Text(target_text)),
    ];
    layout(told, heading, &fill(include_str!("notice.html"), &parts))
}

fn person(email: &str, about: &str) -> String {
    let (email, about, password) = (escape(email), escape(about), escape(PASSWORD));
    let name = email.split('@').next().unwrap_or_default();
    format!(
        "<tr><td>{email}</td><th scope=\"row\">{about}</th><td><button type=\"button\" class=\"quiet\" \
         data-fill=\"{email}\" data-password=\"{password}\" hidden data-needs-script data-testid=\"fill-{name}\">\
         Fill in</button></td></tr>\n"
    )
}

fn error(text: Option<String>) -> String {
    let paragraph =
        |text: String| format!("<p class=\"error\" role=\"alert\" data-testid=\"error\">{}</p>", escape(&text));
    text.map(paragraph).unwrap_or_default()
}

/// The application sees for itself when the gateway let somebody into another company's pages.
fn warning(told: &Told, slug: &str) -> String {
    let wrong = told.tenant.as_deref() != Some(slug);
    error(wrong.then(|| format!("The address says {slug}, the identity does not: this request should not be here.")))
}

/// The gateway's code for a failed sign-in, or for the end of a session, as one would say it.
fn in_words(code: &str) -> String {
    let words = match code {
        "invalid_credentials" => "E-mail or password is wrong.",
        "invalid_challenge" => "The code is wrong, or no longer good.",
        "account_disabled" => "This account is disabled.",
        "account_locked" => "This account is locked for now.",
        "session_limit" => "There are too many sessions of this account. Sign out on another device first.",
        "fresh_sign_in_required" => "This needs a fresh sign-in. Sign in again to go on.",
        "rate_limited" | "too_many_requests" | "too_many_attempts" => "Too many attempts. Wait a minute.",
        "unavailable" | "backend_unavailable" | "session_backend_unavailable" => {
            "The session backend does not answer. Try again in a moment."
        }
        "session_unknown" => "Your session is not known any more. Sign in again.",
        "session_revoked" => "Your session was ended. Sign in again.",
        "session_expired" => "Your session has run out. Sign in again.",
        "session_idle" => "You were signed out, because nothing happened for a while. Sign in again.",
        "invalid" | "invalid_request" => "E-mail and password are both needed.",
        other => return format!("That did not work ({other})."),
    };
    words.to_owned()
}

fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(query?.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}
