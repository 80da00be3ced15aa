//! What lies in lanes and queues.

use std::hash::Hash;

/// What waits for its turn.
pub(crate) trait Waits {
    /// Names it.
    type Id: Copy + Ord + Hash;
    /// Where it belongs in the order of acceptance.
    type Place: Copy + Ord;

    fn id(&self) -> Self::Id;
    fn place(&self) -> Self::Place;
}

/// What may have come together with others. They wait as they came, and what they have in common is kept once:
/// a short job costs what it is moved.
pub(crate) trait Batched: Waits + Sized {
    /// One of them, as it came.
    type Bare;
    /// What they have in common.
    type Common: Copy;

    /// The id and the place of the `n`th, from 0.
    fn known_by(bare: &Self::Bare, common: Self::Common, n: usize) -> (Self::Id, Self::Place);
    /// The `n`th, from 0.
    fn whole(bare: Self::Bare, common: Self::Common, n: usize) -> Self;
}

/// For tests: numbers, each of which is its own name and place.
#[cfg(test)]
impl Waits for u32 {
    type Id = Self;
    type Place = Self;

    fn id(&self) -> Self {
        *self
    }

    fn place(&self) -> Self {
        *self
    }
}

/// For tests: the `n`th comes as `n`, and is so much more than what they have in common.
#[cfg(test)]
impl Batched for u32 {
    type Bare = usize;
    type Common = Self;

    fn known_by(&bare: &usize, common: Self, n: usize) -> (Self, Self) {
        let whole = Self::whole(bare, common, n);
        (whole, whole)
    }

    fn whole(bare: usize, common: Self, n: usize) -> Self {
        assert_eq!(bare, n);
        common + Self::try_from(n).unwrap()
    }
}
