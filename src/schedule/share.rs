//! How a queue is shared among the workers that ask, and what an idle one may take from a full one.

use crate::lane::Survey;

/// One more worker is worth waking for each twentieth of a supply, which is 50 µs of work, or part of it: a
/// wake-up costs 7 to 17 µs of a processor's time, and a worker that is woken for less is asleep again
/// before the next burst, and costs that once more.
const WAKES_A_SUPPLY: usize = 20;

/// How many jobs are worth a worker, if they are as short as those of the slowest; 0 if that is unknown.
pub(crate) fn worth(surveys: &[Survey]) -> usize {
    let present = surveys.iter().filter(|survey| survey.present > 0);
    present.map(|survey| survey.ahead).min().unwrap_or_default() / WAKES_A_SUPPLY
}

/// How many workers that do nothing are worth calling for `jobs`, beside those that are busy and have theirs:
/// one that looks for jobs itself is called for nothing, but is rung for by two more when it has done them.
/// All, if nobody knows how long the jobs will take: they may wait for each other.
pub(crate) fn wakes(jobs: usize, surveys: &[Survey]) -> usize {
    let present = || surveys.iter().filter(|survey| survey.present > 0);
    let Some(supply) = present().map(|survey| survey.ahead).min() else { return 0 };
    // The fewest jobs that last one.
    if supply == 0 {
        return usize::MAX;
    }
    let jobs = present().fold(jobs, |jobs, survey| jobs.saturating_add(survey.waiting));
    let workers = jobs.saturating_mul(WAKES_A_SUPPLY).div_ceil(supply);
    workers.saturating_sub(present().filter(|survey| survey.is_busy()).count())
}

/// Whether a worker that sleeps is worth waking for so many jobs of another.
fn is_worth(jobs: usize, of: &Survey) -> bool {
    jobs.saturating_mul(WAKES_A_SUPPLY) >= of.ahead
}

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

/// Leases that move from one worker to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Recall {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) jobs: usize,
}

/// With nothing left in the queue: an idle worker takes half of what waits at the fullest, but for
/// what that one's own idle seats are about to start, if that is worth it.
pub(crate) fn recall(surveys: &[Survey]) -> Option<Recall> {
    let hungry = |looking: bool| {
        surveys.iter().position(|survey| survey.hungry() > 0 && survey.looking == looking)
    };
    let to = hungry(true).or_else(|| hungry(false))?;
    let (from, fullest) =
        surveys.iter().enumerate().max_by_key(|(_, survey)| survey.recallable())?;
    let jobs = fullest.recallable().div_ceil(2);
    let moves = jobs > 0 && is_worth(jobs, fullest);
    moves.then_some(Recall { from, to, jobs })
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

    #[test]
    fn short_jobs_wake_no_more_workers_than_they_keep_busy() {
        // Jobs of 1 µs: 50 are worth a worker.
        let sleeping = Survey { present: 1, idle: 1, ahead: 1_000, ..Survey::default() };
        let awake = Survey { idle: 0, running: 1, ..sleeping };
        assert_eq!(wakes(1, &[sleeping; 4]), 1, "somebody has to run it");
        assert_eq!(wakes(50, &[sleeping; 4]), 1);
        assert_eq!(wakes(50, &[awake, sleeping]), 0);
        assert_eq!(wakes(51, &[awake, sleeping]), 1);
        assert_eq!(wakes(1, &[Survey { waiting: 50, ..awake }, sleeping]), 1);
        assert_eq!(recall(&[Survey { waiting: 98, ..awake }, sleeping]), None);
        assert!(recall(&[Survey { waiting: 99, ..awake }, sleeping]).is_some());
        let looks = Survey { looking: true, ..sleeping };
        assert_eq!(
            wakes(50, &[awake, looks]),
            0,
            "it would be rung for, though it need not be woken"
        );
        assert_eq!(recall(&[looks, Survey { waiting: 98, ..awake }]), None);
        let moved = recall(&[sleeping, looks, Survey { waiting: 99, ..awake }]);
        assert_eq!(moved, Some(Recall { from: 2, to: 1, jobs: 50 }), "it need not be woken");
        assert_eq!(worth(&[sleeping, awake]), 50);
    }

    #[test]
    fn jobs_of_unknown_length_wake_everyone() {
        let idle = Survey { present: 1, idle: 1, ..Survey::default() };
        let busy = Survey { present: 1, running: 1, ahead: 1_000, ..Survey::default() };
        assert_eq!(wakes(2, &[idle, busy]), usize::MAX);
        assert!(wakes(2, &[Survey { ahead: 0, ..busy }, idle]) > 0);
        assert_eq!(wakes(2, &[Survey { present: 0, ahead: 0, ..idle }, busy]), 0);
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
