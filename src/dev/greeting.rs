//! What the terminal says once everything listens.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::TcpStream;

use super::authority::Authority;
use super::{room, trust};
use crate::config::Target;
use crate::demo::{PASSWORD, Person};

/// The greeting, in parts.
pub(super) struct Greeting<'a> {
    pub(super) port: u16,
    /// The application's address.
    pub(super) application: &'a str,
    /// It answers already.
    pub(super) answers: bool,
    /// A real backend's address.
    pub(super) backend: Option<&'a str>,
    /// The embedded one's users.
    pub(super) people: &'a [Person],
    /// The team's file.
    pub(super) config: Option<&'a Path>,
    /// Hosts that its routes name.
    pub(super) hosts: &'a [String],
    /// Of [`of_authority`].
    pub(super) authority: &'a str,
    /// The operators' listener.
    pub(super) admin: Option<SocketAddr>,
}

impl fmt::Display for Greeting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let home = format!("https://localhost:{}", self.port);
        writeln!(f, "sidgate dev is running. Open  {home}/\n")?;
        let mut row = |name: &str, value: &str| writeln!(f, "  {name:<13}{value}");
        let state = if self.answers { "" } else { "   (does not answer yet: start it with `npm run dev`)" };
        row("application", &format!("{}{state}", self.application))?;
        match self.backend {
            Some(url) => row("sessions", url)?,
            None => {
                row("sessions", &format!("embedded; everyone's password is  {PASSWORD}"))?;
                row("", &self.people.iter().map(|p| p.email.as_str()).collect::<Vec<_>>().join(", "))?;
            }
        }
        match self.config {
            Some(file) => row("routes", &file.display().to_string())?,
            None => row("routes", "for a new application; your own with --config gateway.toml")?,
        }
        if !self.hosts.is_empty() {
            let hosts = self.hosts.iter().map(|h| format!("{h}:{}", self.port));
            row("hosts", &hosts.collect::<Vec<_>>().join(", "))?;
        }
        row("switcher", &format!("{home}{}/   user, tenant, onboarding, trouble", room::PATH))?;
        if let Some(admin) = self.admin {
            row(
                "keys",
                &format!("SIDGATE_JWKS_URL=http://{admin}/jwks.json   for the kits, where the application starts"),
            )?;
        }
        row("authority", self.authority)?;
        writeln!(f, "\nEvery redirect is explained below; --verbose explains the rest too. Ctrl-C stops it.")
    }
}

/// Whether an application is there.
pub(super) async fn answers(target: &Target) -> bool {
    match target {
        Target::Unix(path) => path.exists(),
        tcp => {
            let reach = TcpStream::connect(tcp.authority());
            matches!(tokio::time::timeout(Duration::from_secs(1), reach).await, Ok(Ok(_)))
        }
    }
}

/// Where the authority is, and what to do about it.
pub(super) fn of_authority(authority: &Authority) -> String {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let lists = trust::lists(&authority.der, home.as_deref());
    let file = authority.file.display();
    if !lists.is_empty() {
        return format!("{file}, probably trusted by {}", lists.join(" and "));
    }
    let made = if authority.new { "made just now: " } else { "" };
    let commands = trust::commands(&authority.file).join("\n  ");
    format!(
        "{made}{file}\n\nBrowsers warn until they trust it, once. It can vouch for this machine's names only.\n  \
         {commands}\ncerts/README.md has the other systems."
    )
}
