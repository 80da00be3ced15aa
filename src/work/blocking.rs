//! The one seat of a blocking worker: it keeps its thread until there is nothing left to do.

use std::{sync::Arc, time::Duration};

use crate::{
    job::{Hand, JobContext, Run, WorkerId},
    panic::catch,
    schedule::Pauses,
    value::Value,
};

use super::{
    form::{Build, Process, text_of},
    post::{After, Cut, Post, Ran},
};

pub(crate) struct BlockingSeat<T, U, E> {
    post: Post<T, U, E>,
    cx: JobContext<T, U, E>,
    hand: Hand<T>,
    worker: WorkerId,
    build: Arc<Build<T, U, E>>,
    process: Option<Box<Process<T, U, E>>>,
    pauses: Pauses,
    /// Its job was ended over its head, or it is to leave: it works no more.
    given_up: bool,
}

/// The only seat of its station.
const SEAT: usize = 0;

impl<T: Value, U: Value, E: Value> BlockingSeat<T, U, E> {
    pub(crate) fn new(post: Post<T, U, E>, worker: WorkerId, build: Arc<Build<T, U, E>>) -> Self {
        let (cx, hand) = (post.context(worker, SEAT), Hand::new());
        let (process, pauses) = (None, Pauses::new());
        Self { post, cx, hand, worker, build, process, pauses, given_up: false }
    }

    /// Works off all leases. Returns a pause after which to call again if the processor could not
    /// be built.
    pub(crate) fn work(&mut self) -> Option<Duration> {
        self.post.answer();
        while !self.given_up {
            let mut process = match self.process.take().map_or_else(|| self.build(), Ok) {
                Ok(process) => process,
                Err(pause) => return Some(pause),
            };
            match self.work_with(&mut process) {
                After::Rebuild => drop(process),
                After::Leave => {
                    self.given_up = true;
                    drop(process);
                    self.post.vacate(SEAT);
                }
                After::Next(_) | After::Pause | After::Rest => {
                    self.process = Some(process);
                    return None;
                }
            }
        }
        None
    }

    fn build(&mut self) -> Result<Box<Process<T, U, E>>, Duration> {
        let error = match catch(|| (self.build)()) {
            Ok(Ok(process)) => {
                self.pauses = Pauses::new();
                return Ok(process);
            }
            Ok(Err(error)) => text_of(error),
            Err(text) => text,
        };
        if self.post.fail(SEAT) {
            self.given_up = true;
            self.post.vacate(SEAT);
            return Err(Duration::ZERO);
        }
        let (worker, pause) = (self.worker, self.pauses.next());
        tracing::warn!(%worker, %error, ?pause, "a processor was not built; trying again");
        Err(pause)
    }

    /// Runs jobs until there are none.
    fn work_with(&mut self, process: &mut Process<T, U, E>) -> After {
        let mut after = self.post.ask(SEAT, &mut self.hand, self.worker);
        loop {
            while let After::Next(started) = after {
                let run = Run { worker: self.worker, started };
                let ran = self.run(process);
                after = self.post.ended(SEAT, &mut self.hand, run, ran, false);
            }
            if after == After::Rest {
                after = self.post.look_on(SEAT, &mut self.hand, self.worker);
            }
            if !matches!(after, After::Next(_)) {
                return after;
            }
        }
    }

    fn run(&mut self, process: &mut Process<T, U, E>) -> Ran<U, E> {
        let Some(job) = self.hand.job() else { return Ran::NotStarted(Cut::Cancelled) };
        self.cx.turn_to(job, &self.hand);
        if self.cx.is_cancelled() {
            // One that was late has been ended over this seat's head.
            return Ran::NotStarted(Cut::Cancelled);
        }
        match catch(|| process(job.payload(), &self.cx)) {
            Ok(outcome) => Ran::Returned(outcome),
            Err(text) => Ran::Panicked(text),
        }
    }
}
