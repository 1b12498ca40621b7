//! `sidgate keys`: the keys of the signed assertion.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::{fail, print_faults};
use crate::assertion::{self, Listed};
use crate::config::{self, Config};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a key in the folder that the configuration names; the first one turns the assertion on.
    New {
        /// The configuration.
        #[arg(long, default_value = "gateway.toml")]
        config: PathBuf,
    },
    /// Show every key, and what it does.
    List {
        /// The configuration.
        #[arg(long, default_value = "gateway.toml")]
        config: PathBuf,
    },
    /// Remove a key that is of no use any more.
    Retire {
        /// Its kid, or the beginning of it.
        // One in sixty-four begins with a hyphen.
        #[arg(allow_hyphen_values = true)]
        kid: String,
        /// Though it is in use: it may have leaked. What it signed is worth nothing as soon as receivers know.
        #[arg(long)]
        now: bool,
        /// The configuration.
        #[arg(long, default_value = "gateway.toml")]
        config: PathBuf,
    },
}

pub(super) fn run(command: Command) -> ExitCode {
    let done = match &command {
        Command::New { config } => with(config, new),
        Command::List { config } => with(config, list),
        Command::Retire { kid, now, config } => with(config, |config| retire(config, kid, *now)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(code) => code,
    }
}

/// Of the configuration only this table has to be right.
fn with(path: &Path, act: impl FnOnce(&config::Assertion) -> Result<(), String>) -> Result<(), ExitCode> {
    let config = Config::load_only(path, "assertion").map_err(|faults| {
        print_faults(&faults);
        ExitCode::from(1)
    })?;
    act(&config.assertion).map_err(|reason| fail(&reason))
}

fn new(config: &config::Assertion) -> Result<(), String> {
    let key = assertion::create(config)?;
    println!("{}\n{}", row(&key), key.file.display());
    let next = if key.state == "signs" {
        "It is the first: it signs as soon as sidgate has read it. A running sidgate does so within a minute."
    } else {
        "A running sidgate publishes it within a minute. Nothing is left to do: the key before it signs until then,\n\
         and is published until what it signed has expired."
    };
    println!(
        "\n{next}\nReceivers find it in /.well-known/sidgate/jwks.json; it must never leave this machine otherwise."
    );
    Ok(())
}

fn list(config: &config::Assertion) -> Result<(), String> {
    let keys = assertion::list(config)?;
    if keys.is_empty() {
        println!("There is no key, and nothing is signed. `sidgate keys new` makes one.");
    }
    keys.iter().for_each(|key| println!("{}", row(key)));
    for key in keys.iter().filter(|key| key.exposed) {
        println!("\nwarning: everybody on this machine can read {}: chmod 600", key.file.display());
    }
    Ok(())
}

fn retire(config: &config::Assertion, kid: &str, now: bool) -> Result<(), String> {
    let (old, new) = assertion::retire(config, kid, now)?;
    println!("removed  {}", old.file.display());
    if let Some(new) = new {
        println!("made     {}  in its place", new.file.display());
    }
    println!("\nA running sidgate follows within a minute; at once when it is told to reload (SIGHUP).");
    if now {
        println!("Receivers may keep the old key set for as long as they cache it: restart those that matter.");
    }
    Ok(())
}

fn row(key: &Listed) -> String {
    format!("{}  {}  {}", key.kid, key.algorithm, key.state)
}
