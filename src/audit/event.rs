//! What happened: one event, and its JSON.
//!
//! An event can only be told what it has a field for, and none of the fields is for a sid, a password, a token or a
//! cookie. Texts are cut to [`LONGEST`] characters and escaped to printable ASCII, so that no value can begin a line,
//! a field or a column of its own, nor turn what a terminal shows around.

use std::fmt::Write;
use std::net::IpAddr;

use jiff::Timestamp;

use crate::escape::escape;
use crate::session::{Fingerprint, Session, SessionId};

/// Characters of one text.
pub const LONGEST: usize = 256;
/// Characters of a sketch.
const LONGEST_SKETCH: usize = 1100;
/// Items of one list.
const MOST: usize = 20;

/// What kind of thing happened. The words are the log's, and do not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Somebody tried to sign in; `outcome` and `method` say how it went.
    SignIn,
    /// A browser signed out: `taken` by the backend, or `pending` until it does.
    SignOut,
    /// A user ended sessions from the list of devices: one, the others, or all.
    Revocation,
    /// A session was seen for the first time to have ended: `reason` says why (expired, idle, limit, revoked, ...).
    SessionEnded,
    /// A session goes on under a new sid.
    Rotation,
    /// A user went on as another tenant.
    TenantSwitch,
    /// The address of another tenant was refused, or a switch to it.
    TenantRefused,
    /// `fix-session` was called.
    FixSession,
    /// A page asked for a fresh sign-in.
    FreshSignIn,
    /// A legacy cookie became a session: `migrated`, or `repeated` for the same one within a minute.
    LegacyMigrated,
    /// The backend made no session of what a legacy cookie holds; `reason` says why.
    LegacyRefused,
    /// The legacy cookies of one browser name several users: nobody was signed in.
    LegacyConflict,
    /// Migration stopped by itself, is tried again, or goes on: `stopped`, `trial`, `resumed`.
    LegacyStopped,
    /// How many browsers still carry legacy cookies: a summary, at most every few minutes.
    LegacySeen,
    /// A browser came with the sid that its legacy cookies became, for the first time.
    LegacyReturned,
    /// The configuration was read anew.
    Reload,
    /// The gateway started.
    Start,
    /// The gateway stopped.
    Stop,
    /// An operator did something; `operator` says who.
    Operator,
    /// Something needs an operator: the backend refuses the gateway's key, for example.
    Alarm,
    /// The trail's own: a signature over everything up to here.
    Checkpoint,
    /// The trail's own: a new file begins.
    Rotated,
    /// The trail's own: bytes that a crash left half written, named by length and hash.
    Sealed,
    /// The trail's own: lines that were there are missing.
    Lost,
    /// The trail's own: events that could not be written, counted.
    Gap,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 25] = [
        Self::SignIn,
        Self::SignOut,
        Self::Revocation,
        Self::SessionEnded,
        Self::Rotation,
        Self::TenantSwitch,
        Self::TenantRefused,
        Self::FixSession,
        Self::FreshSignIn,
        Self::LegacyMigrated,
        Self::LegacyRefused,
        Self::LegacyConflict,
        Self::LegacyStopped,
        Self::LegacySeen,
        Self::LegacyReturned,
        Self::Reload,
        Self::Start,
        Self::Stop,
        Self::Operator,
        Self::Alarm,
        Self::Checkpoint,
        Self::Rotated,
        Self::Sealed,
        Self::Lost,
        Self::Gap,
    ];

    /// The word in the trail.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::SignOut => "sign_out",
            Self::Revocation => "revocation",
            Self::SessionEnded => "session_ended",
            Self::Rotation => "rotation",
            Self::TenantSwitch => "tenant_switch",
            Self::TenantRefused => "tenant_refused",
            Self::FixSession => "fix_session",
            Self::FreshSignIn => "fresh_sign_in",
            Self::LegacyMigrated => "legacy_migrated",
            Self::LegacyRefused => "legacy_refused",
            Self::LegacyConflict => "legacy_conflict",
            Self::LegacyStopped => "legacy_stopped",
            Self::LegacySeen => "legacy_seen",
            Self::LegacyReturned => "legacy_returned",
            Self::Reload => "reload",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Operator => "operator",
            Self::Alarm => "alarm",
            Self::Checkpoint => "checkpoint",
            Self::Rotated => "rotated",
            Self::Sealed => "sealed",
            Self::Lost => "lost",
            Self::Gap => "gap",
        }
    }

    /// Whether the answer is withheld when this cannot be written (`on_failure = "block"`). What ends a session never
    /// is: a full disk must not keep anybody signed in.
    pub fn is_gated(self) -> bool {
        matches!(self, Self::SignIn | Self::Rotation | Self::TenantSwitch | Self::FixSession | Self::LegacyMigrated)
    }
}

