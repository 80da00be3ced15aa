//! What one thread does alone.

use std::{hint::black_box, panic::catch_unwind, sync::Mutex, time::Instant};

use crate::measure::load::Meter;

use super::Run;

const TIMES: u64 = 1_000_000;

fn repeated(mut part: impl FnMut()) -> Run {
    let meter = Meter::start();
    (0..TIMES).for_each(|_| part());
    Run { times: TIMES, measured: meter.stop(0), p50_ns: None }
}

pub(super) fn clock() -> Result<Run, String> {
    Ok(repeated(|| _ = black_box(Instant::now())))
}

pub(super) fn counter() -> Result<Run, String> {
    let counter = quanta::Clock::new();
    Ok(repeated(|| _ = black_box(counter.raw())))
}

pub(super) fn mutex() -> Result<Run, String> {
    let mutex = Mutex::new(0_u64);
    let run = repeated(|| {
        if let Ok(mut count) = black_box(&mutex).lock() {
            *count += 1;
        }
    });
    let count = mutex.into_inner().map_err(|error| error.to_string())?;
    if count == TIMES { Ok(run) } else { Err(format!("it was locked {count} times")) }
}

pub(super) fn allocation() -> Result<Run, String> {
    Ok(repeated(|| drop(black_box(Vec::<u8>::with_capacity(64)))))
}

/// The function is hidden from the compiler, which leaves out the catch where nothing can panic.
pub(super) fn catch() -> Result<Run, String> {
    let empty: fn() = || {};
    Ok(repeated(|| _ = black_box(catch_unwind(black_box(empty)))))
}
