//! Names of cookies in a source, where it has to do with cookies.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use super::list;
use super::text::{Opener, after, before, line_of, opener, path_before};

/// Brackets outwards that are looked at: a name in a list in the argument of a call.
const DEEP: usize = 4;
/// Bytes before a name in a string that may say that the string is one of cookies.
const NEAR: usize = 240;

/// Names of cookies that are looked for.
#[derive(Debug)]
pub(super) struct Names {
    whole: HashSet<String>,
    beginnings: Vec<String>,
    kept: Vec<String>,
}

impl Names {
    pub(super) fn new(clear: &[String], keep: &[String]) -> Self {
        let (beginnings, whole): (Vec<_>, Vec<_>) = clear.iter().cloned().partition(|name| name.ends_with('*'));
        let beginnings = beginnings.iter().map(|name| name.trim_end_matches('*').to_owned()).collect();
        Self { whole: whole.into_iter().collect(), beginnings, kept: keep.to_vec() }
    }

    fn contains(&self, name: &str) -> bool {
        let kept =
            |pattern: &String| pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start));
        (self.whole.contains(name) || self.beginnings.iter().any(|start| name.starts_with(start.as_str())))
            && !self.kept.iter().any(kept)
    }

    /// The name that a text is, the number of a chunk aside.
    fn named<'a>(&self, text: &'a str) -> Option<&'a str> {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_digit());
        let chunked =
            digits.strip_suffix('.').or_else(|| digits.strip_suffix("__")).filter(|_| digits.len() < text.len());
        [Some(text), chunked].into_iter().flatten().find(|name| self.contains(name))
    }
}

/// What is done with a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Reads,
    Sets,
    Deletes,
    /// In a list or constant that has to do with cookies.
    Names,
}

impl What {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Sets => "sets",
            Self::Deletes => "deletes",
            Self::Names => "names",
        }
    }
}

/// One place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Use {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) what: What,
    /// By what: `cookies().get`, `document.cookie`, `request.COOKIES`.
    pub(super) how: String,
    /// The line.
    pub(super) text: String,
}

/// A name that stands in a constant of which this file does not say that it has to do with cookies.
#[derive(Debug, Clone)]
pub(super) struct Constant {
    pub(super) constant: String,
    pub(super) definition: Use,
}

/// Every place of a source, and constants that may be used elsewhere.
pub(super) fn find(source: &str, names: &Names) -> (Vec<Use>, Vec<Constant>) {
    let aliases = aliases(source);
    let about_cookies = list::is_about_cookies(source);
    let (mut uses, mut constants, mut here) = (Vec::new(), Vec::new(), Vec::new());
    for (name, place) in tokens(source, &|text| names.named(text)) {
        let (line, text) = line_of(source, place.start);
        if is_comment(text) {
            continue;
        }
        let made =
            |what, how: &str| Use { name: name.to_owned(), line, what, how: tidy(how), text: text.trim().to_owned() };
        if let Some((what, how)) = use_at(source, &place, &aliases) {
            uses.push(made(what, &how));
        } else if let Some(constant) = assigned(source, &place) {
            let definition = made(What::Names, constant);
            if is_cookie(constant, &aliases) {
                uses.push(definition);
            } else if can_be_followed(constant) {
                constants.push(Constant { constant: constant.to_owned(), definition });
            } else {
                here.push(Constant { constant: constant.to_owned(), definition });
            }
        } else if about_cookies && list::is_of_names(source, place.start, &|text| names.contains(text)) {
            uses.push(made(What::Names, "a list"));
        }
    }
    uses.extend(within(source, &here));
    (uses, constants)
}

