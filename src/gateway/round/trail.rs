//! The redirects of one browser within the last moments: which, how often, and whether they followed straight from each
//! other. A pure record, of bounded size.
//!
//! The same redirect again and again is no loop by itself: people open a link six times, and ten tabs that are restored
//! are all sent to sign-in. What a loop has and they have not is that each redirect is for the page that the last one led
//! to. So such a redirect counts in full and another half, which still finds the loop that a page's script is part of.

use aws_lc_rs::digest::{SHA256, digest};

use crate::context::LoopCause;

/// What one that counts in full adds.
const WHOLE: u8 = 2;
/// Hops that are remembered: a browser that gave up after 20 shows its own page.
const MOST_HOPS: usize = 12;
/// So many in a row, and one of them for the second time: a long way round, which must end before browsers give up.
const LONGEST_RUN: u8 = 12;
/// Seconds by which the clocks of a fleet may differ.
const SKEW: u32 = 5;
/// Of the format.
const VERSION: u8 = 1;
const HEAD: usize = 14;
const HOP: usize = 6;

/// Where a redirect leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leads {
    SignIn,
    Onboarding,
    Elsewhere,
}

/// One redirect, as it is about to be sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step<'a> {
    /// The path that was asked for, and the same with its query.
    pub(super) from: (&'a str, &'a str),
    /// The path that it leads to, with its query; of another host with that.
    pub(super) to: (&'a str, &'a str),
    /// It leads to another host, where nobody sees what becomes of it.
    pub(super) leaves: bool,
    /// It is the gateway's own.
    pub(super) ours: bool,
    pub(super) leads: Leads,
    /// It answers a document's request, and not the router's fetch in a page: those come by themselves.
    pub(super) document: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hop {
    id: u32,
    points: u8,
    kind: u8,
}

/// The record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Trail {
    /// Unix time in seconds.
    began: u32,
    /// Where the last one led, without and with query; 0: to another host.
    last: (u32, u32),
    /// How many followed straight from each other, with the last.
    run: u8,
    hops: Vec<Hop>,
}

impl Trail {
    /// Adds a redirect at this time; a trail older than `window` seconds begins anew. Gives the cause where that is one
    /// too many: the same more than `max` times.
    pub(super) fn step(&mut self, step: &Step<'_>, now: u32, window: u32, max: u8) -> Option<LoopCause> {
        if self.hops.is_empty() || now.saturating_sub(self.began) > window {
            *self = Self { began: now, ..Self::default() };
        }
        let straight = self.follows(step);
        self.run = if straight { self.run.saturating_add(1) } else { 1 };
        self.last = if step.leaves { (0, 0) } else { (hash(&[step.to.0]), hash(&[step.to.1])) };
        let id = hash(&[step.from.0, step.to.0]);
        let hop = match self.hops.iter().position(|hop| hop.id == id) {
            Some(at) => self.hops.remove(at),
            None => Hop { id, points: 0, kind: kind(step) },
        };
        let adds = match (straight, step.document) {
            (true, _) => WHOLE,
            (false, true) => WHOLE / 2,
            (false, false) => 0,
        };
        let hop = Hop { points: hop.points.saturating_add(adds), kind: kind(step), ..hop };
        if self.hops.len() == MOST_HOPS {
            self.hops.remove(0);
        }
        self.hops.push(hop);
        let often = hop.points > max.saturating_mul(WHOLE);
        let far = self.run > LONGEST_RUN && hop.points >= 2 * WHOLE;
        (often || far).then(|| self.cause())
    }

    /// Whether it is for the page that the last one led to. From another host one comes back anywhere. A page that
    /// redirects to itself with another query is asked for anew as it was, unless that is the query it was sent to.
    fn follows(&self, step: &Step<'_>) -> bool {
        let (path, whole) = self.last;
        let to_itself = step.from.0 == step.to.0 && !step.leaves;
        self.hops.is_empty()
            || path == 0
            || path == hash(&[step.from.0]) && (!to_itself || whole == hash(&[step.from.1]))
    }

