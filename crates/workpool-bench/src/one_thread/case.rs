//! What is counted.

use std::{ops::Range, sync::Arc};

use crate::{
    deliver::{Bounds, Kind},
    schedule::Overrun,
    work::{Work, yield_once},
};

use super::{
    stage::Stage,
    tally::{Tally, ToTally},
};

/// What a job of these cases could fail with.
pub(crate) type Failure = String;

/// Jobs of a batch, and jobs after which whoever submits one by one lets others have their turn.
const BATCH: u64 = 1_000;

/// Jobs `0`, `1`, `2` …, of which `n` brings `n + 1`, and what is done with them.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) form: Form,
    way_in: In,
    way_out: Out,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Two workers.
    Blocking,
    /// A thousand on two threads, and each job yields once.
    Async,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum In {
    Batches,
    OneByOne,
    /// The next is submitted once nothing is left to do for anyone.
    Alone,
    /// The same, and its caller waits for its result.
    Run,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Out {
    Batches,
    /// A message each.
    Single,
}

const fn case(name: &'static str, form: Form, way_in: In, way_out: Out) -> Case {
    Case { name, form, way_in, way_out }
}

pub(crate) const CASES: &[Case] = &[
    case("batches in, batches out", Form::Blocking, In::Batches, Out::Batches),
    case("submit one by one, batches out", Form::Blocking, In::OneByOne, Out::Batches),
    case("submit one by one, one message a result", Form::Blocking, In::OneByOne, Out::Single),
    case("async, batches in, batches out", Form::Async, In::Batches, Out::Batches),
    case("one job at a time, one message a result", Form::Blocking, In::Alone, Out::Single),
    case("one job at a time, run", Form::Blocking, In::Run, Out::Single),
];

impl Case {
    /// Has so many jobs done. Returns how many messages and wake-ups it took.
    pub(crate) fn run(&self, jobs: u64) -> Result<(u64, u64), String> {
        let mut stage = Stage::new(self.form)?;
        stage.subscribe(self.kind(stage.tally()));
        match self.way_in {
            In::Batches => in_batches(jobs, |numbers| {
                stage.submit_all(numbers)?;
                stage.let_others_have_their_turn()
            })?,
            In::OneByOne => in_batches(jobs, |mut numbers| {
                numbers.try_for_each(|n| stage.submit(n))?;
                stage.let_others_have_their_turn()
            })?,
            In::Alone => (0..jobs).try_for_each(|n| {
                stage.submit(n)?;
                stage.finish()
            })?,
            In::Run => (0..jobs).try_for_each(|n| stage.run(n))?,
        }
        stage.finish()?;
        stage.tally().check(jobs)?;
        Ok(stage.counted())
    }

    fn kind(&self, tally: &Arc<Tally>) -> Kind<u64, u64, Failure> {
        let outlet = Box::new(ToTally(tally.clone()));
        match self.way_out {
            Out::Batches => Kind::Batches(outlet, Bounds::default()),
            Out::Single => Kind::Results(outlet),
        }
    }
}

fn in_batches(
    jobs: u64,
    mut submit: impl FnMut(Range<u64>) -> Result<(), String>,
) -> Result<(), String> {
    let mut firsts = (0..jobs).step_by(BATCH as usize);
    firsts.try_for_each(|first| submit(first..jobs.min(first + BATCH)))
}

impl Form {
    pub(crate) fn workers(self) -> usize {
        match self {
            Self::Blocking => 2,
            Self::Async => 1_000,
        }
    }

    pub(crate) fn overrun(self) -> Overrun {
        match self {
            Self::Blocking => Overrun::LeftBehind { replaced: 0 },
            Self::Async => Overrun::Dropped,
        }
    }

    pub(crate) fn work(self) -> Work<u64, u64, Failure> {
        match self {
            Self::Blocking => Work::blocking_fn(|n: &u64, _cx| Ok(n + 1)),
            Self::Async => Work::async_fn(async |n: &u64, _cx| {
                yield_once().await;
                Ok(n + 1)
            }),
        }
    }
}
