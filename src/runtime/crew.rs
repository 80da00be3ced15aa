use std::{future::Future, io, thread};

use actix_rt::{Arbiter, ArbiterHandle, System};

/// Where `build()` was called: the arbiter of this thread, or else the system's own.
///
/// `None` where no `System` is registered, or where it has stopped.
pub(crate) fn home() -> Option<ArbiterHandle> {
    let system = System::try_current()?;
    let home = Arbiter::try_current().unwrap_or_else(|| system.arbiter().clone());
    (is_running() && home.alive()).then_some(home)
}

/// Whether the `System` of this thread still runs. Asking is sending: after `System::stop`,
/// arbiters can still be made, but the system's own takes nothing any more.
fn is_running() -> bool {
    System::try_current().is_some_and(|system| system.arbiter().spawn_fn(|| ()))
}

/// Runs a future on this thread's arbiter.
pub(crate) fn spawn(future: impl Future<Output = ()> + 'static) {
    drop(actix_rt::spawn(future));
}

/// The threads that workers run on. Dropped, they are stopped and joined without anyone waiting.
#[derive(Debug, Default)]
pub(crate) struct Crew {
    arbiters: Vec<Arbiter>,
}

impl Crew {
    /// Starts one more thread.
    ///
    /// # Errors
    /// What the operating system said.
    pub(crate) fn hire(&mut self) -> io::Result<ArbiterHandle> {
        let arbiter = Arbiter::try_new()?;
        let handle = arbiter.handle();
        self.arbiters.push(arbiter);
        Ok(handle)
    }

    /// Stops all threads, joins them, and then calls `joined`, on a thread of its own: a join on
    /// an async thread would hold up everything there for as long as a blocking job runs.
    pub(crate) fn dismiss(mut self, joined: impl FnOnce() + Send + 'static) {
        dismiss(std::mem::take(&mut self.arbiters), joined);
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        if !self.arbiters.is_empty() {
            dismiss(std::mem::take(&mut self.arbiters), || ());
        }
    }
}

fn dismiss(arbiters: Vec<Arbiter>, joined: impl FnOnce() + Send + 'static) {
    for arbiter in &arbiters {
        arbiter.stop();
    }
    let join = move || {
        for arbiter in arbiters {
            // A thread that panicked has ended all the same.
            let _ = arbiter.join();
        }
        joined();
    };
    let joiner = thread::Builder::new().name("workpool-join".into()).spawn(join);
    if let Err(error) = joiner {
        tracing::error!(%error, "no thread to join the pool's workers on: they end by themselves");
    }
}
