//! `sidgate demo`: the real gateway between an embedded backend and an embedded application.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tokio::net::TcpListener;

use super::run::{Signals, in_runtime, until_told};
use super::{fail, print_faults};
use crate::config::Config;
use crate::demo::{self, SessionPolicy};
use crate::server::Server;
use crate::telemetry::{self, AccessLog};

/// Sessions for a load test, and where their sids go.
pub(super) struct TestSessions {
    pub(super) count: u32,
    pub(super) file: PathBuf,
}

pub(super) fn run(
    https: SocketAddr,
    admin: SocketAddr,
    test_sessions: Option<TestSessions>,
    policy: SessionPolicy,
) -> ExitCode {
    for address in [https, admin] {
        if let Err(reason) = demo::refuse_beyond_loopback(address) {
            eprintln!("sidgate: {reason}");
            return ExitCode::from(2);
        }
    }
    in_runtime(&Config::default(), serve(https, admin, (test_sessions, policy)))
}

async fn serve(https: SocketAddr, admin: SocketAddr, sessions: (Option<TestSessions>, SessionPolicy)) -> ExitCode {
    let started = match Signals::new() {
        Ok(signals) => start(https, admin, sessions).await.map(|server| (server, signals)),
        Err(reason) => Err(reason),
    };
    match started {
        Ok((server, signals)) => {
            let https = server.addresses().first().copied().unwrap_or(https);
            println!("{}", demo::welcome(https, server.admin_address().unwrap_or(admin)));
            until_told(server, signals).await
        }
        Err(reason) => fail(&reason),
    }
}

async fn start(
    https: SocketAddr,
    admin: SocketAddr,
    (test_sessions, policy): (Option<TestSessions>, SessionPolicy),
) -> Result<Server, String> {
    let key = uuid::Uuid::new_v4().to_string();
    let backend = demo::Backend::with_policy(&key, policy);
    if let Some(TestSessions { count, file }) = test_sessions {
        let sids = backend.test_sessions(usize::try_from(count).unwrap_or_default());
        write_sids(&file, &sids).map_err(|e| format!("{} cannot be written: {e}", file.display()))?;
    }
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let bind = || async { TcpListener::bind(here).await.map_err(|e| format!("cannot listen on loopback: {e}")) };
    let (for_backend, for_front) = (bind().await?, bind().await?);
    let at = |l: &TcpListener| l.local_addr().map_err(|e| e.to_string());
    let made = demo::Certificate::for_localhost().map_err(|e| e.to_string())?;
    let files = demo::Files::write(&made).map_err(|e| format!("the demo's certificate cannot be written: {e}"))?;
    let text = demo::configuration(
        https,
        admin,
        at(&for_backend)?,
        at(&for_front)?,
        &files.chain,
        &files.key,
        &files.assertion,
    );
    let env = |name: &str| (name == demo::KEY_VARIABLE).then(|| key.clone());
    let config = Config::parse(&text, "demo", Path::new("."), &env).map_err(|faults| {
        print_faults(&faults);
        "the demo's own configuration is faulty; please report this".to_owned()
    })?;
    telemetry::start(&config.log);
    let log = AccessLog::new(&config.log, Box::new(std::io::stdout()));
    let server = Server::bind(&config, log).await.map_err(|e| e.to_string())?;
    tokio::spawn(backend.clone().serve(for_backend, std::future::pending::<()>()));
    tokio::spawn(demo::Front::new(backend).serve(for_front, std::future::pending::<()>()));
    Ok(server)
}

/// Sids are credentials: the file is new, and its owner's alone.
fn write_sids(path: &Path, sids: &[String]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all((sids.join("\n") + "\n").as_bytes())
}
