//! Visitors who come to no page, gathered by the cause: one wrong page of `[pages]` shows from every route and with
//! several kinds of visitors, and is one fault.

use super::Walk;
use crate::config::{Fault, Place};

/// Why walks do not end well.
#[derive(Debug, PartialEq, Eq)]
enum Cause {
    /// These addresses lead to each other.
    Round(Vec<String>),
    /// No route matches this address.
    Lost(String),
    /// The application at this address is not told who is sent there.
    Untold(String),
}

/// One cause, with the walk that shows it best.
#[derive(Debug)]
struct Found {
    cause: Cause,
    /// Where the walk began, and how.
    place: Place,
    steps: Vec<String>,
    /// Redirects before it shows.
    way: usize,
    /// Whom it concerns.
    who: Vec<&'static str>,
    /// Where walks began that end so.
    from: Vec<Place>,
}

/// Walks, by what is wrong with them.
#[derive(Debug, Default)]
pub(super) struct Causes(Vec<Found>);

impl Causes {
    /// Takes a walk that began at the route of this place.
    pub(super) fn take(&mut self, place: &Place, walk: Walk) {
        let Some((cause, way)) = cause_of(&walk) else { return };
        let index = self.0.iter().position(|found| found.cause == cause).unwrap_or_else(|| {
            let (place, steps) = (place.clone(), walk.steps.clone());
            self.0.push(Found { cause, place, steps, way, who: Vec::new(), from: Vec::new() });
            self.0.len() - 1
        });
        let Some(found) = self.0.get_mut(index) else { return };
        if way < found.way {
            (found.place, found.steps, found.way) = (place.clone(), walk.steps, way);
        }
        if !found.who.contains(&walk.who) {
            found.who.push(walk.who);
        }
        if !found.from.contains(place) {
            found.from.push(place.clone());
        }
    }

    /// One fault for each cause.
    pub(super) fn faults(self) -> Vec<Fault> {
        self.0.into_iter().map(Found::fault).collect()
    }
}

impl Found {
    fn fault(self) -> Fault {
        let (who, also) = (self.who.first().copied().unwrap_or_default(), self.also());
        let chain = self.steps.join(" -> ");
        let (reason, hint) = match self.cause {
            Cause::Round(round) => {
                let shown = self.steps.get(..=self.way + round.len()).map_or(chain, |steps| steps.join(" -> "));
                let hint = "the pages of [pages] must let through whom they are for: sign_in `guest` or more open, \
                            onboarding `signed_in` without a tenant rule, home what an onboarded user may see: there \
                            `{tenant}` is what `match = \"slug\"` compares, `{tenant_id}` what `match = \"id\"` does";
                (format!("{who} goes round in redirects: {shown}{also}"), hint.to_owned())
            }
            Cause::Lost(to) => (
                format!("{who} is redirected to `{to}`, which no route matches ({chain}){also}"),
                format!("add a [[route]] for `{to}`, or change its address in [pages]"),
            ),
            Cause::Untold(to) => (
                format!("{who} is redirected to `{to}`, whose application is not told who that is ({chain}){also}"),
                "make its route `optional`: an application that sends people without a session to sign-in would go \
                 round in circles with us"
                    .to_owned(),
            ),
        };
        Fault { place: self.place, reason, hint: Some(hint) }
    }

    /// Whom else it concerns, and from where.
    fn also(&self) -> String {
        let others = self.who.get(1..).unwrap_or_default();
        let routes = format!("from {} routes", self.from.len());
        match (others.is_empty(), self.from.len() > 1) {
            (true, false) => String::new(),
            (true, true) => format!("; so {routes}"),
            (false, false) => format!("; so does {}", others.join(", ")),
            (false, true) => format!("; so does {}, {routes}", others.join(", ")),
        }
    }
}

/// What is wrong with a walk, and after how many redirects that shows.
fn cause_of(walk: &Walk) -> Option<(Cause, usize)> {
    let steps = &walk.steps;
    let to = steps.last()?;
    if steps.len() > super::MAX_STEPS + 1 {
        let length = steps.iter().rev().skip(1).position(|step| step == to).map_or(1, |at| at + 1);
        let same = steps.iter().rev().zip(steps.iter().rev().skip(length)).take_while(|(a, b)| a == b).count();
        let begin = steps.len().saturating_sub(same + length);
        let mut round: Vec<String> = steps.iter().skip(begin).take(length).cloned().collect();
        round.sort_unstable();
        return Some((Cause::Round(round), begin));
    }
    if steps.len() == 1 {
        return None;
    }
    match (walk.lost, walk.untold) {
        (true, _) => Some((Cause::Lost(to.clone()), steps.len())),
        (_, true) => Some((Cause::Untold(to.clone()), steps.len())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(who: &'static str, steps: &[&str]) -> Walk {
        Walk { who, steps: steps.iter().map(|s| (*s).to_owned()).collect(), lost: false, untold: false }
    }

    #[test]
    fn one_wrong_page_is_one_fault_shown_where_the_round_is() {
        let (home, sign_in, other) = (Place(10..20), Place(30..40), Place(50..60));
        let mut causes = Causes::default();
        causes.take(&home, walk("a visitor", &["/home", "/in", "/in", "/in", "/in"]));
        causes.take(&home, walk("an ended one", &["/home", "/in", "/in", "/in", "/in"]));
        causes.take(&sign_in, walk("a visitor", &["/in", "/in", "/in", "/in", "/in"]));
        causes.take(&other, walk("a user", &["/x", "/a", "/b", "/a", "/b"]));
        causes.take(&other, walk("a user", &["/x", "/a"]));
        let faults = causes.faults();
        let said: Vec<(Place, &str)> = faults.iter().map(|f| (f.place.clone(), f.reason.as_str())).collect();
        assert_eq!(
            said,
            [
                (sign_in, "a visitor goes round in redirects: /in -> /in; so does an ended one, from 2 routes"),
                (other, "a user goes round in redirects: /x -> /a -> /b -> /a"),
            ]
        );
    }
}
