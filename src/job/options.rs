//! What a job asks for beyond being done.

use std::time::Duration;

/// A plain job has none of these, and no memory for them.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// How long it may run.
    pub(crate) timeout: Option<Duration>,
}
