//! The picture behind an address of Next.js's image optimizer.
//!
//! `/_next/image?url=/api/photo` makes Next.js call `/api/photo` inside itself, past this gateway and without any header
//! (measured on 16.4.5): whoever may fetch the former is handed the latter. So the path in `url` falls under its own
//! rule, like the page of a data address.

use super::{PathFault, canonical, page_of};
use crate::config::Paths;

/// The path on this application whose picture is asked for; none where the address is no such one, or names another
/// server (which Next.js itself judges, by its `remotePatterns`).
///
/// # Errors
/// A [`PathFault`] for several `url`s, for what is no canonical path, and for a path that is itself another spelling.
pub fn image_of(path: &str, query: Option<&str>, rules: &Paths) -> Result<Option<String>, PathFault> {
    let inner = path.strip_prefix(&rules.base_path).unwrap_or(path);
    if !rules.nextjs || inner.strip_suffix('/').unwrap_or(inner) != "/_next/image" {
        return Ok(None);
    }
    let pairs = || url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let mut urls = pairs().filter(|(key, _)| key == "url").map(|(_, value)| value);
    let Some(target) = urls.next() else { return Ok(None) };
    if urls.next().is_some() {
        return Err(PathFault::NestedSpelling);
    }
    if !target.starts_with(['/', '\\']) {
        return Ok(None);
    }
    let target = target.split('?').next().unwrap_or_default();
    let target = canonical(target, rules)?.into_owned();
    if page_of(&target, rules)?.is_some() {
        return Err(PathFault::NestedSpelling);
    }
    Ok(Some(target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_in_url_is_what_is_asked_for() {
        let rules = Paths { base_path: "/shop".into(), ..Paths::default() };
        let image = |query| image_of("/_next/image", Some(query), &Paths::default());
        for (query, path) in [
            ("url=%2Fapi%2Fphoto&w=64&q=75", Some("/api/photo")),
            ("w=64&url=/api/photo", Some("/api/photo")),
            ("%75rl=/api/photo?x=1", Some("/api/photo")),
            ("url=/api/%2570hoto", Some("/api/photo")),
            ("url=//api/photo", Some("/api/photo")),
            ("url=https%3A%2F%2Fcdn.test%2Fx", None),
            ("w=64", None),
        ] {
            assert_eq!(image(query).unwrap().as_deref(), path, "{query}");
        }
        for query in
            ["url=/a&url=/b", "url=/a/../b", "url=/%255capi", "url=%5Capi", "url=/a%23/b", "url=/_next/data/B/x.json"]
        {
            assert!(image(query).is_err(), "{query}");
        }
        assert_eq!(image_of("/shop/_next/image/", Some("url=/shop/x"), &rules), Ok(Some("/shop/x".into())));
        assert_eq!(image_of("/api/photo", Some("url=/x"), &rules), Ok(None));
    }
}
