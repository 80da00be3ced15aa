use std::{
    iter, mem,
    time::{Duration, Instant},
};

use crate::{
    error::JobError,
    intake::{Inflow, OnFull},
    job::{Accepted, Ended, Postponed, Stamp},
    lane::{Batched, Chunks},
    schedule::{Now, Port, Whom, evict_oldest, evict_youngest, push_out_youngest},
    value::Value,
};

use super::Scheduler;

/// The room in a queue whose youngest are pushed out.
#[derive(Clone, Copy)]
struct Room {
    capacity: usize,
    /// How many jobs idle workers are about to be handed: those take up none.
    idle: usize,
}

/// What a submission came to.
struct Sorted<J: Batched> {
    ready: Chunks<J>,
    delayed: Vec<(Duration, J)>,
    keyed: Vec<(u64, J)>,
}

/// Where one waits.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Queue,
    Keys,
    Later,
}

/// Jobs that come, and those that leave for their sake.
impl<T: Value, U: Value, E: Value> Scheduler<T, U, E> {
    pub(super) fn take_in(&mut self, now: Now, port: &mut impl Port<T, U, E>) {
        let mut incoming = mem::take(&mut self.incoming);
        let mut inflow = self.inside.inbox.empty(mem::take(&mut self.released), &mut incoming);
        self.accepted = inflow.accepted;
        self.release_keys(mem::take(&mut inflow.freed));
        let room = self.room(incoming.len(), now);
        if inflow.special.is_some() || (room.is_some() && self.aside() > 0) {
            self.take_in_each(&mut incoming, &inflow, room, now.clock, port);
        } else if let Some(Room { capacity, idle }) = room {
            let (queue, sizes) = (&mut self.queue, &inflow.sizes);
            let victims = evict_youngest(queue, &mut incoming, sizes, capacity + idle);
            self.end_waiting(victims, || JobError::Evicted, now.clock, port);
        }
        self.queue.append(&mut incoming);
        self.incoming = incoming;
        self.take_due(now.clock, port);
    }

    /// How many may wait, and who leaves if more do.
    pub(super) fn evicts(&self) -> Option<(usize, Whom)> {
        let whom = match self.bound.on_full {
            OnFull::EvictOldest => Whom::Oldest,
            OnFull::EvictYoungest => Whom::Youngest,
            OnFull::Wait | OnFull::Reject => return None,
        };
        Some((self.bound.capacity?, whom))
    }

    fn room(&mut self, coming: usize, now: Now) -> Option<Room> {
        let Some((capacity, Whom::Youngest)) = self.evicts() else { return None };
        let hungry = self.roster.hungry(now);
        let allowance = self.allowance(self.waiting() + coming);
        Some(Room { capacity, idle: hungry.min(allowance.unwrap_or(hungry)) })
    }

    /// Takes in submissions one after another, where some jobs do not just go to the end of the queue.
    fn take_in_each(
        &mut self,
        incoming: &mut Chunks<Accepted<T, U, E>>,
        inflow: &Inflow,
        room: Option<Room>,
        now: Instant,
        port: &mut impl Port<T, U, E>,
    ) {
        // A job's own time of acceptance is that of its burst, and may be older than it is.
        let accepted = Stamp::of(inflow.special.unwrap_or(now));
        let all = [incoming.len()];
        let sizes = if room.is_some() { &inflow.sizes[..] } else { &all };
        for &size in sizes {
            let jobs = iter::from_fn(|| incoming.pop_front()).take(size);
            let Sorted { mut ready, delayed, keyed } = self.sort(jobs);
            // None of them is there yet: they do not push out each other.
            if let Some(room) = room {
                self.make_room(room, size, ready.len(), now, port);
            }
            self.queue.append(&mut ready);
            for (delay, job) in delayed {
                self.later.push(accepted.after(delay).instant(), Postponed::Delayed(job));
            }
            keyed.into_iter().for_each(|(key, job)| self.keys.wait(key, job));
        }
    }

    fn sort(&mut self, jobs: impl Iterator<Item = Accepted<T, U, E>>) -> Sorted<Accepted<T, U, E>> {
        let mut sorted = Sorted { ready: Chunks::new(), delayed: Vec::new(), keyed: Vec::new() };
        for mut job in jobs {
            if let Some(delay) = job.delay() {
                sorted.delayed.push((delay, job));
            } else if let Some(key) = self.awaited_key(&mut job) {
                sorted.keyed.push((key, job));
            } else {
                sorted.ready.push_back(job);
            }
        }
        sorted
    }

    /// Pushes out the youngest until there is room for `coming` jobs, of which so many are `ready` to
    /// be handed out.
    fn make_room(
        &mut self,
        Room { capacity, idle }: Room,
        coming: usize,
        ready: usize,
        now: Instant,
        port: &mut impl Port<T, U, E>,
    ) {
        let next = || {
            let ready = self.queue.len() + ready;
            if self.waiting() + coming <= capacity + idle.min(ready) {
                return None;
            }
            self.push_out(Whom::Youngest, ready > idle, now)
        };
        let victims = Whom::Youngest.in_order(iter::from_fn(next).collect());
        self.end_postponed(victims, port);
    }

    /// Where a queue evicts, and more wait than may.
    pub(super) fn evict(&mut self, now: Instant, port: &mut impl Port<T, U, E>) {
        let Some((capacity, whom)) = self.evicts() else { return };
        if self.aside() == 0 {
            let victims = match whom {
                Whom::Oldest => evict_oldest(&mut self.queue, capacity),
                Whom::Youngest => push_out_youngest(&mut self.queue, capacity),
            };
            return self.end_waiting(victims, || JobError::Evicted, now, port);
        }
        let excess = self.waiting().saturating_sub(capacity);
        let victims = iter::from_fn(|| self.push_out(whom, true, now)).take(excess).collect();
        self.end_postponed(whom.in_order(victims), port);
    }

    /// Ends the oldest or the youngest of all that wait, or of those that do not wait in the queue.
    fn push_out(&mut self, whom: Whom, with_queue: bool, now: Instant) -> Option<Ended<T, U, E>> {
        let queue = if with_queue { whom.place_in(&self.queue) } else { None };
        let edges = [
            (queue, Place::Queue),
            (self.keys.edge(whom), Place::Keys),
            (self.later.edge(whom), Place::Later),
        ];
        let edges = edges.into_iter().filter_map(|(accepted, place)| Some((accepted?, place)));
        match whom.of(edges)?.1 {
            Place::Queue => Some(whom.pop(&mut self.queue)?.end(JobError::Evicted, now)),
            Place::Keys => Some(self.keys.pop(whom)?.end(JobError::Evicted, now)),
            Place::Later => Some(self.later.pop(whom)?.end(JobError::Evicted, now)),
        }
    }
}
