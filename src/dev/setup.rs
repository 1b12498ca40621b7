//! The configuration of `sidgate dev`: listeners, certificate and upstream of its own; routes for a new application, or
//! a team's own.

use std::net::SocketAddr;
use std::path::Path;

use crate::check;
use crate::config::{Backend, Config, ConfigError, HostPattern, Segment, Source, Upstream};
use crate::demo::quoted;

/// The environment variable that holds the embedded backend's key, which is made at each start.
pub(super) const EMBEDDED_KEY: &str = "SIDGATE_DEV_KEY";
/// The one that holds a real backend's.
const BACKEND_KEY: &str = "SIDGATE_GATEWAY_KEY";

/// The upstream, as the kits expect it in an assertion.
const APPLICATION: &str = "nextjs";

/// Where things are.
pub(super) struct Places<'a> {
    pub(super) https: SocketAddr,
    pub(super) admin: SocketAddr,
    pub(super) upstream: &'a str,
    pub(super) backend: &'a str,
    /// The key is the embedded backend's; else the environment has it.
    pub(super) embedded: bool,
    pub(super) chain: &'a Path,
    pub(super) key: &'a Path,
    pub(super) assertion: &'a Path,
}

/// Routes that suit a new application; with `--config` they make place for the team's own.
const ROUTES: &str = r#"
[[route]]
path = "/{*rest}"
access = "optional"
upstream = "nextjs"

[[route]]
path = "/_next/{*rest}"
access = "public"
upstream = "nextjs"

[[route]]
path = "/auth/signin"
access = "guest"
kind = "page"
upstream = "nextjs"

[[route]]
path = "/onboarding/{*rest}"
access = "signed_in"
kind = "page"
upstream = "nextjs"

[[route]]
path = "/dashboard"
access = "signed_in"
kind = "page"
upstream = "nextjs"

[[route]]
path = "/{tenant}/dashboard/{*rest}"
access = "onboarded"
kind = "page"
upstream = "nextjs"
tenant = { parameter = "tenant", match = "slug" }

[[route]]
path = "/api/{*rest}"
access = "signed_in"
kind = "api"
upstream = "nextjs"
"#;

/// The configuration as text, in the vocabulary of `gateway.toml`.
pub(super) fn text(places: &Places<'_>) -> String {
    let Places { https, admin, upstream, backend, embedded, chain, key, assertion } = places;
    let key_variable = if *embedded { EMBEDDED_KEY } else { BACKEND_KEY };
    let (chain, key, assertion) = (quoted(chain), quoted(key), quoted(assertion));
    let (backend, upstream) = (json(backend), json(upstream));
    format!(
        r#"# What `sidgate dev` runs with.
[admin]
listen = "{admin}"

[[listener]]
address = "{https}"

[[certificate]]
chain = {chain}
key = {key}

[backend]
url = {backend}
gateway_key = "${{{key_variable}}}"

[session]
ttl = "1s"                  # what the switcher changes shows at once, in other browsers too
refresh_ahead = "0s"

[sign_in]
per_client = "20/s"
per_email = "20/s"

[assertion]
key_files = [{assertion}]

[log]
format = "text"
level = "warn,sidgate::gateway::disagreement=error"   # disagreement is explained in the terminal's own words
access = false

[upstream.nextjs]
url = {upstream}
connect_timeout = "5s"
response_timeout = "10m"    # the first compilation of a page takes its time
idle_timeout = "24h"        # the socket of hot reloading says nothing while nothing changes
{ROUTES}"#
    )
}

