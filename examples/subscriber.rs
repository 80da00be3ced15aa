//! cargo run --example subscriber
//!
//! Two actors that hear of results: the pool waits for one of them, and the other may miss some.
use std::{convert::Infallible, error::Error};

use actix::{Actor, Context, Handler, Message, ResponseFuture};
use actix_workpool::{JobResult, Missed, Pool, Subscribe};
use futures::{FutureExt, channel::oneshot, future::Shared};

type Square = JobResult<u64, u64, Infallible>;

/// Asks an actor what it has heard.
#[derive(Message)]
#[rtype(result = "String")]
struct Report;

/// Adds up what it hears.
#[derive(Default)]
struct Adder {
    results: u64,
    sum: u64,
}

impl Actor for Adder {
    type Context = Context<Self>;
}

impl Handler<Square> for Adder {
    type Result = ();

    fn handle(&mut self, square: Square, _: &mut Context<Self>) {
        self.results += 1;
        match square.outcome() {
            Ok(n) => self.sum += n,
            Err(error) => eprintln!("{}: {error}", square.id()),
        }
    }
}

impl Handler<Report> for Adder {
    type Result = String;

    fn handle(&mut self, _: Report, _: &mut Context<Self>) -> String {
        format!("the adder heard {} results; their sum is {}", self.results, self.sum)
    }
}

/// Shows what it hears, on a screen that takes its time.
struct Display {
    screen: Shared<oneshot::Receiver<()>>,
    shown: u64,
    missed: u64,
}

impl Actor for Display {
    type Context = Context<Self>;
}

impl Handler<Square> for Display {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Square, _: &mut Context<Self>) -> ResponseFuture<()> {
        self.shown += 1;
        // The window has room for another once this is done.
        Box::pin(self.screen.clone().map(|_| ()))
    }
}

impl Handler<Missed> for Display {
    type Result = ();

    fn handle(&mut self, missed: Missed, _: &mut Context<Self>) {
        self.missed += missed.count;
    }
}

impl Handler<Report> for Display {
    type Result = String;

    fn handle(&mut self, _: Report, _: &mut Context<Self>) -> String {
        format!("the display showed {} results and missed {}", self.shown, self.missed)
    }
}

#[actix::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let pool = Pool::blocking(|n: &u64, _cx| Ok::<_, Infallible>(n * n)).workers(2).build()?;

    // It never has more than four results that it has not handled: the pool waits for it.
    let adder = Adder::default().start();
    let every_result = Subscribe::results(adder.clone().recipient()).named("adder").window(4);
    pool.subscribe(every_result).await?;

    // Neither has this one more than two, but the pool does not wait.
    let (ready, screen) = oneshot::channel();
    let display = Display { screen: screen.shared(), shown: 0, missed: 0 }.start();
    let some_results = Subscribe::results(display.clone().recipient()).named("display").window(2);
    pool.subscribe(some_results.on_missed(display.clone().recipient())).await?;

    pool.submit_all((1..=10_u64).collect()).await?;
    pool.drain().await?; // every result is in the actors' mailboxes, or was missed
    println!("{}", adder.send(Report).await?);
    println!("{}", display.send(Report).await?);
    let _ = ready.send(());
    Ok(())
}
