//! A developer's desk: `sidgate dev`, its terminal, an application, and browsers.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{sidgate, signal};

/// A running `sidgate`, and what its terminal said.
pub(crate) struct Desk {
    pub(crate) child: Child,
    /// All it said before the first request.
    pub(crate) greeting: String,
    /// `https://localhost:PORT`, and nothing after it.
    port: String,
    lines: Arc<Mutex<String>>,
    ca: Option<PathBuf>,
    _folder: Option<tempfile::TempDir>,
}

impl Desk {
    /// `sidgate dev` on free ports, with an authority of its own unless the arguments name one.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[])
    }

    /// The same with variables in its environment.
    pub(crate) fn start_with(arguments: &[&str], env: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let named = arguments.iter().position(|a| *a == "--ca").map(|i| PathBuf::from(arguments[i + 1]));
        let ca = named.clone().unwrap_or_else(|| folder.path().join("ca"));
        let mut command = sidgate(&["dev", "--https", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
        if named.is_none() {
            command.arg("--ca").arg(&ca);
        }
        let child = command
            .args(arguments)
            .envs(env.iter().copied())
            .env("HOME", folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut desk = Self::watch(child, Some(ca));
        desk._folder = Some(folder);
        desk
    }

    /// A program that has just been started.
    pub(crate) fn watch(mut child: Child, ca: Option<PathBuf>) -> Self {
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut greeting = String::new();
        while !greeting.contains("Ctrl-C stops it.") {
            assert_ne!(out.read_line(&mut greeting).unwrap(), 0, "it ended: {greeting}");
        }
        let port = greeting.split("https://localhost:").nth(1).and_then(|r| r.split('/').next()).unwrap().to_owned();
        let lines = Arc::new(Mutex::new(greeting.clone()));
        let into = lines.clone();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                *into.lock().unwrap() += &(line + "\n");
            }
        });
        Self { child, greeting, port, lines, ca, _folder: None }
    }

    /// The file that browsers trust.
    pub(crate) fn authority(&self) -> PathBuf {
        self.ca.as_ref().unwrap().join("dev-ca.pem")
    }

    /// A browser that was never here.
    pub(crate) fn browser(&self) -> Browser<'_> {
        let jar = tempfile::NamedTempFile::new().unwrap();
        Browser { desk: self, host: "localhost".into(), origin: None, header: RefCell::default(), jar }
    }

    /// Everything the terminal said so far.
    pub(crate) fn said(&self) -> String {
        self.lines.lock().unwrap().clone()
    }

    /// Waits until the terminal has said it.
    pub(crate) fn says(&self, text: &str) {
        let end = Instant::now() + Duration::from_secs(10);
        while !self.said().contains(text) {
            assert!(Instant::now() < end, "`{text}` is not in:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn stop(self) -> Option<i32> {
        signal(&self.child, "-INT");
        self.ended()
    }

    pub(crate) fn ended(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// curl, with a jar of its own.
pub(crate) struct Browser<'d> {
    desk: &'d Desk,
    host: String,
    origin: Option<String>,
    header: RefCell<Option<String>>,
    jar: tempfile::NamedTempFile,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let pairs = self.headers.lines().filter_map(|line| line.split_once(": "));
        pairs.into_iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl Browser<'_> {
    pub(crate) fn host(self, host: &str) -> Self {
        Self { host: host.to_owned(), ..self }
    }

    /// Another origin for what is posted; the empty one: none.
    pub(crate) fn origin(self, origin: &str) -> Self {
        Self { origin: Some(origin.to_owned()), ..self }
    }

    /// A cookie from before, for the next request.
    pub(crate) fn cookie(self, cookie: &str) -> Self {
        self.header(&format!("Cookie: {cookie}"))
    }

    /// A header for the next request.
    pub(crate) fn header(self, header: &str) -> Self {
        *self.header.borrow_mut() = Some(header.to_owned());
        self
    }

    /// Opens a page.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.asks(path, &["-H", "Accept: text/html", "-H", "Sec-Fetch-Mode: navigate"])
    }

    /// What `fetch` gets.
    pub(crate) fn fetch(&self, path: &str) -> Answer {
        self.asks(path, &["-H", "Sec-Fetch-Mode: cors"])
    }

    /// Sends a form, from a page of the same origin.
    pub(crate) fn post(&self, path: &str, form: &str) -> Answer {
        let own = format!("https://{}:{}", self.host, self.desk.port);
        let origin = format!("Origin: {}", self.origin.as_deref().unwrap_or(&own));
        // With nothing after the colon, curl sends no such header.
        self.asks(path, &["-H", &origin, "-H", "Sec-Fetch-Mode: navigate", "-H", "Accept: text/html", "-d", form])
    }

    fn asks(&self, path: &str, arguments: &[&str]) -> Answer {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--include", "--http1.1", "--path-as-is", "--max-time", "20"]);
        match &self.desk.ca {
            Some(_) => curl.arg("--cacert").arg(self.desk.authority()),
            None => curl.arg("--insecure"),
        };
        if let Some(header) = self.header.take() {
            curl.args(["-H", &header]);
        }
        curl.arg("--cookie").arg(self.jar.path());
        curl.arg("--cookie-jar").arg(self.jar.path()).args(arguments);
        let authority = format!("{}:{}", self.host, self.desk.port);
        curl.args(["--resolve", &format!("{authority}:127.0.0.1")]).arg(format!("https://{authority}{path}"));
        let out = curl.output().unwrap();
        assert!(out.status.success(), "{path}: {}", String::from_utf8_lossy(&out.stderr));
        let answer = String::from_utf8(out.stdout).unwrap().replace("\r\n", "\n");
        let (headers, text) = answer.split_once("\n\n").unwrap();
        let status = headers.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, headers: headers.to_owned(), text: text.to_owned() }
    }
}

