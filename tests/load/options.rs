//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::Fault;

/// A rate beyond this is more likely a slip than a wish.
const UNUSUAL_RATE: f64 = 50_000.0;

/// Puts load on a gateway: open loop, latency counted from the scheduled time.
#[derive(Debug, Clone, Parser)]
#[command(name = "load")]
pub(crate) struct Options {
    /// What to ask for, e.g. https://shop.example/acme/dashboard. Absent: a `sidgate demo` of its own.
    #[arg(long)]
    pub(crate) target: Option<String>,
    /// Which load; several may be named, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "hot,mixed,stampede,sign-in")]
    pub(crate) scenario: Vec<Kind>,
    /// Requests per second (hot and mixed).
    #[arg(long, default_value_t = 500.0)]
    pub(crate) rate: f64,
    /// How long each scenario lasts.
    #[arg(long, value_parser = duration, default_value = "10s")]
    pub(crate) duration: Duration,
    /// Time at the beginning that does not count.
    #[arg(long, value_parser = duration, default_value = "2s")]
    pub(crate) warmup: Duration,
    /// How arrivals are spread.
    #[arg(long, value_enum, default_value = "poisson")]
    pub(crate) arrivals: Arrivals,
    /// Connections. With HTTP/1.1 each carries one request at a time.
    #[arg(long, default_value_t = 64)]
    pub(crate) connections: usize,
    /// HTTP/2 instead of HTTP/1.1.
    #[arg(long)]
    pub(crate) http2: bool,
    /// HTTP/2: concurrent streams of one connection.
    #[arg(long, default_value_t = 32)]
    pub(crate) streams: usize,
    /// Longest to wait for one answer.
    #[arg(long, value_parser = duration, default_value = "30s")]
    pub(crate) timeout: Duration,
    /// Connect here instead of where the name leads to.
    #[arg(long)]
    pub(crate) resolve: Option<SocketAddr>,
    /// A CA to trust besides the system's, as PEM.
    #[arg(long)]
    pub(crate) ca: Option<PathBuf>,
    /// Trust every certificate.
    #[arg(long)]
    pub(crate) insecure: bool,
    /// A further header, `Name: value`; may be given several times.
    #[arg(long = "header")]
    pub(crate) headers: Vec<String>,
    /// Name of the session cookie.
    #[arg(long, default_value = "sid")]
    pub(crate) cookie: String,
    /// File with sids, one per line; `#` begins a comment.
    #[arg(long)]
    pub(crate) sids: Option<PathBuf>,
    /// File with `email password` per line: for sign-in, and for sids where there is no file of them.
    #[arg(long)]
    pub(crate) users: Option<PathBuf>,
    /// The gateway's admin listener, e.g. http://127.0.0.1:9901: tells how often the backend was asked.
    #[arg(long)]
    pub(crate) admin: Option<String>,
    /// Mixed: how sids are picked.
    #[arg(long, value_enum, default_value = "zipf")]
    pub(crate) pick: Pick,
    /// Mixed: share of requests with a made-up sid, in percent. A gateway limits these per client.
    #[arg(long, default_value_t = 0.0)]
    pub(crate) bad: f64,
    /// Mixed: share of requests without a sid, in percent.
    #[arg(long, default_value_t = 5.0)]
    pub(crate) absent: f64,
    /// Stampede: requests at once.
    #[arg(long, default_value_t = 200)]
    pub(crate) crowd: usize,
    /// Stampede: how many times, each with another sid.
    #[arg(long, default_value_t = 3)]
    pub(crate) times: usize,
    /// Sign-in: attempts per second.
    #[arg(long, default_value_t = 0.4)]
    pub(crate) sign_in_rate: f64,
    /// Migrate: file with ids of sessions of the old days, one per line; each migrates once.
    #[arg(long)]
    pub(crate) proofs: Option<PathBuf>,
    /// Migrate: file with the secret of a carrier `aes_256_cbc` that reads `dott_auth_session`.
    #[arg(long)]
    pub(crate) legacy_secret: Option<PathBuf>,
    /// Migrate: browsers that arrive per second.
    #[arg(long, default_value_t = 200.0)]
    pub(crate) migrate_rate: f64,
    /// Migrate without --target: how many browsers there are.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) browsers: usize,
    /// Migrate: the gateway's process, where it runs on this machine: tells its CPU time and memory.
    #[arg(long)]
    pub(crate) pid: Option<u32>,
    /// Statuses that a request with a live sid may be answered with; default: any 2xx.
    #[arg(long, value_delimiter = ',')]
    pub(crate) expect: Vec<u16>,
    /// Fail (exit 1) where a scenario's p99 is above.
    #[arg(long, value_parser = duration)]
    pub(crate) max_p99: Option<Duration>,
    /// Fail (exit 1) where more than this share of a scenario's requests went wrong, e.g. 0.1%.
    #[arg(long, value_parser = percent)]
    pub(crate) max_errors: Option<f64>,
    /// Write everything that was measured here.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    /// Write a page with plots here.
    #[arg(long)]
    pub(crate) html: Option<PathBuf>,
    /// Seed of all that is random, for two runs that ask the same.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Yes, more than 50,000 requests per second.
    #[arg(long)]
    pub(crate) unusual_rate: bool,
}