/// Puts a team's routes, pages and session into the place of those for a new application; the backend too, where it is
/// asked for by its address.
///
/// # Errors
/// Every fault of the file's own, in place.
pub(super) fn take_over(base: Config, file: &Path, real_backend: bool) -> Result<Config, ConfigError> {
    let replaced = ["server", "admin", "listener", "certificate", "log", "upstream", "backend"];
    let (replaced, _) = replaced.split_at(if real_backend { 6 } else { 7 });
    let (team, source) = Config::load_without(file, replaced)?;
    // What the application verifies in the assertion is its own name there, and the issuer's and backend's.
    let name = team.upstreams.first().map_or_else(|| APPLICATION.to_owned(), |u| u.name.clone());
    let cookies = team.upstreams.into_iter().flat_map(|u| u.session_cookies).collect();
    let upstreams = base
        .upstreams
        .into_iter()
        .map(|u| Upstream { name: name.clone(), session_cookies: Vec::clone(&cookies), ..u })
        .collect();
    let mut config = Config { upstreams, routes: team.routes, pages: team.pages, paths: team.paths, ..base };
    config.preset = team.preset;
    for route in &mut config.routes {
        route.upstream.clone_from(&name);
        (route.response_timeout, route.idle_timeout) = (None, None);
        route.host = route.host.take().map(local);
    }
    config.assertion.issuer = team.assertion.issuer;
    config.assertion.backend_audience = team.assertion.backend_audience;
    let session = std::mem::replace(&mut config.session, team.session);
    (config.session.ttl, config.session.refresh_ahead) = (session.ttl, session.refresh_ahead);
    // `localhost` itself takes no cookie for all below it.
    config.session.domain = config.session.domain.take().map(|d| local_name(&d)).filter(|d| d.contains('.'));
    if real_backend {
        config.backend = Backend { url: config.backend.url, ..team.backend };
    }
    check::check(config, &source)
}

/// Checks the configuration for a new application, in which nothing can be wrong.
pub(super) fn check_own(config: Config, text: &str) -> Result<Config, ConfigError> {
    check::check(config, &Source { file: "dev".into(), text: text.to_owned() })
}

/// A team's host under `localhost`: `{tenant}.app.example.com` is `{tenant}.app.localhost` here.
fn local(host: HostPattern) -> HostPattern {
    let literal = |s: &Segment| matches!(s, Segment::Literal(_));
    let mut labels = host.labels;
    let ends_local = matches!(labels.last(), Some(Segment::Literal(l)) if l == "localhost");
    if !ends_local {
        let own = labels.iter().rev().take(2).take_while(|s| literal(s)).count();
        labels.truncate(labels.len() - own);
        labels.push(Segment::Literal("localhost".into()));
    }
    HostPattern { labels }
}

fn local_name(name: &str) -> String {
    let labels: Vec<&str> = name.split('.').collect();
    if labels.last() == Some(&"localhost") {
        return name.to_owned();
    }
    labels.iter().take(labels.len().saturating_sub(2)).copied().chain(["localhost"]).collect::<Vec<_>>().join(".")
}

/// The hosts of a table's routes, `*` where a tenant stands.
pub(super) fn hosts(config: &Config) -> Vec<String> {
    let name = |host: &HostPattern| {
        let text = |(i, s): (usize, &Segment)| match s {
            Segment::Literal(text) => Some(text.clone()),
            _ if i == 0 => Some("*".to_owned()),
            _ => None,
        };
        let labels: Option<Vec<String>> = host.labels.iter().enumerate().map(text).collect();
        labels.map(|l| l.join("."))
    };
    let mut all: Vec<String> = config.routes.iter().filter_map(|r| name(r.host.as_ref()?)).collect();
    all.sort();
    all.dedup();
    all
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_team_s_hosts_are_names_below_localhost_here() {
        for (host, here) in [
            ("{tenant}.app.example.com", "*.app.localhost"),
            ("{tenant}.example.com", "*.localhost"),
            ("app.example.com", "app.localhost"),
            ("example.com", "localhost"),
            ("{tenant}.app.localhost", "*.app.localhost"),
            ("[::1]", "localhost"),
        ] {
            let route =
                crate::config::Route { host: Some(local(HostPattern::parse(host).unwrap())), ..Default::default() };
            let config = Config { routes: vec![route], ..Config::default() };
            assert_eq!(hosts(&config), [here], "{host}");
        }
        for (domain, here) in
            [("app.example.com", "app.localhost"), ("example.com", "localhost"), ("app.localhost", "app.localhost")]
        {
            assert_eq!(local_name(domain), here);
        }
    }
}
