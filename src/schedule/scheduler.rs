//! What the dispatcher decides: which jobs are handed out, cancelled or given up, and when the pool
//! is dry. It is told the time, and says by its [`Port`] what is to be sent to whom.

use std::{borrow::Cow, collections::VecDeque, mem, sync::Arc, time::Instant};

use crate::{
    error::JobError,
    intake::{OnFull, Queue},
    job::{Accepted, Ended, Inside, JobId, Running, WorkStation},
    lane::{Holdback, Remains, Survey},
    message::{CancelOutcome, Stall},
    value::Value,
};

use super::{
    Backlog, Chunks, Dealt, Ending, Leave, Roster, Step, Vacancies, evict_oldest, evict_youngest,
    port::{Now, Port, Turned},
    stall::{Finding, Vigil},
};

type WorkRoster<T, U, E> = Roster<Accepted<T, U, E>, Running<T, U, E>, Ended<T, U, E>>;

/// Where the pool stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// Nothing is accepted, and jobs end.
    Ending {
        ending: Ending,
        step: Step,
        /// When jobs were asked to end, by the real time.
        asked: Option<Instant>,
    },
    /// Every result has been handed over.
    Over {
        ending: Ending,
    },
}

/// What a pool leaves when it has ended.
#[derive(Debug, Default)]
pub(crate) struct Left {
    /// Jobs that ran on when they had to be given up.
    pub(crate) abandoned: Vec<JobId>,
    /// The workers that ran them.
    pub(crate) workers: Vec<usize>,
}

pub(crate) struct Scheduler<T: Value, U: Value, E: Value> {
    /// The pool's name.
    name: Cow<'static, str>,
    inside: Arc<Inside<T, U, E>>,
    holdback: Arc<Holdback>,
    /// For jobs that end without a worker.
    exit: Arc<WorkStation<T, U, E>>,
    bound: Queue,
    leave: Leave,
    queue: Backlog<Accepted<T, U, E>>,
    roster: WorkRoster<T, U, E>,
    vacancies: Vacancies,
    vigil: Vigil,
    phase: Phase,
    paused: bool,
    /// Nobody holds the pool.
    forsaken: bool,
    /// It was said that no worker is live, and none has been since.
    said_helpless: bool,
    left: Left,
    /// Jobs that have left the queue since the inbox was last emptied.
    released: usize,
    /// Jobs that were ever accepted, as of then.
    accepted: u64,
    /// Nothing waits and nothing runs, as of the last look.
    dry: bool,
    /// How many jobs had been accepted when the collector was told that the pool is dry, if it has
    /// been dry since.
    told: Option<u64>,
}

/// What a scheduler is made of.
pub(crate) struct Parts<T: Value, U: Value, E: Value> {
    pub(crate) name: Cow<'static, str>,
    pub(crate) inside: Arc<Inside<T, U, E>>,
    pub(crate) holdback: Arc<Holdback>,
    pub(crate) exit: Arc<WorkStation<T, U, E>>,
    pub(crate) bound: Queue,
    pub(crate) leave: Leave,
    pub(crate) stations: Vec<Arc<WorkStation<T, U, E>>>,
}

impl<T: Value, U: Value, E: Value> Scheduler<T, U, E> {
    pub(crate) fn new(parts: Parts<T, U, E>) -> Self {
        let Parts { name, inside, holdback, exit, bound, leave, stations } = parts;
        Self {
            name,
            inside,
            holdback,
            exit,
            bound,
            leave,
            queue: Backlog::new(),
            vacancies: Vacancies::new(stations.len()),
            roster: Roster::new(stations),
            vigil: Vigil::default(),
            phase: Phase::Open,
            paused: false,
            forsaken: false,
            said_helpless: false,
            left: Left::default(),
            released: 0,
            accepted: 0,
            dry: true,
            told: Some(0),
        }
    }

    /// Takes in what was accepted, hands out what was asked for, and sees whether that was all.
    pub(crate) fn turn(&mut self, now: Now, port: &mut impl Port) -> Turned {
        let mut dealt = self.round(now, port);
        // Room that was made lets in others, where there is a bound.
        if self.bound.capacity.is_some() && dealt.handed_out + self.released > 0 {
            dealt = self.round(now, port);
            if dealt.handed_out + self.released > 0 {
                port.again();
            }
        }
        if dealt.dead {
            return Turned { look_again: false, watch: false, due: None, is_lost: true };
        }
        self.fill_vacancies(now.clock, port);
        self.see_whether_anyone_works(&dealt, now.clock, port);
        self.watch_windows(dealt.any_hungry && dealt.handed_out == 0, now.clock, port);
        self.dry = dealt.quiet && self.queue.is_empty();
        if !self.dry {
            self.told = None;
        } else if self.told != Some(self.accepted) {
            self.settle(port);
        }
        // Jobs that do not end when they are asked to are given up after a while.
        let asked = matches!(self.phase, Phase::Ending { step: Step::Ended, .. });
        let (look_again, watch) = (dealt.look_again, dealt.all_busy || asked);
        Turned { look_again, watch, due: self.due(now.clock), is_lost: false }
    }

