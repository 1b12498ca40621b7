//! `/api/auth/session.js`: the session API for pages without a framework, as an ES module.
//!
//! It is the same file as the Next.js kit's, embedded here, and says nothing about anybody: whoever asks gets it, from any
//! page of this origin, under a Content-Security-Policy of `script-src 'self'`. `no-store` like its neighbours, therefore
//! without an `ETag`: a gateway of another version never meets a script that a browser has kept.

use http::{HeaderValue, Response, header::CONTENT_TYPE};

use crate::body::Body;

const SCRIPT: &str = include_str!("../../deploy/nextjs/src/session.js");

/// The module.
pub(super) fn get() -> Response<Body> {
    let mut answer = Response::new(Body::Own(SCRIPT.into()));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8"));
    answer
}
