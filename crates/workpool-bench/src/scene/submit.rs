//! The ways in, each entered in the books.

use std::{
    future::{Future, poll_fn},
    panic::AssertUnwindSafe,
    pin::pin,
};

use futures::{
    FutureExt,
    future::{self, Either},
};

use crate::{
    Job, JobError, Jobs, Refusal, RunError,
    check::{Kind, Way},
    sim,
};

use super::{
    errand::Errand,
    stage::Stage,
    task::{Task, job, lit},
};

/// How a job is submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// `Pool::submit`, which may wait in line.
    Submit,
    /// `Pool::try_submit`.
    Try,
    /// `Pool::submit_all`, of so many jobs.
    Batch(usize),
    /// As a message with an asker.
    Send,
    /// As a message without.
    DoSend,
    /// `Pool::run`.
    Run,
}

impl Sent {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Submit,
        Self::Try,
        Self::Batch(2),
        Self::Batch(3),
        Self::Send,
        Self::DoSend,
        Self::Run,
    ];
}

/// A submission was accepted, or refused.
pub(crate) fn decided<R>(jobs: &[u64], answer: &Result<R, Refusal>) {
    sim::note(|| match answer {
        Ok(_) => format!("{jobs:?} accepted"),
        Err(reason) => format!("{jobs:?} refused: {reason:?}"),
    });
    sim::with(|world| {
        world.ledger.write(|books| {
            let at = books.tick();
            for number in jobs {
                if let Some(record) = books.jobs.get_mut(number) {
                    record.placed.get_or_insert(at);
                    record.decide(answer.is_ok());
                }
            }
        });
    });
}

/// A refused job comes back to its sender.
fn comes_back(numbers: &[u64], jobs: impl IntoIterator<Item = Job<Task>>) {
    let back: Vec<_> = jobs
        .into_iter()
        .map(|job| {
            job.payload().bomb.defuse();
            job.payload().number
        })
        .collect();
    if back != numbers {
        sim::fail(|| format!("invariant 1: {numbers:?} were refused, and {back:?} came back"));
    }
}

/// Whoever submitted these stops waiting.
pub(super) fn leave(jobs: &[u64]) {
    sim::note(|| format!("nobody waits for {jobs:?} any more"));
    sim::with(|world| {
        world.ledger.write(|books| {
            let mark = |number| {
                if let Some(record) = books.jobs.get_mut(number) {
                    record.left = true;
                }
            };
            jobs.iter().for_each(mark);
        });
    });
}

/// Notes when a submission waits in line: it has its place then.
async fn in_line<R>(jobs: &[u64], submission: impl Future<Output = R>) -> R {
    let mut submission = pin!(submission);
    poll_fn(|cx| {
        let polled = submission.as_mut().poll(cx);
        if polled.is_pending() {
            sim::with(|world| world.ledger.write(|books| books.note_in_line(jobs)));
        }
        polled
    })
    .await
}

impl Stage {
    /// Submits what does this. Returns its number, and whether it was accepted as far as is known.
    pub async fn submit(&self, sent: Sent, errand: impl Into<Errand>) -> (u64, Option<bool>) {
        let (first, answer) = self.begin(sent, errand);
        (first, answer.await)
    }

    /// As [`begin`](Self::begin), but gives up at some point. Returns whether it did.
    pub fn begin_unless<L: Future<Output = ()>, W: Into<Errand>>(
        &self,
        sent: Sent,
        errand: W,
        until: L,
    ) -> (u64, impl Future<Output = bool> + use<L, W>) {
        let (first, answer) = self.begin(sent, errand);
        let jobs: Vec<_> = (first..first + sent.jobs()).collect();
        let until_then = async move {
            match future::select(Box::pin(answer), Box::pin(until)).await {
                Either::Left(_) => false,
                Either::Right(((), answer)) => {
                    leave(&jobs);
                    drop(answer);
                    true
                }
            }
        };
        (first, until_then)
    }

