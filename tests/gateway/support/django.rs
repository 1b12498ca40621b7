//! The Django of `deploy/demo/backend`, as `deploy/demo` serves it.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::gateway::KEY;

/// gunicorn with a database of its own. Dropped, it is ended.
pub(crate) struct Django {
    pub(crate) address: SocketAddr,
    child: Child,
    folder: tempfile::TempDir,
}

impl Django {
    /// The command that prints the code in the newest mail, which the demo prints.
    pub(crate) fn sent_code_command(&self) -> String {
        let printed = self.folder.path().join("printed");
        format!("sed -n 's/.*Your code is \\([0-9]*\\).*/\\1/p' {} | tail -n 1", printed.display())
    }

    pub(crate) async fn start() -> Self {
        Self::with("quick_settings").await
    }

    /// With other settings, from the demo or from `tests/gateway/presets/django`.
    pub(crate) async fn with(settings: &str) -> Self {
        let venv = std::env::var("SIDGATE_TEST_VENV").unwrap_or_else(|_| {
            panic!(
                "SIDGATE_TEST_VENV is not set. It names a Python environment for the real backend:\n  \
                 python3 -m venv /tmp/venv && /tmp/venv/bin/pip install ./deploy/django -r deploy/demo/backend/requirements.txt\n  \
                 SIDGATE_TEST_VENV=/tmp/venv cargo nextest run --test gateway conformance"
            )
        });
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let command = |program: &str, arguments: &[&str]| {
            let mut command = Command::new(PathBuf::from(&venv).join("bin").join(program));
            command
                .args(arguments)
                .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/demo/backend"))
                .env("DJANGO_SETTINGS_MODULE", settings)
                .env("PYTHONPATH", Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gateway/presets/django"))
                .env("SIDGATE_GATEWAY_KEY", KEY)
                .env("DEMO_KEY", "the demo's own key")
                .env("DEMO_DB", folder.path().join("db.sqlite3"))
                .env("DEMO_DJANGO_PORT", port.to_string())
                .env("PYTHONDONTWRITEBYTECODE", "1")
                .stdout(Stdio::null())
                .stderr(Stdio::inherit());
            command
        };
        for step in [&["manage.py", "migrate", "-v0"][..], &["manage.py", "seed_demo"]] {
            assert!(command("python", step).status().expect("the venv's python starts").success(), "{step:?}");
        }
        let gunicorn = ["-c", "gunicorn.conf.py", "--log-level", "warning"];
        let printed = std::fs::File::create(folder.path().join("printed")).unwrap();
        let child = command("gunicorn", &gunicorn).stdout(printed).spawn().expect("the venv's gunicorn starts");
        let this = Self { address: SocketAddr::from(([127, 0, 0, 1], port)), child, folder };
        let deadline = Instant::now() + Duration::from_secs(30);
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(Instant::now() < deadline, "gunicorn does not come up");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        this
    }
}

impl Drop for Django {
    fn drop(&mut self) {
        // TERM lets the master end its workers; KILL would leave them.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}
