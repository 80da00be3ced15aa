//! Which job is next, for which worker, and how many: first in, first out, by demand.
//!
//! Plain rules: the dispatcher tells them what it sees, and carries out what they say.

mod chunks;
mod ending;
mod evict;
mod pace;
mod roster;
mod share;
mod stuck;

pub(crate) use self::{
    chunks::Chunks,
    ending::Ending,
    evict::{evict_oldest, evict_youngest},
    pace::Pace,
    roster::{Dealt, Roster},
    stuck::PATIENCE,
};
