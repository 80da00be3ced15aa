//! A worker pool for actix applications.
//!
//! ```
//! use actix_workpool::Pool;
//!
//! # #[actix::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = Pool::builder(async |text: &String, _cx| -> Result<usize, std::num::ParseIntError> {
//!     text.parse()
//! })
//! .workers(8)
//! .build()?;
//!
//! assert_eq!(pool.run("42".to_owned()).await?, 42);
//! # Ok(())
//! # }
//! ```
//!
//! **Every accepted job gets exactly one terminal result**, delivered to the caller that waits for
//! it or else to every subscriber, and each time the pool runs dry it says so once, after the last
//! of them.
//!
//! # The way of a job
//!
//! ```text
//! application ── Job / Jobs ──▶ Dispatcher (admission, queue) ── leases ──▶ Worker × N
//!                                   ▲                                          │   │
//!                                   └──────────────── demand ──────────────────┘   │ results
//! subscribers ◀── JobResult ── Collector (fan-out, completion) ◀───────────────────┘
//! ```
//!
//! - **In.** A [`Job`] is accepted or refused; refused, it comes back inside the error
//!   ([`Refused`]). Programs use [`Pool::submit`], [`Pool::try_submit`] (from any thread),
//!   [`Pool::run`] (one answer) and [`Pool::process`] (a stream of answers); actors send [`Job`] or
//!   [`Jobs`] to [`Pool::dispatcher`]; jobs use [`JobContext::submit`]. A [`Queue`] is unbounded,
//!   or bounded with a policy for one job more ([`OnFull`]).
//! - **Work.** The process function is an async closure ([`Pool::builder`]), whose future need not
//!   be `Send`; a blocking one ([`Pool::blocking`]), with a thread for each worker; or a value with
//!   state, built on the worker's own thread ([`Processor`], [`BlockingProcessor`]). A panic
//!   becomes a result like any other.
//! - **Options.** A job may have a [timeout](Job::timeout), a [delay](Job::delay), and a [key](Job::key)
//!   that it shares with jobs that must not run beside it. A pool may try jobs [again](Retry), and have
//!   [more workers or fewer](Pool::resize) while it runs.
//! - **Out.** A [`JobResult`] has the job, its outcome and its times. Results that no caller waits
//!   for go to every subscriber: a stream ([`Pool::results`]), or an actor, one by one or in batches
//!   ([`Subscribe`]).
//! - **Completion.** [`Drained`] is a fact, not a mode: it is sent each time nothing waits, nothing
//!   runs and every result has been handed over, and the pool goes on. [`Pool::drain`] waits for
//!   that.
//! - **The end.** [`Pool::cancel`] ends one job, and [`Pool::shutdown`] a pool, as [`Shutdown`] says,
//!   within its deadline. A pool that nobody can reach any more finishes what it accepted, and ends by
//!   itself. [How it ends](how_it_ends) goes through all that can happen.
//!
//! # Threads
//!
//! Dispatcher and collector run on the arbiter that called [`Builder::build`], as an actor's `start`
//! would; a handler that blocks that thread holds up the pool. [`Builder::own_arbiter`] and
//! [`Builder::arbiter`] run them elsewhere. Workers run on threads of the pool's, which end with it.
//! A [`Pool`] can be used from any thread.
//!
//! Workers are handed a supply of short jobs ahead of time, as much as lasts about a millisecond. One
//! more of those that sleep is woken for every 50 µs of such work, or part of it: a wake-up for less costs
//! more than it brings. A blocking worker that has run out of jobs looks on for about as long as a wake-up
//! costs, and yields to other threads meanwhile. What waits behind a job that overruns is taken back for a worker that is idle.
//!
//! # What does not bound memory
//!
//! An unbounded queue, which is the default. The mailbox of the dispatcher under a flood of
//! `do_send`: its messages are jobs that have not been accepted or refused yet. The mailbox of a
//! subscriber that is slower than the pool and has no [window](Subscribe::window). Results of jobs that end without a worker (evicted, rejected, cancelled in the queue):
//! nothing can hold those back. A queue that evicts, while the dispatcher has no turn: it accepts at
//! once, and evicts when it is next at work.
#![forbid(unsafe_code)]

mod builder;
mod collector;
mod deliver;
mod dispatcher;
mod error;
mod hire;
mod intake;
mod job;
mod lane;
mod message;
mod panic;
mod pool;
mod process;
mod runtime;
mod schedule;
mod sizes;
mod sync;
mod value;
mod work;
mod worker;

pub use crate::{
    builder::Builder,
    deliver::{ResultStream, Results, ResultsIntoIter, SubscriptionId},
    dispatcher::Dispatcher,
    error::{
        BuildError, JobError, Refusal, Refused, ResizeError, RunError, Stopped, SubscribeError,
    },
    intake::{OnFull, Queue},
    job::{Counts, Job, JobContext, JobId, JobResult, Jobs, Parts, WorkerId},
    message::{
        Cancel, CancelOutcome, Drain, Drained, GetStatus, Missed, Pause, Resize, Resume, Shutdown,
        ShutdownReport, Stall, Status, Subscribe, Unsubscribe,
    },
    pool::Pool,
    process::Process,
    runtime::{Clock, StepClock, SystemClock},
    schedule::Retry,
    value::Value,
    work::{BlockingProcessor, Processor},
};

#[cfg(doc)]
#[doc = include_str!("../docs/how-it-ends.md")]
pub mod how_it_ends {}

/// Compiles and runs what the README shows.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
