//! What the dispatcher decides: which jobs are handed out, cancelled or given up, and when the pool
//! is dry. It is told the time, and says by its [`Port`] what is to be sent to whom.

mod arrivals;
mod asks;
mod ends;
mod postponed;
mod timeouts;
mod workers;

use std::{
    borrow::Cow,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    error::JobError,
    intake::Queue,
    job::{Accepted, Ended, Finished, Inside, JobId, Postponed, Running, Stamp, WorkStation},
    lane::{Chunks, Holdback},
    value::Value,
};

use super::{
    Dealt, Ending, Goes, Keys, Later, Leave, Retry, Roster, Step, Vacancies,
    port::{Now, Port, Turned},
    stall::{Finding, Vigil},
};

pub(crate) use self::timeouts::Overrun;

/// How long it may take until a pool hears that its actix system stopped: rare enough to cost nothing,
/// soon enough for whoever waits.
const WATCH_EVERY: Duration = Duration::from_millis(100);

type WorkRoster<T, U, E> =
    Roster<Accepted<T, U, E>, Running<T, U, E>, Ended<T, U, E>, Finished<T, U, E>>;

/// How often one turn takes back jobs that are to be tried again.
const MOST_PASSES: usize = 4;

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
    /// How long a job may run that does not say so itself.
    timeout: Option<Duration>,
    overrun: Overrun,
    retry: Option<Retry<E>>,
    /// Empty between turns: its buffers go to and fro between the inbox and the queue.
    incoming: Chunks<Accepted<T, U, E>>,
    queue: Chunks<Accepted<T, U, E>>,
    later: Later<Postponed<T, U, E>>,
    keys: Keys<Accepted<T, U, E>>,
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
    pub(crate) timeout: Option<Duration>,
    pub(crate) overrun: Overrun,
    pub(crate) retry: Option<Retry<E>>,
    pub(crate) roster: WorkRoster<T, U, E>,
}

