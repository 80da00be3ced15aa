//! A pool under load: a job that does not end, jobs that wait, and everyone who can wait for a pool,
//! each on a thread of its own.

use std::{
    fmt::Debug,
    future::pending,
    thread::{self, JoinHandle},
};

use actix_workpool::{
    Builder, Job, Jobs, Pool, Queue, Refused, RunError, Shutdown, ShutdownReport, Stopped,
    SubscriptionId,
};
use futures::{FutureExt, StreamExt, executor::block_on, stream};

use crate::{
    held::{Latch, subscribed, until},
    support::{NumberResult, Numbers, status_when},
};

/// How the first job does not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Its future is never ready.
    Waits,
    /// A blocking job that does not return.
    Blocks,
    /// An async job that blocks its thread.
    BlocksAsync,
    /// Its future is never ready, and something of its runs on tokio's blocking threads.
    LeavesBehind,
}

pub(crate) const FORMS: [Form; 4] =
    [Form::Waits, Form::Blocks, Form::BlocksAsync, Form::LeavesBehind];

impl Form {
    /// Whether the job keeps a thread of the pool's.
    pub(crate) fn blocks(self) -> bool {
        matches!(self, Self::Blocks | Self::BlocksAsync)
    }

    /// A pool for such jobs, which end when the latch opens, if at all.
    pub(crate) fn builder(self, latch: &Latch) -> Builder<u64, u64, String> {
        let latch = latch.clone();
        if self == Self::Blocks {
            return crate::held::blocked_by(&latch);
        }
        Pool::builder(async move |n: &u64, _cx| {
            let latch = latch.clone();
            match self {
                Self::BlocksAsync => latch.hold(),
                Self::LeavesBehind => {
                    actix_rt::task::spawn_blocking(move || latch.hold());
                    pending::<()>().await;
                }
                _ => {
                    latch.greet();
                    pending::<()>().await;
                }
            }
            Ok(*n)
        })
    }
}

/// A pool with one worker, which runs job 0; jobs 1 and 2 fill its queue, others wait in line.
pub(crate) struct Crowd {
    pub(crate) pool: Numbers,
    pub(crate) latch: Latch,
    pub(crate) subscription: SubscriptionId,
    waiters: Vec<Waiter>,
}

type Waiter = (&'static str, JoinHandle<Told>);

/// What someone was told who waited.
pub(crate) type Told = String;

fn why(error: RunError<u64, String>) -> Told {
    match error {
        RunError::Refused(refused) => back(refused),
        RunError::Ended(error) => format!("{error:?}"),
        RunError::Stopped(_) => "Stopped".into(),
        other => format!("{other:?}"),
    }
}

fn back(refused: Refused<Job<u64>>) -> Told {
    format!("{:?}, {} back", refused.reason, refused.job.into_payload())
}

fn answer<V: Debug>(answer: Result<V, Refused<Job<u64>>>) -> Told {
    answer.map_or_else(back, |_| "accepted".into())
}

fn outcomes(results: &[NumberResult]) -> Told {
    format!("{:?}", results.iter().map(|result| result.outcome()).collect::<Vec<_>>())
}

impl Crowd {
    pub(crate) async fn gather(builder: Builder<u64, u64, String>, latch: Latch) -> Self {
        let pool = builder.workers(1).queue(Queue::bounded(2)).build().unwrap();
        let subscription = subscribed(&pool).await;
        let mut this = Self { pool, latch, subscription, waiters: Vec::new() };
        this.wait("run, running", async |pool| {
            pool.run(0_u64).await.map_or_else(why, |n| n.to_string())
        });
        this.latch.reached(1).await;
        this.pool.submit(1_u64).await.unwrap();
        this.wait("process, queued", async |pool| {
            outcomes(&pool.process(stream::iter([2_u64])).collect::<Vec<_>>().await)
        });
        status_when(&this.pool, |status| status.queued == 2).await;
        this.wait("submit", async |pool| answer(pool.submit(3_u64).await));
        this.wait("submit_all", async |pool| {
            let answer = pool.submit_all(Jobs::from_iter([4_u64, 5])).await;
            answer.map_or_else(
                |refused| format!("{:?}, {} back", refused.reason, refused.job.len()),
                |_| "accepted".into(),
            )
        });
        this.wait("send", async |pool| {
            pool.dispatcher()
                .send(Job::new(6_u64))
                .await
                .map_or_else(|error| error.to_string(), answer)
        });
        this.wait("run, in line", async |pool| {
            pool.run(7_u64).await.map_or_else(why, |n| n.to_string())
        });
        this.wait("process, in line", async |pool| {
            outcomes(&pool.process(stream::iter([8_u64])).collect::<Vec<_>>().await)
        });
        status_when(&this.pool, |status| status.in_line == 5).await;
        // Its message must be there before the end comes, and nothing shows that it is.
        let pool = this.pool.clone();
        let mut drain = Box::pin(async move { format!("{:?}", pool.drain().await) });
        assert!((&mut drain).now_or_never().is_none());
        this.wait("drain", async |_| drain.await);
        this.wait("results", async |pool| outcomes(&pool.results().collect::<Vec<_>>().await));
        status_when(&this.pool, |status| status.subscribers == 2).await;
        this
    }

    /// Someone waits on a thread of its own.
    fn wait<F>(&mut self, name: &'static str, wait: F)
    where
        F: AsyncFnOnce(Numbers) -> Told + Send + 'static,
    {
        let pool = self.pool.clone();
        self.waiters.push((name, thread::spawn(move || block_on(wait(pool)))));
    }

    /// Two more ask for the end, and then the test goes on once the pool knows.
    pub(crate) async fn ask_twice(&self, shutdown: Shutdown) -> [Asker; 2] {
        let asker = || {
            let pool = self.pool.clone();
            thread::spawn(move || block_on(pool.shutdown(shutdown)))
        };
        let askers = [asker(), asker()];
        while self.pool.status().await.is_ok_and(|status| status.open) {}
        askers
    }

    /// Waits, while the system runs, until everyone has been told.
    pub(crate) async fn all_are_told(&mut self) {
        until(|| self.waiters.iter().all(|(_, waiter)| waiter.is_finished())).await;
    }

    /// What each was told.
    pub(crate) fn told(&mut self) -> Vec<(&'static str, Told)> {
        self.waiters.drain(..).map(|(name, waiter)| (name, waiter.join().unwrap())).collect()
    }
}

pub(crate) type Asker = JoinHandle<Result<ShutdownReport, Stopped>>;

/// What two who asked were told, which is the same.
pub(crate) async fn report_of(askers: [Asker; 2]) -> Result<ShutdownReport, Stopped> {
    until(|| askers.iter().all(JoinHandle::is_finished)).await;
    let [one, other] = askers.map(|asker| asker.join().unwrap());
    assert_eq!(one, other);
    one
}
