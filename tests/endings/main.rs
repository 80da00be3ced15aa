//! Every end of a pool, under every kind of load: whoever waits is woken and told why, everyone who
//! asks gets the same report, and no call hangs on a pool that has ended.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "../support/held.rs"]
mod held;
#[path = "../support/mod.rs"]
mod support;

mod crowd;
mod shutdowns;
mod strays;
mod systems;

use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
