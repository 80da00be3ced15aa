//! How long a job that is told to stop may go on.

use std::{future::Future, pin::Pin, task::Context};

use futures::future::{BoxFuture, FutureExt};
use tokio_util::sync::WaitForCancellationFuture;

use crate::job::JobContext;

use super::post::{Cut, Post, Stopping};

/// Waits until a job is told to stop, by whomever, and then for its grace.
pub(super) struct Patience<'j, T, U, E> {
    post: &'j Post<T, U, E>,
    cx: &'j JobContext<T, U, E>,
    /// It was told; its grace, if it has any.
    told: Option<Option<BoxFuture<'static, ()>>>,
}

impl<'j, T, U, E> Patience<'j, T, U, E> {
    pub(super) fn new(post: &'j Post<T, U, E>, cx: &'j JobContext<T, U, E>) -> Self {
        Self { post, cx, told: None }
    }

    /// Why the job must end now, if it must; if not, the task is woken when that may have changed.
    /// `caller` completes when the job's caller stops waiting.
    pub(super) fn cut(
        &mut self,
        caller: Option<Pin<&mut WaitForCancellationFuture<'_>>>,
        task: &mut Context<'_>,
    ) -> Option<Cut> {
        let stopping = self.post.stopping();
        if self.told.is_none() {
            let told = stopping != Stopping::No || self.cx.is_told();
            if !told && !caller.is_some_and(|caller| caller.poll(task).is_ready()) {
                return None;
            }
            let grace = self.post.grace;
            self.told = Some((!grace.is_zero()).then(|| self.post.sleep(grace)));
        }
        let grace = self.told.as_mut()?;
        let over = |grace: &mut BoxFuture<'static, ()>| grace.poll_unpin(task).is_ready();
        (stopping == Stopping::Now || grace.as_mut().is_none_or(over)).then(|| Cut::of(self.cx))
    }
}
