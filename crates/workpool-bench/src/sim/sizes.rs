//! As the pool's own, and so small that a few jobs reach them.

use std::ops::RangeInclusive;

pub(crate) const CHUNK: usize = 3;
pub(crate) const LEAST_BATCH: usize = 2;
pub(crate) const LARGEST_BATCH: usize = 8;
pub(crate) const LARGEST_BATCH_BYTES: usize = 1 << 16;
pub(crate) const HAND_OUT_AFTER: RangeInclusive<usize> = 1..=3;
pub(crate) const LARGEST_SUPPLY: usize = 4;
pub(crate) const SMALL_SUPPLY: usize = 2;
pub(crate) const LONG_OUTBOX: usize = 4;
