//! What happens in a run: pools, their jobs, and those who use them, by the pool's public ways.

mod bomb;
mod errand;
mod flow;
mod free;
mod listener;
mod mark;
mod plan;
mod reader;
mod stage;
mod submit;
mod subscribe;
mod task;

pub(crate) use self::{bomb::Shell, mark::Marks, subscribe::Kept, task::Gates};
pub use self::{
    errand::Errand,
    free::free,
    listener::{Conduct, Told},
    plan::{Form, Home, Plan, Tries},
    reader::Reader,
    stage::{Stage, spawn, spawn_beside},
    submit::Sent,
    task::{Act, Failure, Gate, Output, Task},
};
