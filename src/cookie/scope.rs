//! The scopes in which a cookie may live: nobody can ask a browser, so to clear it all of them are cleared.

/// At most so many prefixes of the request path are cleared.
const MAX_PATH_PREFIXES: usize = 8;
/// At most so many domains are: the request's own host is the first.
const MAX_DOMAINS: usize = 8;

/// The configured domains and every parent of the host.
///
/// A parent domain is one of two labels or more. Browsers ignore `Domain=` for a public suffix, so a line for `co.uk`
/// does nothing; a copy of the public suffix list to leave it out would be the larger evil.
pub(super) fn parent_domains<'a>(host: &str, configured: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut out: Vec<String> = configured.into_iter().take(MAX_DOMAINS).map(str::to_owned).collect();
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

/// `/`, `/a`, `/a/b`, and then `/a/` of `/a/b`: a cookie's Path is a prefix of the request's path, with or without a
/// slash at its end. Those without are what applications write; the others are somebody's who means to stay.
pub(super) fn path_prefixes(path: &str) -> Vec<&str> {
    let inner = || path.match_indices('/').skip(1).map(|(i, _)| i);
    let whole = Some(path).filter(|path| path.len() > 1 && !path.ends_with('/'));
    let plain = std::iter::once("/").chain(inner().map(|i| &path[..i])).chain(whole);
    let slashed = inner().map(|i| &path[..=i]);
    let possible = |prefix: &&str| is_path(prefix);
    plain.filter(possible).take(MAX_PATH_PREFIXES).chain(slashed.filter(possible).take(MAX_PATH_PREFIXES)).collect()
}

/// `/a` and `/a/b` of `/a/b/c`: where cookies of this page and those above it live that were given no path.
pub(super) fn directories(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').skip(1).map(|(i, _)| &path[..i]).filter(|path| is_path(path)).take(MAX_PATH_PREFIXES)
}

/// A `;` (where the configuration lets it through) would begin another attribute; no cookie has such a Path.
fn is_path(path: &str) -> bool {
    !path.contains(';')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_prefix_of_a_path_with_and_without_a_slash_is_one_where_a_cookie_may_live() {
        assert_eq!(path_prefixes("/"), ["/"]);
        assert_eq!(path_prefixes("/a"), ["/", "/a"]);
        assert_eq!(path_prefixes("/a/"), ["/", "/a", "/a/"]);
        assert_eq!(path_prefixes("/a/b"), ["/", "/a", "/a/b", "/a/"]);
        assert_eq!(path_prefixes("/a;b/c"), ["/"]);
        let deep = "/x".repeat(100);
        assert_eq!(path_prefixes(&deep).len(), 2 * MAX_PATH_PREFIXES);
        assert_eq!(path_prefixes(&deep)[7], "/x".repeat(7));
        assert_eq!(directories("/a/b/c").collect::<Vec<_>>(), ["/a", "/a/b"]);
        assert_eq!(directories("/a/").collect::<Vec<_>>(), ["/a"]);
        assert_eq!((directories("/").count(), directories("/a").count(), directories(&deep).count()), (0, 0, 8));
    }
}
