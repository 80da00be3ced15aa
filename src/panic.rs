//! Panics of the user's code, caught and made text.

use std::{
    any::Any,
    mem,
    ops::{Deref, DerefMut},
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Calls the user's code; a panic comes back as its text.
///
/// What the code may have left half done is the user's own: a processor that panicked is dropped
/// and built anew, and nothing of the pool is lent to users' code but through shared references.
pub(crate) fn catch<R>(call: impl FnOnce() -> R) -> Result<R, Box<str>> {
    catch_unwind(AssertUnwindSafe(call)).map_err(text)
}

/// Drops values of the user's one by one; a panic of one costs none of the others.
pub(crate) fn drop_each<V>(values: impl IntoIterator<Item = V>) {
    for value in values {
        if let Err(text) = catch(|| drop(value)) {
            tracing::warn!(%text, "the drop of a value panicked");
        }
    }
}

/// Something of the user's. Wherever it is dropped, its panic costs nothing else.
pub(crate) struct Apart<V>(Option<V>);

impl<V> Apart<V> {
    pub(crate) fn new(value: V) -> Self {
        Self(Some(value))
    }
}

impl<V> Deref for Apart<V> {
    type Target = V;

    fn deref(&self) -> &V {
        match &self.0 {
            Some(value) => value,
            None => unreachable!("it is taken out only to be dropped"),
        }
    }
}

impl<V> DerefMut for Apart<V> {
    fn deref_mut(&mut self) -> &mut V {
        match &mut self.0 {
            Some(value) => value,
            None => unreachable!("it is taken out only to be dropped"),
        }
    }
}

impl<V> Drop for Apart<V> {
    fn drop(&mut self) {
        drop_each(self.0.take());
    }
}

/// The text of a panic that was caught.
pub(crate) fn text(payload: Box<dyn Any + Send>) -> Box<str> {
    let text: Box<str> = match payload.downcast_ref::<&str>() {
        Some(text) => (*text).into(),
        None => match payload.downcast_ref::<String>() {
            Some(text) => text.as_str().into(),
            None => "a panic without text".into(),
        },
    };
    // The payload may be a value whose own drop panics, and the payload of that panic another.
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        mem::forget(payload);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::panic::panic_any;

    use super::*;

    #[test]
    fn panics_become_their_text() {
        assert_eq!(&*catch(|| panic!("plain")).unwrap_err(), "plain");
        assert_eq!(&*catch(|| panic!("number {}", 7)).unwrap_err(), "number 7");
        assert_eq!(&*catch(|| panic_any(7)).unwrap_err(), "a panic without text");
        assert_eq!(catch(|| 7), Ok(7));
    }

    #[test]
    fn payloads_whose_drop_panics_with_payloads_of_the_same_kind_stay_inside() {
        struct Nested(u32);
        impl Drop for Nested {
            fn drop(&mut self) {
                if self.0 > 0 {
                    panic_any(Nested(self.0 - 1));
                }
            }
        }
        for depth in 0..4 {
            assert_eq!(&*catch(|| panic_any(Nested(depth))).unwrap_err(), "a panic without text");
        }
    }

    #[test]
    fn values_whose_drop_panics_are_all_dropped() {
        struct Bomb<'c>(&'c std::cell::Cell<u32>);
        impl Drop for Bomb<'_> {
            fn drop(&mut self) {
                self.0.set(self.0.get() + 1);
                panic!("the drop of a value");
            }
        }
        let dropped = std::cell::Cell::new(0);
        drop_each([Bomb(&dropped), Bomb(&dropped), Bomb(&dropped)]);
        assert_eq!(dropped.get(), 3);
    }
}
