//! Counts the allocations of one contender. It is a program of its own, since whoever counts them slows
//! them down: `workpool-bench` runs it for the figures that are not times.

use std::{process::ExitCode, sync::atomic::Ordering};

use tracking_allocator::{AllocationGroupId, AllocationRegistry, AllocationTracker, Allocator};
use workpool_bench::measure::{self, ALLOCATIONS};

#[global_allocator]
static ALLOCATOR: Allocator<std::alloc::System> = Allocator::system();

struct Count;

impl AllocationTracker for Count {
    fn allocated(&self, _: usize, _: usize, _: usize, _: AllocationGroupId) {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    }

    fn deallocated(
        &self,
        _: usize,
        _: usize,
        _: usize,
        _: AllocationGroupId,
        _: AllocationGroupId,
    ) {
    }
}

/// Prints how many allocations a job costs the contender that is named.
fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    if AllocationRegistry::set_global_tracker(Count).is_err() {
        return ExitCode::FAILURE;
    }
    AllocationRegistry::enable_tracking();
    match measure::allocations(&name) {
        Ok(allocations) => {
            println!("{allocations}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
