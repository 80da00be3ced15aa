use tokio::task::coop::consume_budget;

/// Jobs that are submitted together and count as one operation of their task.
const TOGETHER: usize = 16;

/// Operations of a task of tokio's in a row.
const BUDGET: usize = 128;

/// Counts `jobs` against what the task that submits them may do in a row, and waits for its next turn once
/// that is used up: whoever submits a million would keep the dispatcher from its own, which may be on the
/// same thread. It never waits outside of tokio's tasks.
pub(crate) async fn take_turns(jobs: usize) {
    for _ in 0..jobs.div_ceil(TOGETHER).min(BUDGET) {
        consume_budget().await;
    }
}
