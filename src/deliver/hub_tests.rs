//! The hub against a naive model: what each subscriber has heard, message by message.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use proptest::prelude::*;

use crate::{
    job::{Counts, End, Job, JobResult, Stamp},
    message::Drained,
};

use super::{
    Bounds, Results,
    hub::{Hub, Kind, Outlet, SubscriptionId},
};

type Number = JobResult<u32, (), ()>;

fn result(n: u32) -> Number {
    JobResult::new(Job::new(n), End::new(Ok(()), None, None, Stamp::of(Instant::now())))
}

/// Results in the order in which they were forwarded, with marks for quiescence.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Result(u32),
    Drained,
}

/// A subscriber: the messages that it was sent, until it is gone.
#[derive(Clone, Debug, Default)]
struct Ear {
    heard: Arc<Mutex<Vec<Vec<Event>>>>,
    gone: Arc<AtomicBool>,
}

impl Ear {
    fn hear<M>(&self, message: M, events: impl FnOnce(&M) -> Vec<Event>) -> Result<(), M> {
        if self.gone.load(Ordering::Relaxed) {
            return Err(message);
        }
        self.heard.lock().unwrap().push(events(&message));
        Ok(())
    }
}

fn event(result: &Number) -> Event {
    Event::Result(*result.job().payload())
}

impl Outlet<Number> for Ear {
    fn send(&self, message: Number) -> Result<(), Number> {
        self.hear(message, |result| vec![event(result)])
    }
}

impl Outlet<Results<u32, (), ()>> for Ear {
    fn send(&self, message: Results<u32, (), ()>) -> Result<(), Results<u32, (), ()>> {
        self.hear(message, |results| results.iter().map(event).collect())
    }
}

impl Outlet<Drained> for Ear {
    fn send(&self, message: Drained) -> Result<(), Drained> {
        self.hear(message, |_| vec![Event::Drained])
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Want {
    Singles,
    Batches { max_len: usize, max_age: u64 },
    Drained,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Subscribe(Want),
    Unsubscribe(usize),
    Die(usize),
    Forward,
    Wait(u64),
    Quiescent,
}

fn step() -> impl Strategy<Value = Step> {
    let batches =
        (1..5_usize, 0..5_u64).prop_map(|(max_len, max_age)| Want::Batches { max_len, max_age });
    let want = prop_oneof![Just(Want::Singles), batches, Just(Want::Drained)];
    prop_oneof![
        2 => want.prop_map(Step::Subscribe),
        1 => any::<usize>().prop_map(Step::Unsubscribe),
        1 => any::<usize>().prop_map(Step::Die),
        12 => Just(Step::Forward),
        4 => (0..4_u64).prop_map(Step::Wait),
        2 => Just(Step::Quiescent),
    ]
}

/// The model's view of a subscriber: all that it should have heard by the next quiescence, and when
/// each result came that it may still have to wait for.
struct Member {
    id: SubscriptionId,
    want: Want,
    ear: Ear,
    due: Vec<Event>,
    came: Vec<u64>,
}

impl Member {
    fn expect(&mut self, event: Event, now: u64) {
        let wanted = (event == Event::Drained) == (self.want == Want::Drained);
        if wanted && !self.ear.gone.load(Ordering::Relaxed) {
            self.due.push(event);
            self.came.push(now);
        }
    }

    fn heard(&self) -> Vec<Event> {
        self.ear.heard.lock().unwrap().concat()
    }

    /// Whether it has heard what it should have by `now`: everything that is as old as its results
    /// may get, in messages no longer than they may be, and nothing else.
    fn check(&self, now: u64, all: bool) -> Result<(), TestCaseError> {
        let heard = self.heard();
        prop_assert!(self.due.starts_with(&heard), "{:?} heard {:?}", self.due, heard);
        if self.ear.gone.load(Ordering::Relaxed) {
            return Ok(());
        }
        let (longest, oldest) = match self.want {
            Want::Batches { max_len, max_age } => (max_len, max_age),
            _ => (1, 0),
        };
        let messages = self.ear.heard.lock().unwrap();
        prop_assert!(messages.iter().all(|message| (1..=longest).contains(&message.len())));
        let waiting = self.came.iter().skip(heard.len());
        prop_assert!(waiting.clone().all(|came| !all && now < came + oldest), "{:?}", self.want);
        prop_assert!(waiting.count() < longest);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn every_subscriber_hears_everything_once_in_order_and_in_time(
        steps in prop::collection::vec(step(), 200),
    ) {
        let (start, mut now, mut forwarded) = (Instant::now(), 0, 0);
        let at = |now| start + Duration::from_millis(now);
        let mut hub = Hub::new();
        let mut members = Vec::<Member>::new();
        for step in steps {
            match step {
                Step::Subscribe(want) => {
                    let ear = Ear::default();
                    let outlet = Box::new(ear.clone());
                    let kind = match want {
                        Want::Singles => Kind::Results(outlet),
                        Want::Drained => Kind::Drained(outlet),
                        Want::Batches { max_len, max_age } => {
                            let max_age = Duration::from_millis(max_age);
                            Kind::Batches(outlet, Bounds { max_len, max_age })
                        }
                    };
                    let id = hub.add(None, kind, at(now));
                    members.push(Member { id, want, ear, due: vec![], came: vec![] });
                }
                Step::Unsubscribe(who) if !members.is_empty() => {
                    let member = members.swap_remove(who % members.len());
                    hub.remove(member.id);
                    prop_assert!(!hub.remove(member.id));
                    member.check(now, true)?;
                }
                Step::Die(who) if !members.is_empty() => {
                    let who = who % members.len();
                    members[who].ear.gone.store(true, Ordering::Relaxed);
                }
                Step::Unsubscribe(_) | Step::Die(_) => {}
                Step::Forward => {
                    forwarded += 1;
                    members.iter_mut().for_each(|m| m.expect(Event::Result(forwarded), now));
                    hub.forward(result(forwarded), at(now));
                    hub.flush(at(now), false);
                }
                Step::Wait(time) => {
                    now += time;
                    hub.flush(at(now), false);
                }
                Step::Quiescent => {
                    hub.flush(at(now), true);
                    members.iter_mut().for_each(|m| m.expect(Event::Drained, now));
                    hub.announce(Drained { counts: Counts::default() });
                    members.iter().try_for_each(|member| member.check(now, true))?;
                }
            }
            members.iter().try_for_each(|member| member.check(now, false))?;
        }
        // Once everyone would have been told something, those who are gone have been removed.
        let gone = |member: &Member| member.ear.gone.load(Ordering::Relaxed);
        for _ in 0..5 {
            hub.forward(result(0), at(now));
        }
        hub.flush(at(now), true);
        hub.announce(Drained { counts: Counts::default() });
        prop_assert_eq!(hub.len(), members.iter().filter(|member| !gone(member)).count());
    }
}
