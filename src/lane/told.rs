//! The flag by which the job on one seat is told to stop.

use tokio_util::sync::CancellationToken;

use crate::sync::{AtomicU64, Mutex, Ordering, lock};

/// Why a job is told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    Cancelled,
    /// It runs for too long.
    Late,
}

/// Which start of a job on a seat has been told to stop, by its number. Those rise from 1 on, so the flags
/// need not be taken down for the next one.
#[derive(Debug, Default)]
pub(crate) struct Told {
    cancelled: AtomicU64,
    late: AtomicU64,
    /// The running job's token, if it has asked for one.
    token: Mutex<Option<(u64, CancellationToken)>>,
}

impl Told {
    /// The dispatcher's side: this job is to stop, if it is still there, and is to be [woken](Self::wake).
    pub(crate) fn mark(&self, job: u64, why: Why) {
        let flag = match why {
            Why::Cancelled => &self.cancelled,
            Why::Late => &self.late,
        };
        flag.store(job, Ordering::Release);
    }

    /// Wakes the job that was marked, if it listens. Whom it wakes may be the user's, so under no lock.
    pub(crate) fn wake(&self, job: u64) {
        let token = {
            let token = lock(&self.token);
            token.as_ref().filter(|(of, _)| *of == job).map(|(_, token)| token.clone())
        };
        token.iter().for_each(CancellationToken::cancel);
    }

    /// Whether this job is to stop, for whatever reason.
    #[inline]
    pub(crate) fn is_told(&self, job: u64) -> bool {
        self.is_cancelled(job) || self.is_late(job)
    }

    #[inline]
    pub(crate) fn is_cancelled(&self, job: u64) -> bool {
        self.cancelled.load(Ordering::Acquire) == job
    }

    #[inline]
    pub(crate) fn is_late(&self, job: u64) -> bool {
        self.late.load(Ordering::Acquire) == job
    }

    /// The job's side: a token that is cancelled when the job is told.
    pub(crate) fn token(&self, job: u64) -> CancellationToken {
        let mut token = lock(&self.token);
        let mine = match &*token {
            Some((of, token)) if *of == job => token.clone(),
            _ => CancellationToken::new(),
        };
        let old = token.replace((job, mine.clone()));
        let told = self.is_told(job);
        drop(token);
        drop(old);
        if told {
            mine.cancel();
        }
        mine
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_job_that_is_meant_is_told() {
        let told = Told::default();
        let (first, again) = (told.token(1), told.token(1));
        told.mark(1, Why::Cancelled);
        told.wake(1);
        assert!(first.is_cancelled() && again.is_cancelled() && told.is_told(1));
        assert!(!told.is_told(2) && !told.token(2).is_cancelled());
    }

    #[test]
    fn a_job_that_was_told_before_it_asked_gets_a_cancelled_token() {
        let told = Told::default();
        told.mark(7, Why::Late);
        assert!(told.is_late(7) && !told.is_cancelled(7));
        assert!(told.token(7).is_cancelled());
    }
}
