//! What stands behind the lock of a worker's lane.

use std::{iter, mem, sync::Arc, time::Duration};

use crate::{
    job::Stamp,
    panic::OneByOne,
    sizes::{LARGEST_SUPPLY, SMALL_SUPPLY},
};

use super::{
    Batched, Bell, Chunks, Ring, Told,
    outbox::{Gather, Handed, Outbox},
};

/// A worker's supply is meant to last this long: long against the wake-up that renews it (7 to
/// 17 µs), short against what a person or a timeout notices. Jobs this long and longer are handed
/// out one by one, so they start in the order of the queue.
pub(crate) const SUPPLY: Duration = Duration::from_millis(1);

/// What the dispatcher sees of a worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Survey {
    /// Leases that nobody has started.
    pub(crate) waiting: usize,
    /// Seats that have not been told to leave.
    pub(crate) present: usize,
    /// Seats that run a job.
    pub(crate) running: usize,
    /// Seats whose job has ended, and that are about to ask.
    pub(crate) turning: usize,
    /// Seats that found nothing to do.
    pub(crate) idle: usize,
    /// Seats whose processor was not built.
    pub(crate) failing: usize,
    /// The only seat is idle, and looks again by itself before it sleeps.
    pub(crate) looking: bool,
    /// The only seat is idle and has looked for the last time: nothing else keeps its thread, and a ring is all
    /// it needs.
    pub(crate) asleep: bool,
    /// How many jobs last a supply, at the worker's pace; 0 if that is unknown, or a single one does.
    pub(crate) ahead: usize,
    /// How often the worker has asked for a job or answered a ring: a count that stands still tells
    /// of an overrun.
    pub(crate) asked: u64,
    /// When a seat last asked.
    pub(crate) since: Option<Stamp>,
    /// What waits goes back to the queue: the worker was held up before it got to it.
    pub(crate) returns: bool,
    /// Seats whose job was ended over their heads and whose code still runs.
    pub(crate) stuck: usize,
    /// When to look whether a job has run for too long, if one may.
    pub(crate) due: Option<Stamp>,
    /// Jobs that have ended are to be tried again.
    pub(crate) again: bool,
    /// The worker is gone, with all its seats.
    pub(crate) dead: bool,
}

impl Survey {
    /// Leases that would start at once.
    #[inline]
    pub(crate) fn hungry(&self) -> usize {
        self.idle.saturating_sub(self.waiting)
    }

    /// All that the worker asks for: its idle seats first, then a supply ahead of them. It rings when half of it is
    /// used up. Of a small one, a quarter is enough where another worker has rung: those whose jobs take equally
    /// long ring together then, and the dispatcher wakes half as often.
    pub(crate) fn wanted(&self) -> usize {
        let (supply, level) = (self.supply(), self.idle + self.supply());
        let used_up = if supply > SMALL_SUPPLY { supply / 2 } else { supply / 4 };
        if self.waiting > level - used_up { 0 } else { level - self.waiting }
    }

    /// Leases that the worker wants to have waiting beyond its idle seats.
    #[inline]
    pub(crate) fn supply(&self) -> usize {
        self.ahead.min(LARGEST_SUPPLY)
    }

    /// As of one that asks for nothing.
    pub(crate) fn without_demand(self) -> Self {
        Self { idle: 0, ahead: 0, ..self }
    }

    /// Whether its thread is at work, or about to be.
    #[inline]
    pub(crate) fn is_busy(&self) -> bool {
        self.running > 0 || self.waiting > 0
    }

    /// Whether every lease has ended.
    pub(crate) fn is_quiet(&self) -> bool {
        self.waiting == 0 && self.running == 0 && !self.again
    }

    /// Whether no seat gets to anything: all have been running for so `long`.
    pub(crate) fn is_held_up(&self, now: Stamp, long: Duration) -> bool {
        self.running > 0 && self.idle == 0 && self.ran_for(now, long)
    }

    /// Whether no seat has asked for so `long`.
    #[inline]
    fn ran_for(&self, now: Stamp, long: Duration) -> bool {
        self.since.is_some_and(|since| u128::from(now.since(since)) >= long.as_nanos())
    }

    /// Whether what waits goes back now. A seat that is yet to ask goes first: others would have it meanwhile.
    pub(crate) fn gives_back(&self) -> bool {
        self.returns && self.turning == 0
    }

    /// Leases that another worker may take: all that no idle seat here is about to start.
    pub(crate) fn recallable(&self) -> usize {
        self.waiting.saturating_sub(self.idle)
    }

    /// Seats that run a job, or would.
    pub(crate) fn live(&self) -> usize {
        self.idle + self.running + self.turning
    }
}

