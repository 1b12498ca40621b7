//! Addresses: of applications, of origins, of networks, of hosts.

use std::net::IpAddr;

use ipnet::IpNet;
use url::Url;

use super::suggest;
use super::table::Problem;
use crate::networks::{self, NAMES, Named};

/// `https://host[:port]`
pub(super) fn public_origin(text: &str) -> Result<String, Problem> {
    site(text, &["https://"], "an origin such as \"https://app.example.com\"", "it begins with https://")
}

/// `https://host[:port]`, or with `http`.
pub(super) fn origin(text: &str) -> Result<String, Problem> {
    const WHAT: &str = "an origin such as \"https://app.example.com\"";
    if text.starts_with("ws") && text.contains("://") {
        return Err(Problem::expected_text(WHAT, text).hint("browsers name the page's origin, with http or https"));
    }
    site(text, &["https://", "http://"], WHAT, "it begins with https:// or http://")
}

/// Scheme, host and port in the spelling browsers use: lower case, no default port.
pub(super) fn site(text: &str, schemes: &[&str], what: &str, begin: &str) -> Result<String, Problem> {
    let problem = |hint: &str| Err(Problem::expected_text(what, text).hint(hint));
    let Some(rest) = schemes.iter().find_map(|s| text.strip_prefix(s)) else {
        return problem(begin);
    };
    if rest.contains('@') {
        return problem("a user and password cannot stand here");
    }
    if rest.contains(['/', '?', '#', '\\']) {
        return problem("only scheme, host and port: nothing follows them, not even `/`");
    }
    let Some(url) = Url::parse(text).ok().filter(|_| rest.chars().all(|c| !c.is_whitespace() && !c.is_control()))
    else {
        return problem("host or port is not well-formed");
    };
    if url.port() == Some(0) {
        return problem("port 0 cannot be reached");
    }
    Ok(url.origin().ascii_serialization())
}

/// What [`network`] reads.
pub(super) const NETWORK: &str =
    "a network such as \"10.1.0.0/16\", an address, \"cloudflare\", \"fastly\" or \"private\"";

/// `10.1.0.0/16`, one address, or a name. The whole of the internet is refused; `why` says why.
pub(super) fn network(text: &str, why: &str) -> Result<Named, Problem> {
    if let Some(named) = Named::by_name(text) {
        return Ok(named);
    }
    let parsed: Option<IpNet> = text.parse().ok();
    match parsed.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from)).map(networks::canonical) {
        Some(network) if network.prefix_len() == 0 => {
            Err(Problem::new(format!("{text} is every address there is")).hint(why))
        }
        Some(network) => Ok(Named::Network(network.trunc())),
        None => {
            let problem = Problem::expected_text(NETWORK, text);
            Err(Problem { hint: suggest::did_you_mean(text, NAMES), ..problem })
        }
    }
}

/// A host name of at least two labels, in lower case, without a leading dot.
pub(super) fn domain(text: &str) -> Result<String, Problem> {
    let problem = |hint: &str| Err(Problem::expected_text("a domain such as \"example.com\"", text).hint(hint));
    let name = text.strip_prefix('.').unwrap_or(text).to_ascii_lowercase();
    let label = |l: &str| {
        let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        let inner = l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        inner && l.len() <= 63 && edge(l.chars().next()) && edge(l.chars().last())
    };
    if !name.is_ascii() {
        return problem("write it in its ASCII form (xn--...)");
    }
    if name.len() > 253 || !name.split('.').all(label) {
        return problem("labels of letters, digits and `-`, joined by dots");
    }
    if !name.contains('.') {
        return problem("browsers refuse cookies for a name of one label");
    }
    if name.rsplit('.').next().is_some_and(|l| l.bytes().all(|b| b.is_ascii_digit())) {
        return problem("for an address leave it out: the cookie is host-only then");
    }
    Ok(name)
}
