//! HTML out of the files beside this one: `{{name}}` is filled in, escaped unless it is HTML already.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::STANDARD};

use super::told::Told;

const LAYOUT: &str = include_str!("layout.html");
pub(crate) const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// What stands in a place.
pub(crate) enum Part<'a> {
    /// Somebody's text: escaped.
    Text(&'a str),
    /// Markup of our own.
    Html(&'a str),
}

/// Fills a template. One pass, so that nothing that was filled in is read as a place again.
pub(crate) fn fill(template: &str, parts: &[(&str, Part<'_>)]) -> String {
    let mut html = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        html.push_str(before);
        match parts.iter().find(|(known, _)| *known == name) {
            Some((_, Part::Text(text))) => html.push_str(&escape(text)),
            Some((_, Part::Html(markup))) => html.push_str(markup),
            None => debug_assert!(false, "nothing for the place `{name}`"),
        }
        rest = after;
    }
    html.push_str(rest);
    html
}

/// Text as it can stand in an element or in a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// A whole page around its main part.
pub(super) fn layout(told: &Told, title: &str, main: &str) -> String {
    let rows: String = told.rows.iter().map(|(name, value)| row(name, value)).collect();
    let who = match (&told.user_id, &told.tenant) {
        (Some(user), Some(tenant)) => format!("user {user} of {tenant}"),
        (Some(user), None) => format!("user {user}, no company"),
        (None, _) => "not signed in".to_owned(),
    };
    let (status, session) = match told.user_id {
        Some(_) => ("authenticated", SIGN_OUT),
        None => ("anonymous", SIGN_IN),
    };
    fill(
        LAYOUT,
        &[
            ("title", Part::Text(title)),
            ("style", Part::Html(STYLE)),
            ("status", Part::Text(status)),
            ("who", Part::Text(&who)),
            ("session", Part::Html(session)),
            ("main", Part::Html(main)),
            ("identity", Part::Html(&rows)),
            ("script", Part::Html(SCRIPT)),
        ],
    )
}

const SIGN_IN: &str = r#"<a class="button" href="/auth/signin" data-testid="signin">Sign in</a>"#;
const SIGN_OUT: &str = r#"<button class="quiet" data-sign-out hidden data-needs-script data-testid="signout">Sign out</button>
<noscript>Signing out needs JavaScript.</noscript>"#;

/// One row of a table.
fn row(name: &str, value: &str) -> String {
    format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", escape(name), escape(value))
}

/// Only this style and this script, by their hashes: what a page shows of its visitor's words could not run.
pub(super) fn content_security_policy() -> String {
    let hash = |text: &str| STANDARD.encode(digest(&SHA256, text.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; img-src data:; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_its_place() {
        assert_eq!(escape(r#"<a href="x" id='y'>&amp;"#), "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;amp;");
        let parts = [("a", Part::Text("{{b}}<")), ("b", Part::Html("<b>"))];
        assert_eq!(fill("{{a}}|{{b}}", &parts), "{{b}}&lt;|<b>");
    }
}