/// Where one seat of a worker stands. `K` is what the lane keeps of a job that runs.
#[derive(Debug)]
pub(super) enum Seat<K> {
    /// Nobody has it.
    Vacant,
    /// It asks for nothing any more, and is vacant once its code has ended. It may be `stuck`: its job
    /// was ended over its head, and it has not come back.
    Leaving {
        stuck: bool,
    },
    /// Its processor is being built, or it is about to ask for the first time.
    Away,
    /// Its job has ended, and it is about to ask.
    Turning,
    /// Its processor was not built, and is going to be tried again.
    Failing,
    /// It found nothing.
    Idle,
    Running(K),
    /// Its job was ended over its head: it asks again once its code has returned.
    Stuck,
    /// Its job was ended over its head: it asks for nothing any more.
    Abandoned,
}

impl<K> Seat<K> {
    fn count<'s>(&self, survey: &'s mut Survey) -> Option<&'s mut usize> {
        match self {
            Self::Vacant | Self::Away | Self::Abandoned | Self::Leaving { stuck: false } => None,
            Self::Failing => Some(&mut survey.failing),
            Self::Turning => Some(&mut survey.turning),
            Self::Idle => Some(&mut survey.idle),
            Self::Stuck | Self::Leaving { stuck: true } => Some(&mut survey.stuck),
            Self::Running(_) => Some(&mut survey.running),
        }
    }

    /// Whether it has not been told to leave.
    pub(super) fn is_present(&self) -> bool {
        !matches!(self, Self::Vacant | Self::Leaving { .. })
    }

    /// Whether it can be told to leave although it is not there to hear it: it runs nothing, and is
    /// not ready to.
    pub(super) fn is_unready(&self) -> bool {
        matches!(self, Self::Away | Self::Turning | Self::Failing | Self::Stuck)
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self, Self::Idle)
    }
}

#[derive(Debug)]
pub(super) struct Bench<J: Batched, K, R, O> {
    pub(super) queue: Chunks<J>,
    /// What is to be tried again, and after what pause.
    pub(super) again: OneByOne<Vec<(R, Duration)>>,
    pub(super) seats: OneByOne<Vec<Seat<K>>>,
    pub(super) out: Outbox<O>,
    /// By seat.
    pub(super) told: Vec<Arc<Told>>,
    pub(super) survey: Survey,
    /// Jobs that have begun since the worker was hired.
    pub(super) begun: u64,
    /// Times that a processor was not built.
    pub(super) failures: u64,
    /// The dispatcher has been rung and has not looked yet.
    pub(super) rung: bool,
    /// Hungry seats when the dispatcher last looked or handed out. A seat that was not meant may
    /// take a lease before the one that was rung for it, which is then hungry again.
    pub(super) hungry_seen: usize,
    /// The dispatcher has been told that the supply runs low, and has handed out nothing since.
    pub(super) said_low: bool,
    /// The dispatcher has given the worker up, and wants to hear when it asks or answers again.
    pub(super) given_up: bool,
}

impl<J: Batched, K, R, O: Default> Bench<J, K, R, O> {
    pub(super) fn new(seats: usize) -> Self {
        let mut bench = Self {
            queue: Chunks::new(),
            again: Vec::new().into(),
            out: Outbox::new(),
            seats: Vec::new().into(),
            told: Vec::new(),
            survey: Survey::default(),
            begun: 0,
            failures: 0,
            rung: false,
            hungry_seen: 0,
            said_low: false,
            given_up: false,
        };
        bench.open(seats);
        bench
    }

    /// Takes in `n` more seats, which are about to ask, and returns which.
    pub(super) fn open(&mut self, n: usize) -> Vec<usize> {
        let vacant = self.seats.iter().enumerate().filter(|(_, seat)| matches!(seat, Seat::Vacant));
        let mut opened: Vec<_> = vacant.map(|(number, _)| number).take(n).collect();
        let missing = n - opened.len();
        opened.extend(self.seats.len()..self.seats.len() + missing);
        self.seats.extend(iter::repeat_with(|| Seat::Vacant).take(missing));
        self.told.resize_with(self.seats.len(), Arc::default);
        for &seat in &opened {
            self.renew(seat);
            self.set(seat, Seat::Away);
        }
        opened
    }

    /// Someone else takes a seat, and numbers its starts anew.
    pub(super) fn renew(&mut self, seat: usize) {
        self.told[seat] = Arc::default();
    }

    pub(super) fn survey(&self) -> Survey {
        Survey { waiting: self.queue.len(), again: !self.again.is_empty(), ..self.survey }
    }

