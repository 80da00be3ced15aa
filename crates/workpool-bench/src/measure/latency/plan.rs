//! Jobs that are due at times that were drawn beforehand, whoever is ready or not: who submits them,
//! and who takes down when their values come.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use crate::measure::load::Work;

use super::latencies::Latencies;

/// A contender has this long to start before the first job is due.
const SETUP: Duration = Duration::from_millis(50);

/// Of what is due before this, values are checked, but no latency counts: caches and batch sizes are
/// those of a start.
pub(super) const WARM_UP: Duration = Duration::from_millis(100);

/// What has not come so long after the last job was due is lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// When jobs are due, from the start of each run, and what they do.
#[derive(Debug)]
pub(super) struct Plan {
    due: Arc<[Duration]>,
    pub(super) work: Work,
}

impl Plan {
    pub(super) fn new(due: Vec<Duration>, work: Work) -> Self {
        Self { due: due.into(), work }
    }

    /// A run of it, from a moment on.
    pub(super) fn start(&self) -> (Submitter, Ledger) {
        let schedule = Schedule { start: Instant::now() + SETUP, due: self.due.clone() };
        let ledger = Ledger {
            came: vec![false; self.due.len()],
            left: self.due.len(),
            wrong: None,
            latencies: Latencies::new(),
            schedule: schedule.clone(),
        };
        (Submitter(schedule), ledger)
    }
}

#[derive(Clone, Debug)]
struct Schedule {
    start: Instant,
    due: Arc<[Duration]>,
}

/// Submits each job when it is due, or as soon after that as it can.
#[derive(Debug)]
pub(super) struct Submitter(Schedule);

impl Submitter {
    /// Calls `submit` on a thread of its own.
    pub(super) fn on_a_thread(self, submit: impl FnMut(u64) + Send + 'static) {
        thread::spawn(move || self.run(submit));
    }

    /// Calls `submit` where this is polled. The timers of an async runtime are no finer than a
    /// millisecond, so a thread sleeps for it, and wakes it as a socket would.
    pub(super) async fn here(self, mut submit: impl FnMut(u64)) {
        let (sender, mut due) = mpsc::unbounded_channel();
        self.on_a_thread(move |n| _ = sender.send(n));
        while let Some(n) = due.recv().await {
            submit(n);
        }
    }

    /// Sleeps until the next is due, and submits all that are.
    fn run(self, mut submit: impl FnMut(u64)) {
        let Self(Schedule { start, due }) = self;
        sleep_exactly();
        for (n, due) in (0..).zip(due.iter()) {
            // No system call for one that is due already.
            let early = (start + *due).saturating_duration_since(Instant::now());
            if !early.is_zero() {
                thread::sleep(early);
            }
            submit(n);
        }
    }
}

/// Linux lets a thread oversleep by 50 µs, unless it is told otherwise; that is half a job.
fn sleep_exactly() {
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_timerslack(1);
}

/// Takes down which values came, and how long after their jobs were due.
#[derive(Debug)]
pub(super) struct Ledger {
    schedule: Schedule,
    came: Vec<bool>,
    left: usize,
    wrong: Option<String>,
    latencies: Latencies,
}

impl Ledger {
    /// A value has come, now.
    pub(super) fn note(&mut self, value: u64) {
        let job = value.wrapping_sub(1) as usize;
        match (self.came.get_mut(job), self.schedule.due.get(job)) {
            (Some(came @ false), Some(due)) => {
                *came = true;
                self.left -= 1;
                if *due >= WARM_UP {
                    self.latencies.record((self.schedule.start + *due).elapsed());
                }
            }
            _ => self.wrong = Some(format!("{value} came, which is wrong or came twice")),
        }
    }

    /// Whether there is something to wait for.
    pub(super) fn waits(&self) -> bool {
        self.left > 0 && self.wrong.is_none()
    }

    /// Until when to wait.
    pub(super) fn deadline(&self) -> Instant {
        self.schedule.start + self.schedule.due.last().copied().unwrap_or_default() + PATIENCE
    }

    /// What it came to, if every job brought its value.
    pub(super) fn close(self) -> Result<Latencies, String> {
        match (self.wrong, self.left) {
            (Some(wrong), _) => Err(wrong),
            (None, 0) => Ok(self.latencies),
            (None, left) => Err(format!("{left} of {} values are missing", self.came.len())),
        }
    }
}
