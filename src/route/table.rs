//! The table of routes.

use std::fmt;

use http::Method;

use super::Route;
use super::tree::Tree;
use crate::config::{Config, HostPattern, Place, Segment};

/// Every route, ordered for matching.
#[derive(Debug)]
pub struct RouteTable {
    routes: Vec<Route>,
    hosts: Vec<HostGroup>,
}

/// The routes of one host pattern, most specific pattern first in [`RouteTable::hosts`].
#[derive(Debug)]
struct HostGroup {
    host: Option<HostPattern>,
    tree: Tree<Vec<usize>>,
}

/// Why no route matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoRoute {
    /// No pattern matches.
    Unknown,
    /// A pattern matches, but takes other methods.
    Method {
        /// For the `Allow` header.
        allow: String,
    },
}

/// A fault that shows only when routes are seen together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteFault {
    /// Where the later of the two stands.
    pub place: Place,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for RouteFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl RouteTable {
    /// Builds the table.
    ///
    /// # Errors
    /// Two routes that match the same requests, and routes that name what is not there.
    pub fn new(config: &Config) -> Result<Self, Vec<RouteFault>> {
        let mut table = Self { routes: Vec::new(), hosts: Vec::new() };
        let mut faults = Vec::new();
        for route in &config.routes {
            let Some(ready) = Route::new(route, &config.upstreams) else {
                let reason =
                    format!("the route `{}` names an upstream or a parameter that is not there", route.pattern);
                faults.push(RouteFault { place: route.place.clone(), reason });
                continue;
            };
            let index = table.routes.len();
            let group = table.group(route.host.as_ref());
            let here = table.hosts[group].tree.place(&route.path.segments);
            if let Some(&other) = here.iter().find(|&&i| overlap(&table.routes[i], &ready)) {
                let reason = format!(
                    "`{}` and `{}` match the same requests, so neither is the more specific",
                    table.routes[other].pattern, ready.pattern
                );
                faults.push(RouteFault { place: route.place.clone(), reason });
            }
            here.push(index);
            table.routes.push(ready);
        }
        table.hosts.sort_by_key(|g| std::cmp::Reverse(specificity(g.host.as_ref())));
        if faults.is_empty() { Ok(table) } else { Err(faults) }
    }

    /// The route of a request, by its host (lower case, no port) and canonical path.
    ///
    /// # Errors
    /// [`NoRoute`]: unknown, or known for other methods.
    pub fn find(&self, host: &str, path: &str, method: &Method) -> Result<&Route, NoRoute> {
        for group in self.hosts.iter().filter(|g| g.host.as_ref().is_none_or(|p| host_matches(p, host))) {
            let mut segments = path.split('/');
            segments.next();
            let Some(here) = group.tree.find(segments) else { continue };
            let candidates = || here.iter().map(|&i| &self.routes[i]);
            // Among routes of one pattern, one that names the method wins over one that takes all.
            let found = candidates()
                .find(|r| !r.methods.is_empty() && r.takes(method))
                .or_else(|| candidates().find(|r| r.methods.is_empty()));
            return found.ok_or_else(|| NoRoute::Method {
                allow: candidates().flat_map(|r| &r.methods).map(Method::as_str).collect::<Vec<_>>().join(", "),
            });
        }
        Err(NoRoute::Unknown)
    }

    /// All routes, in the order of the file.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    fn group(&mut self, host: Option<&HostPattern>) -> usize {
        if let Some(i) = self.hosts.iter().position(|g| shape(g.host.as_ref()) == shape(host)) {
            return i;
        }
        self.hosts.push(HostGroup { host: host.cloned(), tree: Tree::default() });
        self.hosts.len() - 1
    }
}

fn shape(host: Option<&HostPattern>) -> Option<Vec<Option<&str>>> {
    host.map(|pattern| pattern.labels.iter().map(label_shape).collect())
}

/// Parameters of different names match the same labels.
fn label_shape(label: &Segment) -> Option<&str> {
    match label {
        Segment::Literal(text) => Some(text),
        Segment::Parameter(_) | Segment::Uuid(_) | Segment::Rest(_) => None,
    }
}

/// Literal labels count most, then the number of labels; any host is the least specific.
fn specificity(host: Option<&HostPattern>) -> (usize, usize) {
    host.map_or((0, 0), |p| (1 + p.labels.iter().filter(|l| label_shape(l).is_some()).count(), p.labels.len()))
}

fn host_matches(pattern: &HostPattern, host: &str) -> bool {
    if let [Segment::Literal(whole)] = pattern.labels.as_slice() {
        return whole == host;
    }
    let mut labels = host.split('.');
    let all = pattern.labels.iter().all(|p| match (p, labels.next()) {
        (Segment::Literal(text), Some(label)) => text == label,
        (_, Some(label)) => !label.is_empty(),
        (_, None) => false,
    });
    all && labels.next().is_none()
}

