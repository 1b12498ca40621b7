//! What is said to a browser that went round in circles.

use http::StatusCode;
use serde_json::{Value, json};

use super::Rejection;
use crate::context::LoopCause;

/// A redirect that was one too many.
#[derive(Debug)]
pub struct WentRound {
    /// Who sent the redirects.
    pub cause: LoopCause,
    /// Who sent this one: the gateway for a reason, or the application.
    pub by: Option<&'static str>,
    /// The path that was asked for.
    pub from: String,
    /// The path that it leads to, with the host where that is another.
    pub to: String,
    /// How often it came within the window.
    pub times: u8,
}

/// The same with what was done about it.
#[derive(Debug)]
pub(super) struct Told {
    went: WentRound,
    done: Vec<String>,
}

impl Rejection {
    /// A redirect loop. `done` says what was done about it, `go_to` where to go on.
    pub fn went_round(went: WentRound, done: Vec<String>, go_to: (&'static str, String)) -> Self {
        let message = match went.cause {
            LoopCause::ApplicationToSignIn => {
                "The application kept sending you to sign-in and away from it again, so we stopped here."
            }
            LoopCause::ApplicationToOnboarding => {
                "The application kept sending you to the setup of your account and away from it again, so we stopped here."
            }
            LoopCause::ApplicationOther => "The application kept sending you round in circles, so we stopped here.",
            LoopCause::GatewayToSignIn | LoopCause::GatewayToOnboarding | LoopCause::GatewayOther => {
                "You were sent round in circles, because what is known of your session kept changing. We stopped here."
            }
            LoopCause::Mixed => {
                "The application and what is known of your session contradict each other: \
                 each sent you back to where the other had sent you from. We stopped here."
            }
        };
        let base = Self::new(StatusCode::LOOP_DETECTED, "redirect_loop", message);
        let reason = Some(went.cause.as_str());
        Self { reason, go_to: Some(go_to), went_round: Some(Box::new(Told { went, done })), ..base }
    }
}

impl Told {
    /// For the JSON: what disagreed, and what was done.
    pub(super) fn json(&self) -> Value {
        let WentRound { by, from, to, times, .. } = &self.went;
        let sent_by = if by.is_some() { "gateway" } else { "application" };
        json!({ "from": from, "to": to, "by": sent_by, "because": by, "times": times, "done": self.done })
    }

    /// For the page, one sentence each.
    pub(super) fn sentences(&self) -> impl Iterator<Item = String> {
        let WentRound { by, from, to, .. } = &self.went;
        let by = by.map_or("by the application".into(), |reason| format!("by the gateway ({reason})"));
        std::iter::once(format!("The last redirect was from {from} to {to}, {by}.")).chain(self.done.iter().cloned())
    }
}
