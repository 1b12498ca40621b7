//! hyper's timer for one HTTP/1.1 connection.
//!
//! hyper sets one limit, on a request's header, anew for each request. A timer of tokio's each time would be put into
//! the runtime's wheel and taken out again; an [`Alarm`] stays there.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

use crate::http1::Alarm;

/// The timer. It keeps one limit at a time.
#[derive(Debug, Default)]
pub(super) struct ConnectionTimer(Arc<Mutex<Alarm>>);

struct Limit {
    alarm: Arc<Mutex<Alarm>>,
    deadline: Instant,
}

impl Timer for ConnectionTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Limit { alarm: self.0.clone(), deadline })
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

impl Sleep for Limit {}

impl Future for Limit {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut alarm = self.alarm.lock().unwrap_or_else(PoisonError::into_inner);
        alarm.set_until(self.deadline.into());
        alarm.poll(cx)
    }
}
