//! `sidgate legacy jar`: a whole `Cookie` header, as it comes with a bug report, explained offline.

mod paste;
mod shown;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;

use super::Format;
use super::explained::{input, load};
use crate::config::Config;
use crate::cookie::SidCookie;
use crate::legacy::{Candidate, Carriers, Claims, Jar, Names};

#[derive(Debug, Args)]
pub(in crate::cli) struct ExplainJar {
    /// The configuration that names carriers and what is cleared; gateway.toml where there is one, else the defaults,
    /// which have no carriers.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// For people, or for programs.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// What becomes of a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// The session's own.
    Session,
    /// Expired, in `enforce`.
    Cleared,
    /// Left alone.
    Kept,
}

impl Fate {
    fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Cleared => "cleared",
            Self::Kept => "kept",
        }
    }
}

/// One cookie of the header.
struct Cookie<'h> {
    name: &'h str,
    bytes: usize,
    fate: Fate,
    /// How many of this name came before it.
    twin: usize,
    /// For the session's own: whether it is a sid by its form.
    well_formed: bool,
    /// What the carriers make of it; of a value in chunks with the first of them.
    candidates: Vec<Candidate>,
    /// It is a chunk, and what it is part of was said before.
    continues: bool,
}

/// The header, explained.
struct Explanation<'h> {
    cookies: Vec<Cookie<'h>>,
    /// Bytes of the header's values.
    bytes: usize,
    /// Different well-formed sids.
    sids: usize,
    claims: Claims,
    max_header_bytes: usize,
    carriers: usize,
}

/// 0 when there is a proof in it, 1 when not, 2 when it could not be tried.
pub(super) fn run(asked: &ExplainJar) -> ExitCode {
    let default = Path::new("gateway.toml");
    let path = asked.config.as_deref().or_else(|| default.exists().then_some(default));
    let config = path.map_or_else(|| Ok(Config::default()), load);
    let (config, text) = match config.and_then(|config| Ok((config, input()?))) {
        Ok(done) => done,
        Err(code) => return code,
    };
    let mut headers = HeaderMap::new();
    for line in paste::cookie_lines(&text) {
        match HeaderValue::from_bytes(line) {
            Ok(value) => drop(headers.append(COOKIE, value)),
            Err(_) => {
                eprintln!("sidgate: a line has control characters in it, which no header has");
                return ExitCode::from(2);
            }
        }
    }
    let explanation = explain(&config, &headers);
    match asked.format {
        Format::Json => println!("{}", shown::json(&explanation)),
        Format::Table => print!("{}", shown::table(&explanation)),
    }
    if explanation.claims.proofs().is_empty() { ExitCode::from(1) } else { ExitCode::SUCCESS }
}

fn explain<'h>(config: &Config, headers: &'h HeaderMap) -> Explanation<'h> {
    let (carriers, names) = (Carriers::new(&config.legacy), Names::new(&config.legacy, &config.session));
    let (jar, now) = (Jar::of(headers), Timestamp::now());
    let sid = SidCookie::new(&config.session);
    let prefixed = format!("__Host-{}", config.session.cookie);
    let mut cookies: Vec<Cookie<'h>> = Vec::new();
    let mut chunked: Vec<&str> = Vec::new();
    for (name, value) in jar.iter() {
        let session = name == config.session.cookie || name == prefixed;
        let whole = carriers.cookie_of(name);
        // A chunk alone says nothing: all of them are read together, at the first.
        let chunk = whole.filter(|whole| *whole != name);
        let continues = chunk.is_some_and(|whole| chunked.contains(&whole));
        let chunk_of = |sent: &str, whole: &str| sent != whole && carriers.cookie_of(sent) == Some(whole);
        let candidates = match chunk {
            _ if continues || whole.is_none() => Vec::new(),
            None => carriers.read(&Jar::single(name, value), now).candidates,
            Some(whole) => {
                chunked.push(whole);
                carriers.read(&Jar::of_pairs(jar.iter().filter(|(sent, _)| chunk_of(sent, whole))), now).candidates
            }
        };
        cookies.push(Cookie {
            name,
            bytes: name.len() + 1 + value.len(),
            fate: match () {
                () if session => Fate::Session,
                () if names.cleared().contains(name.as_bytes()) => Fate::Cleared,
                () => Fate::Kept,
            },
            twin: cookies.iter().filter(|other| other.name == name).count(),
            well_formed: session && crate::session::SessionId::parse(value).is_some(),
            candidates,
            continues,
        });
    }
    Explanation {
        cookies,
        bytes: headers.get_all(COOKIE).iter().map(HeaderValue::len).sum(),
        sids: sid.read(headers).iter().count(),
        claims: carriers.read(&jar, now),
        max_header_bytes: config.server.max_header_bytes,
        carriers: config.legacy.carriers.len(),
    }
}