/// One event, while it is told.
#[derive(Debug, Clone)]
pub struct Event {
    /// What kind of thing.
    pub kind: Kind,
    time: Timestamp,
    fields: Fields,
    /// Ends with the answer that is withheld when this cannot be written.
    pub(crate) made: Option<SessionId>,
    /// An address as it was typed; written as the configuration says.
    pub(super) email: Option<String>,
}

/// The texts and numbers of an event. A name comes once.
#[derive(Debug, Clone, Default)]
struct Fields(Vec<(&'static str, Field)>);

#[derive(Debug, Clone)]
enum Field {
    Text(String),
    Number(u64),
    List(Vec<String>),
}

impl Event {
    /// Of now.
    pub fn new(kind: Kind) -> Self {
        Self { kind, time: Timestamp::now(), fields: Fields::default(), made: None, email: None }
    }

    /// What came of it: `signed_in`, `refused`, `limited`, `taken`, ...
    #[must_use]
    pub fn outcome(self, outcome: &str) -> Self {
        self.text("outcome", outcome)
    }

    /// Why, in one word.
    #[must_use]
    pub fn reason(self, reason: &str) -> Self {
        self.text("reason", reason)
    }

    /// How: the method of a sign-in, the scope of a revocation.
    #[must_use]
    pub fn method(self, method: &str) -> Self {
        self.text("method", method)
    }

    /// Whose session, and which: user, tenant, fingerprint, public id.
    #[must_use]
    pub fn of(mut self, session: &Session) -> Self {
        self = self.text("user", &session.user.id).fingerprint(session.fingerprint);
        if let Some(tenant) = &session.tenant {
            self = self.text("tenant", &tenant.id);
        }
        if let Some(public_id) = &session.public_id {
            self = self.text("public_id", public_id);
        }
        self
    }

    /// The user's id.
    #[must_use]
    pub fn user(self, id: &str) -> Self {
        self.text("user", id)
    }

    /// The id of the tenant it is about.
    #[must_use]
    pub fn tenant(self, id: &str) -> Self {
        self.text("tenant", id)
    }

    /// The tenant that was asked for and not given, or gone from.
    #[must_use]
    pub fn other_tenant(self, name: &str) -> Self {
        self.text("other_tenant", name)
    }

    /// Which session.
    #[must_use]
    pub fn fingerprint(self, fingerprint: Fingerprint) -> Self {
        self.text("session", fingerprint.as_str())
    }

    /// The session that this one replaced.
    #[must_use]
    pub fn replaces(self, fingerprint: Fingerprint) -> Self {
        self.text("old_session", fingerprint.as_str())
    }

    /// The backend's public ids of sessions that ended. More than twenty are counted in `more`.
    #[must_use]
    pub fn public_ids<S: AsRef<str>>(mut self, ids: &[S]) -> Self {
        let list = ids.iter().take(MOST).map(|id| cut(id.as_ref())).collect();
        self.fields.set("public_ids", Field::List(list));
        if ids.len() > MOST { self.count("more", (ids.len() - MOST) as u64) } else { self }
    }

    /// The legacy carrier, by the label that the configuration gives it.
    #[must_use]
    pub fn carrier(self, name: &str) -> Self {
        self.text("carrier", name)
    }

    /// The name of a cookie; never its value.
    #[must_use]
    pub fn cookie(self, name: &str) -> Self {
        self.text("cookie", name)
    }

    /// A number of things, by name.
    #[must_use]
    pub fn number(self, name: &'static str, number: u64) -> Self {
        self.count(name, number)
    }

    /// Which browsers were counted, as a sketch that says how many, and not which: what several gateways write can be
    /// put together.
    #[must_use]
    pub fn sketch(mut self, name: &'static str, sketch: &str) -> Self {
        self.fields.set(name, Field::Text(sketch.chars().take(LONGEST_SKETCH).collect()));
        self
    }

    /// Who of the operators.
    #[must_use]
    pub fn operator(self, name: &str) -> Self {
        self.text("operator", name)
    }

    /// The e-mail address of somebody of whom nothing else is known. It is written as a keyed hash unless
    /// `[audit] emails` says otherwise.
    #[must_use]
    pub fn email(self, email: &str) -> Self {
        Self { email: Some(email.to_owned()), ..self }
    }

    /// The browser's request: its id, address and program.
    #[must_use]
    pub fn request(self, id: &str, client: IpAddr, user_agent: Option<&[u8]>) -> Self {
        let this = self.text("request_id", id).text("client", &client.to_string());
        match user_agent {
            Some(agent) => this.text("user_agent", &String::from_utf8_lossy(agent)),
            None => this,
        }
    }

    /// The route or endpoint.
    #[must_use]
    pub fn route(self, pattern: &str) -> Self {
        self.text("route", pattern)
    }

    /// What an operator would ask next, in words. Never anything that a client sent.
    #[must_use]
    pub fn detail(self, detail: &str) -> Self {
        self.text("detail", detail)
    }

    /// A session that was made and is to end if this cannot be written. It is not written itself.
    #[must_use]
    pub fn makes(self, sid: SessionId) -> Self {
        Self { made: Some(sid), ..self }
    }

    /// Whether the field has been told.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields.0.iter().any(|(known, _)| *known == name)
    }

    pub(super) fn count(mut self, name: &'static str, number: u64) -> Self {
        self.fields.set(name, Field::Number(number));
        self
    }

    pub(super) fn text(mut self, name: &'static str, text: &str) -> Self {
        self.fields.set(name, Field::Text(cut(text)));
        self
    }

    /// `"time":...,"kind":...` and the fields: what a line holds besides its links.
    pub(super) fn json(&self) -> String {
        let mut out = String::with_capacity(384);
        // Writing to a String cannot fail.
        let _ = write!(out, "\"time\":\"{:.6}\",\"kind\":\"{}\"", self.time, self.kind.as_str());
        for (name, field) in &self.fields.0 {
            let _ = write!(out, ",\"{name}\":");
            match field {
                Field::Text(text) => quote(&mut out, text),
                Field::Number(number) => {
                    let _ = write!(out, "{number}");
                }
                Field::List(items) => {
                    for (i, item) in items.iter().enumerate() {
                        out.push(if i == 0 { '[' } else { ',' });
                        quote(&mut out, item);
                    }
                    out.push_str(if items.is_empty() { "[]" } else { "]" });
                }
            }
        }
        out
    }
}

impl Fields {
    fn set(&mut self, name: &'static str, field: Field) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = field,
            None => self.0.push((name, field)),
        }
    }
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    escape(out, text);
    out.push('"');
}

