//! Streams of jobs.

use futures::{StreamExt, stream};

use crate::{
    check::{Kind, Way},
    sim,
};

use super::{
    bomb::defuse,
    errand::Errand,
    stage::Stage,
    submit::leave,
    task::{job, lit},
};

impl Stage {
    /// Has a stream of jobs done, and reads the results; all of them, or at most so many.
    pub async fn process<W: Into<Errand>>(&self, errands: Vec<W>, buffer: usize, at_most: usize) {
        let make = |errand| job(self.number, Way::Stream, errand);
        let made: Vec<_> = errands.into_iter().map(make).collect();
        let mut numbers: Vec<_> = made.iter().map(|(number, _)| *number).collect();
        let in_order = self.sim.chance(500);
        let jobs = stream::iter(made.into_iter().map(|(_, job)| lit(job)));
        let mut results = self.pool.process(jobs).buffer(buffer);
        if in_order {
            results = results.ordered();
        }
        let mut read = 0;
        while read < at_most
            && let Some(result) = results.next().await
        {
            let (number, kind) = (result.job().payload().number, Kind::of(result.outcome()));
            defuse(&result);
            sim::note(|| format!("a stream brings job {number}: {kind:?}"));
            let place = numbers.iter().position(|&other| other == number);
            self.sim.expect(place.is_some(), || format!("job {number} is another stream's"));
            self.sim.expect(!in_order || place == Some(0), || format!("job {number} is too early"));
            numbers.retain(|&other| other != number);
            sim::with(|world| world.ledger.answers(number, kind));
            read += 1;
        }
        let ended = read < at_most;
        let may_end = sim::with(|world| {
            !world.ledger.has_guarantees()
                || world.ledger.write(|books| books.pools[self.number].shut_at.is_some())
        });
        self.sim.expect(numbers.is_empty() || !ended || may_end != Some(false), || {
            format!("invariant 1: a stream ends without {numbers:?}")
        });
        leave(&numbers);
    }
}
