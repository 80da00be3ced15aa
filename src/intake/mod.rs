//! The way in: a job is admitted, refused, or waits in line.

mod gate;
mod inbox;
mod incoming;
mod line;
mod queue;

pub(crate) use self::inbox::{Answer, Decision, Inbox, Inflow, Submission, Submitted};
pub use self::queue::{OnFull, Queue};
