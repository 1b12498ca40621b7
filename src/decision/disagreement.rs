//! What an upstream's redirect says of what it sees.
//!
//! An application with a middleware of its own goes by a cookie: it may miss one that the session backend would honour, or
//! find one that is left over. Where its redirect and ours would follow each other, the browser is marked for ten seconds,
//! and the mark is an input of [`decide`](super::decide).

use super::{Access, Permit, Reason};

/// A redirect of an upstream to an address of the same site.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    /// What the request was forwarded by.
    pub permit: &'a Permit,
    /// It came from the sign-in page, or another one for guests.
    pub from_sign_in: bool,
    /// It came from a sign-in page that was asked for to sign in again.
    pub signs_in_again: bool,
    /// It came from the onboarding page, or below it.
    pub from_onboarding: bool,
    /// It goes to the sign-in page.
    pub to_sign_in: bool,
    /// It goes to the onboarding page, or below it.
    pub to_onboarding: bool,
    /// What the route of the address asks; nothing where there is none.
    pub to: Option<Access>,
}

/// How the browser is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// The upstream contradicts the session.
    Disagreed,
    /// It sent a visitor on from the sign-in page, or a user from the onboarding page; a contradiction if that leads to
    /// a page that needs a session, or onboarding.
    SentOn,
}

/// What is to be made of such a redirect.
pub fn disagreement(s: &Sent<'_>) -> Option<Mark> {
    if s.signs_in_again && s.permit.who().is_some() && !s.to_sign_in && s.to.is_some() {
        return Some(Mark::Disagreed);
    }
    if let Some(found) = s.permit.who() {
        let due = found.session.needs_onboarding() || found.session.tenant.is_none();
        // Who has a session is sent on from sign-in, and from every other page for guests.
        let to_guests = s.to_sign_in || s.to == Some(Access::Guest);
        if to_guests || s.to_onboarding && !found.session.needs_onboarding() {
            return Some(Mark::Disagreed);
        }
        // Mostly it is done with just this request; where the backend does not say so then, the two contradict.
        return (due && s.from_onboarding && !s.to_onboarding && s.to.is_some()).then_some(Mark::SentOn);
    }
    let unasked = s.permit.reason() == Reason::Public;
    if !s.from_sign_in || s.to_sign_in || !(unasked || s.permit.has_none()) {
        return None;
    }
    match s.to? {
        Access::SignedIn | Access::Onboarded if !unasked => Some(Mark::Disagreed),
        // There is a session, and wherever they are sent, its pages may send them back to sign in again.
        _ if s.permit.reason() == Reason::SignInAgain => Some(Mark::Disagreed),
        Access::Guest => None,
        _ => Some(Mark::SentOn),
    }
}
