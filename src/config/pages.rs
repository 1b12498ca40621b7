//! `[pages]`: the addresses people are sent to. `[paths]`: how a request's path is read.

use super::table::{Problem, Table};
use super::{PathPattern, Place, Segment, TenantHost};

/// `[pages]`
#[derive(Debug, Clone, PartialEq)]
pub struct Pages {
    /// Where people sign in.
    pub sign_in: String,
    /// Where onboarding happens; `{step}` is the step.
    pub onboarding: String,
    /// Home of a user with a tenant; `{tenant}` is its slug, `{tenant_id}` its id.
    pub home: String,
    /// Home of a user who has none.
    pub home_without_tenant: String,
    /// Host of a user with a tenant; absent: the host one is on.
    pub tenant_host: Option<TenantHost>,
    /// Query parameter that carries the way back through sign-in.
    pub next_parameter: String,
}

impl Default for Pages {
    fn default() -> Self {
        Self {
            sign_in: "/auth/signin".into(),
            onboarding: "/onboarding".into(),
            home: "/{tenant}/dashboard".into(),
            home_without_tenant: "/dashboard".into(),
            tenant_host: None,
            next_parameter: "next".into(),
        }
    }
}

/// `[paths]`
#[derive(Debug, Clone, PartialEq)]
pub struct Paths {
    /// Characters that may stand percent-encoded in a path; of `%`, `?`, `#`, `;`.
    pub allow_encoded: Vec<char>,
    /// Rule `.rsc`, `.segments/` and `/_next/data/` addresses as the page they belong to.
    pub nextjs: bool,
    /// Next.js `basePath`, empty or `/like-this`.
    pub base_path: String,
    /// Next.js i18n locales.
    pub locales: Vec<String>,
}

impl Default for Paths {
    fn default() -> Self {
        Self { allow_encoded: Vec::new(), nextjs: true, base_path: String::new(), locales: Vec::new() }
    }
}

impl Pages {
    pub(super) fn read(table: &mut Table<'_>, default: Self) -> Self {
        let mut page = |key, default, placeholders: &[&str]| {
            table.text(key, PAGE, |text| page(text, placeholders)).unwrap_or(default)
        };
        let mut pages = Self {
            sign_in: page("sign_in", default.sign_in, &[]),
            onboarding: page("onboarding", default.onboarding, &["{step}"]),
            home: page("home", default.home, &["{tenant}", "{tenant_id}"]),
            home_without_tenant: page("home_without_tenant", default.home_without_tenant, &[]),
            tenant_host: table.text("tenant_host", "a host", TenantHost::parse),
            next_parameter: table
                .text("next_parameter", PARAMETER, |t| word(t, PARAMETER, "-_."))
                .unwrap_or(default.next_parameter),
        };
        if let Some(hosts) = &mut pages.tenant_host {
            hosts.place = Place(table.place("tenant_host"));
        }
        table.finish();
        pages
    }
}

impl Paths {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let default = Self::default();
        let paths = Self {
            allow_encoded: table
                .list("allow_encoded", ENCODED, |text| match text {
                    "%" | "?" | "#" | ";" => Ok(text.chars().collect::<Vec<_>>()),
                    _ => Err(Problem::expected_text(ENCODED, text)),
                })
                .map_or(default.allow_encoded, |chars| chars.concat()),
            nextjs: table.flag("nextjs", default.nextjs),
            base_path: table.text("base_path", BASE, base_path).unwrap_or(default.base_path),
            locales: table.list("locales", LOCALE, |t| word(t, LOCALE, "-_")).unwrap_or(default.locales),
        };
        table.finish();
        paths
    }
}

const PAGE: &str = "a path on this site such as \"/auth/signin\"";
const PARAMETER: &str = "the name of a query parameter (letters, digits and -_.)";
const ENCODED: &str = "one of \"%\", \"?\", \"#\", \";\"";
const BASE: &str = "an empty text, or a path such as \"/app\"";
const LOCALE: &str = "a locale such as \"en\" or \"pt-BR\"";

/// A path that goes into a `Location`: never another site's, and the gateway adds the query.
fn page(text: &str, placeholders: &[&str]) -> Result<String, Problem> {
    let problem = |reason: &str| Err(Problem::expected_text(PAGE, text).hint(reason));
    if !text.starts_with('/') {
        return problem("it begins with `/`");
    }
    if text.contains("//") || text.contains('\\') {
        return problem("`//` and `\\` may lead to another site");
    }
    if text.contains(['?', '#']) {
        return problem("the gateway adds the query itself");
    }
    if text.split('/').any(|segment| matches!(segment, "." | "..")) {
        return problem("write it without `.` and `..`");
    }
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return problem("percent-encode blanks and letters beyond ASCII");
    }
    let plain = placeholders.iter().fold(text.to_owned(), |rest, p| rest.replace(p, ""));
    if plain.contains(['{', '}']) {
        return problem(&match placeholders {
            [] => "there is no placeholder in this one".to_owned(),
            known => format!("the placeholders here: {}", known.join(", ")),
        });
    }
    Ok(text.to_owned())
}

fn base_path(text: &str) -> Result<String, Problem> {
    if text.is_empty() {
        return Ok(String::new());
    }
    match PathPattern::parse(text) {
        Ok(PathPattern { segments })
            if !segments.is_empty() && segments.iter().all(|s| matches!(s, Segment::Literal(_))) =>
        {
            Ok(segments.iter().fold(String::new(), |path, s| match s {
                Segment::Literal(text) | Segment::Parameter(text) | Segment::Uuid(text) | Segment::Rest(text) => {
                    path + "/" + text
                }
            }))
        }
        _ => Err(Problem::expected_text(BASE, text).hint("it begins with `/` and does not end with one")),
    }
}

fn word(text: &str, what: &str, also: &str) -> Result<String, Problem> {
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c)) {
        return Ok(text.to_owned());
    }
    Err(Problem::expected_text(what, text))
}
