use actix::{Actor, AsyncContext, Context, fut::wrap_future};

use crate::work::yield_once;

/// Messages after which everything else on the thread has its turn: a mailbox has no budget of its
/// own, and actix's `mailbox_assert` panics at 256.
const MESSAGES: u32 = 192;

/// How many messages an actor has handled in a row.
#[derive(Debug, Default)]
pub(crate) struct Budget(u32);

impl Budget {
    /// Counts a message, and lets everything else have its turn now and then. Returns whether it does.
    pub(crate) fn spend<A: Actor<Context = Context<A>>>(&mut self, ctx: &mut Context<A>) -> bool {
        self.0 += 1;
        let spent = self.0 >= MESSAGES;
        if spent {
            self.0 = 0;
            ctx.wait(wrap_future(yield_once()));
        }
        spent
    }
}
