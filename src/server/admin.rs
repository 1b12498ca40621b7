//! The operators' listener: plain HTTP, never open to the world.
//!
//! `/livez`: the process runs. `/readyz`: it can do its work; 503 while it drains, and while the backend refuses its
//! key (which no restart of Django will mend). A backend that is down does not make it unready: public pages are
//! served, and the other gateways would be as unready. The same holds for instances of an upstream. `/metrics`: Prometheus
//! text. `/jwks.json`: the key set of the assertion, for receivers that are near. What changes something is in
//! [`operate`].
//!
//! Whoever can reach it may read. A web page in an operator's browser can reach it too, once its server's name leads to
//! our address (DNS rebinding), so it answers to no name that anybody can register, unless `[admin] hosts` has it.

mod host;
mod operate;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;

use super::{Shared, connection};
use crate::audit::{Audit, SinkState};
use crate::endpoint;
use crate::telemetry;
use crate::upstream::{InstanceState, Upstream};

pub(crate) use operate::{OPERATOR, is_operator_name};

const HERE: &str = "here are /livez, /readyz, /metrics and /jwks.json, and for POST /reload\n";

/// Connections of operators at once.
const MAX_CONNECTIONS: usize = 64;

pub(super) async fn serve(listener: TcpListener, hosts: Arc<[String]>, shared: Arc<Shared>) {
    let permits = Arc::new(tokio::sync::Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else { return };
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        };
        let (shared, hosts) = (shared.clone(), hosts.clone());
        tokio::spawn(async move {
            let config = shared.live.load().config.clone();
            let service = service_fn(|request| {
                let (shared, hosts) = (shared.clone(), hosts.clone());
                async move { Ok::<_, Infallible>(answer(&request, peer, &hosts, &shared).await) }
            });
            let _ = connection::http1_builder(&config).serve_connection(TokioIo::new(stream), service).await;
            drop(permit);
        });
    }
}

async fn answer(
    request: &Request<Incoming>,
    peer: SocketAddr,
    hosts: &[String],
    shared: &Arc<Shared>,
) -> Response<Full<Bytes>> {
    if request.uri().path() == "/reload" {
        return operate::reload(request, peer, shared).await;
    }
    // Whether the process runs is no secret, and has to be easy to ask.
    if request.uri().path() != "/livez" && !host::is_ours(request.headers(), hosts) {
        return text(StatusCode::MISDIRECTED_REQUEST, "text/plain", host::NOT_OURS.into());
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return text(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "GET only\n".into());
    }
    match request.uri().path() {
        "/livez" => text(StatusCode::OK, "text/plain", "ok\n".into()),
        "/readyz" => ready(shared),
        "/metrics" => text(StatusCode::OK, "text/plain; version=0.0.4", metrics(shared)),
        "/jwks.json" => match shared.gateway().assertions().jwks() {
            Some(set) => text(StatusCode::OK, "application/jwk-set+json", set),
            None => text(StatusCode::NOT_FOUND, "text/plain", format!("{}\n", endpoint::NO_KEY)),
        },
        _ => text(StatusCode::NOT_FOUND, "text/plain", HERE.into()),
    }
}

fn ready(shared: &Shared) -> Response<Full<Bytes>> {
    let draining = shared.draining.load(Relaxed);
    let key_refused = shared.gateway().sessions().key_refused();
    let audit = shared.gateway().audit().clone();
    let ready = !draining && !key_refused;
    let body = json!({
        "ready": ready,
        "draining": draining,
        "gateway_key": if key_refused { "refused by the backend" } else { "ok" },
        "backend": if shared.gateway().sessions().backend_down() { "does not answer" } else { "ok" },
        "audit": audit_state(&audit),
        "config": config(shared),
        "upstreams": upstreams(shared),
    });
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    text(status, "application/json", format!("{body}\n"))
}

/// Which configuration runs: with the hash, whether all of a fleet run the same.
fn config(shared: &Shared) -> serde_json::Value {
    let reloads = &shared.reloads;
    let at = i64::try_from(reloads.at.load(Relaxed)).ok().and_then(|at| jiff::Timestamp::from_second(at).ok());
    json!({
        "sha256": reloads.hash(),
        "since": at.map(|at| at.to_string()),
        "last_reload": if reloads.last_refused.load(Relaxed) { "refused: see the log" } else { "ok" },
    })
}

fn reload_metrics(shared: &Shared) -> String {
    let reloads = &shared.reloads;
    let outcomes = [("reloaded", &reloads.good), ("refused", &reloads.refused)];
    let outcomes = outcomes.map(|(outcome, count)| (vec![("outcome", outcome)], count.load(Relaxed)));
    telemetry::family("sidgate_config_reloads_total", "Reloads of the configuration.", outcomes.into_iter())
}

/// Sinks that cannot be written to. They do not make it unready: what is not audited goes on.
fn audit_state(audit: &Audit) -> serde_json::Value {
    if !audit.is_on() {
        return json!("off");
    }
    let failing: Vec<String> = audit.sinks().into_iter().filter(|sink| sink.failing).map(|sink| sink.name).collect();
    if failing.is_empty() { json!("ok") } else { json!({ "failing": failing, "blocks": !audit.accepts() }) }
}

