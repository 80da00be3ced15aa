//! Waiting in line for room.

use std::{future::Future, sync::Arc};

use crate::{error::Refusal, runtime::request, value::Value};

use super::{Decision, Inbox, Submission};

impl<T: Value, U: Value, E: Value> Inbox<T, U, E> {
    /// Accepts a submission, after waiting in line if need be.
    pub(crate) fn accept<S: Submission<T, U, E>>(
        self: &Arc<Self>,
        submission: S,
    ) -> impl Future<Output = Decision<S, T, U, E>> + Send + use<S, T, U, E> {
        let inbox = self.clone();
        async move {
            // Most submissions need no line, and so no channel to be answered by.
            let submission = match inbox.try_accept(submission) {
                Ok(receipt) => return Ok(receipt),
                Err((submission, Refusal::Full { .. })) => submission,
                Err((submission, reason)) => return Err(submission.refuse(reason)),
            };
            let (asker, answer) = request();
            if let Some((_, answer)) = inbox.submit_or_wait(submission, asker) {
                return answer;
            }
            let mut place = Place { inbox, left: true };
            match answer.await {
                Ok(answer) => {
                    place.left = false;
                    answer
                }
                // The gate answers everyone in its line, also when it closes.
                Err(_) => unreachable!("the gate dropped someone in its line"),
            }
        }
    }
}

/// A place in the line. Leaving it lets in those behind.
struct Place<T: Value, U: Value, E: Value> {
    inbox: Arc<Inbox<T, U, E>>,
    left: bool,
}

impl<T: Value, U: Value, E: Value> Drop for Place<T, U, E> {
    fn drop(&mut self) {
        if self.left {
            self.inbox.let_in();
        }
    }
}
