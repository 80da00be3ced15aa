//! The dispatcher's view of its workers: who gets what, and who gives back what.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    job::{Stamp, WorkerId},
    lane::{Remains, Station, Surplus, Survey},
};

use super::{
    Backlog,
    backlog::Waits,
    share::{Ask, Recall, recall, share, wakes},
    stuck::Stuck,
};

/// The workers, by number.
#[derive(Debug)]
pub(crate) struct Roster<J, K, R, O = Vec<R>> {
    pub(super) workers: Vec<Watched<J, K, R, O>>,
    pub(super) surplus: Arc<Surplus>,
    /// There are never more workers than this, however many seats.
    pub(super) threads: usize,
    /// Seats that there are, or will be once those that are to leave have left.
    pub(super) size: usize,
    /// The name of the next seat.
    pub(super) next_id: usize,
    /// What workers have left whose code has not returned.
    pub(super) written_off: Vec<Arc<Station<J, K, R, O>>>,
    /// Jobs that are to be tried again, of workers that are no more.
    pub(super) again: Vec<(R, Duration)>,
    /// Times that a processor was not built by a worker that is no more.
    pub(super) old_failures: u64,
    /// Kept for their buffers.
    pub(super) surveys: Vec<Survey>,
    asks: Vec<Ask>,
}

/// A worker's place.
#[derive(Debug)]
pub(super) struct Watched<J, K, R, O> {
    pub(super) station: Arc<Station<J, K, R, O>>,
    /// Whether it stands still.
    pub(super) stuck: Stuck,
    /// The names of its seats.
    pub(super) ids: Vec<WorkerId>,
    /// Whether there is a worker at all.
    pub(super) taken: bool,
}

impl<J, K, R, O: Default> Watched<J, K, R, O> {
    pub(super) fn new(surplus: &Arc<Surplus>) -> Self {
        let station = Arc::new(Station::new(0, surplus.clone()));
        Self { station, stuck: Stuck::default(), ids: Vec::new(), taken: false }
    }
}

/// A job that runs for too long.
#[derive(Debug)]
pub(crate) struct Late<K> {
    pub(crate) worker: usize,
    pub(crate) seat: usize,
    /// The job itself, where it was taken out of its lane.
    pub(crate) job: Option<K>,
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
    /// No worker is there that could hear of anything: each runs something.
    pub(crate) all_busy: bool,
    /// A seat has nothing to do.
    pub(crate) any_hungry: bool,
    /// When to look whether a job has run for too long.
    pub(crate) due: Option<Stamp>,
    /// A seat's code has not returned, although its job has ended.
    pub(crate) any_stuck: bool,
    /// Jobs are to be tried again.
    pub(crate) again: bool,
    /// A worker has died, and is to be buried.
    pub(crate) dead: bool,
    /// A worker has no seat any more, and is to be dismissed.
    pub(crate) emptied: bool,
    /// Seats that run a job, or would.
    pub(crate) live: usize,
    /// Seats whose processor was not built.
    pub(crate) failing: usize,
}

impl<J: Waits, K, R, O: Default> Roster<J, K, R, O> {
    /// Without workers so far; they will share `threads` threads at most.
    pub(crate) fn new(surplus: Arc<Surplus>, threads: usize) -> Self {
        Self {
            workers: Vec::new(),
            surplus,
            threads,
            size: 0,
            next_id: 0,
            written_off: Vec::new(),
            again: Vec::new(),
            old_failures: 0,
            surveys: Vec::new(),
            asks: Vec::new(),
        }
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
        self.sum_up(handed_out)
    }

    /// As of the last look, and what was handed out since.
    fn sum_up(&self, handed_out: usize) -> Dealt {
        let mut dealt = Dealt {
            handed_out,
            quiet: true,
            look_again: false,
            any_hungry: false,
            all_busy: true,
            due: None,
            any_stuck: false,
            again: !self.again.is_empty(),
            dead: false,
            emptied: false,
            live: 0,
            failing: 0,
        };
        let mut any_waiting = false;
        for (seen, place) in self.surveys.iter().zip(&self.workers) {
            any_waiting |= seen.waiting > 0;
            dealt.quiet &= seen.is_quiet();
            dealt.any_hungry |= seen.hungry() > 0;
            dealt.all_busy &= seen.running + seen.stuck > 0 || !place.taken;
            dealt.due = dealt.due.into_iter().chain(seen.due).min();
            dealt.any_stuck |= seen.stuck > 0;
            dealt.again |= seen.again;
            dealt.dead |= seen.dead;
            dealt.emptied |= seen.present == 0 && place.taken;
            dealt.live += seen.live();
            dealt.failing += seen.failing;
        }
        dealt.look_again = dealt.any_hungry && any_waiting;
        dealt
    }

    /// How many workers there are.
    pub(crate) fn len(&self) -> usize {
        self.workers.len()
    }

    /// How many seats a worker has.
    pub(crate) fn seats(&self, worker: usize) -> usize {
        self.workers[worker].station.present().len()
    }

    /// What a worker left that had died by the last deal, once.
    pub(crate) fn bury(&mut self) -> Option<(usize, Remains<J, K>)> {
        let worker = self.surveys.iter().position(|survey| survey.dead)?;
        self.surveys[worker] = Survey::default();
        let place = &mut self.workers[worker];
        place.stuck = Stuck::default();
        Some((worker, place.station.bury()))
    }

    /// Takes one lease that has not started back.
    pub(crate) fn withdraw(&self, id: J::Id) -> Option<J> {
        self.stations().find_map(|station| station.withdraw(|job| job.id() == id))
    }

