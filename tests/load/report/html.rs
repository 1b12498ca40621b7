//! A page of its own: for each scenario the latency by percentile, and how it went second by second.

use std::fmt::Write;

use super::{QUANTILES, Report, Run, ms};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 220.0;
/// Room for the labels, left and below.
const LEFT: f64 = 62.0;
const BELOW: f64 = 26.0;

const STYLE: &str = "
:root { color-scheme: light dark; --ink: light-dark(#1d2433, #e6e9f0); --soft: light-dark(#68708a, #9aa3bb);
  --line: light-dark(#d9dde7, #363d4f); --first: light-dark(#2f6fde, #7aa7ff); --second: light-dark(#c4532d, #ff9a76); }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: light-dark(#fff, #151922);
  max-width: 44rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.3rem } h2 { font-size: 1.1rem; margin: 2.2rem 0 .2rem } p, figcaption { color: var(--soft); margin: .2rem 0 }
table { border-collapse: collapse; margin: .6rem 0 } td, th { padding: .15rem .9rem .15rem 0; text-align: left; font-weight: 400 }
td { font-variant-numeric: tabular-nums } figure { margin: 1rem 0 } svg { width: 100%; height: auto }
.grid { stroke: var(--line) } text { fill: var(--soft); font-size: 11px } path { fill: none; stroke-width: 2 }
.first { stroke: var(--first) } .second { stroke: var(--second) } text.first { fill: var(--first); stroke: none }
text.second { fill: var(--second); stroke: none } .warn { color: var(--second) }
";

pub(super) fn page(report: &Report) -> String {
    let mut out = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Load on {target}</title><style>{STYLE}</style><h1>Load on {target}</h1>\
         <p>{} · {} · {} connections · {} sids · open loop: latency counts from when a request was due</p>",
        report.started.strftime("%F %T UTC"),
        report.protocol,
        report.connections,
        report.sids,
        target = escape(&report.target),
    );
    for run in &report.runs {
        section(&mut out, run);
    }
    out + "</html>\n"
}

fn section(out: &mut String, run: &Run) {
    let m = &run.measured;
    let _ = write!(out, "<h2>{}</h2><table>", escape(&run.title()));
    let mut row = |name: &str, value: &str| {
        let _ = write!(out, "<tr><th>{name}</th><td>{}</td></tr>", escape(value));
    };
    row("answered", &format!("{} of {} scheduled", m.latency.len(), run.scheduled));
    let outcomes: Vec<String> = m.outcomes.iter().map(|(what, n)| format!("{what}: {n}")).collect();
    row("answers", &outcomes.join(", "));
    row("errors", &format!("{} wrong, {} without an answer", m.wrong, run.unsent));
    if let Some(calls) = run.backend_calls {
        row("backend asked", &format!("{calls} times"));
    }
    out.push_str("</table>");
    if run.behind() {
        out.push_str("<p class=\"warn\">The target could not keep up: requests had to wait before they were sent.</p>");
    }
    percentiles(out, run);
    if run.seconds.iter().filter(|s| s.completed > 0).count() > 1 {
        seconds(out, run);
    }
}

/// The slow end is what matters, so the axis stretches it: p90, p99, p99.9 are at equal distances.
fn percentiles(out: &mut String, run: &Run) {
    let nines = |q: f64| -(1.0 - q).log10() / 4.0;
    let steps = (0..=80).map(|i| 1.0 - 10_f64.powf(-f64::from(i) / 20.0));
    let line = |of: &hdrhistogram::Histogram<u64>| -> Vec<(f64, f64)> {
        steps.clone().map(|q| (nines(q), of.value_at_quantile(q) as f64)).collect()
    };
    let (latency, service) = (line(&run.measured.latency), line(&run.measured.service));
    let most = latency.iter().map(|p| p.1).fold(1.0, f64::max);
    let labels: Vec<(f64, String)> = QUANTILES.iter().map(|(name, q)| (nines(*q), (*name).to_owned())).collect();
    chart(
        out,
        "Latency by percentile",
        &labels,
        most,
        &[("second", "from when it was sent", service), ("first", "from when it was due", latency)],
    );
}

fn seconds(out: &mut String, run: &Run) {
    let last = run.seconds.last().map_or(1, |s| s.at.max(1)) as f64;
    let line = |value: fn(&super::Second) -> u64| -> Vec<(f64, f64)> {
        run.seconds.iter().filter(|s| s.completed > 0).map(|s| (s.at as f64 / last, value(s) as f64)).collect()
    };
    let (p50, p99) = (line(|s| s.p50_us), line(|s| s.p99_us));
    let most = p99.iter().map(|p| p.1).fold(1.0, f64::max);
    let labels: Vec<(f64, String)> =
        [0.0, 0.25, 0.5, 0.75, 1.0].iter().map(|x| (*x, format!("{:.0} s", x * last))).collect();
    chart(out, "Latency second by second", &labels, most, &[("first", "p50", p50), ("second", "p99", p99)]);
}

/// Its class, its name, its points: share of the axis, and microseconds.
type Line = (&'static str, &'static str, Vec<(f64, f64)>);

/// Lines over an axis from 0 to 1, and from 0 to `most` microseconds.
fn chart(out: &mut String, caption: &str, labels: &[(f64, String)], most: f64, lines: &[Line]) {
    let x = |share: f64| LEFT + share.clamp(0.0, 1.0) * (WIDTH - LEFT - 12.0);
    let y = |us: f64| (HEIGHT - BELOW) - us / most * (HEIGHT - BELOW - 14.0);
    let _ =
        write!(out, "<figure><figcaption>{caption}</figcaption><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">");
    for quarter in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let (at, us) = (y(most * quarter), (most * quarter) as u64);
        let _ = write!(
            out,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            at + 4.0,
            ms(us)
        );
    }
    for (share, label) in labels {
        let _ =
            write!(out, "<text x=\"{:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{label}</text>", x(*share), HEIGHT - 8.0);
    }
    for (i, (class, name, points)) in lines.iter().enumerate() {
        let path: Vec<String> = points.iter().map(|(at, us)| format!("{:.1} {:.1}", x(*at), y(*us))).collect();
        let _ = write!(
            out,
            "<path class=\"{class}\" d=\"M{}\"/><text class=\"{class}\" x=\"{:.0}\" y=\"{:.0}\">{name}</text>",
            path.join("L"),
            LEFT + 8.0,
            22.0 + 15.0 * i as f64
        );
    }
    out.push_str("</svg></figure>");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
