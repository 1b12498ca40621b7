//! Tenants by subdomain: whether sessions follow from one tenant's host to another's.

use crate::certificate::Certificate;
use crate::config::{BackendFields, Config, Fault, HostPattern, Preset, Route, Segment, TenantHost, TenantMatch};

pub(super) fn faults(config: &Config) -> Vec<Fault> {
    let domain = config.session.domain.as_deref();
    let mut faults: Vec<Fault> = config.pages.tenant_host.iter().filter_map(|hosts| of_pages(hosts, domain)).collect();
    let Some(domain) = domain else { return faults };
    for route in config.routes.iter().filter(|route| route.tenant.is_some()) {
        if let Some(fixed) = route.host.as_ref().and_then(fixed)
            && !is_under(&fixed, domain)
        {
            faults.push(Fault {
                place: route.place.clone(),
                reason: format!(
                    "sessions do not follow to this route's hosts: [session] domain \"{domain}\" does not reach \
                     {fixed}, so the cookie is one for each host there"
                ),
                hint: Some("let `domain` be a parent of all tenants' hosts".into()),
            });
        }
    }
    faults
}

/// Tenants come and go, so their certificate is mostly one with a wildcard; but one for each is a way, too.
pub(super) fn note(config: &Config) -> Option<String> {
    let host = config.pages.tenant_host.as_ref()?.host_of("any-tenant")?;
    let mut loaded = config.certificates.iter().filter_map(|c| Certificate::load(&c.chain, &c.key).ok()).peekable();
    loaded.peek()?;
    (!loaded.any(|certificate| certificate.covers(&host)))
        .then(|| format!("no [[certificate]] covers {host}: each tenant's host needs one that names it, or a wildcard"))
}

/// Nobody passes a route that compares what the backend never says.
pub(super) fn slug_note(config: &Config) -> Option<String> {
    let preset = config.backend.preset;
    let own_field = config.backend.fields.tenant_slug != BackendFields::default().tenant_slug;
    if preset == Preset::V1 || own_field {
        return None;
    }
    let by_slug = |route: &&Route| route.tenant.as_ref().is_some_and(|rule| rule.by == TenantMatch::Slug);
    let route = config.routes.iter().find(by_slug)?;
    Some(format!(
        "route \"{}\" compares the tenant's slug, and backend.preset = \"{}\" knows a tenant by its id: nobody passes it \
         unless your sessions have `/tenant/slug`; otherwise write match = \"id\", and `{{tenant_id}}` in [pages] home",
        route.pattern,
        preset.as_str()
    ))
}

/// People are sent to these hosts with a session of another: it has to be there, too.
fn of_pages(hosts: &TenantHost, domain: Option<&str>) -> Option<Fault> {
    let why = match domain {
        None => "the cookie is host-only".to_owned(),
        Some(domain) if hosts.is_under(domain) => return None,
        Some(domain) => format!("[session] domain is \"{domain}\""),
    };
    Some(Fault {
        place: hosts.place.clone(),
        reason: format!("`pages.tenant_host`: who is sent to a tenant's host arrives there signed out: {why}"),
        hint: Some(format!("add `domain = \"{}\"` to [session]", hosts.parent())),
    })
}

/// What is fixed to the right of a host's parameters, where it has any.
fn fixed(host: &HostPattern) -> Option<String> {
    let last = host.labels.iter().rposition(|label| !matches!(label, Segment::Literal(_)))?;
    let literal = |label: &Segment| match label {
        Segment::Literal(text) => Some(text.clone()),
        _ => None,
    };
    Some(host.labels[last + 1..].iter().filter_map(literal).collect::<Vec<_>>().join("."))
}

