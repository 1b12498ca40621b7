//! What tables ask of each other.

use std::net::SocketAddr;
use std::ops::Range;

use super::table::{Problem, Table};
use super::{Admin, Certificate, ListenerMode, Upstream, listener, route, suggest};

/// At least one, different addresses, and a certificate where there is TLS.
pub(super) fn listeners(root: &Table<'_>, admin: &Admin, listeners: &[listener::Placed], certificates: &[Certificate]) {
    let mut taken: Vec<(SocketAddr, &str)> = vec![(admin.listen, "[admin]")];
    for placed in listeners {
        let (address, Some(place)) = (placed.listener.address, &placed.address) else { continue };
        match taken.iter().find(|(other, _)| *other == address && address.port() != 0) {
            Some((_, by)) => {
                let problem = Problem::new(format!("the address {address} is taken by {by} already"));
                root.reader.structural(place.clone(), problem.hint("give each its own port, or remove one"));
            }
            None => taken.push((address, "another [[listener]]")),
        }
    }
    let https = |l: &&listener::Placed| l.listener.mode == ListenerMode::Https;
    if let Some(place) = listeners.iter().filter(https).find_map(|l| l.mode.clone())
        && certificates.is_empty()
        && root.good(&["certificate"])
    {
        let problem = Problem::new("a listener in mode \"https\" needs a certificate, and there is no [[certificate]]");
        root.reader.structural(place, problem.hint("add [[certificate]] with `chain` and `key`"));
    }
}

/// Every upstream that routes name is there. Each that is not is one fault, however many routes name it.
pub(super) fn upstreams(root: &Table<'_>, upstreams: &[Upstream], routes: &[route::Placed]) {
    if !root.good(&["upstream"]) {
        return;
    }
    let known = || upstreams.iter().map(|u| u.name.as_str());
    let mut unknown: Vec<(&str, Range<usize>, usize)> = Vec::new();
    for placed in routes {
        let (name, Some(place)) = (placed.route.upstream.as_str(), &placed.upstream) else { continue };
        if known().any(|k| k == name) {
            continue;
        }
        match unknown.iter_mut().find(|(other, ..)| *other == name) {
            Some((.., more)) => *more += 1,
            None => unknown.push((name, place.clone(), 0)),
        }
    }
    for (name, place, more) in unknown {
        let others = match more {
            0 => String::new(),
            1 => " (one more route names it)".to_owned(),
            more => format!(" ({more} more routes name it)"),
        };
        let problem = Problem::new(format!("there is no [upstream.{name}]{others}"));
        let hint = suggest::did_you_mean(name, known()).unwrap_or_else(|| match upstreams {
            [] => "add it, with its `url`".to_owned(),
            _ => format!("add it, or name one of these: {}", known().collect::<Vec<_>>().join(", ")),
        });
        root.reader.structural(place, problem.hint(hint));
    }
}
