//! What the pool costs, beside its peers.

mod allocations;
mod contenders;
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
    allocations::allocations,
    floor::floor,
    grains::grains,
    latency::{arrivals, latency},
    peers::peers,
    plot::plot,
    report::{Place, Report, Row},
    scale::{scale, scale_alone},
    usage::ALLOCATIONS,
};
