//! Pools of actors.

use actix::{Actor, Addr, Context, Handler, Message, Recipient, SyncArbiter, SyncContext};
use kameo::actor::Spawn;
use kameo_actors::pool::{ActorPool, Dispatch};
use ractor::{
    ActorProcessingErr,
    factory::{
        Factory, FactoryArguments, FactoryRef, Job, Worker as RactorWorker, WorkerId, queues,
        routing, worker_builder,
    },
};
use tokio::sync::{mpsc, oneshot};

use crate::measure::load::{Load, Measured, Meter, Work};

use super::tasks::{add_up, runtime};

/// A job for a `SyncArbiter`.
#[derive(Message)]
#[rtype(result = "()")]
struct Ask(u64);

/// What came of it.
#[derive(Message)]
#[rtype(result = "()")]
struct Value(u64);

struct SyncWorker {
    work: Work,
    results: Recipient<Value>,
}

impl Actor for SyncWorker {
    type Context = SyncContext<Self>;
}

impl Handler<Ask> for SyncWorker {
    type Result = ();

    fn handle(&mut self, Ask(n): Ask, _: &mut Self::Context) {
        self.results.do_send(Value(self.work.value(n)));
    }
}

/// Adds up values until so many have come.
struct Adder {
    left: u64,
    sum: u64,
    done: Option<oneshot::Sender<u64>>,
}

impl Actor for Adder {
    type Context = Context<Self>;
}

impl Handler<Value> for Adder {
    type Result = ();

    fn handle(&mut self, Value(value): Value, _: &mut Self::Context) {
        self.sum += value;
        self.left -= 1;
        if self.left == 0
            && let Some(done) = self.done.take()
        {
            let _ = done.send(self.sum);
        }
    }
}

/// Workers with a thread each take jobs from one mailbox; each result is a message to one actor.
pub(super) fn sync_arbiter(load: Load) -> Measured {
    actix_rt::System::new().block_on(async {
        let (done, sum) = oneshot::channel();
        let adder: Addr<_> = Adder { left: load.jobs, sum: 0, done: Some(done) }.start();
        let results = adder.recipient();
        let worker = move || SyncWorker { work: load.work, results: results.clone() };
        let workers = SyncArbiter::start(load.workers, worker);
        let meter = Meter::start();
        load.numbers().for_each(|n| workers.do_send(Ask(n)));
        meter.stop(sum.await.unwrap_or_default())
    })
}

#[derive(kameo::Actor)]
struct KameoWorker {
    work: Work,
    results: mpsc::UnboundedSender<u64>,
}

impl kameo::message::Message<u64> for KameoWorker {
    type Reply = ();

    async fn handle(&mut self, n: u64, _: &mut kameo::message::Context<Self, ()>) {
        let _ = self.results.send(self.work.value(n));
    }
}

/// A pool of kameo's actors, by least load.
pub(super) fn kameo(load: Load) -> Measured {
    runtime(load.workers).block_on(async {
        let (back, results) = mpsc::unbounded_channel();
        let worker =
            move || KameoWorker::spawn(KameoWorker { work: load.work, results: back.clone() });
        let pool = ActorPool::spawn(ActorPool::new(load.workers, worker));
        let meter = Meter::start();
        let submit = async {
            for n in load.numbers() {
                let _ = pool.tell(Dispatch(n)).await;
            }
        };
        let (sum, ()) = tokio::join!(add_up(load, results), submit);
        meter.stop(sum)
    })
}

struct FactoryWorker(Work);

impl RactorWorker for FactoryWorker {
    type Key = ();
    type Message = u64;
    type State = mpsc::UnboundedSender<u64>;
    type Arguments = mpsc::UnboundedSender<u64>;

    async fn pre_start(
        &self,
        _: WorkerId,
        _: &FactoryRef<(), u64>,
        results: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(results)
    }

    async fn handle(
        &self,
        _: WorkerId,
        _: &FactoryRef<(), u64>,
        Job { msg, .. }: Job<(), u64>,
        results: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        let _ = results.send(self.0.value(msg));
        Ok(())
    }
}

/// A factory of ractor's, which hands each job to a worker that is free.
pub(super) fn ractor(load: Load) -> Measured {
    type Queuer = Factory<
        (),
        u64,
        mpsc::UnboundedSender<u64>,
        FactoryWorker,
        routing::QueuerRouting<(), u64>,
        queues::DefaultQueue<(), u64>,
    >;
    runtime(load.workers).block_on(async {
        let (back, results) = mpsc::unbounded_channel();
        let worker = move |_| (FactoryWorker(load.work), back.clone());
        let arguments = FactoryArguments::builder()
            .worker_builder(Box::new(worker_builder(worker)))
            .queue(Default::default())
            .router(Default::default())
            .num_initial_workers(load.workers)
            .build();
        let spawned = ractor::Actor::spawn(None, Queuer::default(), arguments).await;
        let Ok((factory, ended)) = spawned else { unreachable!("no factory") };
        let meter = Meter::start();
        load.numbers().for_each(|n| _ = factory.dispatch((), n));
        let measured = meter.stop(add_up(load, results).await);
        factory.stop(None);
        let _ = ended.await;
        measured
    })
}
