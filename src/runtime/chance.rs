use std::hash::{BuildHasher, RandomState};

/// A random number. Every `RandomState` has keys of its own; what they hash matters no more.
pub(crate) fn chance() -> u64 {
    RandomState::new().hash_one(0_u8)
}
