//! Telling the backend which sessions are in use.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use http::HeaderValue;
use jiff::Timestamp;

use super::super::activity::{self, Entry};
use super::super::lookup::Unavailable;
use super::super::types::{Session, SessionId};
use super::{Inner, Sessions};

/// Between the tries of one batch.
const RETRIES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];
/// What becomes urgent meanwhile goes into the same batch.
const TOGETHER: Duration = Duration::from_millis(100);
/// So shortly before its idle end a session is not asked about before the backend knows of its use.
const BEFORE_IDLE: Duration = Duration::from_secs(2);

impl Sessions {
    /// Notes that a session is in use, for the next batch.
    pub fn seen(&self, session: &Arc<Session>, at: Instant, client: IpAddr, user_agent: Option<&HeaderValue>) {
        if let Some(batches) = &self.0.activity {
            batches.mark(session, at, client, user_agent);
        }
    }

    /// Sends what waits. For the end of the process: everything else happens by itself.
    pub async fn flush_activity(&self) {
        self.0.flush_activity().await;
    }
}

impl Inner {
    /// Waits until the next batch is due.
    pub(super) async fn activity_due(&self) {
        let Some(batches) = &self.activity else { return std::future::pending().await };
        if tokio::time::timeout(batches.config.interval, batches.urgent.notified()).await.is_ok() {
            tokio::time::sleep(TOGETHER).await;
        }
    }

    pub(super) async fn flush_activity(&self) {
        let Some(batches) = &self.activity else { return };
        let _one = batches.flushing.lock().await;
        let entries = batches.take();
        let mut retries = &RETRIES[..];
        for batch in entries.chunks(batches.config.max_batch) {
            match self.send_batch(batch, retries).await {
                Ok(()) => batches.taken(batch),
                Err(why) => {
                    batches.dropped(batch);
                    if why == Unavailable::GatewayKey {
                        self.note(Some(why));
                    }
                    if !retries.is_empty() {
                        tracing::warn!(
                            reason = why.as_str(),
                            sessions = entries.len(),
                            "the backend does not take which sessions are in use; some may go idle too early"
                        );
                    }
                    // The rest of a backlog gets one try each.
                    retries = &[];
                }
            }
        }
    }

    async fn send_batch(&self, batch: &[Entry], retries: &[Duration]) -> Result<(), Unavailable> {
        let body = activity::body(batch);
        let mut answer = self.backend.activity(&body).await;
        for wait in retries {
            match answer {
                // It may be a moment's failure ...
                Err(Unavailable::Connect | Unavailable::Timeout | Unavailable::Status(429 | 500..)) => {}
                // ... or a "no" that stays one.
                answer => return answer,
            }
            tokio::time::sleep(*wait).await;
            answer = self.backend.activity(&body).await;
        }
        answer
    }

    /// The backend is about to be asked about a session that may have gone idle there. If it was used since it last heard
    /// of it, it hears so first: nobody who works is signed out because a batch was not due yet.
    pub(super) async fn tell_before_idle(&self, sid: &SessionId) {
        let Some(batches) = &self.activity else { return };
        let Some(session) = self.cache.last_good(sid) else { return };
        if !session.is_idle_at(Timestamp::now(), BEFORE_IDLE) {
            return;
        }
        if let Some(entry) = batches.unsent(&session)
            && self.send_batch(std::slice::from_ref(&entry), &[]).await.is_ok()
        {
            batches.taken(std::slice::from_ref(&entry));
        }
    }

    /// Uses that the backend has taken, and that were lost.
    pub(super) fn activity_counts(&self) -> (u64, u64) {
        self.activity.as_ref().map_or((0, 0), |batches| (batches.sent.load(Relaxed), batches.lost.load(Relaxed)))
    }
}