    /// Of the hops that came more than once.
    fn cause(&self) -> LoopCause {
        let kinds = || self.hops.iter().filter(|hop| hop.points > WHOLE).map(|hop| hop.kind);
        let any = |bit: u8| kinds().any(|kind| kind & bit != 0);
        let ours = kinds().all(|kind| kind & OURS != 0);
        match (ours, any(OURS)) {
            (false, true) => LoopCause::Mixed,
            (true, _) if any(TO_SIGN_IN) => LoopCause::GatewayToSignIn,
            (true, _) if any(TO_ONBOARDING) => LoopCause::GatewayToOnboarding,
            (true, _) => LoopCause::GatewayOther,
            (false, _) if any(TO_SIGN_IN) => LoopCause::ApplicationToSignIn,
            (false, _) if any(TO_ONBOARDING) => LoopCause::ApplicationToOnboarding,
            (false, _) => LoopCause::ApplicationOther,
        }
    }

    /// How often the last redirect came, as far as that is known.
    pub(super) fn times(&self) -> u8 {
        self.hops.last().map_or(0, |hop| hop.points.div_ceil(WHOLE))
    }

    /// As bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEAD + HOP * self.hops.len());
        out.push(VERSION);
        out.extend(self.began.to_be_bytes());
        out.extend(self.last.0.to_be_bytes());
        out.extend(self.last.1.to_be_bytes());
        out.push(self.run);
        for hop in &self.hops {
            out.extend(hop.id.to_be_bytes());
            out.extend([hop.points, hop.kind]);
        }
        out
    }

    /// Reads them. Another format, and what a clock far ahead has written, is none.
    pub(super) fn decode(bytes: &[u8], now: u32) -> Option<Self> {
        let number = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        if *bytes.first()? != VERSION {
            return None;
        }
        let (began, last, run) = (number(1)?, (number(5)?, number(9)?), *bytes.get(13)?);
        let (hops, rest) = bytes.get(HEAD..)?.as_chunks::<HOP>();
        let well = rest.is_empty() && hops.len() <= MOST_HOPS && began <= now.saturating_add(SKEW);
        let hops = hops.iter().map(|hop| match *hop {
            [a, b, c, d, points, kind] => Hop { id: u32::from_be_bytes([a, b, c, d]), points, kind },
        });
        well.then(|| Self { began, last, run, hops: hops.collect() })
    }
}

const OURS: u8 = 1;
const TO_SIGN_IN: u8 = 2;
const TO_ONBOARDING: u8 = 4;

fn kind(step: &Step<'_>) -> u8 {
    let leads = match step.leads {
        Leads::SignIn => TO_SIGN_IN,
        Leads::Onboarding => TO_ONBOARDING,
        Leads::Elsewhere => 0,
    };
    leads | if step.ours { OURS } else { 0 }
}

