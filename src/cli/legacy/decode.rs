//! `sidgate legacy decode`: one cookie, explained offline.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::explained::{Explained, input, load};
use crate::legacy::{Carriers, Jar};

#[derive(Debug, Args)]
pub(in crate::cli) struct Decode {
    /// The configuration that names the carriers. Their keys are read, whether or not [legacy] is enabled.
    #[arg(long, value_name = "FILE", default_value = "gateway.toml")]
    config: PathBuf,
    /// The cookie's name; that of a chunk for a chunk.
    #[arg(long, value_name = "COOKIE")]
    name: String,
}

/// Prints one line of JSON. 0 with a proof, 1 without, 2 when it could not be tried.
pub(super) fn run(asked: &Decode) -> ExitCode {
    let done = load(&asked.config).and_then(|config| Ok((config, input()?)));
    let (config, value) = match done {
        Ok(done) => done,
        Err(code) => return code,
    };
    let value = value.trim_ascii();
    // As it is copied from a header.
    let pair = value.strip_prefix(asked.name.as_bytes()).and_then(|rest| rest.strip_prefix(b"="));
    let value = pair.unwrap_or(value);
    let carriers = Carriers::new(&config.legacy);
    let candidates = carriers.read(&Jar::single(&asked.name, value), Timestamp::now()).candidates;
    let explained = Explained::of(&candidates);
    let others: Vec<_> = explained.others.iter().map(|other| other.json()).collect();
    let mut said = explained.best_json();
    if let Some(said) = said.as_object_mut() {
        said.insert("cookie".into(), json!(asked.name));
        said.insert("bytes".into(), json!(value.len()));
        said.insert("others".into(), json!(others));
    }
    println!("{said}");
    if explained.has_proof() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}
