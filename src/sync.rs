//! The primitives that lanes are built from: `std`'s, or `loom`'s when the lanes are model-checked
//! (`RUSTFLAGS="--cfg workpool_loom"`, see `CONTRIBUTING.md`).

#[cfg(not(workpool_loom))]
pub(crate) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};

#[cfg(workpool_loom)]
pub(crate) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};

/// Locks, whether or not a holder panicked: what stands behind these locks is consistent after
/// every statement, and a pool must go on when a value's `Drop` panics under one.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