/// A scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// One sid in steady use: what the gateway's cache is for.
    Hot,
    /// Many sids, some requests without one: a shop's ordinary day.
    Mixed,
    /// Many requests at once with one sid that the gateway has not seen.
    Stampede,
    /// People who sign in.
    SignIn,
    /// Browsers that still carry legacy cookies, each for the first time, beside people who are signed in.
    Migrate,
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Mixed => "mixed",
            Self::Stampede => "stampede",
            Self::SignIn => "sign-in",
            Self::Migrate => "migrate",
        }
    }
}

/// How arrivals are spread over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Arrivals {
    /// As people come: independent of each other.
    Poisson,
    /// At equal distances.
    Constant,
}

/// How sids are picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Pick {
    /// A few are busy, most are rare.
    Zipf,
    /// All alike.
    Uniform,
}

impl Options {
    /// What no single option can say of itself.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        let positive = |name: &str, value: f64| {
            if value.is_finite() && value > 0.0 { Ok(()) } else { Err(format!("--{name} must be above zero")) }
        };
        positive("rate", self.rate)?;
        positive("sign-in-rate", self.sign_in_rate)?;
        positive("migrate-rate", self.migrate_rate)?;
        for (name, rate) in [("rate", self.rate), ("migrate-rate", self.migrate_rate)] {
            if rate > UNUSUAL_RATE && !self.unusual_rate {
                return Err(format!("--{name} {rate} is unusually high; add --unusual-rate if it is meant"));
            }
        }
        // Old sessions and new ones must both find room in the embedded backend.
        if !(1..=40_000).contains(&self.browsers) {
            return Err("--browsers is between 1 and 40000".into());
        }
        if self.connections == 0 || self.streams == 0 || self.crowd == 0 || self.times == 0 {
            return Err("--connections, --streams, --crowd and --times must be above zero".into());
        }
        if !(0.0..=100.0).contains(&(self.bad + self.absent)) || self.bad < 0.0 || self.absent < 0.0 {
            return Err("--bad and --absent are percentages of all requests, together 100 at most".into());
        }
        if self.duration.is_zero() {
            return Err("--duration must be above zero".into());
        }
        Ok(())
    }

    /// The scenarios, each once.
    pub(crate) fn kinds(&self) -> Vec<Kind> {
        let mut kinds = Vec::new();
        for kind in &self.scenario {
            if !kinds.contains(kind) {
                kinds.push(*kind);
            }
        }
        kinds
    }
}

/// `250ms`, `10s`, `2m`.
fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err("a number with ms, s, m or h, such as 10s".into()),
    };
    let number: f64 = number.parse().map_err(|_| "a number with a unit, such as 10s".to_owned())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| "too long".to_owned())
}

/// `0.1%` or `0.1`, in percent; kept as a share.
fn percent(text: &str) -> Result<f64, String> {
    let number: f64 = text.trim_end_matches('%').parse().map_err(|_| "a percentage such as 0.1%".to_owned())?;
    if (0.0..=100.0).contains(&number) { Ok(number / 100.0) } else { Err("between 0% and 100%".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_percentages_read_as_people_write_them() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert!(duration("10").is_err() && duration("x").is_err() && duration("1e9h").is_err());
        assert_eq!(percent("0.1%"), Ok(0.001));
        assert!(percent("101").is_err() && percent("-1").is_err());
    }
}
