//! The lanes under `loom`: every interleaving of two or three threads.

use std::sync::Arc as StdArc;

use loom::{
    sync::{Arc, Mutex},
    thread,
};

use super::{Bell, Holdback, Lane, Leases, Newcomers, Outbox, Put, Ring, Seated, Window};

/// Stands for an actor's mailbox: rings that have been sent.
struct Mailbox(Mutex<usize>);

impl Mailbox {
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(0)))
    }

    fn send(&self, ring: Option<Ring>) {
        *self.0.lock().unwrap() += usize::from(ring.is_some());
    }

    /// Whether there were any since the last time.
    fn received(&self) -> bool {
        std::mem::take(&mut *self.0.lock().unwrap()) > 0
    }
}

#[test]
fn a_put_is_seen_by_the_consumer_or_rings_it() {
    loom::model(|| {
        let lane = Arc::new(Lane::new(0));
        let mailbox = Mailbox::new();
        lane.take(|_, _| ((), Bell::Awake));
        let producers = [Put::Urgent, Put::Urgent].map(|put| {
            let (lane, mailbox) = (lane.clone(), mailbox.clone());
            thread::spawn(move || mailbox.send(lane.put(|queue| (*queue += 1, put)).1))
        });
        // The consumer takes what there is and goes to sleep.
        let mut seen = lane.take(|queue, _| (std::mem::take(queue), Bell::Asleep));
        let _ = producers.map(|producer| producer.join().unwrap());
        if mailbox.received() {
            seen += lane.take(|queue, _| (std::mem::take(queue), Bell::Asleep));
        }
        assert_eq!(seen, 2);
    });
}

#[test]
fn a_lease_is_started_once_or_recalled_and_never_left_with_a_sleeping_seat() {
    loom::model(|| {
        let leases = Arc::new(Leases::new());
        let to_worker = Mailbox::new();
        let worker = {
            let leases = leases.clone();
            thread::spawn(move || {
                let first = leases.next(Seated::New, 0).job;
                let seat = if first.is_some() { Seated::Finished } else { Seated::Idle };
                let second = leases.next(seat, 0).job;
                (second.is_some(), usize::from(first.is_some()) + usize::from(second.is_some()))
            })
        };
        to_worker.send(leases.hand_out(|queue| queue.extend([1, 2])));
        let recalled = leases.recall(1).len();
        let (running, mut started) = worker.join().unwrap();
        if to_worker.received() {
            let mut seat = if running { Seated::Finished } else { Seated::Idle };
            while leases.next(seat, 0).job.is_some() {
                seat = Seated::Finished;
                started += 1;
            }
        }
        let survey = leases.survey();
        assert_eq!(started + recalled + survey.waiting, 2);
        assert!(survey.waiting == 0 || survey.running > 0, "leases wait beside an idle seat");
    });
}

#[test]
fn a_hungry_seat_is_known_to_the_dispatcher_whoever_takes_its_lease() {
    loom::model(|| {
        let leases = Arc::new(Leases::new());
        let to_dispatcher = Mailbox::new();
        let worker = {
            let (leases, to_dispatcher) = (leases.clone(), to_dispatcher.clone());
            thread::spawn(move || {
                for _seat in 0..2 {
                    to_dispatcher.send(leases.next(Seated::New, 0).ring);
                }
            })
        };
        let mut jobs = vec![1, 2];
        // The dispatcher looks only when it has been rung since it looked last.
        let mut serve = || {
            while to_dispatcher.received() {
                let hungry = leases.survey().hungry().min(jobs.len());
                let _ = leases.hand_out(|queue| queue.extend(jobs.drain(..hungry)));
            }
        };
        serve();
        worker.join().unwrap();
        serve();
        assert!(jobs.is_empty(), "a seat is idle, and nobody told the dispatcher");
    });
}

#[test]
fn a_result_is_fetched_or_the_collector_is_rung() {
    loom::model(|| {
        let outbox = Arc::new(Outbox::new());
        let to_collector = Mailbox::new();
        let worker = {
            let (outbox, to_collector) = (outbox.clone(), to_collector.clone());
            thread::spawn(move || {
                to_collector.send(outbox.put(1, true));
                to_collector.send(outbox.put(2, false));
            })
        };
        let mut results = Vec::new();
        let watch = outbox.empty(&mut results);
        let mut seen = results.len();
        worker.join().unwrap();
        if watch || to_collector.received() {
            results.clear();
            let _ = outbox.empty(&mut results);
            seen += results.len();
        }
        assert_eq!(seen, 2);
    });
}

#[test]
fn a_dispatcher_that_is_held_back_is_rung_by_whoever_makes_room() {
    loom::model(|| {
        let holdback = Arc::new(Holdback::new());
        let window = StdArc::new(Window::new(1));
        holdback.open(window.clone());
        window.fill();
        let to_dispatcher = Mailbox::new();
        let reader = {
            let (holdback, to_dispatcher) = (holdback.clone(), to_dispatcher.clone());
            thread::spawn(move || to_dispatcher.send(holdback.read_one(&window)))
        };
        let held = holdback.allowance(0) == Some(0);
        reader.join().unwrap();
        assert!(!held || to_dispatcher.received());
        assert_eq!(holdback.allowance(0), Some(1));
    });
}

#[test]
fn a_reader_that_came_before_a_result_was_put_is_there_when_it_is_fetched() {
    loom::model(|| {
        let (newcomers, outbox) = (Arc::new(Newcomers::new()), Arc::new(Outbox::new()));
        let reader = {
            let (newcomers, outbox) = (newcomers.clone(), outbox.clone());
            thread::spawn(move || {
                newcomers.join(());
                let _ = outbox.put(1, false);
            })
        };
        let mut results = Vec::new();
        let _ = outbox.empty(&mut results);
        assert!(newcomers.take().len() >= results.len());
        reader.join().unwrap();
    });
}
