//! Panics of the user's code, caught and made text.

use std::{
    any::Any,
    collections::{BTreeMap, VecDeque},
    iter, mem,
    ops::{Deref, DerefMut},
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

use futures::{FutureExt, StreamExt, channel::mpsc::UnboundedReceiver};

/// Calls the user's code; a panic comes back as its text.
///
/// What the code may have left half done is the user's own: a processor that panicked is dropped
/// and built anew, and nothing of the pool is lent to users' code but through shared references.
pub(crate) fn catch<R>(call: impl FnOnce() -> R) -> Result<R, Box<str>> {
    catch_unwind(AssertUnwindSafe(call)).map_err(text)
}

/// Drops values of the user's one by one; a panic of one costs none of the others.
pub(crate) fn drop_each<V>(values: impl IntoIterator<Item = V>) {
    let mut values = values.into_iter();
    while let Err(text) = catch(|| values.by_ref().for_each(drop)) {
        tracing::warn!(%text, "the drop of a value panicked");
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

/// What holds values of the user's, and lets go of them one by one.
pub(crate) trait Holds {
    type Value;

    fn let_go(&mut self) -> Option<Self::Value>;
}

/// Values of the user's. Wherever this is dropped, they are dropped one by one: left to the container
/// itself, two whose drops panic would abort the process.
#[derive(Debug, Default)]
pub(crate) struct OneByOne<C: Holds>(C);

impl<C: Holds> From<C> for OneByOne<C> {
    fn from(values: C) -> Self {
        Self(values)
    }
}

impl<C: Holds> Deref for OneByOne<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.0
    }
}

impl<C: Holds> DerefMut for OneByOne<C> {
    fn deref_mut(&mut self) -> &mut C {
        &mut self.0
    }
}

impl<C: Holds> Drop for OneByOne<C> {
    fn drop(&mut self) {
        drop_each(iter::from_fn(|| self.0.let_go()));
    }
}

impl<V> Holds for Option<V> {
    type Value = V;

    fn let_go(&mut self) -> Option<V> {
        self.take()
    }
}

impl<V> Holds for Vec<V> {
    type Value = V;

    fn let_go(&mut self) -> Option<V> {
        self.pop()
    }
}

impl<V> Holds for VecDeque<V> {
    type Value = V;

    fn let_go(&mut self) -> Option<V> {
        self.pop_front()
    }
}

impl<K: Ord, V> Holds for BTreeMap<K, V> {
    type Value = V;

    fn let_go(&mut self) -> Option<V> {
        self.pop_first().map(|(_, value)| value)
    }
}

impl<V> Holds for UnboundedReceiver<V> {
    type Value = V;

    fn let_go(&mut self) -> Option<V> {
        self.close();
        loop {
            match self.next().now_or_never() {
                Some(value) => return value,
                // One is being sent this very moment.
                None => thread::yield_now(),
            }
        }
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
    use std::{cell::Cell, panic::panic_any};

    use futures::channel::mpsc::unbounded;

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

    struct Bomb<'c>(&'c Cell<u32>);

    impl Drop for Bomb<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
            panic!("the drop of a value");
        }
    }

    #[test]
    fn values_whose_drop_panics_are_all_dropped() {
        let dropped = Cell::new(0);
        drop_each([Bomb(&dropped), Bomb(&dropped), Bomb(&dropped)]);
        assert_eq!(dropped.get(), 3);
    }

    #[test]
    fn whatever_container_they_lie_in() {
        let dropped = Cell::new(0);
        let bombs = || (0..3).map(|_| Bomb(&dropped));
        drop(OneByOne::from(Vec::from_iter(bombs())));
        drop(OneByOne::from(VecDeque::from_iter(bombs())));
        drop(OneByOne::from(BTreeMap::from_iter((0..).zip(bombs()))));
        drop(OneByOne::from(bombs().next()));
        let (sender, receiver) = unbounded();
        bombs().for_each(|bomb| sender.unbounded_send(bomb).unwrap());
        drop(OneByOne::from(receiver));
        assert!(sender.is_closed());
        drop(Apart::new(Bomb(&dropped)));
        assert_eq!(dropped.get(), 14);
    }
}
