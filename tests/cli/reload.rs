//! A running gateway that reads its configuration again: by SIGHUP, and by `sidgate reload`.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStderr, Stdio};

use crate::{GOOD, folder, output, sidgate, signal};

/// A gateway that has said that it listens, and what it goes on to say.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    admin: String,
}

impl Running {
    fn start(path: &str) -> Self {
        let mut child = sidgate(&["run", "--config", path]).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let listening = lines.by_ref().map(Result::unwrap).find(|line| line.contains("\"admin\"")).unwrap();
        let listening: serde_json::Value = serde_json::from_str(&listening).unwrap();
        Self { child, lines, admin: listening["address"].as_str().unwrap().to_owned() }
    }

    /// What it says up to the line with this; all of it when there is none.
    fn says(&mut self, what: &str) -> Vec<String> {
        let mut said = Vec::new();
        for line in self.lines.by_ref().map(Result::unwrap) {
            said.push(line);
            if said.last().unwrap().contains(what) {
                break;
            }
        }
        assert!(said.last().is_some_and(|line| line.contains(what)), "not said: {what} in {said:?}");
        said
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn sighup_reloads_and_a_faulty_file_leaves_everything_as_it_is() {
    let (_folder, path) = folder(GOOD);
    let mut gateway = Running::start(&path);
    std::fs::write(&path, GOOD.replace("[upstream.app]\n", "[upstream.app]\nconnect_timeout = \"2s\"\n")).unwrap();
    signal(&gateway.child, "-HUP");
    let said = gateway.says("the configuration was reloaded");
    assert!(said.last().unwrap().contains("\"operator\":\"SIGHUP\""), "{said:?}");
    assert!(said.last().unwrap().contains("upstream.app.connect_timeout"), "{said:?}");
    std::fs::write(&path, GOOD.replace("access", "acess")).unwrap();
    signal(&gateway.child, "-HUP");
    let said = gateway.says("the old one goes on");
    assert!(said.iter().any(|line| line.contains("did you mean `access`?") && line.contains("\"line\":")), "{said:?}");
    signal(&gateway.child, "-TERM");
    gateway.says("stopped");
    assert_eq!(gateway.child.wait().unwrap().code(), Some(0));
}

#[test]
fn reload_says_what_changed_or_prints_the_faults_and_exits_1() {
    let (_folder, path) = folder(GOOD);
    let mut gateway = Running::start(&path);
    let admin = gateway.admin.clone();
    let reload = |more: &[&str]| {
        let arguments = [&["reload", "--config", &path, "--admin", &admin, "--operator", "ann"], more].concat();
        output(&arguments)
    };
    let (code, out, error) = reload(&[]);
    assert_eq!((code, error.as_str()), (0, ""), "{out}");
    assert_eq!(out, format!("{path}: reloaded; nothing is different\n"));

    let more = GOOD.replace("[upstream.app]\n", "[upstream.app]\nconnect_timeout = \"2s\"\n")
        + "[server]\nworker_threads = 3\n";
    std::fs::write(&path, more).unwrap();
    let (code, out, _) = reload(&[]);
    assert_eq!(code, 0);
    assert!(out.contains("changed: upstream.app.connect_timeout\n"), "{out}");
    assert!(out.contains("needs a restart: server.worker_threads\n"), "{out}");
    let said = gateway.says("this change needs a restart");
    assert!(said.iter().any(|line| line.contains("\"operator\":\"ann\"")), "{said:?}");

    std::fs::write(&path, GOOD.replace("access", "acess")).unwrap();
    let (code, out, error) = reload(&[]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(error.contains("did you mean `access`?") && error.contains("nothing was reloaded"), "{error}");
}

#[test]
fn reload_without_a_gateway_or_a_name_says_what_to_do() {
    let (_folder, path) = folder(GOOD);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (code, _, error) = output(&["reload", "--config", &path, "--admin", &free, "--operator", "ann"]);
    assert_eq!(code, 1);
    assert!(error.contains(&format!("no gateway answers at {free}")) && error.contains("--admin"), "{error}");
    let (code, _, error) = output(&["reload", "--config", &path, "--operator", " "]);
    assert!(code == 2 && error.contains("--operator NAME"), "{error}");
}
