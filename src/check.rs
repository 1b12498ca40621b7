//! What only shows when the parts of a configuration are seen together: routes that match the same requests, redirects
//! that go round, pages without a route, certificates that cannot be used, sessions that do not follow to a tenant's
//! host.
//!
//! Loops are not searched for by rules of their own: every kind of visitor is sent through the real route table, the
//! real decision and the real addresses, from every route.

mod causes;
mod legacy;
mod tenants;

use std::path::Path;
use std::sync::{Arc, OnceLock};

use http::Method;

use crate::assertion;
use crate::certificate::{Certificate, client_verifier};
use crate::config::{Access, Capability, Config, ConfigError, Fault, Listener, Place, Preset, Route, Segment, Source};
use crate::connect::Tls;
use crate::context::Origin;
use crate::decision::{Decision, Destination, Reason, Situation, Wants, decide};
use crate::pages::{self, Pages};
use crate::route::RouteTable;
use crate::session::{Found, Freshness, Lookup, Onboarding, RefusalCode, Session, SessionId, SidHash, Tenant, User};
use causes::Causes;

/// More redirects of ours in a row than this are a loop.
pub const MAX_STEPS: usize = 2;

const SLUG: &str = "own-tenant";
const ID: &str = "own-tenant-id";
/// In their place where routes ask for a UUID.
const UUID: &str = "00000000-0000-7000-8000-000000000001";
const OTHER_UUID: &str = "00000000-0000-7000-8000-000000000002";
const OTHER: &str = "other-tenant";

/// Loads a configuration and checks it whole.
///
/// # Errors
/// Every fault, each with its place.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    load_source(path).map(|(config, _)| config)
}

/// The same, with the text.
///
/// # Errors
/// Every fault, each with its place.
pub fn load_source(path: &Path) -> Result<(Config, Source), ConfigError> {
    let (config, source) = Config::load_source(path)?;
    let faults = legacy::known_keys(&config);
    checked(config, &source, faults).map(|config| (config, source))
}

/// Checks a configuration that has been read.
///
/// # Errors
/// Every fault, each with its place.
pub fn check(config: Config, source: &Source) -> Result<Config, ConfigError> {
    checked(config, source, Vec::new())
}

fn checked(config: Config, source: &Source, mut faults: Vec<Fault>) -> Result<Config, ConfigError> {
    faults.extend(certificate_faults(&config));
    faults.extend(tls_faults(&config));
    faults.extend(tenants::faults(&config));
    faults.extend(assertion_faults(&config));
    faults.extend(legacy::faults(&config));
    match RouteTable::new(&config) {
        Err(found) => faults.extend(found.into_iter().map(|f| Fault {
            place: f.place,
            reason: f.reason,
            hint: Some("make one of them longer, or give them different `methods` or `host`".into()),
        })),
        Ok(table) => faults.extend(page_faults(&config, &table)),
    }
    if faults.is_empty() { Ok(config) } else { Err(source.error(faults)) }
}

/// What is no fault, but worth knowing before somebody runs into it.
pub fn notes(config: &Config) -> Vec<String> {
    let (backend, preset) = (&config.backend, config.backend.preset.as_str());
    let cannot = Capability::ALL.into_iter().filter(|capability| !backend.supports(*capability));
    let note = |what: Capability| {
        let so = match what {
            Capability::Activity => "there are no batches of activity, and idle lifetimes are the backend's own affair",
            Capability::Rotate => "what the application hands over keeps the sid that the application knows",
            _ => "what needs one answers 501",
        };
        format!("backend.preset = \"{preset}\" has no call for {}: {so}", what.as_str())
    };
    let guests = config.routes.iter().filter(|route| route.may_set_session && route.access == Access::Guest);
    let guest = |route: &Route| {
        format!(
            "route \"{}\" may set a session, and access = \"guest\" sends home who has one before the application hears \
             of it; with \"optional\" they can sign in as somebody else",
            route.pattern
        )
    };
    let slugs = tenants::slug_note(config);
    cannot
        .map(note)
        .chain(guests.map(guest))
        .chain(age_note(config))
        .chain(slugs)
        .chain(tenants::note(config))
        .chain(assertion_notes(config))
        .chain(legacy::notes(config))
        .collect()
}

