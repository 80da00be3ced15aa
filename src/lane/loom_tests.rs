//! The lanes under `loom`: every interleaving of two or three threads.

use std::{
    collections::VecDeque,
    future::poll_fn,
    mem,
    sync::Arc as StdArc,
    task::{Context, Poll, Wake, Waker},
};

use loom::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use crate::{
    deliver::{self, Credit, Lot, Outlet, Splitter},
    job::Stamp,
    runtime::keep_until,
};

use super::{Bell, Handover, Holdback, Lane, Newcomers, Put, Ring, Surplus, Told, Why, Window};

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

type Station = super::Station<u32, u32, u32>;

fn leases(seats: usize) -> Arc<Station> {
    sharing(seats, &StdArc::new(Surplus::new()))
}

fn sharing(seats: usize, surplus: &StdArc<Surplus>) -> Arc<Station> {
    Arc::new(Station::new(seats, surplus.clone()))
}

/// A seat's job has ended.
fn turned(leases: &Station, seat: usize) -> Option<Handover> {
    let exchange = |job: &mut u32, next, ()| (mem::replace(job, next), false);
    leases.turn(seat, 0, Stamp::fixed(), (), exchange, |job, ()| (job, false)).ok()
}

/// A seat takes its next job, after the one it runs if it runs one. Says whether it has one.
fn take(leases: &Station, seat: usize) -> (bool, Option<Ring>) {
    let turn = turned(leases, seat);
    if let Some(next) = turn
        && next.found
    {
        return (true, next.ring);
    }
    let next = leases.ask(seat, 0, Stamp::fixed(), |job| job);
    (next.found, next.ring)
}

#[test]
fn a_lease_is_started_once_or_recalled_and_never_left_with_a_sleeping_seat() {
    loom::model(|| {
        let leases = leases(1);
        let to_worker = Mailbox::new();
        let worker = {
            let leases = leases.clone();
            thread::spawn(move || (0..2).filter(|_| take(&leases, 0).0).count())
        };
        to_worker.send(leases.hand_out(|queue| queue.extend([1, 2])));
        let recalled = leases.recall(1).len();
        let mut started = worker.join().unwrap();
        if to_worker.received() {
            while take(&leases, 0).0 {
                started += 1;
            }
        }
        let survey = leases.survey();
        assert_eq!(started + recalled + survey.waiting, 2);
        assert!(survey.waiting == 0 || survey.running > 0, "leases wait beside an idle seat");
    });
}

#[test]
fn a_job_that_runs_is_ended_once_by_its_seat_or_by_whoever_gives_it_up() {
    loom::model(|| {
        let leases = leases(1);
        let _ = leases.hand_out(|queue| queue.extend([1, 2]));
        assert!(take(&leases, 0).0);
        let worker = {
            let leases = leases.clone();
            thread::spawn(move || {
                let turn = turned(&leases, 0);
                (turn.is_some(), turn.is_some_and(|next| next.found))
            })
        };
        let abandoned = leases.abandon();
        let (ended, next) = worker.join().unwrap();
        // The first job, the second if it had begun, or neither.
        assert_eq!(usize::from(ended) + abandoned.len(), if next { 2 } else { 1 });
    });
}

#[test]
fn what_a_dying_worker_was_handed_is_left_to_be_buried_and_the_dispatcher_hears_of_it() {
    loom::model(|| {
        let leases = leases(1);
        let to_dispatcher = Mailbox::new();
        let worker = {
            let (leases, to_dispatcher) = (leases.clone(), to_dispatcher.clone());
            thread::spawn(move || {
                to_dispatcher.send(take(&leases, 0).1);
                to_dispatcher.send(leases.die());
            })
        };
        let mut jobs = 2;
        let mut buried = 0;
        let mut serve = || {
            while to_dispatcher.received() {
                let survey = leases.survey();
                if survey.dead {
                    let remains = leases.bury();
                    buried += remains.running.len() + remains.leases.len();
                } else {
                    let wanted = survey.wanted().min(jobs);
                    jobs -= wanted;
                    let _ = leases.hand_out(|queue| queue.extend((0..wanted).map(|_| 1)));
                }
            }
        };
        serve();
        worker.join().unwrap();
        serve();
        assert_eq!(jobs + buried, 2);
        assert!(!leases.survey().dead);
    });
}

