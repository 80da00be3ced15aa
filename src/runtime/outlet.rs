//! Actors as those who get a pool's messages.

use std::{collections::VecDeque, iter};

use actix::{Message, Recipient, WeakRecipient};
use tokio::task::unconstrained;

use crate::{
    deliver::{Credit, Mailbox, Outlet},
    panic::catch,
};

use super::keep::keep_until;

/// What leads to an actor.
pub(crate) trait Actors<M: Message<Result = ()> + Send>:
    Mailbox<M> + Clone + 'static
{
    /// As [`send`](Outlet::send), and keeps `kept` until the message has been handled, or never will be: it is
    /// dropped by whoever answers.
    fn ask(&self, message: M, kept: impl Send + 'static) -> Result<(), M>;

    /// The same, but it does not keep the actor alive.
    fn weak(&self) -> WeakRecipient<M>;
}

impl<M: Message<Result = ()> + Send + 'static> Actors<M> for Recipient<M> {
    fn ask(&self, message: M, kept: impl Send + 'static) -> Result<(), M> {
        // A clone has a slot of its own in the mailbox: `send` then enqueues at once, whatever
        // the mailbox's capacity, and no later message overtakes this one.
        ask(&self.clone(), message, kept)
    }

    fn weak(&self) -> WeakRecipient<M> {
        self.downgrade()
    }
}

impl<M: Message<Result = ()> + Send + 'static> Actors<M> for WeakRecipient<M> {
    fn ask(&self, message: M, kept: impl Send + 'static) -> Result<(), M> {
        // It is a recipient of its own already, which a clone of it would be.
        let Some(recipient) = self.upgrade() else { return Err(message) };
        ask(&recipient, message, kept)
    }

    fn weak(&self) -> WeakRecipient<M> {
        self.clone()
    }
}

impl<M: Message<Result = ()> + Send + 'static> Mailbox<M> for Recipient<M> {
    fn send_some(&self, messages: &mut VecDeque<M>, most: usize) -> bool {
        let connected = self.connected();
        if connected {
            post_each(self, messages.drain(..most.min(messages.len())));
        }
        connected
    }
}

impl<M: Message<Result = ()> + Send + 'static> Mailbox<M> for WeakRecipient<M> {
    fn send_some(&self, messages: &mut VecDeque<M>, most: usize) -> bool {
        self.upgrade().is_some_and(|recipient| recipient.send_some(messages, most))
    }
}

impl<M: Message<Result = ()> + Send + 'static> Outlet<M> for Recipient<M> {
    fn send(&self, message: M, credit: Option<Credit>) -> Result<(), M> {
        match credit {
            None => post(self, message),
            Some(credit) => self.ask(message, credit),
        }
    }

    fn send_all(&self, messages: &mut VecDeque<M>) -> bool {
        self.send_some(messages, usize::MAX)
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
        match (self.upgrade(), credit) {
            (None, _) => Err(message),
            (Some(recipient), None) => post(&recipient, message),
            (Some(recipient), Some(credit)) => ask(&recipient, message, credit),
        }
    }

    fn send_all(&self, messages: &mut VecDeque<M>) -> bool {
        self.send_some(messages, usize::MAX)
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
    if !recipient.connected() {
        return Err(message);
    }
    post_each(recipient, iter::once(message));
    Ok(())
}

/// Sends messages to an actor that was there a moment ago: `do_send` alone would hide that it is not, and
/// `try_send` would refuse where the mailbox is full, after it has queued for room, under a lock.
fn post_each<M: Message<Result = ()> + Send>(
    recipient: &Recipient<M>,
    mut messages: impl Iterator<Item = M>,
) {
    // As in `ask`, the actor may stop this very moment.
    while let Err(text) = catch(|| messages.by_ref().for_each(|m| recipient.do_send(m))) {
        tracing::warn!(%text, "the drop of a result panicked");
    }
}

/// Sends a message through a recipient that was never used; see [`Actors::ask`].
fn ask<M: Message<Result = ()> + Send + 'static>(
    unused: &Recipient<M>,
    message: M,
    kept: impl Send + 'static,
) -> Result<(), M> {
    if !unused.connected() {
        return Err(message);
    }
    // An actor that stops this very moment loses the message, as it would one moment later, and the
    // drop of a value may panic.
    match catch(|| unused.send(message)) {
        // Whoever answers polls it, and may have used up its own budget.
        Ok(request) => keep_until(unconstrained(request), kept),
        Err(text) => tracing::warn!(%text, "the drop of a result panicked"),
    }
    Ok(())
}
