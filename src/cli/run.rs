//! `sidgate run`: load, check, bind, serve until told to stop.

use std::future::Future;
use std::path::Path;
use std::process::ExitCode;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{fail, print_faults};
use crate::check;
use crate::config::Config;
use crate::server::{Drain, Halt, Server};
use crate::telemetry::{self, AccessLog};

pub(super) fn run(path: &Path) -> ExitCode {
    let config = match check::load(path) {
        Ok(config) => config,
        Err(faults) => {
            print_faults(&faults);
            return ExitCode::from(2);
        }
    };
    telemetry::start(&config.log);
    in_runtime(&config, serve(&config))
}

async fn serve(config: &Config) -> ExitCode {
    // Waited for before anything says that it listens: a signal that comes at once is heard, too.
    let signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => return fail(&error),
    };
    let log = AccessLog::new(&config.log, Box::new(std::io::stdout()));
    let server = match Server::bind(config, log).await {
        Ok(server) => server,
        Err(error) => return fail(&error.to_string()),
    };
    for (address, listener) in server.addresses().iter().zip(&config.listeners) {
        tracing::info!(%address, mode = listener.mode.as_str(), "listening");
    }
    if let Some(address) = server.admin_address() {
        tracing::info!(%address, mode = "admin", "listening");
    }
    until_told(server, signals).await
}

/// TERM and INT.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on they are ours to answer.
    pub(super) fn new() -> Result<Self, String> {
        let on = |kind| signal(kind).map_err(|e| format!("signals cannot be waited for: {e}"));
        Ok(Self { terminate: on(SignalKind::terminate())?, interrupt: on(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! { _ = self.terminate.recv() => {}, _ = self.interrupt.recv() => {} }
    }
}

/// The first signal drains, the second ends.
pub(super) async fn until_told(server: Server, mut signals: Signals) -> ExitCode {
    let (drain, halt) = (Drain::default(), Halt::default());
    let signals = {
        let (drain, halt) = (drain.clone(), halt.clone());
        tokio::spawn(async move {
            signals.next().await;
            tracing::info!("stopping: open requests may end; a second signal ends them now");
            drain.0.cancel();
            signals.next().await;
            halt.0.cancel();
        })
    };
    let clean = server.serve(drain, halt).await;
    signals.abort();
    if !clean {
        tracing::warn!("stopped with requests still open: they were cut off");
    }
    tracing::info!("stopped");
    ExitCode::SUCCESS
}

/// One thread gets a runtime without work stealing, which is the cheaper one.
pub(super) fn in_runtime(config: &Config, work: impl Future<Output = ExitCode>) -> ExitCode {
    let mut builder = match config.server.worker_threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        threads => {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            if threads > 0 {
                builder.worker_threads(threads);
            }
            builder
        }
    };
    match builder.enable_all().build() {
        Ok(runtime) => {
            let code = runtime.block_on(work);
            // A thread stuck in name resolution does not hold up the end.
            runtime.shutdown_timeout(std::time::Duration::from_secs(1));
            code
        }
        Err(error) => fail(&format!("no runtime: {error}")),
    }
}
