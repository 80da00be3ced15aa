//! A seat of an async worker: a task that runs one job after another.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use tokio_util::sync::CancellationToken;

use crate::{
    job::{Hand, JobContext, Run, Stamp, WorkerId},
    panic::{Apart, catch},
    schedule::Pauses,
    value::Value,
};

use super::{
    form::{BoxError, text_of},
    patience::Patience,
    post::{After, Cut, Post, Ran},
    processor::Processor,
    yielding::yield_once,
};

/// Jobs that a seat runs in one go before it lets its neighbours have their turn: a job that never
/// waits would otherwise keep the thread for as long as there are jobs.
const BUDGET: u32 = 64;

/// Builds a processor, works with it until a job panics in it, and begins again. It ends when its job
/// was ended over its head, or the pool is to have fewer workers.
pub(super) async fn serve<P, X, F, T, U, E>(
    post: Rc<Post<T, U, E>>,
    worker: WorkerId,
    number: usize,
    factory: Arc<Apart<F>>,
) where
    P: Processor<Payload = T, Output = U, Error = E>,
    X: Into<BoxError>,
    F: AsyncFn() -> Result<P, X>,
    T: Value,
    U: Value,
    E: Value,
{
    poll_fn(|cx| {
        post.note_waker(number, cx);
        Poll::Ready(())
    })
    .await;
    let seat = Seat { post: &post, worker, number };
    // One for all of its processors: it numbers the starts.
    let mut hand = Hand::new();
    while let Some(processor) = seat.build(&**factory).await {
        let mut processor = Apart::new(processor);
        let after = seat.work(&mut *processor, &mut hand).await;
        drop(processor);
        if after == After::Leave {
            break;
        }
    }
    post.vacate(number);
}

struct Seat<'p, T, U, E> {
    post: &'p Post<T, U, E>,
    worker: WorkerId,
    number: usize,
}

impl<T: Value, U: Value, E: Value> Seat<'_, T, U, E> {
    /// `None` if the seat is to leave before a processor was built.
    async fn build<P, X, F>(&self, factory: &F) -> Option<P>
    where
        X: Into<BoxError>,
        F: AsyncFn() -> Result<P, X>,
    {
        let mut pauses = Pauses::new();
        loop {
            let place = pin!(Some(async { factory().await.map_err(Into::into) }));
            let built = poll_caught(place, |_| None).await;
            let error = match built {
                Ok(Ok(Ok(processor))) => return Some(processor),
                Ok(Ok(Err(error))) => text_of(error),
                Ok(Err(_)) => continue,
                Err(text) => text,
            };
            if self.post.fail(self.number) {
                return None;
            }
            let (worker, pause) = (self.worker, pauses.next());
            tracing::warn!(%worker, %error, ?pause, "a processor was not built; trying again");
            self.post.sleep(pause).await;
        }
    }

    /// Runs jobs until one panics, or the seat is to leave.
    async fn work<P>(&self, processor: &mut P, hand: &mut Hand<T>) -> After
    where
        P: Processor<Payload = T, Output = U, Error = E>,
    {
        let mut cx = self.post.context(self.worker, self.number);
        loop {
            let mut after = self.post.ask(self.number, hand, self.worker);
            if let After::Next(started) = after {
                after = self.spend_budget(started, hand, processor, &mut cx).await;
            }
            match after {
                After::Rest => self.post.rest(self.number).await,
                After::Next(_) | After::Pause => yield_once().await,
                after => return after,
            }
        }
    }

    /// Runs the job that has begun, and others after it, until it is time for something else.
    async fn spend_budget<P>(
        &self,
        mut started: Stamp,
        hand: &mut Hand<T>,
        processor: &mut P,
        cx: &mut JobContext<T, U, E>,
    ) -> After
    where
        P: Processor<Payload = T, Output = U, Error = E>,
    {
        let mut spent = 0;
        loop {
            let ran = self.run(hand, processor, cx).await;
            spent += 1;
            let run = Run { worker: self.worker, started };
            // The next must not begin before the pause: a neighbour might block the thread then.
            match self.post.ended(self.number, hand, run, ran, spent == BUDGET) {
                After::Next(at) => started = at,
                after => return after,
            }
        }
    }

    async fn run<P>(
        &self,
        hand: &Hand<T>,
        processor: &mut P,
        cx: &mut JobContext<T, U, E>,
    ) -> Ran<U, E>
    where
        P: Processor<Payload = T, Output = U, Error = E>,
    {
        let Some(job) = hand.job() else { return Ran::NotStarted(Cut::Cancelled) };
        cx.turn_to(job, hand);
        let cx = &*cx;
        if cx.is_cancelled() {
            return Ran::NotStarted(Cut::of(cx));
        }
        let mut caller = pin!(cx.stop().map(CancellationToken::cancelled));
        let mut patience = Patience::new(self.post, cx);
        let place = pin!(Some(async { processor.process(job.payload(), cx).await }));
        let ran = poll_caught(place, |task| patience.cut(caller.as_mut().as_pin_mut(), task)).await;
        match ran {
            Ok(Ok(outcome)) => Ran::Returned(outcome),
            Ok(Err(cut)) => Ran::Dropped(cut),
            Err(text) => Ran::Panicked(text),
        }
    }
}

/// Polls the user's future to its end, or until `cut` says so at a poll in which it does not
/// complete: a value that was returned wins over a cancel. A panic comes back as its text.
fn poll_caught<F: Future>(
    place: Pin<&mut Option<F>>,
    mut cut: impl FnMut(&mut Context<'_>) -> Option<Cut>,
) -> impl Future<Output = Result<Result<F::Output, Cut>, Box<str>>> {
    let mut running = Polled(place);
    poll_fn(move |task| {
        // Before: a job that is told while it is polled is polled once more, and may end in its own way.
        let cut = cut(task);
        let Some(running) = running.0.as_mut().as_pin_mut() else {
            return Poll::Ready(Ok(Err(Cut::Cancelled)));
        };
        match (catch(|| running.poll(task)), cut) {
            (Ok(Poll::Ready(value)), _) => Poll::Ready(Ok(Ok(value))),
            (Ok(Poll::Pending), Some(cut)) => Poll::Ready(Ok(Err(cut))),
            (Ok(Poll::Pending), None) => Poll::Pending,
            (Err(text), _) => Poll::Ready(Err(text)),
        }
    })
}

/// A future of the user's in its place.
struct Polled<'p, F>(Pin<&'p mut Option<F>>);

impl<F> Drop for Polled<'_, F> {
    /// Also where the thread ends under it: a panic is only logged, as its job has its outcome, or is
    /// lost.
    fn drop(&mut self) {
        if let Err(text) = catch(|| self.0.set(None)) {
            tracing::warn!(%text, "the drop of a job's future panicked");
        }
    }
}
