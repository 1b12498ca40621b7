//! Routes that ask who signed in longer ago to sign in again.

use super::*;

const TEN_MINUTES: Option<Duration> = Some(Duration::from_secs(600));

#[test]
fn a_sign_in_that_is_too_old_is_done_again_and_the_session_lasts_on_meanwhile() {
    let lookup = onboarded();
    for access in [Access::SignedIn, Access::Onboarded] {
        let s = Situation { sign_in_overdue: TEN_MINUTES, ..situation(access, &lookup, Wants::Page) };
        assert_eq!(says(s), "to sign-in");
        assert_eq!(decide(&s).reason(), Reason::FreshSignInRequired);
        assert_eq!(says(Situation { wants: Wants::Api, ..s }), "401, sign in again");
        // From sign-in the application sent the browser back: a link there, and no redirect.
        let sent_back = Situation { upstream_disagreed: true, ..s };
        assert_eq!(says(sent_back), "401, sign in again");
        assert_eq!(decide(&sent_back).reason(), Reason::UpstreamDisagrees);
    }
}

#[test]
fn the_sign_in_page_is_shown_to_who_is_there_to_sign_in_again_and_as_to_a_visitor() {
    for lookup in [needed(), onboarded()] {
        let s = Situation { signs_in_again: true, ..situation(Access::Guest, &lookup, Wants::Page) };
        let bare = |s| matches!(decide(&s), Decision::Forward(permit) if permit.without_cookies());
        assert_eq!(says(s), "forward, no identity");
        assert_eq!(decide(&s).reason(), Reason::SignInAgain);
        assert!(!bare(s), "as a rule its cookies do no harm");
        assert!(bare(Situation { upstream_disagreed: true, ..s }), "one of them is in the way");
    }
}

#[test]
fn who_is_there_to_sign_in_again_and_is_sent_on_gets_a_page_wherever_it_leads() {
    let lookup = needed();
    let s = Situation { signs_in_again: true, ..situation(Access::Guest, &lookup, Wants::Page) };
    let Decision::Forward(permit) = decide(&s) else { panic!("the sign-in page is not shown") };
    for to in [Access::Public, Access::Optional, Access::SignedIn, Access::Onboarded, Access::Guest] {
        let sent = Sent {
            permit: &permit,
            from_sign_in: true,
            signs_in_again: true,
            from_onboarding: false,
            to_sign_in: false,
            to_onboarding: false,
            to: Some(to),
        };
        assert_eq!(disagreement(&sent), Some(Mark::Disagreed), "{to:?}: a page there may send them back");
    }
}

#[test]
fn onboarding_and_the_right_tenant_come_before_a_fresh_sign_in() {
    let lookup = needed();
    let s = Situation { sign_in_overdue: TEN_MINUTES, ..situation(Access::Onboarded, &lookup, Wants::Page) };
    assert_eq!(says(s), "to the onboarding step");
    let (lookup, rule) = (onboarded(), TenantRule { place: TenantPlace::Path(0), by: TenantMatch::Slug });
    let s = Situation { tenant: Some((rule, "globex")), lookup: &lookup, ..s };
    assert_eq!(says(s), "to the tenant's home");
}

#[test]
fn the_age_of_a_sign_in_is_counted_with_a_little_tolerance_and_an_unknown_one_is_too_old() {
    let now: jiff::Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
    let old = |at: Option<&str>| {
        let session =
            Session { authenticated_at: at.map(|at| at.parse().unwrap()), ..session(None, Onboarding::Complete) };
        session.sign_in_is_older_than(Duration::from_secs(600), now)
    };
    assert!(!old(Some("2026-01-01T11:50:00Z")) && !old(Some("2026-01-01T11:49:55Z")));
    assert!(old(Some("2026-01-01T11:49:54Z")));
    assert!(!old(Some("2026-01-01T12:00:30Z")), "the backend's clock is ahead");
    assert!(old(None));
}
