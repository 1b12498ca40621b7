//! `preset`: defaults and routes for applications of a kind.
//!
//! `existing-nextjs` is for a Next.js application that keeps its own middleware for now, one that goes by the presence of
//! a cookie. It does what that middleware does and no more: whoever has a session sees what they see today. What the
//! file says wins, key by key and pattern by pattern.

use super::table::{Problem, Table};
use super::{Access, Kind, Pages, PathPattern, Paths, Place, Route, Segment, Upstream, route};

/// `preset`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApplicationPreset {
    /// A Next.js application with a middleware of its own.
    ExistingNextjs,
}

/// What such a middleware protects. `/{tenant:uuid}/` has no tenant rule: the middleware has none either, and an
/// application may let people look at more than one tenant.
const PROTECTED: [&str; 4] = ["/dashboard/{*rest}", "/tenant/{*rest}", "/settings/{*rest}", "/{tenant:uuid}/{*rest}"];

/// The name that the application goes by when there are several.
const UPSTREAM: &str = "nextjs";

impl ApplicationPreset {
    pub(super) fn read(root: &mut Table<'_>) -> Option<Self> {
        root.optional_one_of("preset", &[("existing-nextjs", Self::ExistingNextjs)])
    }

    /// Instead of the defaults of `[pages]`.
    pub(super) fn pages(self, paths: &Paths) -> Pages {
        let below = |path: &str| format!("{}{path}", paths.base_path);
        Pages {
            sign_in: below("/auth/signin"),
            onboarding: below("/onboarding"),
            home: below("/{tenant_id}/dashboard"),
            home_without_tenant: below("/dashboard"),
            tenant_host: None,
            next_parameter: "returnTo".into(),
        }
    }

    /// Instead of the defaults of a `[[route]]`.
    pub(super) fn route(self) -> Route {
        Route { forward_sid: true, ..Route::default() }
    }

    /// Instead of the defaults of an `[upstream.NAME]`.
    pub(super) fn upstream(self) -> Upstream {
        Upstream { session_cookies: vec!["session_token".into()], ..Upstream::default() }
    }

    /// The routes that the file does not have itself.
    pub(super) fn routes(
        self,
        root: &mut Table<'_>,
        (pages, paths): (&Pages, &Paths),
        upstreams: &[Upstream],
        of_file: &[route::Placed],
    ) -> Vec<Route> {
        let Some(upstream) = application(root, upstreams) else { return Vec::new() };
        let place = Place(root.place("preset"));
        let base = &paths.base_path;
        let sign_in = (pages.sign_in.clone(), Access::Guest, Kind::Page);
        let protected = PROTECTED.map(|path| (format!("{base}{path}"), Access::SignedIn, Kind::Page));
        let open = [
            (format!("{base}/_next/{{*rest}}"), Access::Public, Kind::Auto),
            (format!("{base}/api/{{*rest}}"), Access::Optional, Kind::Api),
            ("/{*rest}".to_owned(), Access::Optional, Kind::Auto),
        ];
        let all = std::iter::once(sign_in).chain(protected).chain(open);
        all.filter_map(|(pattern, access, kind)| {
            let path = PathPattern::parse(&pattern).ok()?;
            let is_there = |r: &route::Placed| {
                r.route.host.is_none() && r.route.methods.is_empty() && is_same(&r.route.path, &path)
            };
            if of_file.iter().any(is_there) {
                return None;
            }
            let upstream = upstream.to_owned();
            Some(Route { place: place.clone(), pattern, path, access, kind, upstream, ..self.route() })
        })
        .collect()
    }
}

/// The upstream of the routes that are supplied: the one that is called so, or the only one.
fn application<'u>(root: &mut Table<'_>, upstreams: &'u [Upstream]) -> Option<&'u str> {
    let named = upstreams.iter().find(|u| u.name == UPSTREAM).map(|u| u.name.as_str());
    match (named, upstreams) {
        (Some(name), _) => return Some(name),
        (None, [only]) => return Some(&only.name),
        _ if !root.good(&["upstream"]) => return None,
        _ => {}
    }
    let (reason, hint) = match upstreams {
        [] => ("there is no upstream to forward to", "add [upstream.nextjs], with its `url`"),
        _ => (
            "there are several upstreams, and it is not said which one its routes go to",
            "call that one [upstream.nextjs]",
        ),
    };
    root.reader.structural(root.place("preset"), Problem::new(format!("`preset`: {reason}")).hint(hint));
    None
}

/// Whether two patterns match the same paths.
fn is_same(a: &PathPattern, b: &PathPattern) -> bool {
    let same = |(a, b): (&Segment, &Segment)| match (a, b) {
        (Segment::Literal(a), Segment::Literal(b)) => a == b,
        (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
    };
    a.segments.len() == b.segments.len() && a.segments.iter().zip(&b.segments).all(same)
}
