//! What every contender is given to do, and how it is measured.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use super::usage::Usage;

/// Jobs for a pool of workers. Job `n` brings `n + 1`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) jobs: u64,
    pub(crate) workers: usize,
    pub(crate) work: Work,
}

/// What a job does before it brings its value.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Work {
    rounds: u64,
}

impl Work {
    /// Real work of this length on this machine, as it is now: a chain of multiplications, which no
    /// compiler and no processor shortens.
    pub(crate) fn lasting(grain: Duration) -> Self {
        const ROUNDS: u64 = 200_000;
        let time = |_| {
            let started = Instant::now();
            black_box(Self { rounds: ROUNDS }.value(1));
            started.elapsed()
        };
        let fastest = (0..20).map(time).min().unwrap_or_default();
        let rounds = grain.as_secs_f64() / fastest.as_secs_f64() * ROUNDS as f64;
        Self { rounds: rounds as u64 }
    }

    #[inline]
    pub(crate) fn value(self, n: u64) -> u64 {
        let mut chain = n | 1;
        for _ in 0..self.rounds {
            chain = black_box(chain.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(7));
        }
        black_box(chain);
        n + 1
    }
}

impl Load {
    pub(crate) fn sum(&self) -> u64 {
        self.jobs * (self.jobs + 1) / 2
    }

    pub(crate) fn numbers(&self) -> std::ops::Range<u64> {
        0..self.jobs
    }
}

/// Measures from here on.
pub(crate) struct Meter {
    started: Instant,
    before: Usage,
}

/// What one run came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) took: Duration,
    pub(crate) used: Usage,
    /// Of all values.
    pub(crate) sum: u64,
}

impl Meter {
    pub(crate) fn start() -> Self {
        Self { before: Usage::now(), started: Instant::now() }
    }

    /// All values are there, and this is their sum.
    pub(crate) fn stop(self, sum: u64) -> Measured {
        let took = self.started.elapsed();
        Measured { took, used: Usage::now() - self.before, sum }
    }
}
