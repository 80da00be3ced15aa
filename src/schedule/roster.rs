//! The dispatcher's view of its workers: who gets what, and who gives back what.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use crate::lane::{Remains, Station, Survey};

use super::{
    Backlog,
    backlog::Waits,
    share::{Ask, Recall, recall, share},
    stuck::Stuck,
};

/// The workers, by number.
#[derive(Debug)]
pub(crate) struct Roster<J, K, R> {
    workers: Vec<Watched<J, K, R>>,
    /// Kept for their buffers.
    surveys: Vec<Survey>,
    asks: Vec<Ask>,
    /// Seats have been given up.
    gave_up: bool,
}

/// A worker, and whether it stands still.
type Watched<J, K, R> = (Arc<Station<J, K, R>>, Stuck);

/// What a deal came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dealt {
    /// Jobs that left the queue.
    pub(crate) handed_out: usize,
    /// Nothing waits at any worker and nothing runs.
    pub(crate) quiet: bool,
    /// An idle worker stands beside leases that it may not take yet, or a result is on its way from a
    /// seat that was given up: look again after [`PATIENCE`](super::PATIENCE).
    pub(crate) look_again: bool,
    /// Every worker runs something.
    pub(crate) all_busy: bool,
    /// A seat has nothing to do.
    pub(crate) any_hungry: bool,
    /// A worker has died, and is to be buried.
    pub(crate) dead: bool,
    /// Seats that run a job, or would.
    pub(crate) live: usize,
    /// Seats whose processor was not built.
    pub(crate) failing: usize,
}

impl<J: Waits, K, R> Roster<J, K, R> {
    pub(crate) fn new(stations: impl IntoIterator<Item = Arc<Station<J, K, R>>>) -> Self {
        let workers = stations.into_iter().map(|station| (station, Stuck::default())).collect();
        Self { workers, surveys: Vec::new(), asks: Vec::new(), gave_up: false }
    }

    /// Hands out from `queue`, at most `allowance` jobs, and moves leases from workers that are
    /// stuck or behind to those that are idle. Calls `leave` with how many jobs are about to leave
    /// the queue, and `wake` for each worker that must be rung.
    pub(crate) fn deal(
        &mut self,
        queue: &mut Backlog<J>,
        allowance: Option<usize>,
        now: Instant,
        leave: impl FnOnce(usize),
        mut wake: impl FnMut(usize),
    ) -> Dealt {
        self.survey(now);
        self.rescue(&mut wake);
        let mut handed_out = 0;
        if !queue.is_empty() {
            handed_out = self.hand_out(queue, allowance, leave, &mut wake);
        }
        if queue.is_empty() {
            // Each move leaves one worker less idle, or one lane shorter by half.
            while let Some(from_to) = recall(&self.surveys) {
                self.move_leases(from_to, &mut wake);
            }
        }
        let idle = self.surveys.iter().any(|survey| survey.hungry() > 0);
        let on_its_way = self.gave_up && self.is_result_on_its_way();
        Dealt {
            handed_out,
            quiet: !on_its_way && self.surveys.iter().all(Survey::is_quiet),
            look_again: on_its_way || idle && self.surveys.iter().any(|survey| survey.waiting > 0),
            any_hungry: idle,
            all_busy: self.surveys.iter().all(|survey| survey.running > 0),
            dead: self.surveys.iter().any(|survey| survey.dead),
            live: self.surveys.iter().map(Survey::live).sum(),
            failing: self.surveys.iter().map(|survey| survey.failing).sum(),
        }
    }

    /// How many workers there are.
    pub(crate) fn len(&self) -> usize {
        self.workers.len()
    }

    /// How many seats a worker has.
    pub(crate) fn seats(&self, worker: usize) -> usize {
        self.workers[worker].0.told.len()
    }

    /// What a worker left that had died by the last deal, once.
    pub(crate) fn bury(&mut self) -> Option<(usize, Remains<J, K>)> {
        let worker = self.surveys.iter().position(|survey| survey.dead)?;
        self.surveys[worker] = Survey::default();
        let (station, stuck) = &mut self.workers[worker];
        *stuck = Stuck::default();
        Some((worker, station.leases.bury()))
    }

    /// Takes one lease that has not started back.
    pub(crate) fn withdraw(&self, id: J::Id) -> Option<J> {
        self.workers.iter().find_map(|(station, _)| station.leases.withdraw(|job| job.id() == id))
    }

    /// The worker and its seat that run a job.
    pub(crate) fn seat_of(&self, which: impl Fn(&K) -> bool) -> Option<(usize, usize)> {
        let seats = self.workers.iter().map(|(station, _)| station.leases.seat_of(&which));
        seats.enumerate().find_map(|(worker, seat)| Some((worker, seat?)))
    }

