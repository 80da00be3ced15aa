//! The hub against a naive model: what each subscriber has heard, message by message.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use proptest::prelude::*;

use crate::{
    job::{Counts, End, Job, JobResult, Stamp},
    lane::Holdback,
    message::{Drained, Missed},
};

use super::{
    Bounds, Credit, Limit, Results, Windows,
    hub::{Hub, Kind, Order, Outlet, SubscriptionId},
};

type Number = JobResult<u32, (), ()>;

fn result(n: u32) -> Number {
    JobResult::new(Job::new(n), End::new(Ok(()), None, None, Stamp::of(Instant::now())))
}

/// Results in the order in which they were forwarded, with marks for quiescence and for gaps.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Result(u32),
    Missed(u64),
    Drained,
}

type OnTheirWay = VecDeque<(Number, Option<Credit>)>;

/// A subscriber: the messages that it was sent, until it is gone. It handles them one by one.
#[derive(Clone, Debug, Default)]
struct Ear {
    heard: Arc<Mutex<Vec<Vec<Event>>>>,
    /// How many messages it has handled, and what came with the others.
    handled: Arc<Mutex<usize>>,
    credits: Arc<Mutex<VecDeque<Option<Credit>>>>,
    gone: Arc<AtomicBool>,
    /// Single results are on their way to it before they are in its mailbox.
    is_far: bool,
    on_their_way: Arc<Mutex<OnTheirWay>>,
}

impl Ear {
    fn hear<M>(
        &self,
        message: M,
        credit: Option<Credit>,
        events: impl FnOnce(&M) -> Vec<Event>,
    ) -> Result<(), M> {
        if self.is_gone() {
            return Err(message);
        }
        self.heard.lock().unwrap().push(events(&message));
        self.credits.lock().unwrap().push_back(credit);
        Ok(())
    }

    /// The first that is on its way is there, if one is.
    fn arrive(&self) -> bool {
        let first = self.on_their_way.lock().unwrap().pop_front();
        first.is_some_and(|(result, credit)| {
            self.hear(result, credit, |result| vec![event(result)]).is_ok()
        })
    }

    fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    fn handle(&self) {
        self.arrive();
        if self.credits.lock().unwrap().pop_front().is_some() {
            *self.handled.lock().unwrap() += 1;
        }
    }

    fn idle(&self) -> bool {
        self.credits.lock().unwrap().is_empty() && self.on_their_way.lock().unwrap().is_empty()
    }

    fn die(&self) {
        self.gone.store(true, Ordering::Relaxed);
        self.on_their_way.lock().unwrap().clear();
        self.credits.lock().unwrap().clear();
    }

    /// All that it was sent, and all that it has handled.
    fn heard(&self) -> Vec<Event> {
        self.heard.lock().unwrap().concat()
    }

    fn handled(&self) -> Vec<Event> {
        self.heard.lock().unwrap()[..*self.handled.lock().unwrap()].concat()
    }
}

fn event(result: &Number) -> Event {
    Event::Result(*result.job().payload())
}

macro_rules! outlets {
    ($($message:ty, $events:expr;)*) => { $(
        impl Outlet<$message> for Ear {
            fn send(&self, message: $message, credit: Option<Credit>) -> Result<(), $message> {
                self.hear(message, credit, $events)
            }

            fn is_gone(&self) -> bool {
                Ear::is_gone(self)
            }

            fn weaken(self: Box<Self>) -> Box<dyn Outlet<$message>> {
                self
            }
        }
    )* };
}

impl Outlet<Number> for Ear {
    fn send(&self, result: Number, credit: Option<Credit>) -> Result<(), Number> {
        if self.is_gone() {
            return Err(result);
        }
        self.on_their_way.lock().unwrap().push_back((result, credit));
        if !self.is_far {
            self.arrive();
        }
        Ok(())
    }

    fn settle(&self) {
        while self.arrive() {}
    }

    fn is_gone(&self) -> bool {
        Ear::is_gone(self)
    }

    fn weaken(self: Box<Self>) -> Box<dyn Outlet<Number>> {
        self
    }
}

