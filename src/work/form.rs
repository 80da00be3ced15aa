//! The forms of the user's work, with their types erased: once where a worker starts, not per job.

use std::{error::Error, marker::PhantomData, rc::Rc, sync::Arc};

use futures::future::LocalBoxFuture;

use crate::{
    job::{JobContext, WorkerId},
    panic::{Apart, catch, drop_each},
    value::Value,
};

use super::{
    post::Post,
    processor::{BlockingProcessor, Processor, Stateless},
    seat,
};

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// What a factory's error says. It ends here: to tell of it and to drop it is to call users' code.
pub(super) fn text_of(error: BoxError) -> Box<str> {
    let text = catch(|| error.to_string().into());
    drop_each([error]);
    text.unwrap_or_else(|panic| panic)
}

/// Everything that one seat of an async worker does, for as long as the worker lives.
pub(crate) type Serve<T, U, E> =
    dyn Fn(Rc<Post<T, U, E>>, WorkerId, usize) -> LocalBoxFuture<'static, ()> + Send + Sync;

/// A blocking process function on its own thread.
pub(crate) type Process<T, U, E> = dyn FnMut(&T, &JobContext<T, U, E>) -> Result<U, E>;

/// Builds a [`Process`] on the thread that is to run it.
pub(crate) type Build<T, U, E> = dyn Fn() -> Result<Box<Process<T, U, E>>, BoxError> + Send + Sync;

/// What a pool does with its jobs.
pub(crate) enum Work<T, U, E> {
    /// Waits: many jobs share a thread.
    Async(Arc<Serve<T, U, E>>),
    /// Computes or blocks: a thread for each worker.
    Blocking(Arc<Build<T, U, E>>),
}

impl<T, U, E> Clone for Work<T, U, E> {
    fn clone(&self) -> Self {
        match self {
            Self::Async(serve) => Self::Async(serve.clone()),
            Self::Blocking(build) => Self::Blocking(build.clone()),
        }
    }
}

impl<T: Value, U: Value, E: Value> Work<T, U, E> {
    pub(crate) fn async_fn<F>(process: F) -> Self
    where
        F: AsyncFn(&T, &JobContext<T, U, E>) -> Result<U, E> + Send + Sync + 'static,
    {
        let process = Arc::new(process);
        Self::processor(async move || Ok::<_, BoxError>(Stateless(process.clone(), PhantomData)))
    }

    pub(crate) fn blocking_fn<F>(process: F) -> Self
    where
        F: Fn(&T, &JobContext<T, U, E>) -> Result<U, E> + Send + Sync + 'static,
    {
        let process = Arc::new(process);
        Self::blocking_processor(move || Ok::<_, BoxError>(Stateless(process.clone(), PhantomData)))
    }

    pub(crate) fn processor<P, X, F>(factory: F) -> Self
    where
        P: Processor<Payload = T, Output = U, Error = E>,
        X: Into<BoxError> + 'static,
        F: AsyncFn() -> Result<P, X> + Send + Sync + 'static,
    {
        let factory = Arc::new(Apart::new(factory));
        Self::Async(Arc::new(move |post, worker, seat| {
            Box::pin(seat::serve(post, worker, seat, factory.clone()))
        }))
    }

    pub(crate) fn blocking_processor<P, X, F>(factory: F) -> Self
    where
        P: BlockingProcessor<Payload = T, Output = U, Error = E>,
        X: Into<BoxError> + 'static,
        F: Fn() -> Result<P, X> + Send + Sync + 'static,
    {
        let factory = Apart::new(factory);
        Self::Blocking(Arc::new(move || {
            let mut processor = Apart::new(factory().map_err(Into::into)?);
            Ok(Box::new(move |payload: &T, cx: &JobContext<T, U, E>| {
                processor.process(payload, cx)
            }))
        }))
    }
}