fn cut(text: &str) -> String {
    let mut chars = text.chars();
    let mut short: String = chars.by_ref().take(LONGEST).collect();
    if chars.next().is_some() {
        short.push('\u{2026}');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_of_printable_ascii_whatever_it_is_told() {
        let agent = "\n{\"kind\":\"stop\"}\u{202e}\u{1f600}\0".repeat(100);
        let event = Event::new(Kind::SignIn).request("r", IpAddr::from([192, 0, 2, 1]), Some(agent.as_bytes()));
        let json = event.public_ids(&vec!["x"; 25]).json();
        assert!(json.bytes().all(|b| (b' '..=b'~').contains(&b)), "{json}");
        let back: serde_json::Value = serde_json::from_str(&format!("{{{json}}}")).unwrap();
        assert_eq!(back["kind"], "sign_in");
        assert_eq!(back["user_agent"].as_str().unwrap().chars().count(), LONGEST + 1);
        assert_eq!((back["public_ids"].as_array().unwrap().len(), back["more"].as_u64()), (20, Some(5)));
    }

    #[test]
    fn a_field_that_is_told_twice_is_written_once() {
        let json = Event::new(Kind::Alarm).reason("first").reason("second").json();
        assert!(json.contains("\"reason\":\"second\"") && !json.contains("first"), "{json}");
    }
}
