//! `sidgate legacy report`: how the migration goes, from the audit trail.

mod chart;
mod tally;

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::Format;
use crate::audit::{self, Filter, Kind};
use crate::cli::audit::{configured, time};
use tally::Tally;

/// What the report is made of.
const KINDS: [Kind; 6] = [
    Kind::LegacyMigrated,
    Kind::LegacyRefused,
    Kind::LegacyConflict,
    Kind::LegacyStopped,
    Kind::LegacySeen,
    Kind::LegacyReturned,
];

#[derive(Debug, Args)]
pub(in crate::cli) struct Report {
    /// The trail that is read; its rotated files are found beside it. Once for each gateway of a fleet.
    #[arg(long, value_name = "FILE")]
    file: Vec<PathBuf>,
    /// The configuration that names it, where no file is given.
    #[arg(long, default_value = "gateway.toml")]
    config: PathBuf,
    /// From when on: 2026-11-24, 2026-11-24T12:00:00Z, or 7d (ago).
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Until when.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Days of the chart; the last ones.
    #[arg(long, value_name = "COUNT", default_value = "30")]
    days: usize,
    /// For people, or for programs.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

pub(super) fn run(asked: &Report) -> ExitCode {
    let printed = read(asked).map(|tally| match asked.format {
        Format::Table => chart::table(&tally, asked.days, chart::Bars::for_terminal()),
        Format::Json => format!("{}\n", tally.json()),
    });
    match printed {
        Ok(text) => {
            let _ = io::stdout().lock().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(reason) => {
            if !reason.is_empty() {
                eprintln!("sidgate: {reason}");
            }
            ExitCode::from(2)
        }
    }
}

fn read(asked: &Report) -> Result<Tally, String> {
    let files = if asked.file.is_empty() { vec![configured(&asked.config)?.0] } else { asked.file.clone() };
    let at = |text: &Option<String>| text.as_deref().map(time).transpose();
    let filter = Filter {
        kinds: KINDS.iter().map(|kind| kind.as_str().to_owned()).collect(),
        since: at(&asked.since)?,
        until: at(&asked.until)?,
        ..Filter::default()
    };
    let mut tally = Tally::default();
    for file in &files {
        let mut each = |found: audit::Found| {
            tally.add(&found.json);
            ControlFlow::Continue(())
        };
        audit::query(file, &filter, &mut each).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => format!(
                "{}: there is no such trail. sidgate writes it as [audit.file] says, from its start on; \
                 `--file` names another",
                file.display()
            ),
            _ => format!("{}: {e}", file.display()),
        })?;
    }
    Ok(tally)
}
