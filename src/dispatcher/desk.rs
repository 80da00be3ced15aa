//! What the dispatcher's handlers share with the answers they give: an answer sees whether someone
//! waits for it, and the handler does not.

use std::{cell::RefCell, iter, rc::Rc, sync::Arc};

use actix::{
    Addr, Context, Message,
    dev::{MessageResponse, OneshotSender},
};

use crate::{
    collector::Collector,
    error::{JobError, Refused},
    intake::{Decision, Inbox, Submission, Submitted},
    job::{Ended, Entry, Job, Jobs, WorkStation},
    lane::Chunks,
    message::{Collect, Origin, Shutdown},
    panic::drop_each,
    runtime::{Clock, Reply},
    value::Value,
};

use super::Dispatcher;

pub(crate) struct Desk<T: Value, U: Value, E: Value> {
    pub(crate) inbox: Arc<Inbox<T, U, E>>,
    pub(crate) collector: Addr<Collector<T, U, E>>,
    /// For jobs that end without a worker.
    pub(crate) exit: Arc<WorkStation<T, U, E>>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Who asked for the pool's end. The answers note it, while the dispatcher is not at hand.
    pub(super) asked: RefCell<Vec<Reply<<Shutdown as Message>::Result>>>,
}

impl<T: Value, U: Value, E: Value> Desk<T, U, E> {
    /// `report` is for the handles that ask for the pool's report, however late.
    pub(crate) fn new(
        inbox: Arc<Inbox<T, U, E>>,
        collector: Addr<Collector<T, U, E>>,
        exit: Arc<WorkStation<T, U, E>>,
        clock: Arc<dyn Clock>,
        report: Reply<<Shutdown as Message>::Result>,
    ) -> Self {
        Self { inbox, collector, exit, clock, asked: RefCell::new(vec![report]) }
    }

    fn put(&self, result: Ended<T, U, E>) {
        if self.exit.put(result).is_some() {
            self.collector.do_send(Collect { from: Origin::Dispatcher });
        }
    }

    /// Admits a submission and answers whoever waits for that; where nobody does, what is refused
    /// comes to the subscribers.
    fn admit<S: Submission<T, U, E>>(&self, submission: S, asker: Asker<S, T, U, E>) {
        if let Some(asker) = asker {
            let submitted = self.inbox.submit_or_wait(submission, Reply(asker));
            if let Submitted::Decided(asker, answer) = submitted {
                asker.send(answer);
            }
        } else if let Err(Refused { job, reason }) = self.inbox.try_submit(submission) {
            let now = self.clock.now();
            for job in S::each(job) {
                self.put(Entry::new(job).reject(JobError::Rejected(reason), now));
            }
        }
    }
}

impl<T: Value, U: Value, E: Value> Drop for Desk<T, U, E> {
    /// Where the arbiter ended before the dispatcher began, nobody else closes the inbox and tells
    /// those whose jobs are in it.
    fn drop(&mut self) {
        self.inbox.close();
        let mut left = Chunks::new();
        self.inbox.empty(0, &mut left);
        drop_each(iter::from_fn(|| left.pop_front()));
    }
}

type Asker<S, T, U, E> = Option<OneshotSender<Decision<S, T, U, E>>>;

/// The answer to a submission: once it is accepted, or refused.
pub struct Admission<M, T: Value, U: Value, E: Value> {
    pub(super) message: M,
    pub(super) desk: Rc<Desk<T, U, E>>,
}

impl<T: Value, U: Value, E: Value> MessageResponse<Dispatcher<T, U, E>, Job<T>>
    for Admission<Job<T>, T, U, E>
{
    fn handle(
        self,
        _: &mut Context<Dispatcher<T, U, E>>,
        asker: Option<OneshotSender<<Job<T> as Message>::Result>>,
    ) {
        self.desk.admit(Entry::new(self.message), asker);
    }
}

impl<T: Value, U: Value, E: Value> MessageResponse<Dispatcher<T, U, E>, Jobs<T>>
    for Admission<Jobs<T>, T, U, E>
{
    fn handle(
        self,
        _: &mut Context<Dispatcher<T, U, E>>,
        asker: Option<OneshotSender<<Jobs<T> as Message>::Result>>,
    ) {
        self.desk.admit(self.message, asker);
    }
}

/// The answer to a [`Shutdown`]: once the pool's threads have ended. So it cannot be a future on one
/// of them, as it would be where the dispatcher has an arbiter of its own.
pub struct Farewell<T: Value, U: Value, E: Value>(pub(super) Rc<Desk<T, U, E>>);

impl<T: Value, U: Value, E: Value> MessageResponse<Dispatcher<T, U, E>, Shutdown>
    for Farewell<T, U, E>
{
    fn handle(
        self,
        _: &mut Context<Dispatcher<T, U, E>>,
        asker: Option<OneshotSender<<Shutdown as Message>::Result>>,
    ) {
        self.0.asked.borrow_mut().extend(asker.map(Reply));
    }
}
