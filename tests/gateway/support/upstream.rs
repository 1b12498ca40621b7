//! A scripted upstream over bare TCP: it notes every byte it gets, and answers exactly what a test tells it to.
//!
//! A script belongs to a path and is a list of [`Step`]s. Several scripts for a path are played one per request, the
//! last one for ever; a path without a script gets a plain `200 ok`.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// One thing to do with a request.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Read the request's body to its end. Without it the body stays where it is.
    Body,
    /// Write these bytes.
    Send(Vec<u8>),
    /// Write that many bytes, and count them.
    Flood(u64),
    /// Write a byte ever so often, that many times.
    Drip(Duration, usize),
    /// Wait until the test lets go.
    Wait(Gate),
    /// Never go on.
    Hang,
    /// Answer a WebSocket handshake with the right accept, then send back every byte that comes.
    Echo,
    /// Close the connection.
    Close,
}

/// Opened by a test, once per request that waits for it.
#[derive(Clone, Debug)]
pub(crate) struct Gate(Arc<Semaphore>);

impl Gate {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    pub(crate) fn open(&self) {
        self.0.add_permits(1);
    }

    async fn pass(&self) {
        self.0.acquire().await.unwrap().forget();
    }
}

/// A request as it arrived.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Which connection it came over, counted from 0.
    pub(crate) connection: usize,
    /// The header, byte for byte (as Latin-1), without the empty line.
    pub(crate) head: String,
    /// The body, as it came over the wire, chunks and trailers included.
    pub(crate) wire: Vec<u8>,
    /// The whole body was read.
    pub(crate) whole: bool,
}

impl Seen {
    pub(crate) fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    pub(crate) fn target(&self) -> &str {
        self.line().split(' ').nth(1).unwrap_or_default()
    }

    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let fields = self.head.lines().skip(1).filter_map(|l| l.split_once(':'));
        fields.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim()).collect()
    }

    /// The one value of a header. Panics when there are several.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() < 2, "{name} twice: {}", self.head);
        all.first().copied()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.head.lines().skip(1).filter_map(|l| Some(l.split_once(':')?.0.to_ascii_lowercase())).collect()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.wire).into_owned()
    }
}

/// The upstream.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    scripts: Mutex<HashMap<String, Vec<Vec<Step>>>>,
    seen: Mutex<Vec<Seen>>,
    connections: AtomicUsize,
    open: AtomicUsize,
    flooded: AtomicU64,
    accepting: Mutex<Option<JoinHandle<()>>>,
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = Self { address: listener.local_addr().unwrap(), shared: Arc::default() };
        upstream.accept(listener);
        upstream
    }

    /// From now on nobody listens; connections that are open stay so.
    pub(crate) async fn refuse(&self) {
        let accepting = self.shared.accepting.lock().unwrap().take().unwrap();
        accepting.abort();
        let _ = accepting.await;
    }

    /// Somebody listens again.
    pub(crate) async fn listen(&self) {
        self.accept(TcpListener::bind(self.address).await.unwrap());
    }

    fn accept(&self, listener: TcpListener) {
        let shared = self.shared.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = shared.connections.fetch_add(1, SeqCst);
                let shared = shared.clone();
                shared.open.fetch_add(1, SeqCst);
                tokio::spawn(async move {
                    let _ = Connection { stream, buffer: Vec::new(), number, shared: shared.clone() }.serve().await;
                    shared.open.fetch_sub(1, SeqCst);
                });
            }
        });
        *self.shared.accepting.lock().unwrap() = Some(accepting);
    }

    /// Plays these steps for requests to a path; called again, for those after.
    pub(crate) fn on(&self, path: &str, steps: impl Into<Vec<Step>>) {
        self.shared.scripts.lock().unwrap().entry(path.to_owned()).or_default().push(steps.into());
    }

    /// A path is without a script again.
    pub(crate) fn forget(&self, path: &str) {
        self.shared.scripts.lock().unwrap().remove(path);
    }

    /// Reads the body, then answers with these header lines and this body.
    pub(crate) fn answers(&self, path: &str, status: &str, headers: &[&str], body: &str) {
        self.on(path, [Step::Body, Step::Send(answer(status, headers, body))]);
    }

    /// Everything that arrived so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// What arrived for a path, query not counted.
    pub(crate) fn seen_at(&self, path: &str) -> Vec<Seen> {
        self.seen().into_iter().filter(|s| s.target().split('?').next() == Some(path)).collect()
    }

    pub(crate) fn last(&self) -> Seen {
        self.seen().pop().expect("a request that reached the upstream")
    }

    /// Connections accepted so far.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(SeqCst)
    }

    /// Connections open now.
    pub(crate) fn open(&self) -> usize {
        self.shared.open.load(SeqCst)
    }

    /// Bytes that [`Step::Flood`] could write so far.
    pub(crate) fn flooded(&self) -> u64 {
        self.shared.flooded.load(SeqCst)
    }
}

/// `[upstream.pool]` with these instances and keys, and the public route `/pool/` to it.
pub(crate) fn pool(instances: &[Upstream], keys: &str) -> String {
    let urls: Vec<String> = instances.iter().map(|instance| format!("\"http://{}\"", instance.address)).collect();
    let urls = urls.join(", ");
    let route = "[[route]]\npath = \"/pool/{*rest}\"\naccess = \"public\"\nupstream = \"pool\"\n";
    format!("{route}[upstream.pool]\nurls = [{urls}]\n{keys}")
}

