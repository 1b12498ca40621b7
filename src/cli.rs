//! The command line. Exit codes: 0, 1 failed (`check`: faults found), 2 usage, or `run` with a faulty configuration.

mod audit;
mod conformance;
mod demo;
mod dev;
mod keys;
mod legacy;
mod reload;
mod run;

use std::io::IsTerminal;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::check;
use crate::config::{self, ConfigError};
use crate::demo::{LimitPolicy, SessionPolicy};

/// An auth gateway: one sid cookie, one session backend, one place that decides.
#[derive(Debug, Parser)]
#[command(name = "sidgate", version, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve, as the configuration says (the default).
    Run {
        /// The configuration.
        #[arg(long, default_value = "gateway.toml")]
        config: PathBuf,
    },
    /// Try it: gateway, session backend and application in one process; nothing to install.
    Demo {
        /// Where the gateway listens.
        #[arg(long, default_value = "127.0.0.1:8443")]
        https: std::net::SocketAddr,
        /// Where the admin listener is.
        #[arg(long, default_value = "127.0.0.1:9901")]
        admin: std::net::SocketAddr,
        /// For load tests: make so many sessions, and write their sids to --test-sessions-file.
        #[arg(long, requires = "test_sessions_file", value_parser = clap::value_parser!(u32).range(1..=100_000))]
        test_sessions: Option<u32>,
        /// Where the sids go, one per line; readable by you alone.
        #[arg(long, requires = "test_sessions")]
        test_sessions_file: Option<PathBuf>,
        #[command(flatten)]
        sessions: Sessions,
    },
    /// Daily work with `next dev`: https on localhost, users to switch between, and every redirect explained.
    Dev(Dev),
    /// The keys of the signed assertion: make, list, retire.
    Keys {
        #[command(subcommand)]
        command: keys::Command,
    },
    /// Report every fault of a configuration; exit 1 if there is one.
    Check {
        /// The configuration.
        #[arg(long, default_value = "gateway.toml")]
        config: PathBuf,
    },
    /// Try a session backend on every sentence of contract v1; exit 1 if it does not keep one.
    Conformance(conformance::Conformance),
    /// Read the audit trail: is it whole, and what does it say?
    #[command(subcommand)]
    Audit(audit::Command),
    /// Legacy cookies: who still uses them, and how the migration goes.
    #[command(subcommand)]
    Legacy(legacy::Command),
    /// Have the running gateway read its configuration again; exit 1 if that is faulty, and nothing has changed.
    Reload {
        /// The configuration that it runs with.
        #[arg(long, default_value = "gateway.toml")]
        config: PathBuf,
        /// Its admin listener, where that is not the one of the configuration (any more).
        #[arg(long, value_name = "ADDRESS")]
        admin: Option<std::net::SocketAddr>,
        /// Who wants it, for log and audit trail; the system's user otherwise.
        #[arg(long, value_name = "NAME")]
        operator: Option<String>,
    },
    /// Print the version.
    Version,
}

/// Of the embedded backend.
#[derive(Debug, clap::Args)]
struct Sessions {
    /// Sessions that one user may have at once; any number otherwise.
    #[arg(long, value_name = "N")]
    session_limit: Option<NonZeroUsize>,
    /// At a sign-in past --session-limit: end the oldest session, or refuse the sign-in.
    #[arg(long, value_name = "POLICY", default_value = "evict_oldest")]
    session_limit_policy: LimitPolicy,
    /// How long a session lasts, whatever happens in it.
    #[arg(long, value_name = "TIME", value_parser = lifetime, default_value = "12h")]
    session_lifetime: Duration,
    /// How long a session lasts without activity; as long as its lifetime otherwise.
    #[arg(long, value_name = "TIME", value_parser = lifetime)]
    session_idle_lifetime: Option<Duration>,
}

impl Sessions {
    fn policy(&self) -> SessionPolicy {
        SessionPolicy {
            limit: self.session_limit,
            limit_policy: self.session_limit_policy,
            lifetime: self.session_lifetime,
            idle_lifetime: self.session_idle_lifetime,
        }
    }
}

/// As durations are written in `gateway.toml`.
fn lifetime(text: &str) -> Result<Duration, String> {
    let time = config::parse_duration(text).filter(|time| *time >= Duration::from_secs(1));
    time.ok_or_else(|| "a time of at least a second, such as \"30m\" or \"12h\"".to_owned())
}

#[derive(Debug, clap::Args)]
struct Dev {
    /// The application.
    #[arg(long, value_name = "URL", default_value = "http://localhost:3000")]
    upstream: String,
    /// Who a browser is at its first visit: alice, bob, carol, newbie, or an e-mail address.
    #[arg(long = "as", value_name = "USER")]
    user: Option<String>,
    /// Your session backend, with its key in SIDGATE_GATEWAY_KEY; the embedded one otherwise.
    #[arg(long, value_name = "URL")]
    backend: Option<String>,
    /// Your routes and pages; those for a new application otherwise.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the gateway listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8443")]
    https: std::net::SocketAddr,
    /// Where the admin listener is.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9901")]
    admin: std::net::SocketAddr,
    /// The folder of the development authority; in your own data otherwise.
    #[arg(long, value_name = "DIR")]
    ca: Option<PathBuf>,
    /// Explain what is let through, too.
    #[arg(long)]
    verbose: bool,
    #[command(flatten)]
    sessions: Sessions,
}

impl Dev {
    fn options(self) -> crate::dev::Options {
        let Self { upstream, user, backend, config, https, admin, ca, verbose, sessions } = self;
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        crate::dev::Options {
            upstream,
            user,
            backend,
            config,
            https,
            admin,
            ca,
            verbose,
            colour,
            sessions: sessions.policy(),
        }
    }
}

/// Reads the arguments and does what they say.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command.unwrap_or(Command::Run { config: "gateway.toml".into() }) {
        Command::Run { config } => run::run(&config),
        Command::Demo { https, admin, test_sessions, test_sessions_file, sessions } => {
            let test_sessions = test_sessions.zip(test_sessions_file);
            let test_sessions = test_sessions.map(|(count, file)| demo::TestSessions { count, file });
            demo::run(https, admin, test_sessions, sessions.policy())
        }
        Command::Dev(dev) => dev::run(&dev.options()),
        Command::Keys { command } => keys::run(command),
        Command::Check { config } => match check::load(&config) {
            Ok(found) => {
                let (routes, upstreams) =
                    (counted(found.routes.len(), "route"), counted(found.upstreams.len(), "upstream"));
                println!("{}: ok ({routes}, {upstreams})", config.display());
                for note in check::notes(&found) {
                    println!("note: {note}");
                }
                ExitCode::SUCCESS
            }
            Err(faults) => {
                print_faults(&faults);
                ExitCode::from(1)
            }
        },
        Command::Conformance(arguments) => conformance::run(arguments),
        Command::Audit(command) => audit::run(&command),
        Command::Legacy(command) => legacy::run(&command),
        Command::Reload { config, admin, operator } => reload::run(&config, admin, operator),
        Command::Version => {
            println!("sidgate {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
    }
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn print_faults(faults: &ConfigError) {
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    eprintln!("{}", faults.render(colour));
}

fn fail(reason: &str) -> ExitCode {
    eprintln!("sidgate: {reason}");
    ExitCode::from(1)
}
