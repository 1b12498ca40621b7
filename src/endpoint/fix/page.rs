//! The page with one button: no script, nothing to load, readable on a phone.

use bytes::Bytes;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderValue, Response};

use crate::body::Body;

/// Without `form-action`: browsers hold it against redirects too, and a tenant's home may be on a host of its own. There is
/// nothing in the page that somebody could have written.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

const PAGE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><meta name=\"robots\" content=\"noindex\">\
<title>Fix your session</title>\
<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:18vh auto 0;\
padding:0 1.5rem}h1{font-size:1.4rem;margin:0 0 .5rem}button{font:inherit;padding:.6rem 1.2rem;min-height:2.75rem}\
small{opacity:.65}</style>\
<h1>Fix your session</h1>\
<p>If pages keep sending you round in circles, or sign you out again and again, press the button. It tidies up the cookies \
of this site in this browser and asks anew whether you are signed in.</p>\
<form method=\"post\" action=\"/api/auth/fix-session\"><button autofocus>Fix my session</button></form>\
<p><small>If you are signed in you stay signed in. Otherwise you are asked to sign in once more.</small></p></html>";

/// The page. Nothing is looked up for it, and nothing changes.
pub(in crate::endpoint) fn get() -> Response<Body> {
    let mut answer = Response::new(Body::Own(Bytes::from_static(PAGE.as_bytes())));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    answer
}
