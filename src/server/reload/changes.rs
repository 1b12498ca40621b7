//! What differs between two configurations, by name. No value is told: this goes to logs and terminals.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use toml::{Table, Value};

use crate::config::{ClientTls, Config};

/// The keys that differ: `backend.timeout`, `upstream.app.url`, and `[[route]]` for a list as a whole.
pub(super) fn keys(old: &str, new: &str) -> Vec<String> {
    let read = |text: &str| toml::from_str::<Table>(text).unwrap_or_default();
    let mut found = Vec::new();
    compare("", &read(old), &read(new), &mut found);
    found
}

fn compare(within: &str, old: &Table, new: &Table, found: &mut Vec<String>) {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        match (old.get(name), new.get(name)) {
            (Some(Value::Table(old)), Some(Value::Table(new))) => {
                compare(&format!("{within}{name}."), old, new, found);
            }
            (old, new) if old == new => {}
            (old, new) => {
                let list = [old, new]
                    .into_iter()
                    .flatten()
                    .any(|v| v.as_array().is_some_and(|a| a.iter().any(Value::is_table)));
                found.push(if list { format!("[[{within}{name}]]") } else { format!("{within}{name}") });
            }
        }
    }
}

/// Secrets that are another text under the same name.
pub(super) fn secrets(old: &Config, new: &Config) -> Vec<String> {
    let key = old.backend.gateway_key != new.backend.gateway_key;
    key.then(|| "the secret of backend.gateway_key".to_owned()).into_iter().collect()
}

/// What sockets, threads and open files are made of.
pub(super) fn needs_restart(started: &Config, new: &Config) -> Vec<String> {
    let mut found = Vec::new();
    let mut unless = |same: bool, name: &str| {
        if !same {
            found.push(name.to_owned());
        }
    };
    unless(started.server.worker_threads == new.server.worker_threads, "server.worker_threads");
    unless(started.admin == new.admin, "[admin]");
    unless(started.log == new.log, "[log]");
    unless(started.audit == new.audit, "[audit]");
    let addresses = |config: &Config| config.listeners.iter().map(|l| l.address).collect::<Vec<SocketAddr>>();
    let (mut closed, mut opened) = (addresses(started), addresses(new));
    opened.retain(|address| match closed.iter().position(|old| old == address) {
        Some(at) => {
            closed.swap_remove(at);
            false
        }
        None => true,
    });
    found.extend(opened.iter().map(|address| format!("[[listener]] {address}: it is not open yet")));
    found.extend(closed.iter().map(|address| format!("[[listener]] {address}: it is still open")));
    found
}

/// SHA-256 of the text: what `sha256sum gateway.toml` prints.
pub(super) fn hash(text: &str) -> String {
    digest(&SHA256, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The files that a configuration names, with what is in them.
#[derive(Debug, Default)]
pub(super) struct Files(BTreeMap<PathBuf, Option<[u8; 32]>>);

impl Files {
    pub(super) fn of(config: &Config) -> Self {
        let mut files = Self::default();
        for certificate in &config.certificates {
            files.add(&certificate.chain);
            files.add(&certificate.key);
        }
        config.listeners.iter().filter_map(|l| l.client_ca.as_ref()).for_each(|ca| files.add(&ca.path));
        let targets = config.upstreams.iter().map(|u| &u.tls).chain([&config.backend.tls]);
        targets.flat_map(paths).for_each(|path| files.add(path));
        files
    }

    /// Those in both whose content differs.
    pub(super) fn changed(&self, new: &Self) -> Vec<String> {
        let differs =
            |(path, content): &(&PathBuf, &Option<[u8; 32]>)| self.0.get(*path).is_some_and(|c| c != *content);
        new.0.iter().filter(differs).map(|(path, _)| path.display().to_string()).collect()
    }

    /// Whether a file of these has another content.
    pub(super) fn differ(&self, new: &Self, tls: &ClientTls) -> bool {
        paths(tls).any(|path| self.0.get(path) != new.0.get(path))
    }

    fn add(&mut self, path: &Path) {
        let content = std::fs::read(path).ok().and_then(|content| digest(&SHA256, &content).as_ref().try_into().ok());
        self.0.insert(path.to_owned(), content);
    }
}

fn paths(tls: &ClientTls) -> impl Iterator<Item = &PathBuf> {
    [&tls.ca, &tls.client_certificate, &tls.client_key].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_by_name_and_without_values() {
        let old = "[backend]\nurl = \"http://a\"\n[upstream.app]\nurl = \"http://b\"\n[[route]]\npath = \"/\"\n";
        assert_eq!(keys(old, old), [""; 0]);
        assert_eq!(keys(old, &old.replace("http://a", "http://c")), ["backend.url"]);
        assert_eq!(keys(old, &old.replace("\"/\"", "\"/x\"")), ["[[route]]"]);
        let more = format!("{old}[log]\nlevel = \"info\"\n");
        assert_eq!(keys(old, &more), ["log"]);
        assert_eq!(keys(&old.replace("app", "web"), old), ["upstream.app", "upstream.web"]);
    }
}
