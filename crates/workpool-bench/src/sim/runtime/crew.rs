//! The pool's threads: as its own `crew`, over simulated arbiters.

use std::{future::Future, io, time::Duration};

use futures::future::{self, Either};

use crate::sim::{self, Role, Time};

/// An arbiter is a simulated thread.
#[derive(Clone, Debug)]
pub struct ArbiterHandle(pub(crate) usize);

impl ArbiterHandle {
    pub(crate) fn alive(&self) -> bool {
        sim::thread(self.0).accepts()
    }

    fn stop(&self) {
        sim::thread(self.0).order_stop();
    }
}

pub(crate) fn home() -> Option<ArbiterHandle> {
    let home = ArbiterHandle(sim::home());
    (sim::system_runs() && home.alive()).then_some(home)
}

pub(crate) fn watch_system(stopped: impl FnOnce() + Send + 'static) -> bool {
    sim::watch_system(stopped)
}

pub(crate) fn spawn(future: impl Future<Output = ()> + 'static) {
    sim::this_thread().spawn(future);
}

pub(crate) fn stop_this_thread() {
    if sim::this_thread().is_a_workers() && sim::nothing_ends() {
        sim::fail(|| "rule 8: a panic of users' code ends a seat".into());
    }
    sim::this_thread().order_stop();
}

#[derive(Debug, Default)]
pub(crate) struct Crew {
    threads: Vec<Option<ArbiterHandle>>,
    others: Vec<ArbiterHandle>,
}

impl Crew {
    pub(crate) fn hire_for(&mut self, number: usize) -> io::Result<ArbiterHandle> {
        let thread = start(Role::Worker(number))?;
        self.retire(number);
        self.threads.resize(self.threads.len().max(number + 1), None);
        self.threads[number] = Some(thread.clone());
        Ok(thread)
    }

    pub(crate) fn retire(&mut self, number: usize) {
        if let Some(old) = self.threads.get_mut(number).and_then(Option::take) {
            old.stop();
            self.others.push(old);
            self.others.retain(|thread| !sim::thread(thread.0).has_ended());
        }
    }

    pub(crate) fn hire_other(&mut self) -> io::Result<ArbiterHandle> {
        let thread = start(Role::Home)?;
        self.others.push(thread.clone());
        Ok(thread)
    }

    pub(crate) fn dismiss(
        mut self,
        left: &[usize],
        patience: Option<Duration>,
        joined: impl FnOnce(usize) + Send + 'static,
    ) {
        for (number, thread) in self.threads.iter_mut().enumerate() {
            if left.contains(&number)
                && let Some(thread) = thread.take()
            {
                thread.stop();
            }
        }
        let left = left.len();
        dismiss(std::mem::take(&mut self), patience, move |more| joined(left + more));
    }
}

fn start(role: Role) -> io::Result<ArbiterHandle> {
    if sim::denies_thread() {
        return Err(io::Error::other("no thread, by the simulator's will"));
    }
    Ok(ArbiterHandle(sim::start_thread(role)))
}

impl Drop for Crew {
    fn drop(&mut self) {
        if !self.threads.is_empty() || !self.others.is_empty() {
            dismiss(std::mem::take(self), None, |_| ());
        }
    }
}

/// The thread that joins is a simulated one, too.
fn dismiss(
    mut crew: Crew,
    patience: Option<Duration>,
    joined: impl FnOnce(usize) + Send + 'static,
) {
    let numbered = crew.threads.drain(..).flatten();
    let threads: Vec<_> = numbered.chain(crew.others.drain(..)).collect();
    threads.iter().for_each(ArbiterHandle::stop);
    let joiner = sim::thread(sim::start_thread(Role::Joiner));
    joiner.execute(move || {
        let until = patience.map(|patience| sim::now(Time::Real) + patience);
        let numbers: Vec<_> = threads.iter().map(|thread| thread.0).collect();
        let ends = future::join_all(numbers.iter().map(|&thread| sim::ended(thread)));
        sim::this_thread().spawn(async move {
            match until {
                None => _ = ends.await,
                Some(until) => {
                    let sleep = Box::pin(sim::sleep_until(Time::Real, until));
                    if let Either::Right(_) = future::select(ends, sleep).await {}
                }
            }
            joined(numbers.into_iter().filter(|&thread| !sim::thread(thread).has_ended()).count());
            stop_this_thread();
        });
    });
}
