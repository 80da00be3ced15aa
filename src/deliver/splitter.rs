//! Messages for a subscriber on another thread: they go there in lots, and are sent from there one by one.
//!
//! A message into the mailbox of an actor that runs meanwhile costs seven times what it costs on the
//! actor's own thread (see `docs/performance.md`).

use std::{
    collections::VecDeque,
    mem,
    task::{Context, Poll, Waker},
};

use crate::{
    panic::{OneByOne, drop_each},
    sync::{Mutex, lock},
};

use super::{hub::Outlet, windows::Credit};

/// While there is nothing to send, buffers keep room for so many.
const KEPT: usize = 64;

/// An outlet for several messages at once.
pub(crate) trait Mailbox<M>: Outlet<M> {
    /// Sends the first of these, so many; they need no credit. Where the subscriber is gone, those that it did
    /// not get are left.
    fn send_some(&self, messages: &mut VecDeque<M>, most: usize) -> bool;
}

/// Messages, and for each what is to be dropped once it is handled, if anything is for any.
pub(crate) struct Lot<M> {
    messages: OneByOne<VecDeque<M>>,
    /// As many, or none.
    credits: VecDeque<Credit>,
}

impl<M> Default for Lot<M> {
    fn default() -> Self {
        Self { messages: VecDeque::new().into(), credits: VecDeque::new() }
    }
}

impl<M> Lot<M> {
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Each message comes with a credit, or none does.
    pub(crate) fn push(&mut self, message: M, credit: Option<Credit>) {
        self.messages.push_back(message);
        self.credits.extend(credit);
    }

    /// Takes in all of these, without a credit. If there are no others, they are not moved: their buffer is.
    pub(crate) fn take_in(&mut self, messages: &mut VecDeque<M>) {
        if self.is_empty() {
            mem::swap(&mut *self.messages, messages);
        } else {
            self.messages.append(messages);
        }
    }

    fn append(&mut self, other: &mut Self) {
        self.take_in(&mut other.messages);
        self.credits.append(&mut other.credits);
    }

    /// Sends the first of them, so many. Where the subscriber is gone, all that is left comes back.
    pub(crate) fn send(&mut self, most: usize, to: &impl Mailbox<M>) -> Option<Vec<M>> {
        if self.credits.is_empty() {
            let sent = to.send_some(&mut self.messages, most);
            return (!sent).then(|| self.give_up());
        }
        for _ in 0..most {
            let message = self.messages.pop_front()?;
            if let Err(message) = to.send(message, self.credits.pop_front()) {
                self.messages.push_front(message);
                return Some(self.give_up());
            }
        }
        None
    }

    /// They will not be sent.
    fn give_up(&mut self) -> Vec<M> {
        self.credits.clear();
        mem::take(&mut *self.messages).into()
    }

    fn shrink(&mut self) {
        self.messages.shrink_to(KEPT);
        self.credits.shrink_to(KEPT);
    }
}

/// What lies between the collector and a task on the subscriber's thread. Buffers go round: a lot is copied only
/// where the task lags behind.
pub(crate) struct Splitter<M, O> {
    incoming: Mutex<Incoming<M>>,
    /// Locked before the other.
    outgoing: Mutex<Outgoing<M, O>>,
}

/// What the collector has handed over.
struct Incoming<M> {
    lot: Lot<M>,
    /// The task's, while it has nothing to do.
    idle: Option<Waker>,
    /// The task is no more.
    orphaned: bool,
}

/// What is sent next: under this lock, by the task or by whoever settles, and so in order.
struct Outgoing<M, O> {
    lot: Lot<M>,
    /// `None` once nothing is to be sent.
    outlet: Option<O>,
}

impl<M, O: Mailbox<M>> Splitter<M, O> {
    pub(crate) fn new(outlet: O) -> Self {
        let incoming = Incoming { lot: Lot::default(), idle: None, orphaned: false };
        let outgoing = Outgoing { lot: Lot::default(), outlet: Some(outlet) };
        Self { incoming: Mutex::new(incoming), outgoing: Mutex::new(outgoing) }
    }

