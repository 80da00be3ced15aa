//! What a process has used.

use std::{
    ops::Sub,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike,
};

/// Allocations so far, where somebody counts them: the binary `counting` does.
pub static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    /// Times that a thread of the process went to sleep.
    pub(crate) sleeps: u64,
    pub(crate) allocations: u64,
}

impl Usage {
    pub(crate) fn now() -> Self {
        let allocations = ALLOCATIONS.load(Ordering::Relaxed);
        Self { allocations, ..Self::of(UsageWho::RUSAGE_SELF) }
    }

    /// Of the processes that this one has started and that have ended, and of theirs.
    pub(crate) fn of_children() -> Self {
        Self::of(UsageWho::RUSAGE_CHILDREN)
    }

    fn of(who: UsageWho) -> Self {
        let Ok(usage) = getrusage(who) else { return Self::default() };
        let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
        Self {
            cpu: Duration::from_micros(micros.unsigned_abs()),
            sleeps: usage.voluntary_context_switches().unsigned_abs(),
            allocations: 0,
        }
    }
}

impl Sub for Usage {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(before.cpu),
            sleeps: self.sleeps - before.sleeps,
            allocations: self.allocations - before.allocations,
        }
    }
}
