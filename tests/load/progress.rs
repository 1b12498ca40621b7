//! How it goes, while it goes: one line that is written anew each second, or a line every five where nobody watches.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use crate::options::Kind;
use crate::report::{Second, ms};

pub(crate) struct Progress {
    kind: Kind,
    warmup: u64,
    whole: u64,
    terminal: bool,
}

impl Progress {
    pub(crate) fn new(kind: Kind, warmup: Duration, duration: Duration) -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self { kind, warmup: warmup.as_secs(), whole: (warmup + duration).as_secs(), terminal }
    }

    pub(crate) fn show(&mut self, second: &Second) {
        if !self.terminal && !second.at.is_multiple_of(5) {
            return;
        }
        let what = if second.at <= self.warmup { "warming up".into() } else { self.figures(second) };
        let line = format!("{:<9} {:>3}/{} s  {what}", self.kind.as_str(), second.at, self.whole);
        let mut err = std::io::stderr();
        let _ = if self.terminal { write!(err, "\r\x1b[K{line}") } else { writeln!(err, "{line}") };
        let _ = err.flush();
    }

    fn figures(&self, second: &Second) -> String {
        format!(
            "{:>6}/s  p50 {:>8}  p99 {:>8}  errors {}  in flight {}  backlog {}",
            second.completed,
            ms(second.p50_us),
            ms(second.p99_us),
            second.errors,
            second.in_flight,
            second.backlog
        )
    }

    pub(crate) fn end(&self) {
        if self.terminal {
            eprint!("\r\x1b[K");
        }
    }
}
