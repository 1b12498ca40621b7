//! Counters, in the Prometheus text format (version 0.0.4). A fixed set of names and label values: nothing that a
//! client sends can make a new one.

mod legacy;

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::context::{Context, LoopCause, SignInMethod, SignInOutcome};

const DECISIONS: [&str; 6] = ["forward", "redirect_sign_in", "redirect_onboarding", "redirect_home", "refuse", "none"];
const SESSIONS: [&str; 8] = ["hit", "miss", "stale", "absent", "refused", "unavailable", "throttled", "none"];
const UPSTREAM_ERRORS: [&str; 8] =
    ["connect", "broken", "timeout", "slow_body", "reserved_header", "bad_handshake", "draining", "overloaded"];

/// Every counter.
#[derive(Debug, Default)]
pub struct Metrics {
    requests: [[AtomicU64; 5]; 6],
    sessions: [AtomicU64; 8],
    upstream_errors: [AtomicU64; 8],
    sign_ins: [[AtomicU64; SignInOutcome::ALL.len()]; SignInMethod::ALL.len()],
    redirect_loops: [AtomicU64; LoopCause::ALL.len()],
    retries: AtomicU64,
    set_cookie_dropped: AtomicU64,
    upstream_disagreed: AtomicU64,
    lines_dropped: AtomicU64,
    legacy: legacy::Legacy,
}

impl Metrics {
    pub(super) fn count(&self, cx: &Context, status: u16) {
        let f = &cx.facts;
        let class = usize::from(status / 100).clamp(1, 5) - 1;
        let decision = position(&DECISIONS, f.decision.unwrap_or("none"));
        self.requests[decision][class].fetch_add(1, Relaxed);
        self.sessions[position(&SESSIONS, f.session.unwrap_or("none"))].fetch_add(1, Relaxed);
        if let Some(error) = f.upstream_error {
            self.upstream_errors[position(&UPSTREAM_ERRORS, error)].fetch_add(1, Relaxed);
        }
        if let Some((method, outcome)) = f.sign_in {
            self.sign_ins[method as usize][outcome as usize].fetch_add(1, Relaxed);
        }
        if let Some(cause) = f.redirect_loop {
            self.redirect_loops[cause as usize].fetch_add(1, Relaxed);
        }
        if f.retried {
            self.retries.fetch_add(1, Relaxed);
        }
        if f.set_cookie_dropped > 0 {
            self.set_cookie_dropped.fetch_add(f.set_cookie_dropped as u64, Relaxed);
        }
        if f.upstream_disagreed {
            self.upstream_disagreed.fetch_add(1, Relaxed);
        }
        if let Some(facts) = &f.legacy {
            self.legacy.count(facts);
        }
    }

    pub(super) fn line_dropped(&self) {
        self.lines_dropped.fetch_add(1, Relaxed);
    }

    /// The text for `/metrics`; `others` are values that are read elsewhere.
    pub fn render(&self, others: &[(&str, &str, u64)]) -> String {
        let mut out = String::new();
        head(&mut out, "sidgate_requests_total", "counter", "Requests, by decision and class of status.");
        for (decision, classes) in DECISIONS.iter().zip(&self.requests) {
            for (class, value) in classes.iter().enumerate() {
                let class = class + 1;
                let value = value.load(Relaxed);
                let _ = writeln!(out, "sidgate_requests_total{{decision=\"{decision}\",status=\"{class}xx\"}} {value}");
            }
        }
        head(&mut out, "sidgate_session_lookups_total", "counter", "Requests, by what asking for the session came to.");
        for (outcome, value) in SESSIONS.iter().zip(&self.sessions) {
            let value = value.load(Relaxed);
            let _ = writeln!(out, "sidgate_session_lookups_total{{outcome=\"{outcome}\"}} {value}");
        }
        head(&mut out, "sidgate_upstream_errors_total", "counter", "Requests that no upstream answered, by cause.");
        for (cause, value) in UPSTREAM_ERRORS.iter().zip(&self.upstream_errors) {
            let _ = writeln!(out, "sidgate_upstream_errors_total{{cause=\"{cause}\"}} {}", value.load(Relaxed));
        }
        head(&mut out, "sidgate_sign_ins_total", "counter", "Sign-ins, by method and outcome.");
        for (method, outcomes) in SignInMethod::ALL.iter().zip(&self.sign_ins) {
            for (outcome, value) in SignInOutcome::ALL.iter().zip(outcomes) {
                let (method, outcome) = (method.as_str(), outcome.as_str());
                let value = value.load(Relaxed);
                let _ = writeln!(out, "sidgate_sign_ins_total{{method=\"{method}\",outcome=\"{outcome}\"}} {value}");
            }
        }
        let help = "Browsers that went round in circles, by who sent them.";
        head(&mut out, "sidgate_redirect_loops_total", "counter", help);
        for (cause, value) in LoopCause::ALL.iter().zip(&self.redirect_loops) {
            let (cause, value) = (cause.as_str(), value.load(Relaxed));
            let _ = writeln!(out, "sidgate_redirect_loops_total{{cause=\"{cause}\"}} {value}");
        }
        for (name, help, value) in [
            ("sidgate_upstream_retries_total", "Requests that went out a second time.", &self.retries),
            (
                "sidgate_set_cookie_dropped_total",
                "Set-Cookie lines for the session cookie, not let through.",
                &self.set_cookie_dropped,
            ),
            (
                "sidgate_upstream_disagreed_total",
                "Redirects of an upstream that contradict the session.",
                &self.upstream_disagreed,
            ),
            ("sidgate_access_log_dropped_total", "Access-log lines that found the queue full.", &self.lines_dropped),
        ] {
            head(&mut out, name, "counter", help);
            let _ = writeln!(out, "{name} {}", value.load(Relaxed));
        }
        self.legacy.render(&mut out);
        for (name, help, value) in others {
            head(&mut out, name, if name.ends_with("_total") { "counter" } else { "gauge" }, help);
            let _ = writeln!(out, "{name} {value}");
        }
        out
    }
}

/// The text of one metric with labels: pairs of name and value.
pub(crate) fn family<'a>(
    name: &str,
    help: &str,
    values: impl Iterator<Item = (Vec<(&'static str, &'a str)>, u64)>,
) -> String {
    let mut out = String::new();
    head(&mut out, name, if name.ends_with("_total") { "counter" } else { "gauge" }, help);
    for (labels, value) in values {
        let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let labels: Vec<String> = labels.iter().map(|(k, v)| format!("{k}=\"{}\"", escaped(v))).collect();
        let _ = writeln!(out, "{name}{{{}}} {value}", labels.join(","));
    }
    out
}

/// The text of one value without labels.
pub(crate) fn gauge(name: &str, help: &str, value: u64) -> String {
    let mut out = String::new();
    head(&mut out, name, "gauge", help);
    let _ = writeln!(out, "{name} {value}");
    out
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// A word that is not listed counts as the last one.
fn position(words: &[&str], word: &str) -> usize {
    words.iter().position(|w| *w == word).unwrap_or(words.len() - 1)
}
