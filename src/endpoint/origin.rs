//! Same origin or not: the defence against requests that other sites make in a person's name.

use http::header::ORIGIN;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::context::{Authority, Context};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// An `Origin` equal in scheme, host and port to ours; without one, `Sec-Fetch-Site: same-origin`. `same-site`,
/// `null`, several, or neither: no.
pub(crate) fn is_same_origin(headers: &HeaderMap, cx: &Context, configured: Option<&str>) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (Some(origin), None) => is_own_origin(origin, cx, configured),
        (Some(_), Some(_)) => false,
        (None, _) => headers.get(SEC_FETCH_SITE).is_some_and(|v| v == "same-origin"),
    }
}

/// Whether an `Origin` is the one that this request was made to, or the configured public one.
pub(crate) fn is_own_origin(origin: &HeaderValue, cx: &Context, configured: Option<&str>) -> bool {
    let Ok(text) = origin.to_str() else { return false };
    if let Some(configured) = configured {
        return same(text, configured);
    }
    same(text, &cx.origin())
}

fn same(a: &str, b: &str) -> bool {
    parts(a).is_some_and(|a| Some(a) == parts(b))
}

/// Scheme, host and port, the default one written out.
fn parts(origin: &str) -> Option<(String, String, u16)> {
    let (scheme, rest) = origin.split_once("://")?;
    let authority = Authority::parse(rest)?;
    let default = match scheme {
        "https" => 443,
        "http" => 80,
        _ => return None,
    };
    Some((scheme.to_owned(), authority.host().to_owned(), authority.port().unwrap_or(default)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_host_and_port_must_all_be_equal() {
        for (a, b, equal) in [
            ("https://app.test", "https://app.test:443", true),
            ("https://APP.test", "https://app.test", true),
            ("https://app.test:8443", "https://app.test", false),
            ("http://app.test", "https://app.test", false),
            ("https://evilapp.test", "https://app.test", false),
            ("https://app.test.evil", "https://app.test", false),
            ("null", "https://app.test", false),
            ("https://app.test/path", "https://app.test", false),
            ("", "https://app.test", false),
        ] {
            assert_eq!(same(a, b), equal, "{a} {b}");
        }
    }
}
