//! How many workers a pool may have, while it is resized.

/// One that was asked for.
#[derive(Clone, Copy, Debug)]
struct Size {
    number: u64,
    workers: usize,
    asked: u64,
    answered: Option<u64>,
}

/// What a pool may have been resized to last, for all that is known.
#[derive(Debug, Default)]
pub(crate) struct Sizes {
    sizes: Vec<Size>,
    /// Those that do not count any more, and since when.
    past: Vec<(usize, u64)>,
    asked: u64,
    /// What each thread was doing when a resize was last answered: it may have begun a job then whose
    /// code is not called yet. `None` once it has called any, or a job of its has returned.
    begun: Vec<Option<u64>>,
}

impl Sizes {
    pub(crate) fn new(workers: usize) -> Self {
        let first = Size { number: 0, workers, asked: 0, answered: Some(0) };
        Self { sizes: vec![first], ..Self::default() }
    }

    /// Somebody asks for so many. Returns the number of that.
    pub(crate) fn begin(&mut self, workers: usize, now: u64) -> u64 {
        self.asked += 1;
        self.sizes.push(Size { number: self.asked, workers, asked: now, answered: None });
        self.asked
    }

    /// It was answered: what was answered before it was asked for does not count any more.
    pub(crate) fn answer(&mut self, number: u64, now: u64, turns: Vec<u64>) {
        let Some(size) = self.sizes.iter_mut().find(|size| size.number == number) else { return };
        size.answered = Some(now);
        let asked = size.asked;
        let counts = |size: &Size| size.answered.is_none_or(|answered| answered > asked);
        let past = self.sizes.iter().filter(|size| !counts(size));
        self.past.extend(past.map(|size| (size.workers, now)));
        self.sizes.retain(counts);
        self.begun = turns.into_iter().map(Some).collect();
    }

    pub(crate) fn has_changed(&self) -> bool {
        self.asked > 0
    }

    pub(crate) fn most(&self) -> usize {
        self.sizes.iter().map(|size| size.workers).max().unwrap_or_default()
    }

    pub(crate) fn least(&self) -> usize {
        self.sizes.iter().map(|size| size.workers).min().unwrap_or_default()
    }

    /// Whether there may have been so many at some time since then.
    pub(crate) fn may_be(&self, workers: usize, since: u64) -> bool {
        self.sizes.iter().any(|size| size.workers == workers)
            || self.past.iter().any(|&(past, until)| past == workers && until >= since)
    }

    /// A thread calls the code of a job. Returns whether it may have begun it before the answer.
    pub(super) fn starts(&mut self, thread: usize, turn: u64) -> bool {
        self.begun.get_mut(thread).and_then(Option::take) == Some(turn)
    }

    pub(super) fn returns(&mut self, thread: usize) {
        if let Some(begun) = self.begun.get_mut(thread) {
            *begun = None;
        }
    }
}
