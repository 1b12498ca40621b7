//! Without a target: a `sidgate demo` of our own on free ports, with sessions that its backend has made.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::Fault;
use crate::options::Options;

/// Sessions in the demo: enough that most are rare.
const SESSIONS: &str = "1000";

/// The demo, which stops when this is dropped.
pub(crate) struct Demo {
    child: Child,
    folder: PathBuf,
}

impl Demo {
    /// Starts it and makes it the target.
    pub(crate) async fn start(options: &mut Options) -> Result<Self, Fault> {
        let program = program()?;
        let folder = std::env::temp_dir().join(format!("sidgate-load-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let (sids, users) = (folder.join("sids"), folder.join("users"));
        let mut command = Command::new(&program);
        command.args(["demo", "--https", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--test-sessions", SESSIONS]);
        command.arg("--test-sessions-file").arg(&sids).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|e| format!("{}: {e}", program.display()))?;
        let output = child.stdout.take();
        let demo = Self { child, folder };
        let reading = tokio::task::spawn_blocking(move || addresses(output?));
        let found = tokio::time::timeout(Duration::from_secs(30), reading).await;
        let (origin, admin) =
            found.ok().and_then(Result::ok).flatten().ok_or("`sidgate demo` did not start; try it by hand")?;
        std::fs::write(&users, "alice@acme.test correct horse\nbob@globex.test correct horse\n")
            .map_err(|e| format!("{}: {e}", users.display()))?;
        eprintln!("No --target: `sidgate demo` runs at {origin}, with {SESSIONS} sessions.");
        options.target = Some(format!("{origin}/"));
        options.admin = options.admin.take().or(Some(admin));
        options.sids = options.sids.take().or(Some(sids));
        options.users = options.users.take().or(Some(users));
        options.insecure = true;
        Ok(demo)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// `sidgate` as it was built beside this program.
pub(crate) fn program() -> Result<PathBuf, Fault> {
    let own = std::env::current_exe().map_err(|e| e.to_string())?;
    let beside = own.parent().and_then(|examples| examples.parent()).map(|folder| folder.join("sidgate"));
    beside
        .filter(|path| path.is_file())
        .ok_or_else(|| "there is no `sidgate` beside this program: use tests/load/run, or give --target".into())
}

/// The addresses that the demo's welcome names: of the site, and of the admin listener.
fn addresses(output: std::process::ChildStdout) -> Option<(String, String)> {
    let mut origin = None;
    let mut lines = BufReader::new(output).lines();
    let found = loop {
        let line = lines.next()?.ok()?;
        let address = |scheme: &str| line.split_whitespace().find(|word| word.starts_with(scheme)).map(str::to_owned);
        origin = origin.or_else(|| address("https://"));
        if let (Some(origin), Some(admin)) = (&origin, address("http://").filter(|a| a.ends_with("/metrics"))) {
            let (origin, admin) = (origin.trim_end_matches('/'), admin.trim_end_matches("/metrics"));
            break (origin.to_owned(), admin.to_owned());
        }
    };
    // Read on, so that the demo never waits for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    Some(found)
}