    /// Tells a seat that the job with this number should stop.
    pub(crate) fn tell(&self, worker: usize, seat: usize, job: u64) {
        self.workers[worker].0.told[seat].tell(job);
    }

    /// Takes what runs away from the seats that run it, which are given up.
    pub(crate) fn abandon(&mut self) -> impl Iterator<Item = (usize, Vec<K>)> {
        self.gave_up = true;
        let jobs = self.workers.iter().map(|(station, _)| station.leases.abandon());
        jobs.enumerate().filter(|(_, jobs)| !jobs.is_empty())
    }

    /// Whether a seat has taken a job out of its lane and not put its result into the outbox yet. A seat
    /// begins its next job meanwhile, and counts as running by that: where it was given up with that
    /// one, nothing else tells of the result.
    fn is_result_on_its_way(&self) -> bool {
        self.workers.iter().any(|(station, _)| station.leases.ended() > station.outbox.put_ever())
    }

    /// Times that a processor was not built.
    pub(crate) fn failures(&self) -> u64 {
        self.workers.iter().map(|(station, _)| station.leases.failures()).sum()
    }

    /// How many more jobs would start at once.
    pub(crate) fn hungry(&mut self, now: Instant) -> usize {
        self.survey(now);
        self.surveys.iter().map(Survey::hungry).sum()
    }

    /// All that there is to see at once: how many jobs run, how many wait at the workers, and how
    /// many seats are live and fail.
    pub(crate) fn census(&self) -> Survey {
        let surveys = self.workers.iter().map(|(station, _)| station.leases.survey());
        surveys.fold(Survey::default(), |sum, survey| Survey {
            waiting: sum.waiting + survey.waiting,
            running: sum.running + survey.running,
            idle: sum.idle + survey.idle,
            failing: sum.failing + survey.failing,
            ..sum
        })
    }

    /// Takes back every lease that has not started, in the order of acceptance.
    pub(crate) fn recall_all(&self) -> VecDeque<J> {
        let lanes = self.workers.iter().map(|(station, _)| station.leases.recall(usize::MAX));
        let mut jobs: Vec<_> = lanes.flatten().collect();
        jobs.sort_by_key(Waits::place);
        jobs.into()
    }

    /// Looks at every worker. What a stuck one asks for is overlooked, and all it has is free.
    fn survey(&mut self, now: Instant) {
        self.surveys.clear();
        for (station, stuck) in &mut self.workers {
            let mut survey = station.leases.survey();
            stuck.observe(&survey, now);
            if stuck.is_stuck() {
                if station.leases.give_up(survey.asked) {
                    survey = Survey { idle: 0, ahead: 0, ..survey };
                } else {
                    survey = station.leases.survey();
                    stuck.observe(&survey, now);
                }
            }
            self.surveys.push(survey);
        }
    }

    /// Leases at a worker that is stuck are older than anything queued: they go first.
    fn rescue(&mut self, wake: &mut impl FnMut(usize)) {
        for from in 0..self.workers.len() {
            for to in 0..self.workers.len() {
                if !self.workers[from].1.is_stuck() || self.surveys[from].waiting == 0 {
                    break;
                }
                let wanted = self.surveys[to].wanted();
                let jobs = wanted.min(self.surveys[from].waiting);
                if jobs > 0 && from != to {
                    self.move_leases(Recall { from, to, jobs }, wake);
                }
            }
        }
    }

    fn hand_out(
        &mut self,
        queue: &mut Backlog<J>,
        allowance: Option<usize>,
        leave: impl FnOnce(usize),
        wake: &mut impl FnMut(usize),
    ) -> usize {
        self.asks.clear();
        let asks = self.surveys.iter().enumerate().map(|(worker, seen)| Ask::new(worker, seen));
        self.asks.extend(asks.filter(|ask| ask.wanted > 0));
        // The oldest jobs go to whoever starts them at once.
        self.asks.sort_by_key(|ask| ask.hungry == 0);
        share(queue.len().min(allowance.unwrap_or(usize::MAX)), &mut self.asks);
        let handed_out = self.asks.iter().map(|ask| ask.granted).sum();
        if handed_out > 0 {
            leave(handed_out);
        }
        for ask in self.asks.iter().filter(|ask| ask.granted > 0) {
            let leases = &self.workers[ask.worker].0.leases;
            let ring = leases.hand_out(|lane| queue.move_front(ask.granted, lane));
            if ring.is_some() {
                wake(ask.worker);
            }
            self.surveys[ask.worker].waiting += ask.granted;
        }
        handed_out
    }

