//! What came of it: a table for people, JSON for programs, a page with plots.

mod html;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::Fault;
use crate::engine::Measured;
use crate::options::{Kind, Options};
use crate::target::Target;
use crate::usage::Used;

const QUANTILES: [(&str, f64); 6] =
    [("p50", 0.5), ("p75", 0.75), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999)];

/// All scenarios of one call.
pub(crate) struct Report {
    started: Timestamp,
    target: String,
    protocol: &'static str,
    connections: usize,
    sids: usize,
    pub(crate) runs: Vec<Run>,
}

/// One scenario.
pub(crate) struct Run {
    pub(crate) kind: Kind,
    /// Which of several runs of one scenario.
    pub(crate) label: Option<&'static str>,
    /// Requests per second that were scheduled; none for a stampede.
    pub(crate) rate: Option<f64>,
    pub(crate) scheduled: u64,
    /// Due, but not sent or not answered when the run was over.
    pub(crate) unsent: u64,
    pub(crate) measured: Measured,
    pub(crate) measured_for: Duration,
    pub(crate) seconds: Vec<Second>,
    /// Questions of the gateway to its backend meanwhile.
    pub(crate) backend_calls: Option<u64>,
    pub(crate) cut_short: bool,
    /// Migrations as the gateway counts them, by outcome.
    pub(crate) migrations: BTreeMap<String, u64>,
    /// Sessions that migrations made, each other than all before.
    pub(crate) migrated: Option<usize>,
    /// By the gateway meanwhile.
    pub(crate) used: Option<Used>,
}

/// One second of a run.
pub(crate) struct Second {
    /// Seconds since the start, the warm-up included.
    pub(crate) at: u64,
    pub(crate) completed: u64,
    pub(crate) errors: u64,
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
    pub(crate) backlog: usize,
    pub(crate) in_flight: usize,
}

/// Whether a threshold held.
pub(crate) struct Verdict {
    pub(crate) held: bool,
    text: String,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", if self.held { "ok  " } else { "FAIL" }, self.text)
    }
}

impl Run {
    pub(crate) fn new(kind: Kind, measured: Measured) -> Self {
        Self {
            kind,
            label: None,
            rate: None,
            scheduled: 0,
            unsent: 0,
            measured,
            measured_for: Duration::ZERO,
            seconds: Vec::new(),
            backend_calls: None,
            cut_short: false,
            migrations: BTreeMap::new(),
            migrated: None,
            used: None,
        }
    }

    /// Whether anything was answered as it should be, or refused by a limit that is there for that.
    pub(crate) fn answered(&self) -> bool {
        self.measured.right + self.measured.limited > 0
    }

    fn p99(&self) -> u64 {
        self.measured.latency.value_at_quantile(0.99)
    }

    /// Share of what was scheduled that got a wrong answer or none.
    fn error_share(&self) -> f64 {
        if self.scheduled == 0 { 0.0 } else { (self.measured.wrong + self.unsent) as f64 / self.scheduled as f64 }
    }

    /// The table.
    pub(crate) fn table(&self) -> String {
        let m = &self.measured;
        let mut out = format!("\n{}\n", self.title());
        let mut row = |name: &str, value: String| out += &format!("  {name:<16} {value}\n");
        row("requests", format!("{} scheduled, {} answered", self.scheduled, m.latency.len()));
        if let Some(rate) = self.rate.filter(|_| !self.measured_for.is_zero()) {
            let achieved = m.latency.len() as f64 / self.measured_for.as_secs_f64();
            row("rate", format!("{achieved:.1}/s of {rate}/s"));
        }
        let outcomes: Vec<String> = m.outcomes.iter().map(|(what, n)| format!("{what}: {n}")).collect();
        row("answers", outcomes.join(", "));
        row("errors", format!("{} wrong, {} without an answer", m.wrong, self.unsent));
        if m.limited > 0 {
            row("limited", format!("{} (429: the gateway's own limit)", m.limited));
        }
        for (name, quantile) in QUANTILES.into_iter().filter(|(name, _)| *name != "p75") {
            row(name, ms(m.latency.value_at_quantile(quantile)));
        }
        row("max", ms(m.latency.max()));
        if let Some(calls) = self.backend_calls {
            let answered = m.latency.len().max(1) as f64;
            row("backend", format!("asked {calls} times, {:.1} per 1000 requests", calls as f64 * 1000.0 / answered));
        }
        if let Some(made) = self.migrated {
            row("sessions", format!("{made} made, each other than all before"));
        }
        if !self.migrations.is_empty() {
            let counted: Vec<String> = self.migrations.iter().map(|(what, n)| format!("{what}: {n}")).collect();
            row("migrations", counted.join(", "));
        }
        if let Some(used) = &self.used {
            let each = used.cpu * 1e6 / m.latency.len().max(1) as f64;
            row("CPU", format!("{:.2} s of the gateway, {each:.0} us per request of this run", used.cpu));
            row("memory", used.memory());
        }
        if self.behind() {
            row("WARNING", "the target could not keep up: requests had to wait before they were sent. Latency".into());
            row("", format!("counts that wait; without it p99 would read {}.", ms(m.service.value_at_quantile(0.99))));
        }
        if self.cut_short {
            row("note", "stopped early".into());
        }
        out
    }