/// Where the backend does not say when people signed in, nobody gets past `max_auth_age`.
fn age_note(config: &Config) -> Option<String> {
    let route = config.routes.iter().find(|route| route.max_auth_age.is_some())?;
    let (preset, pointers) = (config.backend.preset, &config.backend.fields.authenticated_at);
    (preset != Preset::V1).then(|| {
        format!(
            "route \"{}\" has max_auth_age, which needs the time of the sign-in in the backend's answers \
             (backend.fields.authenticated_at: {}): without it nobody is let in there, however fresh their sign-in",
            route.pattern,
            if pointers.is_empty() { "none is named".to_owned() } else { pointers.join(", ") }
        )
    })
}

fn certificate_faults(config: &Config) -> Vec<Fault> {
    let loaded = config.certificates.iter().map(|c| (&c.place, Certificate::load(&c.chain, &c.key)));
    loaded
        .filter_map(|(place, loaded)| Some((place, loaded.err()?)))
        .map(|(place, reason)| Fault {
            place: place.clone(),
            reason: format!("a [[certificate]] cannot be used: {reason}"),
            hint: Some("certs/dev.sh makes one for development".into()),
        })
        .chain(config.listeners.iter().filter_map(client_ca_fault))
        .collect()
}

fn tls_faults(config: &Config) -> Vec<Fault> {
    let backend = ("[backend]".to_owned(), std::slice::from_ref(&config.backend.url), &config.backend.tls);
    let upstreams = config.upstreams.iter().map(|u| (format!("[upstream.{}]", u.name), &*u.urls, &u.tls));
    std::iter::once(backend)
        .chain(upstreams)
        .filter_map(|(name, targets, tls)| Some((name, Tls::for_targets(targets, tls).err()?)))
        .map(|(name, reason)| Fault {
            place: Place::default(),
            reason: format!("https cannot be used for {name}: {reason}"),
            hint: Some("`ca`, `client_certificate` and `client_key` are PEM files".into()),
        })
        .collect()
}

fn assertion_faults(config: &Config) -> Vec<Fault> {
    let fault = |reason, hint: &str| Fault { place: config.assertion.place.clone(), reason, hint: Some(hint.into()) };
    let wanted = || config.upstreams.iter().filter(|u| u.assertion == Some(true));
    match assertion::list(&config.assertion) {
        Err(reason) => {
            vec![fault(format!("[assertion]: {reason}"), "`sidgate keys new` makes a key; deploy/assertion.md")]
        }
        Ok(keys) if keys.is_empty() => wanted()
            .map(|u| {
                let reason = format!("[upstream.{}] has `assertion = true`, and there is no key to sign with", u.name);
                fault(reason, "make one: sidgate keys new")
            })
            .collect(),
        Ok(_) => Vec::new(),
    }
}

/// What everybody on the machine could sign with.
fn assertion_notes(config: &Config) -> Vec<String> {
    let keys = assertion::list(&config.assertion).unwrap_or_default();
    let exposed = keys
        .iter()
        .filter(|key| key.exposed)
        .map(|key| format!("everybody on this machine can read {}, and sign with it: chmod 600", key.file.display()));
    exposed.collect()
}

fn client_ca_fault(listener: &Listener) -> Option<Fault> {
    let ca = listener.client_ca.as_ref()?;
    let reason = client_verifier(&ca.path).err()?;
    Some(Fault {
        place: ca.place.clone(),
        reason: format!("`listener.client_ca`: {reason}"),
        hint: Some("the PEM file of the authority that signs the clients' certificates".into()),
    })
}

