//! Waiting in line for room.

use crate::{
    error::Refusal,
    runtime::{operations, request, take_turns},
    value::Value,
};

use super::{Decision, Inbox, Submission, Submitted, gate::Place};

impl<T: Value, U: Value, E: Value> Inbox<T, U, E> {
    /// Accepts a `submission` of so many jobs, after waiting in line if need be. It is called for when it is
    /// needed: as a part of this future it would be moved about.
    pub(crate) async fn accept<S: Submission<T, U, E>>(
        &self,
        jobs: usize,
        submission: impl FnOnce() -> S,
    ) -> Decision<S, T, U, E> {
        let operations = operations(jobs);
        if operations > 0 {
            take_turns(operations).await;
        }
        // Most submissions need no line, and so no channel to be answered by.
        let submission = match self.try_accept(submission()) {
            Ok(receipt) => return Ok(receipt),
            Err((submission, Refusal::Full { .. })) => submission,
            Err((submission, reason)) => return Err(submission.refuse(reason)),
        };
        let (asker, answer) = request();
        let place = match self.submit_or_wait(submission, asker) {
            Submitted::Decided(_, answer) => return answer,
            Submitted::InLine(place) => place,
        };
        let mut standing = Standing { inbox: self, place, left: true };
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

/// Someone who stands in line. Leaving it takes the submission along, and lets in those behind.
struct Standing<'i, T: Value, U: Value, E: Value> {
    inbox: &'i Inbox<T, U, E>,
    place: Place,
    left: bool,
}

impl<T: Value, U: Value, E: Value> Drop for Standing<'_, T, U, E> {
    fn drop(&mut self) {
        if self.left {
            self.inbox.leave(self.place);
        }
    }
}
