//! In place of the pool's `sync`: the same primitives, at each of which a simulated thread may be
//! held up. It never is while it holds a lock, since others would find that lock taken: nothing that
//! they could do meanwhile differs from their doing it before or after.

use std::{
    ops::{Deref, DerefMut},
    sync::{Mutex as Inner, MutexGuard as InnerGuard, PoisonError, atomic},
};

pub(crate) use std::sync::atomic::Ordering;

use crate::sim;

#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(Inner<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Inner::new(value))
    }
}

/// As the pool's: whether or not a holder panicked.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    sim::hold();
    MutexGuard(Some(mutex.0.lock().unwrap_or_else(PoisonError::into_inner)))
}

/// Released, it lets other threads run.
#[derive(Debug)]
pub(crate) struct MutexGuard<'m, T>(Option<InnerGuard<'m, T>>);

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.0 {
            Some(guard) => guard,
            None => unreachable!("it is released when it is dropped"),
        }
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.0 {
            Some(guard) => guard,
            None => unreachable!("it is released when it is dropped"),
        }
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        drop(self.0.take());
        sim::release();
        sim::step();
    }
}

macro_rules! atomics {
    ($($name:ident: $value:ty { $($op:ident)* })*) => { $(
        #[derive(Debug, Default)]
        pub(crate) struct $name(atomic::$name);

        impl $name {
            pub(crate) fn new(value: $value) -> Self {
                Self(atomic::$name::new(value))
            }

            pub(crate) fn load(&self, order: Ordering) -> $value {
                sim::step();
                self.0.load(order)
            }

            pub(crate) fn store(&self, value: $value, order: Ordering) {
                self.0.store(value, order);
                sim::step();
            }

            $(pub(crate) fn $op(&self, value: $value, order: Ordering) -> $value {
                let before = self.0.$op(value, order);
                sim::step();
                before
            })*
        }
    )* };
}

atomics! {
    AtomicBool: bool { swap }
    AtomicU64: u64 { fetch_add }
    AtomicUsize: usize { fetch_add fetch_sub }
}

impl AtomicUsize {
    pub(crate) fn fetch_update(
        &self,
        set: Ordering,
        fetch: Ordering,
        update: impl FnMut(usize) -> Option<usize>,
    ) -> Result<usize, usize> {
        let updated = self.0.fetch_update(set, fetch, update);
        sim::step();
        updated
    }
}
