//! `[legacy]`: what a configuration would do, and what it cannot.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::config::{Access, Capability, Config, Fault, LegacyMode, Place};
use crate::legacy;

/// A migration that the backend has no call for.
pub(super) fn faults(config: &Config) -> Vec<Fault> {
    let legacy = &config.legacy;
    let asks = legacy.enabled && legacy.mode != LegacyMode::Observe && !legacy.carriers.is_empty();
    if !asks || config.backend.supports(Capability::Migrate) {
        return Vec::new();
    }
    vec![Fault {
        place: legacy.carriers.first().map_or_else(Place::default, |carrier| carrier.place.clone()),
        reason: format!(
            "legacy.mode = \"{}\" makes sessions of legacy cookies, and the backend has no call for that \
             (`migrate` of [backend.paths] is empty)",
            legacy.mode.as_str()
        ),
        hint: Some("deploy/legacy.md has what the backend answers; \"observe\" needs nothing of it".into()),
    }]
}

/// Everybody can write a cookie with such a key. `demo` and `dev` do not come by here.
pub(super) fn known_keys(config: &Config) -> Vec<Fault> {
    let known = config.legacy.carriers.iter().filter(|carrier| legacy::is_publicly_known(carrier));
    known
        .map(|carrier| Fault {
            place: carrier.place.clone(),
            reason: format!(
                "the key of the carrier \"{}\" is publicly known: everybody can write its cookies",
                carrier.name
            ),
            hint: Some(
                "name the secret that production encrypts with, or remove the carrier: cookies of development builds are \
                 not worth a session"
                    .into(),
            ),
        })
        .collect()
}

/// What would happen, and what somebody may not have meant.
pub(super) fn notes(config: &Config) -> Vec<String> {
    let legacy = &config.legacy;
    if !legacy.enabled {
        return Vec::new();
    }
    let mut notes = vec![summary(config)];
    if let Some(until) = legacy.until
        && Timestamp::now().to_zoned(TimeZone::UTC).date() > until
    {
        notes.push(format!(
            "legacy.until = \"{until}\" is over: legacy cookies make no sessions any more, and are only cleared; when \
             nobody carries any (`sidgate legacy report`), set `enabled = false`"
        ));
    }
    if legacy.carriers.is_empty() {
        notes.push("there is no [[legacy.carrier]]: no legacy cookie can become a session".into());
    }
    if legacy.rollout == 0 {
        notes.push("legacy.rollout = 0: `mode` is for nobody, and everybody is one step behind".into());
    }
    notes.extend(left_outside(config));
    if config.audit.file.is_none() {
        notes.push("there is no [audit.file]: `sidgate legacy report` has nothing to read".into());
    }
    notes
}

/// Where `observe` is for somebody, the application's own sessions have to go on, and sidgate must not stand in their way.
fn left_outside(config: &Config) -> Option<String> {
    let legacy = &config.legacy;
    let observes = match legacy.mode {
        LegacyMode::Observe => true,
        LegacyMode::Dual => legacy.rollout < 100,
        LegacyMode::Enforce => false,
    };
    if !observes || legacy.carriers.is_empty() {
        return None;
    }
    let mut ways = Vec::new();
    let needs = |access| matches!(access, Access::SignedIn | Access::Onboarded);
    let mut routes = config.routes.iter().filter(|route| needs(route.access));
    if let Some(route) = routes.next() {
        let more = match routes.count() {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        ways.push(format!("route \"{}\"{more} lets in nobody without one (access = \"optional\" does)", route.pattern));
    }
    for (upstream, name) in config.upstreams.iter().flat_map(|u| u.session_cookies.iter().map(move |name| (u, name))) {
        if legacy.carriers.iter().any(|carrier| carrier.cookies.contains(name)) {
            ways.push(format!(
                "upstream.{}.session_cookies hides {name} from the application where there is none",
                upstream.name
            ));
        }
    }
    (!ways.is_empty()).then(|| {
        format!(
            "a browser that is only observed has no session of sidgate's, so its application's own does not go on as \
             before: {}; deploy/legacy.md says what to write until \"dual\" is for 100 %",
            ways.join(", ")
        )
    })
}

fn summary(config: &Config) -> String {
    let legacy = &config.legacy;
    let what = match legacy.mode {
        LegacyMode::Observe => "reads legacy cookies and changes nothing",
        LegacyMode::Dual => "makes sessions of legacy cookies and leaves the cookies alone",
        LegacyMode::Enforce => "makes sessions of legacy cookies and expires the cookies",
    };
    let carrier =
        |c: &crate::config::LegacyCarrier| format!("{} ({}: {})", c.name, c.format.as_str(), c.cookies.join(", "));
    let carriers: Vec<String> = legacy.carriers.iter().map(carrier).collect();
    let order = if carriers.is_empty() { "nothing".to_owned() } else { carriers.join(", then ") };
    let until = legacy.until.map(|until| format!(", until {until}")).unwrap_or_default();
    format!(
        "[legacy] {what} (mode = \"{}\", {} % of browsers{until}); tried in this order: {order}",
        legacy.mode.as_str(),
        legacy.rollout
    )
}
