//! What the parts of a request's way cost in time, and the whole of it. See README.md.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, dead_code, reason = "a measurement, not a library")]

#[path = "path/load.rs"]
mod asking;
#[path = "path/servers.rs"]
mod servers;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::LazyLock;

use divan::{Bencher, black_box};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use sidgate::config::Config;
use sidgate::context;
use sidgate::cookie::{Hidden, SidCookie};
use sidgate::decision::{self, Situation, Wants};
use sidgate::identity;
use sidgate::path;
use sidgate::route::{Access, Kind, RouteTable};
use sidgate::server::{Drain, Halt, Server};
use sidgate::session::{Lookup, RefusalCode};
use sidgate::telemetry::AccessLog;

fn main() {
    divan::main();
}

/// What a browser sends with a fetch.
fn browser() -> HeaderMap {
    [
        ("host", "app.example.com"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36"),
        ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        ("accept-language", "en-GB,en;q=0.9,de;q=0.8"),
        ("accept-encoding", "gzip, deflate, br, zstd"),
        ("cookie", "theme=dark; _ga=GA1.1.1234567890.1234567890; sid=9e3779b9-7f4a-4c15-8000-000000000000; lang=en"),
        ("referer", "https://app.example.com/dashboard"),
        ("sec-ch-ua", "\"Chromium\";v=\"130\", \"Not?A_Brand\";v=\"99\""),
        ("sec-ch-ua-mobile", "?0"),
        ("sec-ch-ua-platform", "\"Linux\""),
        ("sec-fetch-dest", "document"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-site", "same-origin"),
        ("upgrade-insecure-requests", "1"),
    ]
    .into_iter()
    .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
    .collect()
}

/// The routes of a shop; everything else at its default.
fn config() -> Config {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("gateway-key"), "bench-gateway-key-0123456789").unwrap();
    let mut text = String::from(
        "[[listener]]\naddress = \"127.0.0.1:0\"\nmode = \"serve\"\ntrusted_peers = [\"127.0.0.1\"]\n\
         [backend]\ngateway_key = \"file:gateway-key\"\n[upstream.app]\n",
    );
    let routes =
        [("/", "optional"), ("/auth/signin", "guest"), ("/_next/{*rest}", "public"), ("/shop/{item}", "public")];
    let more = [("/{tenant}/dashboard/{*rest}", "onboarded"), ("/api/{*rest}", "signed_in"), ("/{*rest}", "signed_in")];
    for (path, access) in routes.into_iter().chain(more) {
        text += &format!("[[route]]\npath = \"{path}\"\naccess = \"{access}\"\nupstream = \"app\"\n");
    }
    load(folder.path(), &text)
}

fn load(folder: &Path, text: &str) -> Config {
    let file = folder.join("gateway.toml");
    std::fs::write(&file, text).unwrap();
    sidgate::check::load(&file).unwrap_or_else(|faults| panic!("{faults:?}"))
}

#[divan::bench]
fn decide(bencher: Bencher) {
    let lookup = Lookup::Refused(RefusalCode::Expired);
    let situation = Situation {
        access: Access::SignedIn,
        tenant: None,
        stale_allowed: true,
        lookup: &lookup,
        wants: Wants::Page,
        safe_method: true,
        sign_in_overdue: None,
        signs_in_again: false,
        upstream_disagreed: false,
        reloaded: false,
    };
    bencher.bench(|| decision::decide(black_box(&situation)));
}

#[divan::bench(args = ["/acme/dashboard/invoices/2024", "/a%20b/%7Euser//x"])]
fn canonical_path(bencher: Bencher, raw: &str) {
    let rules = config().paths;
    bencher.bench(|| path::canonical(black_box(raw), &rules).map(std::borrow::Cow::into_owned));
}

#[divan::bench(args = ["/", "/shop/17", "/acme/dashboard/invoices/2024", "/nowhere/else"])]
fn find_route(bencher: Bencher, path: &str) {
    let routes = RouteTable::new(&config()).unwrap();
    bencher.bench(|| routes.find(black_box("app.example.com"), black_box(path), &Method::GET).is_ok());
}

#[divan::bench]
fn read_cookies(bencher: Bencher) {
    let (cookie, headers) = (SidCookie::new(&config().session), browser());
    bencher.bench(|| cookie.read(black_box(&headers)));
}

#[divan::bench]
fn write_cookies(bencher: Bencher) {
    let (cookie, headers) = (SidCookie::new(&config().session), browser());
    bencher.with_inputs(|| Vec::with_capacity(1024)).bench_refs(|out| {
        cookie.write(black_box(&headers), None, Hidden::default(), out);
    });
}

#[divan::bench]
fn strip_identity(bencher: Bencher) {
    let headers = browser();
    bencher.bench(|| black_box(&headers).keys().filter(|name| identity::passes(name, &headers) == Ok(true)).count());
}

#[divan::bench]
fn page_or_api(bencher: Bencher) {
    let headers = browser();
    bencher.bench(|| context::wants(black_box(&headers), Kind::Auto));
}

#[divan::bench]
fn request_id(bencher: Bencher) {
    bencher.bench(|| {
        let id = context::RequestId::new();
        (id.header(), id.traceparent())
    });
}

/// The gateway in this process, with everything around it.
static GATEWAY: LazyLock<(tokio::runtime::Runtime, SocketAddr)> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let address = runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let (application, backend) = (servers::application().await, servers::backend().await);
        let text = servers::config(folder.path(), ([127, 0, 0, 1], 0).into(), application, backend);
        let config = load(folder.path(), &text);
        let server = Server::bind(&config, AccessLog::new(&config.log, Box::new(std::io::sink()))).await.unwrap();
        let address = server.addresses()[0];
        tokio::spawn(server.serve(Drain::default(), Halt::default()));
        address
    });
    (runtime, address)
});

/// From a client through the gateway to an application and back, over connections that are open.
#[divan::bench(args = ["/1k", "/public/1k"])]
fn whole_request(bencher: Bencher, path: &'static str) {
    let (runtime, address) = &*GATEWAY;
    let load = asking::Load { streams: None, sids: u32::from(path == "/1k"), path };
    let mut client = runtime.block_on(asking::Client::connect(*address, false));
    bencher.bench_local(|| runtime.block_on(client.ask(load, 0)));
}
