//! The cache against a plain model of it, over random sequences of everything that can happen.

use proptest::prelude::*;

use super::*;

const SIDS: u128 = 3;
const STALE: Duration = Duration::from_secs(20);

#[derive(Debug, Clone)]
enum Step {
    /// Ask; lead if nobody does.
    Lookup(u128),
    /// The n-th of the flights under way lands.
    Settle(usize, Said),
    Renew(u128),
    Revoke(u128, u64),
    Changed(u128),
    Prime(u128),
    Expire(u128, u64),
    Sweep,
    Advance(u64),
}

#[derive(Debug, Clone, Copy)]
enum Said {
    Yes,
    No,
    Nothing,
}

fn step() -> impl Strategy<Value = Step> {
    let sid = || 0..SIDS;
    let said = prop_oneof![3 => Just(Said::Yes), 1 => Just(Said::No), 1 => Just(Said::Nothing)];
    prop_oneof![
        6 => sid().prop_map(Step::Lookup),
        6 => (0..8_usize, said).prop_map(|(n, said)| Step::Settle(n, said)),
        2 => sid().prop_map(Step::Renew),
        1 => (sid(), 1..90_u64).prop_map(|(sid, s)| Step::Revoke(sid, s)),
        2 => sid().prop_map(Step::Changed),
        1 => sid().prop_map(Step::Prime),
        1 => (sid(), 0..3_u64).prop_map(|(sid, s)| Step::Expire(sid, s)),
        1 => Just(Step::Sweep),
        4 => (1..9_000_u64).prop_map(Step::Advance),
    ]
}

/// What should be known of one sid. Users are numbered, so that every answer is told from every other.
#[derive(Default)]
struct Model {
    counts: bool,
    good: Option<(u128, Instant)>,
    refused_until: Option<Instant>,
    flight: Option<u128>,
}

impl Model {
    fn known(&self, now: Instant) -> Option<String> {
        if let Some(until) = self.refused_until {
            return (until > now).then(|| "refused".to_owned());
        }
        let (user, at) = self.good.filter(|_| self.counts)?;
        (at + TTL > now).then(|| format!("hit {user}"))
    }

    fn take(&mut self, user: u128, now: Instant) {
        *self = Self { counts: true, good: Some((user, now)), refused_until: None, flight: None };
    }

    fn refuse(&mut self, until: Instant) {
        *self = Self { refused_until: Some(until), ..Self::default() };
    }

    fn settle(&mut self, flight: u128, said: Said, now: Instant) -> String {
        let counts = self.flight == Some(flight);
        if counts {
            self.flight = None;
        } else if self.refused_until.is_some_and(|until| until > now) {
            return "refused".into();
        }
        match said {
            Said::Yes => {
                if counts {
                    self.take(flight, now);
                }
                format!("miss {flight}")
            }
            Said::No => {
                if counts {
                    self.refuse(now + secs(1));
                }
                "refused".into()
            }
            Said::Nothing => match self.good.filter(|(_, at)| counts && now.duration_since(*at) <= STALE) {
                Some((user, _)) => format!("stale {user}"),
                None => "timeout".into(),
            },
        }
    }

    fn sweep(&mut self, now: Instant) {
        if self.good.is_some_and(|(_, at)| now.duration_since(at) > MEMORY) {
            (self.good, self.counts) = (None, false);
        }
    }
}

/// Which refusal it is does not matter here.
fn plain(lookup: &Lookup) -> String {
    if matches!(lookup, Lookup::Refused(_)) { "refused".into() } else { word(lookup) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_cache_does_what_its_model_does(steps in prop::collection::vec(step(), 1..80)) {
        let cache = with(|c| c.stale_if_error = STALE);
        let mut now = Instant::now();
        let mut model: [Model; 3] = Default::default();
        let mut tickets: Vec<(u128, u128, Ticket)> = Vec::new();
        let mut users = 0;
        for step in steps {
            match step {
                Step::Lookup(n) => {
                    let m = &mut model[n as usize];
                    match cache.join(&sid(n), now) {
                        Join::Known(lookup) => prop_assert_eq!(Some(plain(&lookup)), m.known(now)),
                        Join::Wait(_) => prop_assert!(m.known(now).is_none() && m.flight.is_some()),
                        Join::Lead(ticket) => {
                            prop_assert!(m.known(now).is_none() && m.flight.is_none());
                            users += 1;
                            m.flight = Some(users);
                            tickets.push((n, users, ticket));
                        }
                    }
                }
                Step::Renew(n) => {
                    let m = &mut model[n as usize];
                    if let Some(ticket) = cache.renew(&sid(n)) {
                        prop_assert!(m.flight.is_none());
                        users += 1;
                        m.flight = Some(users);
                        tickets.push((n, users, ticket));
                    }
                }
                Step::Settle(_, _) if tickets.is_empty() => {}
                Step::Settle(which, said) => {
                    let (n, user, ticket) = tickets.swap_remove(which % tickets.len());
                    let answer = match said {
                        Said::Yes => good(user),
                        Said::No => Answer::Refused(RefusalCode::Expired),
                        Said::Nothing => Answer::Unavailable(Unavailable::Timeout),
                    };
                    let settled = plain(&cache.settle(ticket, answer, now));
                    prop_assert_eq!(settled, model[n as usize].settle(user, said, now));
                }
                Step::Revoke(n, s) => {
                    cache.revoke(&sid(n), RefusalCode::Revoked, now + secs(s));
                    model[n as usize].refuse(now + secs(s));
                }
                Step::Changed(n) => {
                    cache.changed(&sid(n));
                    (model[n as usize].flight, model[n as usize].counts) = (None, false);
                }
                Step::Prime(n) => {
                    users += 1;
                    cache.prime(&sid(n), Arc::new(session(users)), now);
                    model[n as usize].take(users, now);
                }
                Step::Expire(n, s) => {
                    cache.expire(&sid(n), secs(s), now);
                    let m = &mut model[n as usize];
                    m.counts &= m.good.is_some_and(|(_, at)| now.duration_since(at) < secs(s));
                }
                Step::Sweep => {
                    cache.sweep(now);
                    model.iter_mut().for_each(|m| m.sweep(now));
                }
                Step::Advance(ms) => now += Duration::from_millis(ms),
            }
            for (n, m) in (0..).zip(&model) {
                let known = match cache.peek(&sid(n), now) {
                    Peek::Unknown => None,
                    Peek::Known(l) | Peek::Ending(l) => Some(plain(&l)),
                };
                prop_assert_eq!(known, m.known(now));
                let lately = m.good.is_some_and(|(_, at)| now.duration_since(at) < MEMORY);
                prop_assert_eq!(cache.recently_good(&sid(n), now), lately);
            }
            prop_assert_eq!(cache.len(), model.iter().filter(|m| m.good.is_some()).count());
        }
    }
}
