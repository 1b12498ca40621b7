//! From any state, following our redirects and those of an application that disagrees, a page is reached in at most two
//! steps of ours; and a table of routes that goes round is refused, with the round.

use http::Method;
use proptest::prelude::*;

use super::*;
use crate::check::{MAX_STEPS, Visitor, page_faults, query_of, visitors, walk};
use crate::config::{self, Config, PathPattern};
use crate::pages::Pages;
use crate::route::{RouteTable, TenantMatch};

fn route(path: &str, access: Access) -> config::Route {
    config::Route { pattern: path.into(), path: PathPattern::parse(path).unwrap(), access, ..config::Route::default() }
}

fn of_tenant(path: &str, access: Access) -> config::Route {
    let rule = config::TenantRule { parameter: "tenant".into(), by: TenantMatch::Slug };
    config::Route { tenant: Some(rule), ..route(path, access) }
}

fn config(routes: Vec<config::Route>, pages: config::Pages) -> Config {
    Config {
        routes,
        pages,
        upstreams: vec![config::Upstream { name: "nextjs".into(), ..Default::default() }],
        ..Config::default()
    }
}

/// Routes as applications have them, each with some access, and pages as people configure them.
fn configs() -> impl Strategy<Value = Config> {
    use Access::{Guest, Onboarded, Optional, Public, SignedIn};
    let any = || prop::sample::select(vec![Public, Optional, SignedIn, Onboarded, Guest]);
    let mostly = |good: Access| prop_oneof![4 => Just(good), 1 => any()];
    let tenant = (prop::sample::select(vec![SignedIn, Onboarded, Optional]), prop::bool::ANY);
    let of = |list: &[&str]| prop::sample::select(list.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>());
    let routes = (
        mostly(Guest),
        mostly(SignedIn),
        mostly(SignedIn),
        prop::option::of(tenant.clone()),
        prop::option::of(tenant),
        prop::option::of(any()),
        prop::option::of(any()),
    );
    let pages = (
        of(&["/onboarding", "/onboarding/{step}", "/welcome"]),
        of(&["/{tenant}/dashboard", "/{tenant_id}/dashboard", "/dashboard", "/", "/onboarding"]),
        of(&["/dashboard", "/", "/onboarding", "/auth/signin"]),
    );
    let ages = prop::collection::vec(prop::bool::weighted(0.2), 7);
    (routes, pages, ages).prop_map(
        |((sign_in, onboarding, dashboard, tenant, all_of_tenant, root, rest), pages, ages)| {
            let mut list = vec![
                route("/auth/signin", sign_in),
                route("/onboarding/{*rest}", onboarding),
                route("/dashboard", dashboard),
            ];
            let ruled = |path, (access, ruled)| if ruled { of_tenant(path, access) } else { route(path, access) };
            list.extend(tenant.map(|t| ruled("/{tenant}/dashboard/{*rest}", t)));
            list.extend(all_of_tenant.map(|t| ruled("/{tenant}", t)));
            list.extend(root.map(|access| route("/", access)));
            list.extend(rest.map(|access| route("/{*rest}", access)));
            for (route, _) in list.iter_mut().zip(ages).filter(|(_, fresh)| *fresh) {
                let asks = matches!(route.access, SignedIn | Onboarded);
                route.max_auth_age = asks.then_some(Duration::from_secs(600));
            }
            let (onboarding, home, home_without_tenant) = pages;
            config(list, config::Pages { onboarding, home, home_without_tenant, ..config::Pages::default() })
        },
    )
}

/// What the application does with requests that reach it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Application {
    ShowsPages,
    /// Its own middleware looks for a cookie that it no longer sees.
    SendsToSignIn,
    SendsToOnboarding,
    /// It finds a cookie that is left over, and sends whom it takes for signed in from sign-in to its dashboard ...
    SendsGuestsHome,
    /// ... or by way of its front page, ...
    SendsGuestsHomeByRoot,
    /// ... or back where they came from.
    SendsGuestsBack,
    /// Its sign-in page sends whom it is told to be signed in home ...
    SendsUsersHome,
    /// ... or back where they came from.
    SendsUsersBack,
    /// It takes onboarding for done, and sends on from there to the dashboard ...
    SkipsOnboarding,
    /// ... or by way of its front page.
    SkipsOnboardingByRoot,
}

const APPLICATIONS: [Application; 10] = [
    Application::ShowsPages,
    Application::SendsToSignIn,
    Application::SendsToOnboarding,
    Application::SendsGuestsHome,
    Application::SendsGuestsHomeByRoot,
    Application::SendsGuestsBack,
    Application::SendsUsersHome,
    Application::SendsUsersBack,
    Application::SkipsOnboarding,
    Application::SkipsOnboardingByRoot,
];

