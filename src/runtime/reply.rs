//! One answer to one question, across threads: tokio's oneshot, as actix itself answers by.

use tokio::sync::oneshot;

use crate::{intake::Answer, panic::drop_each};

/// The asking side: completes with the answer, or with an error if it was never given.
pub(crate) type Request<R> = oneshot::Receiver<R>;

/// The answering side.
#[derive(Debug)]
pub(crate) struct Reply<R>(pub(crate) oneshot::Sender<R>);

pub(crate) fn request<R>() -> (Reply<R>, Request<R>) {
    let (sender, receiver) = oneshot::channel();
    (Reply(sender), receiver)
}

impl<R> Reply<R> {
    /// Whether nobody waits for the answer any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// Answers. Where nobody waits any more, the answer is dropped, and it may hold a user's job.
    pub(crate) fn send(self, answer: R) {
        drop_each(self.0.send(answer).err());
    }
}

impl<R: Send + 'static> Answer<R> for Reply<R> {
    fn is_closed(&self) -> bool {
        Reply::is_closed(self)
    }

    fn send(self, answer: R) {
        Reply::send(self, answer);
    }
}
