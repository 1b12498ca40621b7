//! What a request says of itself: host, path, and the rule it falls under. What can be read in two ways is refused.

use std::sync::Arc;

use http::header::COOKIE;
use http::{HeaderMap, Method, Request};
use hyper::body::Incoming;

use super::Gateway;
use crate::context::{self, Authority, Context};
use crate::networks::Trust;
use crate::path;
use crate::rejection::Rejection;
use crate::route::{NoRoute, Route};

/// Cookies of one request that HTTP/2 may bring as fields of their own. Browsers keep at most 180 for a site.
const MAX_CRUMBS: usize = 256;

/// The page that a path is another spelling of, and its route.
pub(super) type PageOf<'g> = (String, &'g Route);

impl Gateway {
    /// Host, certificate, header count, method and path: what can be read in one way only.
    pub(super) fn read(&self, cx: &mut Context, request: &Request<Incoming>) -> Result<(), Rejection> {
        if request.headers().len() > self.max_headers && !is_full_jar(request.headers(), self.max_headers) {
            return Err(Rejection::too_many_headers());
        }
        cx.authority = self.authority(cx, request)?;
        // What the browser asked the proxy for. The certificate was the proxy's affair there, and ours is about Host.
        if cx.connection.trust >= Trust::Host
            && let Some(host) = context::forwarded_authority(request.headers())
        {
            cx.authority = Arc::new(host.ok_or_else(Rejection::bad_host)?);
        }
        // A tunnel to anywhere, and an echo of what only the gateway should see. And `post`, which is no POST to the
        // rules (RFC 9110 section 9.1), but to applications that write methods in capitals, Django among them.
        let small = cx.method.as_str().bytes().any(|b| b.is_ascii_lowercase());
        if small || matches!(cx.method, Method::CONNECT | Method::TRACE) {
            return Err(Rejection::method("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS".into()));
        }
        cx.query = request.uri().query().map(str::to_owned);
        cx.path = path::canonical(request.uri().path(), &self.paths).map_err(Rejection::bad_path)?.into_owned();
        Ok(())
    }

    /// The host, and whether this connection may speak for it. Both are asked once per connection as a rule.
    fn authority(&self, cx: &Context, request: &Request<Incoming>) -> Result<Arc<Authority>, Rejection> {
        let (uri, headers) = (request.uri(), request.headers());
        if let Some(known) = cx.connection.known_host(uri, headers) {
            return Ok(known);
        }
        let authority = Arc::new(context::authority(uri, headers).ok_or_else(Rejection::bad_host)?);
        if self.strict_host && !cx.connection.covers(authority.host()) {
            return Err(Rejection::misdirected());
        }
        cx.connection.remember_host(uri, headers, &authority);
        Ok(authority)
    }

    /// The route of the path, and where the path is another spelling of a page, that page and its route: both must
    /// let the request pass.
    pub(super) fn route(&self, cx: &mut Context) -> Result<(&Route, Option<PageOf<'_>>), Rejection> {
        let find = |path: &str| self.routes.find(cx.authority.host(), path, &cx.method);
        let none = |no: NoRoute| match no {
            NoRoute::Unknown => Rejection::not_found(),
            NoRoute::Method { allow } => Rejection::method(allow),
        };
        let route = find(&cx.path).map_err(none);
        let of_image = || path::image_of(&cx.path, cx.query.as_deref(), &self.paths);
        let page = path::page_of(&cx.path, &self.paths).and_then(|page| page.map_or_else(of_image, |p| Ok(Some(p))));
        let page = page.map_err(Rejection::bad_path)?;
        if self.blocked.holds(&cx.path) || page.as_ref().is_some_and(|page| self.blocked.holds(page)) {
            return Err(Rejection::not_found());
        }
        let page = match page {
            Some(page) => {
                let route = find(&page).map_err(none)?;
                Some((page, route))
            }
            None => None,
        };
        // `/_next/data/...` needs no route of its own where its page has one.
        let route = match (&route, &page) {
            (Err(_), Some((_, of_page))) => *of_page,
            _ => route?,
        };
        let shown = page.as_ref().map_or(route, |(_, r)| r);
        cx.facts.route = Some(shown.pattern.clone());
        cx.facts.access = Some(shown.access.as_str());
        Ok((route, page))
    }
}

/// Whether there are too many fields only because HTTP/2 splits `Cookie` (RFC 9113 section 8.2.3): over HTTP/1.1 the same
/// jar is one field. Its bytes are limited either way.
fn is_full_jar(headers: &HeaderMap, max_headers: usize) -> bool {
    let crumbs = headers.get_all(COOKIE).iter().count();
    crumbs <= MAX_CRUMBS && headers.len() - crumbs < max_headers
}