fn is_under(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::page_faults;
    use super::*;
    use crate::route::RouteTable;

    fn config_of(session: &str, pages: &str, host: &str) -> Config {
        let text = format!(
            "listener = [{{ mode = \"serve\", trusted_peers = [\"::1\"] }}]\nupstream.nextjs = {{}}\n\
             backend.gateway_key = \"${{X}}\"\n[session]\n{session}\n[pages]\n{pages}\n\
             [[route]]\nhost = \"{host}\"\npath = \"/{{*rest}}\"\n{}",
            if host.contains('{') { "tenant = { parameter = \"t\", match = \"slug\" }\n" } else { "" }
        );
        let key = |_: &str| Some("0123456789abcdef0123456789abcdef".to_owned());
        Config::parse(&text, "x", Path::new(""), &key).unwrap()
    }

    fn faults_of(session: &str, pages: &str, host: &str) -> Vec<String> {
        let config = config_of(session, pages, host);
        faults(&config).into_iter().map(|fault| format!("{} / {}", fault.reason, fault.hint.unwrap())).collect()
    }

    #[test]
    fn a_certificate_that_names_no_tenants_host_is_noted() {
        let folder = tempfile::tempdir().unwrap();
        for (name, noted) in [("*.app.example.com", false), ("*.example.com", true), ("app.example.com", true)] {
            let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
            let (chain, key) = (folder.path().join("chain"), folder.path().join("key"));
            std::fs::write(&chain, made.cert.pem()).unwrap();
            std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
            let mut config =
                config_of("domain = \"example.com\"", "tenant_host = \"{tenant}.app.example.com\"", "x.test");
            config.certificates = vec![crate::config::Certificate { chain, key, ..Default::default() }];
            assert_eq!(note(&config).is_some(), noted, "{name}");
        }
    }

    #[test]
    fn sessions_follow_where_people_are_sent() {
        let hosts = "tenant_host = \"{tenant}.app.example.com\"";
        let route = "{t}.app.example.com";
        assert!(faults_of("domain = \"app.example.com\"", hosts, route).is_empty());
        assert!(faults_of("domain = \"example.com\"", hosts, route).is_empty());
        assert!(faults_of("", "", route).is_empty(), "a session for each host is a way to live, too");
        let none = faults_of("", hosts, route);
        assert!(none[0].contains("host-only") && none[0].contains("domain = \"app.example.com\""), "{none:?}");
        let other = faults_of("domain = \"pp.example.com\"", hosts, route);
        assert!(other[0].contains("arrives there signed out"), "{other:?}");
        assert!(other[1].contains("does not reach app.example.com"), "{other:?}");
        assert_eq!(faults_of("domain = \"app.example.com\"", hosts, "{t}.example.org").len(), 1);
    }

    fn walked(routes: &str) -> Vec<String> {
        let text = format!(
            "listener = [{{ mode = \"serve\", trusted_peers = [\"::1\"] }}]\nupstream.nextjs = {{}}\n\
             backend.gateway_key = \"${{X}}\"\n[pages]\nhome = \"/dashboard\"\n\
             tenant_host = \"{{tenant}}.app.example.com\"\n{routes}"
        );
        let key = |_: &str| Some("0123456789abcdef0123456789abcdef".to_owned());
        let config = Config::parse(&text, "x", Path::new(""), &key).unwrap();
        let table = RouteTable::new(&config).unwrap();
        page_faults(&config, &table).into_iter().map(|fault| fault.reason).collect()
    }

    fn route(host: &str, path: &str, access: &str, rule: &str) -> String {
        let host = if host.is_empty() { String::new() } else { format!("host = \"{host}\"\n") };
        format!("[[route]]\n{host}path = \"{path}\"\naccess = \"{access}\"\n{rule}\n")
    }

    #[test]
    fn redirects_are_followed_to_a_tenants_host() {
        const RULE: &str = "tenant = { parameter = \"t\", match = \"slug\" }";
        let hosts = "{t}.app.example.com";
        let pages = |host: &str| {
            route(host, "/auth/signin", "guest", "")
                + &route(host, "/onboarding", "signed_in", "")
                + &route(host, "/dashboard", "signed_in", "")
        };
        let good = pages("") + &route(hosts, "/dashboard", "onboarded", RULE);
        assert_eq!(walked(&good), [""; 0]);
        let nowhere = walked(&pages("app.example.com"));
        let lost = "is redirected to `https://own-tenant.app.example.com/dashboard`, which no route matches";
        assert!(nowhere.iter().any(|reason| reason.contains(lost)), "{nowhere:?}");
        let round = walked(&(pages("") + &route(hosts, "/{*rest}", "onboarded", RULE)));
        assert!(round.iter().any(|reason| reason.contains("/auth/signin -> /auth/signin")), "{round:?}");
    }
}
