//! The words: what a session is.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::activity::Activity;
use super::assertions::KeptAssertions;

/// So far the backend's clock may be behind ours before a sign-in seems older than it is.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(5);
/// What is left of a session that is nearly over.
const NEARLY_OVER: SignedDuration = SignedDuration::from_secs(300);

/// The `sid`: a UUID in its canonical form, 36 characters, lower case (RFC 9562, section 4).
///
/// It is a credential, so it cannot be printed by accident: `Debug` and `Display` show its fingerprint, and the text
/// itself comes out only through [`SessionId::expose`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(u128);

impl SessionId {
    /// Takes exactly the canonical form; upper case, braces, `urn:` and other spellings are no sid.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() != 36 || text.iter().any(u8::is_ascii_uppercase) {
            return None;
        }
        Uuid::try_parse_ascii(text).ok().map(|u| Self(u.as_u128()))
    }

    /// Of a UUID.
    pub(crate) fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid.as_u128())
    }

    /// The 36 characters, for the cookie and for the backend's credential.
    pub fn expose(&self) -> String {
        Uuid::from_u128(self.0).hyphenated().to_string()
    }

    /// SHA-256 of the 36 characters: what the backend stores in its place.
    pub fn hash(&self) -> SidHash {
        let mut buffer = Uuid::encode_buffer();
        let text = Uuid::from_u128(self.0).hyphenated().encode_lower(&mut buffer);
        let mut out = [0; 32];
        out.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        SidHash(out)
    }

    /// What may be shown of it.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut out = [0; 16];
        for (digits, byte) in out.chunks_exact_mut(2).zip(self.hash().0) {
            digits.copy_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
        Fingerprint(out)
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// SHA-256 of a sid. It finds a session at the backend, and no sid comes out of it: 122 random bits are not guessed.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct SidHash([u8; 32]);

impl fmt::Display for SidHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SidHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sid:{}", self.fingerprint())
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The first 16 hex digits of SHA-256(sid): tells sessions apart in logs and for the upstream, and gives nothing away.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// The 16 digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who is signed in. Only `id` is an identity; the rest is for display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Opaque, never empty.
    pub id: String,
    /// May be missing; never used to decide.
    pub email: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// The backend's role word.
    pub role: Option<String>,
}

/// A customer organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Opaque, never empty.
    pub id: String,
    /// The word in addresses.
    pub slug: Option<String>,
    /// Display name.
    pub name: Option<String>,
}

/// How far the user is with onboarding. Two booleans that can contradict each other become this at the edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Onboarding {
    /// There is something left to do.
    Needed {
        /// Where to go on, if the backend says so.
        step: Option<String>,
    },
    /// Nothing left to do.
    Complete,
}

/// What the backend says about a sid.
#[derive(Debug)]
pub struct Session {
    /// The backend's public name for it, not the sid.
    pub public_id: Option<String>,
    /// Whose it is.
    pub user: User,
    /// The tenant they work in now.
    pub tenant: Option<Tenant>,
    /// All tenants they belong to.
    pub tenants: Vec<Tenant>,
    /// How far they are with onboarding.
    pub onboarding: Onboarding,
    /// What they may do, in the backend's words.
    pub permissions: Vec<String>,
    /// When the person last proved who they are, as far as the backend says so.
    pub authenticated_at: Option<Timestamp>,
    /// When it ends for good.
    pub expires_at: Option<Timestamp>,
    /// When it ends if nothing happens.
    pub idle_expires_at: Option<Timestamp>,
    /// What may be shown of the sid.
    pub fingerprint: Fingerprint,
    /// The backend said both that onboarding is needed and that it is completed.
    pub contradictory_onboarding: bool,
    /// It may do more than when its sid was given out, so it is to go on under another one.
    pub privileges_changed: bool,
    /// What the backend has not heard of its use.
    pub(crate) activity: Arc<Activity>,
    /// The identity headers as they are written, made once per answer of the backend by `identity`.
    pub(crate) headers: OnceLock<Box<[u8]>>,
    /// Of the sid, for the assertion.
    pub(crate) sid_hash: SidHash,
    /// What was signed about it, made by `assertion`. Of the next answer of the backend too, if it says the same.
    pub(crate) assertions: OnceLock<Arc<KeptAssertions>>,
}

