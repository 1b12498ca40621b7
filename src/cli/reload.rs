//! `sidgate reload`: asks the running gateway to read its configuration again, and says what came of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;

use super::run::in_runtime;
use super::{fail, print_faults};
use crate::check;
use crate::config::{Config, Target};
use crate::connect;
use crate::server::{OPERATOR, is_operator_name};

/// A configuration with many files may take its time.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn run(path: &Path, admin: Option<SocketAddr>, operator: Option<String>) -> ExitCode {
    let Some(operator) = operator.or_else(user).filter(|name| is_operator_name(name)) else {
        eprintln!("sidgate: who are you? Say it with --operator NAME: 1 to 64 printable ASCII characters");
        return ExitCode::from(2);
    };
    // What is faulty need not be asked about, and here it can be shown with its place.
    let config = match check::load(path) {
        Ok(config) => config,
        Err(faults) => {
            print_faults(&faults);
            eprintln!("sidgate: nothing was reloaded");
            return ExitCode::from(1);
        }
    };
    let address = reachable(admin.unwrap_or(config.admin.listen));
    in_runtime(&Config::default(), async {
        match ask(address, &operator).await {
            Ok((status, answer)) => show(path, status, &answer),
            Err(why) => {
                fail(&format!("no gateway answers at {address}: {why}. --admin ADDRESS names another admin listener"))
            }
        }
    })
}

/// The system's user; the one behind `sudo` where that says so.
fn user() -> Option<String> {
    let named =
        ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok().filter(|n| !n.is_empty()));
    // A container has mostly none of them.
    named.or_else(|| std::fs::metadata("/proc/self").ok().map(|process| format!("uid {}", process.uid())))
}

/// A listener on every address is reached on this machine's own.
fn reachable(address: SocketAddr) -> SocketAddr {
    let host = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(host, address.port())
}

async fn ask(address: SocketAddr, operator: &str) -> Result<(u16, Value), String> {
    let (client, base) = connect::control::client(&Target::Http(address.to_string()), None, PATIENCE, PATIENCE)?;
    let request = client.post(format!("{base}/reload")).header(OPERATOR, operator).timeout(PATIENCE);
    let answer = request.send().await.map_err(|e| e.without_url().to_string())?;
    let status = answer.status().as_u16();
    let text = answer.text().await.map_err(|e| e.without_url().to_string())?;
    let json = serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.trim().to_owned()));
    Ok((status, json))
}

fn show(path: &Path, status: u16, answer: &Value) -> ExitCode {
    if status != 200 || answer["reloaded"] != true {
        let why = answer["text"].as_str().or(answer.as_str()).unwrap_or("it is no gateway of this version");
        eprintln!("{why}");
        return fail("the gateway goes on with the configuration that it had");
    }
    let list = |name: &str| -> Vec<&str> {
        answer[name].as_array().map(|all| all.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
    };
    let read = answer["config"].as_str().unwrap_or_default();
    let changed = list("changed");
    if changed.is_empty() {
        println!("{read}: reloaded; nothing is different");
    } else {
        println!("{read}: reloaded");
    }
    changed.iter().for_each(|name| println!("changed: {name}"));
    list("needs_restart").iter().for_each(|name| println!("needs a restart: {name}"));
    if path.file_name() != Path::new(read).file_name() {
        println!("note: the gateway was started with {read}, and has read that, not {}", path.display());
    }
    ExitCode::SUCCESS
}
