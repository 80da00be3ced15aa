//! What happens when two things happen at once: each row of the table in the design, for each order
//! of its events, held at gates.
//!
//! | case, and its orders | test |
//! |---|---|
//! | recall meets start: recalled first; started first; either | [`recall`], `inv_06_…` in `inv_running.rs`; every interleaving in `src/lane/loom_tests.rs` |
//! | recalled: keeps its place | [`recall`], `leases_of_a_worker_that_died_go_back_to_their_places` in `deaths.rs` |
//! | recalled, then retried; its key | `recalled_or_retried_…` in `postponed.rs`, `a_job_that_is_tried_again_keeps_its_key_…` in `keys.rs` |
//! | cancel: waiting in the queue, running, neither | `a_cancel_says_what_it_met_…` in `cancelling.rs` |
//! | cancel: waiting in a worker's supply; twice while it runs; with its caller leaving | [`cancel`] |
//! | the job returns `Ok` in the poll that sees the cancel | `a_value_that_was_returned_wins_over_a_cancel` in `cancelling.rs`, `a_job_that_sees_the_cancel_…` in `ending.rs`; before it, and of a blocking job, in [`cancel`] |
//! | a timed-out blocking job returns late; first; `replace_stuck(max)` | `timeouts.rs` |
//! | shrink 3 → 1, three running; `resize(0)`, then drain; drain, then `resize(0)` | `resizing.rs`; every interleaving in `src/lane/loom_tests.rs` |
//! | pause, then drain | `a_pool_that_is_paused_starts_nothing_until_it_resumes` in `cancelling.rs` |
//! | drain, then pause; pause twice | [`drain`] |
//! | drain twice: at once; one of them dropped; one after the other | `drain_twice_…`, `a_drained_pool_goes_on` in `ending.rs`; [`drain`] |
//! | drain, then shutdown | `drain_then_shutdown_…` in `ending.rs`; by its deadline, and shutdown, then drain, in [`drain`] |
//! | shutdown (drain mode), a retry or delay due before / after its deadline | `shutdown_drain_waits_for_a_delay_…`, `…_for_a_retry_…` in `postponed.rs` |
//! | shutdown, then a retry begins to wait | `a_retry_that_begins_to_wait_during_a_shutdown_…` in `postponed.rs` |
//! | paused, then shutdown (drain mode) | `a_shutdown_that_drains_resumes_a_paused_pool` in `cancelling.rs` |
//! | shutdown, then pause | [`drain`] |
//! | submit during shutdown: from outside, from a job | `a_job_that_is_submitted_during_a_shutdown_comes_back` in `ending.rs` |
//! | … as a message, from a line, by `run`, by a stream | [`drain`], `a_shutdown_turns_the_line_away_…` in `queue.rs` |
//! | shutdowns at once: five; the stricter last; the stricter first; one after the end | `five_shutdowns_…`, `a_shutdown_that_comes_while_…` in `ending.rs`; [`drain`] |
//! | a worker's arbiter is stopped from outside: while it runs, between jobs, before it was built | `deaths.rs`; from another thread, and while its jobs are recalled or cancelled, in [`deaths`] |
//! | … retried; cancelled before | `a_job_whose_worker_died_…`, `a_job_that_was_cancelled_…` in `postponed.rs` |
//! | `System::stop` | `tests/endings/` |
//! | last handle dropped: jobs run; paused; without workers | `inv_11_…` in `inv_running.rs`, `a_paused_pool_that_nobody_holds_…` in `cancelling.rs`, `a_pool_that_nobody_holds_and_that_has_no_worker_…` in `deaths.rs` |
//! | … without workers only later; a job takes the pool up again | [`deaths`] |
//! | a subscriber panics; stops itself; its arbiter stops | [`subscribers`], `a_subscriber_that_is_gone_…` in `ways_out.rs` |
//! | a window that stays full; a windowed subscriber waits on a full pool | `windows.rs`, `stalls.rs` |
//! | a subscriber submits from its handler while draining: before, after quiescence | [`subscribers`] |
//! | `do_send` to a full queue that waits | `a_message_that_nobody_waits_for_is_rejected_…` in `queue.rs` |
//! | `send` dropped: while it waits; once it was accepted | `one_who_leaves_the_line_…` in `queue.rs`; [`cancel`] |
//! | `run` dropped: its job waits, runs | `run_dropped_…` in `run_and_process.rs` |
//! | … it had ended; it waits for room | [`cancel`] |
//! | a splitter's arbiter dies | `it_is_removed_when_its_arbiter_ends_…` in `far_subscribers.rs` |
//! | two pools in one system, one stopped; one killed | `two_pools_…` in `ending.rs`; [`deaths`] |
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "../support/held.rs"]
mod held;
#[path = "../support/mod.rs"]
mod support;

mod cancel;
mod deaths;
mod drain;
mod recall;
mod subscribers;

use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
