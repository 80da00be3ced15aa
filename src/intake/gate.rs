//! The gate: what is admitted, refused, or has to wait, and in which order.
//!
//! A plain rule. It stands behind the inbox's lock, so that acceptance and the push into the inbox
//! are one step.

use std::collections::VecDeque;

use crate::{error::Refusal, panic::OneByOne};

use super::OnFull;

/// Someone in the line, who may have left without saying so.
pub(crate) trait Waiting {
    /// How many jobs must be admitted together.
    fn jobs(&self) -> usize;
    /// Whether nobody waits for the answer any more. Such a one is never admitted.
    fn has_left(&self) -> bool;
}

/// A place in the line, by which whoever has it can leave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(u64);

#[derive(Debug)]
pub(crate) struct Gate<W> {
    open: bool,
    capacity: Option<usize>,
    on_full: OnFull,
    /// Jobs that are accepted and not handed out.
    held: usize,
    /// Jobs that were ever accepted.
    accepted: u64,
    line: OneByOne<VecDeque<(Place, W)>>,
    /// The place of the next who joins the line.
    next_place: Place,
    /// Those who left the line, until the lock is released: dropping them runs users' code.
    left: OneByOne<Vec<W>>,
    /// When the line has this length, those who left are removed from its middle too.
    sweep_at: usize,
}

/// The line is not swept before it is this long.
const SWEEP: usize = 32;

impl<W: Waiting> Gate<W> {
    pub(crate) fn new(capacity: Option<usize>, on_full: OnFull) -> Self {
        Self {
            open: true,
            capacity,
            on_full,
            held: 0,
            accepted: 0,
            line: VecDeque::new().into(),
            next_place: Place(0),
            left: Vec::new().into(),
            sweep_at: SWEEP,
        }
    }

    pub(crate) fn capacity(&self) -> Option<usize> {
        self.capacity
    }