    /// Moves a seat on, and returns where it stood.
    pub(super) fn set(&mut self, seat: usize, to: Seat<K>) -> Seat<K> {
        self.survey.present += usize::from(to.is_present());
        if let Some(count) = to.count(&mut self.survey) {
            *count += 1;
        }
        let from = mem::replace(&mut self.seats[seat], to);
        self.survey.present -= usize::from(from.is_present());
        if let Some(count) = from.count(&mut self.survey) {
            *count -= 1;
        }
        from
    }

    /// Takes a seat's job out, to be ended; the seat is then at `to`. `None` if it runs nothing.
    pub(super) fn take(&mut self, seat: usize, to: Seat<K>) -> Option<K> {
        if !matches!(self.seats[seat], Seat::Running(_)) {
            return None;
        }
        match self.set(seat, to) {
            Seat::Running(job) => Some(job),
            _ => None,
        }
    }

    /// Begins the next lease at a seat, or leaves the seat at `or`.
    pub(super) fn begin(&mut self, seat: usize, begin: impl FnOnce(J) -> K, or: Seat<K>) -> bool {
        let next = if self.survey.returns { None } else { self.queue.pop_front() };
        let next = next.map(begin);
        let found = next.is_some();
        self.begun += u64::from(found);
        self.set(seat, next.map_or(or, Seat::Running));
        found
    }

    /// Ends a seat's job: by `exchange`, which has the next lease begin in its place, where that is: what a
    /// job is moved is what it costs. Or by `end`, if there is none or the seat may not `go_on`, and the
    /// seat is about to ask. Returns whether another began, or `with` if the seat runs nothing.
    #[inline(always)]
    pub(super) fn swap<X, V>(
        &mut self,
        seat: usize,
        go_on: bool,
        with: X,
        exchange: impl FnOnce(&mut K, J, X) -> (V, bool),
        end: impl FnOnce(K, X) -> (V, bool),
    ) -> Result<(bool, Handed), X>
    where
        O: Gather<V>,
    {
        let Seat::Running(job) = &mut self.seats[seat] else { return Err(with) };
        let next = if go_on { self.queue.pop_front() } else { None };
        let Some(next) = next else {
            return match self.take(seat, Seat::Turning) {
                Some(job) => Ok((false, self.out.put(end(job, with).0, false))),
                None => Err(with),
            };
        };
        self.begun += 1;
        let (result, urgent) = exchange(job, next, with);
        Ok((true, self.out.put(result, !urgent)))
    }

    /// A seat asks for nothing any more.
    pub(super) fn dismiss(&mut self, seat: usize) {
        let stuck = matches!(self.seats[seat], Seat::Stuck);
        self.set(seat, Seat::Leaving { stuck });
        if self.survey.present == 0 {
            self.survey.ahead = 0;
        }
    }

    /// A seat asks, with this demand from now on.
    pub(super) fn note(&mut self, ahead: usize, at: Stamp) {
        self.survey.ahead = ahead;
        self.survey.asked += 1;
        self.survey.since = Some(at);
    }

    /// A seat's job has ended. What waits goes back to its place in the queue if it was held up by that
    /// job: by now, what is older may wait elsewhere. Returns whether it does.
    pub(super) fn returns(&mut self, at: Stamp) -> bool {
        if self.survey.ran_for(at, SUPPLY) {
            self.survey.returns |= !self.queue.is_empty() && self.survey.is_held_up(at, SUPPLY);
        }
        self.survey.returns
    }

    /// Takes everything that runs out of the lane, and leaves the seats at `to`.
    pub(super) fn clear(&mut self, to: impl Fn() -> Seat<K>) -> Vec<K> {
        (0..self.seats.len()).filter_map(|seat| self.take(seat, to())).collect()
    }

    /// How the bell must stand: seats that found nothing need a ring.
    pub(super) fn bell(&self, bell: Bell) -> Bell {
        match bell {
            Bell::Awake if self.survey.idle > 0 => Bell::Asleep,
            Bell::Asleep if self.survey.idle == 0 => Bell::Awake,
            bell => bell,
        }
    }

    /// Whether the dispatcher must be told: there are more hungry seats than it knows of, the supply
    /// is half used up, the worker is back, or (`left`) a seat left.
    pub(super) fn ring(&mut self, left: bool) -> Option<Ring> {
        let hungrier = self.survey.idle > self.hungry_seen + self.queue.len();
        let supply = self.survey.supply();
        let low = !self.said_low && supply > 0 && self.queue.len() <= supply / 2;
        let back = mem::take(&mut self.given_up);
        let ring = !self.rung && (hungrier || low || back || left);
        self.rung |= ring;
        self.said_low |= ring && low;
        ring.then_some(Ring(()))
    }
}
