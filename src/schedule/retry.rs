//! Which jobs are tried again, and when.

use std::{fmt, sync::Arc, time::Duration};

use crate::{
    error::JobError,
    panic::{Apart, catch},
};

type When<E> = dyn Fn(&JobError<E>) -> bool + Send + Sync;

/// When a job that brought no value is tried again, and how often: for
/// [`Builder::retry`](crate::Builder::retry).
///
/// Tried again are jobs that failed, panicked, timed out, or lost their worker's thread; not those that
/// were cancelled, whatever they return after that, nor blocking ones that timed out, since their code may
/// still run. A job that is to be tried again has not ended: it waits, as one with a delay does, counts
/// against the queue's bound, and `run` and [`drain`](crate::Pool::drain) wait for it. Then it goes to its
/// old place in the queue, which after a delay is the one that it had then. Each attempt has the whole
/// [timeout](crate::Job::timeout); a [delay](crate::Job::delay) is not repeated. Its result is that of its
/// last attempt, and counts them ([`JobResult::attempts`](crate::JobResult::attempts)).
///
/// ```
/// use std::{io, time::Duration};
///
/// use actix_workpool::{JobError, Pool, Retry};
///
/// # #[actix::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = Pool::builder(async |n: &u64, cx| -> io::Result<u64> {
///     if cx.attempt() == 1 { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(n + 1) }
/// })
/// .retry(
///     Retry::attempts(3)
///         .backoff(Duration::from_millis(1), Duration::from_secs(10))
///         .when(|error: &JobError<io::Error>| match error {
///             JobError::Failed(error) => error.kind() == io::ErrorKind::ConnectionReset,
///             _ => false,
///         }),
/// )
/// .build()?;
/// assert_eq!(pool.run(1_u64).await?, 2);
/// # Ok(())
/// # }
/// ```
pub struct Retry<E> {
    pub(crate) attempts: u32,
    first: Duration,
    longest: Duration,
    when: Option<Apart<Arc<When<E>>>>,
}

impl<E> Retry<E> {
    /// A job is started so many times at most. 1 tries nothing again; 0 is refused by
    /// [`Builder::build`](crate::Builder::build).
    #[must_use]
    pub fn attempts(attempts: u32) -> Self {
        let (first, longest) = (Duration::from_millis(100), Duration::from_secs(30));
        Self { attempts, first, longest, when: None }
    }

    /// How long to wait before the second attempt, and at most; 0.1 and 30 seconds unless set. The wait
    /// doubles from attempt to attempt. Up to half of it, at random, is left out, so that jobs that failed
    /// together do not come back together ("equal jitter": M. Brooker, Exponential Backoff and Jitter,
    /// AWS Architecture Blog, 2015). Zero waits for nothing.
    #[must_use]
    pub fn backoff(self, first: Duration, longest: Duration) -> Self {
        Self { first, longest, ..self }
    }

    /// Tries again only what `when` says so of. Where it looks into the error, name the type:
    /// `.when(|error: &JobError<io::Error>| ..)`. It is called on the worker, and where it panics the job
    /// is not tried again. A job whose worker's thread died is tried again without being asked for: no
    /// thread is left to ask on.
    #[must_use]
    pub fn when(self, when: impl Fn(&JobError<E>) -> bool + Send + Sync + 'static) -> Self {
        let when: Arc<When<E>> = Arc::new(when);
        Self { when: Some(Apart::new(when)), ..self }
    }

    /// How long a job waits that has been started `attempts` times and was lost, if it is tried again.
    pub(crate) fn pause(&self, attempts: u32, random: u64) -> Option<Duration> {
        if attempts == 0 || attempts >= self.attempts {
            return None;
        }
        let doubled = 2_u32.saturating_pow(attempts - 1);
        let most = self.first.saturating_mul(doubled).min(self.longest);
        let half = most / 2;
        Some(half + half.mul_f64(share(random)))
    }

    /// The same for a job that ended with this error.
    pub(crate) fn verdict(
        &self,
        error: &JobError<E>,
        attempts: u32,
        random: u64,
    ) -> Option<Duration> {
        let kind =
            matches!(error, JobError::Failed(_) | JobError::Panicked(_) | JobError::TimedOut);
        let pause = if kind { self.pause(attempts, random)? } else { return None };
        let asked = self.when.as_ref().map(|when| catch(|| when(error)));
        match asked {
            None | Some(Ok(true)) => Some(pause),
            Some(Ok(false)) => None,
            Some(Err(text)) => {
                tracing::warn!(%text, "a retry rule panicked; the job is not tried again");
                None
            }
        }
    }
}

/// Part of one, by the upper half of a number whose bits are mixed first: numbers that follow each
/// other give shares that do not (the finalizer of `SplitMix64`, by G. Steele, D. Lea and C. Flood, 2014).
fn share(random: u64) -> f64 {
    let mut mixed = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    let upper = u32::try_from(mixed >> 32).unwrap_or(u32::MAX);
    f64::from(upper) / f64::from(u32::MAX)
}

impl<E> Clone for Retry<E> {
    fn clone(&self) -> Self {
        let when = self.when.as_deref().map(|when| Apart::new(when.clone()));
        Self { when, ..*self }
    }
}

impl<E> fmt::Debug for Retry<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("attempts", &self.attempts)
            .field("first", &self.first)
            .field("longest", &self.longest)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_double_up_to_the_longest_and_half_of_each_is_random() {
        let retry = Retry::<()>::attempts(9).backoff(2 * SECOND, 10 * SECOND);
        for (attempts, most) in [(1, 2), (2, 4), (3, 8), (4, 10), (8, 10)] {
            let pauses: Vec<_> = (0..100).map(|n| retry.pause(attempts, n).unwrap()).collect();
            let (least, most) = (most * SECOND / 2, most * SECOND);
            assert!(pauses.iter().all(|pause| (least..=most).contains(pause)), "{pauses:?}");
            assert!(pauses.iter().any(|pause| *pause > (least + most) / 2));
            assert!(pauses.iter().any(|pause| *pause < (least + most) / 2));
        }
        assert_eq!(
            (retry.pause(9, 0), retry.pause(u32::MAX, 0), retry.pause(0, 0)),
            (None, None, None)
        );
        let forever = Retry::<()>::attempts(u32::MAX).backoff(Duration::MAX, Duration::MAX);
        assert!(forever.pause(u32::MAX - 1, 1).is_some(), "no overflow");
    }

    #[test]
    fn the_rule_is_asked_and_what_was_cancelled_is_not_tried_again() {
        let retry = Retry::attempts(2).when(|error| match error {
            JobError::Failed(n) => *n > 1,
            JobError::Panicked(_) => panic!("so does the rule"),
            _ => true,
        });
        let tried = |error| retry.verdict(&error, 1, 0).is_some();
        assert!(tried(JobError::Failed(2)) && !tried(JobError::Failed(1)));
        assert!(tried(JobError::TimedOut) && !tried(JobError::Panicked("oh".into())));
        assert!(!tried(JobError::Cancelled) && !tried(JobError::Evicted));
        assert!(retry.verdict(&JobError::Failed(2), 2, 0).is_none(), "it was the last attempt");
    }
}
