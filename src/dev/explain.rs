//! Why a request was answered as it was, in a sentence.
//!
//! It is made of the same facts as the access log's line, so it can say nothing that did not happen.

use std::fmt::Write as _;

use http::header::LOCATION;
use http::{HeaderMap, StatusCode};

use crate::context::{Context, Facts};

/// Longest address that is shown.
const MAX_ADDRESS: usize = 120;

/// What became of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    /// `GET /acme/dashboard`; with the host where it is another than plain `localhost`.
    pub(super) asked: String,
    /// `302 /auth/signin?next=/acme/dashboard`
    pub(super) answer: String,
    /// Its status.
    pub(super) status: u16,
    /// Why, without a full stop.
    pub(super) why: String,
    /// How much it matters to a developer.
    pub(super) weight: Weight,
}

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// A file that nobody asks a session for.
    Asset,
    /// Let through, and answered.
    Forward,
    /// A redirect, a refusal, a change of the session.
    News,
}

/// Says what became of a request.
pub(super) fn tell(cx: &Context, status: StatusCode, headers: &HeaderMap) -> Told {
    let asked = asked(cx);
    let location = headers.get(LOCATION).and_then(|l| l.to_str().ok());
    let answer = match location {
        Some(to) => format!("{} {}", status.as_u16(), address(to, &cx.origin().to_string())),
        None => status.as_u16().to_string(),
    };
    let (why, weight) = reason(&cx.facts, status, location.is_some());
    Told { asked, answer, status: status.as_u16(), why, weight }
}

/// What was asked for, with the host where it is not plainly this machine's.
pub(super) fn asked(cx: &Context) -> String {
    let host = cx.authority.host();
    let place = if matches!(host, "localhost" | "127.0.0.1" | "[::1]") { "" } else { host };
    shown(&format!("{} {place}{}", cx.method, cx.path))
}

fn reason(facts: &Facts, status: StatusCode, redirects: bool) -> (String, Weight) {
    let forwarded = facts.decision.is_none_or(|d| d == "forward");
    if facts.upstream_disagreed && forwarded {
        let why = match facts.session {
            Some("hit" | "miss" | "stale") => {
                "the application itself sends this user away, whom sidgate would let pass: does it look for a cookie \
                 that it no longer sees, or by one that is left over? It is told who this is by X-Auth-* headers; one with \
                 a middleware of its own needs --config with `preset = \"existing-nextjs\"`"
            }
            _ => {
                "the application sends a visitor without a session to a page that needs one: does it go by a cookie \
                 that is left over?"
            }
        };
        return (why.into(), Weight::News);
    }
    if let Some(error) = facts.upstream_error {
        return (upstream(error).to_owned(), Weight::News);
    }
    if facts.decision.is_some() && forwarded && redirects {
        return ("so says the application, not sidgate".into(), Weight::News);
    }
    let word = facts.reason.unwrap_or_default();
    let mut why = because(word).map_or_else(|| word.replace('_', " "), str::to_owned);
    if !forwarded && let (Some(route), Some(access)) = (&facts.route, facts.access) {
        // Writing to a String cannot fail.
        let _ = write!(why, " (the route {route} is `{access}`)");
    }
    let weight = match word {
        "public" => Weight::Asset,
        // Somebody asks who is signed in.
        "" => Weight::Forward,
        _ if facts.decision.is_some() && forwarded && !status.is_server_error() => Weight::Forward,
        _ => Weight::News,
    };
    (why, weight)
}

