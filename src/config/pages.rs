//! `[pages]`: the addresses people are sent to. `[paths]`: how a request's path is read.

/// `[pages]`
#[derive(Debug, Clone, PartialEq)]
pub struct Pages {
    /// Where people sign in.
    pub sign_in: String,
    /// Where onboarding happens; `{step}` is the step.
    pub onboarding: String,
    /// Home of a user with a tenant; `{tenant}` is its slug, `{tenant_id}` its id.
    pub home: String,
    /// Home of a user who has none.
    pub home_without_tenant: String,
    /// Query parameter that carries the way back through sign-in.
    pub next_parameter: String,
}

impl Default for Pages {
    fn default() -> Self {
        Self {
            sign_in: "/auth/signin".into(),
            onboarding: "/onboarding".into(),
            home: "/{tenant}/dashboard".into(),
            home_without_tenant: "/dashboard".into(),
            next_parameter: "next".into(),
        }
    }
}

/// `[paths]`
#[derive(Debug, Clone, PartialEq)]
pub struct Paths {
    /// Characters that may stand percent-encoded in a path; of `%`, `?`, `#`, `;`.
    pub allow_encoded: Vec<char>,
    /// Rule `.rsc`, `.segments/` and `/_next/data/` addresses as the page they belong to.
    pub nextjs: bool,
    /// Next.js `basePath`, empty or `/like-this`.
    pub base_path: String,
    /// Next.js i18n locales.
    pub locales: Vec<String>,
}

impl Default for Paths {
    fn default() -> Self {
        Self { allow_encoded: Vec::new(), nextjs: true, base_path: String::new(), locales: Vec::new() }
    }
}
