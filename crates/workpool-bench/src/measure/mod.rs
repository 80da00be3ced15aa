//! What the pool costs, beside its peers.

mod allocations;
mod contenders;
mod counts;
mod grains;
mod latency;
mod load;
mod machine;
mod peers;
mod report;
mod scale;
mod usage;

pub use self::{
    allocations::allocations,
    counts::{Comparison, Counted, check_counts, compare_counts, counts},
    grains::grains,
    latency::{arrivals, latency},
    peers::peers,
    report::{Report, Row},
    scale::{scale, scale_alone},
    usage::ALLOCATIONS,
};
