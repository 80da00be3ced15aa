//! Round trips: one job at a time, whose value is awaited before the next. The pools are idle, so this
//! is what their hand-overs and wake-ups cost: at once after the one before, when workers may still look for
//! jobs, and after a rest, when they sleep.

use std::{
    thread,
    time::{Duration, Instant},
};

use actix::{Actor, Handler, Message, SyncArbiter, SyncContext};
use actix_workpool::{Pool, Shutdown};
use crossbeam_channel::unbounded;
use kameo::actor::Spawn;
use kameo_actors::pool::{ActorPool, Dispatch};
use ractor::{
    ActorProcessingErr, RpcReplyPort,
    factory::{
        Factory, FactoryArguments, FactoryRef, Job, Worker as RactorWorker, WorkerId, queues,
        routing, worker_builder,
    },
    rpc::CallResult,
};
use tokio::{
    sync::oneshot,
    time::{sleep, timeout},
};

use crate::measure::{
    contenders::{BARE, SYNC_ARBITER, runtime},
    load::Work,
    peers::WORKERS,
    report::Row,
};

use super::{Contender, cases, latencies::Latencies, measure};

const AT_ONCE: (&str, Trips) =
    ("idle round trip", Trips { unrecorded: 1_000, recorded: 20_000, rest: Duration::ZERO });
const AFTER_A_REST: (&str, Trips) = (
    "round trip after 1 ms of rest",
    Trips { unrecorded: 50, recorded: 500, rest: Duration::from_millis(1) },
);

const CONTENDERS: &[Contender<Trips>] = &[
    (BARE, crossbeam),
    (SYNC_ARBITER, sync_arbiter),
    ("actix-workpool, run, on the caller's arbiter", |trips| workpool(trips, false)),
    ("actix-workpool, run, own arbiter", |trips| workpool(trips, true)),
    ("tokio tasks on flume, oneshot back", flume),
    ("rayon, channel back", rayon),
    ("threadpool, channel back", threadpool),
    ("kameo pool, ask", kameo),
    ("ractor factory, call_job", ractor),
];

pub(super) fn rows(rounds: usize, only: &str) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for (heading, trips) in [AT_ONCE, AFTER_A_REST] {
        let mut all = cases(heading, CONTENDERS, only);
        for _ in 0..rounds {
            measure(&mut all, &trips)?;
        }
        rows.extend(super::rows(heading, &all));
    }
    Ok(rows)
}

/// How many to make in a round, each after a rest. The first are to warm up.
struct Trips {
    unrecorded: u64,
    recorded: u64,
    rest: Duration,
}

/// A value that has not come by then is lost, and so are the awaited ones of a round.
const PATIENCE: Duration = Duration::from_secs(60);

impl Trips {
    /// For those who block until they have their value.
    fn blocking(&self, mut trip: impl FnMut(u64) -> Option<u64>) -> Result<Latencies, String> {
        let mut latencies = Latencies::new();
        for n in 0..self.unrecorded + self.recorded {
            if !self.rest.is_zero() {
                thread::sleep(self.rest);
            }
            let started = Instant::now();
            let value = trip(n);
            self.take(n, value, started.elapsed(), &mut latencies)?;
        }
        Ok(latencies)
    }

    async fn awaited(
        &self,
        mut trip: impl AsyncFnMut(u64) -> Option<u64>,
    ) -> Result<Latencies, String> {
        let trips = async {
            let mut latencies = Latencies::new();
            for n in 0..self.unrecorded + self.recorded {
                if !self.rest.is_zero() {
                    sleep(self.rest).await;
                }
                let started = Instant::now();
                let value = trip(n).await;
                self.take(n, value, started.elapsed(), &mut latencies)?;
            }
            Ok(latencies)
        };
        timeout(PATIENCE, trips).await.unwrap_or_else(|_| Err("a value is missing".into()))
    }

    fn take(
        &self,
        n: u64,
        value: Option<u64>,
        took: Duration,
        latencies: &mut Latencies,
    ) -> Result<(), String> {
        match value {
            Some(value) if value == n + 1 && n >= self.unrecorded => latencies.record(took),
            Some(value) if value == n + 1 => {}
            Some(value) => return Err(format!("job {n} brought {value}")),
            None => return Err(format!("job {n} brought no value")),
        }
        Ok(())
    }
}

/// What every job does.
fn value(n: u64) -> u64 {
    Work::default().value(n)
}

fn crossbeam(trips: &Trips) -> Result<Latencies, String> {
    let (jobs, queue) = unbounded();
    let (back, results) = unbounded();
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            let (queue, back) = (queue.clone(), back.clone());
            scope.spawn(move || queue.iter().for_each(|n| _ = back.send(value(n))));
        }
        // Dropped before the scope waits for the threads, which end by that.
        let jobs = jobs;
        trips.blocking(|n| {
            jobs.send(n).ok()?;
            results.recv_timeout(PATIENCE).ok()
        })
    })
}

