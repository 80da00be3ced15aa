//! What a job takes that no noise can touch: allocations, messages, wake-ups and instructions, where one
//! thread drives the pool's rules and lanes (`src/one_thread/`). Nothing is scheduled, and time passes as
//! it is read, so each run comes to the same.
//!
//! - An allocation is one of the process; one that is made larger counts again.
//! - A message is one between the pool's actors, or to a subscriber.
//! - A wake-up is a message to a thread that is not at work and has no other message to handle.
//!   Dispatcher, collector, subscribers and whoever submits share a thread; each worker has one.
//! - Instructions are callgrind's, of user code, those of the counting allocator included, which copies
//!   whatever is made larger. They depend a little on the compiler, and on which `memcpy` the C library
//!   picks for the processor.
//!
//! Each case is run with so many jobs and with twice as many, and what the latter take more is the
//! figure: start and end fall out.

mod check;
mod program;

pub(super) use self::program::output;

pub use self::{
    check::{Comparison, check_counts, compare_counts},
    program::Counted,
};

use self::program::{Callgrind, Program};

use super::report::{Report, Row, median};

/// Whole batches. Few enough for callgrind, and so many that one message more is not seen.
const JOBS: u64 = 16_000;

/// Counts every case so many times. Instructions are medians; all else must be the same each time.
///
/// # Errors
/// The program that counts was not built or fails, values are missing, or a figure is not exact.
pub fn counts(rounds: usize, only: &str) -> Result<Report, String> {
    let program = Program::build()?;
    let callgrind = Callgrind::find();
    let names = program.cases()?.into_iter().filter(|name| name.contains(only));
    let row = |name: String| {
        row(&program, callgrind.as_ref(), &name, rounds).map_err(|error| format!("{name}: {error}"))
    };
    let rows = names.map(row).collect::<Result<_, _>>()?;
    let by = match &callgrind {
        Some(Callgrind { version }) => format!("instructions by callgrind of {version}"),
        None => "no instructions, since valgrind is not installed".into(),
    };
    let what = format!("what {JOBS} more empty jobs take, where one thread does it all; {by}");
    Ok(Report::new("counts", what, rows))
}

fn row(
    program: &Program,
    callgrind: Option<&Callgrind>,
    name: &str,
    rounds: usize,
) -> Result<Row, String> {
    let counted = difference(|jobs| program.count(name, jobs))?;
    for _ in 1..rounds {
        let again = difference(|jobs| program.count(name, jobs))?;
        if again != counted {
            return Err(format!("{again:?} after {counted:?}: this is not exact"));
        }
    }
    let instructions = |callgrind: &Callgrind| {
        let count = |_| difference(|jobs| callgrind.instructions(program, name, jobs));
        let all = (0..rounds.max(1)).map(count).collect::<Result<Vec<_>, _>>()?;
        Ok::<_, String>(per_job(median(all.into_iter().map(|count| count as f64))))
    };
    Ok(Row {
        allocs: Some(per_job(counted.allocations as f64)),
        messages: Some(per_job(counted.messages as f64)),
        wake_ups: Some(per_job(counted.wake_ups as f64)),
        instructions: callgrind.map(instructions).transpose()?,
        ..Row::named(name)
    })
}

/// What twice as many jobs take more.
fn difference<C: std::ops::Sub>(
    count: impl Fn(u64) -> Result<C, String>,
) -> Result<C::Output, String> {
    let once = count(JOBS)?;
    Ok(count(2 * JOBS)? - once)
}

/// More digits would differ by nothing that anyone could mean.
fn per_job(count: f64) -> f64 {
    (count / JOBS as f64 * 1e5).round() / 1e5
}
