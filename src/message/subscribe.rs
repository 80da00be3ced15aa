use std::{borrow::Cow, fmt, time::Duration};

use actix::{Message, Recipient};

use crate::{
    deliver::{Bounds, Kind, Limit, Order, Outlet, Results, SubscriptionId},
    error::SubscribeError,
    job::JobResult,
    runtime::Singly,
    value::Value,
};

use super::{Drained, Missed};

/// application → dispatcher, to be told of results or of quiescence from the answer on.
///
/// What can never work is refused ([`SubscribeError`]). A `send` that is dropped before it is handled
/// subscribes nobody; one that is dropped between that and its answer does, and nobody knows the id.
///
/// A subscriber that is gone is removed and counted when the next message for it is due, and the
/// others get everything. So is one whose handler panics: that ends its actor. A subscription holds
/// its recipient strongly, so that the actor lives as long as the pool unless it stops itself;
/// [`weak`](Self::weak) changes that.
///
/// A subscriber that is slower than the pool gathers results in its mailbox without bound, unless it
/// has a [`window`](Self::window).
///
/// ```
/// # use std::convert::Infallible;
/// # use actix::{Actor, Context, Handler};
/// # use actix_workpool::{JobResult, Pool, Subscribe};
/// struct Printer;
///
/// impl Actor for Printer {
///     type Context = Context<Self>;
/// }
///
/// impl Handler<JobResult<u64, u64, Infallible>> for Printer {
///     type Result = ();
///
///     fn handle(&mut self, result: JobResult<u64, u64, Infallible>, _: &mut Context<Self>) {
///         println!("{}: {:?}", result.id(), result.outcome());
///     }
/// }
///
/// # #[actix::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = Pool::builder(async |n: &u64, _cx| Ok::<_, Infallible>(n + 1)).build()?;
/// let printer = Printer.start();
/// let results = Subscribe::results(printer.recipient()).named("printer").window(100);
/// pool.subscribe(results).await?;
/// pool.submit(1_u64).await?;
/// pool.drain().await?;
/// # Ok(())
/// # }
/// ```
pub struct Subscribe<T, U, E> {
    kind: Kind<T, U, E>,
    name: Option<Cow<'static, str>>,
    window: Option<usize>,
    missed: Option<Box<dyn Outlet<Missed>>>,
    weak: bool,
}

impl<T: Value, U: Value, E: Value> Subscribe<T, U, E> {
    /// Every result, one message each.
    ///
    /// To an actor on another thread than the pool's, they go in lots, and a task there puts them into its mailbox,
    /// which costs half. They are there by the time that the pool is said to be dry, that the actor was
    /// unsubscribed, or that the pool has ended.
    pub fn results(recipient: Recipient<JobResult<T, U, E>>) -> Self {
        Self::to(Kind::Results(Box::new(Singly::new(recipient))))
    }

    /// Every result, in batches of all that came at once, at most 1,024 a batch; change that with
    /// [`max_len`](Self::max_len) and [`max_age`](Self::max_age). For many short jobs this costs a
    /// fraction of one message each.
    pub fn batches(recipient: Recipient<Results<T, U, E>>) -> Self {
        Self::to(Kind::Batches(Box::new(recipient), Bounds::default()))
    }

    /// Each time the pool becomes quiescent, once.
    pub fn drained(recipient: Recipient<Drained>) -> Self {
        Self::to(Kind::Drained(Box::new(recipient)))
    }

    fn to(kind: Kind<T, U, E>) -> Self {
        Self { kind, name: None, window: None, missed: None, weak: false }
    }

