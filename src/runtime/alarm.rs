use std::time::Instant;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, SpawnHandle};

use super::Clock;

/// One timer of an actor, that can be set anew. While it is set, the actor stays alive.
#[derive(Debug, Default)]
pub(crate) struct Alarm(Option<(Instant, SpawnHandle)>);

impl Alarm {
    /// Calls `ring` at `due`, or never; an alarm that would ring before that stays as it is. `ring`
    /// begins with [`stopped`](Self::stopped).
    pub(crate) fn set<A: Actor<Context = Context<A>>>(
        &mut self,
        due: Option<Instant>,
        clock: &dyn Clock,
        ctx: &mut Context<A>,
        ring: impl FnOnce(&mut A, &mut Context<A>) + 'static,
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
        self.0 = Some((due, ctx.spawn(sleep.map(|(), actor, ctx| ring(actor, ctx)))));
    }

    /// It has rung.
    pub(crate) fn stopped(&mut self) {
        self.0 = None;
    }
}
