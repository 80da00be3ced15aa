use std::{
    cell::RefCell,
    future::Future,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use actix_rt::{Arbiter, ArbiterHandle, System};

/// Where `build()` was called: the arbiter of this thread, or else the system's own.
///
/// `None` where no `System` is registered, or where it has stopped.
pub(crate) fn home() -> Option<ArbiterHandle> {
    let system = System::try_current()?;
    let home = Arbiter::try_current().unwrap_or_else(|| system.arbiter().clone());
    (system_runs() && home.alive()).then_some(home)
}

/// Whether the `System` of this thread still runs. Asking is sending: after `System::stop`,
/// arbiters can still be made, but the system's own takes nothing any more.
fn system_runs() -> bool {
    watch_system(|| ())
}

/// As [`system_runs`]; and where the answer is yes although the stop is on its way already, which ends
/// the arbiters in any order, calls `stopped` once it has come.
pub(crate) fn watch_system(stopped: impl FnOnce() + Send + 'static) -> bool {
    let mut watch = Watch(Some(stopped));
    System::try_current()
        .is_some_and(|system| system.arbiter().spawn_fn(move || drop(watch.0.take())))
}

/// Dropped with what it calls, because the arbiter that was to take that out has ended, it calls it.
struct Watch<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Drop for Watch<F> {
    fn drop(&mut self) {
        if let Some(stopped) = self.0.take() {
            stopped();
        }
    }
}

/// Runs a future on this thread's arbiter.
pub(crate) fn spawn(future: impl Future<Output = ()> + 'static) {
    drop(actix_rt::spawn(future));
}

/// Ends this thread's arbiter, and everything on it.
pub(crate) fn stop_this_thread() {
    if let Some(arbiter) = Arbiter::try_current() {
        arbiter.stop();
    }
}

/// The threads that workers run on, by number; there may be numbers without one. Dropped, they are stopped and joined without anyone
/// waiting.
#[derive(Debug)]
pub(crate) struct Crew {
    threads: Vec<Option<Thread>>,
    /// Threads without a number: the pool's own, and those that are not needed any more and go on.
    others: Vec<Thread>,
    /// Where each thread says that it is about to end.
    ends: (Sender<()>, Receiver<()>),
}

#[derive(Debug)]
struct Thread {
    arbiter: Arbiter,
    ended: Arc<AtomicBool>,
}

/// Lies in a thread's local storage, which is the last thing of a thread to go.
struct EndOfThread {
    ended: Arc<AtomicBool>,
    tell: Sender<()>,
}

impl Drop for EndOfThread {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        let _ = self.tell.send(());
    }
}

thread_local! {
    static END: RefCell<Option<EndOfThread>> = const { RefCell::new(None) };
}

impl Default for Crew {
    fn default() -> Self {
        Self { threads: Vec::new(), others: Vec::new(), ends: channel() }
    }
}

impl Crew {
    /// Starts the thread with this number, in place of one that has ended, or is to end when it can.
    ///
    /// # Errors
    /// What the operating system said.
    pub(crate) fn hire_for(&mut self, number: usize) -> io::Result<ArbiterHandle> {
        let thread = self.start()?;
        let handle = thread.arbiter.handle();
        self.retire(number);
        self.threads.resize_with(self.threads.len().max(number + 1), || None);
        self.threads[number] = Some(thread);
        Ok(handle)
    }

    /// Ends the thread with this number, when it can.
    pub(crate) fn retire(&mut self, number: usize) {
        if let Some(old) = self.threads.get_mut(number).and_then(Option::take) {
            old.arbiter.stop();
            self.others.push(old);
            self.others.retain(|thread| !thread.ended.load(Ordering::Acquire));
        }
    }

    /// Starts a thread for the pool itself.
    ///
    /// # Errors
    /// What the operating system said.
    pub(crate) fn hire_other(&mut self) -> io::Result<ArbiterHandle> {
        let thread = self.start()?;
        let handle = thread.arbiter.handle();
        self.others.push(thread);
        Ok(handle)
    }

    fn start(&self) -> io::Result<Thread> {
        let arbiter = Arbiter::try_new()?;
        let ended = Arc::new(AtomicBool::new(false));
        let end = EndOfThread { ended: ended.clone(), tell: self.ends.0.clone() };
        arbiter.spawn_fn(|| END.set(Some(end)));
        Ok(Thread { arbiter, ended })
    }

    /// Stops all threads, joins them, and then calls `joined` with how many were left behind, on a
    /// thread of its own: a join on an async thread would hold up everything there. Those with a
    /// number in `left`, and those that have not ended after `patience`, are left behind; where there
    /// is none, the others are waited for.
    pub(crate) fn dismiss(
        mut self,
        left: &[usize],
        patience: Option<Duration>,
        joined: impl FnOnce(usize) + Send + 'static,
    ) {
        let mut number = 0..;
        let is_left = |_: &mut _| number.next().is_some_and(|number| left.contains(&number));
        for thread in self.threads.extract_if(.., is_left).flatten() {
            thread.arbiter.stop();
        }
        let left = left.len();
        dismiss(std::mem::take(&mut self), patience, move |more| joined(left + more));
    }

    fn is_empty(&self) -> bool {
        self.threads.is_empty() && self.others.is_empty()
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        if !self.is_empty() {
            dismiss(std::mem::take(self), None, |_| ());
        }
    }
}

fn dismiss(
    mut crew: Crew,
    patience: Option<Duration>,
    joined: impl FnOnce(usize) + Send + 'static,
) {
    let numbered = crew.threads.drain(..).flatten();
    let mut threads: Vec<_> = numbered.chain(crew.others.drain(..)).collect();
    threads.iter().for_each(|thread| _ = thread.arbiter.stop());
    let (_, ends) = std::mem::replace(&mut crew.ends, channel());
    let join = move || {
        let until = patience.and_then(|patience| Instant::now().checked_add(patience));
        loop {
            for ended in threads.extract_if(.., |thread| thread.ended.load(Ordering::Acquire)) {
                // A thread that panicked has ended all the same.
                let _ = ended.arbiter.join();
            }
            if threads.is_empty() || !another_ended(&ends, until) {
                break;
            }
        }
        let left = threads.len();
        drop(threads);
        joined(left);
    };
    let joiner = thread::Builder::new().name("workpool-join".into()).spawn(join);
    if let Err(error) = joiner {
        tracing::error!(%error, "no thread to join the pool's workers on: they end by themselves");
    }
}

/// Waits until a thread says that it ends; `false` if the time is over, or nobody can say so.
fn another_ended(ends: &Receiver<()>, until: Option<Instant>) -> bool {
    match until {
        None => ends.recv().is_ok(),
        Some(until) => ends.recv_timeout(until.saturating_duration_since(Instant::now())).is_ok(),
    }
}
