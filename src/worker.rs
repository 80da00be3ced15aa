//! The worker: an actor on a thread of its own, with one seat for a blocking job or its share of
//! the pool's seats for async ones. It is thin: it wakes its seats.

use std::{panic::AssertUnwindSafe, rc::Rc, sync::Arc};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};

use futures::FutureExt;

use crate::{
    job::{Staff, WorkerId},
    message::{Dismiss, Look, Seat, StopJobs, Wake},
    runtime::{Budget, Clock, spawn, stop_this_thread},
    value::Value,
    work::{BlockingSeat, Post, Serve},
};

/// One thread of workers.
pub(crate) struct Worker<T, U, E> {
    pub(crate) seats: Seats<T, U, E>,
    /// Until it has started.
    pub(crate) staff: Staff,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) budget: Budget,
}

/// How a worker does its jobs.
pub(crate) enum Seats<T, U, E> {
    /// Tasks that take turns on the thread.
    Async { post: Rc<Post<T, U, E>>, serve: Arc<Serve<T, U, E>> },
    /// One seat that keeps the thread.
    Blocking(Box<BlockingSeat<T, U, E>>),
}

impl<T: Value, U: Value, E: Value> Worker<T, U, E> {
    fn work(&mut self, ctx: &mut Context<Self>) {
        let Seats::Blocking(seat) = &mut self.seats else { return };
        if let Some(pause) = seat.work() {
            let pause = self.clock.sleep_until(self.clock.now() + pause);
            ctx.spawn(pause.into_actor(self).map(|(), worker, ctx| worker.work(ctx)));
        }
    }

    fn seat(&self, seat: usize, id: WorkerId) {
        let Seats::Async { post, serve } = &self.seats else { return };
        // A seat that dies of more than its job takes its thread with it, and is replaced.
        let seat = AssertUnwindSafe(serve(post.clone(), id, seat));
        spawn(seat.catch_unwind().map(|ended| ended.unwrap_or_else(|_| stop_this_thread())));
    }
}

impl<T: Value, U: Value, E: Value> Actor for Worker<T, U, E> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        for (seat, id) in std::mem::take(&mut self.staff) {
            self.seat(seat, id);
        }
        self.work(ctx);
    }
}

impl<T: Value, U: Value, E: Value> Handler<Wake> for Worker<T, U, E> {
    type Result = ();

    fn handle(&mut self, _: Wake, ctx: &mut Self::Context) {
        self.budget.spend(ctx);
        match &self.seats {
            Seats::Async { post, .. } => post.wake(),
            Seats::Blocking(_) => self.work(ctx),
        }
    }
}

impl<T: Value, U: Value, E: Value> Handler<Seat> for Worker<T, U, E> {
    type Result = ();

    fn handle(&mut self, Seat { staff }: Seat, ctx: &mut Self::Context) {
        self.budget.spend(ctx);
        staff.into_iter().for_each(|(seat, id)| self.seat(seat, id));
    }
}

impl<T: Value, U: Value, E: Value> Handler<Dismiss> for Worker<T, U, E> {
    type Result = ();

    fn handle(&mut self, Dismiss { seats }: Dismiss, ctx: &mut Self::Context) {
        self.budget.spend(ctx);
        if let Seats::Async { post, .. } = &self.seats {
            post.dismiss(&seats);
        }
    }
}

impl<T: Value, U: Value, E: Value> Handler<StopJobs> for Worker<T, U, E> {
    type Result = ();

    fn handle(&mut self, StopJobs(stopping): StopJobs, ctx: &mut Self::Context) {
        self.budget.spend(ctx);
        if let Seats::Async { post, .. } = &self.seats {
            post.stop_jobs(stopping);
        }
    }
}

impl<T: Value, U: Value, E: Value> Handler<Look> for Worker<T, U, E> {
    type Result = ();

    fn handle(&mut self, Look { seat }: Look, ctx: &mut Self::Context) {
        self.budget.spend(ctx);
        if let Seats::Async { post, .. } = &self.seats {
            post.look(seat);
        }
    }
}

// `Actor` asks for it; nothing here is pinned, whatever the values are.
impl<T, U, E> Unpin for Worker<T, U, E> {}
