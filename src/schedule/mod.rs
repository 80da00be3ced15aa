//! Which job is next, for which worker, and how many: first in, first out, by demand.
//!
//! Plain rules: the dispatcher tells them what it sees, and carries out what they say.

mod aside;
mod ending;
mod evict;
mod keys;
mod later;
mod pace;
mod pauses;
mod port;
mod retry;
mod returned;
mod roster;
mod scheduler;
mod share;
mod sizing;
mod stall;
mod stuck;
mod vacancies;

#[cfg(test)]
mod roster_tests;

pub use self::retry::Retry;
pub(crate) use self::{
    aside::Aside,
    ending::{Ending, Leave, Step},
    evict::{Whom, evict_oldest, evict_youngest, push_out_youngest},
    keys::Keys,
    later::Later,
    pace::Pace,
    pauses::Pauses,
    port::{Now, Port, Turned},
    returned::Returned,
    roster::{Dealt, Goes, Roster},
    scheduler::{Overrun, Parts as SchedulerParts, Scheduler},
    stuck::PATIENCE,
    vacancies::Vacancies,
};
