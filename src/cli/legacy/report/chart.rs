//! The report for people, with a small chart.

use std::fmt::Write;

use jiff::ToSpan;
use jiff::civil::Date;

use super::tally::{Day, Tally};
use crate::escape::escape;

/// Columns of the longest bar.
const WIDTH: u64 = 24;

/// What bars are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bars {
    /// Eighths of a block.
    Blocks,
    /// Where the terminal has no others.
    Ascii,
}

impl Bars {
    /// By the locale, as every program goes by it.
    pub(super) fn for_terminal() -> Self {
        let locale =
            ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
        let locale = locale.unwrap_or_default().to_ascii_lowercase();
        if locale.contains("utf-8") || locale.contains("utf8") { Self::Blocks } else { Self::Ascii }
    }

    /// A bar of this part of the longest.
    fn bar(self, value: u64, longest: u64) -> String {
        let eighths = (value * WIDTH * 8).div_ceil(longest.max(1));
        match self {
            Self::Ascii => "#".repeat(eighths.div_ceil(8) as usize),
            Self::Blocks => {
                let part = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][(eighths % 8) as usize];
                let whole = "█".repeat((eighths / 8) as usize);
                format!("{whole}{part}").trim_end().to_owned()
            }
        }
    }
}

pub(super) fn table(tally: &Tally, days: usize, bars: Bars) -> String {
    let mut out = String::new();
    let (Some(first), Some(last)) = (tally.days.keys().next(), tally.days.keys().next_back()) else {
        return "Nothing is told of legacy cookies in this trail. Is [legacy] enabled, and is it the right file? Summaries come \
                every five minutes.\n"
            .into();
    };
    // Writing to a String cannot fail.
    let _ = writeln!(out, "Migration of legacy cookies, {} to {} (UTC)\n", plain(first), plain(last));
    totals(&mut out, tally);
    carriers(&mut out, tally);
    chart(&mut out, tally, days, bars);
    for (time, outcome) in &tally.stops {
        let what = match outcome.as_str() {
            "stopped" => "stopped by itself: too many failed",
            "trial" => "is tried again",
            _ => "goes on",
        };
        let _ = writeln!(out, "{}  migration {what}", short(time));
    }
    out
}

fn totals(out: &mut String, tally: &Tally) {
    let mut line = |what: &str, number: u64, more: &str| {
        let line = format!("  {what:<18}{:>10}  {more}", grouped(number));
        let _ = writeln!(out, "{}", line.trim_end());
    };
    let (migrated, returned) = (tally.migrated(), tally.returned());
    line("migrated", migrated, "sessions");
    line("came back", returned, &format!("of them with their sid ({})", percent(returned, migrated)));
    let reason = |why: &str| if why == "refused" { "by the backend".to_owned() } else { plain(why) };
    let reasons: Vec<String> =
        tally.refused.iter().map(|(why, n)| format!("{} {}", reason(why), grouped(*n))).collect();
    line("refused", tally.refused.values().sum(), &reasons.join(", "));
    line("conflicts", tally.conflicts, "browsers whose cookies named several users; nobody was signed in");
    let forecast = tally.seen.forecast();
    if forecast.browsers > 0 {
        let (all, share) = (grouped(forecast.browsers), percent(forecast.must_sign_in, forecast.browsers));
        line(
            "must sign in",
            forecast.must_sign_in,
            &format!("of {all} browsers have nothing that can be asked about ({share})"),
        );
    }
    let carrying = match tally.seen.requests {
        0 if tally.last_seen.is_some() => "not told yet: summaries come every five minutes".to_owned(),
        requests => format!("browsers, in {} requests", grouped(requests)),
    };
    line("carrying", tally.seen.browsers.count(), &carrying);
    let Some(time) = &tally.last_seen else { return out.push_str("  last seen         never\n") };
    if let Some((day, of)) = tally.days.get_key_value(time.get(..10).unwrap_or_default()) {
        line("  on the last day", of.seen.browsers.count(), &plain(day));
    }
    let _ = writeln!(out, "  last seen         {} UTC", short(time));
}

