//! Expiring cookies that others have set: nobody can ask a browser where they live, so every scope is cleared.

use http::HeaderValue;

use super::scope::{directories, is_within, parent_domains};

/// The scopes in which the cookies of one request may live.
///
/// `Path=/` with each domain, as applications set them, and host-only each directory of the request's path: that is
/// where a page's script puts a cookie to which it gives no path (RFC 6265 section 5.1.4).
#[derive(Debug)]
pub struct Scopes {
    /// What follows the name, one per domain. The first is host-only.
    tails: Vec<String>,
    /// The same for directories.
    below: Vec<String>,
    secure: bool,
}

impl Scopes {
    /// Of a request. `first` are domains to clear before the host's own parents; those that this host cannot set
    /// cookies for are passed over. Over http no browser takes `Secure`, and none has sent such a cookie.
    pub fn new(host: &str, path: &str, scheme: &str, first: &[String]) -> Self {
        let secure = scheme == "https";
        let end = if secure { "; Max-Age=0; Secure" } else { "; Max-Age=0" };
        let first = first.iter().map(String::as_str).filter(|domain| is_within(host, domain));
        let mut tails = vec![format!("=; Path=/{end}")];
        tails.extend(parent_domains(host, first).iter().map(|domain| format!("=; Path=/{end}; Domain={domain}")));
        let below = directories(path).map(|path| format!("=; Path={path}{end}")).collect();
        Self { tails, below, secure }
    }

    /// The `Set-Cookie` lines that expire a name for the whole host; none for a name that no such line can carry.
    ///
    /// Browsers take `__Host-` from the host alone, with `Path=/`, and it and `__Secure-` with `Secure` only
    /// (RFC 6265bis section 5.7).
    pub fn expire(&self, name: &[u8]) -> Vec<HeaderValue> {
        let (host, secure) = (begins(name, "__Host-"), begins(name, "__Secure-"));
        if !is_settable(name) || (host || secure) && !self.secure {
            return Vec::new();
        }
        lines(name, if host { &self.tails[..1] } else { &self.tails })
    }

    /// Those that expire it in the directories of the page: of less weight, as few cookies live there.
    pub fn expire_below(&self, name: &[u8]) -> Vec<HeaderValue> {
        // A name with a prefix was set by a server that knew what it wrote.
        let prefixed = begins(name, "__Host-") || begins(name, "__Secure-");
        if is_settable(name) && !prefixed { lines(name, &self.below) } else { Vec::new() }
    }
}

fn begins(name: &[u8], prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
}

fn lines(name: &[u8], tails: &[String]) -> Vec<HeaderValue> {
    tails.iter().filter_map(|tail| HeaderValue::from_bytes(&[name, tail.as_bytes()].concat()).ok()).collect()
}

/// Whether browsers take a cookie of this name: nothing that ends it, and no control.
fn is_settable(name: &[u8]) -> bool {
    let ends = |b: &u8| matches!(b, b';' | b'=' | 0x7f) || *b < b' ';
    !name.is_empty() && !name.iter().any(ends) && name.first() != Some(&b' ') && name.last() != Some(&b' ')
}

/// What a line takes in an answer, its name and end included.
pub(crate) fn length(line: &HeaderValue) -> usize {
    "set-cookie: \r\n".len() + line.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(scopes: &Scopes, name: &str) -> Vec<String> {
        let all = [scopes.expire(name.as_bytes()), scopes.expire_below(name.as_bytes())].concat();
        all.iter().map(|l| String::from_utf8_lossy(l.as_bytes()).into_owned()).collect()
    }

    #[test]
    fn a_name_expires_host_only_in_every_domain_and_where_scripts_put_it() {
        let first = ["shop.example".to_owned(), "elsewhere.example".into()];
        let scopes = Scopes::new("app.eu.shop.example", "/onboarding/step/2", "https", &first);
        assert_eq!(
            lines(&scopes, "tenantId"),
            [
                "tenantId=; Path=/; Max-Age=0; Secure",
                "tenantId=; Path=/; Max-Age=0; Secure; Domain=shop.example",
                "tenantId=; Path=/; Max-Age=0; Secure; Domain=app.eu.shop.example",
                "tenantId=; Path=/; Max-Age=0; Secure; Domain=eu.shop.example",
                "tenantId=; Path=/onboarding; Max-Age=0; Secure",
                "tenantId=; Path=/onboarding/step; Max-Age=0; Secure",
            ]
        );
    }

    #[test]
    fn a_host_without_parents_has_one_scope_and_over_http_nothing_is_secure() {
        for host in ["localhost", "127.0.0.1", "[::1]"] {
            let scopes = Scopes::new(host, "/", "http", &[]);
            assert_eq!(lines(&scopes, "role"), ["role=; Path=/; Max-Age=0"], "{host}");
            assert!(lines(&scopes, "__Secure-authjs.session-token").is_empty(), "it cannot have been sent");
        }
    }

    #[test]
    fn prefixed_names_have_the_attributes_that_browsers_ask_of_them() {
        let scopes = Scopes::new("app.shop.example", "/a/b", "https", &[]);
        for name in ["__Host-next-auth.csrf-token", "__host-x"] {
            assert_eq!(lines(&scopes, name), [format!("{name}=; Path=/; Max-Age=0; Secure")]);
        }
        let secure = lines(&scopes, "__Secure-authjs.session-token");
        assert_eq!(secure.len(), 3);
        assert!(secure.iter().all(|line| line.contains("; Secure")));
    }

    #[test]
    fn a_name_that_no_line_can_carry_is_left_alone() {
        let scopes = Scopes::new("app.test", "/", "https", &[]);
        for odd in ["", "a;b", "a=b", "a\tb", "a\u{7f}", " a", "a ", "a\r\nSet-Cookie: sid=x"] {
            assert!(lines(&scopes, odd).is_empty(), "{odd:?}");
        }
        for name in ["a b", "Cognito.alice@example.test.idToken", "Cognito.\u{e4}", "a,b", "\"a\""] {
            assert!(lines(&scopes, name)[0].starts_with(name), "{name}");
        }
    }
}
