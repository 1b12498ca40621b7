//! The scopes in which a cookie may live: nobody can ask a browser, so to clear it all of them are cleared.

/// At most so many prefixes of the request path are cleared.
const MAX_PATH_PREFIXES: usize = 8;
/// At most so many domains are: the request's own host is the first.
const MAX_DOMAINS: usize = 8;

/// The configured domain and every parent of the host.
///
/// A parent domain is one of two labels or more. Browsers ignore `Domain=` for a public suffix, so a line for `co.uk`
/// does nothing; a copy of the public suffix list to leave it out would be the larger evil.
pub(super) fn parent_domains(host: &str, configured: Option<&str>) -> Vec<String> {
    let mut out: Vec<String> = configured.map(str::to_owned).into_iter().collect();
    let is_name = host.parse::<std::net::IpAddr>().is_err() && !host.starts_with('[');
    let mut rest = is_name.then_some(host);
    // Where the host is the client's word alone, its labels must not decide how much there is to write.
    while let Some(domain) = rest.filter(|d| d.contains('.') && out.len() < MAX_DOMAINS) {
        if !out.iter().any(|d| d == domain) {
            out.push(domain.to_owned());
        }
        rest = domain.split_once('.').map(|(_, parent)| parent);
    }
    out
}

/// Whether a cookie of this `Domain=` may be set by, and is sent to, a host (RFC 6265 section 5.1.3).
pub(super) fn is_within(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// `/`, `/a`, `/a/`, `/a/b` ... of `/a/b`: a cookie's Path is a prefix of the request's path, with or without a slash.
pub(super) fn path_prefixes(path: &str) -> Vec<&str> {
    let mut out = vec!["/"];
    for (i, _) in path.match_indices('/').skip(1) {
        out.push(&path[..i]);
    }
    if path.len() > 1 && !path.ends_with('/') {
        out.push(path);
    }
    // A `;` (where the configuration lets it through) would begin another attribute; no cookie has such a Path.
    out.retain(|prefix| !prefix.contains(';'));
    out.truncate(MAX_PATH_PREFIXES);
    out
}
