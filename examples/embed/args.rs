//! What the user can ask for.

use std::{net::SocketAddr, num::NonZeroUsize, time::Duration};

use clap::Parser;

/// Count lines, words and bytes over HTTP, by a pool of workers.
#[derive(Debug, Parser)]
#[command(name = "embed")]
pub(crate) struct Args {
    /// Where to listen; port 0 takes a free one
    ///
    /// Jobs read from any address that they name: do not listen where strangers can come.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,

    /// How many jobs run at once
    #[arg(long, value_name = "N", default_value = "16")]
    pub(crate) workers: NonZeroUsize,

    /// How many jobs may wait; one more is refused
    #[arg(long, value_name = "N", default_value = "1000")]
    pub(crate) queue: NonZeroUsize,

    /// How many results are kept; the oldest goes first
    #[arg(long, value_name = "N", default_value = "1000")]
    pub(crate) keep: usize,

    /// How long a result is kept
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = seconds)]
    pub(crate) keep_for: Duration,

    /// How long accepted jobs may take to end after SIGTERM or Ctrl-C; then they are cancelled
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) deadline: Duration,
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    text.parse().map(Duration::from_secs).map_err(|_| "give a whole number of seconds")
}
