//! The decision table, cell by cell; its notes; and that nobody goes round in circles.

mod fresh_sign_in;
mod steps;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::*;
use crate::route::TenantMatch;
use crate::session::{Fingerprint, Onboarding, SidHash, Tenant, Unavailable, User};

/// The README's table itself, without its ruler. A cell that says one thing says it for pages and api; "drop `sid`" is for
/// pages only ("Late refusals" of the contract).
fn table() -> Vec<Vec<String>> {
    let lines = include_str!("../../README.md").lines();
    let table = lines.skip_while(|line| !line.starts_with("| access ")).take_while(|line| line.starts_with('|'));
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    table.filter(|line| !line.starts_with("|---")).map(cells).collect()
}

fn session(tenant: Option<(&str, Option<&str>)>, onboarding: Onboarding) -> Session {
    Session {
        public_id: None,
        user: User { id: "1".into(), email: None, name: None, role: None },
        tenant: tenant.map(|(id, slug)| Tenant { id: id.into(), slug: slug.map(str::to_owned), name: None }),
        tenants: Vec::new(),
        onboarding,
        permissions: Vec::new(),
        authenticated_at: None,
        expires_at: None,
        idle_expires_at: None,
        fingerprint: Fingerprint::default(),
        contradictory_onboarding: false,
        privileges_changed: false,
        activity: Arc::default(),
        headers: OnceLock::new(),
        sid_hash: SidHash::default(),
        assertions: OnceLock::new(),
    }
}

fn found(session: Session, freshness: Freshness) -> Lookup {
    Lookup::Found(Found { session: Arc::new(session), freshness })
}

fn needed() -> Lookup {
    found(session(None, Onboarding::Needed { step: None }), Freshness::Miss)
}

fn onboarded() -> Lookup {
    found(session(Some(("t-1", Some("acme"))), Onboarding::Complete), Freshness::Miss)
}

fn situation(access: Access, lookup: &Lookup, wants: Wants) -> Situation<'_> {
    Situation {
        access,
        tenant: None,
        stale_allowed: false,
        lookup,
        wants,
        safe_method: true,
        sign_in_overdue: None,
        signs_in_again: false,
        upstream_disagreed: false,
        reloaded: false,
    }
}

/// A decision in the table's words.
fn said(decision: &Decision) -> String {
    let (text, drop_sid) = match decision {
        Decision::Forward(permit) => {
            (if permit.who().is_some() { "forward as user" } else { "forward, no identity" }, permit.drop_sid())
        }
        Decision::Redirect { to, drop_sid, .. } => match to {
            Destination::SignIn => ("to sign-in", *drop_sid),
            Destination::Onboarding => ("to the onboarding step", *drop_sid),
            Destination::Home => ("to the tenant's home", *drop_sid),
        },
        Decision::Refuse { refusal, drop_sid, .. } => match refusal {
            Refusal::Unauthenticated => ("401", *drop_sid),
            Refusal::Reload => ("401, reload", *drop_sid),
            Refusal::FreshSignIn { .. } => ("401, sign in again", *drop_sid),
            Refusal::OnboardingNeeded => ("403", *drop_sid),
            Refusal::OtherTenant { .. } => ("403, other tenant", *drop_sid),
            Refusal::OtherTenantHost { member: false } => ("403 page, other tenant's host", *drop_sid),
            Refusal::OtherTenantHost { member: true } => {
                ("403 page, other tenant's host, offers the switch", *drop_sid)
            }
            Refusal::Throttled => ("429, keep `sid`", *drop_sid),
            Refusal::BackendUnavailable => ("503, keep `sid`", *drop_sid),
        },
    };
    if drop_sid { format!("{text}, drop `sid`") } else { text.to_owned() }
}

fn says(s: Situation<'_>) -> String {
    said(&decide(&s))
}

const ACCESS: [Access; 5] = [Access::Public, Access::Optional, Access::SignedIn, Access::Onboarded, Access::Guest];

