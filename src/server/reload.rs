//! Reads the configuration again, and puts all of it in the place of the old one at once, or nothing.
//!
//! Certificates, keys and secrets are files of the configuration: one that was renewed counts after a reload, with the
//! same TOML. What cannot change while a socket or a thread is there is named in [`Changes::needs_restart`], and the
//! rest counts.
//!
//! Rejected: to watch the files. Half of a renewal (the chain, not yet the key) would be seen, and who wrote the faulty
//! one would not learn it; whoever renews can say so.

mod changes;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError};

use jiff::Timestamp;
use tokio::sync::Mutex;

use super::live::{self, Live};
use super::{Shared, door};
use crate::audit::{Event, Kind};
use crate::check;
use crate::config::{Config, ConfigError, Listener, Source};
use crate::gateway::{Before, Gateway};
use crate::limit::Seats;
use changes::Files;

/// Longest list of changes in the audit trail.
const TOLD: usize = 20;

/// What a reload has changed.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Keys (`backend.timeout`, `[[route]]`) and files whose content is another.
    pub changed: Vec<String>,
    /// Those that the running process cannot take over.
    pub needs_restart: Vec<String>,
    /// The configuration's SHA-256, as hex digits.
    pub hash: String,
}

/// Why nothing was changed.
#[derive(Debug)]
pub enum NotReloaded {
    /// The configuration is faulty.
    Faulty(ConfigError),
    /// In words: it could not be put into place.
    Failed(String),
}

/// Reloads, and what came of them.
#[derive(Debug)]
pub(super) struct Reloads {
    file: Option<(PathBuf, Mutex<Loaded>)>,
    pub(super) good: AtomicU64,
    pub(super) refused: AtomicU64,
    /// Unix seconds of the last good one, or of the start.
    pub(super) at: AtomicU64,
    /// The last one was refused.
    pub(super) last_refused: AtomicBool,
    hash: std::sync::Mutex<String>,
}

/// What runs.
#[derive(Debug)]
struct Loaded {
    config: Config,
    text: String,
    files: Files,
    /// What the process began with: sockets and threads are as it says.
    started: Config,
    /// One per socket: the newest that the file said of it.
    listeners: Vec<Listener>,
}

impl Reloads {
    /// Of a configuration that is no file.
    pub(super) fn never() -> Self {
        Self::new(None, String::new())
    }

    pub(super) fn of(path: &Path, config: &Config, source: &Source) -> Self {
        let loaded = Loaded {
            config: config.clone(),
            text: source.text.clone(),
            files: Files::of(config),
            started: config.clone(),
            listeners: config.listeners.clone(),
        };
        Self::new(Some((path.to_owned(), Mutex::new(loaded))), changes::hash(&source.text))
    }

    fn new(file: Option<(PathBuf, Mutex<Loaded>)>, hash: String) -> Self {
        Self {
            file,
            good: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            at: AtomicU64::new(now()),
            last_refused: AtomicBool::new(false),
            hash: std::sync::Mutex::new(hash),
        }
    }

