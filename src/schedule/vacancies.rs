//! Which workers have died, and when another is hired in the place of each.

use std::time::Instant;

use super::Pauses;

#[derive(Debug)]
struct Place {
    /// When the place is to be filled; `None` while it is.
    due: Option<Instant>,
    pauses: Pauses,
}

/// The places of a pool's workers.
#[derive(Debug)]
pub(crate) struct Vacancies {
    places: Vec<Place>,
    /// Workers that have died.
    deaths: u64,
    vacant: usize,
}

impl Vacancies {
    pub(crate) fn new(workers: usize) -> Self {
        let place = |_| Place { due: None, pauses: Pauses::new() };
        Self { places: (0..workers).map(place).collect(), deaths: 0, vacant: 0 }
    }

    /// There is to be one more worker.
    pub(crate) fn open(&mut self, worker: usize, now: Instant) {
        let place = || Place { due: None, pauses: Pauses::new() };
        self.places.resize_with(self.places.len().max(worker + 1), place);
        self.places[worker] = Place { due: Some(now), ..place() };
        self.vacant += 1;
    }

    /// A place is not to be filled any more, whether it is now or not.
    pub(crate) fn close(&mut self, worker: usize) {
        self.vacant -= usize::from(self.places[worker].due.take().is_some());
    }

    /// A worker died at `now`. One that had begun a job is replaced at once: each death costs a job,
    /// so they come to an end. Others are replaced after a pause that grows.
    pub(crate) fn died(&mut self, worker: usize, had_begun: bool, now: Instant) {
        self.deaths += 1;
        self.vacant += 1;
        let place = &mut self.places[worker];
        if had_begun {
            place.pauses = Pauses::new();
            place.due = Some(now);
        } else {
            place.due = Some(now + place.pauses.next());
        }
    }

    /// A place that is to be filled by `now`.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<usize> {
        if self.vacant == 0 {
            return None;
        }
        let due = |place: &Place| place.due.is_some_and(|due| due <= now);
        let worker = self.places.iter().position(due)?;
        self.places[worker].due = None;
        self.vacant -= 1;
        Some(worker)
    }

    /// Nobody could be hired.
    pub(crate) fn postpone(&mut self, worker: usize, now: Instant) {
        self.vacant += 1;
        let place = &mut self.places[worker];
        place.due = Some(now + place.pauses.next());
    }

    /// When the next place is to be filled.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        if self.vacant == 0 {
            return None;
        }
        self.places.iter().filter_map(|place| place.due).min()
    }

    pub(crate) fn is_vacant(&self, worker: usize) -> bool {
        self.vacant > 0 && self.places[worker].due.is_some()
    }

    pub(crate) fn deaths(&self) -> u64 {
        self.deaths
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_worker_that_had_worked_is_replaced_at_once() {
        let (mut vacancies, now) = (Vacancies::new(2), Instant::now());
        assert_eq!(vacancies.take_due(now), None);
        vacancies.died(1, true, now);
        assert!(vacancies.is_vacant(1) && !vacancies.is_vacant(0));
        assert_eq!((vacancies.take_due(now), vacancies.take_due(now)), (Some(1), None));
        assert_eq!((vacancies.next_due(), vacancies.deaths()), (None, 1));
    }

    #[test]
    fn places_come_and_go() {
        let (mut vacancies, now) = (Vacancies::new(1), Instant::now());
        vacancies.open(1, now);
        vacancies.open(2, now);
        vacancies.close(1);
        vacancies.close(0);
        assert_eq!((vacancies.take_due(now), vacancies.take_due(now)), (Some(2), None));
        assert_eq!(vacancies.next_due(), None);
    }

    #[test]
    fn one_that_dies_before_it_has_worked_is_replaced_after_growing_pauses() {
        let (mut vacancies, mut now) = (Vacancies::new(1), Instant::now());
        let mut pauses = Vec::new();
        for _ in 0..3 {
            vacancies.died(0, false, now);
            assert_eq!(vacancies.take_due(now), None);
            let due = vacancies.next_due().unwrap();
            pauses.push(due - now);
            now = due;
            assert_eq!(vacancies.take_due(now), Some(0));
        }
        vacancies.postpone(0, now);
        pauses.push(vacancies.next_due().unwrap() - now);
        assert_eq!(pauses, [100, 200, 400, 800].map(Duration::from_millis));
    }
}
