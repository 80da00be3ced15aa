//! What happens in a run: pools, their jobs, and those who use them, by the pool's public ways.

mod flow;
mod free;
mod listener;
mod mark;
mod plan;
mod stage;
mod submit;
mod task;

pub use self::{
    free::free,
    listener::{Conduct, Reader},
    plan::{Form, Plan},
    stage::{Stage, spawn, spawn_beside},
    submit::Sent,
    task::{Act, Failure, Gate, Task},
};
pub(crate) use self::{mark::Marks, task::Gates};
