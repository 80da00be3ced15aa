//! A deterministic simulator of actix-workpool.
//!
//! The pool's own source is compiled here once more, whole, as modules of this crate. So what is
//! simulated is what is shipped, although nearly all of it is private and stays so. Four modules
//! are this crate's own, and carry the same names, so that the pool's source finds them:
//!
//! - `sync`: the locks and atomics that threads share. Each use of one is a point at which the
//!   simulated thread may be held up while others run.
//! - `runtime`: clocks, arbiters and threads. They are simulated; actix itself is the real one, and
//!   its actors are polled by simulated arbiters.
//! - `sizes`: of what the pool's speed hangs on. A run has few jobs, and here they are enough to reach them.
//! - `sim::start`: how actors get onto simulated arbiters.
//!
//! See [`sim`] for how a run goes, and [`scene`] for what happens in one and what is checked.
//!
//! Beside it, [`measure`] has the benches, of the pool as its users have it.
#![forbid(unsafe_code)]
// Clippy builds the unit tests of every library, even of one that has none. The pool's own have their
// place in the pool's crate.
#![cfg(not(test))]

macro_rules! of_the_pool {
    ($($path:literal $name:ident)*) => { $(
        #[path = $path]
        #[allow(dead_code, unused_imports, unreachable_pub, missing_docs)]
        #[allow(rustdoc::broken_intra_doc_links, rustdoc::private_intra_doc_links)]
        mod $name;
    )* };
}

of_the_pool! {
    "../../../src/builder.rs" builder
    "../../../src/collector.rs" collector
    "../../../src/deliver/mod.rs" deliver
    "../../../src/dispatcher/mod.rs" dispatcher
    "../../../src/error.rs" error
    "../../../src/hire.rs" hire
    "../../../src/intake/mod.rs" intake
    "../../../src/job/mod.rs" job
    "../../../src/lane/mod.rs" lane
    "../../../src/message/mod.rs" message
    "../../../src/panic.rs" panic
    "../../../src/pool.rs" pool
    "../../../src/process.rs" process
    "../../../src/schedule/mod.rs" schedule
    "../../../src/value.rs" value
    "../../../src/work/mod.rs" work
    "../../../src/worker.rs" worker
    "sim/runtime/mod.rs" runtime
    "sim/sizes.rs" sizes
    "sim/sync.rs" sync
}

pub mod check;
pub mod measure;
pub mod scene;
pub mod sim;

pub use crate::{
    builder::Builder,
    deliver::{ResultStream, Results, SubscriptionId},
    dispatcher::Dispatcher,
    error::{
        BuildError, JobError, Refusal, Refused, ResizeError, RunError, Stopped, SubscribeError,
    },
    intake::{OnFull, Queue},
    job::{Counts, Job, JobContext, JobId, JobResult, Jobs, Parts, WorkerId},
    message::{
        Cancel, CancelOutcome, Drain, Drained, GetStatus, Missed, Pause, Resize, Resume, Shutdown,
        ShutdownReport, Status, Subscribe, Unsubscribe,
    },
    pool::Pool,
    process::Process,
    runtime::Clock,
    schedule::Retry,
    value::Value,
    work::{BlockingProcessor, Processor},
};
