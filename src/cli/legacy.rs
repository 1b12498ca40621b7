//! `sidgate legacy`: what becomes of legacy cookies.

mod decode;
mod explained;
mod jar;
mod report;
mod scan;

use std::process::ExitCode;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Explain one cookie: its value on standard input, JSON on standard output; 0 with a proof in it, 1 without, 2 not tried.
    Decode(decode::Decode),
    /// Explain a whole Cookie header on standard input, as it comes with a bug report: 0 with a proof in it, 1 without.
    Jar(jar::ExplainJar),
    /// List where an application's source still reads or sets legacy cookies: 0 nowhere, 1 somewhere, 2 it cannot be read.
    Scan(scan::Scan),
    /// Tell from the audit trail how the migration goes.
    Report(report::Report),
}

pub(super) fn run(command: &Command) -> ExitCode {
    match command {
        Command::Decode(asked) => decode::run(asked),
        Command::Jar(asked) => jar::run(asked),
        Command::Scan(asked) => scan::run(asked),
        Command::Report(asked) => report::run(asked),
    }
}

/// For people, or for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Table,
    Json,
}
