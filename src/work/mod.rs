//! The user's work: its forms, and the running of one job.

mod blocking;
mod form;
mod patience;
mod post;
mod processor;
mod seat;
mod terms;
mod yielding;

pub use self::processor::{BlockingProcessor, Processor};
pub(crate) use self::{
    blocking::BlockingSeat,
    form::{BoxError, Serve, Work},
    post::{Life, Post, Stopping},
    terms::{Hooks, Terms},
    yielding::yield_once,
};
