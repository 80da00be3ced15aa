//! A seat of an async worker: a task that runs one job after another.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use tokio_util::sync::CancellationToken;

use crate::{
    job::{JobContext, Run, WorkerId},
    lane::Seated,
    panic::{catch, drop_each},
    value::Value,
};

use super::{
    form::BoxError,
    lease::{Lease, Ran},
    post::Post,
    processor::Processor,
    rebuild::Pauses,
    yielding::yield_once,
};

/// Jobs that a seat runs in one go before it lets its neighbours have their turn: a job that never
/// waits would otherwise keep the thread for as long as there are jobs.
const BUDGET: u32 = 64;

/// Builds a processor, works with it until a job panics in it, and begins again.
pub(super) async fn serve<P, X, F, T, U, E>(
    post: Rc<Post<T, U, E>>,
    worker: WorkerId,
    number: usize,
    factory: Arc<F>,
) where
    P: Processor<Payload = T, Output = U, Error = E>,
    X: Into<BoxError>,
    F: AsyncFn() -> Result<P, X>,
    T: Value,
    U: Value,
    E: Value,
{
    loop {
        let mut processor = build(&post, worker, &*factory).await;
        Seat { post: &post, worker, number }.work(&mut processor).await;
        drop_each([processor]);
    }
}

async fn build<P, X, F, T, U, E>(post: &Post<T, U, E>, worker: WorkerId, factory: &F) -> P
where
    X: Into<BoxError>,
    F: AsyncFn() -> Result<P, X>,
{
    let mut pauses = Pauses::new();
    loop {
        let built = poll_caught(async { factory().await.map_err(Into::into) }, |_| false).await;
        let error = match built {
            Ok(Some(Ok(processor))) => return processor,
            Ok(Some(Err(error))) => error,
            Ok(None) => continue,
            Err(text) => BoxError::from(String::from(text)),
        };
        let pause = pauses.next();
        tracing::warn!(%worker, %error, ?pause, "a processor was not built; trying again");
        post.sleep(pause).await;
    }
}

struct Seat<'p, T, U, E> {
    post: &'p Post<T, U, E>,
    worker: WorkerId,
    number: usize,
}

impl<T: Value, U: Value, E: Value> Seat<'_, T, U, E> {
    /// Runs jobs until one panics.
    async fn work<P>(&self, processor: &mut P)
    where
        P: Processor<Payload = T, Output = U, Error = E>,
    {
        let mut cx = JobContext::new(self.worker, self.post.inside.clone());
        let mut seated = Seated::New;
        let mut started = self.post.now();
        let mut spent = 0;
        loop {
            let Some(job) = self.post.take(seated) else {
                seated = Seated::Idle;
                self.post.rest(self.number).await;
                started = self.post.now();
                spent = 0;
                continue;
            };
            seated = Seated::Finished;
            let lease = Lease::new(self.post, job, Run { worker: self.worker, started });
            match self.run(lease, processor, &mut cx).await {
                Ran::Ended(ended) => started = ended,
                Ran::Panicked => return self.post.leave(),
            }
            spent += 1;
            if spent == BUDGET {
                spent = 0;
                yield_once().await;
                started = self.post.now();
            }
        }
    }

    async fn run<P>(
        &self,
        lease: Lease<'_, T, U, E>,
        processor: &mut P,
        cx: &mut JobContext<T, U, E>,
    ) -> Ran
    where
        P: Processor<Payload = T, Output = U, Error = E>,
    {
        let (Some(job), false) = (lease.job(), lease.is_cancelled()) else {
            return lease.cancel();
        };
        let stop = lease.stop().cloned();
        cx.turn_to(job.id(), stop.clone());
        let mut cancelled = pin!(stop.as_ref().map(CancellationToken::cancelled));
        let ran = poll_caught(async { processor.process(job.payload(), cx).await }, |task| {
            self.post.note_waker(self.number, task);
            let cancelled = cancelled.as_mut().as_pin_mut();
            self.post.is_stopping() || cancelled.is_some_and(|token| token.poll(task).is_ready())
        })
        .await;
        lease.end(ran)
    }
}

/// Polls the user's future to its end, or until `stop` says so at a poll in which it does not
/// complete: a value that was returned wins over a cancel. A panic comes back as its text, and one
/// in the drop of a future that was stopped is only logged: that job has its outcome.
async fn poll_caught<R>(
    future: impl Future<Output = R>,
    mut stop: impl FnMut(&mut Context<'_>) -> bool,
) -> Result<Option<R>, Box<str>> {
    let mut future = pin!(Some(future));
    let polled = poll_fn(|task| {
        let stopped = stop(task);
        let Some(running) = future.as_mut().as_pin_mut() else { return Poll::Ready(Ok(None)) };
        match catch(|| running.poll(task)) {
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(Some(value))),
            Ok(Poll::Pending) if stopped => Poll::Ready(Ok(None)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(text) => Poll::Ready(Err(text)),
        }
    })
    .await;
    if let Err(text) = catch(|| future.set(None)) {
        tracing::warn!(%text, "the drop of a job's future panicked");
    }
    polled
}
