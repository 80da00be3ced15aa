//! The worst single submission while many jobs queue up.

use std::{fmt, time::Instant};

use hdrhistogram::Histogram;
use nix::sys::resource::{UsageWho, getrusage};
use tokio::task::spawn_blocking;

use crate::measure::{load::Meter, report::Row};

use super::{
    case::{Case, Found, row},
    queued::QUEUED,
    stage::{Numbers, Stage, empty, in_system},
};

const JOBS: u64 = 10_000_000;

/// Longer than a submission that nothing holds up, and shorter than a page fault.
const SLOW_NS: u64 = 1_000;

/// Who submits.
#[derive(Clone, Copy, Debug)]
enum By {
    /// The thread that the dispatcher runs on: all wait in the inbox until the last is there.
    ItsThread,
    /// Another, while the dispatcher takes in what there is.
    AnotherThread,
}

impl By {
    fn line(self) -> &'static str {
        match self {
            Self::ItsThread => "one by one, until submitted",
            Self::AnotherThread => "one by one, from another thread",
        }
    }
}

pub(super) fn cases() -> Vec<Case> {
    let ways = [
        ("10⁷ queued one by one", By::ItsThread),
        ("10⁷ queued one by one, from another thread", By::AnotherThread),
    ];
    let case = |(name, by)| Case::new(name, move || in_system(measure(name, by))).alone();
    ways.map(case).into()
}

async fn measure(name: &str, by: By) -> Result<Found, String> {
    let mut stage = Stage::plain(empty(JOBS)).await?;
    stage.pool.pause().await.map_err(|error| error.to_string())?;
    let meter = Meter::start();
    let seen = match by {
        By::ItsThread => submit(&stage.pool)?,
        By::AnotherThread => {
            let pool = stage.pool.clone();
            spawn_blocking(move || submit(&pool)).await.map_err(|error| error.to_string())??
        }
    };
    let measured = meter.stop(0);
    stage.pool.resume().await.map_err(|error| error.to_string())?;
    stage.all_there().await?;
    stage.end().await?;
    let row = Row {
        p999_ns: Some(seen.times.value_at_quantile(0.999) as f64),
        worst_ns: Some(seen.worst.ns as f64),
        ..row(name, JOBS, &[measured]).at(QUEUED, by.line(), JOBS)
    };
    Ok(Found { rows: vec![row], note: Some(seen.note(name)) })
}

/// Submits one by one, and times each.
fn submit(pool: &Numbers) -> Result<Seen, String> {
    let mut seen = Seen::new()?;
    let mut before = Held::now()?;
    for n in 0..JOBS {
        let started = Instant::now();
        let answer = pool.try_submit(n);
        let ns = started.elapsed().as_nanos() as u64;
        answer.map_err(|refused| refused.to_string())?;
        seen.times.saturating_record(ns);
        // Asking each time would cost more than the submission. Hardly any that was fast met something.
        if ns > SLOW_NS {
            let now = Held::now()?;
            seen.slow(ns, now.since(before));
            before = now;
        }
    }
    Ok(seen)
}

/// What can hold up a thread, whatever it runs: as often as that was, so far or in one submission.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    /// The kernel gave it a page of memory.
    faults: u64,
    /// It waited, or another thread had its turn.
    switches: u64,
}

impl Held {
    fn now() -> Result<Self, String> {
        let usage = getrusage(UsageWho::RUSAGE_THREAD).map_err(|error| error.to_string())?;
        let (waited, preempted) =
            (usage.voluntary_context_switches(), usage.involuntary_context_switches());
        Ok(Self {
            faults: usage.minor_page_faults().unsigned_abs(),
            switches: (waited + preempted).unsigned_abs(),
        })
    }

    fn since(self, before: Self) -> Self {
        Self { faults: self.faults - before.faults, switches: self.switches - before.switches }
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { faults, switches } = self;
        write!(f, "{faults} page faults and {switches} switches")
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Slow {
    ns: u64,
    held: Held,
}

struct Seen {
    times: Histogram<u64>,
    slow: u64,
    /// Of the slow ones.
    faulted: u64,
    switched: u64,
    faults: u64,
    worst: Slow,
    /// Of those that met no context switch: the pool's own, if a page fault does not explain it.
    worst_of_its_own: Slow,
}

impl Seen {
    fn new() -> Result<Self, String> {
        // Up to a minute. What grows would be an allocation, and a page fault, of its own.
        let times = Histogram::new_with_bounds(1, 60_000_000_000, 3);
        Ok(Self {
            times: times.map_err(|error| error.to_string())?,
            slow: 0,
            faulted: 0,
            switched: 0,
            faults: 0,
            worst: Slow::default(),
            worst_of_its_own: Slow::default(),
        })
    }

    fn slow(&mut self, ns: u64, held: Held) {
        self.slow += 1;
        self.faulted += u64::from(held.faults > 0);
        self.switched += u64::from(held.switches > 0);
        self.faults += held.faults;
        if ns > self.worst.ns {
            self.worst = Slow { ns, held };
        }
        if held.switches == 0 && ns > self.worst_of_its_own.ns {
            self.worst_of_its_own = Slow { ns, held };
        }
    }

    fn note(&self, name: &str) -> String {
        let share = |n: u64| 100.0 * n as f64 / self.slow.max(1) as f64;
        let Self { slow, worst, worst_of_its_own, .. } = self;
        format!(
            "{name}: {slow} submits took more than 1 µs, of which {:.0} % met a page fault ({:.4} a job) \
             and {:.0} % a context switch; the worst met {}; the worst without a switch took {} ns and \
             met {}",
            share(self.faulted),
            self.faults as f64 / JOBS as f64,
            share(self.switched),
            worst.held,
            worst_of_its_own.ns,
            worst_of_its_own.held,
        )
    }
}