/// Where constants with common names are used as names of cookies, in their own file.
fn within(source: &str, here: &[Constant]) -> Vec<Use> {
    let by_name: BTreeMap<&str, &str> =
        here.iter().map(|c| (c.constant.as_str(), c.definition.name.as_str())).collect();
    let (used, mut uses): (Vec<String>, Vec<Use>) = of_constants(source, &by_name).into_iter().unzip();
    uses.extend(here.iter().filter(|c| used.contains(&c.constant)).map(|c| c.definition.clone()));
    uses
}

/// Where constants are used as names of cookies.
pub(super) fn of_constants(source: &str, constants: &BTreeMap<&str, &str>) -> Vec<(String, Use)> {
    let aliases = aliases(source);
    let found = tokens(source, &|text| constants.contains_key(text).then_some(text));
    let of = |(constant, place): (&str, Range<usize>)| {
        let (line, text) = line_of(source, place.start);
        let (what, how) = enclosing(source, path_start(source, place.start), place.end, &aliases)?;
        let name = (*constants.get(constant)?).to_owned();
        let how = format!("{}({constant})", tidy(&how));
        (!is_comment(text)).then(|| (constant.to_owned(), Use { name, line, what, how, text: text.trim().to_owned() }))
    };
    found.into_iter().filter_map(of).collect()
}

/// Every text of a cookie's characters, its ends and its parts between dots, that is wanted.
fn tokens<'a>(source: &'a str, wanted: &dyn Fn(&'a str) -> Option<&'a str>) -> Vec<(&'a str, Range<usize>)> {
    let is_part = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    let bytes = source.as_bytes();
    let (mut found, mut start) = (Vec::new(), 0);
    while start < bytes.len() {
        let length = bytes.iter().skip(start).take_while(|b| is_part(**b)).count();
        if length == 0 {
            start += 1;
            continue;
        }
        let run = start..start + length;
        start = run.end;
        let text = source.get(run.clone()).unwrap_or_default();
        let starts = std::iter::once(0).chain(text.match_indices('.').map(|(i, _)| i + 1));
        for from in starts {
            let rest = text.get(from..).unwrap_or_default();
            let part = rest.split('.').next().unwrap_or_default();
            let named = |text: &'a str| wanted(text).map(|name| (name, text.len()));
            if let Some((name, length)) = [rest, part].into_iter().filter(|t| !t.is_empty()).find_map(named) {
                found.push((name, run.start + from..run.start + from + length));
                break;
            }
        }
    }
    found
}

/// What is done with the name at a place, if it has to do with cookies.
fn use_at(source: &str, place: &Range<usize>, aliases: &[&str]) -> Option<(What, String)> {
    let bytes = source.as_bytes();
    let previous = place.start.checked_sub(1).and_then(|i| bytes.get(i)).copied();
    let next = bytes.get(place.end).copied();
    match previous {
        // `cookies.name`
        Some(b'.') => {
            let object = path_before(source, place.start - 1);
            let sets = is_assignment(after(source, place.end));
            is_cookie(object, aliases).then(|| (if sets { What::Sets } else { What::Reads }, object.to_owned()))
        }
        Some(quote @ (b'"' | b'\'' | b'`')) if next == Some(quote) => {
            enclosing(source, place.start - 1, place.end + 1, aliases).or_else(|| compared(source, place, aliases))
        }
        _ if next == Some(b'=') => in_string(source, place).or_else(|| {
            let quoted = matches!(previous, Some(b'"' | b'\'' | b'`'));
            quoted.then(|| enclosing(source, place.start - 1, place.end, aliases)).flatten()
        }),
        _ => destructured(source, place),
    }
}

