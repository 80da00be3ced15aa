//! The messages between the pool's actors, in the order in which they are sent.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    job::{Staff, WorkStation},
    message::Origin,
    schedule::{Port, Step},
    sync::{Mutex, lock},
};

/// What one actor has another do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Knock,
    Wake(usize),
    Collect(Origin),
    Settle(u64),
    Muster,
}

/// Where actors would run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thread {
    /// Of dispatcher and collector, of who submits, and of who gets the results.
    Home,
    Worker(usize),
}

impl Message {
    /// On which thread it is handled.
    fn thread(self) -> Thread {
        match self {
            Self::Wake(worker) => Thread::Worker(worker),
            Self::Knock | Self::Collect(_) | Self::Settle(_) | Self::Muster => Thread::Home,
        }
    }
}

/// Every mailbox, as one.
#[derive(Debug)]
pub(crate) struct Mail(Mutex<Sorted>);

#[derive(Debug)]
struct Sorted {
    queue: VecDeque<Message>,
    at_work: Thread,
    messages: u64,
    wake_ups: u64,
}

impl Mail {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Sorted {
            queue: VecDeque::new(),
            at_work: Thread::Home,
            messages: 0,
            wake_ups: 0,
        })))
    }

    /// Sends a message. It wakes its thread, where that is not at work and has nothing else to handle.
    pub(crate) fn send(&self, message: Message) {
        let mut sorted = lock(&self.0);
        let to = message.thread();
        let awake = sorted.at_work == to || sorted.queue.iter().any(|other| other.thread() == to);
        sorted.messages += 1;
        sorted.wake_ups += u64::from(!awake);
        sorted.queue.push_back(message);
    }

    /// The next message, which its thread is about to handle.
    pub(crate) fn next(&self) -> Option<Message> {
        let mut sorted = lock(&self.0);
        let message = sorted.queue.pop_front()?;
        sorted.at_work = message.thread();
        Some(message)
    }

    /// How many messages nobody has handled.
    pub(crate) fn len(&self) -> usize {
        lock(&self.0).queue.len()
    }

    /// From here on, this thread is at work.
    pub(crate) fn turn_to(&self, thread: Thread) {
        lock(&self.0).at_work = thread;
    }

    /// Messages and wake-ups so far.
    pub(crate) fn counted(&self) -> (u64, u64) {
        let sorted = lock(&self.0);
        (sorted.messages, sorted.wake_ups)
    }
}

/// What the scheduler has done by others. Nobody dies, leaves, or is told to stop here.
impl<T, U, E> Port<T, U, E> for Arc<Mail> {
    fn wake(&mut self, worker: usize) {
        self.send(Message::Wake(worker));
    }

    fn stop_jobs(&mut self, _: usize, _: Step) {
        unreachable!("no pool is shut down");
    }

    fn look(&mut self, _: usize, _: usize) {
        unreachable!("no job is cancelled");
    }

    fn collect(&mut self) {
        self.send(Message::Collect(Origin::Dispatcher));
    }

    fn settle(&mut self, accepted: u64, _: bool) {
        self.send(Message::Settle(accepted));
    }

    fn again(&mut self) {
        self.send(Message::Knock);
    }

    fn muster(&mut self) {
        self.send(Message::Muster);
    }

    fn chance(&mut self) -> u64 {
        0
    }

    fn system_runs(&self) -> bool {
        true
    }

    fn hire(&mut self, _: usize, _: &Arc<WorkStation<T, U, E>>, _: Staff) -> bool {
        unreachable!("all workers are there from the start");
    }

    fn seat(&mut self, _: usize, _: Staff) {
        unreachable!("no pool is resized");
    }

    fn dismiss(&mut self, _: usize, _: Vec<usize>) {
        unreachable!("no pool is resized");
    }

    fn retire(&mut self, _: usize) {
        unreachable!("no pool is resized");
    }
}
