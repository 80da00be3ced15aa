use std::{
    future::{Future, poll_fn},
    task::Poll,
};

/// Completes at its second poll, so that everything else on the thread has its turn in between.
pub(crate) fn yield_once() -> impl Future<Output = ()> {
    let mut yielded = false;
    poll_fn(move |cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}
