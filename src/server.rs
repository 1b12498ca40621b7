//! Binds, accepts, drains.
//!
//! [`Server::bind`] opens every socket before the first request is served, so that a start either succeeds whole or
//! fails with a sentence. When to stop is an argument of [`Server::serve`].

mod activity;
mod admin;
mod connection;
mod cork;
mod door;
mod live;
mod proxy_protocol;
mod redirect;
mod refused;
mod reload;
mod stall;
mod timer;
mod tls;
mod told;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Release};
use std::time::Duration;

use arc_swap::ArcSwap;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::{Event, Kind};
use crate::config::{Config, Source};
use crate::dev::Room;
use crate::gateway::Gateway;
use crate::limit::Seats;
use crate::telemetry::AccessLog;

use live::Live;
use reload::Reloads;

pub(crate) use admin::{OPERATOR, is_operator_name};
pub use reload::{Changes, NotReloaded, Reloader};
pub(crate) use tls::More;

/// Why the server did not start.
#[derive(Debug)]
pub struct StartError(String);

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}

/// Connections that may wait to be accepted; the system's own limit is mostly lower.
const BACKLOG: i32 = 4096;

/// How long the backend has at the end to hear which sessions were in use.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Cancelled when the server should take no more and let what runs end.
#[derive(Debug, Clone, Default)]
pub struct Drain(pub CancellationToken);

/// Cancelled when what still runs should be cut off.
#[derive(Debug, Clone, Default)]
pub struct Halt(pub CancellationToken);

/// From one summary of who still carries legacy cookies to the next.
const LEGACY_SUMMARY: Duration = Duration::from_secs(300);

/// Every socket, bound.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    listeners: Vec<TcpListener>,
    admin: TcpListener,
    admin_hosts: Arc<[String]>,
}

/// What all connections share.
#[derive(Debug)]
struct Shared {
    /// What a reload replaces.
    live: ArcSwap<Live>,
    /// Where it is read again from.
    reloads: Reloads,
    log: AccessLog,
    permits: Arc<Semaphore>,
    refused: refused::Refused,
    connections: TaskTracker,
    drain: CancellationToken,
    halt: CancellationToken,
    /// Set before `drain` is cancelled.
    draining: AtomicBool,
    /// Set before `halt` is cancelled.
    halting: AtomicBool,
}

impl Shared {
    /// The pipeline of this moment.
    fn gateway(&self) -> Arc<Gateway> {
        self.live.load().gateway.clone()
    }
}

impl Server {
    /// Binds every listener of a checked configuration. Needs a tokio runtime.
    ///
    /// # Errors
    /// A certificate that cannot be used, an address that cannot be bound.
    pub async fn bind(config: &Config, log: AccessLog) -> Result<Self, StartError> {
        Self::bind_all(config, log, None, Reloads::never()).await
    }

    /// The same for the configuration of a file, which can be read again: by [`Server::reloader`], and by `POST /reload`
    /// on the admin listener.
    ///
    /// # Errors
    /// As [`Server::bind`].
    pub async fn bind_file(path: &Path, config: &Config, source: &Source, log: AccessLog) -> Result<Self, StartError> {
        Self::bind_all(config, log, None, Reloads::of(path, config, source)).await
    }

    /// The same with what `sidgate dev` adds.
    pub(crate) async fn bind_dev(config: &Config, log: AccessLog, room: Room, more: More) -> Result<Self, StartError> {
        Self::bind_all(config, log, Some((room, more)), Reloads::never()).await
    }

    async fn bind_all(
        config: &Config,
        log: AccessLog,
        dev: Option<(Room, More)>,
        reloads: Reloads,
    ) -> Result<Self, StartError> {
        let (room, more) = dev.unzip();
        let doors = live::doors(&config.listeners, config, more).map_err(StartError)?;
        let mut listeners = Vec::new();
        for door in &doors {
            listeners.push(listen(door.listener.address, config)?);
        }
        let admin = listen(config.admin.listen, config)?;
        let gateway = match room {
            Some(room) => Gateway::with_room(config, room),
            None => Gateway::new(config),
        };
        let shared = Shared {
            live: ArcSwap::from_pointee(Live {
                gateway: gateway.map_err(StartError)?,
                config: Arc::new(config.server.clone()),
                seats: Seats::new(config.server.max_connections_per_client),
                doors,
            }),
            reloads,
            log,
            permits: Arc::new(Semaphore::new(config.server.max_connections)),
            refused: refused::Refused::default(),
            connections: TaskTracker::new(),
            drain: CancellationToken::new(),
            halt: CancellationToken::new(),
            draining: AtomicBool::new(false),
            halting: AtomicBool::new(false),
        };
        let admin_hosts = config.admin.hosts.clone().into();
        Ok(Self { shared: Arc::new(shared), listeners, admin, admin_hosts })
    }