fn carriers(out: &mut String, tally: &Tally) {
    if tally.carriers.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n  {:<24}{:>10}{:>10}", "carrier", "migrated", "refused");
    for (name, carrier) in &tally.carriers {
        let refused = grouped(carrier.refused.values().sum());
        let _ = writeln!(out, "  {:<24}{:>10}{refused:>10}", plain(name), grouped(carrier.migrated));
    }
}

fn chart(out: &mut String, tally: &Tally, most: usize, bars: Bars) {
    let all = every_day(tally, most);
    let longest = |of: fn(&Day) -> u64| all.iter().filter_map(|(_, day)| day.map(of)).max().unwrap_or_default();
    let (migrated, browsers) = (longest(|d| d.migrated), longest(|d| d.seen.browsers.count()));
    let width = WIDTH as usize + 10;
    let _ = writeln!(out, "\n  {:<12}{:<width$}still carrying", "day", "migrated");
    for (date, day) in &all {
        let of = |value: u64, longest| {
            let bar = bars.bar(value, longest);
            format!("{bar}{}{}", if bar.is_empty() { "" } else { " " }, grouped(value))
        };
        let (left, right) = match day {
            Some(day) => (of(day.migrated, migrated), of(day.seen.browsers.count(), browsers)),
            None => ("0".to_owned(), "0".to_owned()),
        };
        let _ = writeln!(out, "  {date:<12}{left:<width$}{right}");
    }
    out.push('\n');
}

/// Days on which nothing happened, too: that nobody carries any more is what one waits for.
fn every_day(tally: &Tally, most: usize) -> Vec<(String, Option<&Day>)> {
    let dates: Vec<Date> = tally.days.keys().filter_map(|day| day.parse().ok()).collect();
    let (Some(first), Some(last)) = (dates.first(), dates.last()) else { return Vec::new() };
    let mut days: Vec<_> = last
        .series((-1).days())
        .take_while(|day| day >= first)
        .take(most)
        .map(|day| (day.to_string(), tally.days.get(&day.to_string())))
        .collect();
    days.reverse();
    days
}

/// `12,345`
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".into();
    }
    let tenths = part * 1000 / whole;
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// `2026-11-24 13:00`
fn short(time: &str) -> String {
    plain(time.get(..16).unwrap_or(time)).replacen('T', " ", 1)
}

fn plain(text: &str) -> String {
    let mut out = String::new();
    escape(&mut out, text);
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tally() -> Tally {
        let mut tally = Tally::default();
        let mut add = |time: &str, kind: &str, session: usize| {
            tally.add(&json!({
                "time": format!("{time}T12:00:00.000000Z"), "kind": kind, "session": format!("{session:016x}"),
                "carrier": "session_token", "reason": "refused",
            }));
        };
        (0..1_200).for_each(|n| add("2026-11-20", "legacy_migrated", n));
        (1_200..1_500).for_each(|n| add("2026-11-22", "legacy_migrated", n));
        (0..1_000).for_each(|n| add("2026-11-22", "legacy_returned", n));
        (0..7).for_each(|n| add("2026-11-22", "legacy_refused", n));
        tally
    }

    #[test]
    fn it_is_read_at_a_glance_in_any_terminal() {
        let text = table(&tally(), 30, Bars::Ascii);
        assert!(text.is_ascii(), "{text}");
        for line in [
            "  migrated               1,500  sessions",
            "  came back              1,000  of them with their sid (66.6 %)",
            "  refused                    7  by the backend 7",
            "  carrying                   0  not told yet: summaries come every five minutes",
            "  last seen         2026-11-22 12:00 UTC",
            "  session_token                1,500         7",
            "  2026-11-20  ######################## 1,200    0",
            "  2026-11-21  0                                 0",
            "  2026-11-22  ###### 300                        0",
        ] {
            assert!(text.lines().any(|l| l == line), "{line:?} in\n{text}");
        }
        let text = table(&tally(), 1, Bars::Blocks);
        assert!(text.contains("  2026-11-22  ████████████████████████ 300") && !text.contains("2026-11-21"), "{text}");
    }

    #[test]
    fn an_empty_trail_says_so() {
        assert!(table(&Tally::default(), 30, Bars::Ascii).contains("Is [legacy] enabled"));
    }
}
