//! A session that the application hands over (`X-Auth-Set-Session`): an OAuth callback, a magic link, a sign-up. It
//! becomes a sign-in like any other: validated, under a sid that the application has not seen, in the place of what the
//! browser came with.
//!
//! Where the backend does not answer, the application's own answer is not passed on: it is mostly a redirect to a page
//! that would send the person back to sign-in without a word. They are told that it did not work, and keep the session
//! they had.

use http::Response;

use super::Gateway;
use crate::audit::{Event, Kind};
use crate::body::Body;
use crate::context::{Context, SignInMethod, SignInOutcome as Outcome};
use crate::cookie::SidCookies;
use crate::endpoint;
use crate::rejection::Rejection;
use crate::route::Route;
use crate::session::{Renewed, Session, SessionId};
use crate::upstream::{HandedOver, keep_private};

impl Gateway {
    /// Acts on what an answer of the upstream hands over; whether somebody is signed in by it.
    pub(super) async fn take_over(
        &self,
        cx: &mut Context,
        route: &Route,
        handed: HandedOver,
        came: &SidCookies,
        answer: &mut Response<Body>,
    ) -> Result<bool, Rejection> {
        // Made for one person, whatever becomes of it.
        keep_private(answer.headers_mut());
        if route.may_set_session {
            self.may_be_audited()?;
        }
        let (outcome, why) = match handed {
            _ if !route.may_set_session => (
                Outcome::NotAllowed,
                "the route needs may_set_session = true, if the application may sign people in there",
            ),
            _ if cx.by_header => (
                Outcome::NotAllowed,
                "the client presents its session in a header, and is given no cookie: it signs in at the session backend",
            ),
            HandedOver::Unusable => (Outcome::Invalid, "the header must be one line, and its value one sid"),
            HandedOver::Sid(sid) => match self.sessions.take_over(&sid, &cx.caller()).await {
                Renewed::Session(sid, session) => {
                    self.sign_in_handed_over(cx, &sid, &session, came, answer);
                    return Ok(true);
                }
                Renewed::Refused(code) => (Outcome::Refused, code.as_str()),
                Renewed::Denied(..) => (Outcome::Refused, "the backend denies to put the session under a new sid"),
                Renewed::NotSupported => (Outcome::Refused, "the backend cannot put the session under a new sid"),
                Renewed::Unavailable(why) => (Outcome::Unavailable, why.as_str()),
            },
        };
        cx.facts.sign_in = Some((SignInMethod::HandedOver, outcome));
        cx.audited.push(audited(outcome).reason(why));
        tracing::warn!(
            request_id = %cx.id, path = %cx.path, outcome = outcome.as_str(), why,
            "the application hands a session over, and nobody is signed in"
        );
        if outcome == Outcome::Unavailable {
            // Without a way back: a callback is good once.
            return Err(Rejection::sign_in_incomplete(self.pages.sign_in(None, None)));
        }
        Ok(false)
    }

    fn sign_in_handed_over(
        &self,
        cx: &mut Context,
        sid: &SessionId,
        session: &Session,
        came: &SidCookies,
        answer: &mut Response<Body>,
    ) {
        cx.facts.sign_in = Some((SignInMethod::HandedOver, Outcome::SignedIn));
        cx.audited.push(audited(Outcome::SignedIn).of(session).makes(*sid));
        cx.facts.reason = Some("signed_in");
        // One that the application sets by itself would be a twin of it.
        cx.facts.set_cookie_dropped += self.cookie.drop_from_answer(answer.headers_mut());
        self.adopt(cx, sid, session, came);
        endpoint::no_store(answer.headers_mut());
    }
}

fn audited(outcome: Outcome) -> Event {
    Event::new(Kind::SignIn).outcome(outcome.as_str()).method(SignInMethod::HandedOver.as_str())
}
