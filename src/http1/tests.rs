//! The client against a scripted server at the other end of a pipe.

use std::convert::Infallible;

use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::Frame;
use tokio::io::{AsyncWriteExt, DuplexStream};

use super::*;

const LIMIT: Duration = Duration::from_secs(5);

fn get() -> Head {
    Head { bytes: Bytes::from_static(b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n"), framing: Framing::Empty, is_head: false }
}

fn post(framing: Framing) -> Head {
    Head { bytes: Bytes::from_static(b"POST /x HTTP/1.1\r\n\r\n"), framing, is_head: false }
}

fn pair() -> (Connection<DuplexStream>, DuplexStream) {
    let (near, far) = tokio::io::duplex(64 * 1024);
    (Connection::new(near), far)
}

/// Reads a request up to what it must end with.
async fn read_to(far: &mut DuplexStream, end: &str) -> String {
    let mut got = Vec::new();
    while !got.ends_with(end.as_bytes()) {
        assert!(far.read_buf(&mut got).await.unwrap() > 0, "{:?}", String::from_utf8_lossy(&got));
    }
    String::from_utf8(got).unwrap()
}

async fn exchange(bytes: &str) -> Result<(Response<String>, bool), Fault> {
    let (connection, mut far) = pair();
    far.write_all(bytes.as_bytes()).await.unwrap();
    let sent = connection.send(&get(), Empty::<Bytes>::new(), HeaderMap::new(), LIMIT).await;
    let (parts, mut incoming) = sent.map_err(|f| f.fault)?.into_parts();
    let mut text = String::new();
    while let Some(frame) = incoming.frame().await {
        text.push_str(std::str::from_utf8(&frame?.into_data().unwrap()).unwrap());
    }
    Ok((Response::from_parts(parts, text), incoming.into_connection().is_some()))
}

#[tokio::test]
async fn one_connection_carries_one_exchange_after_the_other() {
    let (mut connection, mut far) = pair();
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ] {
        assert!(connection.is_alive().await);
        far.write_all(answer.as_bytes()).await.unwrap();
        let answer = connection.send(&get(), Empty::<Bytes>::new(), HeaderMap::new(), LIMIT).await.ok().unwrap();
        assert_eq!(read_to(&mut far, "\r\n\r\n").await.as_bytes(), get().bytes);
        let mut incoming = answer.into_body();
        let data = incoming.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(&data[..], b"hello");
        while incoming.frame().await.is_some() {}
        connection = incoming.into_connection().unwrap();
    }
    drop(far);
    assert!(!connection.is_alive().await);
}

#[tokio::test]
async fn only_a_connection_that_is_surely_at_rest_is_used_again() {
    for (answer, text, again) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", true),
        ("HTTP/1.1 204 No Content\r\n\r\n", "", true),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", "", true),
        ("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", "ok", false),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", false),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more", "ok", false),
        ("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "", false),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nx", "ok", false),
    ] {
        let (got, reusable) = exchange(answer).await.unwrap();
        assert_eq!((got.body().as_str(), reusable), (text, again), "{answer}");
    }
    let (connection, mut far) = pair();
    assert!({
        let mut connection = connection;
        far.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n").await.unwrap();
        !connection.is_alive().await
    });
}

#[tokio::test]
async fn an_answer_that_is_cut_off_never_looks_whole() {
    for cut in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    ] {
        let (connection, mut far) = pair();
        far.write_all(cut.as_bytes()).await.unwrap();
        far.shutdown().await.unwrap();
        let answer = connection.send(&get(), Empty::<Bytes>::new(), HeaderMap::new(), LIMIT).await.ok().unwrap();
        assert!(answer.into_body().collect().await.is_err(), "{cut}");
    }
    let (connection, mut far) = pair();
    far.write_all(b"HTTP/1.1 200 OK\r\n\r\nto the end").await.unwrap();
    far.shutdown().await.unwrap();
    let answer = connection.send(&get(), Empty::<Bytes>::new(), HeaderMap::new(), LIMIT).await.ok().unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "to the end");
}

#[tokio::test]
async fn a_server_that_closes_before_it_answers_is_told_apart_from_one_that_was_asked_nothing() {
    let (connection, far) = pair();
    drop(far);
    let failed =
        connection.send(&post(Framing::Length(1)), Full::from("x"), HeaderMap::new(), LIMIT).await.err().unwrap();
    assert!(failed.unsent.is_none(), "the body was taken");
    let (connection, far) = pair();
    drop(far);
    let failed = connection.send(&get(), Empty::<Bytes>::new(), HeaderMap::new(), LIMIT).await.err().unwrap();
    assert!(failed.unsent.is_some(), "{:?}", failed.fault);
    let (connection, mut far) = pair();
    let closing = async {
        read_to(&mut far, "\r\n\r\n").await;
        drop(far);
    };
    let head = get();
    let (failed, ()) = tokio::join!(connection.send(&head, Empty::<Bytes>::new(), HeaderMap::new(), LIMIT), closing);
    assert!(matches!(failed, Err(Failed { fault: Fault::Closed, unsent: None })));
}

fn pieces(pieces: Vec<Vec<u8>>) -> impl Body<Data = Bytes, Error = Infallible> + Unpin {
    let frames = pieces.into_iter().map(|p| Ok(Frame::data(Bytes::from(p))));
    StreamBody::new(futures_util::stream::iter(frames.collect::<Vec<_>>()))
}

