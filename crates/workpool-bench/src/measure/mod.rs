//! What the pool costs, beside its peers.

mod allocations;
mod checksum;
mod contenders;
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
    checksum::checksum,
    grains::grains,
    latency::{arrivals, latency},
    peers::peers,
    report::{Report, Row},
    scale::{scale, scale_alone},
    usage::ALLOCATIONS,
};
