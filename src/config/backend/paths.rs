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
    /// `GET`: the sessions of the user. Empty: the backend cannot.
    pub devices: String,
    /// `DELETE`: end the one that `{public_id}` names. Empty: the backend cannot.
    pub end_device: String,
    /// `DELETE`: end several, `{scope}` is `others` or `all`. Empty: the backend cannot.
    pub end_devices: String,
    /// `POST`: a session in the place of what an old cookie proves. Empty: the backend cannot.
    pub migrate: String,
    /// `POST`: which sessions are in use, in batches. Empty: the backend does not want to know.
    pub activity: String,
}

impl Default for BackendPaths {
    fn default() -> Self {
        Self::of(Preset::V1)
    }
}

impl BackendPaths {
    pub(super) fn of(preset: Preset) -> Self {
        let none = Self {
            validate: "/api/sessions/current/".into(),
            recheck: String::new(),
            sign_in: String::new(),
            sign_in_token: String::new(),
            sign_out: "/api/sessions/current/".into(),
            rotate: String::new(),
            switch_tenant: String::new(),
            devices: String::new(),
            end_device: String::new(),
            end_devices: String::new(),
            migrate: String::new(),
            activity: String::new(),
        };
        match preset {
            Preset::V1 => Self {
                sign_in: "/api/sessions/".into(),
                sign_in_token: "/api/sessions/".into(),
                rotate: "/api/sessions/current/rotate/".into(),
                switch_tenant: "/api/sessions/current/tenant/".into(),
                devices: "/api/sessions/".into(),
                end_device: "/api/sessions/by-public-id/{public_id}/".into(),
                end_devices: "/api/sessions/?scope={scope}".into(),
                migrate: "/api/sessions/migrate/".into(),
                activity: "/api/sessions/activity/".into(),
                ..none
            },
            Preset::Flat => Self {
                validate: "/api/sessions/{sid}/".into(),
                sign_in: "/api/auth/login/".into(),
                sign_in_token: "/api/auth/login/".into(),
                sign_out: "/api/sessions/{sid}/".into(),
                ..none
            },
            Preset::Nested => Self {
                recheck: "/api/sessions/public/{sid}/".into(),
                sign_in_token: "/api/sessions/create/".into(),
                ..none
            },
        }
    }

    pub(super) fn read(table: &mut Table<'_>, preset: Preset) -> Self {
        let default = Self::of(preset);
        let mut path = |key, holds: Holds, may_be_empty| {
            table.text(key, PATH, |text| match (text, may_be_empty) {
                ("", true) => Ok(String::new()),
                _ => path(text, holds),
            })
        };
        let sign_in = path("sign_in", Holds::Nothing, true);
        // Where both are one call by default, moving it moves both.
        let one_call = default.sign_in == default.sign_in_token;
        let sign_in_token = path("sign_in_token", Holds::Nothing, true)
            .or_else(|| sign_in.clone().filter(|_| one_call))
            .unwrap_or(default.sign_in_token);
        let sid = Holds::Maybe("{sid}");
        let paths = Self {
            validate: path("validate", sid, false).unwrap_or(default.validate),
            recheck: path("recheck", sid, true).unwrap_or(default.recheck),
            sign_in: sign_in.unwrap_or(default.sign_in),
            sign_in_token,
            sign_out: path("sign_out", sid, false).unwrap_or(default.sign_out),
            rotate: path("rotate", sid, true).unwrap_or(default.rotate),
            switch_tenant: path("switch_tenant", sid, true).unwrap_or(default.switch_tenant),
            devices: path("devices", sid, true).unwrap_or(default.devices),
            end_device: path("end_device", Holds::Always("{public_id}"), true).unwrap_or(default.end_device),
            end_devices: path("end_devices", Holds::Always("{scope}"), true).unwrap_or(default.end_devices),
            migrate: path("migrate", Holds::Nothing, true).unwrap_or(default.migrate),
            activity: path("activity", Holds::Nothing, true).unwrap_or(default.activity),
        };
        table.finish();
        paths
    }
}

const PATH: &str = "a path such as \"/api/sessions/\"";

/// The placeholder of a path.
#[derive(Clone, Copy)]
enum Holds {
    Nothing,
    /// It may be in it.
    Maybe(&'static str),
    /// It is what tells one call from another.
    Always(&'static str),
}

fn path(text: &str, holds: Holds) -> Result<String, Problem> {
    let problem = |hint: String| Err(Problem::expected_text(PATH, text).hint(hint));
    if !text.starts_with('/') {
        return problem("it begins with `/`".into());
    }
    if text.contains('#') || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return problem("no `#`; percent-encode blanks and letters beyond ASCII".into());
    }
    let (Holds::Maybe(placeholder) | Holds::Always(placeholder)) = holds else {
        return if text.contains(['{', '}']) {
            problem("there is no placeholder in this one".into())
        } else {
            Ok(text.to_owned())
        };
    };
    if text.replace(placeholder, "").contains(['{', '}']) {
        return problem(format!("the only placeholder is {placeholder}"));
    }
    if matches!(holds, Holds::Always(_)) && !text.contains(placeholder) {
        return problem(format!("{placeholder} stands in it"));
    }
    Ok(text.to_owned())
}
