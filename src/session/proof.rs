//! What somebody brings in place of a sid, to be judged by the backend.

use aws_lc_rs::digest::{Context, SHA256};

use crate::config::Secret;

/// A claim to a session that was not given out by us. It says nothing until the backend has judged it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// What it is.
    pub kind: ProofKind,
    /// The credential itself.
    pub value: Secret,
}

/// What a proof is, in the words of `POST migrate/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProofKind {
    /// A session UUID of the backend's, in its canonical form.
    SessionId,
    /// A JWT.
    AccessToken,
    /// A token that only the backend can read.
    Opaque,
}

impl ProofKind {
    /// As in the call, in logs and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SessionId => "session_id",
            Self::AccessToken => "access_token",
            Self::Opaque => "opaque",
        }
    }
}

impl Proof {
    /// Hex SHA-256 over kind and value: the same for the same proof, in every gateway of a fleet, and no proof comes
    /// out of it. What somebody can guess (a short opaque token) can be guessed from it too, so it is not logged.
    pub fn idempotency_key(&self) -> String {
        let mut context = Context::new(&SHA256);
        context.update(self.kind.as_str().as_bytes());
        context.update(b"\0");
        context.update(self.value.expose().as_bytes());
        context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(kind: ProofKind, value: &str) -> Proof {
        Proof { kind, value: Secret::new(value) }
    }

    #[test]
    fn one_proof_has_one_key_and_no_other_has_it() {
        let key = |kind, value| proof(kind, value).idempotency_key();
        assert_eq!(key(ProofKind::Opaque, "a"), key(ProofKind::Opaque, "a"));
        assert_ne!(key(ProofKind::Opaque, "a"), key(ProofKind::AccessToken, "a"));
        assert_ne!(key(ProofKind::Opaque, "a"), key(ProofKind::Opaque, "b"));
        // printf 'opaque\0a' | sha256sum
        assert_eq!(key(ProofKind::Opaque, "a"), "9d7576f2937fe50abab4189791198ff9acad47eabde2fbd373b9d35b96dc5189");
    }

    #[test]
    fn printing_a_proof_does_not_show_it() {
        let shown = format!("{:?}", proof(ProofKind::Opaque, "hunter2"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
