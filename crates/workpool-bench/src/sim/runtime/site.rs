//! A thread that runs an arbiter: as the pool's own `site`, over simulated ones.

use std::future::Future;

use crate::sim;

pub(crate) const IN_A_ROW: usize = 2;

/// Whether a task is worth waking for these is for chance to say.
pub(crate) fn are_few(_: usize) -> bool {
    sim::with(|world| world.chance(200)).unwrap_or(true)
}

#[derive(Clone, Debug)]
pub(crate) struct Site(usize);

impl Site {
    pub(crate) fn here() -> Option<Self> {
        sim::current().map(Self)
    }

    pub(crate) fn is_here(&self) -> bool {
        sim::current() == Some(self.0)
    }

    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        sim::thread(self.0).execute(move || sim::this_thread().spawn_named("splitter", future));
    }
}
