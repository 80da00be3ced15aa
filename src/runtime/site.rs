//! Where actors run, and how messages are best sent there. The simulator has its own.

use std::{
    future::Future,
    thread::{self, ThreadId},
};

use actix_rt::{Arbiter, ArbiterHandle};

/// How many messages are sent in a row to an actor of this thread before it has its turn: so they are still
/// in the processor's cache when it handles them.
pub(crate) const IN_A_ROW: usize = 128;

/// So few messages are sent from one thread to another as they are: no task there is worth waking for them.
pub(crate) fn are_few(messages: usize) -> bool {
    messages <= 4
}

/// A thread that runs an arbiter.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    thread: ThreadId,
    arbiter: ArbiterHandle,
}

impl Site {
    /// This thread, if it runs one.
    pub(crate) fn here() -> Option<Self> {
        Some(Self { thread: thread::current().id(), arbiter: Arbiter::try_current()? })
    }

    pub(crate) fn is_here(&self) -> bool {
        self.thread == thread::current().id()
    }

    /// Runs a future there, or drops it, now or later, where that is no more.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.arbiter.spawn(future);
    }
}
