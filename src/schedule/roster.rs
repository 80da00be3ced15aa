//! The dispatcher's view of its workers: who gets what, and who gives back what.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use crate::lane::{Station, Survey};

use super::{
    Chunks,
    share::{Ask, Recall, recall, share},
    stuck::Stuck,
};

/// The workers, by number.
#[derive(Debug)]
pub(crate) struct Roster<J, R> {
    workers: Vec<(Arc<Station<J, R>>, Stuck)>,
    /// Kept for their buffers.
    surveys: Vec<Survey>,
    asks: Vec<Ask>,
}

/// What a deal came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dealt {
    /// Jobs that left the queue.
    pub(crate) handed_out: usize,
    /// Nothing waits at any worker and nothing runs.
    pub(crate) quiet: bool,
    /// An idle worker stands beside leases that it may not take yet: look again after
    /// [`PATIENCE`](super::PATIENCE).
    pub(crate) look_again: bool,
}

impl<J, R> Roster<J, R> {
    pub(crate) fn new(stations: impl IntoIterator<Item = Arc<Station<J, R>>>) -> Self {
        let workers = stations.into_iter().map(|station| (station, Stuck::default())).collect();
        Self { workers, surveys: Vec::new(), asks: Vec::new() }
    }

    /// Hands out from `queue`, at most `allowance` jobs, and moves leases from workers that are
    /// stuck or behind to those that are idle. Calls `leave` with how many jobs are about to leave
    /// the queue, and `wake` for each worker that must be rung.
    pub(crate) fn deal(
        &mut self,
        queue: &mut Chunks<J>,
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
        Dealt {
            handed_out,
            quiet: self.surveys.iter().all(Survey::is_quiet),
            look_again: idle && self.surveys.iter().any(|survey| survey.waiting > 0),
        }
    }

    /// How many more jobs would start at once.
    pub(crate) fn hungry(&mut self, now: Instant) -> usize {
        self.survey(now);
        self.surveys.iter().map(Survey::hungry).sum()
    }

    /// How many jobs run, and how many wait at the workers.
    pub(crate) fn running_and_leased(&self) -> (usize, usize) {
        let surveys = self.workers.iter().map(|(station, _)| station.leases.survey());
        surveys.fold((0, 0), |(running, leased), survey| {
            (running + survey.running, leased + survey.waiting)
        })
    }