    /// As a turn, after which the collector is told anew if the pool is dry: someone waits to hear
    /// that it held.
    pub(crate) fn turn_and_settle(&mut self, now: Now, port: &mut impl Port) -> Turned {
        self.told = None;
        self.turn(now, port)
    }

    fn round(&mut self, now: Now, port: &mut impl Port) -> Dealt {
        self.take_in(now, port);
        self.cut_short(now, port);
        let mut dealt = self.deal(now, port);
        while dealt.dead && port.system_runs() {
            while let Some((worker, remains)) = self.roster.bury() {
                self.bury(worker, remains, now.clock, port);
            }
            dealt = self.deal(now, port);
        }
        self.evict_oldest(now.clock, port);
        dealt
    }

    fn take_in(&mut self, now: Now, port: &mut impl Port) {
        let mut incoming = Chunks::new();
        let inflow = self.inside.inbox.empty(mem::take(&mut self.released), &mut incoming);
        self.accepted = inflow.accepted;
        if let Queue { capacity: Some(capacity), on_full: OnFull::EvictYoungest } = self.bound {
            // What idle workers are about to be handed takes up no room.
            let hungry = self.roster.hungry(now.real);
            let allowance = self.allowance(self.queue.len() + incoming.len());
            let room = capacity + hungry.min(allowance.unwrap_or(hungry));
            let victims = evict_youngest(&mut self.queue, &mut incoming, &inflow.sizes, room);
            self.end_waiting(victims, || JobError::Evicted, now.clock, port);
        }
        self.queue.append(&mut incoming);
    }

    /// How many jobs may be handed out, where `queued` are not yet.
    fn allowance(&self, queued: usize) -> Option<usize> {
        if self.paused {
            return Some(0);
        }
        self.holdback.allowance(self.accepted - queued as u64)
    }

    fn deal(&mut self, now: Now, port: &mut impl Port) -> Dealt {
        let allowance = self.allowance(self.queue.len());
        let (bounded, inbox, released) =
            (self.bound.capacity.is_some(), &self.inside.inbox, &mut self.released);
        // Where room matters, it is there before a job that was handed out can submit another.
        let leave = |jobs| if bounded { inbox.release(jobs) } else { *released += jobs };
        let wake = |worker| port.wake(worker);
        self.roster.deal(&mut self.queue, allowance, now.real, leave, wake)
    }

    fn evict_oldest(&mut self, now: Instant, port: &mut impl Port) {
        if let Queue { capacity: Some(capacity), on_full: OnFull::EvictOldest } = self.bound {
            let victims = evict_oldest(&mut self.queue, capacity);
            self.end_waiting(victims, || JobError::Evicted, now, port);
        }
    }

    fn due(&self, now: Instant) -> Option<Instant> {
        let limit = match &self.phase {
            Phase::Open => None,
            Phase::Ending { ending, .. } => ending.next(now),
            // Nobody is hired any more, whoever has died.
            Phase::Over { .. } => return None,
        };
        [limit, self.vacancies.next_due(), self.vigil.due()].into_iter().flatten().min()
    }

    /// Looks whether a full window keeps jobs waiting while nothing runs.
    fn watch_windows(&mut self, stands: bool, now: Instant, port: &mut impl Port) {
        let held_back = stands && !self.paused && !self.queue.is_empty();
        let left_queue = self.accepted - self.queue.len() as u64;
        let full = if held_back { self.holdback.full(left_queue) } else { None };
        match self.vigil.observe(full, now) {
            Finding::Nothing => return,
            Finding::Still => {}
            Finding::Stalled => {
                let waiting = self.inside.inbox.look().waiting;
                self.vigil.report(&self.name, self.queue.len(), waiting);
            }
        }
        port.muster();
    }

    /// Ends jobs that were in the queue.
    fn end_waiting(
        &mut self,
        jobs: impl IntoIterator<Item = Accepted<T, U, E>, IntoIter: ExactSizeIterator>,
        error: impl Fn() -> JobError<E>,
        now: Instant,
        port: &mut impl Port,
    ) {
        let jobs = jobs.into_iter();
        self.released += jobs.len();
        self.put(jobs.map(|job| job.end(error(), now)), port);
    }

    fn put(&self, results: impl IntoIterator<Item = Ended<T, U, E>>, port: &mut impl Port) {
        for result in results {
            if self.exit.outbox.put(result, false).is_some() {
                port.collect();
            }
        }
    }

