use std::future::Future;

use crate::{job::JobContext, value::Of};

/// A process function with state, for work that waits (I/O-bound): a connection, a session, a
/// buffer. Each worker has its own, built by a factory on the worker's own thread
/// ([`Pool::processor`](crate::Pool::processor)), so neither it nor its futures need be `Send`.
///
/// After a panic it is dropped, and the factory builds another.
pub trait Processor: 'static {
    /// What a job carries.
    type Payload;
    /// What a job that succeeds brings.
    type Output;
    /// What a job that fails brings.
    type Error;

    /// Does one job. The future is dropped at an `await` if the job is cancelled.
    fn process(
        &mut self,
        payload: &Self::Payload,
        cx: &JobContext<Self::Payload, Self::Output, Self::Error>,
    ) -> impl Future<Output = Result<Self::Output, Self::Error>>;
}

/// A process function with state, for work that computes or blocks (CPU-bound): a model, a
/// compressor, a buffer. Each worker has its own, built by a factory on the worker's own thread
/// ([`Pool::blocking_processor`](crate::Pool::blocking_processor)), so it need not be `Send`.
///
/// After a panic it is dropped, and the factory builds another.
pub trait BlockingProcessor: 'static {
    /// What a job carries.
    type Payload;
    /// What a job that succeeds brings.
    type Output;
    /// What a job that fails brings.
    type Error;

    /// Does one job. A long one should ask [`JobContext::is_cancelled`] between its steps.
    ///
    /// # Errors
    /// Whatever the job fails with.
    fn process(
        &mut self,
        payload: &Self::Payload,
        cx: &JobContext<Self::Payload, Self::Output, Self::Error>,
    ) -> Result<Self::Output, Self::Error>;
}

/// A closure as a processor without state of its own.
pub(super) struct Stateless<F, T, U, E>(pub(super) F, pub(super) Of<T, U, E>);

impl<F, T: 'static, U: 'static, E: 'static> Processor for Stateless<std::sync::Arc<F>, T, U, E>
where
    F: AsyncFn(&T, &JobContext<T, U, E>) -> Result<U, E> + 'static,
{
    type Payload = T;
    type Output = U;
    type Error = E;

    async fn process(&mut self, payload: &T, cx: &JobContext<T, U, E>) -> Result<U, E> {
        (self.0)(payload, cx).await
    }
}

impl<F, T: 'static, U: 'static, E: 'static> BlockingProcessor
    for Stateless<std::sync::Arc<F>, T, U, E>
where
    F: Fn(&T, &JobContext<T, U, E>) -> Result<U, E> + 'static,
{
    type Payload = T;
    type Output = U;
    type Error = E;

    fn process(&mut self, payload: &T, cx: &JobContext<T, U, E>) -> Result<U, E> {
        (self.0)(payload, cx)
    }
}
