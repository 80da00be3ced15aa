//! How long a job that is told to stop may go on.

use std::{future::Future, pin::Pin, task::Context};

use futures::future::{BoxFuture, FutureExt};
use tokio_util::sync::WaitForCancellationFuture;

use crate::job::JobContext;

use super::post::{Post, Stopping};

/// Waits until a job is told to stop, by whomever, and then for its grace.
pub(super) struct Patience<'j, T, U, E> {
    post: &'j Post<T, U, E>,
    cx: &'j JobContext<T, U, E>,
    grace: Option<BoxFuture<'static, ()>>,
}

impl<'j, T, U, E> Patience<'j, T, U, E> {
    pub(super) fn new(post: &'j Post<T, U, E>, cx: &'j JobContext<T, U, E>) -> Self {
        Self { post, cx, grace: None }
    }

    /// Whether the job must end now; if not, the task is woken when that may have changed. `caller`
    /// completes when the job's caller stops waiting.
    pub(super) fn is_over(
        &mut self,
        caller: Option<Pin<&mut WaitForCancellationFuture<'_>>>,
        task: &mut Context<'_>,
    ) -> bool {
        if self.post.stopping() == Stopping::Now {
            return true;
        }
        if self.grace.is_none() {
            let told = self.post.stopping() == Stopping::Told || self.cx.is_told();
            if !told && !caller.is_some_and(|caller| caller.poll(task).is_ready()) {
                return false;
            }
            if self.post.grace.is_zero() {
                return true;
            }
            self.grace = Some(self.post.sleep(self.post.grace));
        }
        self.grace.as_mut().is_some_and(|grace| grace.poll_unpin(task).is_ready())
    }
}
