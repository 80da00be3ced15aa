//! Messages to a recipient, one by one, on the way that costs least.

use std::{
    cell::{OnceCell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    sync::{Arc, OnceLock},
};

use actix::Message;

use crate::{
    deliver::{Credit, Lot, Outlet, Splitter},
    panic::drop_each,
};

use super::{
    outlet::Mailbox,
    place::{IN_A_ROW, Place, are_few},
};

/// Where its handler runs is not to be seen from a recipient, but whoever drops the answer to the first
/// message is there. If that is another thread, messages go there by a [`Splitter`] from then on.
pub(crate) struct Singly<M, O: Mailbox<M>> {
    outlet: O,
    /// Where the handler runs, once it was asked for; `None` inside if no arbiter runs there.
    found: OnceCell<Arc<OnceLock<Option<Place>>>>,
    far: OnceCell<Option<Arc<Splitter<M, O>>>>,
    lot: RefCell<Lot<M>>,
}

impl<M, O: Mailbox<M>> Singly<M, O> {
    pub(crate) fn new(outlet: O) -> Self {
        Self {
            outlet,
            found: OnceCell::new(),
            far: OnceCell::new(),
            lot: RefCell::new(Lot::default()),
        }
    }
}

impl<M: Message<Result = ()> + Send + 'static, O: Mailbox<M>> Singly<M, O> {
    /// By what messages go, if not from here.
    #[inline]
    fn far(&self) -> Option<&Arc<Splitter<M, O>>> {
        match self.far.get() {
            Some(far) => far.as_ref(),
            None => self.find(),
        }
    }

    #[cold]
    fn find(&self) -> Option<&Arc<Splitter<M, O>>> {
        let found = self.found.get()?.get()?;
        let elsewhere = found.as_ref().filter(|place| !place.is_here());
        let split = |place: &Place| {
            let splitter = Arc::new(Splitter::new(self.outlet.clone()));
            let task = Task(splitter.clone());
            place.spawn(async move { poll_fn(|cx| task.0.poll(IN_A_ROW, cx)).await });
            splitter
        };
        self.far.get_or_init(|| elsewhere.map(split)).as_ref()
    }

    /// Sends a message from here.
    fn post(&self, message: M, credit: Option<Credit>) -> Result<(), M> {
        if self.found.get().is_some() {
            return self.outlet.send(message, credit);
        }
        let found = self.found.get_or_init(Arc::default).clone();
        self.outlet.ask(message, Finds { found, _credit: credit })
    }
}

impl<M, O> Outlet<M> for Singly<M, O>
where
    M: Message<Result = ()> + Send + 'static,
    O: Mailbox<M>,
{
    fn send(&self, message: M, credit: Option<Credit>) -> Result<(), M> {
        if self.far().is_none() {
            return self.post(message, credit);
        }
        let mut lot = self.lot.borrow_mut();
        if lot.is_empty() && self.outlet.is_gone() {
            return Err(message);
        }
        lot.push(message, credit);
        Ok(())
    }

    fn send_some(&self, messages: &mut VecDeque<M>, most: usize) -> bool {
        if self.found.get().is_none() && most > 0 {
            let first = messages.pop_front().map_or(Ok(()), |first| self.post(first, None));
            return match first {
                Ok(()) => self.outlet.send_some(messages, most - 1),
                Err(first) => {
                    messages.push_front(first);
                    false
                }
            };
        }
        if self.far().is_none() {
            return self.outlet.send_some(messages, most);
        }
        if self.outlet.is_gone() {
            return false;
        }
        let lot = &mut *self.lot.borrow_mut();
        if messages.len() <= most {
            lot.take_in(messages);
        } else {
            messages.drain(..most).for_each(|message| lot.push(message, None));
        }
        true
    }

    fn flush(&self) {
        let Some(far) = self.far() else { return };
        let lot = &mut *self.lot.borrow_mut();
        if lot.is_empty() {
            return;
        }
        if !(are_few(lot.len()) && far.is_idle()) {
            return far.hand_over(lot);
        }
        drop_each(lot.send(usize::MAX, &self.outlet).err().into_iter().flatten());
    }

    fn settle(&self) {
        self.flush();
        if let Some(far) = self.far() {
            far.settle();
        }
    }

    fn is_gone(&self) -> bool {
        self.outlet.is_gone()
    }

    fn weaken(self: Box<Self>) -> Box<dyn Outlet<M>> {
        self.outlet.weak()
    }
}

impl<M, O: Mailbox<M>> Drop for Singly<M, O> {
    fn drop(&mut self) {
        if let Some(Some(far)) = self.far.get() {
            far.hand_over(self.lot.get_mut());
            far.close();
        }
    }
}

/// What runs on the subscriber's thread.
struct Task<M, O: Outlet<M>>(Arc<Splitter<M, O>>);

impl<M, O: Outlet<M>> Drop for Task<M, O> {
    /// Its arbiter may have ended before it.
    fn drop(&mut self) {
        self.0.orphan();
    }
}

/// Dropped with the answer to a message, where that was handled.
struct Finds {
    found: Arc<OnceLock<Option<Place>>>,
    _credit: Option<Credit>,
}

impl Drop for Finds {
    fn drop(&mut self) {
        let _ = self.found.set(Place::here());
    }
}
