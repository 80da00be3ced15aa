//! A payload and what came of it, whose drops panic both.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
};

use actix_workpool::{JobError, Pool, RunError};
use futures::StreamExt;

use crate::Unconditional;

type Pairs = Pool<Unconditional, Unconditional, Unconditional>;

/// Jobs succeed and fail in turn.
fn pairs() -> Pairs {
    let builder = Pool::builder(async |_: &Unconditional, cx| match cx.id().get() % 2 {
        0 => Ok(Unconditional),
        _ => Err(Unconditional),
    });
    builder.workers(1).build().unwrap()
}

#[actix::test]
async fn a_result_that_nobody_hears_costs_nobody_anything() {
    let pool = pairs();
    for _ in 0..4 {
        pool.submit(Unconditional).await.unwrap();
    }
    pool.drain().await.unwrap();
    let status = pool.status().await.unwrap();
    assert_eq!((status.counts.succeeded, status.counts.failed, status.unheard), (2, 2, 4));
}

#[actix::test]
async fn a_result_panics_once_for_whoever_drops_it_last() {
    let pool = pairs();
    let (mut ones, mut others) = (pool.results(), pool.results());
    for _ in 0..2 {
        pool.submit(Unconditional).await.unwrap();
        let (one, other) = (ones.next().await.unwrap(), others.next().await.unwrap());
        drop(one);
        assert!(catch_unwind(AssertUnwindSafe(|| drop(other))).is_err());
    }
    drop(others);
    for _ in 0..2 {
        pool.submit(Unconditional).await.unwrap();
        let result = ones.next().await.unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| drop(result))).is_err());
    }
}

#[actix::test]
async fn a_caller_gets_what_came_of_its_job_although_the_drop_of_its_payload_panics() {
    let pool = pairs();
    for _ in 0..2 {
        match pool.run(Unconditional).await {
            Ok(value) | Err(RunError::Ended(JobError::Failed(value))) => mem::forget(value),
            Err(_) => panic!("the job ended otherwise"),
        }
    }
    assert_eq!(pool.status().await.unwrap().counts.total(), 2);
}
