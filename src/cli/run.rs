//! `sidgate run`: load, check, bind, serve until told to stop.

use std::future::Future;
use std::path::Path;
use std::process::ExitCode;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{fail, print_faults};
use crate::check;
use crate::config::{Config, Source};
use crate::server::{Drain, Halt, Reloader, Server};
use crate::telemetry::{self, AccessLog};

pub(super) fn run(path: &Path) -> ExitCode {
    let (config, source) = match check::load_source(path) {
        Ok(loaded) => loaded,
        Err(faults) => {
            print_faults(&faults);
            return ExitCode::from(2);
        }
    };
    telemetry::start(&config.log);
    in_runtime(&config, serve(path, &config, &source))
}

async fn serve(path: &Path, config: &Config, source: &Source) -> ExitCode {
    // Waited for before anything says that it listens: a signal that comes at once is heard, too.
    let (signals, hangup) = match Signals::new().and_then(|signals| Ok((signals, on(SignalKind::hangup())?))) {
        Ok(signals) => signals,
        Err(error) => return fail(&error),
    };
    let log = AccessLog::new(&config.log, Box::new(std::io::stdout()));
    let server = match Server::bind_file(path, config, source, log).await {
        Ok(server) => server,
        Err(error) => return fail(&error.to_string()),
    };
    for (address, listener) in server.addresses().iter().zip(&config.listeners) {
        tracing::info!(%address, mode = listener.mode.as_str(), "listening");
    }
    if let Some(address) = server.admin_address() {
        tracing::info!(%address, mode = "admin", "listening");
    }
    let reloading = tokio::spawn(reload_when_told(server.reloader(), hangup));
    let code = until_told(server, signals).await;
    reloading.abort();
    code
}

/// HUP. What came of it is said in the log.
async fn reload_when_told(reloader: Reloader, mut hangup: Signal) {
    while hangup.recv().await.is_some() {
        let _ = reloader.reload("SIGHUP").await;
    }
}

fn on(kind: SignalKind) -> Result<Signal, String> {
    signal(kind).map_err(|e| format!("signals cannot be waited for: {e}"))
}

/// TERM and INT.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on they are ours to answer.
    pub(super) fn new() -> Result<Self, String> {
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
