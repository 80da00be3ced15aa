//! The flag by which the job on one seat is told to stop.

use tokio_util::sync::CancellationToken;

use crate::sync::{AtomicU64, Mutex, Ordering, lock};

/// Which attempt of a job on a seat has been told to stop, by its number. Those are never used twice, so
/// the flag need not be taken down for the next one.
#[derive(Debug)]
pub(crate) struct Told {
    job: AtomicU64,
    /// The running job's token, if it has asked for one.
    token: Mutex<Option<(u64, CancellationToken)>>,
}

impl Told {
    pub(crate) fn new() -> Self {
        Self { job: AtomicU64::new(0), token: Mutex::new(None) }
    }

    /// The dispatcher's side: tells this job, if it is still there.
    pub(crate) fn tell(&self, job: u64) {
        let token = {
            let token = lock(&self.token);
            self.job.store(job, Ordering::Release);
            token.as_ref().filter(|(of, _)| *of == job).map(|(_, token)| token.clone())
        };
        // Whoever is woken may be the user's, so not under the lock.
        token.iter().for_each(CancellationToken::cancel);
    }

    /// What was told last.
    pub(crate) fn ticket(&self) -> u64 {
        self.job.load(Ordering::Acquire)
    }

    pub(crate) fn is_told(&self, job: u64) -> bool {
        self.ticket() == job
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
        let told = Told::new();
        let (first, again) = (told.token(1), told.token(1));
        told.tell(1);
        assert!(first.is_cancelled() && again.is_cancelled() && told.is_told(1));
        assert!(!told.is_told(2) && !told.token(2).is_cancelled());
    }

    #[test]
    fn a_job_that_was_told_before_it_asked_gets_a_cancelled_token() {
        let told = Told::new();
        told.tell(7);
        assert!(told.token(7).is_cancelled());
    }
}
