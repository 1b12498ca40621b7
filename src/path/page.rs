//! The page behind Next.js's other spellings of it.

use super::PathFault;
use crate::config::Paths;

/// The page that a canonical path is a Next.js spelling of, if it is one.
///
/// # Errors
/// [`PathFault::NestedSpelling`] where peeling one spelling off leaves another: no Next.js makes such addresses, and
/// which page they mean would be a guess.
pub fn page_of(path: &str, rules: &Paths) -> Result<Option<String>, PathFault> {
    if !rules.nextjs {
        return Ok(None);
    }
    let Some(page) = peel(path, rules) else {
        return Ok(without_locale(path, rules));
    };
    // Of two `.segments/` Next.js takes the last one for the separator.
    if peel(&page, rules).is_some() || page.contains(".segments/") {
        return Err(PathFault::NestedSpelling);
    }
    Ok(Some(without_locale(&page, rules).unwrap_or(page)))
}

fn peel(path: &str, rules: &Paths) -> Option<String> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let inner = path.strip_prefix(&rules.base_path)?;
    if let Some(data) = inner.strip_prefix("/_next/data/") {
        let (_build, page) = data.split_once('/')?;
        let page = page.strip_suffix(".json")?;
        // Next.js takes `index/` off whatever follows (`getRouteFromAssetPath`), not only off a page called `index`.
        let below_index = page.strip_prefix("index/").map(|page| format!("{}/{page}", rules.base_path));
        return Some(below_index.unwrap_or_else(|| page_path(&rules.base_path, page)));
    }
    // `/x.segments/a/b.segment.rsc`: the page is what stands before `.segments/`.
    if path.ends_with(".rsc") {
        if let Some((page, _)) = inner.rsplit_once(".segments/") {
            return Some(page_path(&rules.base_path, page));
        }
        let page = inner.strip_suffix(".rsc")?;
        return Some(page_path(&rules.base_path, page.strip_suffix(".prefetch").unwrap_or(page)));
    }
    None
}

/// Next.js writes the root page as `index`.
fn page_path(base: &str, page: &str) -> String {
    let page = page.strip_prefix('/').unwrap_or(page);
    let page = if page == "index" { "" } else { page.strip_prefix("index/index").map_or(page, |_| &page[6..]) };
    format!("{base}/{page}")
}

/// `/en/x` -> `/x`, `/en` -> `/`, for the configured locales, below the base path.
fn without_locale(path: &str, rules: &Paths) -> Option<String> {
    if rules.locales.is_empty() {
        return None;
    }
    let inner = path.strip_prefix(&rules.base_path)?.strip_prefix('/')?;
    let (first, rest) = inner.split_once('/').unwrap_or((inner, ""));
    let is_locale = rules.locales.iter().any(|l| l.eq_ignore_ascii_case(first));
    is_locale.then(|| format!("{}/{rest}", rules.base_path))
}
