//! Why a browser went round in circles: the word in the log, in the answer, and the label of its counter.

/// Who sent the redirects that repeat, and where to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LoopCause {
    /// The application alone, to the sign-in page among others.
    ApplicationToSignIn,
    /// The application alone, to onboarding among others.
    ApplicationToOnboarding,
    /// The application alone, between other pages.
    ApplicationOther,
    /// The gateway alone, to the sign-in page among others.
    GatewayToSignIn,
    /// The gateway alone, to onboarding among others.
    GatewayToOnboarding,
    /// The gateway alone, to the home of a tenant.
    GatewayOther,
    /// The gateway one way, the application another.
    Mixed,
}

impl LoopCause {
    /// Every cause.
    pub const ALL: [Self; 7] = [
        Self::ApplicationToSignIn,
        Self::ApplicationToOnboarding,
        Self::ApplicationOther,
        Self::GatewayToSignIn,
        Self::GatewayToOnboarding,
        Self::GatewayOther,
        Self::Mixed,
    ];

    /// The word in logs, metrics and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ApplicationToSignIn => "application_to_sign_in",
            Self::ApplicationToOnboarding => "application_to_onboarding",
            Self::ApplicationOther => "application_other",
            Self::GatewayToSignIn => "gateway_to_sign_in",
            Self::GatewayToOnboarding => "gateway_to_onboarding",
            Self::GatewayOther => "gateway_other",
            Self::Mixed => "mixed",
        }
    }
}