outlets! {
    Results<u32, (), ()>, |results| results.iter().map(event).collect();
    Missed, |missed| vec![Event::Missed(missed.count)];
    Drained, |_| vec![Event::Drained];
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Want {
    Singles { far: bool },
    Batches { max_len: usize, max_age: u64 },
    Drained,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Width {
    Endless,
    Waits(usize),
    Misses(usize),
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Subscribe(Want, Width),
    Unsubscribe(usize),
    Handle(usize),
    Die(usize),
    Muster,
    /// So many at once.
    Forward(u32),
    Wait(u64),
    Quiescent,
}

fn step() -> impl Strategy<Value = Step> {
    let batches =
        (1..5_usize, 0..5_u64).prop_map(|(max_len, max_age)| Want::Batches { max_len, max_age });
    let singles = any::<bool>().prop_map(|far| Want::Singles { far });
    let want = prop_oneof![singles, batches, Just(Want::Drained)];
    let width = prop_oneof![
        Just(Width::Endless),
        (1..6_usize).prop_map(Width::Waits),
        (1..6_usize).prop_map(Width::Misses)
    ];
    prop_oneof![
        4 => (want, width).prop_map(|(want, width)| Step::Subscribe(want, width)),
        2 => any::<usize>().prop_map(Step::Unsubscribe),
        24 => any::<usize>().prop_map(Step::Handle),
        2 => any::<usize>().prop_map(Step::Die),
        1 => Just(Step::Muster),
        24 => (1..7_u32).prop_map(Step::Forward),
        8 => (0..4_u64).prop_map(Step::Wait),
        4 => Just(Step::Quiescent),
    ]
}

/// The model's view of a subscriber: all that it should have heard by the next quiescence, and when
/// each result came that it may still have to wait for.
struct Member {
    id: SubscriptionId,
    want: Want,
    width: Width,
    ear: Ear,
    due: Vec<Event>,
    came: Vec<u64>,
    missed: u64,
    /// It is to be told of those once it has handled a notice.
    is_owed: bool,
}

fn results(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(event, Event::Result(_))).count()
}

fn notices(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(event, Event::Missed(_))).count()
}

impl Member {
    /// Results that it should have had, and has not handled.
    fn waiting(&self) -> usize {
        results(&self.due) - results(&self.ear.handled())
    }

    fn expect(&mut self, event: Event, now: u64) {
        self.due.push(event);
        self.came.push(now);
    }

    fn tell(&mut self, now: u64) {
        if self.missed > 0 {
            self.expect(Event::Missed(self.missed), now);
            self.missed = 0;
        }
    }

    /// Whether it has room for a notice of what it missed.
    fn notices_have_room(&self) -> bool {
        let Width::Misses(window) = self.width else { return false };
        notices(&self.due) - notices(&self.ear.handled()) < window
    }

    /// A result is forwarded. Returns whether it misses that.
    fn forward(&mut self, result: u32, now: u64) -> bool {
        if self.want == Want::Drained || self.ear.is_gone() {
            return false;
        }
        if let Width::Misses(window) = self.width {
            let may_tell = self.missed == 0 || self.notices_have_room();
            if self.waiting() >= window || !may_tell {
                self.missed += 1;
                return true;
            }
        }
        self.tell(now);
        self.expect(Event::Result(result), now);
        false
    }

    fn quiescent(&mut self, now: u64) {
        if self.ear.is_gone() {
        } else if self.want == Want::Drained {
            self.expect(Event::Drained, now);
        } else {
            self.tell_or_owe(now);
        }
    }

    fn tell_or_owe(&mut self, now: u64) {
        if self.notices_have_room() {
            self.tell(now);
        } else {
            self.is_owed |= self.missed > 0 && !self.ear.is_gone();
        }
    }

    /// It handles a message. Returns whether the pool is to hear that it can be told.
    fn handle(&mut self) -> bool {
        self.ear.handle();
        self.is_owed && self.notices_have_room() && std::mem::take(&mut self.is_owed)
    }

    /// Whether it has heard what it should have by `now`: everything that is as old as its results
    /// may get, in messages no longer than they may be, and nothing else.
    fn check(&self, now: u64, all: bool) -> Result<(), TestCaseError> {
        let heard = self.ear.heard();
        prop_assert!(self.due.starts_with(&heard), "{:?} heard {:?}", self.due, heard);
        if self.ear.is_gone() {
            return Ok(());
        }
        let (longest, oldest) = match (self.want, self.width) {
            (Want::Batches { max_len, max_age }, Width::Endless) => (max_len, max_age),
            (Want::Batches { max_len, max_age }, Width::Waits(window) | Width::Misses(window)) => {
                (max_len.min(window), max_age)
            }
            _ => (1, 0),
        };
        let messages = self.ear.heard.lock().unwrap();
        prop_assert!(messages.iter().all(|message| (1..=longest).contains(&message.len())));
        if self.ear.is_far && !all {
            return Ok(());
        }
        let waiting = self.came.iter().skip(heard.len());
        prop_assert!(waiting.clone().all(|came| !all && now < came + oldest), "{:?}", self.want);
        prop_assert!(waiting.count() < longest);
        Ok(())
    }

    /// What its window leaves for the pool to hand out, if the pool waits for it.
    fn room(&self) -> Option<usize> {
        match (self.want, self.width) {
            (Want::Drained, _) | (_, Width::Endless | Width::Misses(_)) => None,
            (_, Width::Waits(window)) => Some(window.saturating_sub(self.waiting())),
        }
    }
}

/// The hub, and what the model knows of it.
struct Stage {
    holdback: Arc<Holdback>,
    hub: Hub<u32, (), ()>,
    members: Vec<Member>,
    start: Instant,
    now: u64,
    forwarded: u32,
    missed: u64,
}

impl Stage {
    fn new() -> Self {
        let holdback = Arc::new(Holdback::new());
        let hub = Hub::new("pool".into(), Windows::new(holdback.clone(), |_| ()));
        let start = Instant::now();
        Self { holdback, hub, members: vec![], start, now: 0, forwarded: 0, missed: 0 }
    }

    fn at(&self) -> Instant {
        self.start + Duration::from_millis(self.now)
    }

