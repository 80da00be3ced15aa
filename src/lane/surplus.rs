//! How many seats are to leave, whoever is first.

use crate::sync::{AtomicUsize, Ordering};

/// Seats that are to leave once their jobs have ended, shared by all workers of a pool. While there
/// are any, a seat that asks for a job leaves instead: so none starts one while as many run as the
/// pool is to have.
#[derive(Debug)]
pub(crate) struct Surplus(AtomicUsize);

impl Surplus {
    pub(crate) fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// The dispatcher's side: `n` more are to leave.
    pub(crate) fn add(&self, n: usize) {
        self.0.fetch_add(n, Ordering::AcqRel);
    }

    /// The dispatcher's side: `n` of them may stay after all, if so many have not left yet. Returns
    /// how many those are.
    pub(crate) fn cancel(&self, n: usize) -> usize {
        let less = |surplus: usize| Some(surplus - surplus.min(n));
        let (Ok(before) | Err(before)) =
            self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, less);
        before.min(n)
    }

    /// The seat's side: whether it is one of those that leave.
    #[inline]
    pub(crate) fn take(&self) -> bool {
        self.any() && self.cancel(1) == 1
    }

    #[inline]
    pub(crate) fn any(&self) -> bool {
        self.get() > 0
    }

    #[inline]
    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_leave_as_are_to_leave_and_have_not_been_called_back() {
        let surplus = Surplus::new();
        assert!(!surplus.take());
        surplus.add(3);
        assert!(surplus.take());
        assert_eq!((surplus.cancel(1), surplus.get()), (1, 1));
        assert!(surplus.take() && !surplus.take());
        assert_eq!(surplus.cancel(5), 0);
    }
}
