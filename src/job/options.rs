//! What a job asks for beyond being done, and what has become of it before.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use super::Run;

/// A plain job has none of these, and no memory for them.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// How long it may run.
    pub(crate) timeout: Option<Duration>,
    /// How long it waits before it may start.
    pub(crate) delay: Option<Duration>,
    /// What it shares with those that run before and after it, never beside it.
    pub(crate) key: Option<u64>,
    /// No other job with its key runs.
    pub(crate) holds_key: bool,
    /// How often it has been started, and brought no value.
    pub(crate) attempts: u32,
    /// The last of these.
    pub(crate) last: Option<Run>,
    /// The place in the queue of one that is to be tried again.
    pub(crate) place: Option<u64>,
}

/// The same for equal keys of one type, in one process.
pub(crate) fn number_of(key: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}