    fn move_leases(&mut self, Recall { from, to, jobs }: Recall, wake: &mut impl FnMut(usize)) {
        let (station, stuck) = &self.workers[from];
        let mut moved = if stuck.is_stuck() {
            station.leases.rescue(jobs)
        } else {
            station.leases.recall(jobs)
        };
        self.surveys[from].waiting -= jobs;
        // What is missing has been started since the survey.
        self.surveys[from].running += jobs - moved.len();
        self.surveys[to].waiting += moved.len();
        if self.workers[to].0.leases.hand_out(|lane| lane.append(&mut moved)).is_some() {
            wake(to);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::schedule::{Chunks, PATIENCE};

    use super::*;

    type Stations = Vec<Arc<Station<u32, u32, ()>>>;

    fn workers(n: usize) -> (Stations, Roster<u32, u32, ()>) {
        let stations: Stations = (0..n).map(|_| Arc::new(Station::new(2))).collect();
        let roster = Roster::new(stations.iter().cloned());
        (stations, roster)
    }

    fn queue(jobs: impl IntoIterator<Item = u32>) -> Backlog<u32> {
        let mut queue = Backlog::new();
        push(&mut queue, jobs);
        queue
    }

    fn push(queue: &mut Backlog<u32>, jobs: impl IntoIterator<Item = u32>) {
        let mut incoming = Chunks::new();
        incoming.extend(jobs);
        queue.append(&mut incoming);
    }

    /// A seat asks, after its job if it runs one.
    fn take(station: &Station<u32, u32, ()>, seat: usize, ahead: usize) -> Option<u32> {
        let mut begun = None;
        let exchange = |_, next| {
            begun = next;
            next
        };
        if !station.leases.turn(seat, ahead, exchange).is_some_and(|next| next.found) {
            station.leases.ask(seat, ahead, |job| *begun.insert(job));
        }
        begun
    }

    #[test]
    fn nobody_is_handed_more_than_it_asked_for() {
        let (stations, mut roster) = workers(2);
        take(&stations[0], 0, 0);
        let mut jobs = queue(0..10);
        let mut woken = Vec::new();
        let dealt =
            roster.deal(&mut jobs, None, Instant::now(), |_| (), |worker| woken.push(worker));
        assert_eq!((dealt.handed_out, woken), (1, vec![0]));
        assert!(!dealt.quiet);
    }

    #[test]
    fn an_allowance_holds_jobs_back() {
        let (stations, mut roster) = workers(1);
        take(&stations[0], 0, 8);
        let mut jobs = queue(0..10);
        assert_eq!(roster.deal(&mut jobs, Some(3), Instant::now(), |_| (), |_| ()).handed_out, 3);
        assert_eq!(roster.deal(&mut jobs, Some(0), Instant::now(), |_| (), |_| ()).handed_out, 0);
    }

    #[test]
    fn what_waits_behind_an_overrun_goes_to_an_idle_worker() {
        let (stations, mut roster) = workers(2);
        take(&stations[0], 0, 100);
        roster.deal(&mut queue(0..64), None, Instant::now(), |_| (), |_| ());
        assert_eq!(take(&stations[0], 0, 100), Some(0), "and it runs on and on");
        let mut started = vec![];
        for _ in 0..200 {
            started.extend(take(&stations[1], 0, 0));
            roster.deal(&mut Backlog::new(), None, Instant::now(), |_| (), |_| ());
        }
        started.sort_unstable();
        assert_eq!(started, Vec::from_iter(1..64));
    }

    #[test]
    fn a_worker_that_does_not_answer_loses_what_its_idle_seats_were_handed() {
        let (stations, mut roster) = workers(2);
        let now = Instant::now();
        take(&stations[0], 0, 0);
        roster.deal(&mut queue([7]), None, now, |_| (), |_| ());
        take(&stations[1], 0, 0);
        let mut none = Backlog::new();
        assert!(roster.deal(&mut none, None, now, |_| (), |_| ()).look_again, "it was just woken");
        let mut woken = Vec::new();
        let dealt =
            roster.deal(&mut none, None, now + PATIENCE, |_| (), |worker| woken.push(worker));
        assert_eq!((woken, dealt.look_again), (vec![1], false));
        assert_eq!(take(&stations[1], 0, 0), Some(7));
    }

    #[test]
    fn a_pool_is_not_quiet_when_a_lease_is_started_just_before_it_is_recalled() {
        let (stations, mut roster) = workers(2);
        let _ = stations[0].leases.hand_out(|lane| lane.push_back(7));
        take(&stations[1], 0, 0);
        take(&stations[1], 1, 0);
        let starts = |_| assert_eq!(take(&stations[0], 0, 0), Some(7));
        let dealt = roster.deal(&mut queue([8]), None, Instant::now(), |_| (), starts);
        assert_eq!(take(&stations[1], 0, 0), Some(8));
        take(&stations[1], 0, 0);
        assert!(!dealt.quiet, "the other job runs");
    }

    #[test]
    fn a_pool_is_not_quiet_while_a_seat_that_was_given_up_owes_the_result_before() {
        let (stations, mut roster) = workers(1);
        let _ = stations[0].leases.hand_out(|lane| lane.extend([1, 2]));
        take(&stations[0], 0, 0);
        let turned = stations[0].leases.turn(0, 0, |_, next| next);
        assert!(turned.is_some_and(|next| next.found), "the other has begun");
        assert_eq!(roster.abandon().collect::<Vec<_>>(), [(0, vec![2])]);
        let mut none = Backlog::new();
        let dealt = roster.deal(&mut none, None, Instant::now(), |_| (), |_| ());
        assert_eq!((dealt.quiet, dealt.look_again), (false, true));
        let _ = stations[0].outbox.put((), true);
        let dealt = roster.deal(&mut none, None, Instant::now(), |_| (), |_| ());
        assert_eq!((dealt.quiet, dealt.look_again), (true, false));
    }

    #[test]
    fn a_worker_that_was_only_slow_is_handed_jobs_again() {
        let (stations, mut roster) = workers(2);
        let now = Instant::now();
        take(&stations[0], 0, 0);
        roster.deal(&mut queue([7]), None, now, |_| (), |_| ());
        take(&stations[1], 0, 0);
        roster.deal(&mut Backlog::new(), None, now, |_| (), |_| ());
        roster.deal(&mut Backlog::new(), None, now + PATIENCE, |_| (), |_| ());
        assert_eq!(take(&stations[1], 0, 0), Some(7));
        let mut more = queue([8]);
        assert_eq!(roster.deal(&mut more, None, now + PATIENCE, |_| (), |_| ()).handed_out, 0);
        assert!(stations[0].leases.answer().1.is_some(), "it rings the dispatcher");
        assert_eq!(roster.deal(&mut more, None, now + PATIENCE, |_| (), |_| ()).handed_out, 1);
    }

    #[test]
    fn leases_of_a_stuck_worker_go_before_the_queue() {
        let (stations, mut roster) = workers(2);
        let now = Instant::now();
        take(&stations[0], 0, 8);
        roster.deal(&mut queue(0..5), None, now, |_| (), |_| ());
        take(&stations[0], 0, 8);
        let mut jobs = queue(5..10);
        take(&stations[1], 0, 0);
        roster.deal(&mut jobs, None, now, |_| (), |_| ());
        assert_eq!(take(&stations[1], 0, 3), Some(5), "nobody is stuck yet");
        roster.deal(&mut jobs, None, now + PATIENCE, |_| (), |_| ());
        let next = take(&stations[1], 0, 3);
        assert_eq!(next, Some(1));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Submit(u32),
        /// A seat asks: the worker wants so many ahead.
        Seat(usize, usize),
        Deal,
        Wait,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..20_u32).prop_map(Step::Submit),
            6 => (0..6_usize, 0..10_usize).prop_map(|(seat, ahead)| Step::Seat(seat, ahead)),
            3 => Just(Step::Deal),
            1 => Just(Step::Wait),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        /// Two seats at each of three workers; the model is the set of jobs not yet started.
        #[test]
        fn every_job_is_started_once_and_none_is_left_beside_an_idle_seat(
            steps in prop::collection::vec(step(), 200),
        ) {
            let (stations, mut roster) = workers(3);
            let (mut jobs, mut submitted) = (Backlog::new(), 0_u32);
            let mut started = std::collections::BTreeSet::new();
            let mut now = Instant::now();
            for step in steps {
                match step {
                    Step::Submit(n) => {
                        push(&mut jobs, submitted..submitted + n);
                        submitted += n;
                    }
                    Step::Seat(seat, ahead) => {
                        if let Some(job) = take(&stations[seat / 2], seat % 2, ahead) {
                            prop_assert!(started.insert(job), "{} started twice", job);
                        }
                    }
                    Step::Deal => {
                        roster.deal(&mut jobs, None, now, |_| (), |_| ());
                    }
                    Step::Wait => now += PATIENCE,
                }
            }
            // Whoever still answers works everything off, even if the others are stuck: a job each
            // second time, since it asks only when it is idle.
            for _ in 0..2 * submitted + 10 {
                now += PATIENCE;
                roster.deal(&mut jobs, None, now, |_| (), |_| ());
                if let Some(job) = take(&stations[2], 1, 0) {
                    prop_assert!(started.insert(job), "{} started twice", job);
                }
            }
            prop_assert_eq!(started.len(), submitted as usize);
            prop_assert!(jobs.is_empty());
        }
    }
}