/// A session backend that is somebody's own, and its address.
pub(crate) fn backend(key: &str) -> String {
    let backend = sidgate::demo::Backend::new(key);
    let (said, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            said.send(format!("http://{}", listener.local_addr().unwrap())).unwrap();
            backend.serve(listener, std::future::pending::<()>()).await;
        });
    });
    address.recv().unwrap()
}

/// An application on a free port, and its address. It says who it was told is asking.
pub(crate) fn application() -> String {
    serve(TcpListener::bind("127.0.0.1:0").unwrap())
}

/// The same at an address that was free a moment ago.
pub(crate) fn application_at(address: &str) -> String {
    serve(TcpListener::bind(address).unwrap())
}

fn serve(listener: TcpListener) -> String {
    let address = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || while answer(&stream).is_some() {});
        }
    });
    address
}

/// Answers one request without a body.
fn answer(mut stream: &TcpStream) -> Option<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let pair = |line: &'_ str| line.split_once(": ").map(|(n, v)| (n.to_owned(), v.to_owned()));
    let header = |name: &str| head.lines().filter_map(pair).find(|(n, _)| n == name).map(|(_, v)| v);
    let who = match (header("x-auth-user-id"), header("x-auth-tenant-slug")) {
        (Some(user), Some(tenant)) => format!("user {user} of {tenant}"),
        (Some(user), None) => format!("user {user}"),
        (None, _) => "anonymous".to_owned(),
    };
    let named = header("x-nextjs-request-id").map(|id| format!("request {id}, ")).unwrap_or_default();
    let text = format!("{named}{who}, step {}", header("x-auth-onboarding").unwrap_or_else(|| "none".into()));
    let status = match head.split(' ').nth(1)? {
        "/sends/away" => "307 Temporary Redirect\r\nlocation: /elsewhere",
        "/disagrees" => "307 Temporary Redirect\r\nlocation: /auth/signin",
        _ => "200 OK",
    };
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{text}", text.len());
    stream.write_all(answer.as_bytes()).ok()
}
