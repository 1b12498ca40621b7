//! What was found in a jar.

use std::sync::Arc;

use crate::session::Proof;

/// Proofs of one request that are asked about.
pub const MAX_PROOFS: usize = 3;

/// What a jar claims: one candidate for each carrier and cookie that was there, in the order of the carriers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// In the order in which they are preferred.
    pub candidates: Vec<Candidate>,
}

impl Claims {
    /// The distinct proofs in order, [`MAX_PROOFS`] at most, each with the first candidate that brings it.
    pub fn proofs(&self) -> Vec<(&Candidate, &Proof)> {
        let mut proofs: Vec<(&Candidate, &Proof)> = Vec::new();
        for candidate in &self.candidates {
            if let Verdict::Proof(proof) = &candidate.verdict
                && !proofs.iter().any(|(_, known)| *known == proof)
            {
                proofs.push((candidate, proof));
                if proofs.len() == MAX_PROOFS {
                    break;
                }
            }
        }
        proofs
    }
}

/// What one carrier makes of one cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The carrier's name.
    pub carrier: Arc<str>,
    /// The cookie's name as it was sent, without the number of a chunk.
    pub cookie: String,
    /// What it is.
    pub verdict: Verdict,
}

/// What a cookie is to a carrier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// A claim that the backend may judge.
    Proof(Proof),
    /// Not this carrier's, or there is no claim in it.
    None(Why),
    /// This carrier's, and worth nothing.
    Rejected(Why),
}

impl Verdict {
    /// `session_id`, `access_token`, `opaque`, `none` or `rejected`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Proof(proof) => proof.kind.as_str(),
            Self::None(_) => "none",
            Self::Rejected(_) => "rejected",
        }
    }

    /// Why it is no proof.
    pub fn why(&self) -> Option<Why> {
        match self {
            Self::Proof(_) => None,
            Self::None(why) | Self::Rejected(why) => Some(*why),
        }
    }
}

/// Why there is no proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Why {
    /// There is nothing in it.
    Empty,
    /// It does not look like the carrier's format at all; another carrier may read it.
    OtherFormat,
    /// It was read, and holds neither a session nor a token.
    NoProof,
    /// A word that the application put there in place of a session.
    Sentinel,
    /// Its own time is over.
    Expired,
    /// Longer than `max_value_bytes`.
    TooLarge,
    /// Too many cookies of one name.
    TooMany,
    /// Chunks are missing, or contradict each other.
    Chunks,
    /// It looks like the format and is not, such as base64 with something else in it.
    Malformed,
    /// Another key, or changed on the way.
    Undecryptable,
    /// An algorithm that this format does not use.
    Algorithm,
    /// Decrypted, and no JSON object.
    NotJson,
}

impl Why {
    /// For log, metrics and the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::OtherFormat => "other_format",
            Self::NoProof => "no_proof",
            Self::Sentinel => "sentinel",
            Self::Expired => "expired",
            Self::TooLarge => "too_large",
            Self::TooMany => "too_many",
            Self::Chunks => "chunks",
            Self::Malformed => "malformed",
            Self::Undecryptable => "undecryptable",
            Self::Algorithm => "algorithm",
            Self::NotJson => "not_json",
        }
    }
}
