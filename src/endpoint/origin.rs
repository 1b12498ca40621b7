//! Same origin or not: the defence against requests that other sites make in a person's name.

use http::header::ORIGIN;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::context::Origin;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// An `Origin` equal in scheme, host and port to ours; without one, `Sec-Fetch-Site: same-origin`. `same-site`,
/// `null`, several, or neither: no.
pub(crate) fn is_same_origin(headers: &HeaderMap, own: &Origin) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (Some(origin), None) => is_own_origin(origin, own),
        (Some(_), Some(_)) => false,
        (None, _) => headers.get(SEC_FETCH_SITE).is_some_and(|v| v == "same-origin"),
    }
}

/// Whether an `Origin` is ours.
pub(crate) fn is_own_origin(origin: &HeaderValue, own: &Origin) -> bool {
    origin.to_str().ok().and_then(Origin::parse).is_some_and(|origin| origin == *own)
}
