//! What an assertion says.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use serde::Serialize;

use crate::identity;
use crate::session::Session;

/// Bytes of a text that is only for display. Longer, it is left out: servers bound the size of a header.
const MAX_DISPLAYED: usize = 512;

/// The claims (contract: headers.md), in the order in which they are written.
#[derive(Debug, Serialize)]
pub(super) struct Claims<'a> {
    iss: &'a str,
    aud: [&'a str; 2],
    sub: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    /// The tenant's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    tid: Option<&'a str>,
    /// Onboarding, as in the plain header.
    onb: String,
    roles: Vec<&'a str>,
    /// SHA-256 of the sid, in hexadecimal: by it the backend finds the session.
    sid_h: String,
    iat: i64,
    exp: i64,
    jti: String,
}

impl<'a> Claims<'a> {
    /// About a session, from now on for so many seconds, or to the session's own end.
    pub(super) fn new(session: &'a Session, aud: [&'a str; 2], iss: &'a str, now: i64, lifetime: i64) -> Self {
        let displayed = |text: &'a Option<String>| text.as_deref().filter(|text| text.len() <= MAX_DISPLAYED);
        // One that seems to be past is of a backend whose clock is another.
        let end = session.expires_at.map(|end| end.as_second()).filter(|end| *end > now);
        Self {
            iss,
            aud,
            sub: &session.user.id,
            email: displayed(&session.user.email),
            name: displayed(&session.user.name),
            tid: session.tenant.as_ref().map(|tenant| tenant.id.as_str()),
            onb: identity::onboarding(session),
            roles: displayed(&session.user.role).into_iter().collect(),
            sid_h: session.sid_hash.to_string(),
            iat: now,
            exp: end.map_or(now + lifetime, |end| end.min(now + lifetime)),
            // 122 random bits, and never twice.
            jti: BASE64URL.encode(uuid::Uuid::new_v4().as_bytes()),
        }
    }

    /// Adds them to a token that is its header so far.
    pub(super) fn push(&self, token: &mut String) -> Option<()> {
        let text = serde_json::to_vec(self).ok()?;
        token.push('.');
        BASE64URL.encode_string(text, token);
        Some(())
    }
}
