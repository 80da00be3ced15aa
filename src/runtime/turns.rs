use std::cell::Cell;

use tokio::task::coop::{consume_budget, has_budget_remaining};

/// Jobs that are submitted and count as one operation of the task that submits them.
const TOGETHER: usize = 16;

/// A submission counts as so many jobs at least.
const LEAST: usize = 4;

/// Operations of a task of tokio's in a row.
const BUDGET: usize = 128;

thread_local! {
    /// Jobs of this thread that have not been counted: to count each for itself costs as much as to submit it.
    static UNCOUNTED: Cell<usize> = const { Cell::new(0) };
}

/// How many operations of its task a submission counts as that is made on this thread. One that counts as none
/// waits all the same where the task has used up its budget.
#[inline]
pub(crate) fn operations(jobs: usize) -> usize {
    UNCOUNTED.with(|uncounted| {
        let all = jobs.max(LEAST).saturating_add(uncounted.get());
        uncounted.set(all % TOGETHER);
        (all / TOGETHER).min(BUDGET).max(usize::from(!has_budget_remaining()))
    })
}

/// Counts so many against what the task may do in a row, and waits for its next turn once that is used up:
/// whoever submits a million jobs would keep the dispatcher from its own, which may be on the same thread. It
/// never waits outside of tokio's tasks.
pub(crate) async fn take_turns(operations: usize) {
    for _ in 0..operations {
        consume_budget().await;
    }
}
