//! One answer to one question, across threads: tokio's oneshot, as actix itself answers by.

use tokio::sync::oneshot;

use crate::intake::Answer;

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
    /// Answers. Where nobody waits any more, the answer is dropped.
    pub(crate) fn send(self, answer: R) {
        let _ = self.0.send(answer);
    }
}

impl<R: Send + 'static> Answer<R> for Reply<R> {
    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    fn send(self, answer: R) {
        Reply::send(self, answer);
    }
}
