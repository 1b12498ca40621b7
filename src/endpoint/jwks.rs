//! The key set of the assertion: public, and anybody may keep it for a while.

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Response};

use crate::body::Body;
use crate::context::Context;
use crate::decision::Wants;
use crate::gateway::Gateway;
use crate::rejection::Rejection;

/// Where receivers find it.
pub(crate) const JWKS: &str = "/.well-known/sidgate/jwks.json";

/// What is said where there is none.
pub(crate) const NO_KEY: &str = "This gateway signs no assertions: it has no key. `sidgate keys new` makes one.";

/// For half of `activate_after`'s default: by then a new key is everywhere before it signs.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// `GET /.well-known/sidgate/jwks.json`
pub(crate) fn jwks(gateway: &Gateway, cx: &mut Context) -> Result<Response<Body>, Rejection> {
    cx.facts.route = Some(JWKS.into());
    cx.wants = Wants::Api;
    if !matches!(cx.method, Method::GET | Method::HEAD) {
        return Err(Rejection::method("GET, HEAD".into()));
    }
    let set = gateway.assertions().jwks().ok_or_else(|| Rejection::no_assertion_key(NO_KEY))?;
    let mut answer = Response::new(Body::Own(set.into()));
    let kind = HeaderValue::from_static("application/jwk-set+json");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer.headers_mut().insert(CACHE_CONTROL, CACHE);
    Ok(answer)
}
