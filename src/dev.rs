//! `sidgate dev`: the real gateway in front of `next dev`, for daily work.
//!
//! What one tries here is what one would run: the gateway is started from a configuration in the vocabulary of
//! `gateway.toml`, or from the team's own with its listeners, certificates, backend and upstream replaced. What is added
//! stands in a `Room`: the switcher, the sentence for every redirect, the page that waits for the application. Only
//! [`start`] can make one, and it listens on loopback alone, because users whose password is public are let in.

mod authority;
mod explain;
mod greeting;
mod notes;
mod room;
mod setup;
mod trust;

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use tokio::net::TcpListener;

use self::authority::Authority;
use self::greeting::Greeting;
use self::notes::{Notes, Style};
use crate::config::{Config, ConfigError};
use crate::demo::{self, Backend, Files, Person, SessionPolicy};
use crate::server::Server;
use crate::telemetry::{self, AccessLog};
pub(crate) use room::Room;

/// What the command line says.
#[derive(Debug, Clone)]
pub struct Options {
    /// The application's address.
    pub upstream: String,
    /// Who a browser is at its first visit: a name or an address of the embedded backend's users.
    pub user: Option<String>,
    /// A real backend's address, instead of the embedded one.
    pub backend: Option<String>,
    /// The team's configuration.
    pub config: Option<PathBuf>,
    /// Where the gateway listens.
    pub https: SocketAddr,
    /// Where the admin listener is.
    pub admin: SocketAddr,
    /// The folder of the development authority.
    pub ca: Option<PathBuf>,
    /// Say what is let through, too.
    pub verbose: bool,
    /// ANSI colours.
    pub colour: bool,
    /// Lifetimes and limits of the embedded backend's sessions.
    pub sessions: SessionPolicy,
}

/// Why it did not start.
#[derive(Debug)]
pub enum NotStarted {
    /// It cannot be meant so.
    Usage(String),
    /// The configuration is faulty.
    Config(ConfigError),
    /// It was meant well.
    Failed(String),
}

impl From<String> for NotStarted {
    fn from(reason: String) -> Self {
        Self::Failed(reason)
    }
}

/// Starts everything, and gives the server with what to tell the developer. Needs a tokio runtime.
///
/// # Errors
/// Wrong usage, a faulty configuration, an address that is taken.
pub async fn start(options: &Options) -> Result<(Server, String), NotStarted> {
    for address in [options.https, options.admin] {
        demo::refuse_beyond_loopback(address).map_err(NotStarted::Usage)?;
    }
    let upstream = address(&options.upstream);
    let backend_url = options.backend.as_deref().map(address);
    let key = uuid::Uuid::new_v4().to_string();
    let embedded = backend_url.is_none().then(|| Backend::with_policy(&key, options.sessions));
    let people = embedded.as_ref().map(Backend::people).unwrap_or_default();
    let guest = guest(options, &people)?;
    let folder = options.ca.clone().or_else(|| authority::default_folder(|name| std::env::var(name).ok()));
    let folder =
        folder.ok_or_else(|| NotStarted::Usage("there is no HOME; say where the authority is: --ca DIR".into()))?;
    let authority = Authority::in_folder(&folder)?;
    let files = certificate(&authority)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(|e| format!("no loopback socket: {e}"))?;
    let own = listener.local_addr().map_err(|e| e.to_string())?;
    let backend = backend_url.clone().unwrap_or_else(|| format!("http://{own}"));
    let config = configuration(options, (&upstream, &backend), &files, &key)?;

    telemetry::start(&config.log);
    let style = Style { verbose: options.verbose, colour: options.colour };
    let room = Room::new(&upstream, embedded.clone(), guest, Notes::new(style, Box::new(print)));
    let log = AccessLog::new(&config.log, Box::new(std::io::sink()));
    let trust = greeting::of_authority(&authority);
    let more = authority::on_demand(authority);
    let server = Server::bind_dev(&config, log, room, more).await.map_err(|e| e.to_string())?;
    if let Some(backend) = embedded {
        tokio::spawn(backend.serve(listener, std::future::pending::<()>()));
    }
    let greeting = Greeting {
        port: server.addresses().first().map_or(options.https.port(), SocketAddr::port),
        application: &upstream,
        answers: match config.upstreams.first().and_then(|u| u.urls.first()) {
            Some(target) => greeting::answers(target).await,
            None => false,
        },
        backend: backend_url.as_deref(),
        people: &people,
        config: options.config.as_deref(),
        hosts: &setup::hosts(&config),
        authority: &trust,
        admin: server.admin_address(),
    };
    Ok((server, greeting.to_string()))
}

/// For a new application, or with the team's own routes.
fn configuration(
    options: &Options,
    (upstream, backend): (&str, &str),
    files: &Files,
    key: &str,
) -> Result<Config, NotStarted> {
    let real = options.backend.is_some();
    let text = setup::text(&setup::Places {
        https: options.https,
        admin: options.admin,
        upstream,
        backend,
        // With a file, a real backend's key is named there.
        embedded: !real || options.config.is_some(),
        chain: &files.chain,
        key: &files.key,
        assertion: &files.assertion,
    });
    let env = |name: &str| if name == setup::EMBEDDED_KEY { Some(key.to_owned()) } else { std::env::var(name).ok() };
    let base = Config::parse(&text, "sidgate dev", Path::new("."), &env).map_err(NotStarted::Config)?;
    let config = match &options.config {
        Some(file) => setup::take_over(base, file, real),
        None => setup::check_own(base, &text),
    };
    config.map_err(NotStarted::Config)
}

/// Whom `--as` means: the name, the part before the `@`, or the whole address.
fn guest(options: &Options, people: &[Person]) -> Result<Option<Person>, NotStarted> {
    let Some(name) = options.user.as_deref() else { return Ok(None) };
    if options.backend.is_some() {
        let reason = "--as is for the users of the embedded backend; with --backend sign in at the application";
        return Err(NotStarted::Usage(reason.into()));
    }
    let short = |p: &Person| p.email.split('@').next().unwrap_or_default().to_owned();
    let found = people.iter().find(|p| p.email.eq_ignore_ascii_case(name) || short(p).eq_ignore_ascii_case(name));
    found.cloned().map(Some).ok_or_else(|| {
        let all: Vec<String> = people.iter().map(short).collect();
        NotStarted::Usage(format!("there is no user `{name}`; --as takes one of {}", all.join(", ")))
    })
}

/// `localhost:3000` is meant as `http://localhost:3000`.
fn address(text: &str) -> String {
    let text = text.trim_end_matches('/');
    if text.contains("://") || text.starts_with("unix:") { text.to_owned() } else { format!("http://{text}") }
}

/// The files are gone when this is dropped, after the server has read them.
fn certificate(authority: &Authority) -> Result<Files, NotStarted> {
    let made = authority.certificate(&[]).map_err(|e| format!("no certificate could be made: {e}"))?;
    Files::write(&made).map_err(|e| NotStarted::Failed(format!("the certificate cannot be written: {e}")))
}

/// A terminal that is gone is nobody's fault here.
fn print(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
