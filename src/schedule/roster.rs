//! The dispatcher's view of its workers: who gets what, and who gives back what.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use crate::{
    job::{Stamp, WorkerId},
    lane::{Batched, Chunks, Remains, Station, Surplus, Survey, Waits},
};

use super::{
    Now, Returned,
    share::{Ask, Recall, recall, share, wakes, worth},
    stuck::{Stuck, is_held_up},
};

/// The workers, by number.
#[derive(Debug)]
pub(crate) struct Roster<J: Batched, K, R, O = Vec<R>> {
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
    /// What came back from workers that did not get to it.
    pub(super) returned: Returned<J>,
    /// Jobs that are to be tried again, of workers that are no more.
    pub(super) again: Vec<(R, Duration)>,
    /// Times that a processor was not built by a worker that is no more.
    pub(super) old_failures: u64,
    /// Kept for their buffers.
    pub(super) surveys: Vec<Survey>,
    asks: Vec<Ask>,
    /// Jobs on their way into a lane: it is locked no longer than it takes to put them there.
    outgoing: Chunks<J>,
}

/// A worker's place.
#[derive(Debug)]
pub(super) struct Watched<J: Batched, K, R, O> {
    pub(super) station: Arc<Station<J, K, R, O>>,
    /// Whether it stands still.
    pub(super) stuck: Stuck,
    /// The names of its seats.
    pub(super) ids: Vec<WorkerId>,
    /// Whether there is a worker at all.
    pub(super) taken: bool,
}

impl<J: Batched, K, R, O: Default> Watched<J, K, R, O> {
    pub(super) fn new(surplus: &Arc<Surplus>) -> Self {
        let station = Arc::new(Station::new(0, surplus.clone()));
        Self { station, stuck: Stuck::default(), ids: Vec::new(), taken: false }
    }
}