    pub(crate) fn accepted(&self) -> u64 {
        self.accepted
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// How many wait in line.
    pub(crate) fn waiting(&self) -> usize {
        self.line.iter().filter(|(_, waiter)| !waiter.has_left()).count()
    }

    /// Admits `jobs` together now, or says why not. Nobody overtakes the line.
    pub(crate) fn admit(&mut self, jobs: usize) -> Result<(), Refusal> {
        self.skip_those_who_left();
        if !self.open {
            return Err(Refusal::Closed);
        }
        if let Some(capacity) = self.capacity {
            if jobs > capacity {
                return Err(Refusal::TooLarge { jobs, capacity });
            }
            let full = !self.line.is_empty() || self.held + jobs > capacity;
            if full && !self.on_full.evicts() {
                return Err(Refusal::Full { capacity });
            }
        }
        self.count_in(jobs);
        Ok(())
    }

    /// Whether one who was refused for this reason may join the line.
    pub(crate) fn may_wait(&self, refusal: Refusal) -> bool {
        matches!((self.on_full, refusal), (OnFull::Wait, Refusal::Full { .. }))
    }

    /// Joins the end of the line.
    pub(crate) fn join(&mut self, waiter: W) -> Place {
        if self.line.len() >= self.sweep_at {
            let (left, line): (VecDeque<_>, _) =
                self.line.drain(..).partition(|(_, waiter)| waiter.has_left());
            self.left.extend(left.into_iter().map(|(_, waiter)| waiter));
            *self.line = line;
            self.sweep_at = SWEEP.max(2 * self.line.len());
        }
        let place = self.next_place;
        self.next_place.0 += 1;
        self.line.push_back((place, waiter));
        place
    }

    /// Leaves the line, unless that was let in meanwhile, or turned away.
    pub(crate) fn leave(&mut self, place: Place) {
        if let Ok(at) = self.line.binary_search_by_key(&place, |&(place, _)| place) {
            self.left.extend(self.line.remove(at).map(|(_, waiter)| waiter));
        }
    }

    /// Jobs have left the queue: there is room for others.
    pub(crate) fn release(&mut self, jobs: usize) {
        self.held -= jobs;
    }

    /// Jobs that had left the queue are in it again. They may be more than there is room for.
    pub(crate) fn take_back(&mut self, jobs: usize) {
        self.held += jobs;
    }

    /// The head of the line, once there is room for it; it is counted as accepted.
    pub(crate) fn next_in_line(&mut self) -> Option<W> {
        self.skip_those_who_left();
        let jobs = self.line.front()?.1.jobs();
        if self.capacity.is_some_and(|capacity| self.held + jobs > capacity) {
            return None;
        }
        self.count_in(jobs);
        self.line.pop_front().map(|(_, waiter)| waiter)
    }

    /// Admits nobody any more, and turns away the line.
    pub(crate) fn close(&mut self) -> VecDeque<W> {
        self.open = false;
        self.line.drain(..).map(|(_, waiter)| waiter).collect()
    }

    fn count_in(&mut self, jobs: usize) {
        self.held += jobs;
        self.accepted += jobs as u64;
    }

    fn skip_those_who_left(&mut self) {
        while self.line.front().is_some_and(|(_, waiter)| waiter.has_left()) {
            self.left.extend(self.line.pop_front().map(|(_, waiter)| waiter));
        }
    }

    /// Whether someone has left the line.
    pub(crate) fn any_left(&self) -> bool {
        !self.left.is_empty()
    }

    /// Those who left the line, to be dropped once the lock is released.
    pub(crate) fn take_left(&mut self) -> Vec<W> {
        std::mem::take(&mut *self.left)
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, rc::Rc};

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    struct Waiter {
        name: usize,
        jobs: usize,
        left: Rc<Cell<bool>>,
    }

    impl Waiting for Waiter {
        fn jobs(&self) -> usize {
            self.jobs
        }
        fn has_left(&self) -> bool {
            self.left.get()
        }
    }

    fn waiter(name: usize, jobs: usize) -> Waiter {
        Waiter { name, jobs, left: Rc::default() }
    }

    #[test]
    fn nobody_overtakes_the_line() {
        let mut gate = Gate::new(Some(3), OnFull::Wait);
        gate.admit(2).unwrap();
        gate.join(waiter(0, 2));
        assert_eq!(gate.admit(1), Err(Refusal::Full { capacity: 3 }), "there is room for one");
        gate.release(1);
        assert_eq!(gate.next_in_line().unwrap().name, 0);
    }

    #[test]
    fn one_who_left_the_line_holds_nobody_up() {
        let mut gate = Gate::new(Some(3), OnFull::Wait);
        gate.admit(2).unwrap();
        let big = waiter(0, 3);
        gate.join(big.clone());
        gate.join(waiter(1, 1));
        assert!(gate.next_in_line().is_none());
        big.left.set(true);
        assert_eq!(gate.next_in_line().unwrap().name, 1);
    }

    #[test]
    fn one_who_says_that_it_leaves_is_gone_at_once() {
        let mut gate = Gate::new(Some(1), OnFull::Wait);
        gate.admit(1).unwrap();
        let places = [0, 1, 2].map(|name| gate.join(waiter(name, 1)));
        gate.leave(places[1]);
        assert_eq!(gate.take_left().into_iter().map(|gone| gone.name).collect::<Vec<_>>(), [1]);
        gate.release(1);
        assert_eq!(gate.next_in_line().unwrap().name, 0);
        gate.leave(places[0]);
        gate.leave(places[1]);
        assert_eq!((gate.take_left().len(), gate.waiting()), (0, 1));
    }

    #[test]
    fn those_who_left_do_not_pile_up() {
        let mut gate = Gate::new(Some(1), OnFull::Wait);
        gate.admit(1).unwrap();
        gate.join(waiter(0, 1));
        for name in 1..10_000 {
            let gone = waiter(name, 1);
            gone.left.set(true);
            gate.join(gone);
        }
        assert!(gate.line.len() <= 2 * SWEEP);
        assert_eq!(gate.waiting(), 1);
    }

    #[test]
    fn a_batch_that_can_never_fit_is_told_so() {
        let mut gate = Gate::<Waiter>::new(Some(3), OnFull::Wait);
        assert_eq!(gate.admit(4), Err(Refusal::TooLarge { jobs: 4, capacity: 3 }));
        assert!(!gate.may_wait(Refusal::TooLarge { jobs: 4, capacity: 3 }));
    }

    #[test]
    fn an_evicting_gate_is_never_full() {
        let mut gate = Gate::<Waiter>::new(Some(1), OnFull::EvictOldest);
        gate.admit(1).unwrap();
        gate.admit(1).unwrap();
        assert_eq!(gate.held, 2, "until the dispatcher evicts one");
    }

    #[test]
    fn a_closed_gate_turns_the_line_away() {
        let mut gate = Gate::new(Some(1), OnFull::Wait);
        gate.admit(1).unwrap();
        gate.join(waiter(0, 1));
        assert_eq!(gate.close().len(), 1);
        assert_eq!(gate.admit(1), Err(Refusal::Closed));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Submit { jobs: usize, waits: bool },
        HandOut(usize),
        Leave { who: usize, says_so: bool },
        Close,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            60 => (1..6_usize, any::<bool>()).prop_map(|(jobs, waits)| Step::Submit { jobs, waits }),
            40 => (1..6_usize).prop_map(Step::HandOut),
            15 => any::<(usize, bool)>().prop_map(|(who, says_so)| Step::Leave { who, says_so }),
            1 => Just(Step::Close),
        ]
    }