impl Application {
    /// Where it sends from a page, if it does. `back` is the page that led to sign-in.
    fn sends(self, path: &str, back: Option<&str>, permit: &Permit, pages: &Pages) -> Option<String> {
        let at_sign_in = path == pages.sign_in_path();
        // No cookie, no mistake.
        let mistaken = permit.who().is_none() && !permit.without_cookies();
        let at_onboarding = pages.is_onboarding(path);
        let to = match (self, permit.who()) {
            (Self::SendsToSignIn, _) => pages.sign_in_path().to_owned(),
            (Self::SendsToOnboarding, Some(f)) => pages.onboarding(&f.session),
            (Self::SendsGuestsHome, _) if mistaken && at_sign_in => "/dashboard".to_owned(),
            (Self::SendsGuestsHomeByRoot, _) if mistaken && at_sign_in => "/".to_owned(),
            (Self::SendsGuestsHomeByRoot, _) if mistaken && path == "/" => "/dashboard".to_owned(),
            (Self::SendsGuestsBack, _) if mistaken && at_sign_in => back?.to_owned(),
            (Self::SendsUsersHome, Some(f)) if at_sign_in => pages.home(&f.session),
            (Self::SendsUsersBack, Some(_)) if at_sign_in => back?.to_owned(),
            (Self::SkipsOnboarding, Some(f)) if at_onboarding => pages.home(&f.session),
            (Self::SkipsOnboardingByRoot, Some(_)) if at_onboarding => "/".to_owned(),
            (Self::SkipsOnboardingByRoot, Some(f)) if path == "/" => pages.home(&f.session),
            _ => return None,
        };
        let skips = matches!(self, Self::SkipsOnboarding | Self::SkipsOnboardingByRoot);
        // It shows at least the page that it sends to.
        (path != to && (skips || !at_onboarding)).then_some(to)
    }
}

/// Follows redirects of both; how many were ours, and the way.
fn follow(
    table: &RouteTable,
    pages: &Pages,
    start: &str,
    visitor: &Visitor,
    application: Application,
) -> (usize, Vec<String>) {
    let (mut ours, mut theirs, mut marks) = (0, 0, Vec::new());
    let mut back = None;
    let mut lookup = visitor.lookup.clone();
    let mut way = vec![start.to_owned()];
    while ours <= MAX_STEPS + 2 {
        let address = way.last().cloned().unwrap();
        let path = address.split('?').next().unwrap();
        let again = Pages::signs_in_again(query_of(&address));
        let Ok(found) = table.find("app.test", path, &Method::GET) else { break };
        let at_sign_in = found.access == Access::Guest || path == pages.sign_in_path();
        let named = found.tenant.map(|rule| (rule, rule.named("app.test", path).into_owned()));
        let decision = decide(&Situation {
            access: found.access,
            tenant: named.as_ref().map(|(rule, name)| (*rule, name.as_str())),
            stale_allowed: false,
            lookup: &lookup,
            wants: Wants::Page,
            safe_method: true,
            sign_in_overdue: found.max_auth_age.filter(|_| visitor.overdue),
            signs_in_again: found.access == Access::Guest && again,
            upstream_disagreed: marks.contains(&Mark::Disagreed)
                || found.access != Access::Guest && marks.contains(&Mark::SentOn),
            reloaded: true,
        });
        let next = match (&decision, &lookup) {
            (Decision::Redirect { to: Destination::Onboarding, .. }, Lookup::Found(f)) => pages.onboarding(&f.session),
            (Decision::Redirect { to: Destination::Home, .. }, Lookup::Found(f)) => pages.home(&f.session),
            (Decision::Redirect { reason, .. }, _) => pages.sign_in(None, Some(*reason)),
            (Decision::Refuse { .. }, _) => break,
            (Decision::Forward(permit), _) => {
                let Some(to) = application.sends(path, back.as_deref(), permit, pages) else { break };
                if theirs > 6 {
                    break;
                }
                marks.extend(disagreement(&Sent {
                    permit,
                    from_sign_in: at_sign_in,
                    signs_in_again: at_sign_in && again,
                    from_onboarding: pages.is_onboarding(path),
                    to_sign_in: to == pages.sign_in_path(),
                    to_onboarding: pages.is_onboarding(&to),
                    to: table.find("app.test", &to, &Method::GET).ok().map(|r| r.access),
                }));
                theirs += 1;
                way.push(to);
                continue;
            }
        };
        back = Some(path.to_owned());
        if let Decision::Redirect { drop_sid: true, .. } = decision {
            lookup = Lookup::Absent;
        }
        ours += 1;
        way.push(next);
    }
    (ours, way)
}

