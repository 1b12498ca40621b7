//! A listener's door: who is at the other end of a connection, whether it may come in, and TLS where there is.
//!
//! All of it within one time limit, and before the first byte of a request.

use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::live::Live;
use super::refused::Cause;
use super::{proxy_protocol, tls};
use crate::certificate::Certificate;
use crate::config::{Listener, ListenerMode, ProxyProtocol};
use crate::limit::Seat;
use crate::networks::Trust;

/// A listener, with what its connections need.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) listener: Listener,
    /// Of a listener that ends TLS.
    pub(super) tls: Option<tls::Acceptor>,
}

/// Who came in.
pub(super) struct Guest {
    /// The far end: of the connection itself, or of the one that a balancer passes on.
    pub(super) peer: SocketAddr,
    /// With what it is believed.
    pub(super) trust: Trust,
    /// A balancer has ended the TLS of it.
    pub(super) tls: bool,
    /// Its place among those of its client.
    pub(super) seat: Option<Seat>,
}

/// What a guest talks over.
pub(super) enum Opened {
    /// To be sent to https.
    Redirect(TcpStream),
    /// HTTP/1.1.
    Plain(TcpStream),
    /// HTTP/1.1 or HTTP/2, and the certificate that was given.
    Tls(Box<TlsStream<TcpStream>>, Option<Certificate>),
}

/// Who did not, and why.
pub(super) struct Turned {
    pub(super) cause: Cause,
    pub(super) peer: SocketAddr,
    pub(super) why: Box<dyn Display + Send>,
}

impl Turned {
    fn away(cause: Cause, peer: SocketAddr, why: impl Display + Send + 'static) -> Self {
        Self { cause, peer, why: Box::new(why) }
    }
}

impl Door {
    /// Lets a connection in, or turns it away. `direct` is its far end.
    pub(super) async fn open(
        &self,
        mut stream: TcpStream,
        direct: SocketAddr,
        live: &Live,
    ) -> Result<(Guest, Opened), Turned> {
        let guest = self.admit(&mut stream, direct, live).await?;
        let opened = match (self.listener.mode, &self.tls) {
            (ListenerMode::Redirect, _) => Opened::Redirect(stream),
            (ListenerMode::Https, Some(tls)) => {
                let (stream, certificate) = tls.accept(stream).await.map_err(|e| no_handshake(guest.peer, e))?;
                Opened::Tls(Box::new(stream), certificate)
            }
            _ => Opened::Plain(stream),
        };
        Ok((guest, opened))
    }

    async fn admit(&self, stream: &mut TcpStream, direct: SocketAddr, live: &Live) -> Result<Guest, Turned> {
        let balancer = self.listener.trusted_peers.trust(direct.ip());
        if self.listener.is_for_trusted_peers() && balancer == Trust::Nothing {
            let why = "the peer is not in this listener's trusted_peers";
            return Err(Turned::away(Cause::UntrustedPeer, direct, why));
        }
        let proxies = &live.config.trusted_proxies;
        if self.listener.proxy_protocol == ProxyProtocol::Off {
            let trust = balancer.max(proxies.trust(direct.ip()));
            let seat = if trust == Trust::Nothing { seat(direct, live)? } else { None };
            return Ok(Guest { peer: direct, trust, tls: false, seat });
        }
        let announced = proxy_protocol::read(stream).await;
        let announced = announced.map_err(|e| Turned::away(of_header(&e), direct, e))?;
        // Whoever the balancer speaks for is not the balancer: its headers are believed only if it is a proxy itself.
        // And where it does not say for whom it speaks, that is anybody.
        let peer = announced.source.unwrap_or(direct);
        let trust = announced.source.map_or(Trust::Nothing, |source| proxies.trust(source.ip()));
        let seat = if trust == Trust::Nothing && announced.source.is_some() { seat(peer, live)? } else { None };
        Ok(Guest { peer, trust, tls: announced.tls, seat })
    }
}

/// A place for one more connection of this client. Proxies need none: theirs are many people's.
fn seat(peer: SocketAddr, live: &Live) -> Result<Option<Seat>, Turned> {
    let Some(seats) = &live.seats else { return Ok(None) };
    match seats.take(peer.ip()) {
        Some(seat) => Ok(Some(seat)),
        None => Err(Turned::away(Cause::ClientLimit, peer, "the client has max_connections_per_client open")),
    }
}

/// A connection that ends before it says anything is a health check or a scan, and nobody's fault.
fn of_header(error: &io::Error) -> Cause {
    if error.kind() == io::ErrorKind::InvalidData { Cause::ProxyProtocol } else { Cause::Handshake }
}

fn no_handshake(peer: SocketAddr, error: io::Error) -> Turned {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    // We ask no other certificate of anyone.
    let of_client = matches!(tls, Some(rustls::Error::NoCertificatesPresented | rustls::Error::InvalidCertificate(_)));
    Turned::away(if of_client { Cause::ClientCertificate } else { Cause::Handshake }, peer, error)
}

/// What a new configuration says of the sockets that there are: by address, the first to the first. A socket that it
/// no longer names stays as it was.
pub(super) fn matched(sockets: &[Listener], new: &[Listener]) -> Vec<Listener> {
    let mut left: Vec<&Listener> = new.iter().collect();
    let of = |socket: &Listener| match left.iter().position(|listener| listener.address == socket.address) {
        Some(at) => left.remove(at).clone(),
        None => socket.clone(),
    };
    sockets.iter().map(of).collect()
}

/// The doors of all listeners. Those that ask for the same client certificates share their TLS, and with it the tickets
/// for resumption; those that do not must not: a ticket of a listener that asks for none would open one that does.
pub(super) fn doors(listeners: &[Listener], certificates: &Arc<tls::Certificates>) -> Result<Vec<Arc<Door>>, String> {
    let mut made: Vec<(Option<&std::path::Path>, tls::Acceptor)> = Vec::new();
    let mut doors = Vec::new();
    for listener in listeners {
        let authority = listener.client_ca.as_ref().map(|ca| ca.path.as_path());
        let tls = match made.iter().find(|(of, _)| *of == authority) {
            _ if listener.mode != ListenerMode::Https => None,
            Some((_, tls)) => Some(tls.clone()),
            None => {
                let tls = tls::Acceptor::new(certificates.clone(), authority)?;
                made.push((authority, tls.clone()));
                Some(tls)
            }
        };
        doors.push(Arc::new(Door { listener: listener.clone(), tls }));
    }
    Ok(doors)
}
