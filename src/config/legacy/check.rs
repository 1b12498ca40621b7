//! What `[legacy]` may not say about names: that a cookie of the gateway's own is legacy, or that one is both cleared
//! and kept.

use super::{Legacy, matches};
use crate::config::Session;
use crate::config::table::Table;

/// What the gateway's own short-lived cookies begin with.
const MARKERS: [&str; 2] = ["sidgate-", "__Host-sidgate-"];

impl Legacy {
    /// Names that contradict others, or the session cookie's.
    pub(super) fn check_names(&self, table: &mut Table<'_>, session: &Session) {
        if !table.good(&["clear", "keep", "carrier"]) {
            return;
        }
        let own = [session.cookie.clone(), format!("__Host-{}", session.cookie)];
        let kept = |name: &str| self.keep.iter().any(|pattern| matches(pattern, name));
        for pattern in &self.clear {
            let session = own.iter().find(|name| matches(pattern, name) && !kept(name)).cloned();
            let marker =
                || MARKERS.into_iter().find(|marker| meets(pattern, marker)).map(|marker| format!("{marker}*"));
            if let Some(own) = session.or_else(marker) {
                let reason = format!("`{pattern}` names a cookie of sidgate's own, `{own}`, which is not legacy");
                table.contradiction("clear", reason, "write the names of the application's cookies out");
            }
        }
        // The defaults may be met by either; what was written was meant.
        if table.has("clear")
            && let Some(pattern) = self.clear.iter().find(|pattern| self.keep.iter().any(|kept| covers(kept, pattern)))
        {
            let reason = format!("`{pattern}` stands in `keep` too, and would never be cleared");
            table.contradiction("clear", reason, "write `keep` without it, or remove it here");
        }
        let read = |carrier: &super::LegacyCarrier| carrier.cookies.iter().find(|name| own.contains(name)).cloned();
        if let Some((carrier, name)) = self.carriers.iter().find_map(|carrier| Some((carrier, read(carrier)?))) {
            let reason = format!("carrier \"{}\" reads `{name}`, the session cookie of sidgate itself", carrier.name);
            table.contradiction("carrier", reason, "give that another name: `cookie` in [session]");
        }
    }
}

/// Whether a pattern names any cookie that begins so.
fn meets(pattern: &str, beginning: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => start.starts_with(beginning) || beginning.starts_with(start),
        None => pattern.starts_with(beginning),
    }
}

/// Whether a pattern names everything that another one does.
fn covers(pattern: &str, other: &str) -> bool {
    match (pattern.strip_suffix('*'), other.strip_suffix('*')) {
        (Some(start), Some(other)) => other.starts_with(start),
        (None, Some(_)) => false,
        (_, None) => matches(pattern, other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_meet_where_one_cookie_could_be_both() {
        for pattern in ["sidgate-reloaded", "sidgate-*", "sid*", "sidgate-x*"] {
            assert!(meets(pattern, "sidgate-"), "{pattern}");
        }
        assert!(!meets("sidgate", "sidgate-") && !meets("sidx*", "sidgate-"));
        assert!(covers("cf_*", "cf_x*") && covers("cf_*", "cf_x") && covers("a", "a"));
        assert!(!covers("cf_x", "cf_*") && !covers("cf_*", "c*") && !covers("a", "b"));
    }
}
