//! What a worker works with, and on what terms.

use std::time::Duration;

use futures::future::BoxFuture;

use crate::{job::Stamp, schedule::Retry};

/// What a worker is given by the runtime.
pub(crate) struct Hooks {
    pub(crate) now: Box<dyn Fn() -> Stamp>,
    pub(crate) sleep: Box<dyn Fn(Duration) -> BoxFuture<'static, ()>>,
    pub(crate) ring_collector: Box<dyn Fn()>,
    pub(crate) chance: Box<dyn Fn() -> u64>,
    /// Whether a thread that has looked for work in vain so many times is to look again.
    pub(crate) look_again: Box<dyn Fn(u32) -> bool>,
}

/// On what terms jobs run.
pub(crate) struct Terms<E> {
    /// How long a job that is told to stop has for that.
    pub(crate) grace: Duration,
    /// How long a job may run that does not say so itself.
    pub(crate) timeout: Option<Duration>,
    pub(crate) retry: Option<Retry<E>>,
    /// A worker has no more leases ahead of those that it runs.
    pub(crate) prefetch: usize,
}

impl<E> Clone for Terms<E> {
    fn clone(&self) -> Self {
        Self { retry: self.retry.clone(), ..*self }
    }
}
