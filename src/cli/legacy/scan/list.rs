//! Lists of names, and who goes through them: `["a", "b"].forEach((name) => clear(name))`.

use super::text::{Opener, opener, path_before};
use super::uses::is_comment;

/// Whether a file has to do with cookies at all.
pub(super) fn is_about_cookies(source: &str) -> bool {
    source.lines().any(|line| !is_comment(line) && line.to_ascii_lowercase().contains("cookie"))
}

/// Whether the name that begins at `start`, behind its quote, stands in a list of which every member is wanted.
pub(super) fn is_of_names(source: &str, start: usize, wanted: &dyn Fn(&str) -> bool) -> bool {
    let Some((kind, open)) = start.checked_sub(1).and_then(|quote| opener(source.as_bytes(), quote)) else {
        return false;
    };
    let close = match kind {
        Opener::Square => ']',
        Opener::Call => ')',
        Opener::Curly => return false,
    };
    // Not `object["name"]`, nor `call("name")`.
    if !matches!(path_before(source, open), "" | "in" | "of" | "return") {
        return false;
    }
    let Some(list) = source.get(open + 1..).and_then(|rest| rest.split(close).next()) else { return false };
    let mut members = list.split(',').map(str::trim).filter(|member| !member.is_empty()).peekable();
    members.peek().is_some() && members.all(|member| unquoted(member).is_some_and(wanted))
}

fn unquoted(member: &str) -> Option<&str> {
    ['"', '\'', '`'].into_iter().find_map(|quote| member.strip_prefix(quote)?.strip_suffix(quote))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_counts_when_all_of_it_are_names() {
        let of = |source: &str| is_of_names(source, source.find("appSession").unwrap(), &|text| text != "other");
        for list in
            ["[\"appSession\"].forEach(", "ALL = [\n  'a',\n  'appSession',\n]", "for n in (\"appSession\", \"b\"):"]
        {
            assert!(of(list), "{list}");
        }
        for none in
            ["['appSession', 'other']", "['appSession', 1]", "data['appSession']", "t('appSession')", "appSession"]
        {
            assert!(!of(none), "{none}");
        }
    }
}
