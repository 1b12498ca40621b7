//! Who may pass, and who is sent where: the page that replaces the redirect loop.
//!
//! [`decide`] is a pure function of what is known about a request: no I/O, no clock, no configuration. It is the
//! README's table, cell by cell, and the only place that can make a [`Permit`].

mod disagreement;
mod verdict;

use std::time::Duration;

use crate::route::{Access, TenantPlace, TenantRule};
use crate::session::{Found, Freshness, Lookup, RefusalCode, Session};
pub use disagreement::{Mark, Sent, disagreement};
pub use verdict::{Decision, Destination, FRESH_SIGN_IN, Permit, Reason, Refusal};

/// What the browser wants: a document for a person, or data for a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    /// A document: it can be redirected.
    Page,
    /// Data: it gets a status.
    Api,
}

/// Everything a decision looks at.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// What the route asks.
    pub access: Access,
    /// The route's tenant rule, and the tenant that the request names.
    pub tenant: Option<(TenantRule, &'a str)>,
    /// A stale session may serve this route.
    pub stale_allowed: bool,
    /// What asking for the session came to.
    pub lookup: &'a Lookup,
    /// What the browser wants.
    pub wants: Wants,
    /// GET, HEAD or OPTIONS (RFC 9110 section 9.2.1).
    pub safe_method: bool,
    /// The route's `max_auth_age`, where the sign-in is older.
    pub sign_in_overdue: Option<Duration>,
    /// The sign-in page is asked for to sign in again: [`Pages::signs_in_again`](crate::pages::Pages::signs_in_again).
    pub signs_in_again: bool,
    /// A moment ago the upstream itself sent this browser away against the session: a signed-in one to sign-in or
    /// onboarding, one without a session on from sign-in.
    pub upstream_disagreed: bool,
    /// A moment ago we asked this browser to reload, because its sid was being replaced.
    pub reloaded: bool,
}

/// Decides.
pub fn decide(s: &Situation<'_>) -> Decision {
    if s.access == Access::Public {
        return forward(None, Reason::Public, false);
    }
    match s.lookup {
        Lookup::Absent => without_session(s, Reason::NoSession, false),
        // Late requests with a sid that was just replaced say nothing about the session that replaced it.
        // Nor does a status without a word, which an outage may have written.
        Lookup::Refused(code) => without_session(s, Reason::Refused(*code), code.drops_sid() && s.wants == Wants::Page),
        Lookup::Unavailable(_) => not_known(s, Reason::Unavailable, Refusal::BackendUnavailable),
        Lookup::Throttled { .. } => not_known(s, Reason::Throttled, Refusal::Throttled),
        Lookup::Found(found)
            if matches!(found.freshness, Freshness::Stale(_)) && !(s.stale_allowed && s.safe_method) =>
        {
            not_known(s, Reason::Unavailable, Refusal::BackendUnavailable)
        }
        Lookup::Found(found) => with_session(s, found),
    }
}

fn without_session(s: &Situation<'_>, reason: Reason, drop_sid: bool) -> Decision {
    match (s.access, s.wants) {
        (Access::Guest, Wants::Page) if s.upstream_disagreed && s.safe_method => {
            forward(None, Reason::UpstreamDisagrees, drop_sid)
        }
        (Access::Public | Access::Optional | Access::Guest, _) => forward(None, anonymous(reason), drop_sid),
        (_, Wants::Page) if reloads(reason) && !s.reloaded => {
            Decision::Refuse { refusal: Refusal::Reload, reason, drop_sid }
        }
        // To sign-in, the upstream would send the browser back here.
        (_, Wants::Page) if s.upstream_disagreed => {
            Decision::Refuse { refusal: Refusal::Unauthenticated, reason: Reason::UpstreamDisagrees, drop_sid }
        }
        (_, Wants::Page) => Decision::Redirect { to: Destination::SignIn, reason, drop_sid },
        (_, Wants::Api) => Decision::Refuse { refusal: Refusal::Unauthenticated, reason, drop_sid },
    }
}

/// Whether the same page may come out otherwise in a moment: the browser learns its new sid, or is rid of others.
fn reloads(reason: Reason) -> bool {
    matches!(reason, Reason::Refused(RefusalCode::Rotated | RefusalCode::Crowded))
}

/// Anonymous is told apart from refused in the log; the upstream sees no difference.
fn anonymous(reason: Reason) -> Reason {
    if reason == Reason::NoSession { Reason::Anonymous } else { reason }
}

