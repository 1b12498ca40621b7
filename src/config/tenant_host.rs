//! `[pages] tenant_host`: a host for every tenant, such as `{tenant}.app.example.com`.

use super::table::Problem;
use super::{Place, TenantMatch, address};

/// The hosts of tenants: one label is the tenant's name, everything around it is fixed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantHost {
    /// Where it stands in the file, for faults found later.
    pub place: Place,
    /// What of the tenant the label is.
    pub by: TenantMatch,
    /// Left of the label, with its dot; mostly empty.
    before: String,
    /// Right of it, with its dot.
    after: String,
}

const WHAT: &str = "a host such as \"{tenant}.app.example.com\"";

impl TenantHost {
    /// Reads it as written in `gateway.toml`.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let problem = |hint: &str| Err(Problem::expected_text(WHAT, text).hint(hint));
        let by = [("{tenant}", TenantMatch::Slug), ("{tenant_id}", TenantMatch::Id)];
        let Some((before, after, by)) = by.iter().find_map(|(p, by)| text.split_once(p).map(|(b, a)| (b, a, *by)))
        else {
            return problem("it has the placeholder {tenant} (the slug) or {tenant_id}");
        };
        if text.contains(['/', ':', '@']) {
            return problem("no scheme, port or path: those are the request's");
        }
        if !(before.is_empty() || before.ends_with('.')) || !after.starts_with('.') || after.contains('{') {
            return problem("the placeholder is one whole label, and the only one");
        }
        // Fewer labels to its right would take in hosts that are not yours, and with them redirects to anywhere.
        let (before, after) = (before.to_ascii_lowercase(), after.to_ascii_lowercase());
        if address::domain(&after).is_err() {
            return problem("right of the placeholder stands a domain of your own, of two labels or more");
        }
        if !before.trim_end_matches('.').split('.').all(|label| before.is_empty() || is_host_label(label)) {
            return problem("labels of letters, digits and `-`, joined by dots");
        }
        Ok(Self { place: Place::default(), by, before, after })
    }

    /// The host of the tenant of this name (slug or id, as [`by`](Self::by) says). None for a name that cannot stand in
    /// a host as it is: upper case is not made lower, for names that differ in case only may be two tenants'.
    pub fn host_of(&self, name: &str) -> Option<String> {
        let host = format!("{}{name}{}", self.before, self.after);
        (is_host_label(name) && host.len() <= 253).then_some(host)
    }

    /// The name in a host, if it is the host of a tenant: exactly one label where the placeholder stands.
    pub fn name_in<'a>(&self, host: &'a str) -> Option<&'a str> {
        let name = host.strip_prefix(self.before.as_str())?.strip_suffix(self.after.as_str())?;
        is_host_label(name).then_some(name)
    }

    /// Whether a cookie of this `Domain=` (RFC 6265 section 5.1.3) is sent to every one of these hosts.
    pub fn is_under(&self, domain: &str) -> bool {
        self.after.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
    }

    /// The longest `Domain=` that does.
    pub fn parent(&self) -> &str {
        self.after.trim_start_matches('.')
    }
}

/// A label of a host name in canonical spelling: lower-case letters, digits and inner `-` (RFC 1123 section 2.1).
pub(crate) fn is_host_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_one_whole_label() {
        let hosts = TenantHost::parse("{tenant}.App.example.com").unwrap();
        assert_eq!(hosts.host_of("acme").as_deref(), Some("acme.app.example.com"));
        assert_eq!(hosts.name_in("acme.app.example.com"), Some("acme"));
        for other in [
            "app.example.com",
            ".app.example.com",
            "evilapp.example.com",
            "acme.app.example.com.evil.test",
            "a.b.app.example.com",
            "-a.app.example.com",
            "a_b.app.example.com",
            "acme.app.example.org",
        ] {
            assert_eq!(hosts.name_in(other), None, "{other}");
        }
        for text in
            ["app.example.com", "a_b.{tenant}.example.com", "{tenant}.{tenant_id}.example.com", "{tenant}.localhost"]
        {
            assert!(TenantHost::parse(text).is_err(), "{text}");
        }
        for name in ["", "Acme", "a.b", "a_b", "-a", "a-", "café", "a/b", "a@b", &"x".repeat(64)] {
            assert_eq!(hosts.host_of(name), None, "{name}");
        }
        let inner = TenantHost::parse("my.{tenant_id}.example.com").unwrap();
        assert_eq!((inner.name_in("my.7.example.com"), inner.by), (Some("7"), TenantMatch::Id));
        assert_eq!(inner.name_in("7.example.com"), None);
    }

    #[test]
    fn a_domain_is_above_at_a_dot_only() {
        let hosts = TenantHost::parse("{tenant}.app.example.com").unwrap();
        for (domain, above) in [
            ("app.example.com", true),
            ("example.com", true),
            ("pp.example.com", false),
            ("acme.app.example.com", false),
            ("example.org", false),
        ] {
            assert_eq!(hosts.is_under(domain), above, "{domain}");
        }
        assert_eq!(hosts.parent(), "app.example.com");
    }
}
