//! Drives the pool's rules and lanes by one thread, without actors, and counts what that takes. So there
//! is no scheduling, and each run of a case comes to the same.
//!
//! The pool's own source is compiled here, as in the library of this crate, but with its own locks and
//! its own runtime. It is a program of its own, since whoever counts allocations slows them down, and
//! since callgrind counts the instructions of a whole process.
//!
//! Without arguments it prints the names of all cases; with a name and a number of jobs, what they came
//! to, as JSON.
#![forbid(unsafe_code)]
#![cfg(not(test))]

macro_rules! of_the_pool {
    ($($path:literal $name:ident)*) => { $(
        #[path = $path]
        #[allow(dead_code, unused_imports, unreachable_pub, missing_docs)]
        #[allow(rustdoc::broken_intra_doc_links, rustdoc::private_intra_doc_links)]
        mod $name;
    )* };
}

of_the_pool! {
    "../../../../src/builder.rs" builder
    "../../../../src/collector.rs" collector
    "../../../../src/deliver/mod.rs" deliver
    "../../../../src/dispatcher/mod.rs" dispatcher
    "../../../../src/error.rs" error
    "../../../../src/hire.rs" hire
    "../../../../src/intake/mod.rs" intake
    "../../../../src/job/mod.rs" job
    "../../../../src/lane/mod.rs" lane
    "../../../../src/message/mod.rs" message
    "../../../../src/panic.rs" panic
    "../../../../src/pool.rs" pool
    "../../../../src/process.rs" process
    "../../../../src/runtime/mod.rs" runtime
    "../../../../src/schedule/mod.rs" schedule
    "../../../../src/sizes.rs" sizes
    "../../../../src/sync.rs" sync
    "../../../../src/value.rs" value
    "../../../../src/work/mod.rs" work
    "../../../../src/worker.rs" worker
}

mod case;
mod crew;
mod mail;
mod stage;
mod tally;
mod ticks;

use std::{env, process::ExitCode, sync::atomic::Ordering};

use tracking_allocator::{AllocationRegistry, Allocator};
use workpool_bench::measure::{ALLOCATIONS, CountAllocations, Counted};

use crate::case::CASES;

#[global_allocator]
static ALLOCATOR: Allocator<std::alloc::System> = Allocator::system();

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [name, jobs] = &arguments[..] else {
        CASES.iter().for_each(|case| println!("{}", case.name));
        return ExitCode::SUCCESS;
    };
    match count(name, jobs) {
        Ok(counted) => {
            println!("{counted}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// What so many jobs of the case with this name come to, start and end included.
fn count(name: &str, jobs: &str) -> Result<String, String> {
    let case = CASES.iter().find(|case| case.name == name).ok_or("there is no such case")?;
    let jobs = jobs.parse().map_err(|_| "that is no number of jobs")?;
    AllocationRegistry::set_global_tracker(CountAllocations).map_err(|error| error.to_string())?;
    AllocationRegistry::enable_tracking();
    let (messages, wake_ups) = case.run(jobs)?;
    AllocationRegistry::disable_tracking();
    let allocations = ALLOCATIONS.load(Ordering::Relaxed);
    let counted = Counted { allocations, messages, wake_ups };
    serde_json::to_string(&counted).map_err(|error| error.to_string())
}