    fn subscribe(&mut self, want: Want, width: Width) {
        let ear = Ear { is_far: want == Want::Singles { far: true }, ..Ear::default() };
        let outlet = Box::new(ear.clone());
        let kind = match want {
            Want::Singles { .. } => Kind::Results(outlet),
            Want::Drained => Kind::Drained(outlet),
            Want::Batches { max_len, max_age } => {
                Kind::Batches(outlet, Bounds { max_len, max_age: Duration::from_millis(max_age) })
            }
        };
        let limit = match width {
            Width::Endless => None,
            Width::Waits(window) => Some(Limit { window, missed: None }),
            Width::Misses(window) => Some(Limit { window, missed: Some(Box::new(ear.clone())) }),
        };
        let at = self.at();
        let id = self.hub.add(Order { name: "ear".into(), kind, limit }, at);
        let (due, came) = (vec![], vec![]);
        self.members.push(Member { id, want, width, ear, due, came, missed: 0, is_owed: false });
    }

    fn unsubscribe(&mut self, who: usize) -> Result<(), TestCaseError> {
        let mut member = self.members.swap_remove(who);
        self.hub.remove(member.id);
        prop_assert!(!self.hub.remove(member.id));
        member.tell(self.now);
        member.check(self.now, true)?;
        // Messages that it has not handled go with it.
        drop(member);
        self.holdback.take_untold();
        Ok(())
    }

    fn forward(&mut self, results: u32) -> Result<(), TestCaseError> {
        let numbers = self.forwarded + 1..=self.forwarded + results;
        self.forwarded += results;
        let (now, at, unheard) = (self.now, self.at(), self.hub.unheard());
        for member in &mut self.members {
            self.missed += numbers.clone().map(|n| u64::from(member.forward(n, now))).sum::<u64>();
        }
        let any_ear = self.alive().any(|member| member.want != Want::Drained);
        let nobody = self.hub.len() == 0;
        let mut all: Vec<_> = numbers.map(result).collect();
        self.hub.forward(&mut all, at);
        self.hub.flush_old(at);
        prop_assert!(all.is_empty());
        prop_assert!(!any_ear || self.hub.unheard() == unheard);
        prop_assert!(!nobody || self.hub.unheard() == unheard + u64::from(results));
        Ok(())
    }

    fn quiescent(&mut self) -> Result<(), TestCaseError> {
        let now = self.now;
        self.hub.settle(false);
        self.members.iter_mut().for_each(|member| member.quiescent(now));
        self.hub.announce(Drained { counts: Counts::default() });
        self.members.iter().try_for_each(|member| member.check(now, true))
    }

    fn handle(&mut self, who: usize) -> Result<(), TestCaseError> {
        let can_be_told = self.members[who].handle();
        prop_assert_eq!(self.holdback.take_untold(), can_be_told);
        if can_be_told { self.muster() } else { Ok(()) }
    }

    fn muster(&mut self) -> Result<(), TestCaseError> {
        self.hub.muster();
        let now = self.now;
        self.members.iter_mut().for_each(|member| member.tell_or_owe(now));
        prop_assert_eq!(self.hub.len(), self.alive().count());
        Ok(())
    }

    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        let one = |who: usize| (!self.members.is_empty()).then(|| who % self.members.len());
        match step {
            Step::Subscribe(want, width) => self.subscribe(want, width),
            Step::Unsubscribe(who) => one(who).map_or(Ok(()), |who| self.unsubscribe(who))?,
            Step::Handle(who) => one(who).map_or(Ok(()), |who| self.handle(who))?,
            Step::Die(who) => {
                one(who).into_iter().for_each(|who| self.members[who].ear.die());
                self.holdback.take_untold();
            }
            Step::Muster => self.muster()?,
            Step::Forward(results) => self.forward(results)?,
            Step::Wait(time) => {
                self.now += time;
                let at = self.at();
                self.hub.flush_old(at);
            }
            Step::Quiescent => self.quiescent()?,
        }
        self.check()
    }

    fn alive(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| !member.ear.is_gone())
    }

    fn check(&mut self) -> Result<(), TestCaseError> {
        self.members.iter().try_for_each(|member| member.check(self.now, false))?;
        // The dead ones are still there, and then miss results too.
        prop_assert!(self.hub.missed() >= self.missed);
        if self.hub.len() == self.alive().count() {
            prop_assert_eq!(
                self.holdback.allowance(0),
                self.alive().filter_map(Member::room).min()
            );
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn every_subscriber_hears_everything_once_in_order_and_in_time_or_how_much_it_missed(
        steps in prop::collection::vec(step(), 200),
    ) {
        let mut stage = Stage::new();
        steps.into_iter().try_for_each(|step| stage.step(step))?;
        // Once everyone would have been told something, those who are gone have been removed.
        for _ in 0..5 {
            for who in 0..stage.members.len() {
                while !stage.members[who].ear.idle() {
                    stage.handle(who)?;
                }
            }
            stage.forward(1)?;
        }
        stage.quiescent()?;
        prop_assert_eq!(stage.hub.len(), stage.alive().count());
    }
}
