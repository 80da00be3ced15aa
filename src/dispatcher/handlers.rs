//! Message in, decision, actions out. Every handler of a control message takes in first what was
//! accepted before it.

use actix::{
    ActorContext, AsyncContext, Context, Handler, Message, MessageResult, ResponseFuture,
    dev::MessageResponse,
};

use crate::{
    builder::MOST_WORKERS,
    error::{ResizeError, Stopped, SubscribeError},
    job::{Job, Jobs},
    message::{
        AwaitDrained, Cancel, CancelWaiting, Census, Drain, Enrol, GetStatus, Heed, Knock,
        LastCall, Pause, Remove, Resize, Resume, Settled, Shutdown, Status, Subscribe,
        SystemStopped, Unsubscribe,
    },
    runtime::{Rang, Request, request},
    schedule::Ending,
    value::Value,
};

use super::{
    Dispatcher,
    desk::{Admission, Farewell},
};

impl<T: Value, U: Value, E: Value> Handler<Job<T>> for Dispatcher<T, U, E> {
    type Result = Admission<Job<T>, T, U, E>;

    fn handle(&mut self, job: Job<T>, ctx: &mut Self::Context) -> Self::Result {
        self.count_submission(1, ctx);
        Admission { message: job, desk: self.desk.clone() }
    }
}

impl<T: Value, U: Value, E: Value> Handler<Jobs<T>> for Dispatcher<T, U, E> {
    type Result = Admission<Jobs<T>, T, U, E>;

    fn handle(&mut self, jobs: Jobs<T>, ctx: &mut Self::Context) -> Self::Result {
        self.count_submission(jobs.len(), ctx);
        Admission { message: jobs, desk: self.desk.clone() }
    }
}

impl<M, T: Value, U: Value, E: Value> Handler<Heed<M>> for Dispatcher<T, U, E>
where
    M: Message<Result: Send> + Send + 'static,
    Self: Handler<M>,
{
    type Result = ();

    fn handle(&mut self, Heed { message, reply }: Heed<M>, ctx: &mut Self::Context) {
        let answer = Handler::<M>::handle(self, message, ctx);
        answer.handle(ctx, Some(reply.0));
    }
}

impl<T: Value, U: Value, E: Value> Handler<Rang<Self>> for Dispatcher<T, U, E> {
    type Result = ();

    fn handle(&mut self, rang: Rang<Self>, ctx: &mut Self::Context) {
        rang.answer(self, ctx);
    }
}

impl<T: Value, U: Value, E: Value> Handler<Knock> for Dispatcher<T, U, E> {
    type Result = ();

    fn handle(&mut self, _: Knock, ctx: &mut Self::Context) {
        self.budget.spend(ctx);
        self.turn(ctx);
    }
}

impl<T: Value, U: Value, E: Value> Handler<Subscribe<T, U, E>> for Dispatcher<T, U, E> {
    type Result = ResponseFuture<<Subscribe<T, U, E> as Message>::Result>;

    fn handle(&mut self, subscribe: Subscribe<T, U, E>, ctx: &mut Self::Context) -> Self::Result {
        self.budget.spend(ctx);
        // Before the turn: a job that was sent after this message may end at once.
        let (reply, answer) = request();
        self.desk.collector.do_send(Enrol { subscribe, reply });
        self.turn(ctx);
        Box::pin(async { answer.await.unwrap_or(Err(SubscribeError::Stopped(Stopped))) })
    }
}

impl<T: Value, U: Value, E: Value> Handler<Unsubscribe> for Dispatcher<T, U, E> {
    type Result = ResponseFuture<Result<bool, Stopped>>;

    fn handle(&mut self, Unsubscribe(id): Unsubscribe, ctx: &mut Self::Context) -> Self::Result {
        self.budget.spend(ctx);
        self.turn(ctx);
        let (reply, answer) = request();
        self.desk.collector.do_send(Remove { id, reply });
        or_stopped(answer)
    }
}

impl<T: Value, U: Value, E: Value> Handler<Drain> for Dispatcher<T, U, E> {
    type Result = ResponseFuture<Result<(), Stopped>>;

    fn handle(&mut self, _: Drain, ctx: &mut Self::Context) -> Self::Result {
        self.budget.spend(ctx);
        let (reply, answer) = request();
        self.desk.collector.do_send(AwaitDrained { reply });
        self.turn_and_settle(ctx);
        or_stopped(answer)
    }
}

impl<T: Value, U: Value, E: Value> Handler<Cancel> for Dispatcher<T, U, E> {
    type Result = MessageResult<Cancel>;

    fn handle(&mut self, Cancel(id): Cancel, ctx: &mut Self::Context) -> Self::Result {
        self.budget.spend(ctx);
        MessageResult(Ok(self.cancel(id, ctx)))
    }
}

impl<T: Value, U: Value, E: Value> Handler<CancelWaiting> for Dispatcher<T, U, E> {
    type Result = ();

