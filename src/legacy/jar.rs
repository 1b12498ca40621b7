//! The cookies of one request.

mod gather;

use http::HeaderMap;

use crate::cookie;

/// Cookies of one request that are looked at. Browsers keep at most 180 for a site.
const MOST: usize = 256;

/// The cookies that a browser sent, in their order, twins and all.
#[derive(Clone, Default)]
pub struct Jar<'h> {
    pairs: Vec<(&'h str, &'h [u8])>,
}

impl<'h> Jar<'h> {
    /// Of a request. Names that are no text are nobody's, and so are cookies past the 256th.
    pub fn of(headers: &'h HeaderMap) -> Self {
        let mut pairs = Vec::new();
        cookie::each(headers, |name, value| {
            if let Ok(name) = std::str::from_utf8(name)
                && pairs.len() < MOST
            {
                pairs.push((name, value));
            }
        });
        Self { pairs }
    }

    /// Of one cookie.
    pub fn single(name: &'h str, value: &'h [u8]) -> Self {
        Self::of_pairs([(name, value)])
    }

    /// Of some cookies of a jar.
    pub fn of_pairs(pairs: impl IntoIterator<Item = (&'h str, &'h [u8])>) -> Self {
        Self { pairs: pairs.into_iter().take(MOST).collect() }
    }

    /// Names and values as they were sent.
    pub fn iter(&self) -> impl Iterator<Item = (&'h str, &'h [u8])> {
        self.pairs.iter().copied()
    }

    /// The names, each as often as it was sent.
    pub fn names(&self) -> impl Iterator<Item = &'h str> {
        self.iter().map(|(name, _)| name)
    }

    /// Whether there is no cookie.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }
}

impl std::fmt::Debug for Jar<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}
