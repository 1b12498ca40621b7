//! `sidgate legacy`: what becomes of legacy cookies.

mod report;
mod scan;

use std::process::ExitCode;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List where an application's source still reads or sets legacy cookies: 0 nowhere, 1 somewhere, 2 it cannot be read.
    Scan(scan::Scan),
    /// Tell from the audit trail how the migration goes.
    Report(report::Report),
}

pub(super) fn run(command: &Command) -> ExitCode {
    match command {
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