    /// Takes back every lease that has not started.
    pub(crate) fn recall_all(&self) -> VecDeque<J> {
        self.workers.iter().flat_map(|(station, _)| station.leases.recall(usize::MAX)).collect()
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
        queue: &mut Chunks<J>,
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

    use crate::{lane::Seated, schedule::PATIENCE};

    use super::*;

    type Stations = Vec<Arc<Station<u32, ()>>>;

    fn workers(n: usize) -> (Stations, Roster<u32, ()>) {
        let stations: Stations = (0..n).map(|_| Arc::new(Station::new())).collect();
        let roster = Roster::new(stations.iter().cloned());
        (stations, roster)
    }

    fn queue(jobs: impl IntoIterator<Item = u32>) -> Chunks<u32> {
        let mut queue = Chunks::new();
        queue.extend(jobs);
        queue
    }

    fn take(station: &Station<u32, ()>, seat: Seated, ahead: usize) -> Option<u32> {
        station.leases.next(seat, ahead).job
    }

    #[test]
    fn nobody_is_handed_more_than_it_asked_for() {
        let (stations, mut roster) = workers(2);
        take(&stations[0], Seated::New, 0);
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
        take(&stations[0], Seated::New, 8);
        let mut jobs = queue(0..10);
        assert_eq!(roster.deal(&mut jobs, Some(3), Instant::now(), |_| (), |_| ()).handed_out, 3);
        assert_eq!(roster.deal(&mut jobs, Some(0), Instant::now(), |_| (), |_| ()).handed_out, 0);
    }

    #[test]
    fn what_waits_behind_an_overrun_goes_to_an_idle_worker() {
        let (stations, mut roster) = workers(2);
        take(&stations[0], Seated::New, 100);
        roster.deal(&mut queue(0..64), None, Instant::now(), |_| (), |_| ());
        assert_eq!(take(&stations[0], Seated::Idle, 100), Some(0), "and it runs on and on");
        let mut started = vec![];
        let mut seat = Seated::New;
        for _ in 0..200 {
            match take(&stations[1], seat, 0) {
                Some(job) => (seat, _) = (Seated::Finished, started.push(job)),
                None => seat = Seated::Idle,
            }
            roster.deal(&mut Chunks::new(), None, Instant::now(), |_| (), |_| ());
        }
        started.sort_unstable();
        assert_eq!(started, Vec::from_iter(1..64));
    }

    #[test]
    fn a_worker_that_does_not_answer_loses_what_its_idle_seats_were_handed() {
        let (stations, mut roster) = workers(2);
        let now = Instant::now();
        take(&stations[0], Seated::New, 0);
        roster.deal(&mut queue([7]), None, now, |_| (), |_| ());
        take(&stations[1], Seated::New, 0);
        let mut none = Chunks::new();
        assert!(roster.deal(&mut none, None, now, |_| (), |_| ()).look_again, "it was just woken");
        let mut woken = Vec::new();
        let dealt =
            roster.deal(&mut none, None, now + PATIENCE, |_| (), |worker| woken.push(worker));
        assert_eq!((woken, dealt.look_again), (vec![1], false));
        assert_eq!(take(&stations[1], Seated::Idle, 0), Some(7));
    }

    #[test]
    fn a_pool_is_not_quiet_when_a_lease_is_started_just_before_it_is_recalled() {
        let (stations, mut roster) = workers(2);
        let _ = stations[0].leases.hand_out(|lane| lane.push_back(7));
        take(&stations[1], Seated::New, 0);
        take(&stations[1], Seated::New, 0);
        let starts = |_| assert_eq!(take(&stations[0], Seated::New, 0), Some(7));
        let dealt = roster.deal(&mut queue([8]), None, Instant::now(), |_| (), starts);
        assert_eq!(take(&stations[1], Seated::Idle, 0), Some(8));
        take(&stations[1], Seated::Finished, 0);
        assert!(!dealt.quiet, "the other job runs");
    }

    #[test]
    fn a_worker_that_was_only_slow_is_handed_jobs_again() {
        let (stations, mut roster) = workers(2);
        let now = Instant::now();
        take(&stations[0], Seated::New, 0);
        roster.deal(&mut queue([7]), None, now, |_| (), |_| ());
        take(&stations[1], Seated::New, 0);
        roster.deal(&mut Chunks::new(), None, now, |_| (), |_| ());
        roster.deal(&mut Chunks::new(), None, now + PATIENCE, |_| (), |_| ());
        assert_eq!(take(&stations[1], Seated::Idle, 0), Some(7));
        let mut more = queue([8]);
        assert_eq!(roster.deal(&mut more, None, now + PATIENCE, |_| (), |_| ()).handed_out, 0);
        assert!(stations[0].leases.answer().1.is_some(), "it rings the dispatcher");
        assert_eq!(roster.deal(&mut more, None, now + PATIENCE, |_| (), |_| ()).handed_out, 1);
    }

    #[test]
    fn leases_of_a_stuck_worker_go_before_the_queue() {
        let (stations, mut roster) = workers(2);
        let now = Instant::now();
        take(&stations[0], Seated::New, 8);
        roster.deal(&mut queue(0..5), None, now, |_| (), |_| ());
        take(&stations[0], Seated::Idle, 8);
        let mut jobs = queue(5..10);
        take(&stations[1], Seated::New, 0);
        roster.deal(&mut jobs, None, now, |_| (), |_| ());
        assert_eq!(take(&stations[1], Seated::Idle, 3), Some(5), "nobody is stuck yet");
        roster.deal(&mut jobs, None, now + PATIENCE, |_| (), |_| ());
        let next = take(&stations[1], Seated::Finished, 3);
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
            let mut seats = [Seated::New; 6];
            let (mut jobs, mut submitted) = (Chunks::new(), 0_u32);
            let mut started = std::collections::BTreeSet::new();
            let mut now = Instant::now();
            for step in steps {
                match step {
                    Step::Submit(n) => {
                        jobs.extend(submitted..submitted + n);
                        submitted += n;
                    }
                    Step::Seat(seat, ahead) => match take(&stations[seat / 2], seats[seat], ahead) {
                        Some(job) => {
                            seats[seat] = Seated::Finished;
                            prop_assert!(started.insert(job), "{} started twice", job);
                        }
                        None => seats[seat] = Seated::Idle,
                    },
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
                seats[5] = match take(&stations[2], seats[5], 0) {
                    Some(job) => {
                        prop_assert!(started.insert(job), "{} started twice", job);
                        Seated::Finished
                    }
                    None => Seated::Idle,
                };
            }
            prop_assert_eq!(started.len(), submitted as usize);
            prop_assert!(jobs.is_empty());
        }
    }
}
