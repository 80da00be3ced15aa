use std::time::Instant;

use actix::{Actor, AsyncContext, Context, Handler, Message};
use futures::{
    FutureExt,
    future::{AbortHandle, abortable},
};

use super::{Clock, spawn};

/// One timer of an actor, that can be set anew. It does not keep the actor alive, as one of the
/// actor's own would: an actor whose timer is always set would never see that nobody holds it. Dropped,
/// it is off.
#[derive(Debug, Default)]
pub(crate) struct Alarm(Option<(Instant, AbortHandle)>);

/// An alarm → its actor, when it rings.
pub(crate) struct Rang<A: Actor> {
    due: Instant,
    /// Finds the alarm in its actor.
    alarm: fn(&mut A) -> &mut Alarm,
    ring: fn(&mut A, &mut A::Context),
}

impl<A: Actor> Message for Rang<A> {
    type Result = ();
}

impl<A: Actor> Rang<A> {
    /// What the actor's handler is to do.
    pub(crate) fn answer(self, actor: &mut A, ctx: &mut A::Context) {
        // One that was set anew meanwhile is not this one.
        if (self.alarm)(actor).0.take_if(|(at, _)| *at == self.due).is_some() {
            (self.ring)(actor, ctx);
        }
    }
}

impl Alarm {
    /// Calls `ring` at `due`, or never; an alarm that would ring before that stays as it is. `alarm`
    /// finds it again in its actor.
    pub(crate) fn set<A: Actor<Context = Context<A>> + Handler<Rang<A>>>(
        &mut self,
        due: Option<Instant>,
        clock: &dyn Clock,
        ctx: &mut Context<A>,
        alarm: fn(&mut A) -> &mut Self,
        ring: fn(&mut A, &mut Context<A>),
    ) {
        if let Some((at, timer)) = &self.0 {
            if due.is_some_and(|due| *at <= due) {
                return;
            }
            timer.abort();
            self.0 = None;
        }
        let Some(due) = due else { return };
        let (sleep, actor) = (clock.sleep_until(due), ctx.address().downgrade());
        let (timer, handle) = abortable(async move {
            sleep.await;
            if let Some(actor) = actor.upgrade() {
                actor.do_send(Rang { due, alarm, ring });
            }
        });
        spawn(timer.map(|_| ()));
        self.0 = Some((due, handle));
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some((_, timer)) = self.0.take() {
            timer.abort();
        }
    }
}