    /// More than a tenth of the slow requests' time was spent waiting for a free connection.
    fn behind(&self) -> bool {
        let (latency, service) = (self.p99(), self.measured.service.value_at_quantile(0.99));
        self.unsent > 0 || latency > service + service / 10 + 2_000
    }

    fn title(&self) -> String {
        let name = self.name();
        match self.rate {
            Some(rate) => format!("{name} at {rate}/s, open loop"),
            None => name,
        }
    }

    fn name(&self) -> String {
        match self.label {
            Some(label) => format!("{} ({label})", self.kind.as_str()),
            None => self.kind.as_str().to_owned(),
        }
    }

    fn json(&self) -> Value {
        let m = &self.measured;
        let latency = |h: &hdrhistogram::Histogram<u64>| {
            let mut all = json!({ "min": h.min(), "mean": h.mean(), "max": h.max() });
            for (name, quantile) in QUANTILES {
                all[name] = json!(h.value_at_quantile(quantile));
            }
            all
        };
        let seconds = self.seconds.iter().map(|s| {
            json!({ "at": s.at, "completed": s.completed, "errors": s.errors, "p50_us": s.p50_us,
                    "p99_us": s.p99_us, "backlog": s.backlog, "in_flight": s.in_flight })
        });
        json!({
            "scenario": self.kind.as_str(), "label": self.label, "rate": self.rate, "scheduled": self.scheduled,
            "answered": m.latency.len(), "right": m.right, "wrong": m.wrong, "limited": m.limited,
            "unsent": self.unsent, "outcomes": m.outcomes, "measured_s": self.measured_for.as_secs_f64(),
            "latency_us": latency(&m.latency), "service_us": latency(&m.service), "behind": self.behind(),
            "backend_calls": self.backend_calls, "cut_short": self.cut_short, "seconds": seconds.collect::<Vec<_>>(),
            "migrations": self.migrations, "sessions_made": self.migrated, "used": self.used.map(|u| u.json()),
        })
    }
}

impl Report {
    pub(crate) fn new(options: &Options, target: &Target, sids: usize) -> Self {
        Self {
            started: Timestamp::now(),
            target: target.origin.clone() + target.path.split('?').next().unwrap_or_default(),
            protocol: if options.http2 { "HTTP/2" } else { "HTTP/1.1" },
            connections: options.connections,
            sids,
            runs: Vec::new(),
        }
    }

    /// The thresholds that were asked for, scenario by scenario.
    pub(crate) fn verdicts(&self, options: &Options) -> Vec<Verdict> {
        let mut all = Vec::new();
        for run in &self.runs {
            let name = run.name();
            if let Some(limit) = options.max_p99 {
                let (p99, limit) = (run.p99(), u64::try_from(limit.as_micros()).unwrap_or(u64::MAX));
                let text = format!("{name}: p99 {} (at most {})", ms(p99), ms(limit));
                all.push(Verdict { held: p99 <= limit, text });
            }
            if let Some(limit) = options.max_errors {
                let share = run.error_share();
                let text = format!("{name}: errors {:.3}% (at most {:.3}%)", share * 100.0, limit * 100.0);
                all.push(Verdict { held: share <= limit, text });
            }
        }
        all
    }

    /// Writes the files that were asked for.
    pub(crate) fn write(&self, options: &Options) -> Result<(), Fault> {
        let put = |path: &Path, text: String| {
            std::fs::write(path, text).map_err(|e| format!("{}: {e}", path.display())).map(|()| {
                println!("\nwritten: {}", path.display());
            })
        };
        if let Some(path) = &options.json {
            put(path, format!("{:#}\n", self.json(options)))?;
        }
        if let Some(path) = &options.html {
            put(path, html::page(self))?;
        }
        Ok(())
    }

    fn json(&self, options: &Options) -> Value {
        let verdicts = self.verdicts(options);
        json!({
            "started": self.started.to_string(), "target": self.target, "protocol": self.protocol,
            "connections": self.connections, "sids": self.sids, "arrivals": format!("{:?}", options.arrivals),
            "seed": options.seed, "runs": self.runs.iter().map(Run::json).collect::<Vec<_>>(),
            "thresholds": verdicts.iter().map(|v| json!({ "held": v.held, "text": v.text })).collect::<Vec<_>>(),
            "passed": verdicts.iter().all(|v| v.held),
        })
    }
}

/// Microseconds, as people read them.
pub(crate) fn ms(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} us"),
        1_000..1_000_000 => format!("{:.1} ms", us as f64 / 1e3),
        _ => format!("{:.2} s", us as f64 / 1e6),
    }
}
