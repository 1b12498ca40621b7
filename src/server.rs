//! Binds, accepts, drains.
//!
//! [`Server::bind`] opens every socket before the first request is served, so that a start either succeeds whole or
//! fails with a sentence. When to stop is an argument of [`Server::serve`].

mod activity;
mod admin;
mod connection;
mod cork;
mod door;
mod proxy_protocol;
mod redirect;
mod refused;
mod stall;
mod timer;
mod tls;
mod told;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Release};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::{Event, Kind};
use crate::certificate::Certificate;
use crate::config::Config;
use crate::dev::Room;
use crate::gateway::Gateway;
use crate::limit::Seats;
use crate::telemetry::AccessLog;

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

/// Every socket, bound.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    listeners: Vec<(TcpListener, Arc<door::Door>)>,
    admin: TcpListener,
    drain_timeout: Duration,
}

/// What all connections share.
#[derive(Debug)]
struct Shared {
    gateway: Arc<Gateway>,
    log: AccessLog,
    config: crate::config::Server,
    permits: Arc<Semaphore>,
    /// Each client's own, where there is a limit.
    seats: Option<Arc<Seats>>,
    refused: refused::Refused,
    connections: TaskTracker,
    drain: CancellationToken,
    halt: CancellationToken,
    /// Set before `drain` is cancelled.
    draining: AtomicBool,
    /// Set before `halt` is cancelled.
    halting: AtomicBool,
}

impl Server {
    /// Binds every listener of a checked configuration. Needs a tokio runtime.
    ///
    /// # Errors
    /// A certificate that cannot be used, an address that cannot be bound.
    pub async fn bind(config: &Config, log: AccessLog) -> Result<Self, StartError> {
        Self::bind_all(config, log, None).await
    }

    /// The same with what `sidgate dev` adds.
    pub(crate) async fn bind_dev(config: &Config, log: AccessLog, room: Room, more: More) -> Result<Self, StartError> {
        Self::bind_all(config, log, Some((room, more))).await
    }

    async fn bind_all(config: &Config, log: AccessLog, dev: Option<(Room, More)>) -> Result<Self, StartError> {
        let (room, more) = dev.unzip();
        let certificates = config.certificates.iter().map(|c| Certificate::load(&c.chain, &c.key));
        let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(StartError)?;
        let certificates = Arc::new(tls::Certificates { listed: certificates, more });
        let mut listeners = Vec::new();
        for door in door::doors(&config.listeners, &certificates).map_err(StartError)? {
            listeners.push((listen(door.listener.address, config)?, door));
        }
        let admin = listen(config.admin.listen, config)?;
        let gateway = match room {
            Some(room) => Gateway::with_room(config, room),
            None => Gateway::new(config),
        };
        let shared = Shared {
            gateway: gateway.map_err(StartError)?,
            log,
            config: config.server.clone(),
            permits: Arc::new(Semaphore::new(config.server.max_connections)),
            seats: Seats::new(config.server.max_connections_per_client),
            refused: refused::Refused::default(),
            connections: TaskTracker::new(),
            drain: CancellationToken::new(),
            halt: CancellationToken::new(),
            draining: AtomicBool::new(false),
            halting: AtomicBool::new(false),
        };
        Ok(Self { shared: Arc::new(shared), listeners, admin, drain_timeout: config.server.drain_timeout })
    }

    /// Where it listens, in the order of the file.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|(l, _)| l.local_addr().ok()).collect()
    }

    /// Where the admin listener is.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.local_addr().ok()
    }

    /// Serves until told to drain; then lets open requests end, for as long as `drain_timeout` or until told to halt.
    /// Gives whether all of them ended by themselves.
    pub async fn serve(self, drain: Drain, halt: Halt) -> bool {
        let shared = self.shared;
        let audit = shared.gateway.audit().clone();
        let version = concat!("sidgate ", env!("CARGO_PKG_VERSION"));
        audit.note(Event::new(Kind::Start).detail(version));
        let admin = tokio::spawn(admin::serve(self.admin, shared.clone()));
        let accepting = TaskTracker::new();
        for (listener, door) in self.listeners {
            accepting.spawn(accept(listener, door, shared.clone()));
        }
        accepting.close();
        drain.0.cancelled().await;
        shared.draining.store(true, Release);
        shared.drain.cancel();
        accepting.wait().await;
        shared.connections.close();
        shared.gateway.tunnels().open.close();
        let ended = async {
            shared.connections.wait().await;
            shared.gateway.tunnels().open.wait().await;
        };
        let clean = tokio::select! {
            () = ended => true,
            () = tokio::time::sleep(self.drain_timeout) => false,
            () = halt.0.cancelled() => false,
        };
        shared.gateway.tunnels().stop.cancel();
        shared.halting.store(true, Release);
        shared.halt.cancel();
        shared.connections.wait().await;
        // Told to halt, it is in a hurry.
        tokio::select! {
            _ = tokio::time::timeout(LAST_WORDS, shared.gateway.sessions().flush_activity()) => {}
            () = halt.0.cancelled() => {}
        }
        admin.abort();
        audit.note(Event::new(Kind::Stop).outcome(if clean { "clean" } else { "cut_off" }));
        audit.close().await;
        clean
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
async fn accept(listener: TcpListener, door: Arc<door::Door>, shared: Arc<Shared>) {
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
                let arrived = connection::Arrived { stream, peer, permit };
                shared.connections.spawn(connection::serve(arrived, door.clone(), shared.clone()));
            }
            Err(error) => {
                // Mostly a lack of file descriptors: at once it would fail again.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}
