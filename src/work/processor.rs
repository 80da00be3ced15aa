use std::future::Future;

use crate::{job::JobContext, value::Of};

/// A process function with state, for work that waits (I/O-bound): a connection, a session, a
/// buffer. Each worker has its own, built by a factory on the worker's own thread
/// ([`Pool::processor`](crate::Pool::processor)), so neither it nor its futures need be `Send`.
///
/// After a panic it is dropped, and the factory builds another.
///
/// ```
/// # use std::io;
/// # use actix_workpool::{JobContext, Pool, Processor};
/// # struct Session;
/// # impl Session {
/// #     async fn open() -> io::Result<Self> { Ok(Self) }
/// #     async fn ask(&mut self, query: &str) -> io::Result<usize> { Ok(query.len()) }
/// # }
/// struct Client(Session);
///
/// impl Processor for Client {
///     type Payload = String;
///     type Output = usize;
///     type Error = io::Error;
///
///     async fn process(
///         &mut self,
///         query: &String,
///         _: &JobContext<String, usize, io::Error>,
///     ) -> io::Result<usize> {
///         self.0.ask(query).await
///     }
/// }
///
/// # #[actix::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let factory = async || Ok::<_, io::Error>(Client(Session::open().await?));
/// let pool = Pool::processor(factory).workers(8).build()?;
/// assert_eq!(pool.run("four".to_owned()).await?, 4);
/// # Ok(())
/// # }
/// ```
pub trait Processor: 'static {
    /// What a job carries.
    type Payload;
    /// What a job that succeeds brings.
    type Output;
    /// What a job that fails brings.
    type Error;

    /// Does one job. The future is dropped at an `await` if the job is cancelled or times out, and the
    /// processor is kept for the next job: leave it usable at each `await`.
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
///
/// ```
/// # use std::convert::Infallible;
/// # use actix_workpool::{BlockingProcessor, JobContext, Pool};
/// struct Counter(Vec<u32>);
///
/// impl BlockingProcessor for Counter {
///     type Payload = Vec<u8>;
///     type Output = u32;
///     type Error = Infallible;
///
///     fn process(
///         &mut self,
///         bytes: &Vec<u8>,
///         _: &JobContext<Vec<u8>, u32, Infallible>,
///     ) -> Result<u32, Infallible> {
///         self.0.fill(0);
///         bytes.iter().for_each(|&byte| self.0[usize::from(byte)] += 1);
///         Ok(self.0.iter().copied().max().unwrap_or(0))
///     }
/// }
///
/// # #[actix::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let factory = || Ok::<_, Infallible>(Counter(vec![0; 256]));
/// let pool = Pool::blocking_processor(factory).build()?;
/// assert_eq!(pool.run(b"banana".to_vec()).await?, 3);
/// # Ok(())
/// # }
/// ```
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
