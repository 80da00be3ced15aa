//! As the pool's own, and so small that a few jobs reach them.

pub(crate) const CHUNK: usize = 3;
pub(crate) const FEW: usize = 2;
pub(crate) const MANY: usize = 8;
pub(crate) const LARGEST_SUPPLY: usize = 4;
pub(crate) const LONG_OUTBOX: usize = 4;
