//! What a configuration file may say, and the message each faulty one gets.
//!
//! `valid/*.toml` must load. Beside each `invalid/*.toml` stands the exact message it must give; after a change
//! `SIDGATE_BLESS=1 cargo test --test config` writes them anew, to be read before they are committed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod arbitrary;
mod files;
mod reference;

use std::path::PathBuf;

use sidgate::config::{Config, ConfigError};

/// Of sufficient length, and nothing else.
const KEY: &str = "0123456789abcdef0123456789abcdef";

/// Loads as from the folder `files`, in an environment of few variables.
fn parse(text: &str, name: &str) -> Result<Config, ConfigError> {
    Config::parse(text, name, &folder("files"), &|variable| match variable {
        "SIDGATE_GATEWAY_KEY" => Some(KEY.to_owned()),
        "SIDGATE_TWO_LINES" => Some(format!("{KEY}\n{KEY}\n")),
        _ => None,
    })
}

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/config").join(name)
}

/// The files of a folder that end so, in order.
fn listing(name: &str, extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder(name))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}
