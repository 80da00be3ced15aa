//! What it takes to wake a thread that sleeps.

use std::{
    sync::{Condvar, Mutex, PoisonError},
    thread,
    time::Instant,
};

use crate::measure::{load::Meter, report::median};

use super::Run;

const TRIPS: u32 = 20_000;

/// Two threads take turns. Whoever has its turn wakes the other, and sleeps until it is woken.
pub(super) fn condvar() -> Result<Run, String> {
    let turns = Turns { turn: Mutex::new(0), changed: Condvar::new() };
    let mut trips = Vec::with_capacity(TRIPS as usize);
    let measured = thread::scope(|scope| {
        scope.spawn(|| (0..TRIPS).for_each(|trip| turns.pass_on_from(2 * trip + 1)));
        let meter = Meter::start();
        for trip in 0..TRIPS {
            let started = Instant::now();
            turns.pass_on_from(2 * trip);
            turns.wait_for(2 * trip + 2);
            trips.push(started.elapsed().as_nanos() as f64);
        }
        meter.stop(0)
    });
    let p50_ns = Some(median(trips.into_iter()) / 2.0);
    Ok(Run { times: 2 * u64::from(TRIPS), measured, p50_ns })
}

struct Turns {
    turn: Mutex<u32>,
    changed: Condvar,
}

impl Turns {
    fn pass_on_from(&self, mine: u32) {
        self.wait_for(mine);
        *self.turn.lock().unwrap_or_else(PoisonError::into_inner) = mine + 1;
        // After the lock: who is woken would wait for it at once.
        self.changed.notify_one();
    }

    fn wait_for(&self, turn: u32) {
        let now = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_while(now, |now| *now != turn));
    }
}
