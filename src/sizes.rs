//! Sizes that speed hangs on, and no guarantee. The simulator has its own, so small that a few jobs reach them.

use std::ops::RangeInclusive;

/// Jobs a chunk of a queue holds: enough that a chunk's own bookkeeping is some bits per job, few
/// enough that growing one copies no more than a page or two.
pub(crate) const CHUNK: usize = 512;

/// Fewer jobs of a batch lie each for itself: they share a chunk with others, and are not worth a buffer.
pub(crate) const LEAST_BATCH: usize = 64;

/// No more jobs of a batch lie together, nor more bytes of them: to take one from their midst is to look at half of
/// them, and to move as many.
pub(crate) const LARGEST_BATCH: usize = 1_024;
pub(crate) const LARGEST_BATCH_BYTES: usize = 1 << 16;

/// Jobs that are taken in from messages before some are handed out although more messages wait: at first, and in a
/// flood.
pub(crate) const HAND_OUT_AFTER: RangeInclusive<usize> = 16..=1_024;

/// No supply of a worker is larger, however short the jobs. A smaller one may be used up before the dispatcher,
/// which is rung at half of it, has got a processor; with a larger one, no less time is spent on hand-outs.
pub(crate) const LARGEST_SUPPLY: usize = 2_048;

/// A supply of no more jobs is renewed early: they are so long that a wake-up costs more than what it takes to hand
/// out a few.
pub(crate) const SMALL_SUPPLY: usize = 64;

/// Results at which the collector is rung although it will look by itself: a batch of this length
/// makes the cost of a wake-up (7 to 17 µs) small beside that of its results.
pub(crate) const LONG_OUTBOX: usize = 1_024;