    /// A name for logs, and for [`Status::stall`](crate::Status::stall).
    #[must_use]
    pub fn named(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// How many results the subscriber may have that it has not handled: any number unless set; 0 is
    /// refused. Only [`results`](Self::results) and [`batches`](Self::batches) heed it.
    ///
    /// While its window is full, the pool hands out no job, and never more jobs than every window
    /// has room for. So memory stays bounded from a bounded queue to the subscriber. Room comes
    /// back when its handler has run: with an async response, when that has completed; with a
    /// batch, for all of its results at once. What can go beyond the window are results of jobs that
    /// were with workers when the subscription was made, and of jobs that end without a worker:
    /// evicted, rejected, or cancelled in the queue. What is gathered for a batch takes room, so no
    /// batch is larger than the window, whatever [`max_len`](Self::max_len) says.
    ///
    /// A subscriber that stops holds back nothing any more, nor does one that is
    /// [unsubscribed](crate::Unsubscribe). With [`on_missed`](Self::on_missed), the pool does not
    /// wait, and the subscriber misses what it has no room for.
    ///
    /// # Deadlocks
    /// A full window holds up everyone: callers of `run` wait, and `drain` waits. So a handler that
    /// waits for this pool in turn (for room in its queue, for `run`, or for `drain`) may wait for
    /// ever. After a second, that is reported as a [`Stall`](crate::Stall). Submit with
    /// [`try_submit`](crate::Pool::try_submit) or in a task of its own, or use `on_missed`. A
    /// shutdown with a deadline ends nevertheless: what waits in the queue by then is cancelled.
    #[must_use]
    pub fn window(mut self, results: usize) -> Self {
        self.window = Some(results);
        self
    }

    /// Lets the subscriber miss results while its [`window`](Self::window) is full: the pool does
    /// not wait for it, and `recipient`, which may be the same actor, is told how many it missed.
    /// Without a window, this is refused.
    ///
    /// It is told before the next result that the subscriber gets, and otherwise when the pool is
    /// quiescent, before [`Drained`]; at last when it is unsubscribed or the pool ends. The counts and
    /// the results that it got are all results together. As many such messages may wait to be
    /// handled as the window has results; while that many do, what is missed is added up, and
    /// results are missed that would have come after it. Where that many still wait when the pool is
    /// quiescent, it is told of the rest when it has handled one of them, after that `Drained`.
    ///
    /// Where `recipient` has stopped, missed results are only counted
    /// ([`Status::missed`](crate::Status::missed)).
    #[must_use]
    pub fn on_missed(mut self, recipient: Recipient<Missed>) -> Self {
        self.missed = Some(Box::new(recipient));
        self
    }

    /// Holds the recipients weakly: the subscription does not keep the actor alive. Once nobody else
    /// holds its address, the actor stops, as any actor does, results in its mailbox may be lost with
    /// it, and it is removed and counted as one that is gone.
    #[must_use]
    pub fn weak(mut self) -> Self {
        self.weak = true;
        self
    }

    /// How many results a batch may have: a batch of this length goes at once. Only
    /// [`batches`](Self::batches) heed it; 0 is refused.
    #[must_use]
    pub fn max_len(mut self, max_len: usize) -> Self {
        if let Kind::Batches(_, bounds) = &mut self.kind {
            bounds.max_len = max_len;
        }
        self
    }

    /// How long a result may wait for others to make a batch (none unless set: results go as they
    /// come). However long it is, a quiescent pool has handed over everything. Only
    /// [`batches`](Self::batches) heed it.
    #[must_use]
    pub fn max_age(mut self, max_age: Duration) -> Self {
        if let Kind::Batches(_, bounds) = &mut self.kind {
            bounds.max_age = max_age;
        }
        self
    }

    /// What the collector is to do, or why it never could.
    pub(crate) fn into_order(self) -> Result<Order<T, U, E>, SubscribeError> {
        let Self { kind, name, window, missed, weak } = self;
        if let Kind::Batches(_, Bounds { max_len: 0, .. }) = kind {
            return Err(SubscribeError::EmptyBatches);
        }
        let (kind, missed) =
            if weak { (kind.weaken(), missed.map(Outlet::weaken)) } else { (kind, missed) };
        let gone = kind.is_gone() || missed.as_ref().is_some_and(|outlet| outlet.is_gone());
        let limit = match (window, missed) {
            (Some(0), _) => return Err(SubscribeError::EmptyWindow),
            (None, Some(_)) => return Err(SubscribeError::NoWindow),
            _ if gone => return Err(SubscribeError::Gone),
            (Some(window), missed) => Some(Limit { window, missed }),
            (None, None) => None,
        };
        Ok(Order { name: name.unwrap_or("unnamed".into()), kind, limit })
    }
}

impl<T: Value, U: Value, E: Value> Message for Subscribe<T, U, E> {
    type Result = Result<SubscriptionId, SubscribeError>;
}

impl<T, U, E> fmt::Debug for Subscribe<T, U, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscribe")
            .field("name", &self.name)
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}
