//! Signing out: the call, and what its answer says.

use http::Method;
use http::header::AUTHORIZATION;

use super::super::lookup::{RefusalCode, Unavailable};
use super::super::types::SessionId;
use super::super::wire::{self, Answer};
use super::{Backend, Caller};

/// What a sign-out came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignOutAnswer {
    /// The backend has taken it.
    Done,
    /// It has not yet; it is repeated until it does.
    Pending,
    /// The sid is refused here already, and nothing was done.
    Before {
        /// The backend has not taken that yet.
        pending: bool,
    },
}

/// How the backend took it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::session) enum SignedOut {
    /// It has, or it knows that the session is gone.
    Taken,
    /// It refuses the sid without a word: gone, or the backend itself cannot tell just now.
    Bare,
}

impl Backend {
    /// Signs out.
    pub(in crate::session) async fn sign_out(
        &self,
        sid: &SessionId,
        caller: &Caller,
    ) -> Result<SignedOut, Unavailable> {
        let path = self.path(&self.config.paths.sign_out, sid);
        let credential = self.authorization(sid).ok_or(Unavailable::Malformed)?;
        let call = self
            .control
            .request(Method::DELETE, format!("{}{path}", self.base))
            .headers(self.headers(caller))
            .header(AUTHORIZATION, credential)
            .timeout(self.config.timeout);
        let (status, _, body) = self.send(call).await?;
        if self.config.signed_out_statuses.contains(&status) {
            return Ok(SignedOut::Taken);
        }
        match wire::answer(status, &body, &self.config, sid) {
            Answer::Refused(RefusalCode::Bare) => Ok(SignedOut::Bare),
            Answer::Refused(_) => Ok(SignedOut::Taken),
            Answer::Unavailable(why) => Err(why),
            Answer::Session(_) => Err(Unavailable::Status(status)),
        }
    }
}