pub(crate) fn page_faults(config: &Config, table: &RouteTable) -> Vec<Fault> {
    let pages = Pages::new(&config.pages, &config.paths);
    let visitors = visitors(config);
    let mut causes = Causes::default();
    for route in &config.routes {
        for (visitor, named) in visitors.iter().flat_map(|v| [SLUG, ID, OTHER].map(|named| (v, named))) {
            let host = route.host.as_ref().map_or("any-host.invalid".into(), |h| sample(&h.labels, '.', named));
            let mut starts = starts(&route.path.segments, named);
            // The pages themselves too, whatever route they fall under.
            starts.extend(visitor.session().map_or_else(Vec::new, |s| vec![pages.home(s), pages.onboarding(s)]));
            for start in starts {
                causes.take(&route.place, walk(table, &pages, host.trim_start_matches('.'), &start, visitor));
            }
        }
    }
    causes.faults()
}

/// The query of an address.
pub(crate) fn query_of(address: &str) -> Option<&str> {
    address.split_once('?').map(|(_, query)| query)
}

/// Where a visitor ends.
#[derive(Debug)]
pub(crate) struct Walk {
    who: &'static str,
    /// The addresses on the way, the first one included.
    pub(crate) steps: Vec<String>,
    /// The last one has no route.
    lost: bool,
    /// Who has a session was sent to a page whose application is not told so.
    untold: bool,
}

/// Follows our redirects from an address.
pub(crate) fn walk(table: &RouteTable, pages: &Pages, host: &str, start: &str, visitor: &Visitor) -> Walk {
    let mut end = Walk { who: visitor.who, steps: vec![start.to_owned()], lost: false, untold: false };
    let mut lookup = visitor.lookup.clone();
    let Some(mut here) = Origin::parse(&format!("https://{host}")) else { return end };
    while end.steps.len() <= MAX_STEPS + 2 {
        let address = end.steps.last().cloned().unwrap_or_default();
        let (origin, path) = pages::parted(&address);
        if let Some(origin) = origin.and_then(Origin::parse) {
            here = origin;
        }
        let host = here.host();
        let Ok(route) = table.find(host, path, &Method::GET) else {
            end.lost = true;
            return end;
        };
        let named = route.tenant.map(|rule| (rule, rule.named(host, path).into_owned()));
        let decision = decide(&Situation {
            access: route.access,
            tenant: named.as_ref().map(|(rule, name)| (*rule, name.as_str())),
            stale_allowed: false,
            lookup: &lookup,
            wants: Wants::Page,
            safe_method: true,
            sign_in_overdue: route.max_auth_age.filter(|_| visitor.overdue),
            signs_in_again: route.access == Access::Guest && Pages::signs_in_again(query_of(&address)),
            upstream_disagreed: false,
            reloaded: true,
        });
        let Decision::Redirect { to, reason, drop_sid } = decision else {
            let known = matches!(lookup, Lookup::Found(_));
            end.untold = known && end.steps.len() > 1 && route.access == Access::Public;
            return end;
        };
        let next = match (&lookup, to) {
            (Lookup::Found(f), Destination::Onboarding) => pages.onboarding(&f.session),
            (Lookup::Found(f), Destination::Home) => pages.home_from(&here, &f.session),
            _ => pages.sign_in(None, Some(reason).filter(|why| *why == Reason::FreshSignInRequired)),
        };
        if drop_sid {
            lookup = Lookup::Absent;
        }
        end.steps.push(next);
    }
    end
}

/// A kind of visitor.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    pub(crate) who: &'static str,
    pub(crate) lookup: Lookup,
    /// The sign-in is older than any route allows that asks.
    pub(crate) overdue: bool,
}

impl Visitor {
    fn session(&self) -> Option<&Session> {
        match &self.lookup {
            Lookup::Found(found) => Some(&found.session),
            _ => None,
        }
    }
}