#[test]
fn the_table_cell_by_cell() {
    let rows = table();
    let refused = [
        RefusalCode::Unknown,
        RefusalCode::Revoked,
        RefusalCode::Expired,
        RefusalCode::Idle,
        RefusalCode::Limit,
        RefusalCode::AccountDisabled,
        RefusalCode::Conflict,
    ];
    let unavailable = [
        Unavailable::Connect,
        Unavailable::Timeout,
        Unavailable::Status(401),
        Unavailable::Malformed,
        Unavailable::GatewayKey,
        Unavailable::Overload,
    ];
    let columns: [(&str, Vec<Lookup>); 5] = [
        ("Absent", vec![Lookup::Absent]),
        ("Refused", refused.into_iter().map(Lookup::Refused).collect()),
        ("Unavailable", unavailable.into_iter().map(Lookup::Unavailable).collect()),
        ("Found, onboarding needed", vec![needed()]),
        ("Found, onboarded", vec![onboarded()]),
    ];
    assert_eq!(rows[0][1..], columns.each_ref().map(|(name, _)| *name));
    assert_eq!(rows.len(), 1 + ACCESS.len());
    for (row, access) in rows[1..].iter().zip(ACCESS) {
        assert_eq!(row[0], format!("`{}`", access.as_str()));
        for (cell, (column, lookups)) in row[1..].iter().zip(&columns) {
            let both = cell.strip_prefix("page: ").and_then(|cell| cell.split_once("; api: "));
            let (page, api) = both.unwrap_or((cell.as_str(), cell.as_str()));
            for lookup in lookups {
                let place = format!("{} / {column} ({lookup:?})", row[0]);
                assert_eq!(says(situation(access, lookup, Wants::Page)), page, "{place}, page");
                let api = api.trim_end_matches(", drop `sid`");
                assert_eq!(says(situation(access, lookup, Wants::Api)), api, "{place}, api");
            }
        }
    }
}

#[test]
fn too_many_refused_sids_are_answered_like_a_failure_with_429() {
    let lookup = Lookup::Throttled { retry_after: Duration::from_secs(1) };
    for wants in [Wants::Page, Wants::Api] {
        for access in ACCESS {
            let wanted = match access {
                Access::SignedIn | Access::Onboarded => "429, keep `sid`",
                _ => "forward, no identity",
            };
            assert_eq!(says(situation(access, &lookup, wants)), wanted, "{access:?}");
        }
    }
}

#[test]
fn a_sid_that_was_replaced_is_never_dropped_and_its_page_reloads_once() {
    let lookup = Lookup::Refused(RefusalCode::Rotated);
    for (access, page) in [
        (Access::Optional, "forward, no identity"),
        (Access::Guest, "forward, no identity"),
        (Access::SignedIn, "401, reload"),
        (Access::Onboarded, "401, reload"),
    ] {
        assert_eq!(says(situation(access, &lookup, Wants::Page)), page);
        let again = Situation { reloaded: true, ..situation(access, &lookup, Wants::Page) };
        assert_eq!(says(again), page.replace("401, reload", "to sign-in"));
        let api = says(situation(access, &lookup, Wants::Api));
        assert_eq!(api, page.replace("401, reload", "401"));
    }
}

#[test]
fn where_more_sids_came_than_are_asked_about_the_page_reloads_once_without_the_others() {
    let lookup = Lookup::Refused(RefusalCode::Crowded);
    for (access, page, api) in [
        (Access::Optional, "forward, no identity, drop `sid`", "forward, no identity"),
        (Access::Guest, "forward, no identity, drop `sid`", "forward, no identity"),
        (Access::SignedIn, "401, reload, drop `sid`", "401"),
        (Access::Onboarded, "401, reload, drop `sid`", "401"),
    ] {
        assert_eq!(says(situation(access, &lookup, Wants::Page)), page);
        let again = Situation { reloaded: true, ..situation(access, &lookup, Wants::Page) };
        assert_eq!(says(again), page.replace("401, reload", "to sign-in"));
        assert_eq!(says(situation(access, &lookup, Wants::Api)), api);
    }
}

#[test]
fn a_refusal_without_a_word_refuses_and_drops_nothing() {
    let lookup = Lookup::Refused(RefusalCode::Bare);
    for (access, page, api) in [
        (Access::Public, "forward, no identity", "forward, no identity"),
        (Access::Optional, "forward, no identity", "forward, no identity"),
        (Access::SignedIn, "to sign-in", "401"),
        (Access::Onboarded, "to sign-in", "401"),
        (Access::Guest, "forward, no identity", "forward, no identity"),
    ] {
        assert_eq!(says(situation(access, &lookup, Wants::Page)), page, "{access:?}");
        assert_eq!(says(situation(access, &lookup, Wants::Api)), api, "{access:?}");
    }
}

