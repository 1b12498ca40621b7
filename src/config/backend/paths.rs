//! `[backend.paths]`: where each call goes.

use super::Preset;
use crate::config::table::{Problem, Table};

/// `[backend.paths]`. In those about one session `{sid}` puts the sid into the path.
#[derive(Debug, Clone, PartialEq)]
pub struct BackendPaths {
    /// `GET`: validate a session.
    pub validate: String,
    /// `GET`: how far the user of a session is with onboarding, where `validate` may be behind. Empty: there is none.
    pub recheck: String,
    /// `POST`: sign in with e-mail address and password. Empty: the backend cannot.
    pub sign_in: String,
    /// `POST`: sign in with an access token. Empty: the backend cannot.
    pub sign_in_token: String,
    /// `DELETE`: sign out.
    pub sign_out: String,
    /// `POST`: the same session under a new sid. Empty: the backend cannot.
    pub rotate: String,
    /// `POST`: the same session in another tenant, under a new sid. Empty: the backend cannot.
    pub switch_tenant: String,
}

impl Default for BackendPaths {
    fn default() -> Self {
        Self::of(Preset::V1)
    }
}

impl BackendPaths {
    pub(super) fn of(preset: Preset) -> Self {
        let [validate, recheck, sign_in, sign_in_token, sign_out, rotate, switch_tenant] = match preset {
            Preset::V1 => [
                "/api/sessions/current/",
                "",
                "/api/sessions/",
                "/api/sessions/",
                "/api/sessions/current/",
                "/api/sessions/current/rotate/",
                "/api/sessions/current/tenant/",
            ],
            Preset::Flat => {
                ["/api/sessions/{sid}/", "", "/api/auth/login/", "/api/auth/login/", "/api/sessions/{sid}/", "", ""]
            }
            Preset::Nested => [
                "/api/sessions/current/",
                "/api/sessions/public/{sid}/",
                "",
                "/api/sessions/create/",
                "/api/sessions/current/",
                "",
                "",
            ],
        }
        .map(str::to_owned);
        Self { validate, recheck, sign_in, sign_in_token, sign_out, rotate, switch_tenant }
    }

    pub(super) fn read(table: &mut Table<'_>, preset: Preset) -> Self {
        let default = Self::of(preset);
        let mut path = |key, sid, may_be_empty| {
            table.text(key, PATH, |text| match (text, may_be_empty) {
                ("", true) => Ok(String::new()),
                _ => path(text, sid),
            })
        };
        let sign_in = path("sign_in", false, true);
        // Where both are one call by default, moving it moves both.
        let one_call = default.sign_in == default.sign_in_token;
        let sign_in_token = path("sign_in_token", false, true)
            .or_else(|| sign_in.clone().filter(|_| one_call))
            .unwrap_or(default.sign_in_token);
        let paths = Self {
            validate: path("validate", true, false).unwrap_or(default.validate),
            recheck: path("recheck", true, true).unwrap_or(default.recheck),
            sign_in: sign_in.unwrap_or(default.sign_in),
            sign_in_token,
            sign_out: path("sign_out", true, false).unwrap_or(default.sign_out),
            rotate: path("rotate", true, true).unwrap_or(default.rotate),
            switch_tenant: path("switch_tenant", true, true).unwrap_or(default.switch_tenant),
        };
        table.finish();
        paths
    }
}

const PATH: &str = "a path such as \"/api/sessions/\"";

fn path(text: &str, sid: bool) -> Result<String, Problem> {
    let problem = |hint: &str| Err(Problem::expected_text(PATH, text).hint(hint));
    if !text.starts_with('/') {
        return problem("it begins with `/`");
    }
    if text.contains('#') || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return problem("no `#`; percent-encode blanks and letters beyond ASCII");
    }
    let plain = if sid { text.replace("{sid}", "") } else { text.to_owned() };
    match plain.contains(['{', '}']) {
        false => Ok(text.to_owned()),
        true if sid => problem("the only placeholder is {sid}"),
        true => problem("there is no placeholder in this one"),
    }
}