    fn handle(&mut self, CancelWaiting { jobs }: CancelWaiting, ctx: &mut Self::Context) {
        self.budget.spend(ctx);
        let now = self.now();
        self.scheduler.cancel_those_waiting(jobs, now, &mut self.post_room);
        self.turn(ctx);
    }
}

impl<T: Value, U: Value, E: Value> Handler<Pause> for Dispatcher<T, U, E> {
    type Result = MessageResult<Pause>;

    fn handle(&mut self, _: Pause, ctx: &mut Self::Context) -> Self::Result {
        self.budget.spend(ctx);
        self.scheduler.pause();
        self.turn(ctx);
        MessageResult(Ok(()))
    }
}

impl<T: Value, U: Value, E: Value> Handler<Resume> for Dispatcher<T, U, E> {
    type Result = MessageResult<Resume>;

    fn handle(&mut self, _: Resume, ctx: &mut Self::Context) -> Self::Result {
        self.budget.spend(ctx);
        self.scheduler.resume();
        self.turn(ctx);
        MessageResult(Ok(()))
    }
}

impl<T: Value, U: Value, E: Value> Handler<Resize> for Dispatcher<T, U, E> {
    type Result = MessageResult<Resize>;

    fn handle(&mut self, Resize(workers): Resize, ctx: &mut Self::Context) -> Self::Result {
        self.budget.spend(ctx);
        let most = MOST_WORKERS;
        if workers > most {
            return MessageResult(Err(ResizeError::TooMany { wanted: workers, most }));
        }
        self.resize(workers, ctx);
        MessageResult(Ok(()))
    }
}

impl<T: Value, U: Value, E: Value> Handler<Shutdown> for Dispatcher<T, U, E> {
    type Result = Farewell<T, U, E>;

    fn handle(&mut self, shutdown: Shutdown, ctx: &mut Self::Context) -> Self::Result {
        self.budget.spend(ctx);
        let ending = |now, leave| match shutdown {
            Shutdown::Drain(deadline) => Ending::drain(now, deadline, leave),
            Shutdown::FinishRunning(deadline) => Ending::finish_running(now, deadline, leave),
            Shutdown::Now => Ending::now(now, leave),
        };
        self.end(ending, ctx);
        Farewell(self.desk.clone())
    }
}

impl<T: Value, U: Value, E: Value> Handler<GetStatus> for Dispatcher<T, U, E> {
    type Result = ResponseFuture<Result<Status, Stopped>>;

    fn handle(&mut self, _: GetStatus, ctx: &mut Self::Context) -> Self::Result {
        self.budget.spend(ctx);
        self.turn(ctx);
        let (reply, answer) = request();
        self.desk.collector.do_send(Census { reply });
        let (gate, look) = (self.desk.inbox.look(), self.scheduler.look());
        Box::pin(async move {
            let counted = answer.await.map_err(|_| Stopped)?;
            Ok(Status {
                open: gate.open,
                paused: look.paused,
                workers: look.workers,
                live: look.seats.live(),
                deaths: look.deaths,
                build_failures: look.build_failures,
                running: look.seats.running,
                stuck: look.stuck,
                leased: look.seats.waiting,
                queued: look.queued,
                postponed: look.postponed,
                capacity: gate.capacity,
                in_line: gate.waiting,
                counts: counted.counts,
                subscribers: counted.subscribers,
                subscribers_gone: counted.subscribers_gone,
                unheard: counted.unheard,
                missed: counted.missed,
                stall: look.stall,
            })
        })
    }
}

impl<T: Value, U: Value, E: Value> Handler<Settled> for Dispatcher<T, U, E> {
    type Result = ();

    fn handle(&mut self, Settled { accepted }: Settled, ctx: &mut Self::Context) {
        self.budget.spend(ctx);
        self.turn(ctx);
        if !self.scheduler.settled(accepted) {
            return;
        }
        self.alive = None;
        if self.scheduler.is_over() {
            ctx.address().do_send(LastCall);
        }
    }
}

impl<T: Value, U: Value, E: Value> Handler<SystemStopped> for Dispatcher<T, U, E> {
    type Result = ();

    fn handle(&mut self, _: SystemStopped, ctx: &mut Context<Self>) {
        self.lose(ctx);
    }
}

impl<T: Value, U: Value, E: Value> Handler<LastCall> for Dispatcher<T, U, E> {
    type Result = ();

    fn handle(&mut self, _: LastCall, ctx: &mut Context<Self>) {
        self.last_call = true;
        if self.scheduler.is_over() && !self.finished {
            self.finish();
            ctx.stop();
        }
    }
}

fn or_stopped<R: 'static>(answer: Request<R>) -> ResponseFuture<Result<R, Stopped>> {
    Box::pin(async { answer.await.map_err(|_| Stopped) })
}
