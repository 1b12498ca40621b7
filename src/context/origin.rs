//! Scheme, host and port of a page, compared as browsers do (RFC 6454 section 5).

use std::fmt;

use super::Authority;

/// An origin of `http` or `https`.
#[derive(Debug, Clone)]
pub struct Origin {
    scheme: &'static str,
    authority: Authority,
}

impl Origin {
    /// Of what is known already.
    pub fn new(scheme: &'static str, authority: Authority) -> Self {
        Self { scheme, authority }
    }

    /// Reads `scheme://host[:port]`, and nothing after it.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let scheme = match scheme {
            "https" => "https",
            "http" => "http",
            _ => return None,
        };
        Some(Self { scheme, authority: Authority::parse(rest)? })
    }

    /// `https` or `http`.
    pub fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// The host, in canonical form.
    pub fn host(&self) -> &str {
        self.authority.host()
    }

    /// The port, the scheme's own where none is written.
    pub fn port(&self) -> u16 {
        self.authority.port().unwrap_or(if self.scheme == "https" { 443 } else { 80 })
    }

    /// The same scheme and port at another host.
    pub fn at(&self, host: &str) -> Option<Self> {
        let port = self.authority.port().map(|port| format!(":{port}")).unwrap_or_default();
        Some(Self { scheme: self.scheme, authority: Authority::parse(&format!("{host}{port}"))? })
    }
}

impl PartialEq for Origin {
    fn eq(&self, other: &Self) -> bool {
        (self.scheme, self.host(), self.port()) == (other.scheme, other.host(), other.port())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_host_and_port_must_all_be_equal() {
        for (a, b, equal) in [
            ("https://app.test", "https://app.test:443", true),
            ("https://APP.test", "https://app.test", true),
            ("https://app.test:8443", "https://app.test", false),
            ("http://app.test", "https://app.test", false),
            ("https://evilapp.test", "https://app.test", false),
            ("https://app.test.evil", "https://app.test", false),
            ("null", "https://app.test", false),
            ("https://app.test/path", "https://app.test", false),
            ("", "https://app.test", false),
        ] {
            let same = Origin::parse(a).is_some_and(|a| Some(a) == Origin::parse(b));
            assert_eq!(same, equal, "{a} {b}");
        }
    }

    #[test]
    fn another_host_keeps_scheme_and_port() {
        let origin = Origin::parse("https://app.test:8443").unwrap();
        assert_eq!(origin.at("acme.app.test").unwrap().to_string(), "https://acme.app.test:8443");
        assert!(origin.at("acme.app.test/x").is_none());
    }
}
