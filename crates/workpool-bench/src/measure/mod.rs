//! What the pool costs, beside its peers.

mod allocations;
mod checksum;
mod contenders;
mod counts;
mod floor;
mod grains;
mod latency;
mod load;
mod machine;
mod peers;
mod plot;
mod report;
mod scale;
mod table;
mod usage;

pub use self::{
    allocations::{CountAllocations, allocations},
    checksum::checksum,
    counts::{Comparison, Counted, check_counts, compare_counts, counts},
    floor::floor,
    grains::grains,
    latency::{arrivals, latency},
    peers::peers,
    plot::plot,
    report::{Place, Report, Row},
    scale::{scale, scale_alone},
    usage::ALLOCATIONS,
};
