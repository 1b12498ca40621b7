//! Lines as syslog messages (RFC 5424): facility `authpriv`, severity `notice`, the event's kind as MSGID.
//!
//! A line is bounded well below 64 KiB, so each fits into one datagram; it is never split. Over TCP messages are framed
//! by their length (RFC 6587 section 3.4.1). What a server does after it took a message, and what becomes of a UDP
//! datagram, nobody tells: where nothing may be lost, keep a file too.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use jiff::Timestamp;

use super::chain;
use super::writer::{Line, Output};
use crate::config::SyslogAddress;

/// authpriv.notice: 10 * 8 + 5
const PRIORITY: u8 = 85;
/// Longest for one message.
const TIMEOUT: Duration = Duration::from_secs(2);

pub(super) struct SyslogOutput {
    address: SyslogAddress,
    host: String,
    connection: Option<Connection>,
}

enum Connection {
    Unix(UnixDatagram),
    Udp(UdpSocket),
    Tcp(TcpStream),
}

impl SyslogOutput {
    pub(super) fn new(address: &SyslogAddress) -> Self {
        Self { address: address.clone(), host: host(), connection: None }
    }

    pub(super) fn name(&self) -> String {
        match &self.address {
            SyslogAddress::Unix(path) => format!("syslog unix:{}", path.display()),
            SyslogAddress::Udp(address) => format!("syslog udp://{address}"),
            SyslogAddress::Tcp(address) => format!("syslog tcp://{address}"),
        }
    }

    fn send(&mut self, line: &[u8]) -> io::Result<()> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let mut message = format!(
            "<{PRIORITY}>1 {:.6} {} sidgate {} {} - ",
            Timestamp::now(),
            self.host,
            std::process::id(),
            chain::kind(line)
        )
        .into_bytes();
        message.extend_from_slice(line);
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(Connection::open(&self.address)?),
        };
        connection.send(&message)
    }
}

impl Output for SyslogOutput {
    fn append(&mut self, lines: &[Line]) -> (usize, io::Result<()>) {
        for (i, line) in lines.iter().enumerate() {
            // A server that was started anew has another socket.
            let sent = self.send(&line.bytes).or_else(|_| {
                self.connection = None;
                self.send(&line.bytes)
            });
            if let Err(error) = sent {
                self.connection = None;
                return (i, Err(error));
            }
        }
        (lines.len(), Ok(()))
    }
}

impl Connection {
    fn open(address: &SyslogAddress) -> io::Result<Self> {
        match address {
            SyslogAddress::Unix(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(path)?;
                socket.set_write_timeout(Some(TIMEOUT))?;
                Ok(Self::Unix(socket))
            }
            SyslogAddress::Udp(address) => {
                let any: IpAddr =
                    if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
                let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
                socket.connect(address)?;
                socket.set_write_timeout(Some(TIMEOUT))?;
                Ok(Self::Udp(socket))
            }
            SyslogAddress::Tcp(address) => {
                let stream = TcpStream::connect_timeout(address, TIMEOUT)?;
                stream.set_write_timeout(Some(TIMEOUT))?;
                stream.set_nodelay(true)?;
                Ok(Self::Tcp(stream))
            }
        }
    }

    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        match self {
            Self::Unix(socket) => socket.send(message).map(drop),
            Self::Udp(socket) => socket.send(message).map(drop),
            Self::Tcp(stream) => {
                closed(stream)?;
                let mut framed = format!("{} ", message.len()).into_bytes();
                framed.extend_from_slice(message);
                stream.write_all(&framed)
            }
        }
    }
}

/// A server that has gone away says so before the next message, not with it: the first one would be lost.
fn closed(stream: &TcpStream) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let peeked = stream.peek(&mut [0]);
    stream.set_nonblocking(false)?;
    match peeked {
        Ok(0) => Err(io::ErrorKind::ConnectionReset.into()),
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        _ => Ok(()),
    }
}

/// The machine's name, or `-`, which is how the format says that it is not known.
fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name: String = name.trim().chars().filter(char::is_ascii_graphic).take(255).collect();
    if name.is_empty() { "-".to_owned() } else { name }
}
