//! Room for results: what a subscriber may have waiting, and what happens when it has no more.

use std::{borrow::Cow, fmt, sync::Arc};

use crate::{
    lane::{Holdback, Ring, Window},
    message::Missed,
    panic::Apart,
    sync::{AtomicBool, Ordering},
};

use super::hub::Outlet;

/// Opens the windows of a pool.
#[derive(Clone)]
pub(crate) struct Windows {
    holdback: Arc<Holdback>,
    /// Rings the dispatcher.
    bell: Arc<dyn Fn(Option<Ring>) + Send + Sync>,
}

impl Windows {
    pub(crate) fn new(
        holdback: Arc<Holdback>,
        bell: impl Fn(Option<Ring>) + Send + Sync + 'static,
    ) -> Self {
        Self { holdback, bell: Arc::new(bell) }
    }

    /// A window for which the pool waits.
    pub(super) fn open(&self, reader: Cow<'static, str>, capacity: usize) -> Arc<Account> {
        let account = Account::new(reader, capacity, Waits::Pool(self.clone()));
        self.holdback.open(account.window.clone());
        account
    }

    /// `n` results of accepted jobs have left the collector.
    pub(crate) fn forwarded(&self, n: u64) {
        (self.bell)(self.holdback.forwarded(n));
    }
}

impl fmt::Debug for Windows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Windows").field("holdback", &self.holdback).finish_non_exhaustive()
    }
}

/// One window, seen from those who fill it and those who empty it.
#[derive(Debug)]
pub(super) struct Account {
    window: Arc<Window>,
    waits: Waits,
}

/// Who waits for room in a window.
#[derive(Debug)]
enum Waits {
    Nobody,
    /// The pool does: it hands out no job whose result would find none.
    Pool(Windows),
    /// A notice does, while this is set.
    Notice(AtomicBool, Windows),
}

impl Account {
    fn new(reader: Cow<'static, str>, capacity: usize, waits: Waits) -> Arc<Self> {
        Arc::new(Self { window: Arc::new(Window::new(reader, capacity)), waits })
    }

    pub(super) fn fill(&self, n: usize) {
        self.window.fill(n);
    }

    pub(super) fn done(&self, n: usize) {
        if let Waits::Pool(Windows { holdback, bell }) = &self.waits {
            return bell(holdback.done(&self.window, n));
        }
        self.window.empty(n);
        if let Waits::Notice(waits, Windows { holdback, bell }) = &self.waits
            && waits.swap(false, Ordering::AcqRel)
        {
            bell(Some(holdback.can_be_told()));
        }
    }

    fn has_room(&self) -> bool {
        self.window.room() > 0
    }

    /// Whether it has room; if not, it will say so when it has.
    fn awaits_room(&self) -> bool {
        if self.has_room() {
            return true;
        }
        let Waits::Notice(waits, _) = &self.waits else { return false };
        // As in `Holdback::allowance`: room that is made after the second look finds the mark.
        waits.swap(true, Ordering::AcqRel);
        self.has_room()
    }

    /// The duty to empty it again of `n` results that fill it.
    fn credit(self: &Arc<Self>, n: usize) -> Credit {
        Credit { account: self.clone(), n }
    }

    /// Whatever fills it, it holds nothing back any more.
    pub(super) fn close(&self) {
        if let Waits::Pool(Windows { holdback, bell }) = &self.waits {
            bell(holdback.close(&self.window));
        }
    }
}

/// Room that results have taken in a window. It comes back when this is dropped: when their
/// subscriber has handled them, or never will.
#[derive(Debug)]
pub(crate) struct Credit {
    account: Arc<Account>,
    n: usize,
}

impl Drop for Credit {
    fn drop(&mut self) {
        self.account.done(self.n);
    }
}

/// What a subscriber asks for, as to how much it may have waiting.
pub(crate) struct Limit {
    /// In results.
    pub(crate) window: usize,
    /// Whom to tell of results that the subscriber misses; `None` if it misses none, and the pool
    /// waits.
    pub(crate) missed: Option<Box<dyn Outlet<Missed>>>,
}

/// What a subscriber may have waiting.
pub(super) enum Room {
    /// Anything.
    Endless,
    /// So much, and the pool waits.
    Waits(Arc<Account>),
    /// So much, and it misses the rest.
    Misses {
        account: Arc<Account>,
        /// Those who are told handle that in their own time too. As many notices may wait as
        /// results: where both go to one actor, a notice waits only with a result behind it.
        notices: Arc<Account>,
        /// `None` once it was found to be gone.
        outlet: Option<Apart<Box<dyn Outlet<Missed>>>>,
        /// Results that were missed, and of which nobody was told.
        missed: u64,
    },
}

impl Room {
    pub(super) fn new(limit: Limit, name: Cow<'static, str>, windows: &Windows) -> Self {
        let Limit { window, missed } = limit;
        match missed {
            None => Self::Waits(windows.open(name, window)),
            Some(outlet) => Self::Misses {
                account: Account::new(name.clone(), window, Waits::Nobody),
                notices: Account::new(
                    name,
                    window,
                    Waits::Notice(AtomicBool::new(false), windows.clone()),
                ),
                outlet: Some(Apart::new(outlet)),
                missed: 0,
            },
        }
    }

    /// Whether results may be missed.
    pub(super) fn is_lossy(&self) -> bool {
        matches!(self, Self::Misses { .. })
    }

    /// Whether one more result is handed over; if not, it counts as missed.
    pub(super) fn admit(&mut self) -> bool {
        let Self::Misses { account, notices, missed, .. } = self else { return true };
        let admitted = account.has_room() && (*missed == 0 || notices.has_room());
        *missed += u64::from(!admitted);
        admitted
    }

    /// `n` results take room.
    pub(super) fn fill(&self, n: usize) {
        if let Some(account) = self.account() {
            account.fill(n);
        }
    }

    /// What `n` results carry that have taken room.
    pub(super) fn credit(&self, n: usize) -> Option<Credit> {
        self.account().map(|account| account.credit(n))
    }

    fn account(&self) -> Option<&Arc<Account>> {
        match self {
            Self::Endless => None,
            Self::Waits(account) | Self::Misses { account, .. } => Some(account),
        }
    }

    /// Whether there are missed results that nobody was told of.
    pub(super) fn has_missed(&self) -> bool {
        matches!(self, Self::Misses { missed: 1.., .. })
    }

    /// Tells of the results that were missed: once notices have room, or at the `last` for good.
    pub(super) fn tell(&mut self, last: bool) {
        let Self::Misses { notices, outlet, missed, .. } = self else { return };
        if *missed == 0 || !(last || notices.awaits_room()) {
            return;
        }
        let notice = Missed { count: std::mem::take(missed) };
        if let Some(to) = outlet {
            notices.fill(1);
            if to.send(notice, Some(notices.credit(1))).is_err() {
                tracing::warn!(
                    "nobody is there to be told of missed results: they are only counted"
                );
                *outlet = None;
            }
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Self::Waits(account) = self {
            account.close();
        }
    }
}
