//! A header, for people and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Cookie, Explanation, Fate};
use crate::cli::counted;
use crate::cli::legacy::explained::{Explained, One};
use crate::escape::escape;
use crate::legacy::Verdict;
use crate::session::Proof;

pub(super) fn json(all: &Explanation<'_>) -> Value {
    let cookie = |cookie: &Cookie<'_>| {
        let explained = Explained::of(&cookie.candidates);
        let mut json = json!({"name": cookie.name, "bytes": cookie.bytes, "fate": cookie.fate.as_str()});
        if let Some(fields) = json.as_object_mut() {
            if cookie.twin > 0 {
                fields.insert("twin".into(), json!(true));
            }
            if cookie.fate == Fate::Session {
                fields.insert("well_formed".into(), json!(cookie.well_formed));
            }
            if cookie.continues {
                fields.insert("continues".into(), json!(true));
            }
            if !cookie.candidates.is_empty() {
                let carriers = explained.best.iter().chain(&explained.others).map(|one| one.json());
                fields.insert("carriers".into(), carriers.collect());
            }
        }
        json
    };
    let asked = all.claims.proofs().into_iter().map(|(candidate, proof)| {
        json!({"carrier": &*candidate.carrier, "cookie": candidate.cookie, "kind": proof.kind.as_str(),
               "fingerprint": One(candidate).fingerprint()})
    });
    json!({
        "cookies": all.cookies.iter().map(cookie).collect::<Value>(),
        "count": all.cookies.len(),
        "bytes": all.bytes,
        "sids": all.sids,
        "asked": if all.sids == 0 { asked.collect() } else { Value::from(Vec::<Value>::new()) },
        "proofs": all.claims.proofs().len(),
        "notes": notes(all),
    })
}

pub(super) fn table(all: &Explanation<'_>) -> String {
    let rows: Vec<[String; 5]> = all.cookies.iter().map(row).collect();
    let heading = ["COOKIE", "BYTES", "FATE", "CARRIER", "VERDICT"].map(str::to_owned);
    let width = |column: usize| rows.iter().chain([&heading]).map(|row| row[column].len()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2), width(3)];
    let mut out = String::new();
    for [name, bytes, fate, carrier, verdict] in [&heading].into_iter().chain(&rows) {
        let [a, b, c, d] = widths;
        let line = format!("{name:a$}  {bytes:>b$}  {fate:c$}  {carrier:d$}  {verdict}");
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out.push('\n');
    for note in notes(all) {
        let _ = writeln!(out, "{note}");
    }
    out
}

fn row(cookie: &Cookie<'_>) -> [String; 5] {
    let explained = Explained::of(&cookie.candidates);
    let carrier = explained.best.map_or_else(String::new, |best| best.0.carrier.to_string());
    let verdict = match explained.best {
        _ if cookie.continues => "(a chunk, read with the first)".to_owned(),
        _ if cookie.fate == Fate::Session && cookie.well_formed => "well-formed".to_owned(),
        _ if cookie.fate == Fate::Session => "no sid by its form".to_owned(),
        None => String::new(),
        Some(best) => match &best.0.verdict {
            Verdict::Proof(_) => best.0.verdict.as_str().to_owned(),
            verdict => format!("{}: {}", verdict.as_str(), best.explanation()),
        },
    };
    let twin = if cookie.twin > 0 { " (twin)" } else { "" };
    [shown(cookie.name), cookie.bytes.to_string(), cookie.fate.as_str().to_owned(), carrier, verdict + twin]
}

/// What follows from all of them together.
fn notes(all: &Explanation<'_>) -> Vec<String> {
    let mut notes = vec![format!("{}, {} bytes of Cookie header", counted(all.cookies.len(), "cookie"), all.bytes)];
    if all.bytes > all.max_header_bytes {
        notes.push(format!("longer than server.max_header_bytes ({}): answered 431", all.max_header_bytes));
    }
    let sent = all.cookies.iter().filter(|cookie| cookie.fate == Fate::Session).count();
    if sent > 1 {
        notes.push(format!(
            "{sent} cookies have the session's name, {} different sids: twins, which are healed",
            all.sids
        ));
    }
    let proofs = all.claims.proofs();
    if all.carriers == 0 {
        notes.push("no carriers: name a configuration with [[legacy.carrier]] by --config".to_owned());
    } else if all.sids > 0 {
        notes.push("a sid was sent: the legacy cookies are not asked about".to_owned());
    } else if let Some(((candidate, proof), others)) = proofs.split_first() {
        let cookie = shown(&candidate.cookie);
        notes.push(format!(
            "asked first: {} in {cookie} (carrier {}){}",
            fingerprinted(proof, One(candidate)),
            candidate.carrier,
            if others.is_empty() { String::new() } else { format!(", then {}", others_of(others)) }
        ));
    } else {
        notes.push("no proof in it: the person is anonymous, and signs in where the route asks for it".to_owned());
    }
    notes
}

fn others_of(others: &[(&crate::legacy::Candidate, &Proof)]) -> String {
    let one = |(candidate, proof): &(&crate::legacy::Candidate, &Proof)| {
        format!("{} in {}", fingerprinted(proof, One(candidate)), shown(&candidate.cookie))
    };
    others.iter().map(one).collect::<Vec<_>>().join(" and ")
}

fn fingerprinted(proof: &Proof, one: One<'_>) -> String {
    match one.fingerprint() {
        Some(fingerprint) => format!("{} {fingerprint}", proof.kind.as_str()),
        None => proof.kind.as_str().to_owned(),
    }
}

fn shown(name: &str) -> String {
    let mut out = String::new();
    escape(&mut out, name);
    out
}
