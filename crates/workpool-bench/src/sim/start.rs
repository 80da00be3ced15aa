//! How actors get onto simulated arbiters. A type's own function goes before that of its trait: the
//! pool's source calls these where it means `Actor::start_in_arbiter`.

use actix::{
    Actor, Addr, Context,
    dev::{AsyncContextParts, channel},
};

use crate::{
    collector::Collector, dispatcher::Dispatcher, runtime::ArbiterHandle, sim, value::Value,
    worker::Worker,
};

/// As actix has it.
const MAILBOX: usize = 16;

pub(crate) fn start<A>(
    arbiter: &ArbiterHandle,
    name: &'static str,
    make: impl FnOnce(&mut Context<A>) -> A + 'static,
) -> Addr<A>
where
    A: Actor<Context = Context<A>>,
    Context<A>: AsyncContextParts<A>,
{
    let (sender, receiver) = channel::channel(MAILBOX);
    sim::thread(arbiter.0).execute(move || {
        let mut ctx = Context::with_receiver(receiver);
        let actor = make(&mut ctx);
        sim::this_thread().spawn_named(name, ctx.into_future(actor));
    });
    Addr::new(sender)
}

macro_rules! actors {
    ($($actor:ident)*) => { $(
        impl<T: Value, U: Value, E: Value> $actor<T, U, E> {
            pub(crate) fn start_in_arbiter(
                arbiter: &ArbiterHandle,
                make: impl FnOnce(&mut Context<Self>) -> Self + 'static,
            ) -> Addr<Self> {
                start(arbiter, stringify!($actor), make)
            }
        }
    )* };
}

actors!(Collector Dispatcher Worker);