/// `cookies().get("name")`, `request.COOKIES["name"]`, `const COOKIES = ["name"]`, and the same a few brackets further out.
fn enclosing(source: &str, start: usize, end: usize, aliases: &[&str]) -> Option<(What, String)> {
    let bytes = source.as_bytes();
    let mut at = start;
    for depth in 0..DEEP {
        let (kind, open) = opener(bytes, at)?;
        let path = path_before(source, open);
        match kind {
            Opener::Call if is_cookie(path, aliases) => return Some((verb(path), path.to_owned())),
            Opener::Square if is_cookie(path, aliases) => {
                let behind = after(source, end).strip_prefix(']').unwrap_or_default();
                let sets = depth == 0 && is_assignment(behind);
                return Some((if sets { What::Sets } else { What::Reads }, path.to_owned()));
            }
            // The body of a function or a condition: what is further out has nothing to do with it.
            Opener::Call if matches!(path, "if" | "while" | "for" | "switch" | "catch" | "elif") => return None,
            Opener::Curly if matches!(before(bytes, open), Some((b')' | b'>' | b';' | b'{' | b'}', _)) | None) => {
                return None;
            }
            Opener::Square | Opener::Curly => {
                if let Some((b'=' | b':', sign)) = before(bytes, open) {
                    let left = named_before(source, sign);
                    if is_cookie(left, aliases) {
                        return Some((What::Names, left.to_owned()));
                    }
                }
            }
            Opener::Call => {}
        }
        at = open;
    }
    None
}

/// What a sign gives something to: in `const NAMES: string[] = [` the name is further left.
fn named_before(source: &str, sign: usize) -> &str {
    let line_start = source.get(..sign).and_then(|text| text.rfind('\n')).map_or(0, |i| i + 1);
    let line = source.get(line_start..sign).unwrap_or_default();
    match line.split_once(':') {
        Some((name, _)) if source.as_bytes().get(sign) == Some(&b'=') => path_before(name, name.len()),
        _ => path_before(source, sign),
    }
}

/// `cookie.name === "session_token"`
fn compared(source: &str, place: &Range<usize>, aliases: &[&str]) -> Option<(What, String)> {
    let bytes = source.as_bytes();
    let (b'=', sign) = before(bytes, place.start - 1)? else { return None };
    let text = source.get(..sign)?.trim_end_matches(['=', '!']);
    if sign < text.len() + 1 {
        return None;
    }
    let left = path_before(source, text.len());
    is_cookie(left, aliases).then(|| (What::Reads, left.to_owned()))
}

/// `document.cookie = "name=..."`, `headers.append("Set-Cookie", "name=...")`, `/name=([^;]+)/` on `document.cookie`.
fn in_string(source: &str, place: &Range<usize>) -> Option<(What, String)> {
    let mut from = place.start.saturating_sub(NEAR);
    while !source.is_char_boundary(from) {
        from += 1;
    }
    let near = source.get(from..place.start)?.to_ascii_lowercase();
    if let Some(i) = near.rfind("document.cookie") {
        let behind = near.get(i + "document.cookie".len()..)?.trim_start();
        return Some((if is_assignment(behind) { What::Sets } else { What::Reads }, "document.cookie".into()));
    }
    if near.contains("set-cookie") {
        return Some((What::Sets, "Set-Cookie".into()));
    }
    let line = near.rsplit('\n').next().unwrap_or_default();
    ["cookie:", "\"cookie\"", "'cookie'"].iter().any(|word| line.contains(word)).then(|| (What::Sets, "Cookie".into()))
}

/// `const { name, other: mine = 1 } = req.cookies`
fn destructured(source: &str, place: &Range<usize>) -> Option<(What, String)> {
    let (Opener::Curly, open) = opener(source.as_bytes(), place.start)? else { return None };
    let rest: &str = source.get(place.end..)?;
    let close = rest.find('}').filter(|i| *i < NEAR)?;
    // Nothing but a list: no function's body.
    let list = source.get(open + 1..place.end + close)?;
    if list.contains([';', '(', '{', '"']) {
        return None;
    }
    let right = rest.get(close + 1..)?.trim_start().strip_prefix('=')?;
    let right = right.split(['\n', ';']).next().unwrap_or_default().trim();
    (!right.starts_with(['=', '>']) && right.to_ascii_lowercase().contains("cookie"))
        .then(|| (What::Reads, right.to_owned()))
}

