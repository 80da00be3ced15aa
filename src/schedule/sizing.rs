//! How many workers there are, while it changes.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque},
    mem,
    sync::Arc,
};

use crate::{
    job::{Staff, WorkerId},
    lane::{Batched, Station, Survey},
};

use super::{Roster, roster::Watched};

/// Seats that a worker is to have more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) worker: usize,
    pub(crate) staff: Staff,
    /// There is no such worker yet: it is to be hired.
    pub(crate) is_new: bool,
}

impl<J: Batched, K, R, O: Default> Roster<J, K, R, O> {
    /// How many seats there are, or will be once those that are to leave have left.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    pub(crate) fn station(&self, worker: usize) -> &Arc<Station<J, K, R, O>> {
        &self.workers[worker].station
    }

    /// A worker's seats, and the name of each.
    pub(crate) fn staff(&self, worker: usize) -> Staff {
        let Watched { station, ids, .. } = &self.workers[worker];
        station.present().into_iter().map(|seat| (seat, ids[seat])).collect()
    }

    /// Has `n` more seats: those that were to leave first, and then new ones, on as many threads as
    /// there may be and where the fewest are.
    pub(crate) fn grow(&mut self, n: usize) -> Vec<Opened> {
        self.size += n;
        let n = n - self.surplus.cancel(n);
        let mut levels: BinaryHeap<_> = self.levels().into_iter().map(Reverse).collect();
        let new = self.threads.saturating_sub(levels.len()).min(n);
        let new = self.take_places(new);
        levels.extend(new.iter().map(|&worker| Reverse((0, worker))));
        let mut more = BTreeMap::new();
        for _ in 0..n {
            let Some(Reverse((seats, worker))) = levels.pop() else { break };
            *more.entry(worker).or_insert(0) += 1;
            levels.push(Reverse((seats + 1, worker)));
        }
        let open = |(worker, seats)| Opened {
            worker,
            staff: self.open(worker, seats),
            is_new: new.contains(&worker),
        };
        more.into_iter().map(open).collect()
    }

    /// Has `n` seats less. Those that run nothing leave at once, from where the most are; beyond
    /// that, whoever ends a job first. Returns who has been told.
    pub(crate) fn shrink(&mut self, n: usize) -> BTreeMap<usize, Vec<usize>> {
        self.size -= n;
        self.surplus.add(n);
        let mut told = BTreeMap::new();
        let mut tell = |worker: usize, seats: Vec<usize>| {
            told.entry(worker).or_insert_with(Vec::new).extend(seats);
        };
        for (_, worker) in self.levels() {
            tell(worker, self.workers[worker].station.dismiss(n, false));
        }
        for (worker, seats) in self.idle_shares(self.surplus.get()) {
            tell(worker, self.workers[worker].station.dismiss(seats, true));
        }
        told.retain(|_, seats| !seats.is_empty());
        told
    }

    /// A worker that has no seat any more, and what it had been handed, in order. It is no more.
    pub(crate) fn take_emptied(&mut self) -> Option<(usize, VecDeque<J>)> {
        let worker = (0..self.workers.len()).find(|&worker| self.is_emptied(worker))?;
        let place = Watched::new(&self.surplus);
        let Watched { station, .. } = mem::replace(&mut self.workers[worker], place);
        self.old_failures += station.failures();
        self.again.extend(station.take_again());
        if let Some(survey) = self.surveys.get_mut(worker) {
            *survey = Default::default();
        }
        let leases = station.recall(usize::MAX);
        if station.survey().stuck > 0 {
            self.written_off.push(station);
        }
        Some((worker, leases))
    }

    /// Replaces a worker whose thread is stuck, as of the last look. Returns which, and what it had been
    /// handed.
    pub(crate) fn write_off(&mut self) -> Option<(usize, VecDeque<J>)> {
        let mut stuck = (0..self.workers.len()).filter(|&worker| self.surveys[worker].stuck > 0);
        // It may have come back since.
        let (worker, seats) = stuck.find_map(|worker| {
            let seats = self.workers[worker].station.write_off();
            (seats > 0).then_some((worker, seats))
        })?;
        let place = Watched { taken: true, ..Watched::new(&self.surplus) };
        let Watched { station, .. } = mem::replace(&mut self.workers[worker], place);
        self.old_failures += station.failures();
        self.again.extend(station.take_again());
        let leases = station.recall(usize::MAX);
        self.written_off.push(station);
        self.open(worker, seats);
        self.surveys[worker] = Survey { present: seats, ..Survey::default() };
        Some((worker, leases))
    }

    /// How many threads have been replaced whose code has not returned.
    pub(crate) fn written_off(&mut self) -> usize {
        self.written_off.retain(|station| !station.is_deserted());
        self.written_off.len()
    }

    /// As of the last look.
    fn is_emptied(&self, worker: usize) -> bool {
        let empty = self.surveys.get(worker).is_some_and(|survey| survey.present == 0);
        empty && self.workers[worker].taken
    }

    /// The workers that have seats, and how many each.
    fn levels(&self) -> Vec<(usize, usize)> {
        let seats = self.stations().map(|station| station.survey().present);
        seats
            .enumerate()
            .filter(|(_, seats)| *seats > 0)
            .map(|(worker, seats)| (seats, worker))
            .collect()
    }

    /// How many of the idle seats leave at each worker where `n` do, from where the most are.
    fn idle_shares(&self, n: usize) -> BTreeMap<usize, usize> {
        let seen = self.stations().map(|station| station.survey());
        let seen = seen.enumerate().filter(|(_, survey)| survey.idle > 0);
        let mut levels: BinaryHeap<_> =
            seen.map(|(worker, survey)| (survey.present, worker, survey.idle)).collect();
        let mut shares = BTreeMap::new();
        for _ in 0..n {
            let Some((present, worker, idle)) = levels.pop() else { break };
            *shares.entry(worker).or_insert(0) += 1;
            if idle > 1 {
                levels.push((present - 1, worker, idle - 1));
            }
        }
        shares
    }

    /// The numbers of `n` workers that are to come.
    fn take_places(&mut self, n: usize) -> BTreeSet<usize> {
        let free = self.workers.iter().enumerate().filter(|(_, place)| !place.taken);
        let mut places: BTreeSet<_> = free.map(|(worker, _)| worker).take(n).collect();
        for worker in self.workers.len()..self.workers.len() + n - places.len() {
            self.workers.push(Watched::new(&self.surplus));
            places.insert(worker);
        }
        for &worker in &places {
            self.workers[worker].taken = true;
        }
        places
    }

    fn open(&mut self, worker: usize, seats: usize) -> Staff {
        let Watched { station, ids, .. } = &mut self.workers[worker];
        let seats = station.open(seats);
        let names = (self.next_id..).map(WorkerId);
        self.next_id += seats.len();
        let staff: Staff = seats.into_iter().zip(names).collect();
        for &(seat, id) in &staff {
            ids.resize(ids.len().max(seat + 1), id);
            ids[seat] = id;
        }
        staff
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use crate::{
        job::Stamp,
        lane::{Chunks, Surplus},
        schedule::{Goes, Now},
    };

    use super::*;

    type Pool = Roster<u32, u32, ()>;

    fn roster(threads: usize, seats: usize) -> Pool {
        let mut roster = Pool::new(Arc::new(Surplus::new()), threads);
        roster.grow(seats);
        roster
    }

    fn ask(roster: &Pool, worker: usize, seat: usize) -> bool {
        roster.station(worker).ask(seat, 0, Stamp::of(Instant::now()), |job| job).leaves
    }

    fn seats(roster: &Pool) -> Vec<usize> {
        (0..roster.len()).map(|worker| roster.seats(worker)).collect()
    }

    fn look(roster: &mut Pool) {
        let now = Instant::now();
        roster.deal(
            &mut Chunks::new(),
            None,
            Goes::Anything,
            Now { clock: now, real: now },
            |_| (),
            |_| (),
        );
    }

    #[test]
    fn seats_are_spread_over_the_threads() {
        assert_eq!(seats(&roster(3, 8)), [3, 3, 2]);
        assert_eq!(seats(&roster(4, 2)), [1, 1]);
        assert_eq!(seats(&roster(usize::MAX, 3)), [1, 1, 1]);
        let mut roster = roster(2, 3);
        let opened = roster.grow(2);
        assert_eq!(seats(&roster), [3, 2]);
        let ids: Vec<_> = opened.iter().flat_map(|opened| opened.staff.clone()).collect();
        let named = |(seat, id)| (seat, WorkerId(id));
        assert_eq!(ids, [(2, 3), (1, 4)].map(named), "names are never used twice");
        assert_eq!(roster.staff(0), [(0, 0), (1, 1), (2, 3)].map(named));
    }

    #[test]
    fn those_that_run_nothing_leave_at_once_and_are_no_more() {
        let mut roster = roster(usize::MAX, 3);
        (0..3).for_each(|worker| assert!(!ask(&roster, worker, 0)));
        let told = roster.shrink(2);
        assert_eq!((told.len(), roster.size()), (2, 1));
        look(&mut roster);
        let gone: Vec<_> =
            std::iter::from_fn(|| roster.take_emptied()).map(|gone| gone.0).collect();
        assert_eq!(gone.len(), 2);
        assert_eq!(roster.take_emptied(), None);
        let opened = roster.grow(1);
        assert_eq!((opened[0].worker, &opened[0].staff[..]), (gone[0], &[(0, WorkerId(3))][..]));
        assert!(opened[0].is_new);
    }

    #[test]
    fn the_first_to_end_their_jobs_leave_and_the_last_goes_on() {
        let mut roster = roster(usize::MAX, 3);
        for worker in 0..3 {
            let leases = &roster.station(worker);
            let _ = leases.hand_out(|lane| lane.extend([1, 2]));
            assert!(leases.ask(0, 0, Stamp::of(Instant::now()), |job| job).found);
        }
        assert!(roster.shrink(2).is_empty(), "all run");
        let end = |roster: &Pool, worker: usize| {
            let turned = roster.station(worker).turn(
                0,
                0,
                Stamp::of(Instant::now()),
                (),
                |job, next, ()| (*job = next, true),
                |_, ()| ((), true),
            );
            turned.unwrap().found || !ask(roster, worker, 0)
        };
        assert_eq!([2, 0, 1].map(|worker| end(&roster, worker)), [false, false, true]);
        look(&mut roster);
        let (worker, leases) = roster.take_emptied().unwrap();
        assert_eq!(
            (worker, leases),
            (0, VecDeque::from([2])),
            "what it had been handed comes back"
        );
    }

    #[test]
    fn growing_calls_back_those_that_were_to_leave() {
        let mut roster = roster(usize::MAX, 2);
        for worker in 0..2 {
            let _ = roster.station(worker).hand_out(|lane| lane.extend([1]));
            ask(&roster, worker, 0);
        }
        roster.shrink(2);
        let opened = roster.grow(3);
        assert_eq!((opened.len(), roster.size()), (1, 3));
        assert!(!ask(&roster, 0, 0));
    }

    #[test]
    fn idle_seats_leave_where_the_most_are() {
        let mut roster = roster(2, 6);
        for (worker, seat) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)] {
            ask(&roster, worker, seat);
        }
        roster.shrink(3);
        assert_eq!(seats(&roster).iter().max(), Some(&2));
    }
}