/// Every kind. A tenant's id is a UUID where a route asks for one.
pub(crate) fn visitors(config: &Config) -> Vec<Visitor> {
    let mut segments = config.routes.iter().flat_map(|r| &r.path.segments);
    let id = if segments.any(|s| matches!(s, Segment::Uuid(_))) { UUID } else { ID };
    let tenant = || Some(Tenant { id: id.into(), slug: Some(SLUG.into()), name: None });
    let needed = |step: Option<&str>| Onboarding::Needed { step: step.map(str::to_owned) };
    let found = |tenant, onboarding| {
        let session = Arc::new(session(tenant, onboarding));
        Lookup::Found(Found { session, freshness: Freshness::Miss })
    };
    let asks = config.routes.iter().any(|route| route.max_auth_age.is_some());
    let new = |who, lookup| Some(Visitor { who, lookup, overdue: false });
    let old = |who, lookup| asks.then_some(Visitor { who, lookup, overdue: true });
    let all = [
        new("a visitor without a session", Lookup::Absent),
        new("a visitor with an ended session", Lookup::Refused(RefusalCode::Expired)),
        new("a visitor refused without a word", Lookup::Refused(RefusalCode::Bare)),
        new("a visitor whose sid was replaced", Lookup::Refused(RefusalCode::Rotated)),
        new("a visitor with too many sids", Lookup::Refused(RefusalCode::Crowded)),
        new("a new user without a tenant", found(None, needed(Some("first")))),
        new("a user in the middle of onboarding", found(tenant(), needed(None))),
        new("an onboarded user", found(tenant(), Onboarding::Complete)),
        new("an onboarded user without a tenant", found(None, Onboarding::Complete)),
        old("a new user who has to sign in again", found(None, needed(Some("first")))),
        old("a user in onboarding who has to sign in again", found(tenant(), needed(None))),
        old("a user who has to sign in again", found(tenant(), Onboarding::Complete)),
        old("a user without a tenant who has to sign in again", found(None, Onboarding::Complete)),
    ];
    all.into_iter().flatten().collect()
}

fn session(tenant: Option<Tenant>, onboarding: Onboarding) -> Session {
    let sid = SessionId::parse(b"00000000-0000-4000-8000-000000000000");
    Session {
        public_id: None,
        user: User { id: "user".into(), email: None, name: None, role: None },
        tenants: tenant.iter().cloned().collect(),
        tenant,
        onboarding,
        permissions: Vec::new(),
        authenticated_at: None,
        expires_at: None,
        idle_expires_at: None,
        fingerprint: sid.map(|s| s.fingerprint()).unwrap_or_default(),
        contradictory_onboarding: false,
        privileges_changed: false,
        activity: Arc::default(),
        headers: OnceLock::new(),
        sid_hash: SidHash::default(),
        assertions: OnceLock::new(),
    }
}

/// Addresses that match a pattern. One that ends in a rest is tried with something in it too, near and far: without,
/// the address may belong to a more specific route.
fn starts(segments: &[Segment], named: &str) -> Vec<String> {
    let bare = sample(segments, '/', named);
    let rests: &[&str] = match segments.last() {
        Some(Segment::Rest(_)) => &["", "/any-page", "/any-page/further/down/below"],
        _ => &[""],
    };
    let below = |rest: &&str| match (bare.as_str(), *rest) {
        ("/", "") => "/".to_owned(),
        ("/", rest) => rest.to_owned(),
        (path, rest) => format!("{path}{rest}"),
    };
    rests.iter().map(below).collect()
}

fn sample(segments: &[Segment], separator: char, named: &str) -> String {
    let mut out = String::new();
    for segment in segments {
        let text = match segment {
            Segment::Literal(text) => text,
            Segment::Parameter(_) => named,
            Segment::Uuid(_) if named == OTHER => OTHER_UUID,
            Segment::Uuid(_) => UUID,
            Segment::Rest(_) => continue,
        };
        out.push(separator);
        out.push_str(text);
    }
    if out.is_empty() { separator.to_string() } else { out }
}