/// What a name is assigned to: `SESSION = "name"`, `session: "name"`.
fn assigned<'a>(source: &'a str, place: &Range<usize>) -> Option<&'a str> {
    let bytes = source.as_bytes();
    let quote = place.start.checked_sub(1)?;
    let quoted = bytes.get(quote).is_some_and(|b| b"\"'`".contains(b)) && bytes.get(place.end) == bytes.get(quote);
    let (b'=' | b':', sign) = before(bytes, quote)? else { return None };
    let compares = matches!(bytes.get(sign.checked_sub(1)?), Some(b'=' | b'!' | b'<' | b'>'));
    let left = named_before(source, sign);
    let left = left.rsplit('.').next().unwrap_or_default();
    (quoted && !compares && !left.is_empty()).then_some(left)
}

/// Short and common names would be found everywhere.
fn can_be_followed(constant: &str) -> bool {
    constant.len() >= 4 && constant.bytes().any(|b| b == b'_' || b.is_ascii_uppercase())
}

/// Identifiers that stand for cookies in this file: `const store = await cookies()`.
fn aliases(source: &str) -> Vec<&str> {
    let of = |line: &'_ str| -> Option<(usize, usize)> {
        let (left, right) = line.split_once('=')?;
        let right = right.trim_start_matches(['(', ' ']).trim_start_matches("await ").trim_start_matches("new ");
        let right = right.trim_end().trim_end_matches([';', ')', '(', ' ']).to_ascii_lowercase();
        let is_store = right.ends_with("cookies") || right.ends_with("cookiestore") || right.ends_with("cookiejar");
        let name = path_before(left, left.len());
        let start = left.trim_end().len() - name.len();
        (is_store && !name.is_empty() && !name.contains('.')).then_some((start, start + name.len()))
    };
    source.lines().filter_map(|line| of(line).and_then(|(start, end)| line.get(start..end))).collect()
}

fn is_cookie(path: &str, aliases: &[&str]) -> bool {
    let root = path.split(['.', '?', '(', '[']).next().unwrap_or_default();
    without_arguments(path).to_ascii_lowercase().contains("cookie")
        || (path.len() > root.len() && aliases.contains(&root))
}

/// `call(cookie).json` -> `call.json`. What stands in brackets of its own stays: `(await cookies()).get`.
fn without_arguments(path: &str) -> String {
    let (mut out, mut depth) = (String::with_capacity(path.len()), 0_usize);
    for c in path.chars() {
        match c {
            '(' | '[' if depth > 0 || out.ends_with(|l: char| l.is_alphanumeric() || l == '_' || l == ')') => {
                depth += 1
            }
            ')' | ']' if depth > 0 => depth -= 1,
            c if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out
}

fn verb(callee: &str) -> What {
    let last = callee.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let begins = |words: &[&str]| words.iter().any(|word| last.starts_with(word));
    if begins(&["delete", "remove", "clear", "destroy", "expire"]) {
        What::Deletes
    } else if begins(&["set", "append", "write", "serialize", "put", "save"]) {
        What::Sets
    } else {
        What::Reads
    }
}

fn is_assignment(text: &str) -> bool {
    text.strip_prefix('=').is_some_and(|rest| !rest.starts_with(['=', '>']))
}

pub(super) fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    ["//", "/*", "* ", "# ", "<!--"].iter().any(|start| line.starts_with(start))
}

/// Where the path begins that a constant is the end of: `Names.SESSION`.
fn path_start(source: &str, at: usize) -> usize {
    match at.checked_sub(1).and_then(|i| source.as_bytes().get(i)) {
        Some(b'.') => at - 1 - path_before(source, at - 1).len(),
        _ => at,
    }
}

fn tidy(how: &str) -> String {
    let text: String = how.split_whitespace().collect::<Vec<_>>().join(" ").replace(" .", ".");
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests;
