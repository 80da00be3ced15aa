//! Actors as those who get a pool's messages.

use actix::{Message, Recipient, WeakRecipient};
use tokio::task::unconstrained;

use crate::{
    deliver::{Credit, Outlet},
    panic::catch,
};

use super::keep::keep_until;

impl<M: Message<Result = ()> + Send + 'static> Outlet<M> for Recipient<M> {
    fn send(&self, message: M, credit: Option<Credit>) -> Result<(), M> {
        match credit {
            None => post(self, message),
            // A clone has a slot of its own in the mailbox: `send` then enqueues at once, whatever
            // the mailbox's capacity, and no later message overtakes this one.
            Some(credit) => ask(&self.clone(), message, credit),
        }
    }

    fn is_gone(&self) -> bool {
        !self.connected()
    }

    fn weaken(self: Box<Self>) -> Box<dyn Outlet<M>> {
        Box::new(self.downgrade())
    }
}

impl<M: Message<Result = ()> + Send + 'static> Outlet<M> for WeakRecipient<M> {
    fn send(&self, message: M, credit: Option<Credit>) -> Result<(), M> {
        let Some(recipient) = self.upgrade() else { return Err(message) };
        match credit {
            None => post(&recipient, message),
            Some(credit) => ask(&recipient, message, credit),
        }
    }

    fn is_gone(&self) -> bool {
        self.upgrade().is_none_or(|recipient| !recipient.connected())
    }

    fn weaken(self: Box<Self>) -> Box<dyn Outlet<M>> {
        self
    }
}

/// Sends a message whose handling nobody waits for.
fn post<M: Message<Result = ()> + Send>(recipient: &Recipient<M>, message: M) -> Result<(), M> {
    // `do_send` alone would hide that the actor is gone; `try_send` alone would refuse where the mailbox is
    // full, after it has queued for room, under a lock.
    if !recipient.connected() {
        return Err(message);
    }
    // As in `ask`, the actor may stop this very moment.
    if let Err(text) = catch(|| recipient.do_send(message)) {
        tracing::warn!(%text, "the drop of a result panicked");
    }
    Ok(())
}

/// Sends a message through a recipient that was never used, and keeps the credit until it has been
/// handled, or never will be.
fn ask<M: Message<Result = ()> + Send + 'static>(
    unused: &Recipient<M>,
    message: M,
    credit: Credit,
) -> Result<(), M> {
    if !unused.connected() {
        return Err(message);
    }
    // An actor that stops this very moment loses the message, as it would one moment later, and the
    // drop of a value may panic.
    match catch(|| unused.send(message)) {
        // Whoever answers polls it, and may have used up its own budget.
        Ok(request) => keep_until(unconstrained(request), credit),
        Err(text) => tracing::warn!(%text, "the drop of a result panicked"),
    }
    Ok(())
}
