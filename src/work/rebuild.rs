//! How long to wait before a processor's factory is tried again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(30);

/// Pauses that double from 0.1 s to 30 s, until a processor was built.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pauses(Duration);

impl Pauses {
    pub(super) fn new() -> Self {
        Self(FIRST)
    }

    pub(super) fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(LONGEST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_half_a_minute() {
        let mut pauses = Pauses::new();
        let first: Vec<_> = (0..3).map(|_| pauses.next().as_millis()).collect();
        assert_eq!(first, [100, 200, 400]);
        assert_eq!((0..20).map(|_| pauses.next()).last(), Some(LONGEST));
    }
}
