//! Waiting in line for room.

use std::{future::Future, sync::Arc};

use crate::{
    error::Refusal,
    runtime::{request, take_turns},
    value::Value,
};

use super::{Decision, Inbox, Submission, Submitted, gate::Place};

impl<T: Value, U: Value, E: Value> Inbox<T, U, E> {
    /// Accepts a submission, after waiting in line if need be.
    pub(crate) fn accept<S: Submission<T, U, E>>(
        self: &Arc<Self>,
        submission: S,
    ) -> impl Future<Output = Decision<S, T, U, E>> + Send + use<S, T, U, E> {
        let inbox = self.clone();
        async move {
            take_turns(submission.len()).await;
            // Most submissions need no line, and so no channel to be answered by.
            let submission = match inbox.try_accept(submission) {
                Ok(receipt) => return Ok(receipt),
                Err((submission, Refusal::Full { .. })) => submission,
                Err((submission, reason)) => return Err(submission.refuse(reason)),
            };
            let (asker, answer) = request();
            let place = match inbox.submit_or_wait(submission, asker) {
                Submitted::Decided(_, answer) => return answer,
                Submitted::InLine(place) => place,
            };
            let mut standing = Standing { inbox, place, left: true };
            match answer.await {
                Ok(answer) => {
                    standing.left = false;
                    answer
                }
                // The gate answers everyone in its line, also when it closes.
                Err(_) => unreachable!("the gate dropped someone in its line"),
            }
        }
    }
}

/// Someone who stands in line. Leaving it takes the submission along, and lets in those behind.
struct Standing<T: Value, U: Value, E: Value> {
    inbox: Arc<Inbox<T, U, E>>,
    place: Place,
    left: bool,
}

impl<T: Value, U: Value, E: Value> Drop for Standing<T, U, E> {
    fn drop(&mut self) {
        if self.left {
            self.inbox.leave(self.place);
        }
    }
}
