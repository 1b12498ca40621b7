//! Both versions, whole and in pieces; and whatever bytes come.

use proptest::prelude::*;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::*;

fn from(source: &str) -> Announced {
    Announced { source: Some(source.parse().unwrap()), tls: false }
}

/// A header of version 2.
fn binary(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [V2_SIGNATURE, &[0x20 | command, family], &length, body].concat()
}

const V4: [u8; 12] = [203, 0, 113, 7, 192, 0, 2, 1, 0x12, 0x67, 1, 187];

fn v6() -> Vec<u8> {
    let ends = ["2001:db8::7", "2001:db8::1"].map(|a| a.parse::<Ipv6Addr>().unwrap().octets());
    [&ends[0][..], &ends[1], &[0x12, 0x67, 1, 187]].concat()
}

/// Every good header, and what it says.
fn good() -> Vec<(Vec<u8>, Announced)> {
    let tls = |source: &str| Announced { tls: true, ..from(source) };
    let ssl = |client: u8| [&V4[..], &[0x03, 0, 4, 1, 2, 3, 4, SSL, 0, 5, client, 0, 0, 0, 0]].concat();
    let unknown = Announced::default();
    let longest =
        "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n";
    assert_eq!(longest.len(), V1_MAX);
    vec![
        (b"PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\n".to_vec(), from("203.0.113.7:4711")),
        (b"PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n".to_vec(), from("[2001:db8::7]:4711")),
        (b"PROXY TCP6 ::ffff:203.0.113.7 ::1 4711 443\r\n".to_vec(), from("203.0.113.7:4711")),
        (b"PROXY UNKNOWN\r\n".to_vec(), unknown),
        (longest.as_bytes().to_vec(), unknown),
        (binary(1, 0x11, &V4), from("203.0.113.7:4711")),
        (binary(1, 0x21, &v6()), from("[2001:db8::7]:4711")),
        (binary(1, 0x12, &V4), from("203.0.113.7:4711")),
        (binary(1, 0x31, &[b'x'; 216]), unknown),
        (binary(1, 0x00, &[]), unknown),
        (binary(1, 0x00, b"not looked at"), unknown),
        (binary(0, 0x00, &[]), unknown),
        (binary(0, 0x11, &V4), unknown),
        (binary(1, 0x11, &ssl(0x01)), tls("203.0.113.7:4711")),
        (binary(1, 0x11, &ssl(0x00)), from("203.0.113.7:4711")),
        (binary(1, 0x11, &[&V4[..], &[4, 0x07, 0xf1], &[0; 2033]].concat()), from("203.0.113.7:4711")),
    ]
}

#[test]
fn a_header_is_read_in_both_versions_and_nothing_after_it_is_looked_at() {
    for (header, announced) in good() {
        assert_eq!(parse(&header), Ok(Some((header.len(), announced))), "{header:?}");
        let more = [&header[..], b"PROXY TCP4 1.2.3.4 1.2.3.4 1 1\r\n\n"].concat();
        assert_eq!(parse(&more), Ok(Some((header.len(), announced))), "{header:?}");
        for cut in 0..header.len() {
            assert_eq!(parse(&header[..cut]), Ok(None), "{:?}", &header[..cut]);
        }
    }
}