/// The sentence of a reason: of `decision::Reason`, of a rejection, or of the session API.
pub(super) fn because(word: &str) -> Option<&'static str> {
    Some(match word {
        "public" => "the route is public, so nobody asks whose request it is",
        "anonymous" => "there is no session, and none is needed",
        "no_session" => "there is no session",
        "session_unknown" => "the backend does not know this session (the embedded one forgets at each start)",
        "session_revoked" => "the session was ended: signed out, or revoked",
        "session_expired" => "the session's time is over",
        "session_idle" => "the session was not used for too long",
        "session_limit" => "the user has begun more sessions than are allowed, and this was the oldest",
        "session_refused" => "the backend refused the session without a word; the cookie is kept",
        "account_disabled" => "the account is disabled",
        "session_rotated" => "the sid was replaced a moment ago, and this request still carries the old one",
        "too_many_sids" => {
            "the browser sent more sids than are asked about, and none of those was live; all but its own are expired"
        }
        "session_conflict" => "the browser sent the live sids of two different users",
        "legacy_conflict" => "the browser's legacy cookies are of different users, so nobody was signed in",
        "backend_unavailable" => "the session backend does not answer; the cookie is kept",
        "too_many_refused_sids" => "too many requests with sids that do not exist came from this address",
        "session" => "the session suffices",
        "stale_session" => "the session backend does not answer, and the last good answer about this session may serve",
        "onboarding_needed" => "the user is not through with onboarding",
        "fresh_sign_in_required" => "the sign-in is older than the max_auth_age of the route",
        "sign_in_again" => "the sign-in page is asked for to sign in again; the session lasts on meanwhile",
        "signed_in" => "this user is signed in",
        "other_tenant" => "the address is another tenant's than the session's",
        "no_tenant" => "the address is a tenant's, and the user has none yet: onboarding makes one",
        "upstream_disagrees" => {
            "the application itself sent this browser here a moment ago; sent back, it would go round"
        }
        "signed_out" => "the session was ended",
        "sign_in_refused" => "the backend refused the sign-in",
        "challenge" => "the backend asks for a second factor",
        "no_route" => "no [[route]] matches this address",
        "method_not_allowed" => "the route does not take this method",
        "bad_path" => "the path can be read in more than one way",
        "bad_host" => "there is no Host that can be read",
        "misdirected" => "the certificate of this connection is not for this host",
        "cross_origin" => "the request was made by a page of another origin",
        "reserved_header" => "it carries a header that only sidgate may set, in another spelling",
        "too_many_headers" => "it carries too many header fields",
        "rate_limited" => "there were too many attempts",
        _ => return None,
    })
}

fn upstream(error: &str) -> &'static str {
    match error {
        "connect" => "the application does not answer: is `next dev` running?",
        "timeout" => "the application did not answer in time",
        "broken" => "the application closed the connection before it answered",
        "draining" => "sidgate is stopping",
        "slow_body" => "the rest of the request did not come in time",
        "reserved_header" => "it carries a header that only sidgate may set, in another spelling",
        "bad_handshake" => "it is no WebSocket handshake that can be passed on",
        _ => "the application could not be asked",
    }
}

/// An address of ours as a path. The query of the way back in it is left out: no query is ever shown.
fn address(to: &str, origin: &str) -> String {
    let path = to.strip_prefix(origin).filter(|rest| rest.starts_with('/')).unwrap_or(to);
    let path = path.find("%3F").map_or_else(|| path.to_owned(), |at| format!("{}...", &path[..at]));
    shown(&path)
}