    /// Reads the configuration again when it is told to.
    pub fn reloader(&self) -> Reloader {
        Reloader::new(self.shared.clone())
    }

    /// Where it listens, in the order of the file.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|l| l.local_addr().ok()).collect()
    }

    /// Where the admin listener is.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.local_addr().ok()
    }

    /// Serves until told to drain; then lets open requests end, for as long as `drain_timeout` or until told to halt.
    /// Gives whether all of them ended by themselves.
    pub async fn serve(self, drain: Drain, halt: Halt) -> bool {
        let shared = self.shared;
        let audit = shared.gateway().audit().clone();
        let version = concat!("sidgate ", env!("CARGO_PKG_VERSION"));
        audit.note(Event::new(Kind::Start).detail(version));
        let admin = tokio::spawn(admin::serve(self.admin, self.admin_hosts, shared.clone()));
        let summaries = tokio::spawn(summarise_legacy(shared.clone()));
        let accepting = TaskTracker::new();
        for (at, listener) in self.listeners.into_iter().enumerate() {
            accepting.spawn(accept(listener, at, shared.clone()));
        }
        accepting.close();
        drain.0.cancelled().await;
        shared.draining.store(true, Release);
        shared.drain.cancel();
        accepting.wait().await;
        shared.connections.close();
        // Every pipeline that there was has these.
        let tunnels = shared.gateway().tunnels().clone();
        tunnels.open.close();
        let ended = async {
            shared.connections.wait().await;
            tunnels.open.wait().await;
        };
        let drain_timeout = shared.live.load().config.drain_timeout;
        let clean = tokio::select! {
            () = ended => true,
            () = tokio::time::sleep(drain_timeout) => false,
            () = halt.0.cancelled() => false,
        };
        tunnels.stop.cancel();
        shared.halting.store(true, Release);
        shared.halt.cancel();
        shared.connections.wait().await;
        // Told to halt, it is in a hurry.
        let gateway = shared.gateway();
        tokio::select! {
            _ = tokio::time::timeout(LAST_WORDS, gateway.sessions().flush_activity()) => {}
            () = halt.0.cancelled() => {}
        }
        admin.abort();
        summaries.abort();
        gateway.legacy_monitor().inspect(|monitor| monitor.summarise());
        audit.note(Event::new(Kind::Stop).outcome(if clean { "clean" } else { "cut_off" }));
        audit.close().await;
        clean
    }
}

/// Has the audit trail told of browsers with legacy cookies, as long as it runs.
async fn summarise_legacy(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(LEGACY_SUMMARY).await;
        shared.gateway().legacy_monitor().inspect(|monitor| monitor.summarise());
    }
}

/// `[::]` takes IPv4 too, unless IPv4 has a listener of its own on that port. Said to the system in so many words: its
/// default is a setting of the machine.
fn listen(address: SocketAddr, config: &Config) -> Result<TcpListener, StartError> {
    let v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
    let apart = config.admin.listen == v4 || config.listeners.iter().any(|l| l.address == v4);
    let bind = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        if address.is_ipv6() {
            socket.set_only_v6(apart)?;
        }
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        TcpListener::from_std(socket.into())
    };
    bind().map_err(|e| {
        let hint = match e.kind() {
            io::ErrorKind::AddrInUse => "; another program listens there",
            io::ErrorKind::PermissionDenied => "; ports below 1024 need root or CAP_NET_BIND_SERVICE",
            io::ErrorKind::AddrNotAvailable => "; this machine has no such address",
            _ => "",
        };
        StartError(format!("cannot listen on {address}: {e}{hint}"))
    })
}

/// Accepts until the drain begins. A connection's handshake and requests run in a task of their own: nobody who
/// connects and says nothing holds up the next.
async fn accept(listener: TcpListener, at: usize, shared: Arc<Shared>) {
    loop {
        let permit = tokio::select! {
            permit = shared.permits.clone().acquire_owned() => permit,
            () = shared.drain.cancelled() => return,
        };
        let Ok(permit) = permit else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shared.drain.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let live = shared.live.load_full();
                // A reload leaves no listener without its door.
                let Some(door) = live.doors.get(at).cloned() else { return };
                let arrived = connection::Arrived { stream, peer, permit };
                shared.connections.spawn(connection::serve(arrived, door, live, shared.clone()));
            }
            Err(error) => {
                // Mostly a lack of file descriptors: at once it would fail again.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}