impl Session {
    /// When the earlier of its two ends comes.
    pub fn ends_at(&self) -> Option<Timestamp> {
        match (self.expires_at, self.idle_expires_at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Whether it is to be kept rather than another session of the same user, which comes first: where that is nearly
    /// over.
    pub(crate) fn outlasts(&self, first: &Self, now: Timestamp) -> bool {
        let nearly_over = first.ends_at().filter(|end| end.duration_since(now) < NEARLY_OVER);
        nearly_over.is_some_and(|first| self.ends_at().is_none_or(|end| end > first))
    }

    /// Whether the sign-in is older than this. One whose time is not known is: nothing says that it is not. One in the
    /// future is the backend's clock ahead of ours, and new.
    pub fn sign_in_is_older_than(&self, age: Duration, now: Timestamp) -> bool {
        let Some(at) = self.authenticated_at else { return true };
        let since = Duration::try_from(now.duration_since(at)).unwrap_or_default();
        since > age + CLOCK_TOLERANCE
    }

    /// Takes over what was signed about the same session, unless something has changed that an assertion says.
    pub(crate) fn inherit(&self, old: &Self) {
        let same = self.user == old.user
            && self.tenant == old.tenant
            && self.onboarding == old.onboarding
            && self.sid_hash == old.sid_hash;
        if let (true, Some(assertions)) = (same, old.assertions.get()) {
            // Something was signed about the new one already: as good.
            let _ = self.assertions.set(assertions.clone());
        }
    }

    /// Whether an earlier answer for the same sid allowed less, or something else: another role, another tenant, a
    /// permission that was not there. What only lost permissions needs no new sid: the old one is worth less already.
    pub(crate) fn gains_on(&self, earlier: &Self) -> bool {
        let tenant = |session: &Self| session.tenant.as_ref().map(|tenant| tenant.id.clone());
        let more = || self.permissions.iter().any(|one| !earlier.permissions.contains(one));
        self.user.id != earlier.user.id
            || self.user.role != earlier.user.role
            || tenant(self) != tenant(earlier)
            || self.permissions != earlier.permissions && more()
    }

    /// Whether onboarding is still to be done.
    pub fn needs_onboarding(&self) -> bool {
        matches!(self.onboarding, Onboarding::Needed { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SID: &[u8] = b"9e3779b9-7f4a-4c15-8000-000000000000";

    #[test]
    fn only_the_canonical_form_is_a_sid() {
        assert!(SessionId::parse(SID).is_some());
        for bad in [
            "",
            "null",
            "9e3779b9-7f4a-4c15-8000-00000000000",
            "9e3779b9-7f4a-4c15-8000-0000000000000",
            "9E3779B9-7F4A-4C15-8000-000000000000",
            "{9e3779b9-7f4a-4c15-8000-0000000000}",
            "urn:uuid:9e3779b9-7f4a-4c15-8000-000",
            "9e3779b97f4a4c158000000000000000aaaa",
            "9e3779b9-7f4a-4c15-8000-00000000000g",
            "9e3779b97-f4a-4c15-8000-000000000000",
        ] {
            assert!(SessionId::parse(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    #[test]
    fn printing_a_sid_shows_its_fingerprint_only() {
        let sid = SessionId::parse(SID).unwrap();
        let shown = format!("{sid} {sid:?}");
        assert!(!shown.contains("9e3779b9"), "{shown}");
        // sha256 of the 36 characters, computed elsewhere
        assert_eq!(sid.fingerprint().as_str().len(), 16);
        assert_eq!(sid.expose().as_bytes(), SID);
    }
}
