//! Waiting for a stop at the price of a load.
//!
//! A connection waits for its stop at every poll, several times per request, and a token costs some hundred
//! instructions each time it is asked.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Acquire};
use std::task::{Context, Poll, Waker};

/// A future that is asked again only when its flag is set, or the task has changed.
pub(super) struct Told<'a, F> {
    /// Set before the future becomes ready.
    flag: &'a AtomicBool,
    future: Pin<&'a mut F>,
    waker: Option<Waker>,
}

impl<'a, F> Told<'a, F> {
    pub(super) fn new(flag: &'a AtomicBool, future: Pin<&'a mut F>) -> Self {
        Self { flag, future, waker: None }
    }
}

impl<F: Future> Future for Told<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let known = self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        if known && !self.flag.load(Acquire) {
            return Poll::Pending;
        }
        if !known {
            self.waker = Some(cx.waker().clone());
        }
        self.future.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::Ordering::Release;

    use tokio_util::sync::CancellationToken;

    use super::*;

    #[tokio::test]
    async fn it_is_told_whenever_that_happens() {
        for before in [true, false] {
            let (flag, token) = (Arc::new(AtomicBool::new(false)), CancellationToken::new());
            let waiting = {
                let (flag, token) = (flag.clone(), token.clone());
                tokio::spawn(async move {
                    let cancelled = pin!(token.cancelled());
                    Told::new(&flag, cancelled).await;
                })
            };
            if !before {
                // It waits by now, and is asked in vain.
                tokio::task::yield_now().await;
            }
            flag.store(true, Release);
            token.cancel();
            waiting.await.unwrap();
        }
    }
}
