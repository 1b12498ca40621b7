//! What `gateway.toml` says, checked.
//!
//! One file per table, one struct per table; the values are parsed while they are read (a `Duration` is a
//! `Duration`, a pattern is a pattern), so that nothing after start-up can meet a faulty one. `Default` of each
//! struct is the default that the reference `gateway.toml` shows; a test compares the two.
//!
//! Rejected: `serde` derives for the whole file. They stop at the first fault, and cannot say where a value that is
//! well-formed but wrong (an upstream nobody named) stands. `load.rs` walks the spanned TOML tree instead and
//! collects every fault.

mod activity;
mod address;
mod assertion;
mod audit;
mod backend;
mod check;
mod fault;
mod files;
mod legacy;
mod listener;
mod load;
mod log;
mod mask;
mod pages;
mod pattern;
mod preset;
mod redirect_loop;
mod route;
mod secret;
mod server;
mod session;
mod suggest;
mod syntax;
mod table;
mod target;
mod tenant_host;
mod upstream;
mod value;

use std::ops::RangeInclusive;
use std::time::Duration;

pub use activity::Activity;
pub use assertion::{Algorithm, Assertion, KeySource};
pub use audit::{Audit, AuditEmails, AuditFile, AuditStdout, AuditSyslog, Fsync, OnFailure, SyslogAddress};
pub use backend::{Backend, BackendFields, BackendPaths, Capability, Preset, TokenIn};
pub use fault::{ConfigError, Fault, Place, Source};
pub use legacy::{JsonPointers, KeyFrom, Legacy, LegacyCarrier, LegacyFormat, LegacyMode};
pub use listener::{ClientCa, Listener, ListenerMode, ProxyProtocol};
pub use log::{Log, LogFormat};
pub use pages::{Pages, Paths};
pub use pattern::{HostPattern, PathPattern, Segment};
pub(crate) use pattern::{is_plain, is_uuid};
pub use preset::ApplicationPreset;
pub use redirect_loop::RedirectLoop;
pub use route::{Access, Kind, Route, TenantMatch, TenantRule};
pub use secret::Secret;
pub use server::{Admin, Certificate, Server};
pub use session::{Session, SignIn};
pub use target::{ClientTls, Target};
pub use tenant_host::TenantHost;
pub(crate) use tenant_host::is_host_label;
pub use upstream::{Balance, HealthCheck, Upstream};
pub use value::Rate;
pub(crate) use value::duration as parse_duration;

/// The whole configuration.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// `preset`: what defaults and routes were supplied for
    pub preset: Option<ApplicationPreset>,
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
    /// `[activity]`
    pub activity: Activity,
    /// `[sign_in]`
    pub sign_in: SignIn,
    /// `[legacy]`
    pub legacy: Legacy,
    /// `[pages]`
    pub pages: Pages,
    /// `[paths]`
    pub paths: Paths,
    /// `[redirect_loop]`
    pub redirect_loop: RedirectLoop,
    /// `[assertion]`
    pub assertion: Assertion,
    /// `[log]`
    pub log: Log,
    /// `[audit]`
    pub audit: Audit,
    /// `[upstream.NAME]`
    pub upstreams: Vec<Upstream>,
    /// `[[route]]`, at least one
    pub routes: Vec<Route>,
}

/// How long a step may take that people wait for.
const SHORT: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(600);

/// How long an answer, or an idle connection, may take.
const LONG: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(3600);

/// How long a body or a tunnel may be silent.
const TUNNEL: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(24 * 3600);