/// An answer with its length.
pub(crate) fn answer(status: &str, headers: &[&str], body: &str) -> Vec<u8> {
    let headers: String = headers.iter().map(|h| format!("{h}\r\n")).collect();
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(15);
    while !holds() {
        assert!(tokio::time::Instant::now() < deadline, "not within 15 s: {what}");
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    number: usize,
    shared: Arc<Shared>,
}

impl Connection {
    async fn serve(mut self) -> std::io::Result<()> {
        loop {
            let Some(end) = self.fill_until(|b| find(b, b"\r\n\r\n")).await? else { return Ok(()) };
            let head: String = self.buffer.drain(..end + 4).take(end).map(char::from).collect();
            let seen = Seen { connection: self.number, head, ..Seen::default() };
            let path = seen.target().split('?').next().unwrap_or_default().to_owned();
            let at = {
                let mut all = self.shared.seen.lock().unwrap();
                all.push(seen.clone());
                all.len() - 1
            };
            if !self.play(&seen, at, self.script(&path)).await? {
                return Ok(());
            }
        }
    }

    fn script(&self, path: &str) -> Vec<Step> {
        let mut scripts = self.shared.scripts.lock().unwrap();
        match scripts.get_mut(path) {
            Some(list) if list.len() > 1 => list.remove(0),
            Some(list) => list[0].clone(),
            None => vec![Step::Body, Step::Send(answer("200 OK", &[], "ok"))],
        }
    }

    /// Whether the connection stays.
    async fn play(&mut self, seen: &Seen, at: usize, steps: Vec<Step>) -> std::io::Result<bool> {
        for step in steps {
            match step {
                Step::Body => self.body(seen, at).await?,
                Step::Send(bytes) => self.stream.write_all(&bytes).await?,
                Step::Flood(total) => {
                    let block = vec![b'x'; 64 * 1024];
                    let mut left = total;
                    while left > 0 {
                        let n = self.stream.write(&block[..block.len().min(usize::try_from(left).unwrap())]).await?;
                        left -= n as u64;
                        self.shared.flooded.fetch_add(n as u64, SeqCst);
                    }
                }
                Step::Drip(every, times) => {
                    for _ in 0..times {
                        tokio::time::sleep(every).await;
                        self.stream.write_all(b".").await?;
                    }
                }
                Step::Wait(gate) => gate.pass().await,
                Step::Hang => {
                    // Until the gateway gives up.
                    while self.stream.read(&mut [0; 1024]).await? > 0 {}
                    return Ok(false);
                }
                Step::Echo => {
                    let accept = accept(seen.header("sec-websocket-key").unwrap());
                    let head = format!(
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                         Sec-WebSocket-Accept: {accept}\r\n\r\n"
                    );
                    self.stream.write_all(head.as_bytes()).await?;
                    self.stream.write_all(&std::mem::take(&mut self.buffer)).await?;
                    let (mut read, mut write) = self.stream.split();
                    tokio::io::copy(&mut read, &mut write).await?;
                    return Ok(false);
                }
                Step::Close => return Ok(false),
            }
        }
        Ok(true)
    }

    async fn body(&mut self, seen: &Seen, at: usize) -> std::io::Result<()> {
        if seen.header("transfer-encoding").is_some() {
            return self.chunks(at).await;
        }
        let mut left: usize = seen.header("content-length").map_or(0, |l| l.parse().unwrap());
        loop {
            let n = left.min(self.buffer.len());
            left -= n;
            let taken: Vec<u8> = self.buffer.drain(..n).collect();
            self.note(at, |seen| {
                seen.wire.extend_from_slice(&taken);
                seen.whole = left == 0;
            });
            if left == 0 {
                return Ok(());
            }
            self.more_of_it().await?;
        }
    }

    /// A chunked body ends with its first empty line: tests send none inside.
    async fn chunks(&mut self, at: usize) -> std::io::Result<()> {
        loop {
            let last = if self.buffer.starts_with(b"0\r\n") {
                Some(0)
            } else {
                find(&self.buffer, b"\r\n0\r\n").map(|z| z + 2)
            };
            let end = last.and_then(|z| Some(z + find(&self.buffer[z..], b"\r\n\r\n")? + 4));
            let so_far = self.buffer[..end.unwrap_or(self.buffer.len())].to_vec();
            self.note(at, |seen| {
                seen.wire = so_far;
                seen.whole = end.is_some();
            });
            if let Some(end) = end {
                self.buffer.drain(..end);
                return Ok(());
            }
            self.more_of_it().await?;
        }
    }

    fn note(&self, at: usize, change: impl FnOnce(&mut Seen)) {
        change(&mut self.shared.seen.lock().unwrap()[at]);
    }

    async fn more_of_it(&mut self) -> std::io::Result<()> {
        if self.more().await? { Ok(()) } else { Err(std::io::ErrorKind::UnexpectedEof.into()) }
    }

    async fn fill_until(&mut self, found: impl Fn(&[u8]) -> Option<usize>) -> std::io::Result<Option<usize>> {
        loop {
            if let Some(at) = found(&self.buffer) {
                return Ok(Some(at));
            }
            if !self.more().await? {
                return Ok(None);
            }
        }
    }

    async fn more(&mut self) -> std::io::Result<bool> {
        let mut block = vec![0; 64 * 1024];
        let n = self.stream.read(&mut block).await?;
        self.buffer.extend_from_slice(&block[..n]);
        Ok(n > 0)
    }
}

pub(crate) fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|w| w == what)
}

/// RFC 6455 section 4.2.2, written a second time: the test does not believe the code under test.
pub(crate) fn accept(key: &str) -> String {
    use base64::Engine;
    let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    base64::prelude::BASE64_STANDARD.encode(hash)
}