    /// Tells the collector that nothing is left anywhere.
    fn settle(&mut self, port: &mut impl Port) {
        self.told = Some(self.accepted);
        port.settle(self.accepted, self.forsaken || self.phase != Phase::Open);
    }
}

/// Workers that die.
impl<T: Value, U: Value, E: Value> Scheduler<T, U, E> {
    /// What ran is lost, and what had not started goes back to its place.
    fn bury(
        &mut self,
        worker: usize,
        remains: Remains<Accepted<T, U, E>, Running<T, U, E>>,
        now: Instant,
        port: &mut impl Port,
    ) {
        let Remains { running, leases, begun } = remains;
        tracing::warn!(
            pool = &*self.name,
            worker,
            lost = running.len(),
            given_back = leases.len(),
            "a worker's thread ended; it is replaced"
        );
        self.vacancies.died(worker, begun > 0, now);
        self.put(running.into_iter().map(|job| job.end(JobError::Lost, now)), port);
        self.give_back(leases);
    }

    fn give_back(&mut self, jobs: VecDeque<Accepted<T, U, E>>) {
        self.inside.inbox.take_back(jobs.len());
        self.queue.give_back(jobs);
    }

    fn fill_vacancies(&mut self, now: Instant, port: &mut impl Port) {
        if matches!(self.phase, Phase::Over { .. }) {
            return;
        }
        while let Some(worker) = self.vacancies.take_due(now) {
            if !port.hire(worker) {
                self.vacancies.postpone(worker, now);
            }
        }
    }

    /// Says so when no worker is live and none is about to be. Where nobody holds the pool any more,
    /// nobody would mend that, and what waits is cancelled.
    fn see_whether_anyone_works(&mut self, dealt: &Dealt, now: Instant, port: &mut impl Port) {
        let workers = 0..self.roster.len();
        let absent = |worker: usize| match self.vacancies.is_vacant(worker) {
            true => self.roster.seats(worker),
            false => 0,
        };
        let helpless = dealt.live == 0 && {
            let all: usize = workers.clone().map(|worker| self.roster.seats(worker)).sum();
            dealt.failing + workers.map(absent).sum::<usize>() >= all
        };
        let (pool, queued) = (&*self.name, self.queue.len());
        if helpless && !mem::replace(&mut self.said_helpless, true) {
            tracing::warn!(pool, queued, "no worker of the pool is live");
        } else if dealt.live > 0 && mem::take(&mut self.said_helpless) {
            tracing::info!(pool, "a worker of the pool is live again");
        }
        if self.forsaken && (helpless || self.paused) {
            self.cancel_waiting(now, port);
        }
    }
}

/// How a pool ends.
impl<T: Value, U: Value, E: Value> Scheduler<T, U, E> {
    /// Begins to end the pool, or agrees to a stricter end.
    pub(crate) fn end(&mut self, wanted: impl FnOnce(Leave) -> Ending) {
        self.inside.inbox.close();
        self.paused = false;
        let wanted = wanted(self.leave);
        match &mut self.phase {
            Phase::Open => {
                self.phase = Phase::Ending { ending: wanted, step: Step::Running, asked: None }
            }
            Phase::Ending { ending, .. } => *ending = ending.and(wanted),
            Phase::Over { .. } => {}
        }
    }

    /// Where the pool's time is over, cancels what has not started, and ends what runs.
    fn cut_short(&mut self, now: Now, port: &mut impl Port) {
        let Phase::Ending { ending, step, asked } = &mut self.phase else { return };
        let before = mem::replace(step, ending.step(now.clock).max(*step));
        if *step == Step::Ended && now.real >= *asked.get_or_insert(now.real) + self.leave.reach {
            *step = Step::Abandoned;
        }
        let (ending, step, now) = (*ending, *step, now.clock);
        if step > before {
            if step >= Step::Told {
                self.inside.stop();
            }
            (0..self.roster.len()).for_each(|worker| port.stop_jobs(worker, step));
        }
        if ending.starts_nothing(now) {
            self.cancel_waiting(now, port);
        }
        if step > before && step == Step::Abandoned {
            self.abandon(now, port);
        }
    }

    fn cancel_waiting(&mut self, now: Instant, port: &mut impl Port) {
        let queued = self.queue.take_all();
        self.end_waiting(queued, || JobError::Cancelled, now, port);
        let leased = self.roster.recall_all();
        self.put(leased.into_iter().map(|job| job.end(JobError::Cancelled, now)), port);
    }