    /// Cancels a job that runs: the one that `which` has a number for. Returns the worker and its seat
    /// that are to look.
    pub(crate) fn cancel(&self, which: impl Fn(&K) -> Option<u64>) -> Option<(usize, usize)> {
        let mut seats = self.stations().map(|station| station.cancel(&which)).enumerate();
        seats.find_map(|(worker, seat)| Some((worker, seat?)))
    }

    /// The jobs that are to be tried again, and after what pauses.
    pub(crate) fn take_again(&mut self) -> Vec<(R, Duration)> {
        let mut again = std::mem::take(&mut self.again);
        for station in self.stations() {
            again.extend(station.take_again());
        }
        again
    }

    /// Tells the jobs that run for too long at `now`; see [`Station::overdue`](crate::lane::Station::overdue).
    pub(crate) fn overdue(
        &self,
        now: Stamp,
        deadline: impl Fn(&K) -> Option<(Stamp, u64)>,
        end: bool,
    ) -> Vec<Late<K>> {
        let due = |worker: &usize| self.surveys[*worker].due.is_some_and(|due| due <= now);
        let late = |worker: usize| {
            let seats = self.workers[worker].station.overdue(now, &deadline, end);
            seats.into_iter().map(move |(seat, job)| Late { worker, seat, job })
        };
        (0..self.surveys.len()).filter(due).flat_map(late).collect()
    }

    /// Takes what runs away from the seats that run it, which are given up.
    pub(crate) fn abandon(&self) -> impl Iterator<Item = (usize, Vec<K>)> {
        let jobs = self.stations().map(|station| station.abandon());
        jobs.enumerate().filter(|(_, jobs)| !jobs.is_empty())
    }

    /// Times that a processor was not built.
    pub(crate) fn failures(&self) -> u64 {
        self.old_failures + self.stations().map(|station| station.failures()).sum::<u64>()
    }

    pub(super) fn stations(&self) -> impl Iterator<Item = &Arc<Station<J, K, R, O>>> {
        self.workers.iter().map(|place| &place.station)
    }

    /// How many more jobs would start at once.
    pub(crate) fn hungry(&mut self, now: Instant) -> usize {
        self.survey(now);
        self.surveys.iter().map(Survey::hungry).sum()
    }

    /// All that there is to see at once: how many jobs run, how many wait at the workers, and how
    /// many seats are live and fail.
    pub(crate) fn census(&self) -> Survey {
        let surveys = self.stations().map(|station| station.survey());
        surveys.fold(Survey::default(), |sum, survey| Survey {
            waiting: sum.waiting + survey.waiting,
            running: sum.running + survey.running,
            turning: sum.turning + survey.turning,
            idle: sum.idle + survey.idle,
            failing: sum.failing + survey.failing,
            stuck: sum.stuck + survey.stuck,
            ..sum
        })
    }

    /// Takes back every lease that has not started, in the order of acceptance.
    pub(crate) fn recall_all(&self) -> VecDeque<J> {
        let lanes = self.stations().map(|station| station.recall(usize::MAX));
        let mut jobs: Vec<_> = lanes.flatten().collect();
        jobs.sort_by_key(Waits::place);
        jobs.into()
    }

    /// Looks at every worker. What a stuck one asks for is overlooked, and all it has is free.
    fn survey(&mut self, now: Instant) {
        self.surveys.clear();
        for Watched { station, stuck, .. } in &mut self.workers {
            let mut survey = station.survey();
            stuck.observe(&survey, now);
            if stuck.is_stuck() {
                if station.give_up(survey.asked) {
                    survey = Survey { idle: 0, ahead: 0, ..survey };
                } else {
                    survey = station.survey();
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
                if !self.workers[from].stuck.is_stuck() || self.surveys[from].waiting == 0 {
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
        let jobs = queue.len().min(allowance.unwrap_or(usize::MAX));
        let mut wakes = wakes(jobs, &self.surveys);
        self.asks.extend(asks.filter(|ask| {
            let sleeps = !self.surveys[ask.worker].is_awake();
            let asks = ask.wanted > 0 && (!sleeps || wakes > 0);
            wakes -= usize::from(asks && sleeps);
            asks
        }));
        // The oldest jobs go to whoever starts them at once.
        self.asks.sort_by_key(|ask| ask.hungry == 0);
        share(jobs, &mut self.asks);
        let handed_out = self.asks.iter().map(|ask| ask.granted).sum();
        if handed_out > 0 {
            leave(handed_out);
        }
        for ask in self.asks.iter().filter(|ask| ask.granted > 0) {
            let leases = &self.workers[ask.worker].station;
            let ring = leases.hand_out(|lane| queue.move_front(ask.granted, lane));
            if ring.is_some() {
                wake(ask.worker);
            }
            self.surveys[ask.worker].waiting += ask.granted;
        }
        handed_out
    }

    fn move_leases(&mut self, Recall { from, to, jobs }: Recall, wake: &mut impl FnMut(usize)) {
        let Watched { station, stuck, .. } = &self.workers[from];
        let mut moved = if stuck.is_stuck() { station.rescue(jobs) } else { station.recall(jobs) };
        self.surveys[from].waiting -= jobs;
        // What is missing has been started since the survey.
        self.surveys[from].running += jobs - moved.len();
        self.surveys[to].waiting += moved.len();
        if self.workers[to].station.hand_out(|lane| lane.append(&mut moved)).is_some() {
            wake(to);
        }
    }
}