/// Enough to tell a few addresses apart, and never 0. Queries go into no hop: a way back that grows with every round
/// would hide the loop.
fn hash(texts: &[&str]) -> u32 {
    let digest = digest(&SHA256, texts.join("\n").as_bytes());
    let bytes = digest.as_ref().first_chunk().copied().unwrap_or_default();
    u32::from_be_bytes(bytes).max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: u32 = 1_800_000_000;

    fn path(address: &str) -> &str {
        address.split('?').next().unwrap()
    }

    fn step<'a>(from: &'a str, to: &'a str) -> Step<'a> {
        let leads = match path(to) {
            "/signin" => Leads::SignIn,
            "/onboarding" => Leads::Onboarding,
            _ => Leads::Elsewhere,
        };
        let (from, to) = ((path(from), from), (path(to), to));
        Step { from, to, leaves: !to.0.starts_with('/'), ours: false, leads, document: true }
    }

    /// How many redirects until the browser is stopped, each a second after the other.
    fn stopped_after(round: &[Step<'_>], every: u32) -> Option<(usize, LoopCause)> {
        let mut trail = Trail::default();
        (0..100u32).zip(round.iter().cycle()).find_map(|(i, step)| {
            trail = Trail::decode(&trail.encode(), NOW + i * every).unwrap();
            let cause = trail.step(step, NOW + i * every, 20, 5)?;
            Some((i as usize + 1, cause))
        })
    }

    #[test]
    fn who_goes_round_is_stopped_before_the_browser_gives_up() {
        let ours = |step: Step<'static>| Step { ours: true, ..step };
        let to_itself = [step("/a?x=1", "/a?x=1")];
        for (round, after, cause) in [
            (vec![step("/a", "/onboarding"), step("/onboarding", "/a")], 11, LoopCause::ApplicationToOnboarding),
            (vec![step("/a", "/b"), step("/b", "/a")], 11, LoopCause::ApplicationOther),
            (vec![ours(step("/a", "/signin?next=/a")), step("/signin?next=/a", "/a")], 11, LoopCause::Mixed),
            (vec![ours(step("/signin", "/a")), ours(step("/a", "/signin"))], 11, LoopCause::GatewayToSignIn),
            (vec![step("/a", "/signin"), step("/signin", "/a")], 11, LoopCause::ApplicationToSignIn),
            (
                vec![step("/a", "/b"), step("/b", "/c"), step("/c", "/d"), step("/d", "/a")],
                13,
                LoopCause::ApplicationOther,
            ),
            (vec![step("/a", "https://idp.test/x"), step("/back", "/a")], 11, LoopCause::ApplicationOther),
            (to_itself.to_vec(), 6, LoopCause::ApplicationOther),
        ] {
            assert_eq!(stopped_after(&round, 0), Some((after, cause)), "{round:?}");
        }
        let slow = [step("/a", "/b"), step("/b", "/a")];
        assert_eq!(stopped_after(&slow, 1).map(|(after, _)| after), Some(11));
        assert_eq!(stopped_after(&slow, 21), None, "nobody is kept from anything by that");
    }

    #[test]
    fn a_page_in_between_counts_half_so_that_a_script_is_found_and_a_person_is_not() {
        // A page at /signin, whose script goes back to /a.
        assert_eq!(stopped_after(&[step("/a", "/signin")], 0), Some((10, LoopCause::ApplicationToSignIn)));
        // A person who opens the same link every three seconds, one who reloads a page that adds to its address.
        for again in [step("/", "/acme/dashboard"), step("/list", "/list?page=1"), step("/a", "/a/")] {
            assert_eq!(stopped_after(&[again], 3), None);
        }
        let restored: Vec<String> = (0..30).map(|i| format!("/page/{i}")).collect();
        let mut trail = Trail::default();
        for _ in 0..3 {
            assert!(restored.iter().all(|tab| trail.step(&step(tab, "/signin"), NOW, 20, 5).is_none()));
        }
        assert!(trail.encode().len() <= HEAD + HOP * MOST_HOPS, "and nothing grows");
        let fetch = Step { document: false, ..step("/a", "/signin") };
        assert_eq!(stopped_after(&[fetch], 0), None, "a page's own router may ask as often as it likes");
        let round = [Step { document: false, ..step("/a", "/b") }, Step { document: false, ..step("/b", "/a") }];
        assert_eq!(stopped_after(&round, 0).map(|(after, _)| after), Some(11), "but not in circles");
    }

    #[test]
    fn a_normal_way_through_sign_in_twice_is_none() {
        let mut trail = Trail::default();
        for _ in 0..2 {
            for step in [
                step("/a", "/signin?next=/a"),
                step("/signin?next=/a", "https://idp.test/authorize"),
                step("/back?code=1", "/a"),
            ] {
                assert_eq!(trail.step(&step, NOW, 20, 5), None);
            }
        }
        assert_eq!(trail.times(), 2);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_trail_or_none(bytes in prop::collection::vec(any::<u8>(), 0..120), now in any::<u32>(), version in any::<bool>()) {
            let mut bytes = bytes;
            if let (true, Some(first)) = (version, bytes.first_mut()) {
                *first = VERSION;
            }
            if let Some(mut trail) = Trail::decode(&bytes, now) {
                prop_assert_eq!(trail.encode(), bytes);
                let _ = trail.step(&step("/a", "/b"), now, 20, 5);
                prop_assert_eq!(Trail::decode(&trail.encode(), now), Some(trail));
            }
        }
    }
}
