//! The gateway's promises, one module each, held against the real server on port 0.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod activity;
mod admin;
mod assertion;
mod audit;
mod backend_down;
mod balancing;
mod behind_proxies;
mod client_certificates;
mod conformance;
mod cookies;
mod disagreement;
mod framing;
mod fresh_sign_in;
mod handed_over;
mod instances;
mod ipv6;
mod late_refusals;
mod lifetimes;
mod limits;
mod load_tool;
mod log;
mod mobile;
mod onboarding;
mod paths;
mod presets;
mod privileges;
mod proxy_protocol;
mod redirect_loop;
mod reload;
mod responses;
mod retry;
mod session_api;
mod sessions;
mod shutdown;
mod smoke;
mod spoofing;
mod streaming;
mod support;
mod tenant_hosts;
mod tenants;
mod tls;
mod transports;
mod upgrades;
#[path = "../assertion/verify.rs"]
mod verify;
