//! A time limit that is set anew for every request at the price of a store.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// A limit on silence. Its timer is kept from request to request and not moved when the limit is set: when it goes off
/// too early, it is set to what then counts. A timer per request would be put into the runtime's wheel and taken out.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
    deadline: Option<Instant>,
}

impl Alarm {
    /// From now on it is due after so long.
    pub(crate) fn set(&mut self, limit: Duration) {
        // A limit beyond what a clock can show is none.
        self.deadline = Instant::now().checked_add(limit);
    }

    /// It is due then.
    pub(crate) fn set_until(&mut self, deadline: Instant) {
        self.deadline = Some(deadline);
    }

    /// Ready when the limit has passed.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if sleep.deadline() > deadline {
            sleep.as_mut().reset(deadline);
        }
        loop {
            ready!(sleep.as_mut().poll(cx));
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    async fn rings(alarm: &mut Alarm, limit: u64) -> u128 {
        alarm.set(Duration::from_secs(limit));
        let started = Instant::now();
        poll_fn(|cx| alarm.poll(cx)).await;
        started.elapsed().as_secs().into()
    }

    #[tokio::test(start_paused = true)]
    async fn it_goes_off_after_the_limit_that_was_set_last() {
        let mut alarm = Alarm::default();
        for limit in [5, 60, 2, 2, 30] {
            // Polled under another limit first, as a connection is by the request before.
            alarm.set(Duration::from_secs(10));
            assert!(futures_util::poll!(poll_fn(|cx| alarm.poll(cx))).is_pending());
            assert_eq!(rings(&mut alarm, limit).await, u128::from(limit));
        }
    }
}
