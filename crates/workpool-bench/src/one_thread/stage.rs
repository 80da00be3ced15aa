//! A pool without its actors, whose parts have their turns one after another.

use std::{ops::Range, sync::Arc, time::Duration};

use futures::channel::oneshot;
use tokio_util::sync::CancellationToken;

use crate::{
    deliver::{Delivery, Hub, Kind, Order, Windows},
    intake::{Inbox, Queue},
    job::{Address, Caller, Entry, Inside, Job, Jobs, WorkStation},
    lane::{Holdback, Newcomers, Station, Surplus},
    message::Origin,
    schedule::{Leave, Now, Roster, Scheduler, SchedulerParts},
};

use super::{
    case::{Failure, Form},
    crew::Worker,
    mail::{Mail, Message, Thread},
    tally::Tally,
    ticks::Ticks,
};

/// Of the async form; the other one has a thread for each worker.
const THREADS: usize = 2;

pub(crate) struct Stage {
    mail: Arc<Mail>,
    clock: Arc<Ticks>,
    inbox: Arc<Inbox<u64, u64, Failure>>,
    scheduler: Scheduler<u64, u64, Failure>,
    workers: Vec<Worker>,
    delivery: Delivery<u64, u64, Failure>,
    tally: Arc<Tally>,
}

/// To start.
impl Stage {
    /// A pool whose workers have started, without subscribers.
    pub(crate) fn new(form: Form) -> Result<Self, String> {
        let (mail, clock) = (Mail::new(), Arc::new(Ticks::new()));
        let inbox = connected_inbox(&mail, &clock);
        let inside = Arc::new(Inside::new(inbox.clone()));
        let holdback = Arc::new(Holdback::new());
        let surplus = Arc::new(Surplus::new());
        let exit = Arc::new(Station::new(0, surplus.clone()));
        let mut roster = Roster::new(surplus, THREADS);
        roster.grow(form.workers());

        let work = form.work();
        let stations = (0..roster.len()).map(|number| roster.station(number).clone());
        let stations: Vec<_> = stations.collect();
        let hire = |(number, station): (usize, &Arc<WorkStation<u64, u64, Failure>>)| {
            let staff = roster.staff(number);
            Worker::new(&work, number, station.clone(), staff, &inside, (&mail, &clock))
        };
        let workers = stations.iter().enumerate().map(hire).collect::<Result<Vec<_>, _>>()?;

        let bell = inbox.clone();
        let windows = Windows::new(holdback.clone(), move |ring| bell.ring(ring));
        let hub = Hub::new("counted".into(), windows);
        let newcomers = Arc::new(Newcomers::new());
        let delivery = Delivery::new(stations, exit.clone(), inbox.clone(), newcomers, hub);
        let scheduler = Scheduler::new(SchedulerParts {
            name: "counted".into(),
            inside,
            holdback,
            exit,
            bound: Queue::unbounded(),
            leave: Leave::droppable(Duration::ZERO),
            timeout: None,
            overrun: form.overrun(),
            retry: None,
            roster,
        });
        let tally = Arc::default();
        let mut stage = Self { mail, clock, inbox, scheduler, workers, delivery, tally };
        stage.start()?;
        Ok(stage)
    }

    fn start(&mut self) -> Result<(), String> {
        for (number, worker) in self.workers.iter_mut().enumerate() {
            self.mail.turn_to(Thread::Worker(number));
            worker.start()?;
        }
        self.finish()
    }

    pub(crate) fn subscribe(&mut self, kind: Kind<u64, u64, Failure>) {
        let order = Order { name: "counted".into(), kind, limit: None };
        self.delivery.add(order, self.clock.now());
    }
}

fn connected_inbox(mail: &Arc<Mail>, clock: &Arc<Ticks>) -> Arc<Inbox<u64, u64, Failure>> {
    let (mail, clock) = (mail.clone(), clock.clone());
    let inbox = Inbox::new(Queue::unbounded(), move || clock.now());
    inbox.connect(move || mail.send(Message::Knock));
    inbox
}

/// To have jobs done.
impl Stage {
    pub(crate) fn submit_all(&mut self, numbers: Range<u64>) -> Result<(), String> {
        self.mail.turn_to(Thread::Home);
        let jobs: Jobs<u64> = numbers.collect();
        self.inbox.try_submit(jobs).map(drop).map_err(|refused| refused.to_string())
    }

    pub(crate) fn submit(&mut self, n: u64) -> Result<(), String> {
        self.mail.turn_to(Thread::Home);
        self.accept(Entry::new(Job::new(n)))
    }

    /// Submits a job as its caller does, and waits for its result, while nothing else happens.
    pub(crate) fn run(&mut self, n: u64) -> Result<(), String> {
        self.mail.turn_to(Thread::Home);
        let (reply, mut answer) = oneshot::channel();
        let to = Address::from(Caller::new(reply, CancellationToken::new()));
        self.accept(Entry { job: Job::new(n), to })?;
        self.finish()?;
        let result = answer.try_recv().ok().flatten().ok_or("a caller waits in vain")?;
        self.tally.add(result.outcome());
        Ok(())
    }

    fn accept(&self, entry: Entry<u64, u64, Failure>) -> Result<(), String> {
        self.inbox.try_submit(entry).map(drop).map_err(|refused| refused.to_string())
    }

    /// Every message that waits now is handled.
    pub(crate) fn let_others_have_their_turn(&mut self) -> Result<(), String> {
        for _ in 0..self.mail.len() {
            self.handle_next()?;
        }
        Ok(())
    }

    /// Goes on until nothing is left to do for anyone.
    pub(crate) fn finish(&mut self) -> Result<(), String> {
        while self.handle_next()? {}
        Ok(())
    }

    /// Handles the next message, as the actor does who would get it. Returns whether there was one.
    fn handle_next(&mut self) -> Result<bool, String> {
        let Some(message) = self.mail.next() else { return Ok(false) };
        match message {
            Message::Knock => {
                let now = self.clock.now();
                self.scheduler.turn(Now { clock: now, real: now }, &mut self.mail);
            }
            Message::Wake(worker) => self.workers[worker].wake()?,
            Message::Collect(from) => _ = self.delivery.collect(from, self.clock.now()),
            Message::Settle(accepted) => {
                self.delivery.collect(Origin::Anywhere, self.clock.now());
                self.delivery.settle(accepted);
            }
            Message::Muster => self.delivery.muster(),
        }
        Ok(true)
    }

    pub(crate) fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// Messages and wake-ups so far.
    pub(crate) fn counted(&self) -> (u64, u64) {
        let (messages, wake_ups) = self.mail.counted();
        (messages + self.tally.messages(), wake_ups)
    }
}