    /// Whether the task has sent all that was handed over.
    pub(crate) fn is_idle(&self) -> bool {
        lock(&self.incoming).idle.is_some()
    }

    /// Hands over a lot, which is empty then.
    pub(crate) fn hand_over(&self, lot: &mut Lot<M>) {
        let mut incoming = lock(&self.incoming);
        incoming.lot.append(lot);
        let (idle, orphaned) = (incoming.idle.take(), incoming.orphaned);
        drop(incoming);
        if orphaned {
            self.settle();
        }
        idle.into_iter().for_each(Waker::wake);
    }

    /// The task: sends `some` in a row, and is ready once nothing is to be sent any more.
    pub(crate) fn poll(&self, some: usize, cx: &Context<'_>) -> Poll<()> {
        let mut outgoing = lock(&self.outgoing);
        if outgoing.outlet.is_none() {
            return Poll::Ready(());
        }
        if outgoing.lot.is_empty() {
            let mut incoming = lock(&self.incoming);
            if incoming.lot.is_empty() {
                incoming.idle = Some(cx.waker().clone());
                return Poll::Pending;
            }
            outgoing.lot.append(&mut incoming.lot);
        }
        let undelivered = outgoing.send(some);
        drop(outgoing);
        drop_each(undelivered);
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Sends all that was handed over, on whatever thread.
    pub(crate) fn settle(&self) {
        let mut outgoing = lock(&self.outgoing);
        {
            let mut incoming = lock(&self.incoming);
            outgoing.lot.append(&mut incoming.lot);
            incoming.lot.shrink();
        }
        let undelivered = outgoing.send(usize::MAX);
        outgoing.lot.shrink();
        drop(outgoing);
        drop_each(undelivered);
    }

    /// As [`settle`](Self::settle), after which nothing is sent any more, and the task ends.
    pub(crate) fn close(&self) {
        self.settle();
        let outlet = lock(&self.outgoing).outlet.take();
        drop(outlet);
        let idle = lock(&self.incoming).idle.take();
        idle.into_iter().for_each(Waker::wake);
    }

    /// The task is no more: what is handed over from now on is sent at once.
    pub(crate) fn orphan(&self) {
        lock(&self.incoming).orphaned = true;
        self.settle();
    }
}

impl<M, O: Mailbox<M>> Outgoing<M, O> {
    /// Sends so many. Where the subscriber is gone, or nothing is to be sent any more, all that is left comes
    /// back.
    fn send(&mut self, most: usize) -> Vec<M> {
        let left = match &self.outlet {
            Some(outlet) => self.lot.send(most, outlet),
            None => Some(self.lot.give_up()),
        };
        if left.is_some() {
            self.outlet = None;
        }
        left.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex as StdMutex};

    use futures::task::{ArcWake, waker};

    use crate::lane::Holdback;

    use super::{
        super::windows::{Limit, Room, Windows},
        *,
    };

    /// A subscriber that stops after so many.
    #[derive(Clone)]
    struct Ear {
        heard: Arc<StdMutex<Vec<u8>>>,
        most: usize,
    }

    impl Outlet<u8> for Ear {
        fn send(&self, message: u8, _: Option<Credit>) -> Result<(), u8> {
            if self.is_gone() {
                return Err(message);
            }
            self.heard.lock().unwrap().push(message);
            Ok(())
        }

        fn is_gone(&self) -> bool {
            self.heard.lock().unwrap().len() >= self.most
        }

        fn weaken(self: Box<Self>) -> Box<dyn Outlet<u8>> {
            self
        }
    }

    impl Mailbox<u8> for Ear {
        fn send_some(&self, messages: &mut VecDeque<u8>, most: usize) -> bool {
            let all = messages.len();
            let left = messages.split_off(most.min(all));
            let sent = self.send_all(messages);
            messages.extend(left);
            sent
        }
    }

    /// How often the task was woken.
    #[derive(Default)]
    struct Woken(StdMutex<usize>);

    impl ArcWake for Woken {
        fn wake_by_ref(this: &Arc<Self>) {
            *this.0.lock().unwrap() += 1;
        }
    }