#[tokio::test]
async fn a_body_goes_out_as_its_head_says() {
    for sizes in
        [vec![], vec![0, 5], vec![5, 5], vec![COPY - 1, COPY + 1, 3], vec![100_000, 1, 100_000], vec![100; 500]]
    {
        let parts: Vec<Vec<u8>> = sizes.iter().map(|n| (0..*n).map(|i| (i % 251) as u8).collect()).collect();
        let whole = parts.concat();
        for framing in [Framing::Length(whole.len() as u64), Framing::Chunked] {
            let (connection, mut far) = pair();
            let head = post(framing);
            let server = async {
                let mut got = Vec::new();
                let done = |got: &[u8]| match framing {
                    Framing::Chunked => got.ends_with(b"0\r\n\r\n") && got.len() > whole.len() + 20,
                    _ => got.len() == head.bytes.len() + whole.len(),
                };
                while !done(&got) {
                    far.read_buf(&mut got).await.unwrap();
                }
                far.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
                got.split_off(head.bytes.len())
            };
            let sending = connection.send(&head, pieces(parts.clone()), HeaderMap::new(), LIMIT);
            let (answer, got) = tokio::join!(sending, server);
            assert!(answer.ok().unwrap().into_body().into_connection().is_some());
            if framing == Framing::Chunked {
                let mut expected = Vec::new();
                for part in parts.iter().filter(|p| !p.is_empty()) {
                    expected.extend([format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat());
                }
                assert!(got == [&expected[..], b"0\r\n\r\n"].concat());
            } else {
                assert!(got == whole);
            }
        }
    }
}

const COPY: usize = 8 * 1024;

#[tokio::test]
async fn a_body_of_another_length_than_said_never_looks_whole() {
    for (said, is) in [(5, 4), (5, 6)] {
        let (connection, mut far) = pair();
        let head = post(Framing::Length(said));
        let failed = connection.send(&head, pieces(vec![vec![b'x'; is]]), HeaderMap::new(), LIMIT).await;
        assert!(matches!(failed, Err(Failed { fault: Fault::Body(_), unsent: None })));
        let mut got = Vec::new();
        far.read_to_end(&mut got).await.unwrap();
        assert!(got.len() < post(Framing::Empty).bytes.len() + 5, "{said} {is}");
    }
}

#[tokio::test(start_paused = true)]
async fn silence_has_a_limit_and_an_upload_that_goes_on_is_none() {
    let (connection, _far) = pair();
    let started = tokio::time::Instant::now();
    let failed = connection.send(&get(), Empty::<Bytes>::new(), HeaderMap::new(), LIMIT).await.err().unwrap();
    assert!(matches!(failed.fault, Fault::Timeout));
    assert_eq!(started.elapsed(), LIMIT);

    let (connection, mut far) = pair();
    let slow = futures_util::stream::unfold(0, |n| async move {
        tokio::time::sleep(Duration::from_secs(4)).await;
        (n < 5).then(|| (Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"x"))), n + 1))
    });
    let body = StreamBody::new(Box::pin(slow));
    let server = async {
        read_to(&mut far, "xxxxx").await;
        far.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    };
    let head = post(Framing::Length(5));
    let (answer, ()) = tokio::join!(connection.send(&head, body, HeaderMap::new(), LIMIT), server);
    assert_eq!(answer.ok().unwrap().status(), 204);
}

#[tokio::test]
async fn an_early_answer_is_taken_and_the_rest_of_the_upload_goes_on_while_it_is_read() {
    let (near, mut far) = tokio::io::duplex(64);
    let connection = Connection::new(near);
    let head = post(Framing::Length(1_000));
    let server = async {
        let mut got = vec![0; 200];
        far.read_exact(&mut got).await.unwrap();
        far.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nha").await.unwrap();
        let mut rest = vec![0; head.bytes.len() + 1_000 - 200];
        far.read_exact(&mut rest).await.unwrap();
        far.write_all(b"lves").await.unwrap();
    };
    let client = async {
        let answer =
            connection.send(&head, pieces(vec![vec![b'x'; 1_000]]), HeaderMap::new(), LIMIT).await.ok().unwrap();
        let mut incoming = answer.into_body();
        let mut text = Vec::new();
        while let Some(frame) = incoming.frame().await {
            text.extend_from_slice(&frame.unwrap().into_data().unwrap());
        }
        (text, incoming.into_connection().is_some())
    };
    let (got, ()) = tokio::join!(client, server);
    assert_eq!(got, (b"halves".to_vec(), true));
}

#[tokio::test]
async fn a_server_that_stops_reading_may_still_say_why() {
    let (connection, mut far) = pair();
    far.write_all(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    drop(far);
    let head = post(Framing::Length(100_000));
    let answer = connection.send(&head, pieces(vec![vec![0; 100_000]]), HeaderMap::new(), LIMIT).await.ok().unwrap();
    assert_eq!(answer.status(), 413);
    let mut incoming = answer.into_body();
    while incoming.frame().await.is_some() {}
    assert!(incoming.into_connection().is_none());
}

#[tokio::test]
async fn behind_a_switch_of_protocols_every_byte_is_handed_over() {
    let (connection, mut far) = pair();
    far.write_all(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x00")
        .await
        .unwrap();
    let answer = connection.send(&get(), Empty::<Bytes>::new(), HeaderMap::new(), LIMIT).await.ok().unwrap();
    assert_eq!(answer.headers()["upgrade"], "websocket");
    let (_stream, first) = answer.into_body().into_stream();
    assert_eq!(&first[..], b"\x81\x00");
}
