//! `sidgate dev`: the real gateway in front of `next dev`.

use std::io::Write as _;
use std::process::ExitCode;

use super::run::{Signals, in_runtime, until_told};
use super::{fail, print_faults};
use crate::config::Config;
use crate::dev::{self, NotStarted, Options};

pub(super) fn run(options: &Options) -> ExitCode {
    in_runtime(&Config::default(), serve(options))
}

async fn serve(options: &Options) -> ExitCode {
    let signals = match Signals::new() {
        Ok(signals) => signals,
        Err(reason) => return fail(&reason),
    };
    match dev::start(options).await {
        Ok((server, greeting)) => {
            let _ = writeln!(std::io::stdout().lock(), "{greeting}");
            until_told(server, signals).await
        }
        Err(NotStarted::Failed(reason)) => fail(&reason),
        Err(NotStarted::Usage(reason)) => {
            eprintln!("sidgate: {reason}");
            ExitCode::from(2)
        }
        Err(NotStarted::Config(faults)) => {
            print_faults(&faults);
            ExitCode::from(2)
        }
    }
}