    struct Stage {
        splitter: Splitter<u8, Ear>,
        ear: Ear,
        woken: Arc<Woken>,
    }

    impl Stage {
        fn new(most: usize) -> Self {
            let ear = Ear { heard: Arc::default(), most };
            Self { splitter: Splitter::new(ear.clone()), ear, woken: Arc::default() }
        }

        fn hand_over(&self, messages: impl IntoIterator<Item = u8>) {
            let mut lot = Lot::default();
            lot.take_in(&mut messages.into_iter().collect());
            self.splitter.hand_over(&mut lot);
            assert!(lot.is_empty());
        }

        /// The task has a turn. Returns whether it goes on, and whether it is to have another at once.
        fn poll(&self) -> (bool, bool) {
            let waker = waker(self.woken.clone());
            let before = *self.woken.0.lock().unwrap();
            let polled = self.splitter.poll(2, &Context::from_waker(&waker));
            (polled.is_pending(), *self.woken.0.lock().unwrap() > before)
        }

        fn heard(&self) -> Vec<u8> {
            self.ear.heard.lock().unwrap().clone()
        }
    }

    #[test]
    fn some_are_sent_in_a_row_and_others_have_their_turn() {
        let stage = Stage::new(9);
        stage.hand_over([1, 2, 3]);
        assert_eq!((stage.poll(), stage.heard()), ((true, true), vec![1, 2]));
        stage.hand_over([4]);
        assert_eq!((stage.poll(), stage.heard()), ((true, true), vec![1, 2, 3]));
        assert_eq!((stage.poll(), stage.heard()), ((true, true), vec![1, 2, 3, 4]));
        assert!(!stage.splitter.is_idle());
        assert_eq!(stage.poll(), (true, false));
        assert!(stage.splitter.is_idle());
        stage.hand_over([5]);
        assert_eq!(*stage.woken.0.lock().unwrap(), 4, "it is woken for what comes");
    }

    #[test]
    fn all_that_was_handed_over_can_be_sent_at_once() {
        let stage = Stage::new(9);
        stage.hand_over([1, 2, 3]);
        stage.poll();
        stage.hand_over([4, 5]);
        stage.splitter.settle();
        assert_eq!(stage.heard(), [1, 2, 3, 4, 5]);
        assert_eq!(stage.poll(), (true, false));
    }

    #[test]
    fn what_is_handed_over_when_the_task_is_no_more_is_sent_at_once() {
        let stage = Stage::new(9);
        stage.hand_over([1, 2, 3]);
        stage.poll();
        stage.splitter.orphan();
        assert_eq!(stage.heard(), [1, 2, 3]);
        stage.hand_over([4]);
        assert_eq!(stage.heard(), [1, 2, 3, 4]);
    }

    #[test]
    fn the_room_of_what_is_not_sent_comes_back() {
        let holdback = Arc::new(Holdback::new());
        let windows = Windows::new(holdback.clone(), |_| ());
        let room = Room::new(Limit { window: 4, missed: None }, "reader".into(), &windows);
        let hand_over = |stage: &Stage| {
            let mut lot = Lot::default();
            room.fill(2);
            (0..2).for_each(|message| lot.push(message, room.credit(1)));
            stage.splitter.hand_over(&mut lot);
        };
        let stage = Stage::new(0);
        hand_over(&stage);
        assert_eq!(holdback.allowance(0), Some(2));
        stage.splitter.orphan();
        assert_eq!(holdback.allowance(0), Some(4), "nobody will handle them");
        hand_over(&stage);
        assert_eq!((holdback.allowance(0), stage.heard()), (Some(4), vec![]));
    }

    #[test]
    fn the_task_ends_with_its_subscriber_or_its_subscription() {
        let stage = Stage::new(1);
        stage.hand_over([1, 2, 3]);
        stage.poll();
        assert_eq!((stage.poll(), stage.heard()), ((false, false), vec![1]));
        let stage = Stage::new(9);
        stage.poll();
        stage.hand_over([1]);
        stage.splitter.close();
        assert_eq!((stage.poll(), stage.heard()), ((false, false), vec![1]));
    }
}