#[test]
fn a_stale_session_serves_safe_methods_on_routes_that_allow_it() {
    let stale = found(session(Some(("t-1", Some("acme"))), Onboarding::Complete), Freshness::Stale(Duration::ZERO));
    for (stale_allowed, safe_method, good) in
        [(true, true, true), (true, false, false), (false, true, false), (false, false, false)]
    {
        for access in [Access::Optional, Access::SignedIn, Access::Onboarded] {
            let s = Situation { stale_allowed, safe_method, ..situation(access, &stale, Wants::Page) };
            let otherwise = if access == Access::Optional { "forward, no identity" } else { "503, keep `sid`" };
            assert_eq!(says(s), if good { "forward as user" } else { otherwise });
            assert_eq!(decide(&s).reason() == Reason::Stale, good);
        }
    }
}

#[test]
fn a_guest_page_does_not_send_back_whom_the_application_sent() {
    for lookup in [needed(), onboarded()] {
        let s = Situation { upstream_disagreed: true, ..situation(Access::Guest, &lookup, Wants::Page) };
        assert_eq!(says(s), "forward as user");
        assert_eq!(decide(&s).reason(), Reason::UpstreamDisagrees);
    }
}

#[test]
fn who_was_sent_on_from_sign_in_without_a_session_gets_a_page_and_no_redirect_back() {
    for (lookup, drop) in [(Lookup::Absent, ""), (Lookup::Refused(RefusalCode::Expired), ", drop `sid`")] {
        for access in [Access::SignedIn, Access::Onboarded] {
            let s = Situation { upstream_disagreed: true, ..situation(access, &lookup, Wants::Page) };
            assert_eq!(says(s), format!("401{drop}"));
            assert_eq!(decide(&s).reason(), Reason::UpstreamDisagrees);
        }
        // From there the sign-in page can be reached: it is asked for without the cookie that is in the way.
        let s = Situation { upstream_disagreed: true, ..situation(Access::Guest, &lookup, Wants::Page) };
        assert_eq!(says(s), format!("forward, no identity{drop}"));
        let bare = |s| matches!(decide(&s), Decision::Forward(permit) if permit.without_cookies());
        assert!(bare(s));
        for keeps in [
            Situation { safe_method: false, ..s },
            Situation { wants: Wants::Api, ..s },
            Situation { upstream_disagreed: false, ..s },
            Situation { access: Access::Optional, ..s },
        ] {
            assert!(!bare(keeps));
        }
    }
}

#[test]
fn nobody_asked_and_no_answer_are_not_known_to_have_no_session() {
    let permit = |access, lookup: &Lookup| match decide(&situation(access, lookup, Wants::Page)) {
        Decision::Forward(permit) => permit.has_none(),
        other => panic!("{other:?}"),
    };
    assert!(permit(Access::Optional, &Lookup::Absent) && permit(Access::Guest, &Lookup::Refused(RefusalCode::Idle)));
    assert!(!permit(Access::Public, &Lookup::Absent));
    assert!(!permit(Access::Optional, &Lookup::Unavailable(Unavailable::Timeout)));
    assert!(!permit(Access::Optional, &onboarded()));
}

