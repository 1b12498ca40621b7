//! The shapes of backends: what each does differently from contract v1, and what it cannot do.

use super::{Backend, BackendFields, BackendPaths};
use crate::config::PathPattern;

/// The shape of the backend's calls and answers. It sets defaults; every key overrides its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preset {
    /// Contract v1, what the Django kit serves.
    #[default]
    V1,
    /// Sessions by path, one flat object per session: what sidgate's first design asked of Django.
    Flat,
    /// A user and a tenant in an object each, refusals without a word: what a deployment of that design became.
    Nested,
}

impl Preset {
    pub(super) const WORDS: [(&str, Self); 3] = [("v1", Self::V1), ("flat", Self::Flat), ("nested", Self::Nested)];

    /// The word in `gateway.toml`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::Flat => "flat",
            Self::Nested => "nested",
        }
    }
}

/// How an identity provider's token is sent at sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenIn {
    /// `{"access_token": ...}`
    #[default]
    Body,
    /// `Authorization: Bearer ...`, and `{}` as the body.
    Bearer,
}

/// What a backend may be able to do. What it cannot is answered with 501, and named by `sidgate check`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// Sign in with e-mail address and password.
    PasswordSignIn,
    /// Sign in with an identity provider's token.
    TokenSignIn,
    /// Give a session a new sid.
    Rotate,
    /// Switch the tenant of a session.
    SwitchTenant,
    /// List a user's sessions, and end single ones.
    Devices,
    /// Hear which sessions are in use.
    Activity,
    /// Turn an old cookie into a session.
    Migrate,
}

impl Capability {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::PasswordSignIn,
        Self::TokenSignIn,
        Self::Rotate,
        Self::SwitchTenant,
        Self::Devices,
        Self::Activity,
        Self::Migrate,
    ];

    /// In words, for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PasswordSignIn => "sign-in with e-mail address and password",
            Self::TokenSignIn => "sign-in with an access token",
            Self::Rotate => "a new sid for a session that goes on",
            Self::SwitchTenant => "switching the tenant",
            Self::Devices => "listing a user's devices and ending them",
            Self::Activity => "hearing which sessions are in use",
            Self::Migrate => "turning old cookies into sessions",
        }
    }
}

impl Backend {
    /// The defaults of a preset.
    pub fn of(preset: Preset) -> Self {
        let v1 = Self::default();
        let common = Self { preset, paths: BackendPaths::of(preset), fields: BackendFields::of(preset), ..v1 };
        match preset {
            Preset::V1 => common,
            Preset::Flat => Self {
                authorization: "SessionID {sid}".into(),
                refused_statuses: vec![401, 403, 404, 410],
                signed_out_statuses: vec![200, 202, 204, 404, 410],
                read_after_sign_in: true,
                ..common
            },
            Preset::Nested => Self {
                refused_statuses: vec![401],
                access_token_in: TokenIn::Bearer,
                read_after_sign_in: true,
                blocked_paths: NESTED_BLOCKED.iter().filter_map(|p| PathPattern::parse(p).ok()).collect(),
                ..common
            },
        }
    }

    /// Whether the backend can do this.
    pub fn supports(&self, capability: Capability) -> bool {
        match capability {
            Capability::PasswordSignIn => !self.paths.sign_in.is_empty(),
            Capability::TokenSignIn => !self.paths.sign_in_token.is_empty(),
            Capability::Rotate => !self.paths.rotate.is_empty(),
            Capability::SwitchTenant => !self.paths.switch_tenant.is_empty(),
            Capability::Devices => {
                [&self.paths.devices, &self.paths.end_device, &self.paths.end_devices].iter().all(|p| !p.is_empty())
            }
            Capability::Activity => !self.paths.activity.is_empty(),
            // The others take a token as at sign-in, and let a session go on under its own id.
            Capability::Migrate => self.preset != Preset::V1 || !self.paths.migrate.is_empty(),
        }
    }
}

/// What makes sessions without proof, or shows them: nobody outside has business there.
const NESTED_BLOCKED: [&str; 3] = [
    "/api/sessions/consolidated-auth/{*rest}",
    "/api/sessions/cloudflare/create/{*rest}",
    "/api/sessions/debug/{*rest}",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_preset_blocks_is_well_formed() {
        assert_eq!(Backend::of(Preset::Nested).blocked_paths.len(), NESTED_BLOCKED.len());
    }

    #[test]
    fn contract_v1_can_do_everything_and_the_others_what_they_have_calls_for() {
        let cannot = |preset| {
            let backend = Backend::of(preset);
            Capability::ALL.into_iter().filter(|c| !backend.supports(*c)).count()
        };
        assert_eq!([Preset::V1, Preset::Flat, Preset::Nested].map(cannot), [0, 4, 5]);
        assert_eq!(Backend::of(Preset::V1), Backend::default());
    }
}
