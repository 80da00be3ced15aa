//! Every row of the design's table of races, as a scene that is run under many schedules. A test's
//! name is the row's claim.
//!
//! A splitter's arbiter does not die here: see `tests/far_subscribers.rs` of the pool. But splitters serve whoever listens
//! on another thread than the pool's.

mod cancel;
mod drain;
mod free;
mod gone;
mod postponed;
mod resizing;
mod sensitivity;
mod shutdown;
mod subscribers;
mod support;
mod timeouts;
mod values;
mod ways_in;
mod workers;
