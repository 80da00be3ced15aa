use std::{fmt, mem, slice, vec};

use crate::{job::JobResult, panic::drop_each};

/// A batch of results, in the order in which the collector fetched them.
///
/// Each can be kept without the others.
pub struct Results<T, U, E>(pub(crate) Vec<JobResult<T, U, E>>);

impl<T, U, E> Results<T, U, E> {
    /// How many results these are: at least one.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none, which a subscriber never sees.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The results by reference.
    pub fn iter(&self) -> slice::Iter<'_, JobResult<T, U, E>> {
        self.0.iter()
    }
}

impl<T, U, E> IntoIterator for Results<T, U, E> {
    type Item = JobResult<T, U, E>;
    type IntoIter = vec::IntoIter<JobResult<T, U, E>>;

    fn into_iter(mut self) -> Self::IntoIter {
        mem::take(&mut self.0).into_iter()
    }
}

impl<T, U, E> Drop for Results<T, U, E> {
    /// One by one, in whatever mailbox they lie: two values whose drops panic would abort the process
    /// otherwise.
    fn drop(&mut self) {
        drop_each(mem::take(&mut self.0));
    }
}

impl<'r, T, U, E> IntoIterator for &'r Results<T, U, E> {
    type Item = &'r JobResult<T, U, E>;
    type IntoIter = slice::Iter<'r, JobResult<T, U, E>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T, U, E> fmt::Debug for Results<T, U, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}
