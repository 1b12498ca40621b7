//! What a decision can come to, in words.

use std::time::Duration;

use crate::session::{Found, RefusalCode};

/// The word that asks for a fresh sign-in: in logs, in JSON, and on the sign-in page's address.
pub const FRESH_SIGN_IN: &str = "fresh_sign_in_required";

/// What to do with a request.
#[derive(Debug, Clone)]
pub enum Decision {
    /// Let it pass.
    Forward(Permit),
    /// Send the browser elsewhere.
    Redirect {
        /// Where to.
        to: Destination,
        /// Why, for the log and the sign-in page.
        reason: Reason,
        /// Expire the sid.
        drop_sid: bool,
    },
    /// Answer with a status.
    Refuse {
        /// Which.
        refusal: Refusal,
        /// Why, for the log and the JSON.
        reason: Reason,
        /// Expire the sid.
        drop_sid: bool,
    },
}

/// The right to be forwarded. Only [`decide`](super::decide) makes one, and the upstream takes no request without.
#[derive(Debug, Clone)]
pub struct Permit {
    who: Option<Found>,
    reason: Reason,
    drop_sid: bool,
}

impl Permit {
    /// For [`decide`](super::decide) alone.
    pub(super) fn new(who: Option<&Found>, reason: Reason, drop_sid: bool) -> Self {
        Self { who: who.cloned(), reason, drop_sid }
    }

    /// As whom; `None` is anonymous.
    pub fn who(&self) -> Option<&Found> {
        self.who.as_ref()
    }

    /// Why.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// It is known that there is no session. Where nobody asked, or got no answer, there may be one.
    pub fn has_none(&self) -> bool {
        self.who.is_none() && !matches!(self.reason, Reason::Public | Reason::Unavailable | Reason::Throttled)
    }

    /// No cookie goes along: by one of them the upstream takes a visitor for signed in who is not.
    pub fn without_cookies(&self) -> bool {
        self.who.is_none() && self.reason == Reason::UpstreamDisagrees
    }

    /// Expire the sid with the answer.
    pub fn drop_sid(&self) -> bool {
        self.drop_sid
    }
}

/// Where a browser is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// The sign-in page.
    SignIn,
    /// The onboarding page, at the session's step.
    Onboarding,
    /// The home of the session's tenant.
    Home,
}

/// Which refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// 401: no session.
    Unauthenticated,
    /// 401, a page that reloads itself once: the sid is being replaced.
    Reload,
    /// 401: the sign-in is too old for this route.
    FreshSignIn {
        /// The route's `max_auth_age`.
        max_age: Duration,
    },
    /// 403: onboarding first.
    OnboardingNeeded,
    /// 403: another tenant's address.
    OtherTenant {
        /// The user belongs to that tenant too, and may switch to it.
        member: bool,
    },
    /// 403: another tenant's host, with the way home.
    OtherTenantHost {
        /// The user belongs to that tenant too, and is offered the switch.
        member: bool,
    },
    /// 429: too many refused sids.
    Throttled,
    /// 503: the backend did not answer.
    BackendUnavailable,
}

/// Why, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The route is public.
    Public,
    /// No session, and none needed.
    Anonymous,
    /// No session, and one needed.
    NoSession,
    /// The backend refused the sid.
    Refused(RefusalCode),
    /// The backend did not answer.
    Unavailable,
    /// Too many refused sids.
    Throttled,
    /// A session that suffices.
    Session,
    /// A session from before the backend's failure.
    Stale,
    /// Onboarding is still to be done.
    OnboardingNeeded,
    /// The sign-in is older than the route's `max_auth_age`.
    FreshSignInRequired,
    /// On a sign-in page, although there is a session: to sign in again.
    SignInAgain,
    /// Already signed in.
    SignedIn,
    /// The request names another tenant.
    OtherTenant,
    /// The user has no tenant yet.
    NoTenant,
    /// The upstream takes the browser for signed in, or not, against the session.
    UpstreamDisagrees,
}

impl Reason {
    /// The word in logs, metrics and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Anonymous => "anonymous",
            Self::NoSession => "no_session",
            Self::Refused(code) => code.as_str(),
            Self::Unavailable => "backend_unavailable",
            Self::Throttled => "too_many_refused_sids",
            Self::Session => "session",
            Self::Stale => "stale_session",
            Self::OnboardingNeeded => "onboarding_needed",
            Self::FreshSignInRequired => FRESH_SIGN_IN,
            Self::SignInAgain => "sign_in_again",
            Self::SignedIn => "signed_in",
            Self::OtherTenant => "other_tenant",
            Self::NoTenant => "no_tenant",
            Self::UpstreamDisagrees => "upstream_disagrees",
        }
    }
}

impl Decision {
    /// The word in logs and metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Forward(_) => "forward",
            Self::Redirect { to: Destination::SignIn, .. } => "redirect_sign_in",
            Self::Redirect { to: Destination::Onboarding, .. } => "redirect_onboarding",
            Self::Redirect { to: Destination::Home, .. } => "redirect_home",
            Self::Refuse { .. } => "refuse",
        }
    }

    /// Why.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Forward(permit) => permit.reason,
            Self::Redirect { reason, .. } | Self::Refuse { reason, .. } => *reason,
        }
    }

    /// Whether it rests on "onboarding needed", which a cache may hold a moment too long.
    pub fn rests_on_onboarding(&self) -> bool {
        matches!(self, Self::Refuse { refusal: Refusal::OnboardingNeeded, .. })
            || matches!(self.reason(), Reason::OnboardingNeeded | Reason::NoTenant)
    }
}