/// The sid may be good: it is kept, whatever happens.
fn not_known(s: &Situation<'_>, reason: Reason, refusal: Refusal) -> Decision {
    match s.access {
        Access::Public | Access::Optional | Access::Guest => forward(None, reason, false),
        Access::SignedIn | Access::Onboarded => Decision::Refuse { refusal, reason, drop_sid: false },
    }
}

fn with_session(s: &Situation<'_>, found: &Found) -> Decision {
    let session = &*found.session;
    let needed = session.needs_onboarding();
    if s.access == Access::Guest && s.signs_in_again {
        // As nobody: sign-in pages know what to do with a visitor, and many send a user home. The session lasts on.
        let disagreed = s.upstream_disagreed && s.safe_method;
        return forward(None, if disagreed { Reason::UpstreamDisagrees } else { Reason::SignInAgain }, false);
    }
    if s.access == Access::Guest {
        return match (s.upstream_disagreed, needed) {
            (true, _) => forward(Some(found), Reason::UpstreamDisagrees, false),
            (false, true) => to_onboarding(s, Reason::OnboardingNeeded),
            (false, false) => Decision::Redirect { to: Destination::Home, reason: Reason::SignedIn, drop_sid: false },
        };
    }
    if s.access == Access::Onboarded && needed {
        return to_onboarding(s, Reason::OnboardingNeeded);
    }
    if let Some((rule, named)) = s.tenant {
        match standing(session, rule, named) {
            Standing::Own => {}
            Standing::NoTenant => return to_onboarding(s, Reason::NoTenant),
            Standing::Other { member } => return other_tenant(s, rule, member),
        }
    }
    if let Some(max_age) = s.sign_in_overdue {
        return to_fresh_sign_in(s, max_age);
    }
    let reason = if matches!(found.freshness, Freshness::Stale(_)) { Reason::Stale } else { Reason::Session };
    forward(Some(found), reason, false)
}

enum Standing {
    Own,
    Other { member: bool },
    NoTenant,
}

fn standing(session: &Session, rule: TenantRule, named: &str) -> Standing {
    let Some(tenant) = &session.tenant else { return Standing::NoTenant };
    if rule.is(tenant, named) {
        return Standing::Own;
    }
    Standing::Other { member: session.tenants.iter().any(|tenant| rule.is(tenant, named)) }
}

fn other_tenant(s: &Situation<'_>, rule: TenantRule, member: bool) -> Decision {
    let reason = Reason::OtherTenant;
    match (rule.place, s.wants) {
        (TenantPlace::Path(_), Wants::Page) => Decision::Redirect { to: Destination::Home, reason, drop_sid: false },
        (TenantPlace::Path(_), Wants::Api) | (TenantPlace::Host(_), Wants::Api) => {
            Decision::Refuse { refusal: Refusal::OtherTenant { member }, reason, drop_sid: false }
        }
        (TenantPlace::Host(_), Wants::Page) => {
            Decision::Refuse { refusal: Refusal::OtherTenantHost { member }, reason, drop_sid: false }
        }
    }
}

fn to_onboarding(s: &Situation<'_>, reason: Reason) -> Decision {
    let refusal = Refusal::OnboardingNeeded;
    match s.wants {
        // To onboarding, the upstream would send the browser back here.
        Wants::Page if s.upstream_disagreed => {
            Decision::Refuse { refusal, reason: Reason::UpstreamDisagrees, drop_sid: false }
        }
        Wants::Page => Decision::Redirect { to: Destination::Onboarding, reason, drop_sid: false },
        Wants::Api => Decision::Refuse { refusal, reason, drop_sid: false },
    }
}

fn to_fresh_sign_in(s: &Situation<'_>, max_age: Duration) -> Decision {
    let (refusal, reason) = (Refusal::FreshSignIn { max_age }, Reason::FreshSignInRequired);
    match s.wants {
        // From sign-in, the upstream would send the browser back here.
        Wants::Page if s.upstream_disagreed => {
            Decision::Refuse { refusal, reason: Reason::UpstreamDisagrees, drop_sid: false }
        }
        Wants::Page => Decision::Redirect { to: Destination::SignIn, reason, drop_sid: false },
        Wants::Api => Decision::Refuse { refusal, reason, drop_sid: false },
    }
}

fn forward(who: Option<&Found>, reason: Reason, drop_sid: bool) -> Decision {
    Decision::Forward(Permit::new(who, reason, drop_sid))
}

#[cfg(test)]
mod tests;
