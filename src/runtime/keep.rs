//! Waiting for an answer, on nobody's thread.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Wake, Waker},
};

use crate::sync::{Mutex, lock};

/// Keeps a value until a future completes, and drops both then.
///
/// The future is polled here once, and from then on by whoever wakes it: no task has to be spawned
/// for it, and no arbiter that ends takes it along. That matters, since a message of actix's whose
/// answer nobody waits for any more is not handled at all.
///
/// The future must take no time, and must not wake itself.
pub(crate) fn keep_until<F, V>(future: F, value: V)
where
    F: Future + Send + 'static,
    V: Send + 'static,
{
    Arc::new(Kept(Mutex::new(Some((Box::pin(future), value))))).wake();
}

struct Kept<F, V>(Mutex<Option<(Pin<Box<F>>, V)>>);

impl<F, V> Wake for Kept<F, V>
where
    F: Future + Send + 'static,
    V: Send + 'static,
{
    fn wake(self: Arc<Self>) {
        let waker = Waker::from(self.clone());
        let mut kept = lock(&self.0);
        let Some((future, _)) = &mut *kept else { return };
        if future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            let over = kept.take();
            // Dropping the value may wake others, so not under the lock.
            drop(kept);
            drop(over);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn a_value_is_kept_until_the_answer() {
        let value = Arc::new(());
        let (answer, request) = oneshot::channel::<()>();
        keep_until(request, value.clone());
        assert_eq!(Arc::strong_count(&value), 2);
        answer.send(()).unwrap();
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn a_value_is_dropped_when_there_will_be_no_answer() {
        let value = Arc::new(());
        let (answer, request) = oneshot::channel::<()>();
        keep_until(request, value.clone());
        drop(answer);
        assert_eq!(Arc::strong_count(&value), 1);
        keep_until(async {}, value.clone());
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn an_answer_may_come_while_the_future_is_first_polled() {
        for _ in 0..2_000 {
            let value = Arc::new(());
            let (answer, request) = oneshot::channel::<()>();
            let answering = thread::spawn(move || answer.send(()));
            keep_until(request, value.clone());
            answering.join().unwrap().unwrap();
            assert_eq!(Arc::strong_count(&value), 1);
        }
    }
}