fn audit_metrics(audit: &Audit) -> String {
    let sinks = audit.sinks();
    if sinks.is_empty() {
        return String::new();
    }
    let family = |name, help, value: fn(&SinkState) -> u64| {
        telemetry::family(name, help, sinks.iter().map(|sink| (vec![("sink", &*sink.name)], value(sink))))
    };
    [
        family("sidgate_audit_events_total", "Audit events that a sink has taken.", |s| s.written),
        family("sidgate_audit_dropped_total", "Audit events that a sink has missed.", |s| s.dropped),
        family("sidgate_audit_sink_up", "1 while a sink of the audit trail can be written to.", |s| {
            u64::from(!s.failing)
        }),
    ]
    .concat()
}

/// The instances that get requests, and those that do not.
fn upstreams(shared: &Shared) -> serde_json::Map<String, serde_json::Value> {
    let of = |upstream: &Arc<Upstream>| {
        let (up, out): (Vec<_>, Vec<_>) = upstream.instances().partition(|instance| instance.up);
        let out: Vec<String> = out.into_iter().map(|instance| instance.url).collect();
        (upstream.name().to_owned(), json!({ "up": up.len(), "out": out }))
    };
    shared.gateway().upstreams().iter().map(of).collect()
}

fn instance_metrics(shared: &Shared) -> String {
    let gateway = shared.gateway();
    let all: Vec<_> = gateway.upstreams().iter().flat_map(|u| u.instances().map(|i| (u.name(), i))).collect();
    let family = |name, help, value: fn(&InstanceState) -> u64| {
        let values = all.iter().map(|(name, i)| (vec![("upstream", *name), ("instance", &*i.url)], value(i)));
        telemetry::family(name, help, values)
    };
    [
        family("sidgate_upstream_instance_up", "1 while an instance gets new requests.", |i| u64::from(i.up)),
        family("sidgate_upstream_open_requests", "Requests and tunnels open at an instance.", |i| i.open as u64),
        family("sidgate_upstream_ejections_total", "How often an instance was taken out.", |i| i.ejections),
    ]
    .concat()
}

/// Nothing where there are no legacy cookies.
fn legacy_metrics(shared: &Shared) -> String {
    let gateway = shared.gateway();
    let Some(monitor) = gateway.legacy_monitor() else { return String::new() };
    let help = "1 while the migration of legacy cookies has stopped by itself: too many failed.";
    telemetry::gauge("sidgate_legacy_stopped", help, u64::from(monitor.is_stopped()))
}

fn metrics(shared: &Shared) -> String {
    let gateway = shared.gateway();
    let (counts, assertions) = (gateway.sessions().counts(), gateway.assertions());
    let gauge = |n: usize| n as u64;
    let mut text = shared.log.metrics().render(&[
        ("sidgate_connections", "Open downstream connections.", gauge(shared.connections.len())),
        ("sidgate_tunnels", "Open WebSocket tunnels.", gauge(shared.gateway().tunnels().open.len())),
        ("sidgate_sessions_cached", "Sessions held in the cache.", gauge(counts.sessions)),
        ("sidgate_sign_outs_pending", "Sign-outs that the backend has not taken yet.", gauge(counts.pending)),
        ("sidgate_activity_sent_total", "Uses of sessions that the backend was told of.", counts.activity_sent),
        ("sidgate_activity_lost_total", "Uses of sessions that it was not, and will not be.", counts.activity_lost),
        (
            "sidgate_backend_validations_total",
            "Questions about a sid that went out to the backend; per request it is far below one.",
            counts.validations,
        ),
        (
            "sidgate_contradictory_onboarding_total",
            "Sessions that the backend calls both in need of onboarding and through with it.",
            counts.contradictions,
        ),
        ("sidgate_assertions_signed_total", "Assertions signed; per request it is far below one.", assertions.signed()),
        ("sidgate_assertion_keys", "Keys in the key set of the assertion.", gauge(assertions.published())),
        (
            "sidgate_backend_up",
            "1 when the last call to the backend was answered.",
            u64::from(!shared.gateway().sessions().backend_down()),
        ),
        (
            "sidgate_config_last_reload_successful",
            "0 after a reload of the configuration that was refused: the one before runs.",
            u64::from(!shared.reloads.last_refused.load(Relaxed)),
        ),
        (
            "sidgate_config_last_reload_timestamp_seconds",
            "When the running configuration was read.",
            shared.reloads.at.load(Relaxed),
        ),
        (
            "sidgate_gateway_key_refused",
            "1 while the backend refuses the gateway's key.",
            u64::from(shared.gateway().sessions().key_refused()),
        ),
    ]);
    text.push_str(&reload_metrics(shared));
    text.push_str(&shared.refused.render());
    text.push_str(&instance_metrics(shared));
    text.push_str(&audit_metrics(shared.gateway().audit()));
    text.push_str(&legacy_metrics(shared));
    text
}

fn text(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
