use std::marker::PhantomData;

/// What payloads, values and errors must be, and no more: `Send + Sync + 'static`.
///
/// Every such type is a `Value` already; there is nothing to implement.
pub trait Value: Send + Sync + 'static {}

impl<V: Send + Sync + 'static> Value for V {}

/// Names the types of a pool, and holds nothing.
pub(crate) type Of<T, U, E> = PhantomData<fn() -> (T, U, E)>;
