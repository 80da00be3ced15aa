//! Messages to an actor, one by one, on the way that costs least.

use std::{
    cell::RefCell,
    collections::VecDeque,
    future::poll_fn,
    sync::{Arc, OnceLock},
};

use actix::Message;

use crate::{
    deliver::{Credit, Lot, Mailbox, Outlet, Splitter},
    panic::drop_each,
};

use super::{
    outlet::Actors,
    site::{IN_A_ROW, Site, are_few},
};

/// Where an actor runs is not to be seen from its recipient, but whoever drops the answer to a message is
/// there. If that is another thread, messages go there by a [`Splitter`] from then on.
pub(crate) struct Singly<M, O: Mailbox<M>> {
    outlet: O,
    way: RefCell<Way<M, O>>,
}

/// How messages go.
enum Way<M, O> {
    /// From here; the next is to find out where its handler runs.
    Unasked,
    /// From here, until one has found out; `None` if no arbiter runs there.
    Asked(Arc<OnceLock<Option<Site>>>),
    /// From here.
    Here,
    There {
        splitter: Arc<Splitter<M, O>>,
        lot: Lot<M>,
    },
}

impl<M: Message<Result = ()> + Send + 'static, O: Actors<M>> Singly<M, O> {
    pub(crate) fn new(outlet: O) -> Self {
        Self { outlet, way: RefCell::new(Way::Unasked) }
    }

    /// Sees whether a message has found out.
    #[inline]
    fn find(&self, way: &mut Way<M, O>) {
        if let Way::Asked(found) = way
            && let Some(site) = found.clone().get()
        {
            *way = self.way_to(site.as_ref());
        }
    }

    #[cold]
    fn way_to(&self, site: Option<&Site>) -> Way<M, O> {
        let Some(site) = site.filter(|site| !site.is_here()) else { return Way::Here };
        let splitter = Arc::new(Splitter::new(self.outlet.clone()));
        let task = Task(splitter.clone());
        site.spawn(async move { poll_fn(|cx| task.0.poll(IN_A_ROW, cx)).await });
        Way::There { splitter, lot: Lot::default() }
    }

    /// Sends a message that finds out.
    #[cold]
    fn ask(&self, message: M, credit: Option<Credit>, way: &mut Way<M, O>) -> Result<(), M> {
        let found = Arc::default();
        let probe = Probe { found: Arc::clone(&found), _credit: credit };
        self.outlet.ask(message, probe)?;
        // An answer that was there before it was waited for was dropped here, wherever its actor is.
        if found.get().is_none() {
            *way = Way::Asked(found);
        }
        Ok(())
    }
}

impl<M, O> Outlet<M> for Singly<M, O>
where
    M: Message<Result = ()> + Send + 'static,
    O: Actors<M>,
{
    fn send(&self, message: M, credit: Option<Credit>) -> Result<(), M> {
        let way = &mut *self.way.borrow_mut();
        self.find(way);
        match way {
            Way::Unasked => self.ask(message, credit, way),
            Way::Asked(_) | Way::Here => self.outlet.send(message, credit),
            Way::There { lot, .. } if lot.is_empty() && self.outlet.is_gone() => Err(message),
            Way::There { lot, .. } => {
                lot.push(message, credit);
                Ok(())
            }
        }
    }

    fn send_all(&self, messages: &mut VecDeque<M>) -> bool {
        let way = &mut *self.way.borrow_mut();
        self.find(way);
        match way {
            Way::Unasked => {
                let first = messages.pop_front().map(|first| self.ask(first, None, way));
                match first {
                    Some(Err(first)) => {
                        messages.push_front(first);
                        false
                    }
                    _ => self.outlet.send_all(messages),
                }
            }
            Way::Asked(_) | Way::Here => self.outlet.send_all(messages),
            Way::There { .. } if self.outlet.is_gone() => false,
            Way::There { lot, .. } => {
                lot.take_in(messages);
                true
            }
        }
    }

    fn flush(&self) {
        let Way::There { splitter, lot } = &mut *self.way.borrow_mut() else { return };
        if lot.is_empty() {
            return;
        }
        if are_few(lot.len()) && splitter.is_idle() {
            drop_each(lot.send(usize::MAX, &self.outlet).into_iter().flatten());
        } else {
            splitter.hand_over(lot);
        }
    }

    fn settle(&self) {
        if let Way::There { splitter, lot } = &mut *self.way.borrow_mut() {
            splitter.hand_over(lot);
            splitter.settle();
            *lot = Lot::default();
        }
    }

    fn is_gone(&self) -> bool {
        self.outlet.is_gone()
    }

    fn weaken(self: Box<Self>) -> Box<dyn Outlet<M>> {
        Box::new(Singly::new(self.outlet.weak()))
    }
}

impl<M, O: Mailbox<M>> Drop for Singly<M, O> {
    fn drop(&mut self) {
        if let Way::There { splitter, lot } = self.way.get_mut() {
            splitter.hand_over(lot);
            splitter.close();
        }
    }
}

/// What runs on the subscriber's thread.
struct Task<M, O: Mailbox<M>>(Arc<Splitter<M, O>>);

impl<M, O: Mailbox<M>> Drop for Task<M, O> {
    /// Its arbiter may have ended before it.
    fn drop(&mut self) {
        self.0.orphan();
    }
}

/// Dropped with the answer to a message, where that was handled.
struct Probe {
    found: Arc<OnceLock<Option<Site>>>,
    _credit: Option<Credit>,
}

impl Drop for Probe {
    fn drop(&mut self) {
        let _ = self.found.set(Site::here());
    }
}
