//! What it costs to hand something over, while much is on its way.

use std::{
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
};

use actix::{Actor, Addr, Arbiter, Context, Handler, Message};
use tokio::sync::oneshot;

use crate::measure::load::{Measured, Meter};

use super::{Run, check};

const TIMES: u64 = 500_000;
const BURST: u64 = 1_000;

#[derive(Message)]
#[rtype(result = "()")]
struct Number(u64);

/// Adds up numbers until all have come.
struct Adder {
    left: u64,
    sum: u64,
    done: Option<oneshot::Sender<u64>>,
}

impl Adder {
    fn new() -> (Self, oneshot::Receiver<u64>) {
        let (done, sum) = oneshot::channel();
        (Self { left: TIMES, sum: 0, done: Some(done) }, sum)
    }
}

impl Actor for Adder {
    type Context = Context<Self>;
}

impl Handler<Number> for Adder {
    type Result = ();

    fn handle(&mut self, Number(n): Number, _: &mut Self::Context) {
        self.sum += n;
        self.left -= 1;
        if self.left == 0
            && let Some(done) = self.done.take()
        {
            let _ = done.send(self.sum);
        }
    }
}

pub(super) fn same_arbiter() -> Result<Run, String> {
    actix_rt::System::new().block_on(async {
        let (adder, sum) = Adder::new();
        bursts(adder.start(), sum).await
    })
}

pub(super) fn another_arbiter() -> Result<Run, String> {
    actix_rt::System::new().block_on(async {
        let arbiter = Arbiter::new();
        let (adder, sum) = Adder::new();
        let run = flood(Adder::start_in_arbiter(&arbiter.handle(), |_| adder), sum).await;
        arbiter.stop();
        arbiter.join().map_err(|_| "the arbiter panicked")?;
        run
    })
}

/// Some that are on their way at once: all of them would take memory that no message takes elsewhere.
async fn bursts(adder: Addr<Adder>, sum: oneshot::Receiver<u64>) -> Result<Run, String> {
    let meter = Meter::start();
    for n in 0..TIMES {
        if n % BURST == BURST - 1 {
            // It is handled after all that were sent before.
            adder.send(Number(n)).await.map_err(|error| error.to_string())?;
        } else {
            adder.do_send(Number(n));
        }
    }
    run(meter.stop(sum.await.map_err(|_| "the actor is gone")?))
}

async fn flood(adder: Addr<Adder>, sum: oneshot::Receiver<u64>) -> Result<Run, String> {
    let meter = Meter::start();
    (0..TIMES).for_each(|n| adder.do_send(Number(n)));
    run(meter.stop(sum.await.map_err(|_| "the actor is gone")?))
}

/// One thread pushes, and another takes all that is there, leaving the buffer that it has emptied.
pub(super) fn lane() -> Result<Run, String> {
    let lane = Mutex::new(Vec::new());
    let measured = thread::scope(|scope| {
        let meter = Meter::start();
        scope.spawn(|| (0..TIMES).for_each(|n| locked(&lane).push(n)));
        let (mut taken, mut left, mut sum) = (Vec::new(), TIMES, 0);
        while left > 0 {
            mem::swap(&mut *locked(&lane), &mut taken);
            if taken.is_empty() {
                thread::yield_now();
            }
            left -= taken.len() as u64;
            sum += taken.drain(..).sum::<u64>();
        }
        meter.stop(sum)
    });
    run(measured)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run(measured: Measured) -> Result<Run, String> {
    check(TIMES, measured.sum)?;
    Ok(Run { times: TIMES, measured, p50_ns: None })
}