/// Printable ASCII as it is; everything else escaped, so that no address can write lines of its own.
fn shown(text: &str) -> String {
    let safe: String = text
        .chars()
        .flat_map(|c| {
            (c.is_ascii_graphic() || c == ' ')
                .then_some(c)
                .map_or_else(|| c.escape_unicode().collect::<Vec<_>>(), |c| vec![c])
        })
        .collect();
    match safe.char_indices().nth(MAX_ADDRESS) {
        Some((end, _)) => format!("{}...", &safe[..end]),
        None => safe,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::Reason;
    use crate::session::RefusalCode;

    /// Every reason there is. The match has no `_`, so that a new one does not compile before it stands here.
    fn reasons() -> Vec<Reason> {
        use RefusalCode as Code;
        let codes = [
            Code::Unknown,
            Code::Revoked,
            Code::Expired,
            Code::Idle,
            Code::Limit,
            Code::AccountDisabled,
            Code::Rotated,
            Code::Conflict,
            Code::Crowded,
            Code::LegacyConflict,
            Code::Bare,
        ];
        let all = vec![
            Reason::Public,
            Reason::Anonymous,
            Reason::NoSession,
            Reason::Unavailable,
            Reason::Throttled,
            Reason::Session,
            Reason::Stale,
            Reason::OnboardingNeeded,
            Reason::FreshSignInRequired,
            Reason::SignInAgain,
            Reason::SignedIn,
            Reason::OtherTenant,
            Reason::NoTenant,
            Reason::UpstreamDisagrees,
        ];
        let all: Vec<Reason> = all.into_iter().chain(codes.map(Reason::Refused)).collect();
        for reason in &all {
            match reason {
                Reason::Public
                | Reason::Anonymous
                | Reason::NoSession
                | Reason::Unavailable
                | Reason::Throttled
                | Reason::Session
                | Reason::Stale
                | Reason::OnboardingNeeded
                | Reason::FreshSignInRequired
                | Reason::SignInAgain
                | Reason::SignedIn
                | Reason::OtherTenant
                | Reason::NoTenant
                | Reason::UpstreamDisagrees => {}
                Reason::Refused(
                    Code::Unknown
                    | Code::Revoked
                    | Code::Expired
                    | Code::Idle
                    | Code::Limit
                    | Code::AccountDisabled
                    | Code::Rotated
                    | Code::Conflict
                    | Code::Crowded
                    | Code::LegacyConflict
                    | Code::Bare,
                ) => {}
            }
        }
        all
    }

    #[test]
    fn every_reason_has_a_sentence_of_its_own() {
        let sentences: Vec<&str> = reasons().iter().map(|r| because(r.as_str()).unwrap()).collect();
        for (i, sentence) in sentences.iter().enumerate() {
            assert!(!sentences[..i].contains(sentence), "{sentence}");
            assert!(!sentence.ends_with('.'), "{sentence}");
        }
    }

    #[test]
    fn a_refusal_names_the_route_and_what_it_asks() {
        let facts = Facts {
            route: Some("/{tenant}/dashboard/{*rest}".into()),
            access: Some("onboarded"),
            decision: Some("redirect_sign_in"),
            reason: Some("no_session"),
            ..Facts::default()
        };
        let (why, weight) = reason(&facts, StatusCode::FOUND, true);
        assert_eq!(why, "there is no session (the route /{tenant}/dashboard/{*rest} is `onboarded`)");
        assert_eq!(weight, Weight::News);
    }

    #[test]
    fn what_is_let_through_is_no_news_unless_the_application_redirects() {
        let facts = |reason| Facts { decision: Some("forward"), reason: Some(reason), ..Facts::default() };
        assert_eq!(reason(&facts("public"), StatusCode::OK, false).1, Weight::Asset);
        assert_eq!(reason(&facts("session"), StatusCode::OK, false).1, Weight::Forward);
        let (why, weight) = reason(&facts("session"), StatusCode::TEMPORARY_REDIRECT, true);
        assert!(why.contains("the application, not sidgate") && weight == Weight::News, "{why}");
        let disagreed = Facts { upstream_disagreed: true, session: Some("hit"), ..facts("session") };
        assert!(reason(&disagreed, StatusCode::TEMPORARY_REDIRECT, true).0.contains("X-Auth-*"));
    }

    #[test]
    fn addresses_are_paths_without_the_query_of_the_way_back_and_write_no_lines() {
        let origin = "https://localhost:8443";
        let at = |to| address(to, origin);
        assert_eq!(at("/auth/signin?next=/a%3Ftoken%3Dx"), "/auth/signin?next=/a...");
        assert_eq!(at("https://localhost:8443/x"), "/x");
        assert_eq!(at("https://localhost:84430/x"), "https://localhost:84430/x");
        assert_eq!(shown("/a\nGET /b\u{202e}"), "/a\\u{a}GET /b\\u{202e}");
        assert_eq!(shown(&"x".repeat(500)).len(), MAX_ADDRESS + 3);
    }
}