    /// The naive model: a line of (name, jobs), scanned from its head after every step.
    #[derive(Default)]
    struct Model {
        closed: bool,
        held: usize,
        accepted: u64,
        line: Vec<(usize, usize)>,
    }

    impl Model {
        fn take(&mut self, jobs: usize) {
            self.held += jobs;
            self.accepted += jobs as u64;
        }

        fn admitted(&mut self, capacity: usize) -> Vec<usize> {
            let mut names = Vec::new();
            while let Some(&(name, jobs)) = self.line.first() {
                if self.held + jobs > capacity {
                    break;
                }
                self.line.remove(0);
                self.take(jobs);
                names.push(name);
            }
            names
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn the_gate_admits_what_the_model_admits(
            capacity in 1..8_usize,
            steps in prop::collection::vec(step(), 200),
        ) {
            let mut gate = Gate::new(Some(capacity), OnFull::Wait);
            let (mut model, mut waiters) = (Model::default(), Vec::<(Place, Waiter)>::new());
            for step in steps {
                match step {
                    Step::Submit { jobs, waits } => {
                        let fits = model.line.is_empty() && model.held + jobs <= capacity;
                        let expected = match () {
                            () if model.closed => Err(Refusal::Closed),
                            () if jobs > capacity => Err(Refusal::TooLarge { jobs, capacity }),
                            () if !fits => Err(Refusal::Full { capacity }),
                            () => {
                                model.take(jobs);
                                Ok(())
                            }
                        };
                        let answer = gate.admit(jobs);
                        prop_assert_eq!(answer, expected);
                        if waits && answer.is_err_and(|refusal| gate.may_wait(refusal)) {
                            let waiter = waiter(waiters.len(), jobs);
                            model.line.push((waiter.name, jobs));
                            waiters.push((gate.join(waiter.clone()), waiter));
                        }
                    }
                    Step::HandOut(jobs) => {
                        let jobs = jobs.min(model.held);
                        model.held -= jobs;
                        gate.release(jobs);
                    }
                    Step::Leave { who, says_so } if !model.line.is_empty() => {
                        let (name, _) = model.line.remove(who % model.line.len());
                        let (place, waiter) = &waiters[name];
                        waiter.left.set(true);
                        if says_so {
                            gate.leave(*place);
                        }
                    }
                    Step::Leave { .. } => {}
                    Step::Close => {
                        model.closed = true;
                        let turned_away: Vec<_> =
                            gate.close().into_iter().filter(|w| !w.has_left()).collect();
                        prop_assert_eq!(turned_away.len(), model.line.len());
                        model.line.clear();
                    }
                }
                let admitted: Vec<_> =
                    std::iter::from_fn(|| gate.next_in_line()).map(|w| w.name).collect();
                prop_assert_eq!(admitted, model.admitted(capacity));
                prop_assert_eq!(gate.held, model.held);
                prop_assert_eq!(gate.accepted(), model.accepted);
                prop_assert_eq!(gate.waiting(), model.line.len());
            }
        }
    }
}
