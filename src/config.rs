//! What `gateway.toml` says, checked.
//!
//! One file per table, one struct per table; the values are parsed while they are read (a `Duration` is a
//! `Duration`, a pattern is a pattern), so that nothing after start-up can meet a faulty one. `Default` of each
//! struct is the default that the reference `gateway.toml` shows; a test compares the two.
//!
//! Rejected: `serde` derives for the whole file. They stop at the first fault, and cannot say where a value that is
//! well-formed but wrong (an upstream nobody named) stands. [`load`] walks the spanned TOML tree instead and
//! collects every fault.

mod backend;
mod fault;
mod load;
mod log;
mod pages;
mod pattern;
mod route;
mod secret;
mod server;
mod session;
mod upstream;
mod value;

pub use backend::{Backend, BackendFields, BackendPaths, Preset};
pub use fault::{ConfigError, Fault, Place};
pub use log::{Log, LogFormat};
pub use pages::{Pages, Paths};
pub use pattern::{HostPattern, PathPattern, Segment};
pub use route::{Access, Kind, Route, TenantMatch, TenantRule};
pub use secret::Secret;
pub use server::{Admin, Certificate, Listener, ListenerMode, Server};
pub use session::{Session, SignIn};
pub use upstream::Upstream;
pub use value::Rate;

/// The whole configuration.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// `[server]`
    pub server: Server,
    /// `[admin]`
    pub admin: Admin,
    /// `[[listener]]`, at least one
    pub listeners: Vec<Listener>,
    /// `[[certificate]]`, at least one when a listener is `https`
    pub certificates: Vec<Certificate>,
    /// `[backend]`
    pub backend: Backend,
    /// `[session]`
    pub session: Session,
    /// `[sign_in]`
    pub sign_in: SignIn,
    /// `[pages]`
    pub pages: Pages,
    /// `[paths]`
    pub paths: Paths,
    /// `[log]`
    pub log: Log,
    /// `[upstream.NAME]`
    pub upstreams: Vec<Upstream>,
    /// `[[route]]`, at least one
    pub routes: Vec<Route>,
}
