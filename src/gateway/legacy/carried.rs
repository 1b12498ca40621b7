//! What one request brings of legacy cookies.

use std::sync::OnceLock;

use aws_lc_rs::digest::{Context, SHA256};
use http::HeaderMap;
use jiff::Timestamp;

use super::Legacy;
use crate::legacy::{Claims, Jar};

/// What one request brings. Decoded once, and only if somebody asks.
pub(super) struct Carried<'h> {
    jar: Jar<'h>,
    claims: OnceLock<Claims>,
}

impl<'h> Carried<'h> {
    /// None where no cookie is legacy.
    pub(super) fn of(headers: &'h HeaderMap, is_legacy: impl Fn(&[u8]) -> bool) -> Option<Self> {
        let jar = Jar::of(headers);
        let there = jar.names().any(|name| is_legacy(name.as_bytes()));
        there.then(|| Self { jar, claims: OnceLock::new() })
    }

    /// What the cookies claim.
    pub(super) fn claims(&self, legacy: &Legacy) -> &Claims {
        self.claims.get_or_init(|| legacy.carriers.read(&self.jar, Timestamp::now()))
    }

    /// Whether there is a proof in them, where that was looked at.
    pub(super) fn usable(&self) -> Option<bool> {
        self.claims.get().map(|claims| !claims.proofs().is_empty())
    }

    /// From 0 to 99, the same for the same browser: by its first proof, which outlives a cookie that is written anew.
    pub(super) fn bucket(&self, legacy: &Legacy) -> u64 {
        let key = self.claims(legacy).proofs().first().map(|(_, proof)| proof.idempotency_key());
        key.map_or_else(|| self.browser(legacy), |key| hash([key.as_bytes()])) % 100
    }

    /// A hash of the cookies that carriers read; where there are none, of the legacy ones.
    pub(super) fn browser(&self, legacy: &Legacy) -> u64 {
        let read = legacy.names.carriers();
        let carriers = self.jar.names().any(|name| read.contains(name.as_bytes()));
        let names = if carriers { read } else { legacy.names.cleared() };
        let pairs = self.jar.iter().filter(|(name, _)| names.contains(name.as_bytes()));
        hash(pairs.flat_map(|(name, value)| [name.as_bytes(), b"=", value, b";"]))
    }
}

fn hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u64 {
    let mut context = Context::new(&SHA256);
    parts.into_iter().for_each(|part| context.update(part));
    context.finish().as_ref().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}
