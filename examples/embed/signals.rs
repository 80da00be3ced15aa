//! Being asked to stop.

use std::io;

use futures::Stream;

/// Every SIGTERM and every Ctrl-C from now on.
#[cfg(unix)]
pub(crate) fn signals() -> io::Result<impl Stream<Item = ()> + Unpin> {
    use std::task::Poll;

    use actix_web::rt::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(futures::stream::poll_fn(move |cx| {
        if terminate.poll_recv(cx).is_ready() || interrupt.poll_recv(cx).is_ready() {
            Poll::Ready(Some(()))
        } else {
            Poll::Pending
        }
    }))
}

/// Every Ctrl-C.
#[cfg(not(unix))]
pub(crate) fn signals() -> io::Result<impl Stream<Item = ()> + Unpin> {
    let heard = async |()| actix_web::rt::signal::ctrl_c().await.ok().map(|()| ((), ()));
    Ok(Box::pin(futures::stream::unfold((), heard)))
}
