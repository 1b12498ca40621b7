//! What the room's page shows.

use http::HeaderMap;

use super::Room;
use crate::context::Context;
use crate::demo::html::{Part, STYLE, escape, fill};
use crate::demo::{Backend, PASSWORD, Trouble};
use crate::gateway::Gateway;
use crate::identity;
use crate::session::{Found, Lookup, Session};

const EXTRA: &str = include_str!("extra.css");

/// Where a form leads back to.
struct Forms<'a> {
    back: &'a str,
    /// In the panel, a form's answer takes the place of the page around it.
    panel: bool,
}

/// The page.
pub(super) async fn render(room: &Room, gateway: &Gateway, cx: &mut Context, headers: &HeaderMap) -> String {
    let resolved = gateway.resolve(cx, headers).await;
    let query = cx.query.as_deref().unwrap_or_default().as_bytes();
    let parameter = |name| url::form_urlencoded::parse(query).find(|(key, _)| key == name).map(|(_, v)| v.into_owned());
    let back = parameter("back").unwrap_or_default();
    let forms = Forms { back: &back, panel: parameter("panel").is_some() };
    let found = match &resolved.lookup {
        Lookup::Found(found) => Some(found),
        _ => None,
    };
    let session = found.map(|f| &*f.session);
    let (status, who) = match session {
        Some(session) => ("authenticated", name_of(session)),
        None => ("anonymous", "nobody".to_owned()),
    };
    let embedded = room.backend.as_ref();
    let parts = [
        ("style", Part::Html(STYLE)),
        ("kind", Part::Html(if forms.panel { "panel" } else { "whole" })),
        ("status", Part::Html(status)),
        ("who", Part::Text(&who)),
        ("home", Part::Html(if forms.panel { "" } else { r#"<a href="/">To the application</a>"# })),
        ("people", Part::Html(&people(embedded, session, &forms))),
        ("tenants", Part::Html(&tenants(embedded.is_some(), session, &forms))),
        ("onboarding", Part::Html(&onboarding(embedded.is_some(), session, &forms))),
        ("session", Part::Html(&ending(embedded.is_some(), resolved.sid.is_some(), &forms))),
        ("backend", Part::Html(&backend(embedded, &forms))),
        ("trouble", Part::Html(&doubt(&resolved.lookup))),
        ("identity", Part::Html(&told(found))),
        ("decisions", Part::Html(&decisions(room))),
    ];
    fill(&include_str!("page.html").replace("{{style}}</style>", &format!("{{{{style}}}}{EXTRA}</style>")), &parts)
}

/// The page that waits for the application.
pub(super) fn waiting(application: &str) -> String {
    let main = format!(
        "<main class=\"wide\"><h1>The application does not answer yet</h1><section class=\"card\">\
         <p>Nothing answers on <code>{}</code>. Start it with <code>npm run dev</code>; this page looks again every \
         second.</p><p class=\"faint\">sidgate itself is well: <a href=\"{}/\">the switcher</a>.</p></section></main>",
        escape(application),
        super::PATH
    );
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width,initial-scale=1\"><title>Waiting for the application</title>\
         <style>{STYLE}</style>{main}</html>"
    )
}

fn people(backend: Option<&Backend>, session: Option<&Session>, forms: &Forms<'_>) -> String {
    let Some(backend) = backend else {
        return forms.row(&[format!(
            "<p class=\"faint\">Users are your own backend's: sign in at the application.</p>{}",
            forms.button("sign-out", &[], "Sign out", session.is_none())
        )]);
    };
    let mut all: Vec<String> = backend
        .people()
        .iter()
        .map(|p| {
            let current = session.is_some_and(|s| s.user.id == p.id);
            forms.button("sign-in", &[("user", &p.id)], &p.name, current)
        })
        .collect();
    all.push(forms.button("sign-out", &[], "nobody", session.is_none()));
    let hint = format!("<p class=\"faint\">In a form, everyone's password is <code>{}</code>.</p>", escape(PASSWORD));
    forms.row(&all) + &hint
}

fn tenants(embedded: bool, session: Option<&Session>, forms: &Forms<'_>) -> String {
    let Some(session) = session else { return faint("Nobody is signed in.") };
    let current = session.tenant.as_ref().map(|t| t.id.as_str());
    let name = |t: &crate::session::Tenant| t.name.clone().or(t.slug.clone()).unwrap_or_else(|| t.id.clone());
    if session.tenants.is_empty() {
        return faint(&session.tenant.as_ref().map_or("None yet: onboarding makes one.".into(), name));
    }
    let one = |t: &crate::session::Tenant| {
        let current = current == Some(&t.id);
        if embedded {
            return forms.button("tenant", &[("tenant", &t.id)], &name(t), current);
        }
        format!("<span class=\"badge{}\">{}</span>", if current { " authenticated" } else { "" }, escape(&name(t)))
    };
    forms.row(&session.tenants.iter().map(one).collect::<Vec<_>>())
}

fn onboarding(embedded: bool, session: Option<&Session>, forms: &Forms<'_>) -> String {
    let Some(session) = session else { return faint("Nobody is signed in.") };
    let step = match &session.onboarding {
        crate::session::Onboarding::Needed { step } => Some(step.as_deref().unwrap_or_default()),
        crate::session::Onboarding::Complete => None,
    };
    if !embedded {
        return faint(&step.map_or("Complete.".into(), |step| format!("Needed {step}")));
    }
    let complete = forms.button("onboarding", &[], "complete", step.is_none());
    let current = if step.is_some() { " aria-current=\"true\"" } else { "" };
    let needed = forms.form(
        "onboarding",
        &[],
        &format!(
            "<button class=\"quiet\"{current} data-testid=\"dev-needed\">needed</button><input name=\"step\" aria-label=\"at the step\" required \
             pattern=\"[A-Za-z0-9._\\-]+\" maxlength=\"40\" value=\"{}\">",
            escape(step.filter(|s| !s.is_empty()).unwrap_or("company"))
        ),
    );
    forms.row(&[complete, needed])
}

fn ending(embedded: bool, has_sid: bool, forms: &Forms<'_>) -> String {
    match (embedded, has_sid) {
        (_, false) => faint("The browser sends no sid."),
        (false, true) => faint("It is your own backend's to end."),
        (true, true) => forms.row(&[
            forms.button("session", &[("end", "revoked")], "revoke it", false),
            forms.button("session", &[("end", "expired")], "let it run out", false),
        ]),
    }
}

fn backend(backend: Option<&Backend>, forms: &Forms<'_>) -> String {
    let Some(backend) = backend else { return faint("Your own.") };
    let now = backend.in_trouble();
    let is = |trouble| now.is_some_and(|(t, _)| t == trouble);
    let row = forms.row(&[
        forms.button("backend", &[("trouble", "slow")], "slow for 10 s", is(Trouble::Slow)),
        forms.button("backend", &[("trouble", "down")], "down for 10 s", is(Trouble::Down)),
        forms.button("backend", &[("trouble", "none")], "well", now.is_none()),
    ]);
    let left = now.map(|(_, left)| faint(&format!("For another {} s.", left.as_secs() + 1)));
    row + &left.unwrap_or_default()
}

/// Why nothing is known of a session, where that is so.
fn doubt(lookup: &Lookup) -> String {
    let text = match lookup {
        Lookup::Refused(code) => super::explain::because(code.as_str()),
        Lookup::Unavailable(_) => super::explain::because("backend_unavailable"),
        Lookup::Throttled { .. } => super::explain::because("too_many_refused_sids"),
        Lookup::Absent | Lookup::Found(_) => None,
    };
    text.map(|t| format!("<p class=\"error\" data-testid=\"dev-doubt\">{}.</p>", escape(t))).unwrap_or_default()
}

/// The identity headers, by the same function that writes them.
fn told(found: Option<&Found>) -> String {
    let mut lines = Vec::new();
    identity::write(&mut lines, found, None, 0);
    let lines = String::from_utf8_lossy(&lines);
    let row = |(name, value): (&str, &str)| {
        format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>", escape(&title_case(name)), escape(value))
    };
    lines.split("\r\n").filter_map(|line| line.split_once(": ")).map(row).collect()
}

fn decisions(room: &Room) -> String {
    let notes = room.notes.last();
    if notes.is_empty() {
        return faint("None yet. Files are left out.");
    }
    let row = |note: &crate::dev::notes::Note| {
        let class = match note.told.status {
            300..=399 => "moved",
            400.. => "refused",
            _ => "passed",
        };
        let times = if note.times > 1 { format!(" ({} times)", note.times) } else { String::new() };
        format!(
            "<tr><th scope=\"row\">{}</th><td>{} → <span class=\"{class}\">{}</span>{times}<span class=\"why\">because \
             {}</span></td></tr>",
            note.age(),
            escape(&note.told.asked),
            escape(&note.told.answer),
            escape(&note.told.why)
        )
    };
    format!("<table data-testid=\"dev-decisions\"><tbody>{}</tbody></table>", notes.iter().map(row).collect::<String>())
}

impl Forms<'_> {
    fn form(&self, action: &str, fields: &[(&str, &str)], inside: &str) -> String {
        let target = if self.panel { " target=\"_top\"" } else { "" };
        let hidden: String = fields
            .iter()
            .chain([&("back", self.back)])
            .map(|(n, v)| format!("<input type=\"hidden\" name=\"{n}\" value=\"{}\">", escape(v)))
            .collect();
        format!("<form method=\"post\" action=\"{}/{action}\"{target}>{hidden}{inside}</form>", super::PATH)
    }

    fn button(&self, action: &str, fields: &[(&str, &str)], label: &str, current: bool) -> String {
        let current = if current { " aria-current=\"true\"" } else { "" };
        let test = format!("dev-{}", label.to_lowercase().replace(' ', "-"));
        let inside =
            format!("<button class=\"quiet\"{current} data-testid=\"{}\">{}</button>", escape(&test), escape(label));
        self.form(action, fields, &inside)
    }

    fn row(&self, items: &[String]) -> String {
        format!("<div class=\"row\">{}</div>", items.concat())
    }
}

fn faint(text: &str) -> String {
    format!("<p class=\"faint\">{}</p>", escape(text))
}

fn name_of(session: &Session) -> String {
    let user = &session.user;
    let name = user.email.as_ref().or(user.name.as_ref()).unwrap_or(&user.id);
    let tenant = session.tenant.as_ref().and_then(|t| t.slug.as_ref().or(t.name.as_ref()));
    tenant.map_or_else(|| name.clone(), |tenant| format!("{name} at {tenant}"))
}

/// `x-auth-user-id` as documents write it.
fn title_case(name: &str) -> String {
    let word = |w: &str| w.chars().next().map_or(String::new(), |c| c.to_ascii_uppercase().to_string() + &w[1..]);
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}