#[test]
fn what_is_no_header_is_refused_as_soon_as_it_shows() {
    let long = format!("PROXY UNKNOWN {}", "x".repeat(V1_MAX));
    let mut future = binary(1, 0x11, &V4);
    future[12] = 0x31;
    for bad in [
        &b"G"[..],
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"PROXx",
        b"proxy TCP4 203.0.113.7 192.0.2.1 4711 443\r\n",
        b"PROXY  TCP4 203.0.113.7 192.0.2.1 4711 443\r\n",
        b"PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\n",
        b"PROXY TCP4 203.0.113.7 192.0.2.1 4711\r\n",
        b"PROXY TCP4 203.0.113.7 192.0.2.1 4711 443 1\r\n",
        b"PROXY TCP4 203.0.113.7 192.0.2.1 +4711 443\r\n",
        b"PROXY TCP4 203.0.113.7 192.0.2.1 4711 \r\n",
        b"PROXY TCP4 203.0.113.7 192.0.2.1 65536 443\r\n",
        b"PROXY TCP4 2001:db8::7 2001:db8::1 4711 443\r\n",
        b"PROXY TCP6 203.0.113.7 192.0.2.1 4711 443\r\n",
        b"PROXY TCP4 203.0.113.07 192.0.2.1 4711 443\r\n",
        b"PROXY TCP4 203.0.113.7 evil 4711 443\r\n",
        b"PROXY UDP4 203.0.113.7 192.0.2.1 4711 443\r\n",
        b"PROXY UNKNOWNX\r\n",
        b"PROXY \xff\r\n",
        long.as_bytes(),
        b"\r\n\r\n\0\r\nQUIX",
        &future,
        &binary(2, 0x11, &V4),
        &binary(1, 0x41, &V4),
        &binary(1, 0x13, &V4),
        &binary(1, 0x11, &V4[..11]),
        &binary(1, 0x21, &V4),
        &binary(1, 0x31, &[0; 215]),
        &binary(1, 0x11, &[&V4[..], &[4, 0]].concat()),
        &binary(1, 0x11, &[&V4[..], &[4, 0, 2, 1]].concat()),
        &binary(1, 0x11, &[0; V2_MAX + 1])[..V2_FIXED],
    ] {
        assert!(parse(bad).is_err(), "{:?}", String::from_utf8_lossy(bad));
    }
}

/// Whole, or byte by byte; alone, or with what follows in the same packet.
#[tokio::test]
async fn exactly_the_header_is_taken_from_the_socket_however_it_comes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for (header, announced) in good() {
        for pieces in
            [vec![header.len() + 5], vec![header.len(), 5], vec![1; header.len() + 5], vec![13, header.len() - 8]]
        {
            let mut near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (mut far, _) = listener.accept().await.unwrap();
            near.set_nodelay(true).unwrap();
            let sent = [&header[..], b"hello"].concat();
            let writing = tokio::spawn(async move {
                let mut rest = &sent[..];
                // One piece per turn of the reader: a byte at a time of the long ones would take the test minutes.
                for piece in pieces.into_iter().take(300) {
                    let (now, later) = rest.split_at(piece.min(rest.len()));
                    near.write_all(now).await.unwrap();
                    tokio::task::yield_now().await;
                    rest = later;
                }
                near.write_all(rest).await.unwrap();
            });
            assert_eq!(read(&mut far).await.unwrap(), announced);
            let mut rest = Vec::new();
            far.read_to_end(&mut rest).await.unwrap();
            assert_eq!(rest, b"hello");
            writing.await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_connection_that_ends_within_its_header_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for cut in ["", "PROXY TCP4 203.0.113.7"] {
        let mut near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut far, _) = listener.accept().await.unwrap();
        near.write_all(cut.as_bytes()).await.unwrap();
        drop(near);
        assert_eq!(read(&mut far).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}

/// Bytes that get far: the beginnings of headers, then anything.
fn likely() -> impl Strategy<Value = Vec<u8>> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..300);
    let good = (0..good().len()).prop_map(|i| good().swap_remove(i).0);
    let edited = (good.clone(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut header, at, byte)| {
        let at = at.index(header.len());
        header[at] = byte;
        header
    });
    let random_body = (any::<u8>(), any::<u8>(), any::<u16>(), bytes()).prop_map(|(command, family, length, body)| {
        [V2_SIGNATURE, &[0x20 | (command & 1), family & 0x33], &(length % 300).to_be_bytes(), &body].concat()
    });
    let line = "PROXY (TCP4|TCP6|UNKNOWN)?[ 0-9a-f.:]{0,120}\r?\n?".prop_map(String::into_bytes);
    prop_oneof![bytes(), good, edited, random_body, line]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// No panic; never more than is there; what was decided of the beginning holds, whatever comes after.
    #[test]
    fn whatever_comes_it_is_judged_once_and_by_its_own_bytes(bytes in likely(), after in prop::collection::vec(any::<u8>(), 0..40)) {
        let judged = parse(&bytes);
        if let Ok(Some((length, _))) = judged {
            prop_assert!((15..=V2_FIXED + V2_MAX).contains(&length) && length <= bytes.len());
            prop_assert_eq!(parse(&bytes[..length]), judged);
            for cut in 0..length {
                prop_assert_eq!(parse(&bytes[..cut]), Ok(None));
            }
        }
        if judged != Ok(None) {
            prop_assert_eq!(parse(&[&bytes[..], &after].concat()), judged);
        }
    }
}
