//! cargo run --release --example checksum -- /usr/share
//!
//! Prints the SHA-256 of every regular file under the given paths, as `sha256sum` does.
//!
//! The walk finds the files on a thread of its own, the pool takes them as it has room, a worker
//! hashes each, and the main thread prints the lines. Whichever of them is slowest holds back those
//! before it, so memory stays flat however many files there are.
//!
//! `--help` tells the rest, exit codes included.

mod args;
mod console;
mod hash;
mod interrupt;
mod print;
mod walk;

use std::{
    convert::Infallible,
    io::{self, ErrorKind},
    process::ExitCode,
};

use actix_rt::Arbiter;
use actix_workpool::Pool;
use clap::Parser;
use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use crate::{args::Args, console::Console, hash::Hasher};

#[actix::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let (console, stop) = (Console::new(), CancellationToken::new());
    let ended = checksum(args, &console, &stop).await;
    console.close();
    ExitCode::from(match ended {
        Ok(not_started) if stop.is_cancelled() => {
            console.say(format_args!("interrupted; files taken and not started: {not_started}"));
            130
        }
        Ok(_) => u8::from(console.has_complained()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => 141,
        Err(error) => {
            console.say(error);
            1
        }
    })
}

/// Does all the work. Returns how many files were taken and not started, which is none unless it
/// was stopped.
async fn checksum(args: Args, console: &Console, stop: &CancellationToken) -> io::Result<u64> {
    // The main thread prints, and so may wait for whoever reads that. The pool's actors and Ctrl-C
    // are on another one, where nothing blocks.
    let control = Arbiter::try_new()?;
    let bar = console.clone();
    let pool = Pool::blocking_processor(move || Ok::<_, Infallible>(Hasher::new(bar.clone())))
        .workers(args.workers)
        .arbiter(control.handle())
        .build()
        .map_err(io::Error::other)?;
    control.spawn(interrupt::listen(pool.clone(), stop.clone(), console.clone()));

    let files = walk::files(args.paths, args.ordered, console.clone())?;
    let mut results = pool.process(files.take_until(stop.clone().cancelled_owned()));
    if args.ordered {
        results = results.ordered();
    }
    print::results(results, args.json, console).await
}