#[derive(Message)]
#[rtype(result = "u64")]
struct Ask(u64);

struct SyncWorker;

impl Actor for SyncWorker {
    type Context = SyncContext<Self>;
}

impl Handler<Ask> for SyncWorker {
    type Result = u64;

    fn handle(&mut self, Ask(n): Ask, _: &mut Self::Context) -> u64 {
        value(n)
    }
}

fn sync_arbiter(trips: &Trips) -> Result<Latencies, String> {
    actix_rt::System::new().block_on(async {
        let workers = SyncArbiter::start(WORKERS, || SyncWorker);
        trips.awaited(async |n| workers.send(Ask(n)).await.ok()).await
    })
}

fn workpool(trips: &Trips, own_arbiter: bool) -> Result<Latencies, String> {
    actix_rt::System::new().block_on(async {
        let builder = Pool::blocking(|n: &u64, _cx| Ok::<_, String>(value(*n))).workers(WORKERS);
        let builder = if own_arbiter { builder.own_arbiter() } else { builder };
        let pool = builder.build().map_err(|error| error.to_string())?;
        let latencies = trips.awaited(async |n| pool.run(n).await.ok()).await;
        let _ = pool.shutdown(Shutdown::Now).await;
        latencies
    })
}

fn flume(trips: &Trips) -> Result<Latencies, String> {
    let (jobs, queue) = flume::unbounded::<(u64, oneshot::Sender<u64>)>();
    runtime(WORKERS).block_on(async {
        for _ in 0..WORKERS {
            let queue = queue.clone();
            tokio::spawn(async move {
                while let Ok((n, back)) = queue.recv_async().await {
                    let _ = back.send(value(n));
                }
            });
        }
        let trip = async |n| {
            let (back, result) = oneshot::channel();
            jobs.send((n, back)).ok()?;
            result.await.ok()
        };
        trips.awaited(trip).await
    })
}

fn rayon(trips: &Trips) -> Result<Latencies, String> {
    let threads = rayon::ThreadPoolBuilder::new().num_threads(WORKERS);
    let pool = threads.build().map_err(|error| error.to_string())?;
    let (back, results) = unbounded();
    trips.blocking(|n| {
        let back = back.clone();
        pool.spawn_fifo(move || _ = back.send(value(n)));
        results.recv_timeout(PATIENCE).ok()
    })
}

fn threadpool(trips: &Trips) -> Result<Latencies, String> {
    let pool = threadpool::ThreadPool::new(WORKERS);
    let (back, results) = unbounded();
    trips.blocking(|n| {
        let back = back.clone();
        pool.execute(move || _ = back.send(value(n)));
        results.recv_timeout(PATIENCE).ok()
    })
}

#[derive(kameo::Actor)]
struct KameoWorker;

impl kameo::message::Message<u64> for KameoWorker {
    type Reply = u64;

    async fn handle(&mut self, n: u64, _: &mut kameo::message::Context<Self, u64>) -> u64 {
        value(n)
    }
}

fn kameo(trips: &Trips) -> Result<Latencies, String> {
    runtime(WORKERS).block_on(async {
        let worker = || KameoWorker::spawn(KameoWorker);
        let pool = ActorPool::spawn(ActorPool::new(WORKERS, worker));
        trips.awaited(async |n| pool.ask(Dispatch(n)).await.ok()).await
    })
}

/// A job for ractor's factory, and where its value goes.
struct Call(u64, RpcReplyPort<u64>);

struct FactoryWorker;

impl RactorWorker for FactoryWorker {
    type Key = ();
    type Message = Call;
    type State = ();
    type Arguments = ();

    async fn pre_start(
        &self,
        _: WorkerId,
        _: &FactoryRef<(), Call>,
        (): (),
    ) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        _: WorkerId,
        _: &FactoryRef<(), Call>,
        Job { msg: Call(n, reply), .. }: Job<(), Call>,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        let _ = reply.send(value(n));
        Ok(())
    }
}

fn ractor(trips: &Trips) -> Result<Latencies, String> {
    type Queuer = Factory<
        (),
        Call,
        (),
        FactoryWorker,
        routing::QueuerRouting<(), Call>,
        queues::DefaultQueue<(), Call>,
    >;
    runtime(WORKERS).block_on(async {
        let arguments = FactoryArguments::builder()
            .worker_builder(Box::new(worker_builder(|_| (FactoryWorker, ()))))
            .queue(Default::default())
            .router(Default::default())
            .num_initial_workers(WORKERS)
            .build();
        let spawned = ractor::Actor::spawn(None, Queuer::default(), arguments).await;
        let (factory, ended) = spawned.map_err(|error| error.to_string())?;
        let trip = async |n| match factory.call_job((), |reply| Call(n, reply), None).await {
            Ok(CallResult::Success(value)) => Some(value),
            _ => None,
        };
        let latencies = trips.awaited(trip).await;
        factory.stop(None);
        let _ = ended.await;
        latencies
    })
}