    fn abandon(&mut self, now: Instant, port: &mut impl Port) {
        let abandoned: Vec<_> = self.roster.abandon().collect();
        for (worker, jobs) in abandoned {
            let (pool, jobs_left) = (&*self.name, jobs.len());
            tracing::warn!(pool, worker, jobs_left, "jobs still ran at the deadline; abandoned");
            self.left.workers.push(worker);
            self.left.abandoned.extend(jobs.iter().filter_map(Running::id));
            self.put(jobs.into_iter().map(|job| job.end(JobError::Abandoned, now)), port);
        }
    }

    /// The collector has handed over everything, of so many accepted jobs. Returns whether that still
    /// holds; a pool that was to end is over then.
    pub(crate) fn settled(&mut self, accepted: u64) -> bool {
        let holds = self.dry && self.accepted == accepted;
        if holds {
            self.forsaken = false;
            if let Phase::Ending { ending, .. } = self.phase {
                self.phase = Phase::Over { ending };
            }
        }
        holds
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over { .. })
    }

    /// Whether the pool, which was dry at the last turn, is closed for good now.
    pub(crate) fn close_if_dry(&self) -> bool {
        self.dry && self.inside.inbox.close_if_none_since(self.accepted)
    }

    /// Nobody holds the pool any more.
    pub(crate) fn forsake(&mut self) {
        self.forsaken = true;
    }

    /// What a pool that is over leaves, and how long its threads have to end.
    pub(crate) fn take_left(&mut self, now: Instant) -> (Left, Option<std::time::Duration>) {
        let patience = match self.phase {
            Phase::Over { ending } | Phase::Ending { ending, .. } => Some(ending.patience(now)),
            Phase::Open => None,
        };
        (mem::take(&mut self.left), patience)
    }

    /// Whatever stopped the pool, nobody waits in its line for ever, and no job just vanishes: those
    /// of callers tell them so as they are dropped, the others end as lost.
    pub(crate) fn collapse(&mut self, now: Instant, port: &mut impl Port) {
        self.inside.inbox.close();
        let mut incoming = Chunks::new();
        self.inside.inbox.empty(mem::take(&mut self.released), &mut incoming);
        self.queue.append(&mut incoming);
        let (queued, leased) = (self.queue.take_all(), self.roster.recall_all());
        let waiting = queued.into_iter().chain(leased).map(|job| job.end(JobError::Lost, now));
        self.put_or_drop(waiting, port);
        let running: Vec<_> = self.roster.abandon().flat_map(|(_, jobs)| jobs).collect();
        self.put_or_drop(running.into_iter().map(|job| job.end(JobError::Lost, now)), port);
    }

    fn put_or_drop(&self, ended: impl Iterator<Item = Ended<T, U, E>>, port: &mut impl Port) {
        let (waited_for, others): (Vec<_>, Vec<_>) = ended.partition(|job| job.to.is_waiting());
        crate::panic::drop_each(waited_for);
        self.put(others, port);
    }
}

/// What can be asked of it.
impl<T: Value, U: Value, E: Value> Scheduler<T, U, E> {
    /// Cancels one job, wherever it is.
    pub(crate) fn cancel(&mut self, id: JobId, now: Now, port: &mut impl Port) -> CancelOutcome {
        self.take_in(now, port);
        if let Some(job) = self.queue.remove(id) {
            self.end_waiting([job], || JobError::Cancelled, now.clock, port);
            return CancelOutcome::Waiting;
        }
        if let Some(job) = self.roster.withdraw(id) {
            self.put([job.end(JobError::Cancelled, now.clock)], port);
            return CancelOutcome::Waiting;
        }
        let Some((worker, seat)) = self.roster.seat_of(|job| job.is(id)) else {
            return CancelOutcome::NotHere;
        };
        self.roster.tell(worker, seat, id.get());
        port.look(worker, seat);
        CancelOutcome::Running
    }

    /// From here on no job starts. What had been handed out and not started goes back to its place.
    pub(crate) fn pause(&mut self) {
        if self.phase == Phase::Open && !mem::replace(&mut self.paused, true) {
            let leases = self.roster.recall_all();
            self.give_back(leases);
        }
    }

    pub(crate) fn resume(&mut self) {
        self.paused = false;
    }

    pub(crate) fn look(&self) -> Look {
        Look {
            workers: (0..self.roster.len()).map(|worker| self.roster.seats(worker)).sum(),
            seats: self.roster.census(),
            queued: self.queue.len(),
            paused: self.paused,
            deaths: self.vacancies.deaths(),
            build_failures: self.roster.failures(),
            stall: self.vigil.stall(&self.name),
        }
    }
}

/// What the scheduler shows.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub(crate) workers: usize,
    pub(crate) seats: Survey,
    pub(crate) queued: usize,
    pub(crate) paused: bool,
    pub(crate) deaths: u64,
    pub(crate) build_failures: u64,
    pub(crate) stall: Option<Stall>,
}
