//! Counts the allocations of one contender. It is a program of its own, since whoever counts them slows
//! them down: `workpool-bench` runs it for the figures that are not times.

use std::process::ExitCode;

use tracking_allocator::{AllocationRegistry, Allocator};
use workpool_bench::measure::{self, CountAllocations};

#[global_allocator]
static ALLOCATOR: Allocator<std::alloc::System> = Allocator::system();

/// Prints how many allocations a job costs the contender that is named.
fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    if AllocationRegistry::set_global_tracker(CountAllocations).is_err() {
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