const STARTS: [&str; 9] = [
    "/",
    "/auth/signin",
    "/onboarding",
    "/onboarding/first",
    "/dashboard",
    "/own-tenant/dashboard",
    "/other-tenant/dashboard/x",
    "/own-tenant",
    "/elsewhere/x",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_page_is_reached_in_at_most_two_steps_of_ours(config in configs()) {
        let Ok(table) = RouteTable::new(&config) else { return Ok(()) };
        let pages = Pages::new(&config.pages, &config.paths);
        let faults = page_faults(&config, &table);
        if !faults.is_empty() {
            prop_assert!(faults.iter().all(|f| f.reason.contains(" -> ")), "a fault shows the way: {:?}", faults);
            return Ok(());
        }
        for visitor in visitors(&config) {
            for start in STARTS {
                let way = walk(&table, &pages, "app.test", start, &visitor).steps;
                prop_assert!(way.len() <= MAX_STEPS + 1, "{}: {}", visitor.who, way.join(" -> "));
                for application in APPLICATIONS {
                    let (ours, way) = follow(&table, &pages, start, &visitor, application);
                    prop_assert!(ours <= MAX_STEPS, "{}, {:?}: {}", visitor.who, application, way.join(" -> "));
                }
            }
        }
    }
}

#[test]
fn the_realistic_table_passes_check_and_is_not_the_exception() {
    use Access::{Guest, Onboarded, Optional, SignedIn};
    let good = config(
        vec![
            route("/", Optional),
            route("/auth/signin", Guest),
            route("/onboarding", SignedIn),
            route("/dashboard", SignedIn),
            of_tenant("/{tenant}/dashboard/{*rest}", Onboarded),
        ],
        config::Pages::default(),
    );
    assert!(page_faults(&good, &RouteTable::new(&good).unwrap()).is_empty());
}

#[test]
fn the_preset_for_applications_with_a_middleware_of_their_own_leads_everybody_to_a_page() {
    let text = "preset = \"existing-nextjs\"\nbackend.gateway_key = \"${KEY}\"\nupstream.shop = {}\n\
                listener = [{ mode = \"serve\", trusted_peers = [\"::1\"] }]\n";
    let key = |_: &str| Some("0123456789abcdef0123456789abcdef".to_owned());
    let config = Config::parse(text, "gateway.toml", std::path::Path::new(""), &key).unwrap();
    let table = RouteTable::new(&config).unwrap();
    assert!(page_faults(&config, &table).is_empty());
    let pages = Pages::new(&config.pages, &config.paths);
    const OF_A_TENANT: &str = "/00000000-0000-7000-8000-000000000001/dashboard";
    for visitor in visitors(&config) {
        for start in STARTS.into_iter().chain([OF_A_TENANT, "/settings/profile", "/tenant/x", "/api/x"]) {
            for application in APPLICATIONS {
                let (ours, way) = follow(&table, &pages, start, &visitor, application);
                assert!(ours <= MAX_STEPS, "{}, {application:?}: {}", visitor.who, way.join(" -> "));
            }
        }
    }
}

#[test]
fn a_table_that_goes_round_is_refused_with_the_round() {
    use Access::{Guest, Onboarded, SignedIn};
    let usual = |sign_in, onboarding, dashboard: config::Route| {
        config(
            vec![
                route("/auth/signin", sign_in),
                route("/onboarding", onboarding),
                dashboard,
                of_tenant("/{tenant}/dashboard/{*rest}", Onboarded),
            ],
            config::Pages::default(),
        )
    };
    for (what, config, round) in [
        (
            "sign-in wants a session",
            usual(SignedIn, SignedIn, route("/dashboard", SignedIn)),
            "/auth/signin -> /auth/signin",
        ),
        (
            "onboarding wants it done",
            usual(Guest, Onboarded, route("/dashboard", SignedIn)),
            "/onboarding -> /onboarding",
        ),
        (
            "onboarding is a sign-in page",
            usual(Guest, Guest, route("/dashboard", SignedIn)),
            "/onboarding -> /onboarding",
        ),
        (
            "onboarding is under the tenant rule",
            config(
                vec![
                    route("/auth/signin", Guest),
                    of_tenant("/{tenant}", SignedIn),
                    of_tenant("/{tenant}/dashboard", Onboarded),
                ],
                config::Pages::default(),
            ),
            "/onboarding -> /onboarding",
        ),
    ] {
        let faults = page_faults(&config, &RouteTable::new(&config).unwrap());
        assert!(
            faults.iter().any(|f| f.reason.contains("goes round") && f.reason.contains(round)),
            "{what}: {faults:#?}"
        );
    }
}
