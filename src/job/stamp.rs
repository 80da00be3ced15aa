//! Points in time, in half the space of an `Instant`: each job carries several from place to place.

use std::{
    num::NonZeroU64,
    sync::OnceLock,
    time::{Duration, Instant},
};

/// Nanoseconds since this process first asked, 292 years either way, with [`BIAS`] added: so an
/// `Option` of it takes no more space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp(NonZeroU64);

const BIAS: u64 = 1 << 63;

static EPOCH: OnceLock<Instant> = OnceLock::new();

impl Stamp {
    #[inline]
    pub(crate) fn of(instant: Instant) -> Self {
        let epoch = *EPOCH.get_or_init(|| instant);
        let biased = match instant.checked_duration_since(epoch) {
            Some(since) => BIAS + nanos(since),
            None => BIAS - nanos(epoch.duration_since(instant)),
        };
        Self(NonZeroU64::new(biased).unwrap_or(NonZeroU64::MIN))
    }

    pub(crate) fn instant(self) -> Instant {
        // There is one since the first stamp was made.
        let Some(&epoch) = EPOCH.get() else { unreachable!("a stamp is made after the first") };
        let (biased, distance) = (self.0.get(), Duration::from_nanos(self.0.get().abs_diff(BIAS)));
        let instant =
            if biased < BIAS { epoch.checked_sub(distance) } else { epoch.checked_add(distance) };
        // It came from an instant, so it is one.
        instant.unwrap_or(epoch)
    }

    /// So much later, or as late as can be.
    pub(crate) fn after(self, pause: Duration) -> Self {
        Self(self.0.saturating_add(nanos(pause)))
    }

    /// So many nanoseconds later.
    #[inline]
    pub(crate) fn after_nanos(self, nanos: u64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// Nanoseconds from then to this, or 0 if this was before.
    #[inline]
    pub(crate) fn since(self, then: Self) -> u64 {
        self.0.get().saturating_sub(then.0.get())
    }
}

#[cfg(test)]
impl Stamp {
    /// The same time whenever it is asked: what a test finds does not depend on how long it took.
    pub(crate) fn fixed() -> Self {
        Self::of(*EPOCH.get_or_init(Instant::now))
    }
}

/// At most 292 years.
fn nanos(duration: Duration) -> u64 {
    let nanos = duration.as_secs().saturating_mul(1_000_000_000);
    nanos.saturating_add(duration.subsec_nanos().into()).min(BIAS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_instants() {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        for instant in [now, now + 90_000 * second, now - second] {
            assert_eq!(Stamp::of(instant).instant(), instant);
        }
        assert_eq!(Stamp::of(now + second).since(Stamp::of(now)), 1_000_000_000);
        assert_eq!(Stamp::of(now).since(Stamp::of(now + second)), 0);
        assert!(Stamp::of(now) < Stamp::of(now + second));
        assert_eq!(Stamp::of(now).after(second), Stamp::of(now + second));
        assert!(Stamp::of(now).after(Duration::MAX) > Stamp::of(now));
    }
}
