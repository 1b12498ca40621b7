//! A disk that is full, to the real program: the system refuses to let its files grow.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use http::Method;
use serde_json::{Value, json};
use sidgate::demo::Backend;
use tokio::net::TcpListener;

use crate::support::backend::{ALICE, API};
use crate::support::gateway::{KEY, ROUTES, base};
use crate::support::upstream::until;
use crate::support::{Answer, Client, Upstream};

/// The real program in front of a backend and an application of this process. Dropped, it is killed.
pub(super) struct Real {
    pub(super) child: Child,
    pub(super) address: SocketAddr,
    pub(super) admin: SocketAddr,
    pub(super) folder: tempfile::TempDir,
    _upstream: Upstream,
}

impl Real {
    /// `before` is what a shell does before it becomes the program.
    pub(super) async fn start(before: &str, audit: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let upstream = Upstream::start().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let backend = listener.local_addr().unwrap();
        tokio::spawn(Backend::new(KEY).serve(listener, std::future::pending::<()>()));
        let serve = "mode = \"serve\"\ntrusted_peers = [\"127.0.0.1\"]\n";
        let limits = "[sign_in]\nper_client = \"100000/s\"\nper_email = \"100000/s\"\n";
        let text = base(backend, upstream.address).replace("{certificates}\n", serve) + limits + audit + ROUTES;
        std::fs::write(folder.path().join("gateway.toml"), text).unwrap();
        std::fs::write(folder.path().join("key"), KEY).unwrap();
        let mut real = Self {
            child: run(folder.path(), before),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            admin: SocketAddr::from(([127, 0, 0, 1], 0)),
            folder,
            _upstream: upstream,
        };
        real.listens();
        real
    }

    /// Starts it anew, after it has ended.
    pub(super) fn again(&mut self) {
        let _ = self.child.wait();
        self.child = run(self.folder.path(), ":");
        self.listens();
    }

    fn listens(&mut self) {
        let mut said = BufReader::new(self.child.stderr.take().unwrap());
        let (mut line, mut found) = (String::new(), Vec::new());
        while found.len() < 2 {
            line.clear();
            assert!(said.read_line(&mut line).unwrap() > 0, "it ended");
            let Ok(json) = serde_json::from_str::<Value>(&line) else { continue };
            found.extend(json["address"].as_str().and_then(|a| a.parse::<SocketAddr>().ok()));
        }
        (self.address, self.admin) = (found[0], found[1]);
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
    }

    pub(super) async fn sign_in(&self) -> Answer {
        let call = Client::http(self.address).call(Method::POST, API).same_origin().fetch();
        call.json(&json!({"email": ALICE, "password": "correct horse"})).send().await
    }

    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("audit.log")).unwrap()
    }

    pub(super) fn verify(&self) -> (i32, String) {
        let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_sidgate"))
            .args(["audit", "verify", "audit.log"])
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        (status.code().unwrap(), String::from_utf8([stdout, stderr].concat()).unwrap())
    }

    pub(super) fn query(&self, filter: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sidgate"));
        let Output { status, stdout, stderr } = command
            .args(["audit", "query", "audit.log"])
            .args(filter)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap()
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let answer = Client::http(self.admin).get(path).send().await;
        (answer.status, answer.text())
    }

    /// Lets files grow again, as somebody who makes room.
    fn make_room(&self) {
        let pid = self.child.id().to_string();
        let done = Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited"]).status().unwrap();
        assert!(done.success());
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(folder: &Path, before: &str) -> Child {
    let script = format!("{before}; exec \"$0\" run --config gateway.toml");
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_sidgate")]).current_dir(folder).env("KEY", KEY);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Files of at most so many blocks of 512 bytes; beyond it a write fails with EFBIG.
const FULL: &str = "trap '' XFSZ; ulimit -S -f 32";

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_block_refuses_sign_ins_and_nothing_else_until_there_is_room() {
    let audit = "[audit.file]\npath = \"audit.log\"\non_failure = \"block\"\n";
    let real = Real::start(FULL, audit).await;
    let mut signed_in = Vec::new();
    let refused = loop {
        assert!(signed_in.len() < 1_000);
        let answer = real.sign_in().await;
        match answer.sid() {
            Some(sid) => signed_in.push(sid),
            None => break answer,
        }
    };
    assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (503, Some("audit_unavailable")));
    assert!(refused.header("retry-after").is_some() && refused.set_cookies().is_empty());
    assert_eq!(real.sign_in().await.status, 503);

    let client = Client::http(real.address);
    let cookie = format!("sid={}", signed_in[0]);
    assert_eq!(client.get("/dashboard").navigate().cookie(&cookie).send().await.status, 200);
    let out = client.call(Method::DELETE, API).same_origin().cookie(&cookie).send().await;
    assert_eq!(out.status, 204, "nobody is kept signed in by a full disk");
    let (status, text) = real.get("/readyz").await;
    assert!(status == 200 && text.contains(r#""audit":{"blocks":true,"failing":["file"]}"#), "{text}");
    assert!(real.get("/metrics").await.1.contains("sidgate_audit_sink_up{sink=\"file\"} 0"));

    real.make_room();
    for _ in 0..1_000 {
        if real.get("/readyz").await.1.contains(r#""audit":"ok""#) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(real.sign_in().await.status, 200);
    until("the sign-out is told", || real.log().contains("\"kind\":\"sign_out\"")).await;
    let told = real.log().matches("\"outcome\":\"signed_in\"").count();
    assert!(told > signed_in.len(), "what was refused is told, too: {told}, {}", signed_in.len());
    let ended = real.log().matches("audit_unavailable").count();
    assert_eq!(told - ended, signed_in.len() + 1, "a session whose answer was withheld has ended");
    assert!(real.get("/metrics").await.1.contains("sidgate_audit_dropped_total{sink=\"file\"} 0"));
    let (code, said) = real.verify();
    assert_eq!(code, 0, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_drop_goes_on_and_counts_what_is_missing() {
    let real = Real::start(FULL, "[audit.file]\npath = \"audit.log\"\non_failure = \"drop\"\n").await;
    let dropped = || async {
        let (_, text) = real.get("/metrics").await;
        let line = text.lines().find(|line| line.starts_with("sidgate_audit_dropped_total{")).unwrap();
        line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    let mut sign_ins = 0;
    while dropped().await < 5 {
        assert_eq!(real.sign_in().await.status, 200);
        sign_ins += 1;
        assert!(sign_ins < 1_000);
    }
    assert!(real.verify().1.contains("whole"), "{:?}", real.verify());
    real.make_room();
    until("the gap is told", || real.log().contains("\"kind\":\"gap\"")).await;
    let gaps: u64 =
        real.log().lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()?["dropped"].as_u64()).sum();
    assert_eq!(gaps, dropped().await);
    assert_eq!(real.sign_in().await.status, 200);
    let (code, said) = real.verify();
    assert!(code == 0 && said.contains(&format!("{gaps} events could not be written here")), "{said}");
}
