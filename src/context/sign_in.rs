//! The words for a sign-in, in the log and as labels of its counter.

/// How somebody signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInMethod {
    /// E-mail address and password.
    Password,
    /// An identity provider's token.
    AccessToken,
    /// The answer to a challenge, with what it was asked after.
    Challenge,
    /// The application hands a session over.
    HandedOver,
}

impl SignInMethod {
    /// Every method.
    pub const ALL: [Self; 4] = [Self::Password, Self::AccessToken, Self::Challenge, Self::HandedOver];

    /// The word in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::AccessToken => "access_token",
            Self::Challenge => "challenge",
            Self::HandedOver => "handed_over",
        }
    }
}

/// What a sign-in came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInOutcome {
    /// A session.
    SignedIn,
    /// A second factor is due.
    Challenged,
    /// The backend says no.
    Refused,
    /// Too many attempts.
    Limited,
    /// The backend gave no answer that counts.
    Unavailable,
    /// The backend has no call for this kind of sign-in.
    NotSupported,
    /// What the application hands over is no sid.
    Invalid,
    /// The application hands a session over on a route where it may not.
    NotAllowed,
}

impl SignInOutcome {
    /// Every outcome.
    pub const ALL: [Self; 8] = [
        Self::SignedIn,
        Self::Challenged,
        Self::Refused,
        Self::Limited,
        Self::Unavailable,
        Self::NotSupported,
        Self::Invalid,
        Self::NotAllowed,
    ];

    /// The word in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignedIn => "signed_in",
            Self::Challenged => "challenged",
            Self::Refused => "refused",
            Self::Limited => "limited",
            Self::Unavailable => "unavailable",
            Self::NotSupported => "not_supported",
            Self::Invalid => "invalid",
            Self::NotAllowed => "not_allowed",
        }
    }
}
