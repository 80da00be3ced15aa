use std::time::Instant;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, SpawnHandle};

use super::Clock;

/// One timer of an actor, that can be set anew. While it is set, the actor stays alive.
#[derive(Debug, Default)]
pub(crate) struct Alarm(Option<(Instant, SpawnHandle)>);

impl Alarm {
    /// Calls `ring` at `due`, or never; an alarm that would ring before that stays as it is. `this`
    /// finds the alarm again in its actor.
    pub(crate) fn set<A: Actor<Context = Context<A>>>(
        &mut self,
        due: Option<Instant>,
        clock: &dyn Clock,
        ctx: &mut Context<A>,
        this: fn(&mut A) -> &mut Self,
        ring: fn(&mut A, &mut Context<A>),
    ) {
        if let Some((at, timer)) = self.0 {
            if due.is_some_and(|due| at <= due) {
                return;
            }
            self.0 = None;
            ctx.cancel_future(timer);
        }
        let Some(due) = due else { return };
        let sleep = actix::fut::wrap_future::<_, A>(clock.sleep_until(due));
        let timer = ctx.spawn(sleep.map(move |(), actor, ctx| {
            this(actor).0 = None;
            ring(actor, ctx);
        }));
        self.0 = Some((due, timer));
    }
}
