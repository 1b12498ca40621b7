//! The addresses people are sent to, and the way back.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::config::{self, TenantMatch};
use crate::context::Origin;
use crate::decision::{FRESH_SIGN_IN, Reason};
use crate::path;
use crate::session::{Onboarding, Session};

/// Longest `next` that is followed.
const MAX_NEXT: usize = 2048;

/// Everything but the unreserved characters and `/`, for a value in a query or a path.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The addresses of `[pages]`.
#[derive(Debug, Clone)]
pub struct Pages {
    pages: config::Pages,
    paths: config::Paths,
}

impl Pages {
    /// From `[pages]` and `[paths]`.
    pub fn new(pages: &config::Pages, paths: &config::Paths) -> Self {
        Self { pages: pages.clone(), paths: paths.clone() }
    }

    /// The sign-in page's own path.
    pub fn sign_in_path(&self) -> &str {
        &self.pages.sign_in
    }

    /// Whether a path is the onboarding page or below it.
    pub fn is_onboarding(&self, path: &str) -> bool {
        let base = self.pages.onboarding.split("/{").next().unwrap_or_default();
        path.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The query parameter that carries the way back.
    pub fn next_parameter(&self) -> &str {
        &self.pages.next_parameter
    }

    /// The sign-in page, with the way back and the reason.
    pub fn sign_in(&self, next: Option<&str>, reason: Option<Reason>) -> String {
        let mut out = self.pages.sign_in.clone();
        let mut separator = if out.contains('?') { '&' } else { '?' };
        let mut add = |key: &str, value: &str| {
            out.push(separator);
            out.push_str(key);
            out.push('=');
            out.extend(utf8_percent_encode(value, QUERY));
            separator = '&';
        };
        if let Some(next) = next.filter(|n| n.len() <= MAX_NEXT) {
            add(&self.pages.next_parameter, next);
        }
        if let Some(reason @ (Reason::Refused(_) | Reason::FreshSignInRequired)) = reason {
            add("reason", reason.as_str());
        }
        out
    }

    /// Whether the query of a sign-in page says that somebody with a session is there to sign in again: sent there for a
    /// fresh sign-in, or back from a form that was refused or asked for a second factor.
    pub fn signs_in_again(query: Option<&str>) -> bool {
        let says = |(key, value): (Cow<'_, str>, Cow<'_, str>)| match &*key {
            "reason" => value == FRESH_SIGN_IN,
            "error" | "challenge" => true,
            _ => false,
        };
        query.is_some_and(|query| url::form_urlencoded::parse(query.as_bytes()).any(says))
    }

    /// The sign-in page after a form that was refused.
    pub fn sign_in_again(&self, next: Option<&str>, error: &str) -> String {
        let mut out = self.sign_in(next, None);
        out.push(if out.contains('?') { '&' } else { '?' });
        out.push_str("error=");
        out.extend(utf8_percent_encode(error, QUERY));
        out
    }

    /// The sign-in page after a form that was right, when a second factor is due: the page asks for its code and sends
    /// the form again with `challenge_id` and `challenge_code`. After a code that was wrong, with the error.
    pub fn sign_in_challenge(&self, next: Option<&str>, id: &str, kind: Option<&str>, error: Option<&str>) -> String {
        let mut out = self.sign_in(next, None);
        let parameters = [("challenge", Some(id)), ("kind", kind), ("error", error)];
        for (key, value) in parameters.into_iter().filter_map(|(key, value)| Some((key, value?))) {
            out.push(if out.contains('?') { '&' } else { '?' });
            out.push_str(key);
            out.push('=');
            out.extend(utf8_percent_encode(value, QUERY));
        }
        out
    }

    /// The onboarding page, at the session's step.
    pub fn onboarding(&self, session: &Session) -> String {
        let step = match &session.onboarding {
            Onboarding::Needed { step: Some(step) } => utf8_percent_encode(step, SEGMENT).to_string(),
            _ => String::new(),
        };
        let path = self.pages.onboarding.replace("{step}", &step);
        if step.is_empty() && path.len() > 1 { path.trim_end_matches('/').to_owned() } else { path }
    }

    /// Home: the tenant's own page, or that of a user who has none.
    pub fn home(&self, session: &Session) -> String {
        let Some(tenant) = &session.tenant else { return self.pages.home_without_tenant.clone() };
        let slug = match &tenant.slug {
            Some(slug) => slug,
            None if self.pages.home.contains("{tenant}") => return self.pages.home_without_tenant.clone(),
            None => "",
        };
        self.pages
            .home
            .replace("{tenant}", &utf8_percent_encode(slug, SEGMENT).to_string())
            .replace("{tenant_id}", &utf8_percent_encode(&tenant.id, SEGMENT).to_string())
    }

    /// Home as seen from an origin: a path, or an address where the tenant has a host of its own and that is not this
    /// one.
    pub fn home_from(&self, here: &Origin, session: &Session) -> String {
        let home = self.home(session);
        match self.tenant_host(session).filter(|host| host != here.host()).and_then(|host| here.at(&host)) {
            Some(origin) => format!("{origin}{home}"),
            None => home,
        }
    }

    /// The host of the session's tenant, if tenants have hosts and its name can stand in one.
    fn tenant_host(&self, session: &Session) -> Option<String> {
        let (hosts, tenant) = (self.pages.tenant_host.as_ref()?, session.tenant.as_ref()?);
        hosts.host_of(match hosts.by {
            TenantMatch::Id => &tenant.id,
            TenantMatch::Slug => tenant.slug.as_deref()?,
        })
    }

    /// Whether a host is that of a tenant.
    pub fn is_tenant_host(&self, host: &str) -> bool {
        self.pages.tenant_host.as_ref().is_some_and(|hosts| hosts.name_in(host).is_some())
    }

    /// A `next` that stays with us: a path of our own origin, or an address on a tenant's host, which is given back as
    /// a path where that is the host one is on. `//`, `/\`, controls, other schemes, the sign-in page itself: ignored.
    /// Judged after parsing as browsers do (WHATWG URL), because they are who follows it; and what is given back is
    /// what was judged.
    pub fn safe_next(&self, next: &str, here: &Origin) -> Option<String> {
        let visible = |c: char| !c.is_control() && !c.is_whitespace() && !is_invisible(c);
        if next.len() > MAX_NEXT || !next.chars().all(visible) || next.contains('\\') {
            return None;
        }
        let base = Url::parse(&here.to_string()).ok()?;
        let is_path = next.starts_with('/') && !next.starts_with("//");
        let url = if is_path { base.join(next).ok()? } else { self.of_a_tenant(next, here)? };
        if is_path && url.origin() != base.origin() || !url.username().is_empty() || url.password().is_some() {
            return None;
        }
        let path = path::canonical(url.path(), &self.paths).ok()?;
        if path.trim_end_matches('/') == self.pages.sign_in.trim_end_matches('/') || path.starts_with("/api/auth/") {
            return None;
        }
        let origin = if url.origin() == base.origin() { None } else { Some(here.at(url.host_str()?)?) };
        let origin = origin.map(|origin| origin.to_string()).unwrap_or_default();
        let query = url.query().map(|q| format!("?{q}")).unwrap_or_default();
        let fragment = url.fragment().map(|f| format!("#{f}")).unwrap_or_default();
        Some(format!("{origin}{path}{query}{fragment}"))
    }

    /// An address on a tenant's host, of our own scheme and port.
    fn of_a_tenant(&self, next: &str, here: &Origin) -> Option<Url> {
        next.strip_prefix(here.scheme())?.strip_prefix("://")?;
        let url = Url::parse(next).ok()?;
        let ours = url.port_or_known_default() == Some(here.port()) && self.is_tenant_host(url.host_str()?);
        ours.then_some(url)
    }
}

/// An address's origin, if it has one, and its path.
pub fn parted(address: &str) -> (Option<&str>, &str) {
    let end = |text: &str| text.find(['?', '#']).unwrap_or(text.len());
    let Some(rest) = address.find("://").filter(|_| !address.starts_with('/')).map(|at| at + 3) else {
        return (None, &address[..end(address)]);
    };
    let path = address[rest..].find('/').map_or(address.len(), |at| rest + at);
    (Some(&address[..path]), &address[path..path + end(&address[path..])])
}

/// Format characters that show nothing: zero-width, bidirectional controls, line and paragraph separators.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages() -> Pages {
        Pages::new(&config::Pages::default(), &config::Paths::default())
    }

    fn origin(text: &str) -> Origin {
        Origin::parse(text).unwrap()
    }

    #[test]
    fn next_stays_at_home() {
        let safe = |n: &str| pages().safe_next(n, &origin("https://app.test:8443"));
        assert_eq!(safe("/acme/dashboard?x=1#y").as_deref(), Some("/acme/dashboard?x=1#y"));
        assert_eq!(safe("/").as_deref(), Some("/"));
        for evil in [
            "//e.com",
            "/\\e.com",
            "/%09/e.com",
            "\t/e.com",
            "/\t/e.com",
            "https:e.com",
            "https://app.test:8443/x",
            "/\u{2028}x",
            "/\u{200b}/e.com",
            "//user@e.com",
            "/x/..//e.com",
            "javascript:alert(1)",
            "/x\r\nSet-Cookie: a=b",
            "",
            "x",
            "/auth/signin",
            "/auth/signin?next=/x",
            "/api/auth/session-v2",
        ] {
            let followed = safe(evil);
            assert!(
                followed.as_deref().is_none_or(|f| f.starts_with('/') && !f.starts_with("//")),
                "{evil:?} {followed:?}"
            );
        }
        for evil in ["//e.com", "/\\e.com", "https:e.com", "javascript:alert(1)", "/x\r\ny", "/auth/signin"] {
            assert_eq!(safe(evil), None, "{evil:?}");
        }
        assert_eq!(safe(&format!("/{}", "x".repeat(8192))), None);
    }

    #[test]
    fn the_way_back_is_encoded_whole() {
        assert_eq!(pages().sign_in(Some("/a b?x=1&y=//e.com"), None), "/auth/signin?next=/a%20b%3Fx%3D1%26y%3D//e.com");
        assert_eq!(
            pages().sign_in(None, Some(Reason::Refused(crate::session::RefusalCode::Expired))),
            "/auth/signin?reason=session_expired"
        );
    }

    fn with_hosts() -> Pages {
        let text = "[pages]\nhome = \"/dashboard\"\ntenant_host = \"{tenant}.app.test\"\n\
                    [[listener]]\nmode = \"serve\"\ntrusted_peers = [\"::1\"]\n[upstream.nextjs]\n[[route]]\n\
                    [backend]\ngateway_key = \"${X}\"\n";
        let key = |_: &str| Some("0123456789abcdef0123456789abcdef".to_owned());
        let config = config::Config::parse(text, "x", std::path::Path::new(""), &key).unwrap();
        Pages::new(&config.pages, &config.paths)
    }

    #[test]
    fn next_may_be_on_a_tenants_host_and_no_other() {
        let safe = |n: &str| with_hosts().safe_next(n, &origin("https://acme.app.test:8443"));
        for (next, followed) in [
            ("https://globex.app.test:8443/x?y=1#z", "https://globex.app.test:8443/x?y=1#z"),
            ("https://globex.app.test:8443", "https://globex.app.test:8443/"),
            ("https://GLOBEX.app.test:8443/x/../y", "https://globex.app.test:8443/y"),
            ("https://acme.app.test:8443/x", "/x"),
            ("/x", "/x"),
        ] {
            assert_eq!(safe(next).as_deref(), Some(followed), "{next}");
        }
        for evil in [
            "https://evilapp.test:8443/x",
            "https://evil.test:8443/x",
            "https://app.test:8443/x",
            "https://app.test.evil.test:8443/x",
            "https://a.b.app.test:8443/x",
            "https://.app.test:8443/x",
            "https://a_b.app.test:8443/x",
            "https://globex.app.test/x",
            "https://globex.app.test:443/x",
            "http://globex.app.test:8443/x",
            "//globex.app.test:8443/x",
            "https:globex.app.test:8443/x",
            "https:/globex.app.test:8443/x",
            "https:\\\\globex.app.test:8443/x",
            "https://globex.app.test:8443\\@evil.test/x",
            "https://globex.app.test:8443@evil.test/x",
            "https://user@globex.app.test:8443/x",
            "https://evil.test/@globex.app.test:8443/x",
            "https://evil.test#globex.app.test:8443/x",
            "https://globex.app.test\u{200b}:8443/x",
            "https://globex.app.test%2eevil.test:8443/x",
            "https://globex.app.test:8443/auth/signin",
            "https://globex.app.test:8443/api/auth/session-v2",
            "javascript://globex.app.test:8443/%0aalert(1)",
        ] {
            assert_eq!(safe(evil), None, "{evil}");
        }
        assert_eq!(pages().safe_next("https://globex.app.test/x", &origin("https://app.test")), None);
    }

    #[test]
    fn an_address_is_parted_where_browsers_part_it() {
        for (address, parts) in [
            ("/a/b?c=https://d", (None, "/a/b")),
            ("https://a.test:1/b/c?d#e", (Some("https://a.test:1"), "/b/c")),
            ("https://a.test", (Some("https://a.test"), "")),
        ] {
            assert_eq!(parted(address), parts);
        }
    }
}