fn overlap(a: &Route, b: &Route) -> bool {
    match (a.methods.is_empty(), b.methods.is_empty()) {
        (true, true) => true,
        (false, false) => a.methods.iter().any(|m| b.takes(m)) || b.methods.iter().any(|m| a.takes(m)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Access, PathPattern, Route as Configured, Upstream};

    fn route(path: &str, access: Access) -> Configured {
        Configured { pattern: path.into(), path: PathPattern::parse(path).unwrap(), access, ..Configured::default() }
    }

    fn table(routes: Vec<Configured>) -> Result<RouteTable, Vec<RouteFault>> {
        RouteTable::new(&Config { routes, upstreams: vec![Upstream::default()], ..Config::default() })
    }

    fn found(table: &RouteTable, host: &str, path: &str) -> String {
        table.find(host, path, &Method::GET).map_or_else(|n| format!("{n:?}"), |r| r.pattern.to_string())
    }

    #[test]
    fn the_most_specific_pattern_wins() {
        let table = table(vec![
            route("/{*rest}", Access::SignedIn),
            route("/{tenant}/dashboard/{*rest}", Access::Onboarded),
            route("/auth/signin", Access::Guest),
            route("/{tenant}/{page}", Access::SignedIn),
            route("/acme/{*rest}", Access::Public),
        ])
        .unwrap();
        for (path, pattern) in [
            ("/", "/{*rest}"),
            ("/auth/signin", "/auth/signin"),
            ("/auth/signin/", "/auth/signin"),
            ("/auth/other", "/{tenant}/{page}"),
            ("/globex/dashboard", "/{tenant}/dashboard/{*rest}"),
            ("/globex/dashboard/", "/{tenant}/dashboard/{*rest}"),
            ("/globex/dashboard/a/b", "/{tenant}/dashboard/{*rest}"),
            ("/acme/dashboard", "/acme/{*rest}"),
            ("/acme", "/acme/{*rest}"),
            ("/a/b/c", "/{*rest}"),
        ] {
            assert_eq!(found(&table, "x", path), pattern, "{path}");
        }
    }

    #[test]
    fn a_uuid_is_more_specific_than_any_parameter_and_less_than_a_literal() {
        const UUID: &str = "0190d6d2-7c2f-7a3b-8c4d-0123456789ab";
        let literal = format!("/{UUID}/public");
        let table = table(vec![
            route("/{*rest}", Access::Optional),
            route("/{page}", Access::Public),
            route("/{tenant:uuid}/{*rest}", Access::SignedIn),
            route("/{page}/dashboard", Access::Onboarded),
            route(&literal, Access::Public),
        ])
        .unwrap();
        for (path, pattern) in [
            (format!("/{UUID}"), "/{tenant:uuid}/{*rest}"),
            (format!("/{UUID}/"), "/{tenant:uuid}/{*rest}"),
            (format!("/{UUID}/dashboard"), "/{tenant:uuid}/{*rest}"),
            (format!("/{}/x", UUID.to_uppercase()), "/{tenant:uuid}/{*rest}"),
            (literal.clone(), literal.as_str()),
            ("/acme".into(), "/{page}"),
            (format!("/{UUID}0/dashboard"), "/{page}/dashboard"),
            (format!("/{UUID}0/other"), "/{*rest}"),
        ] {
            assert_eq!(found(&table, "x", &path), pattern, "{path}");
        }
    }

    #[test]
    fn no_match_is_closed() {
        let table = table(vec![route("/only", Access::Public)]).unwrap();
        assert_eq!(found(&table, "x", "/other"), "Unknown");
        assert_eq!(found(&table, "x", "/"), "Unknown");
    }

    #[test]
    fn a_method_never_falls_through_to_a_wider_pattern() {
        let admin = Configured { methods: vec![Method::GET], ..route("/admin", Access::Onboarded) };
        let table = table(vec![admin, route("/{*rest}", Access::Public)]).unwrap();
        assert!(table.find("x", "/admin", &Method::HEAD).is_ok());
        assert_eq!(table.find("x", "/admin", &Method::POST).unwrap_err(), NoRoute::Method { allow: "GET".into() });
    }

    #[test]
    fn ambiguity_is_refused() {
        let faults = table(vec![route("/{a}/x", Access::Public), route("/{b}/x", Access::SignedIn)]).unwrap_err();
        assert!(faults[0].reason.contains("match the same requests"), "{faults:?}");
        let get = Configured { methods: vec![Method::GET], ..route("/x", Access::Public) };
        let head = Configured { methods: vec![Method::HEAD], ..route("/x", Access::Public) };
        assert!(table(vec![get.clone(), head]).is_err());
        assert!(table(vec![get, route("/x", Access::SignedIn)]).is_ok());
    }

    #[test]
    fn hosts_come_before_paths() {
        let on = |host: &str, path: &str| Configured {
            pattern: format!("{host}{path}"),
            host: Some(HostPattern::parse(host).unwrap()),
            ..route(path, Access::Public)
        };
        let table =
            table(vec![route("/x", Access::Public), on("{tenant}.shop.test", "/{*rest}"), on("admin.shop.test", "/x")])
                .unwrap();
        assert_eq!(found(&table, "other.test", "/x"), "/x");
        assert_eq!(found(&table, "acme.shop.test", "/x"), "{tenant}.shop.test/{*rest}");
        assert_eq!(found(&table, "admin.shop.test", "/x"), "admin.shop.test/x");
        assert_eq!(found(&table, "admin.shop.test", "/y"), "{tenant}.shop.test/{*rest}");
        assert_eq!(found(&table, "a.b.shop.test", "/y"), "Unknown");
    }

    #[test]
    fn a_tenant_is_named_in_path_or_host() {
        let rule = |place| super::super::TenantRule { place, by: super::super::TenantMatch::Slug };
        assert_eq!(rule(super::super::TenantPlace::Path(0)).named("h", "/caf%C3%A9/x"), "café");
        assert_eq!(rule(super::super::TenantPlace::Host(0)).named("acme.shop.test", "/x"), "acme");
    }
}
