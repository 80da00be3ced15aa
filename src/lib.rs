//! A worker pool for actix applications: every accepted job gets exactly one result.
#![forbid(unsafe_code)]

mod builder;
mod collector;
mod deliver;
mod dispatcher;
mod error;
mod intake;
mod job;
mod lane;
mod message;
mod panic;
mod pool;
mod process;
mod runtime;
mod schedule;
mod sync;
mod value;
mod work;
mod worker;

pub use crate::{
    builder::Builder,
    deliver::{ResultStream, Results, SubscriptionId},
    dispatcher::Dispatcher,
    error::{BuildError, JobError, Refusal, Refused, RunError, Stopped, SubscribeError},
    intake::{OnFull, Queue},
    job::{Counts, Job, JobContext, JobId, JobResult, Jobs, Parts, WorkerId},
    message::{
        Drain, Drained, GetStatus, Shutdown, ShutdownReport, Status, Subscribe, Unsubscribe,
    },
    pool::Pool,
    process::Process,
    runtime::{Clock, StepClock, SystemClock},
    value::Value,
    work::{BlockingProcessor, Processor},
};