#[test]
fn exactly_as_many_seats_leave_as_are_to_whether_they_run_or_rest() {
    loom::model(|| {
        let surplus = StdArc::new(Surplus::new());
        let lanes = [0, 1].map(|_| sharing(1, &surplus));
        let _ = lanes[0].hand_out(|queue| queue.extend([1]));
        let worker = {
            let leases = lanes[0].clone();
            thread::spawn(move || (0..2).filter(|_| take(&leases, 0).0).count())
        };
        take(&lanes[1], 0);
        surplus.add(1);
        lanes.iter().for_each(|leases| drop(leases.dismiss(1, true)));
        worker.join().unwrap();
        let present: usize = lanes.iter().map(|leases| leases.survey().present).sum();
        assert_eq!((present, surplus.get()), (1, 0));
    });
}

#[test]
fn a_job_is_told_to_stop_whether_it_listens_before_or_after() {
    loom::model(|| {
        let told = Arc::new(Told::default());
        let job = {
            let told = told.clone();
            thread::spawn(move || told.token(7))
        };
        told.mark(7, Why::Late);
        told.wake(7);
        assert!(job.join().unwrap().is_cancelled() && told.is_told(7));
    });
}

#[test]
fn a_hungry_seat_is_known_to_the_dispatcher_whoever_takes_its_lease() {
    loom::model(|| {
        let leases = leases(2);
        let to_dispatcher = Mailbox::new();
        let worker = {
            let (leases, to_dispatcher) = (leases.clone(), to_dispatcher.clone());
            thread::spawn(move || {
                for seat in 0..2 {
                    to_dispatcher.send(take(&leases, seat).1);
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
        let leases = leases(1);
        let _ = leases.hand_out(|queue| queue.extend([1, 2]));
        let to_collector = Mailbox::new();
        let worker = {
            let (leases, to_collector) = (leases.clone(), to_collector.clone());
            thread::spawn(move || {
                let _ = leases.ask(0, 0, Stamp::fixed(), |job| job);
                for _ in 0..2 {
                    let ended = turned(&leases, 0);
                    to_collector.send(leases.heed(ended.unwrap().handed));
                }
                to_collector.send(leases.ask(0, 0, Stamp::fixed(), |job| job).collect);
            })
        };
        let mut results = Vec::new();
        let watch = leases.empty(&mut results);
        let mut seen = results.len();
        worker.join().unwrap();
        if watch || to_collector.received() {
            results.clear();
            let _ = leases.empty(&mut results);
            seen += results.len();
        }
        assert_eq!(seen, 2);
    });
}

#[test]
fn a_dispatcher_that_is_held_back_is_rung_by_whoever_makes_room() {
    loom::model(|| {
        let holdback = Arc::new(Holdback::new());
        let window = StdArc::new(Window::new("reader".into(), 1));
        holdback.open(window.clone());
        window.fill(1);
        let to_dispatcher = Mailbox::new();
        let reader = {
            let (holdback, to_dispatcher) = (holdback.clone(), to_dispatcher.clone());
            thread::spawn(move || to_dispatcher.send(holdback.done(&window, 1)))
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
        let (newcomers, leases) = (Arc::new(Newcomers::new()), leases(1));
        let reader = {
            let (newcomers, leases) = (newcomers.clone(), leases.clone());
            thread::spawn(move || {
                newcomers.join(());
                let _ = leases.put(1);
            })
        };
        let mut results = Vec::new();
        let _ = leases.empty(&mut results);
        assert!(newcomers.take().len() >= results.len());
        reader.join().unwrap();
    });
}

#[test]
fn a_result_on_its_way_counts_until_its_reader_is_done_with_it() {
    loom::model(|| {
        let holdback = Arc::new(Holdback::new());
        let window = StdArc::new(Window::new("reader".into(), 1));
        holdback.open(window.clone());
        let handled = Arc::new(AtomicBool::new(false));
        // One job has left the queue.
        let others = {
            let (holdback, handled) = (holdback.clone(), handled.clone());
            thread::spawn(move || {
                window.fill(1);
                let _ = holdback.forwarded(1);
                handled.store(true, Ordering::Release);
                let _ = holdback.done(&window, 1);
            })
        };
        if holdback.allowance(1) != Some(0) {
            assert!(handled.load(Ordering::Acquire), "there was no room");
        }
        others.join().unwrap();
        assert_eq!(holdback.allowance(1), Some(1));
    });
}

/// A question that is answered on another thread.
#[derive(Default)]
struct Question(Mutex<(bool, Option<Waker>)>);

impl Question {
    fn answer(&self) {
        let waker = {
            let mut state = self.0.lock().unwrap();
            state.0 = true;
            state.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.0.lock().unwrap();
        if state.0 {
            return Poll::Ready(());
        }
        state.1 = Some(cx.waker().clone());
        Poll::Pending
    }
}

#[test]
fn what_is_kept_until_an_answer_is_dropped_then_whoever_is_first() {
    loom::model(|| {
        let question = Arc::new(Question::default());
        let kept = StdArc::new(());
        let answering = {
            let question = question.clone();
            thread::spawn(move || question.answer())
        };
        keep_until(poll_fn(move |cx| question.poll(cx)), kept.clone());
        answering.join().unwrap();
        assert_eq!(StdArc::strong_count(&kept), 1);
    });
}

/// A subscriber: what is in its mailbox.
#[derive(Clone)]
struct Ear(Arc<Mutex<Vec<u8>>>);

impl Outlet<u8> for Ear {
    fn send(&self, message: u8, _: Option<Credit>) -> Result<(), u8> {
        self.0.lock().unwrap().push(message);
        Ok(())
    }

    fn is_gone(&self) -> bool {
        false
    }

    fn weaken(self: Box<Self>) -> Box<dyn Outlet<u8>> {
        self
    }
}

impl deliver::Mailbox<u8> for Ear {
    fn send_some(&self, messages: &mut VecDeque<u8>, most: usize) -> bool {
        messages.drain(..most.min(messages.len())).all(|message| self.send(message, None).is_ok())
    }
}

/// Whether a task is to be polled.
struct Woken(Mutex<bool>);

impl Wake for Woken {
    fn wake(self: StdArc<Self>) {
        *self.0.lock().unwrap() = true;
    }
}

#[test]
fn what_is_handed_over_is_sent_once_in_order_by_the_task_or_by_whoever_settles() {
    loom::model(|| {
        let ear = Ear(Arc::new(Mutex::new(Vec::new())));
        let splitter = Arc::new(Splitter::new(ear.clone()));
        let woken = StdArc::new(Woken(Mutex::new(true)));
        let run = |splitter: &Splitter<u8, Ear>, woken: &StdArc<Woken>| {
            let waker = Waker::from(woken.clone());
            while mem::take(&mut *woken.0.lock().unwrap()) {
                assert!(splitter.poll(1, &Context::from_waker(&waker)).is_pending());
            }
        };
        let task = {
            let (splitter, woken) = (splitter.clone(), woken.clone());
            thread::spawn(move || run(&splitter, &woken))
        };
        let hand_over = |message| {
            let mut lot = Lot::default();
            lot.push(message, None);
            splitter.hand_over(&mut lot);
        };
        hand_over(1);
        splitter.settle();
        assert_eq!(*ear.0.lock().unwrap(), [1]);
        hand_over(2);
        task.join().unwrap();
        run(&splitter, &woken);
        assert_eq!(*ear.0.lock().unwrap(), [1, 2], "the task sleeps beside it");
    });
}