#[test]
fn the_tenant_notes() {
    use TenantPlace::{Host, Path};
    let user = |tenant, onboarding| found(session(tenant, onboarding), Freshness::Miss);
    let acme = || user(Some(("t-1", Some("acme"))), Onboarding::Complete);
    let nobody = || user(None, Onboarding::Complete);
    let says = |place, by, named: &str, lookup: &Lookup, wants| {
        let s =
            Situation { tenant: Some((TenantRule { place, by }, named)), ..situation(Access::SignedIn, lookup, wants) };
        says(s)
    };
    use TenantMatch::{Id, Slug};
    for place in [Path(0), Host(0)] {
        for wants in [Wants::Page, Wants::Api] {
            assert_eq!(says(place, Slug, "acme", &acme(), wants), "forward as user");
            assert_eq!(says(place, Id, "t-1", &acme(), wants), "forward as user");
        }
        assert_eq!(says(place, Slug, "acme", &nobody(), Wants::Page), "to the onboarding step");
        assert_eq!(says(place, Slug, "acme", &nobody(), Wants::Api), "403");
    }
    // Compared exactly, and by what the rule says.
    let other =
        [(Slug, "globex"), (Slug, "Acme"), (Slug, "acme "), (Slug, ""), (Slug, "t-1"), (Id, "acme"), (Id, "T-1")];
    for (by, named) in other {
        assert_eq!(says(Path(0), by, named, &acme(), Wants::Page), "to the tenant's home", "{named:?}");
        assert_eq!(says(Path(0), by, named, &acme(), Wants::Api), "403, other tenant");
        assert_eq!(says(Host(0), by, named, &acme(), Wants::Page), "403 page, other tenant's host");
        assert_eq!(says(Host(0), by, named, &acme(), Wants::Api), "403, other tenant");
    }
    let without_slug = user(Some(("t-1", None)), Onboarding::Complete);
    assert_eq!(says(Path(0), Slug, "", &without_slug, Wants::Page), "to the tenant's home", "nothing equals nothing");
}

#[test]
fn who_belongs_to_the_named_tenant_too_is_offered_the_switch() {
    use TenantPlace::{Host, Path};
    let tenant = |id: &str, slug: &str| Tenant { id: id.into(), slug: Some(slug.into()), name: None };
    let mut carol = session(Some(("t-1", Some("acme"))), Onboarding::Complete);
    carol.tenants = vec![tenant("t-1", "acme"), tenant("t-2", "globex")];
    let carol = found(carol, Freshness::Miss);
    let at = |place, by, named, wants| {
        decide(&Situation {
            tenant: Some((TenantRule { place, by }, named)),
            ..situation(Access::SignedIn, &carol, wants)
        })
    };
    for (by, named, member) in [
        (TenantMatch::Slug, "globex", true),
        (TenantMatch::Id, "t-2", true),
        (TenantMatch::Slug, "Globex", false),
        (TenantMatch::Slug, "t-2", false),
        (TenantMatch::Slug, "initech", false),
    ] {
        let offer = if member { ", offers the switch" } else { "" };
        assert_eq!(said(&at(Host(0), by, named, Wants::Page)), format!("403 page, other tenant's host{offer}"));
        assert_eq!(said(&at(Path(0), by, named, Wants::Page)), "to the tenant's home", "in the path nobody asks");
        for place in [Host(0), Path(0)] {
            let api = at(place, by, named, Wants::Api);
            assert!(
                matches!(api, Decision::Refuse { refusal: Refusal::OtherTenant { member: m }, .. } if m == member),
                "{named}: {api:?}"
            );
        }
    }
    assert_eq!(said(&at(Host(0), TenantMatch::Slug, "acme", Wants::Page)), "forward as user");
}

#[test]
fn onboarding_comes_before_the_question_whose_tenant_it_is() {
    let lookup = found(session(Some(("t-1", Some("acme"))), Onboarding::Needed { step: None }), Freshness::Miss);
    let rule = TenantRule { place: TenantPlace::Path(0), by: TenantMatch::Slug };
    let s = Situation { tenant: Some((rule, "globex")), ..situation(Access::Onboarded, &lookup, Wants::Page) };
    assert_eq!(says(s), "to the onboarding step");
    // With `signed_in` onboarding is no question, the tenant is.
    assert_eq!(says(Situation { access: Access::SignedIn, ..s }), "to the tenant's home");
}

#[test]
fn an_optional_page_with_a_tenant_rule_asks_only_those_who_are_signed_in() {
    let rule = TenantRule { place: TenantPlace::Path(0), by: TenantMatch::Slug };
    let at = |lookup: &Lookup| {
        says(Situation { tenant: Some((rule, "globex")), ..situation(Access::Optional, lookup, Wants::Page) })
    };
    assert_eq!(at(&Lookup::Absent), "forward, no identity");
    assert_eq!(at(&onboarded()), "to the tenant's home");
}
