//! Every row of the design's table of races, as a scene that is run under many schedules. A test's
//! name is the row's claim.
//!
//! Not yet in the crate, and so not here: retries and delays (also those that a shutdown meets), keys,
//! blocking jobs that time out and are replaced, resizing, splitters.

mod cancel;
mod drain;
mod free;
mod gone;
mod sensitivity;
mod shutdown;
mod subscribers;
mod support;
mod values;
mod ways_in;
mod workers;
