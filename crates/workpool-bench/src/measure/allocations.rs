//! How many allocations a job costs, counted by a program of its own.

use std::{process::Command, sync::atomic::Ordering};

use tracking_allocator::{AllocationGroupId, AllocationTracker};

use super::{
    contenders::{Contender, PEERS},
    counts::output,
    load::{Load, Work},
    peers::{WORKERS, run},
    report::median,
    usage::ALLOCATIONS,
};

/// How often it is counted: some contenders' buffers grow by how their threads meet.
const TIMES: usize = 5;

/// Jobs of the fastest.
const JOBS: u64 = 400_000;

/// Counts in [`ALLOCATIONS`], in a program that has it for its tracker.
#[derive(Clone, Copy, Debug)]
pub struct CountAllocations;

impl AllocationTracker for CountAllocations {
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

/// In the program that counts: what a job costs the contender with this name.
///
/// # Errors
/// There is none, or its values do not add up.
pub fn allocations(name: &str) -> Result<f64, String> {
    let contender =
        PEERS.iter().find(|peer| peer.name == name).ok_or("there is no such contender")?;
    let jobs = JOBS / contender.weight;
    let load = Load { jobs, workers: WORKERS, work: Work::default() };
    Ok(run(contender, load)?.used.allocations as f64 / jobs as f64)
}

/// Has it counted, and takes the median. `None` where this was not started by cargo, which builds that program.
pub(super) fn count(contender: &Contender) -> Result<Option<f64>, String> {
    let Some(cargo) = std::env::var_os("CARGO") else { return Ok(None) };
    let once = |_| {
        let mut cargo = Command::new(&cargo);
        cargo.args(["run", "--release", "--quiet", "--package", "workpool-bench"]);
        let printed = output(cargo.args(["--bin", "counting", "--", contender.name]))?.stdout;
        let counted = printed.trim().parse::<f64>();
        counted.map_err(|_| format!("counting {}: {printed}", contender.name))
    };
    let counted = (0..TIMES).map(once).collect::<Result<Vec<_>, _>>()?;
    Ok(Some(median(counted.into_iter())))
}