    /// Begins to submit something. The books hear of it now, the pool when it is polled.
    pub fn begin<W: Into<Errand>>(
        &self,
        sent: Sent,
        errand: W,
    ) -> (u64, impl Future<Output = Option<bool>> + use<W>) {
        let (stage, errand) = (self.clone(), errand.into());
        let way = match sent {
            Sent::Run => Way::Caller,
            Sent::DoSend => Way::Message,
            _ => Way::Subscribers,
        };
        let made: Vec<_> =
            (0..sent.jobs()).map(|_| job(stage.number, way, errand.clone())).collect();
        let numbers: Vec<_> = made.iter().map(|(number, _)| *number).collect();
        let first = numbers[0];
        (first, async move {
            stage
                .send(
                    sent,
                    numbers,
                    made.into_iter().map(move |(_, job)| match sent {
                        // In a mailbox that is dropped, it would take the others along.
                        Sent::Send | Sent::DoSend => job,
                        _ => lit(job),
                    }),
                )
                .await
        })
    }

    async fn send(
        &self,
        sent: Sent,
        numbers: Vec<u64>,
        mut jobs: impl Iterator<Item = Job<Task>>,
    ) -> Option<bool> {
        let pool = &self.pool;
        sim::with(|world| world.ledger.write(|books| books.note_begun(&numbers)));
        if let Sent::Batch(_) = sent {
            let answer = in_line(&numbers, pool.submit_all(jobs.collect::<Jobs<_>>())).await;
            let answer = answer.map(drop).map_err(|refused| {
                comes_back(&numbers, refused.job);
                refused.reason
            });
            return self.decide(&numbers, answer);
        }
        let job = jobs.next()?;
        let answer = match sent {
            Sent::Run => return self.run(numbers[0], job).await,
            Sent::DoSend => {
                pool.dispatcher().do_send(job);
                return None;
            }
            Sent::Try => pool.try_submit(job),
            // The pool has ended: what became of the job is not said.
            Sent::Send => match pool.dispatcher().send(job).await {
                Ok(answer) => answer,
                Err(_) => {
                    leave(&numbers);
                    return None;
                }
            },
            Sent::Submit | Sent::Batch(_) => in_line(&numbers, pool.submit(job)).await,
        };
        let answer = answer.map(drop).map_err(|refused| {
            comes_back(&numbers, [refused.job]);
            refused.reason
        });
        self.decide(&numbers, answer)
    }

    fn decide(&self, numbers: &[u64], answer: Result<(), Refusal>) -> Option<bool> {
        decided(numbers, &answer);
        Some(answer.is_ok())
    }

    async fn run(&self, number: u64, job: Job<Task>) -> Option<bool> {
        let Ok(answer) = AssertUnwindSafe(self.pool.run(job)).catch_unwind().await else {
            // Its payload panicked as it was dropped.
            leave(&[number]);
            return None;
        };
        let kind = match &answer {
            Ok(value) => {
                value.bomb.defuse();
                let is_its_own = value.number == number;
                self.sim.expect(is_its_own, || format!("job {number} has another's value"));
                Kind::of::<_, super::Failure>(Ok(value))
            }
            Err(RunError::Ended(error)) => Kind::of::<super::Output, _>(Err(error)),
            Err(RunError::Refused(refused)) => {
                sim::note(|| "its caller gets it back".into());
                refused.job.payload().bomb.defuse();
                return self.decide(&[number], Err(refused.reason));
            }
            Err(RunError::Stopped(_)) => {
                let fine = sim::with(|world| !world.ledger.has_guarantees()).unwrap_or(true);
                self.sim
                    .expect(fine, || format!("job {number}: the pool stopped under its caller"));
                leave(&[number]);
                return None;
            }
        };
        if let Err(RunError::Ended(JobError::Failed(failure))) = &answer {
            self.sim
                .expect(failure.number == number, || format!("job {number} has another's failure"));
            failure.bomb.defuse();
        }
        decided(&[number], &Ok(()));
        sim::with(|world| world.ledger.answers(number, kind));
        Some(true)
    }
}

impl Sent {
    pub(crate) fn jobs(self) -> u64 {
        match self {
            Self::Batch(jobs) => jobs as u64,
            _ => 1,
        }
    }
}