    /// The file that is read again; none when there is none.
    pub(super) fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(|(path, _)| path.as_path())
    }

    /// The running configuration's SHA-256, as hex digits.
    pub(super) fn hash(&self) -> String {
        self.hash.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_hash(&self, hash: &str) {
        hash.clone_into(&mut self.hash.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Reloads when it is told to. A clone does the same.
#[derive(Debug, Clone)]
pub struct Reloader(Arc<Shared>);

impl Reloader {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// Reads the file again, checks it whole, and puts it into place. `operator` is who wanted it, for log and trail.
    ///
    /// # Errors
    /// Why nothing has changed. It has been said in the log, too.
    pub async fn reload(&self, operator: &str) -> Result<Changes, NotReloaded> {
        let shared = &self.0;
        let outcome = match &shared.reloads.file {
            Some((path, loaded)) => {
                // One after the other: each compares itself with the one before.
                let mut loaded = loaded.lock().await;
                reload(shared, path, &mut loaded).await
            }
            None => Err(NotReloaded::Failed("this gateway was not started from a file".into())),
        };
        tell(shared, operator, &outcome);
        outcome
    }
}

async fn reload(shared: &Arc<Shared>, path: &Path, loaded: &mut Loaded) -> Result<Changes, NotReloaded> {
    let read = {
        let path = path.to_owned();
        // Files, and more work than a request may wait for.
        tokio::task::spawn_blocking(move || {
            check::load_source(&path).map(|(config, source)| {
                let files = Files::of(&config);
                (config, source, files)
            })
        })
    };
    let read = read.await.map_err(|e| NotReloaded::Failed(format!("the configuration could not be read: {e}")))?;
    let (config, source, files) = read.map_err(NotReloaded::Faulty)?;
    let mut changed = changes::keys(&loaded.text, &source.text);
    changed.extend(loaded.files.changed(&files));
    changed.extend(changes::secrets(&loaded.config, &config));
    let changes = Changes {
        changed,
        needs_restart: changes::needs_restart(&loaded.started, &config),
        hash: changes::hash(&source.text),
    };
    let listeners = door::matched(&loaded.listeners, &config.listeners);
    let new = prepare(shared, loaded, &config, &files, &listeners).map_err(NotReloaded::Failed)?;
    resize(shared, loaded.config.server.max_connections, config.server.max_connections);
    let old = shared.gateway();
    old.hand_over(&new.gateway);
    shared.live.store(Arc::new(new));
    shared.reloads.set_hash(&changes.hash);
    (loaded.config, loaded.text, loaded.files, loaded.listeners) = (config, source.text, files, listeners);
    Ok(changes)
}

/// All that may fail, before anything is touched.
fn prepare(
    shared: &Shared,
    loaded: &Loaded,
    config: &Config,
    files: &Files,
    listeners: &[Listener],
) -> Result<Live, String> {
    let old = shared.live.load_full();
    let renewed = |tls: &crate::config::ClientTls| loaded.files.differ(files, tls);
    let before = Before { gateway: &old.gateway, config: &loaded.config, renewed: &renewed };
    let per_client = config.server.max_connections_per_client;
    let same_seats = per_client == loaded.config.server.max_connections_per_client;
    Ok(Live {
        doors: live::doors(listeners, config, None)?,
        gateway: Gateway::after(&before, config)?,
        config: Arc::new(config.server.clone()),
        seats: if same_seats { old.seats.clone() } else { Seats::new(per_client) },
    })
}

/// More room at once; less as connections end.
fn resize(shared: &Shared, from: usize, to: usize) {
    if to >= from {
        shared.permits.add_permits(to - from);
        return;
    }
    let (permits, less) = (shared.permits.clone(), u32::try_from(from - to).unwrap_or(u32::MAX));
    tokio::spawn(async move {
        for _ in 0..less {
            if let Ok(permit) = permits.clone().acquire_owned().await {
                permit.forget();
            }
        }
    });
}

/// Says what came of it: log, metrics, audit trail.
fn tell(shared: &Shared, operator: &str, outcome: &Result<Changes, NotReloaded>) {
    let event = Event::new(Kind::Reload).operator(operator);
    let reloads = &shared.reloads;
    let event = match outcome {
        Ok(changes) => {
            let changed = changes.changed.join(", ");
            tracing::info!(operator, changed, hash = %changes.hash, "the configuration was reloaded");
            for name in &changes.needs_restart {
                tracing::warn!(key = %name, "this change needs a restart, and does not count yet");
            }
            reloads.good.fetch_add(1, Relaxed);
            reloads.at.store(now(), Relaxed);
            let told: Vec<&str> = changes.changed.iter().take(TOLD).map(String::as_str).collect();
            event.outcome("reloaded").detail(&told.join(", "))
        }
        Err(why) => {
            let reason = match why {
                NotReloaded::Faulty(faults) => {
                    for fault in &faults.faults {
                        let line = faults.line_of(fault);
                        tracing::error!(file = %faults.file, line, hint = fault.hint, "{}", fault.reason);
                    }
                    "faulty"
                }
                NotReloaded::Failed(why) => {
                    tracing::error!("{why}");
                    "failed"
                }
            };
            tracing::error!(operator, reason, "the configuration was not reloaded: the old one goes on");
            reloads.refused.fetch_add(1, Relaxed);
            event.outcome("refused").reason(reason)
        }
    };
    reloads.last_refused.store(outcome.is_err(), Relaxed);
    shared.gateway().audit().note(event);
}

fn now() -> u64 {
    u64::try_from(Timestamp::now().as_second()).unwrap_or_default()
}