impl<J: Batched, K, R, O: Default> Watched<J, K, R, O> {
    /// Hands out these jobs, which are in order. Returns whether it must be rung.
    fn lease(&self, jobs: &mut Chunks<J>) -> bool {
        let ring = self.station.hand_out(|lane| {
            let older = jobs.first_place() < lane.last_place();
            lane.append(jobs);
            if older {
                let mut all = lane.take_all();
                all.make_contiguous().sort_by_key(Waits::place);
                lane.extend(all);
            }
        });
        ring.is_some()
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

/// What a deal may hand out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goes {
    /// Nothing starts.
    Nothing,
    /// Nothing while there are jobs to be tried again, which may be older.
    AfterRetries,
    Anything,
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
    /// How many jobs are worth a hand-out; 0 if nobody knows.
    pub(crate) worth: usize,
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

impl<J: Batched, K, R, O: Default> Roster<J, K, R, O> {
    /// Without workers so far; they will share `threads` threads at most.
    pub(crate) fn new(surplus: Arc<Surplus>, threads: usize) -> Self {
        Self {
            workers: Vec::new(),
            surplus,
            threads,
            size: 0,
            next_id: 0,
            written_off: Vec::new(),
            returned: Returned::new(),
            again: Vec::new(),
            old_failures: 0,
            surveys: Vec::new(),
            asks: Vec::new(),
            outgoing: Chunks::new(),
        }
    }

    /// Hands out from `queue`, at most `allowance` jobs, and what lies with workers that do not get to it,
    /// and moves leases from workers that are behind to those that are idle. Calls `leave` with how many
    /// jobs are about to leave the queue, and `wake` for each worker that must be rung. Where nothing `goes`
    /// it only looks.
    pub(crate) fn deal(
        &mut self,
        queue: &mut Chunks<J>,
        allowance: Option<usize>,
        goes: Goes,
        now: Now,
        leave: impl FnMut(usize),
        mut wake: impl FnMut(usize),
    ) -> Dealt {
        self.survey(now);
        self.take_back(now);
        let any_again = !self.again.is_empty() || self.surveys.iter().any(|seen| seen.again);
        if goes == Goes::Nothing || (goes == Goes::AfterRetries && any_again) {
            return self.sum_up(0);
        }
        let mut handed_out = 0;
        if !queue.is_empty() || !self.returned.is_empty() {
            handed_out = self.hand_out(queue, allowance, leave, &mut wake);
        }
        if queue.is_empty() && self.returned.is_empty() {
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
            quiet: self.returned.is_empty(),
            look_again: false,
            any_hungry: false,
            worth: worth(&self.surveys),
            all_busy: true,
            due: None,
            any_stuck: false,
            again: !self.again.is_empty(),
            dead: false,
            emptied: false,
            live: 0,
            failing: 0,
        };
        let mut any_waiting = !self.returned.is_empty();
        for (seen, place) in self.surveys.iter().zip(&self.workers) {
            // One that sleeps begins a single lease as soon as it is rung: a timer would cost as much again.
            any_waiting |= seen.waiting > 0 && !(seen.asleep && seen.recallable() == 0);
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

    /// How many jobs have come back from their workers.
    pub(crate) fn returned(&self) -> usize {
        self.returned.len()
    }

    /// Takes a job back that has come back from its worker.
    pub(crate) fn withdraw_returned(&mut self, id: J::Id) -> Option<J> {
        self.returned.remove(id)
    }

    /// Takes in jobs that have come back from their workers: they have left the queue, where newer ones may
    /// have their room by now, and go out again before those.
    pub(crate) fn give_back(&mut self, jobs: impl IntoIterator<Item = J>) {
        self.returned.put(jobs);
    }

    /// Takes one lease that has not started back.
    pub(crate) fn withdraw(&self, id: J::Id) -> Option<J> {
        self.stations().find_map(|station| station.withdraw(id))
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
    pub(crate) fn hungry(&mut self, now: Now) -> usize {
        self.survey(now);
        self.surveys.iter().map(Survey::hungry).sum()
    }

    /// All that there is to see at once: how many jobs run, how many have been handed out and wait, and how
    /// many seats are live and fail.
    pub(crate) fn census(&self) -> Survey {
        let surveys = self.stations().map(|station| station.survey());
        let returned = Survey { waiting: self.returned.len(), ..Survey::default() };
        surveys.fold(returned, |sum, survey| Survey {
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
    pub(crate) fn recall_all(&mut self) -> VecDeque<J> {
        let leases = self.workers.iter().flat_map(|place| place.station.recall(usize::MAX));
        self.returned.put(leases);
        self.returned.take_all()
    }

    /// Takes back what lies with workers that do not get to it, as of the last look.
    fn take_back(&mut self, now: Now) {
        let mut back = Vec::new();
        let any_idle = self.surveys.iter().any(|seen| seen.hungry() > 0 || seen.gives_back());
        for (Watched { station, stuck, .. }, seen) in self.workers.iter().zip(&mut self.surveys) {
            let is_others = if any_idle { stuck.is_stuck() } else { stuck.is_behind() };
            if seen.gives_back() || (is_others && seen.waiting > 0) {
                let (leases, left) = station.take_back();
                *seen = if stuck.is_stuck() { left.without_demand() } else { left };
                back.extend(leases);
            }
        }
        if !back.is_empty() {
            self.returned.put(back);
        }
        if !self.returned.is_empty() {
            // Jobs are of mixed lengths, then: what one asks for that runs a long one is overlooked, too.
            let held_up = |seen: &&mut Survey| is_held_up(seen, now);
            self.surveys.iter_mut().filter(held_up).for_each(|seen| *seen = seen.without_demand());
        }
    }

    /// Looks at every worker. What a stuck one asks for is overlooked.
    fn survey(&mut self, now: Now) {
        self.surveys.clear();
        for Watched { station, stuck, .. } in &mut self.workers {
            let mut survey = station.survey();
            stuck.observe(&survey, now);
            if stuck.is_stuck() {
                if station.give_up(survey.asked) {
                    survey = survey.without_demand();
                } else {
                    survey = station.survey();
                    stuck.observe(&survey, now);
                }
            }
            self.surveys.push(survey);
        }
    }

    fn hand_out(
        &mut self,
        queue: &mut Chunks<J>,
        allowance: Option<usize>,
        mut leave: impl FnMut(usize),
        wake: &mut impl FnMut(usize),
    ) -> usize {
        self.asks.clear();
        let asks = self.surveys.iter().enumerate().map(|(worker, seen)| Ask::new(worker, seen));
        let most = queue.len().min(allowance.unwrap_or(usize::MAX));
        let jobs = self.returned.len() + most;
        let mut wakes = wakes(jobs, &self.surveys);
        self.asks.extend(asks.filter(|ask| ask.wanted > 0));
        // Those that look need not be woken.
        self.asks.sort_by_key(|ask| !self.surveys[ask.worker].looking);
        self.asks.retain(|ask| {
            let rests = !self.surveys[ask.worker].is_busy();
            let asks = !rests || wakes > 0;
            wakes -= usize::from(asks && rests);
            asks
        });
        // The oldest jobs go to whoever starts them at once.
        self.asks.sort_by_key(|ask| ask.hungry == 0);
        share(jobs, &mut self.asks);
        let mut handed_out = 0;
        for &Ask { worker, granted, .. } in self.asks.iter().filter(|ask| ask.granted > 0) {
            let left = self.returned.draw(granted, queue, most - handed_out, &mut self.outgoing);
            if left > 0 {
                leave(left);
            }
            handed_out += left;
            self.surveys[worker].waiting += granted;
            if self.workers[worker].lease(&mut self.outgoing) {
                wake(worker);
            }
        }
        handed_out
    }

    fn move_leases(&mut self, Recall { from, to, jobs }: Recall, wake: &mut impl FnMut(usize)) {
        let mut moved = Chunks::new();
        moved.extend(self.workers[from].station.recall(jobs));
        self.surveys[from].waiting -= jobs;
        // What is missing has been started since the survey.
        self.surveys[from].running += jobs - moved.len();
        self.surveys[to].waiting += moved.len();
        if self.workers[to].lease(&mut moved) {
            wake(to);
        }
    }
}
