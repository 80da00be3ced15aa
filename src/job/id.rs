use std::{
    cell::Cell,
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

/// Ids are taken from the process-wide counter this many at a time, so that threads which make
/// jobs do not contend for it.
const BLOCK: u64 = 1_024;

static BLOCKS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static NEXT: Cell<u64> = const { Cell::new(0) };
}

/// Names one job among all of this process, whatever pool they are for.
///
/// Ids that one thread makes rise, but for jumps; ids of different threads have no order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(u64);

impl JobId {
    /// The id of no job.
    pub(crate) const NONE: Self = Self(0);

    #[inline]
    pub(crate) fn next() -> Self {
        NEXT.with(|next| {
            let mut id = next.get();
            if id % BLOCK == 0 {
                id = BLOCKS.fetch_add(1, Ordering::Relaxed) * BLOCK + 1;
            }
            next.set(id + 1);
            Self(id)
        })
    }

    /// The id as a number, for logs, keys and addresses.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }

    /// The id with this number, which came from [`get`](Self::get) and went round the world. One that
    /// was made up names no job, or someone else's.
    #[must_use]
    pub fn from_number(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "job {}", self.0)
    }
}

/// Names one worker of a pool: `0` to one less than the number of workers. Those that come later, by a
/// [`Resize`](crate::Resize) or by [`replace_stuck`](crate::Builder::replace_stuck), have names of their
/// own. A thread that takes the place of one that died has its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerId(pub(crate) usize);

impl WorkerId {
    /// The worker's number.
    #[must_use]
    pub fn get(self) -> usize {
        self.0
    }
}

/// Seats of one worker's thread, and who takes each.
pub(crate) type Staff = Vec<(usize, WorkerId)>;

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker {}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, thread};

    use super::*;

    #[test]
    fn ids_are_unique_across_threads_and_blocks() {
        let make = || (0..3 * BLOCK).map(|_| JobId::next()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| thread::spawn(make)).collect();
        let ids: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
    }
}