impl<T: Value, U: Value, E: Value> Scheduler<T, U, E> {
    pub(crate) fn new(parts: Parts<T, U, E>) -> Self {
        let Parts { name, inside, holdback, exit, bound, leave, timeout, overrun, retry, roster } =
            parts;
        Self {
            name,
            inside,
            holdback,
            exit,
            bound,
            leave,
            timeout,
            overrun,
            retry,
            incoming: Chunks::default(),
            queue: Chunks::new(),
            later: Later::new(),
            keys: Keys::new(),
            vacancies: Vacancies::new(roster.len()),
            roster,
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
    pub(crate) fn turn(&mut self, now: Now, port: &mut impl Port<T, U, E>) -> Turned {
        let mut dealt = self.round(now, port);
        // Room that was made lets in others, where there is a bound.
        if self.bound.capacity.is_some() && dealt.handed_out + self.released > 0 {
            dealt = self.round(now, port);
            if dealt.handed_out + self.released > 0 {
                port.again();
            }
        }
        if dealt.dead {
            return Turned { look_again: false, worth: 0, watch: None, due: None, is_lost: true };
        }
        if dealt.any_stuck {
            self.replace_stuck(now.clock, port);
        }
        self.fill_vacancies(now.clock, port);
        self.see_whether_anyone_works(&dealt, now.clock, port);
        if self.holdback.take_untold() {
            port.muster();
        }
        self.watch_windows(dealt.any_hungry && dealt.handed_out == 0, now.clock, port);
        self.dry = dealt.quiet && self.waiting() == 0;
        if !self.dry {
            self.told = None;
        } else if self.told != Some(self.accepted) {
            self.settle(port);
        }
        if self.may_sleep(&dealt) {
            self.inside.inbox.need_not_ring();
        }
        let busy = (dealt.all_busy && !self.dry).then(|| now.real + WATCH_EVERY);
        let watch = [busy, self.given_up_at()].into_iter().flatten().min();
        let due = [self.due(now.clock), dealt.due.map(Stamp::instant)].into_iter().flatten().min();
        Turned { look_again: dealt.look_again, worth: dealt.worth, watch, due, is_lost: false }
    }

    /// Whether nothing that is submitted can start or push out anything before a worker rings.
    fn may_sleep(&self, dealt: &Dealt) -> bool {
        dealt.live > 0 && !dealt.any_hungry && self.phase == Phase::Open && self.evicts().is_none()
    }

    /// As a turn, after which the collector is told anew if the pool is dry: someone waits to hear
    /// that it held.
    pub(crate) fn turn_and_settle(&mut self, now: Now, port: &mut impl Port<T, U, E>) -> Turned {
        self.told = None;
        self.turn(now, port)
    }

    fn round(&mut self, now: Now, port: &mut impl Port<T, U, E>) -> Dealt {
        self.take_in(now, port);
        self.cut_short(now, port);
        let mut dealt = self.deal(Goes::AfterRetries, now, port);
        for pass in 1.. {
            // Jobs that fail at once may come back as fast as they are handed out.
            let again = dealt.again && pass <= MOST_PASSES;
            if again {
                self.take_again(now.clock);
            }
            let is_late = dealt.due.is_some_and(|due| due <= Stamp::of(now.clock));
            if is_late {
                self.time_out(now, port);
            }
            let changed = (dealt.emptied || dealt.dead) && port.system_runs();
            if changed {
                self.see_off(now.clock, port);
            }
            if !is_late && !changed && !again {
                break;
            }
            self.cut_postponed(now.clock, port);
            self.take_due(now.clock, port);
            let goes = if pass < MOST_PASSES { Goes::AfterRetries } else { Goes::Anything };
            let before = dealt.handed_out;
            dealt = self.deal(goes, now, port);
            // Those made room, too, which whoever waits in line is to have.
            dealt.handed_out += before;
        }
        if dealt.again {
            port.again();
        }
        self.evict(now.clock, port);
        dealt
    }

    /// How many jobs may be handed out, where `queued` are not yet.
    fn allowance(&self, queued: usize) -> Option<usize> {
        if self.paused {
            return Some(0);
        }
        self.holdback.allowance(self.accepted - queued as u64)
    }

    fn deal(&mut self, goes: Goes, now: Now, port: &mut impl Port<T, U, E>) -> Dealt {
        let goes = if self.paused { Goes::Nothing } else { goes };
        let allowance = self.allowance(self.waiting());
        let (bounded, inbox, released) =
            (self.bound.capacity.is_some(), &self.inside.inbox, &mut self.released);
        // Where room matters, it is there before a job that was handed out can submit another.
        let leave = |jobs| if bounded { inbox.release(jobs) } else { *released += jobs };
        let wake = |worker| port.wake(worker);
        self.roster.deal(&mut self.queue, allowance, goes, now, leave, wake)
    }

    fn due(&self, now: Instant) -> Option<Instant> {
        let limit = match &self.phase {
            Phase::Open => None,
            Phase::Ending { ending, .. } => ending.next(now),
            // Nobody is hired any more, whoever has died.
            Phase::Over { .. } => return None,
        };
        let dues = [limit, self.later.next_due(), self.vacancies.next_due(), self.vigil.due()];
        dues.into_iter().flatten().min()
    }

    /// Looks whether a full window keeps jobs waiting while nothing runs.
    fn watch_windows(&mut self, stands: bool, now: Instant, port: &mut impl Port<T, U, E>) {
        let held_back = stands && !self.paused && !self.queue.is_empty();
        let left_queue = self.accepted - self.waiting() as u64;
        let full = if held_back { self.holdback.full(left_queue) } else { None };
        match self.vigil.observe(full, now) {
            Finding::Nothing => return,
            Finding::Still => {}
            Finding::Stalled => {
                let in_line = self.inside.inbox.look().waiting;
                self.vigil.report(&self.name, self.queue.len(), in_line);
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
        port: &mut impl Port<T, U, E>,
    ) {
        let jobs = jobs.into_iter();
        self.released += jobs.len();
        self.put(jobs.map(|job| job.end(error(), now)), port);
    }

    fn put(
        &self,
        results: impl IntoIterator<Item = Ended<T, U, E>>,
        port: &mut impl Port<T, U, E>,
    ) {
        for result in results {
            if self.exit.put(result).is_some() {
                port.collect();
            }
        }
    }

    /// Tells the collector that nothing is left anywhere.
    fn settle(&mut self, port: &mut impl Port<T, U, E>) {
        self.told = Some(self.accepted);
        port.settle(self.accepted, self.forsaken || self.phase != Phase::Open);
    }
}
