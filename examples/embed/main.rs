//! cargo run --release --example embed
//!
//! A web server that owns a pool: clients leave jobs and ask for the results later, or wait for the
//! answer.
//!
//! `POST /jobs` leaves a job, `GET /jobs/{id}` tells how it stands, `DELETE /jobs/{id}` cancels it;
//! `POST /run` waits for the answer; `GET /healthz` tells whether jobs are accepted. `--help` tells
//! the rest.

mod args;
mod count;
mod error;
mod jobs;
mod routes;
mod signals;

use std::{
    error::Error,
    fmt::Display,
    io::{self, Write},
    pin::pin,
    process::ExitCode,
    time::Duration,
};

use actix_web::{
    App, HttpServer,
    dev::{Server, ServerHandle},
    rt,
    web::Data,
};
use actix_workpool::{BuildError, OnFull, Pool, Queue, Shutdown, ShutdownReport, Stopped};
use clap::Parser;
use futures::{
    Stream, StreamExt,
    future::{Either, select},
};

use crate::{args::Args, count::Counters, jobs::Jobs};

/// How long clients may take for the answers that they have when the pool has ended, in seconds.
const PARTING: u64 = 5;

#[actix_web::main]
async fn main() -> ExitCode {
    match embed(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("embed: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn embed(args: Args) -> Result<(), Box<dyn Error>> {
    // Before anyone is told the address: from here on, a signal ends the program in order.
    let signals = signals::signals()?;
    let jobs = Data::new(Jobs::new(args.keep, args.keep_for));
    let pool = start_pool(&args, jobs.clone())?;
    let server = start_server(&args, pool.clone(), jobs)?;
    let ended = rt::spawn(end_when_asked(pool, server.handle(), args.deadline, signals));
    server.await?;
    say(format_args!("ended: {}", ended.await??.counts));
    Ok(())
}

fn start_pool(args: &Args, jobs: Data<Jobs>) -> Result<Counters, BuildError> {
    let starting = jobs.clone();
    let pool = Pool::builder(async move |source, cx| {
        starting.started(cx.id());
        count::count(source).await
    })
    .workers(args.workers.get())
    // A client that would have to wait in line is better told to come again.
    .queue(Queue::bounded(args.queue.get()).on_full(OnFull::Reject))
    .build()?;
    let mut results = pool.results();
    rt::spawn(async move {
        while let Some(result) = results.next().await {
            jobs.ended(&result);
        }
    });
    Ok(pool)
}

fn start_server(args: &Args, pool: Counters, jobs: Data<Jobs>) -> io::Result<Server> {
    let pool = Data::new(pool);
    let app =
        move || App::new().app_data(pool.clone()).app_data(jobs.clone()).configure(routes::routes);
    let server = HttpServer::new(app)
        // Unless this is set, a client that hangs up is taken for one that just has no more to
        // say: its handler is not dropped, and its job goes on.
        .h1_allow_half_closed(false)
        .disable_signals()
        .shutdown_timeout(PARTING)
        .bind(args.listen)?;
    for address in server.addrs() {
        say(format_args!("listening on http://{address}"));
    }
    Ok(server.run())
}

/// At a signal, ends the pool, and then the server. The pool refuses jobs from then on, and the
/// server still answers, also those who wait for their jobs. Once the last job has ended, all that
/// anyone waits for is an answer that is there.
async fn end_when_asked(
    pool: Counters,
    server: ServerHandle,
    deadline: Duration,
    mut signals: impl Stream<Item = ()> + Unpin,
) -> Result<ShutdownReport, Stopped> {
    signals.next().await;
    say(format_args!("stopping: accepted jobs have {} s to end", deadline.as_secs()));
    let drained = pin!(pool.shutdown(Shutdown::Drain(deadline)));
    let report = match select(drained, signals.next()).await {
        Either::Left((report, _)) => report,
        // At another one, what has not ended yet is cancelled.
        Either::Right(_) => pool.shutdown(Shutdown::Now).await,
    };
    server.stop(true).await;
    report
}

/// One line on stdout. Where nobody reads that, the server goes on.
fn say(text: impl Display) {
    let _ = writeln!(io::stdout(), "{text}");
}
