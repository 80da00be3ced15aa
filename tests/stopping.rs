//! Jobs that never return, and an actix `System` that stops.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::{
    sync::{Mutex, mpsc},
    time::Duration,
};

use actix::System;
use actix_workpool::{JobError, Jobs, Pool, RunError, Shutdown, StepClock, Stopped};
use futures::{FutureExt, StreamExt};
use support::{NumberResult, Numbers, listen, payloads, status_when, yield_now};

const MINUTE: Duration = Duration::from_secs(60);

fn is_abandoned(result: &NumberResult) -> bool {
    matches!(result.outcome(), Err(JobError::Abandoned))
}

/// Jobs that block their thread until they are released, whatever they are told. Odd ones do not.
struct Blocks {
    pool: Numbers,
    clock: StepClock,
    release: mpsc::Sender<()>,
}

fn blocks(form: &str) -> Blocks {
    let (clock, (release, held)) = (StepClock::new(), mpsc::channel());
    let held = Mutex::new(held);
    let block = move |n: &u64| {
        if n.is_multiple_of(2) {
            let _ = held.lock().unwrap().recv();
        }
        Ok(*n)
    };
    let builder = match form {
        "blocking" => Pool::blocking(move |n: &u64, _cx| block(n)),
        _ => Pool::builder(async move |n: &u64, _cx| block(n)),
    };
    let pool = builder.workers(2).threads(2).clock(clock.clone()).build().unwrap();
    Blocks { pool, clock, release }
}

#[actix::test]
async fn a_job_that_never_returns_is_abandoned_at_the_deadline_and_named() {
    for form in ["blocking", "async"] {
        let Blocks { pool, clock, release } = blocks(form);
        let mut ears = listen(&pool).await;
        let ids = pool.submit_all(Jobs::from_iter([2, 1, 3])).await.unwrap();
        assert_eq!(payloads(&ears.results(2).await), [1, 3], "{form}");
        status_when(&pool, |status| status.running == 1).await;
        let mut report = Box::pin(pool.shutdown(Shutdown::Drain(5 * MINUTE)));
        assert!((&mut report).now_or_never().is_none());
        pool.status().await.unwrap();
        clock.advance(5 * MINUTE);
        // An async job's thread has a moment more.
        pool.status().await.unwrap();
        clock.advance(Duration::from_secs(1));
        let report = (&mut report).await.unwrap();
        let said = format!("2 succeeded, 1 abandoned: {}; 1 thread left behind", ids[0]);
        assert_eq!(report.to_string(), said, "{form}");
        assert_eq!((report.abandoned, report.threads_left), (vec![ids[0]], 1), "{form}");
        assert_eq!((report.counts.abandoned, report.counts.succeeded), (1, 2));
        let result = ears.result().await;
        assert!(is_abandoned(&result));
        assert_eq!((*result.job().payload(), result.attempts()), (2, 1));
        assert_eq!(ears.drained().await.abandoned, 1);
        let result = result.into_parts().expect_err("its code still looks at the payload");
        drop(release);
        let mut result = Some(result);
        let parts = loop {
            match result.take().unwrap().into_parts() {
                Ok(parts) => break parts,
                Err(shared) => result = Some(shared),
            }
            yield_now().await;
        };
        assert_eq!(parts.job.into_payload(), 2, "{form}");
        assert_eq!(ears.rest().await.len(), 0, "what it returns is dropped");
    }
}

#[actix::test]
async fn the_caller_of_an_abandoned_job_is_told_so() {
    let Blocks { pool, clock, release: _release } = blocks("blocking");
    let caller = pool.clone();
    let run = actix_rt::spawn(async move { caller.run(2_u64).await });
    status_when(&pool, |status| status.running == 1).await;
    let handle = pool.clone();
    let report = actix_rt::spawn(async move { handle.shutdown(Shutdown::Now).await });
    status_when(&pool, |status| !status.open).await;
    clock.advance(MINUTE);
    assert_eq!(report.await.unwrap().unwrap().threads_left, 1);
    let error = run.await.unwrap().unwrap_err();
    assert!(matches!(error, RunError::Ended(JobError::Abandoned)), "{error:?}");
}

#[actix::test]
async fn without_a_grace_a_blocking_job_is_abandoned_at_once() {
    let (release, held) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    let pool: Numbers = Pool::blocking(move |n: &u64, _cx| {
        let _ = held.lock().unwrap().recv();
        Ok(*n)
    })
    .workers(1)
    .grace(Duration::ZERO)
    .build()
    .unwrap();
    pool.submit(1_u64).await.unwrap();
    status_when(&pool, |status| status.running == 1).await;
    let report = pool.shutdown(Shutdown::Now).await.unwrap();
    assert_eq!((report.counts.abandoned, report.threads_left), (1, 1));
    assert_eq!(pool.shutdown(Shutdown::Now).await.unwrap(), report, "asked twice");
    drop(release);
}

#[test]
fn when_the_system_stops_whoever_waits_is_told_and_nothing_hangs() {
    for (blocking, own_arbiter) in [(false, false), (false, true), (true, false), (true, true)] {
        System::new().block_on(async move {
            let stop = |n: &u64| {
                if *n == 1 {
                    System::current().stop();
                }
            };
            let builder: actix_workpool::Builder<u64, u64, String> = match blocking {
                true => Pool::blocking(move |n: &u64, _cx| {
                    stop(n);
                    Ok(*n)
                }),
                false => Pool::builder(async move |n: &u64, _cx| {
                    stop(n);
                    std::future::pending::<()>().await;
                    Ok(*n)
                }),
            };
            let builder = builder.workers(1);
            let pool = if own_arbiter { builder.own_arbiter() } else { builder }.build().unwrap();
            let mut results = pool.results();
            let mut others = pool.process(futures::stream::iter([2_u64, 3]));
            let (ran, drained, processed, heard) = futures::join!(
                pool.run(1_u64),
                pool.drain(),
                async {
                    let mut n = 0;
                    while others.next().await.is_some() {
                        n += 1;
                    }
                    n
                },
                async { while results.next().await.is_some() {} },
            );
            let context = (blocking, own_arbiter);
            if blocking {
                // It ran to its end, and its result may have been heard or not.
                assert!(matches!(ran, Ok(1) | Err(RunError::Stopped(_))), "{context:?}: {ran:?}");
            } else {
                // Its worker's arbiter may end before anyone can know that the System does.
                let lost = matches!(ran, Err(RunError::Ended(JobError::Lost)));
                assert!(lost || matches!(ran, Err(RunError::Stopped(_))), "{context:?}: {ran:?}");
                assert_eq!((drained, processed), (Err(Stopped), 0), "{context:?}");
            }
            let () = heard;
            assert_eq!(pool.shutdown(Shutdown::Drain(MINUTE)).await, Err(Stopped), "{context:?}");
            assert_eq!(pool.drain().await, Err(Stopped));
            assert!(pool.try_submit(9_u64).is_err() && pool.is_closed());
        });
    }
}
