//! Expiring legacy cookies in the browser.

use http::HeaderMap;

use super::super::Gateway;
use crate::context::Context;
use crate::cookie::Scopes;

impl Gateway {
    /// Expires the legacy cookies that came, in every scope where they may live. Those that carry a session go first:
    /// what does not fit into this answer follows with the next.
    pub(crate) fn expire_legacy(&self, cx: &mut Context, headers: &HeaderMap) -> Vec<String> {
        let Some(legacy) = &self.legacy else { return Vec::new() };
        let sent = legacy.names.sent(headers);
        let scopes = Scopes::new(cx.authority.host(), &cx.path, cx.scheme, &legacy.config.domains);
        let expiries = sent.iter().map(|name| scopes.expire(name)).filter(|lines| !lines.is_empty());
        cx.expiries.extend(expiries);
        cx.expiries_below.extend(sent.iter().map(|name| scopes.expire_below(name)).filter(|lines| !lines.is_empty()));
        sent.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect()
    }
}
