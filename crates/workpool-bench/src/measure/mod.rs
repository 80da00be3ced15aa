//! What the pool costs, beside its peers.

mod allocations;
mod contenders;
mod grains;
mod load;
mod machine;
mod peers;
mod report;
mod scale;
mod usage;

pub use self::{
    allocations::allocations,
    grains::grains,
    peers::peers,
    report::{Report, Row},
    scale::{scale, scale_alone},
    usage::ALLOCATIONS,
};
