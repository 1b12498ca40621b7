//! `sidgate conformance`: does a backend keep contract v1?

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use super::run::in_runtime;
use crate::config::{Config, Secret, Target};
use crate::conformance::{self, Limit, LimitPolicy, Line, Options, People};

/// The variable that holds the key where no option names one.
const KEY_VARIABLE: &str = "SIDGATE_GATEWAY_KEY";

#[derive(Debug, clap::Args)]
pub(super) struct Conformance {
    /// The backend, as `backend.url` names it.
    #[arg(long, value_name = "URL")]
    url: String,
    /// The gateway's key: file:PATH or ${NAME}; that in SIDGATE_GATEWAY_KEY otherwise.
    #[arg(long, value_name = "SECRET")]
    gateway_key: Option<String>,
    /// The test accounts; their sessions end. See deploy/conformance.md.
    #[arg(long, value_name = "FILE")]
    people: PathBuf,
    /// The limit of sessions that the backend keeps: how many, and evict_oldest or deny.
    #[arg(long, num_args = 2, value_names = ["N", "POLICY"])]
    expect_limit: Option<Vec<String>>,
    /// Try `{"all": true}` too, which ends everybody's sessions.
    #[arg(long)]
    end_everyone: bool,
    /// Only checks whose names begin like this; may be given several times.
    #[arg(long, value_name = "CHECK")]
    only: Vec<String>,
    /// The authorities that vouch for an https backend (PEM); the system's otherwise.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The longest that one call may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
    /// How it is told: `text` as it goes, or `json` at the end.
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    format: String,
}

pub(super) fn run(arguments: Conformance) -> ExitCode {
    let json = arguments.format == "json";
    match options(arguments) {
        Ok(options) => in_runtime(&Config::default(), check(options, json)),
        Err(reason) => usage(&reason),
    }
}

async fn check(options: Options, json: bool) -> ExitCode {
    let mut said = |line: &Line| {
        if !json {
            println!("{}", line.render());
        }
    };
    match conformance::run(options, &mut said).await {
        Ok(report) => {
            if json {
                println!("{:#}", report.json());
            } else {
                println!("\n{}", report.summary());
            }
            if report.good() { ExitCode::SUCCESS } else { ExitCode::from(1) }
        }
        Err(reason) => usage(&reason),
    }
}

fn usage(reason: &str) -> ExitCode {
    eprintln!("sidgate: {reason}");
    ExitCode::from(2)
}

fn options(arguments: Conformance) -> Result<Options, String> {
    let Conformance { url, gateway_key, people, expect_limit, end_everyone, only, ca, timeout, .. } = arguments;
    let named = gateway_key.unwrap_or_else(|| format!("${{{KEY_VARIABLE}}}"));
    let env = |name: &str| std::env::var(name).ok();
    let text = std::fs::read_to_string(&people).map_err(|e| format!("{} cannot be read: {e}", people.display()))?;
    Ok(Options {
        url: Target::parse(&url).map_err(|why| format!("--url: {why}"))?,
        ca,
        gateway_key: Secret::read(&named, Path::new("."), &env).map_err(|why| format!("--gateway-key: {why}"))?,
        people: People::parse(&text).map_err(|why| format!("{}: {why}", people.display()))?,
        limit: expect_limit.map(|words| limit(&words)).transpose()?,
        end_everyone,
        only,
        timeout: Duration::from_secs(timeout),
    })
}

fn limit(words: &[String]) -> Result<Limit, String> {
    let fault = "--expect-limit: a number and a policy, such as `2 evict_oldest` or `2 deny`";
    let [sessions, policy] = words else { return Err(fault.into()) };
    let sessions = sessions.parse().ok().filter(|n| *n > 0 && *n <= 100).ok_or(fault)?;
    Ok(Limit { sessions, policy: LimitPolicy::parse(policy).ok_or(fault)? })
}
