//! Errors of a factory that panic when they are told, or dropped.

use std::{
    error::Error,
    fmt,
    future::pending,
    panic::resume_unwind,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_workpool::{JobContext, JobError, Pool, Processor, StepClock};
use futures::StreamExt;

use crate::{
    held::until,
    support::{Echo, status_when, warnings},
};

/// An error that panics where it is meant to.
#[derive(Clone, Copy, Debug)]
struct Panicky {
    in_text: bool,
    in_drop: bool,
}

const PANICKY: [Panicky; 3] = [
    Panicky { in_text: true, in_drop: false },
    Panicky { in_text: false, in_drop: true },
    Panicky { in_text: true, in_drop: true },
];

#[derive(Debug)]
struct NotBuilt(Panicky);

impl fmt::Display for NotBuilt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.in_text {
            resume_unwind(Box::new("the text of an error panics"));
        }
        f.write_str("not built")
    }
}

impl Error for NotBuilt {}

impl Drop for NotBuilt {
    fn drop(&mut self) {
        if self.0.in_drop {
            resume_unwind(Box::new("the drop of an error panics"));
        }
    }
}

/// Job 0 never ends, and job 1 panics.
struct Uneven;

impl Processor for Uneven {
    type Payload = u64;
    type Output = u64;
    type Error = String;

    async fn process(&mut self, n: &u64, _: &JobContext<u64, u64, String>) -> Result<u64, String> {
        match n {
            0 => pending().await,
            1 => resume_unwind(Box::new("one")),
            n => Ok(*n),
        }
    }
}

#[actix::test]
async fn a_factorys_error_that_panics_costs_no_job_beside_it() {
    warnings::listen();
    for panicky in PANICKY {
        let (calls, clock) = (AtomicUsize::new(0), StepClock::new());
        let factory = async move || match calls.fetch_add(1, Ordering::SeqCst) {
            2 => Err(NotBuilt(panicky)),
            _ => Ok(Uneven),
        };
        let builder = Pool::processor(factory).workers(2).threads(1);
        let pool = builder.clock(clock.clone()).build().unwrap();
        let mut results = pool.results();
        pool.submit(0_u64).await.unwrap();
        pool.submit(1_u64).await.unwrap();
        let result = results.next().await.unwrap();
        assert!(matches!(result.outcome(), Err(JobError::Panicked(_))), "{result:?}");
        until(|| clock.sleepers() > 0).await;
        clock.advance(Duration::from_millis(100));
        pool.submit(2_u64).await.unwrap();
        let result = results.next().await.unwrap();
        assert_eq!(result.outcome().ok(), Some(&2), "{panicky:?} {result:?}");
        assert_eq!(pool.status().await.unwrap().deaths, 0);
    }
}

#[actix::test]
async fn a_factorys_error_that_panics_is_a_failure_to_build_and_no_death() {
    warnings::listen();
    for panicky in PANICKY {
        let (calls, clock) = (Arc::new(AtomicUsize::new(0)), StepClock::new());
        let factory = move || match calls.fetch_add(1, Ordering::SeqCst) {
            0 => Err(NotBuilt(panicky)),
            _ => Ok(Echo),
        };
        let builder = Pool::blocking_processor(factory).workers(1);
        let pool = builder.clock(clock.clone()).build().unwrap();
        pool.submit(2_u64).await.unwrap();
        status_when(&pool, |status| status.build_failures == 1).await;
        until(|| clock.sleepers() > 0).await;
        clock.advance(Duration::from_millis(100));
        pool.drain().await.unwrap();
        let status = pool.status().await.unwrap();
        assert_eq!((status.counts.succeeded, status.deaths), (1, 0), "{panicky:?}");
    }
}
