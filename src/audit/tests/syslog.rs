//! Syslog, over real sockets.

use std::io::Read as _;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::UnixDatagram;

use super::*;
use crate::config::{AuditSyslog, SyslogAddress};

fn to(address: SyslogAddress) -> config::Audit {
    let syslog = vec![AuditSyslog { address, on_failure: OnFailure::Block }];
    config::Audit { syslog, ..config::Audit::default() }
}

fn is_rfc_5424(message: &str, kind: &str) {
    let (head, json) = message.split_once(" - {").unwrap();
    let fields: Vec<&str> = head.split(' ').collect();
    assert_eq!((fields[0], fields[3], fields[5]), ("<85>1", "sidgate", kind), "{message}");
    assert!(fields[1].parse::<jiff::Timestamp>().is_ok(), "{message}");
    assert!(!fields[2].is_empty() && fields[4].parse::<u32>().is_ok(), "{message}");
    assert!(chain::read(format!("{{{json}").as_bytes()).is_some(), "{message}");
}

#[tokio::test]
async fn over_a_unix_socket_each_event_is_a_datagram() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let server = UnixDatagram::bind(&path).unwrap();
    let audit = Audit::open(&to(SyslogAddress::Unix(path.clone()))).unwrap();
    let mut buffer = vec![0; 64 * 1024];
    for n in 0..3 {
        audit.record(vec![event(n)]).await.unwrap();
        let length = server.recv(&mut buffer).unwrap();
        is_rfc_5424(std::str::from_utf8(&buffer[..length]).unwrap(), "sign_in");
    }
    // A daemon that is started anew has another socket at the same path.
    drop(server);
    fs::remove_file(&path).unwrap();
    assert_eq!(audit.record(vec![event(4)]).await, Err(Unwritten));
    assert!(!audit.accepts());
    let server = UnixDatagram::bind(&path).unwrap();
    until(|| audit.accepts()).await;
    let length = server.recv(&mut buffer).unwrap();
    let late = std::str::from_utf8(&buffer[..length]).unwrap();
    is_rfc_5424(late, "sign_in");
    assert!(late.contains("\"user\":\"4\""), "what blocked is written later: {late}");
}

#[tokio::test]
async fn over_udp_each_event_is_a_datagram() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let audit = Audit::open(&to(SyslogAddress::Udp(server.local_addr().unwrap()))).unwrap();
    // The longest line that there can be.
    let agent = "\u{202e}".repeat(9_999);
    let longest = event(1).request("r", std::net::IpAddr::from([192, 0, 2, 1]), Some(agent.as_bytes()));
    audit.record(vec![longest]).await.unwrap();
    let mut buffer = vec![0; 64 * 1024];
    let length = server.recv(&mut buffer).unwrap();
    is_rfc_5424(std::str::from_utf8(&buffer[..length]).unwrap(), "sign_in");
}

#[tokio::test]
async fn over_tcp_messages_are_framed_by_their_length() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let audit = Audit::open(&to(SyslogAddress::Tcp(server.local_addr().unwrap()))).unwrap();
    audit.record(vec![event(1), event(2)]).await.unwrap();
    audit.close().await;
    drop(audit);
    let mut text = String::new();
    let (mut stream, _) = server.accept().unwrap();
    stream.read_to_string(&mut text).unwrap();
    let mut rest = text.as_str();
    for _ in 0..2 {
        let (length, more) = rest.split_once(' ').unwrap();
        let (message, next) = more.split_at(length.parse().unwrap());
        is_rfc_5424(message, "sign_in");
        rest = next;
    }
    assert_eq!(rest, "");
}
