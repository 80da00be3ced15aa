//! The user's work: its forms, and the running of one job.

mod blocking;
mod form;
mod lease;
mod post;
mod processor;
mod rebuild;
mod seat;
mod yielding;

pub use self::processor::{BlockingProcessor, Processor};
pub(crate) use self::{
    blocking::BlockingSeat,
    form::{BoxError, Serve, Work},
    post::{Hooks, Post},
    yielding::yield_once,
};
