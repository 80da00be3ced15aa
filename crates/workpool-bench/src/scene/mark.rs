//! Marks: what is sent to every listener after a promise that they have been told of everything.

use actix::{Handler, Message, WeakRecipient};

use crate::sim;

use super::{listener::Listener, stage::Stage};

/// These jobs have ended, and their results lie before this in every mailbox.
#[derive(Clone, Message)]
#[rtype(result = "()")]
pub(crate) struct Mark(Vec<u64>);

/// Everyone who may be marked, with the number of their pool.
#[derive(Debug, Default)]
pub(crate) struct Marks(Vec<(usize, WeakRecipient<Mark>)>);

impl Handler<Mark> for Listener {
    type Result = ();

    fn handle(&mut self, Mark(jobs): Mark, _: &mut Self::Context) {
        sim::with(|world| world.ledger.must_have_heard(self.number, &jobs));
    }
}

impl Stage {
    pub(super) fn may_be_marked(&self, listener: WeakRecipient<Mark>) {
        sim::with(|world| world.marks.borrow_mut().0.push((self.number, listener)));
    }

    /// The pool says that these have ended, and that all results were handed over.
    pub(super) fn mark(&self, jobs: &[u64]) {
        let find = |marks: &Marks| {
            let of_pool = marks.0.iter().filter(|(pool, _)| *pool == self.number);
            of_pool.filter_map(|(_, listener)| listener.upgrade()).collect::<Vec<_>>()
        };
        let listeners = sim::with(|world| find(&world.marks.borrow())).unwrap_or_default();
        for listener in listeners {
            listener.do_send(Mark(jobs.to_vec()));
        }
    }
}
