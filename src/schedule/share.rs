//! How a queue is shared among the workers that ask, and what an idle one may take from a full one.

use crate::lane::Survey;

/// What one worker asks for, and what it is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) worker: usize,
    /// Jobs that would start at once.
    pub(crate) hungry: usize,
    /// Jobs that it wants in all, those included. It is never granted more.
    pub(crate) wanted: usize,
    pub(crate) granted: usize,
}

impl Ask {
    pub(crate) fn new(worker: usize, survey: &Survey) -> Self {
        let wanted = survey.wanted();
        Self { worker, hungry: survey.hungry().min(wanted), wanted, granted: 0 }
    }
}

/// Shares `jobs` among the workers that ask: idle seats first, then supplies ahead of them, each
/// time in equal parts, so that one worker's supply is never another's lack.
pub(crate) fn share(jobs: usize, asks: &mut [Ask]) {
    let left = pour(jobs, asks, |ask| ask.hungry);
    pour(left, asks, |ask| ask.wanted);
}

/// Raises every grant towards `level` in equal parts, and returns what is left over.
fn pour(mut jobs: usize, asks: &mut [Ask], level: impl Fn(&Ask) -> usize) -> usize {
    loop {
        let mut open = asks.iter().filter(|ask| ask.granted < level(ask)).count();
        if open == 0 || jobs == 0 {
            return jobs;
        }
        for ask in asks.iter_mut().filter(|ask| ask.granted < level(ask)) {
            let part = jobs.div_ceil(open).min(level(ask) - ask.granted);
            ask.granted += part;
            jobs -= part;
            open -= 1;
        }
    }
}

/// Station that move from one worker to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Recall {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) jobs: usize,
}

/// With nothing left in the queue: an idle worker takes half of what waits at the fullest, but for
/// what that one's own idle seats are about to start.
pub(crate) fn recall(surveys: &[Survey]) -> Option<Recall> {
    let to = surveys.iter().position(|survey| survey.hungry() > 0)?;
    let (from, fullest) =
        surveys.iter().enumerate().max_by_key(|(_, survey)| survey.recallable())?;
    let jobs = fullest.recallable().div_ceil(2);
    (jobs > 0).then_some(Recall { from, to, jobs })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ask(worker: usize, hungry: usize, wanted: usize) -> Ask {
        Ask { worker, hungry, wanted, granted: 0 }
    }

    fn granted(jobs: usize, asks: &[(usize, usize)]) -> Vec<usize> {
        let mut asks: Vec<_> =
            asks.iter().enumerate().map(|(worker, &(h, w))| ask(worker, h, w)).collect();
        share(jobs, &mut asks);
        asks.iter().map(|ask| ask.granted).collect()
    }

    #[test]
    fn idle_seats_come_before_supplies() {
        assert_eq!(granted(2, &[(0, 1_024), (1, 1), (1, 1)]), [0, 1, 1]);
    }

    #[test]
    fn the_rest_is_split_evenly() {
        assert_eq!(granted(10, &[(1, 1_024), (1, 1_024)]), [5, 5]);
        assert_eq!(granted(10, &[(1, 2), (1, 1_024)]), [2, 8]);
    }

    #[test]
    fn an_idle_worker_takes_half_of_the_fullest() {
        let busy = |waiting| Survey { waiting, running: 1, ..Survey::default() };
        let idle = Survey { idle: 1, ..Survey::default() };
        let moved = recall(&[busy(3), busy(9), idle]);
        assert_eq!(moved, Some(Recall { from: 1, to: 2, jobs: 5 }));
        assert_eq!(recall(&[busy(3), busy(9)]), None);
        let woken = Survey { waiting: 1, ..idle };
        assert_eq!(recall(&[woken, idle]), None, "what a woken worker is about to start stays");
    }

    /// The model hands out one job at a time to whoever has the least of those that may get one.
    fn one_by_one(jobs: usize, asks: &mut [Ask]) {
        for _ in 0..jobs {
            let hungry = asks.iter().any(|ask| ask.granted < ask.hungry);
            let level = |ask: &Ask| if hungry { ask.hungry } else { ask.wanted };
            let Some(next) = asks
                .iter_mut()
                .filter(|ask| ask.granted < level(ask))
                .min_by_key(|ask| (ask.granted, ask.worker))
            else {
                return;
            };
            next.granted += 1;
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100_000))]
        #[test]
        fn sharing_hands_out_what_handing_out_one_by_one_would(
            jobs in 0..64_usize,
            asks in prop::collection::vec((0..4_usize, 0..24_usize), 0..6),
        ) {
            let mut ours: Vec<_> = asks
                .iter()
                .enumerate()
                .map(|(worker, &(hungry, more))| ask(worker, hungry, hungry + more))
                .collect();
            let mut model = ours.clone();
            share(jobs, &mut ours);
            one_by_one(jobs, &mut model);
            let total = |asks: &[Ask]| asks.iter().map(|ask| ask.granted).sum::<usize>();
            prop_assert_eq!(total(&ours), total(&model));
            let starving = |asks: &[Ask]| {
                asks.iter().map(|ask| ask.hungry.saturating_sub(ask.granted)).sum::<usize>()
            };
            prop_assert_eq!(starving(&ours), starving(&model));
            prop_assert!(ours.iter().all(|ask| ask.granted <= ask.wanted));
        }
    }
}
