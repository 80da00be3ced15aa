//! `workpool-bench simulate --schedules N --seed S` tries the pool under random schedules, and
//! `workpool-bench mutants` whether that finds faults that are put into the pool on purpose.
//! `workpool-bench peers`, `grains` and `latency` measure the pool beside others, `scale` how its cost
//! grows, and `checksum` a whole program beside the tools of the shell.

mod mutants;

use std::{process::ExitCode, time::Instant};

use clap::{Args, Parser, Subcommand};
use workpool_bench::{
    measure::{self, Report},
    scene,
    sim::{self, Setting},
};

/// Tries actix-workpool beyond its own tests.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Runs the pool under random schedules, and checks its invariants.
    Simulate(Simulate),
    /// Puts one fault after another into a copy of the pool, and simulates that: each must be found.
    /// It needs cargo, and is run where the workspace is.
    Mutants {
        /// Tries those alone whose description contains this.
        #[arg(default_value = "")]
        which: String,
    },
    /// Empty jobs, by the pool and by its peers.
    Peers(Bench),
    /// Jobs of some length, by the pool and by its peers.
    Grains(Bench),
    /// How long one job takes until its value is there: in idle pools, and under load.
    Latency(Bench),
    /// Empty jobs by the pool alone, with more and more jobs, workers, submitters, subscribers, payload.
    Scale(Bench),
    /// The example `checksum` beside `sha256sum` and `openssl`, on many small files and a few large ones.
    /// It needs cargo, `find`, `xargs` and these two, and 450 MB for a while where temporary files are.
    Checksum {
        /// How often each is run; medians are printed.
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// Prints one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// One case of `scale`, for a process of its own.
    #[command(hide = true)]
    ScaleAlone {
        /// Its name.
        name: String,
    },
}

#[derive(Args)]
struct Bench {
    /// How often each is measured; medians are printed, or percentiles of all.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Prints one JSON object.
    #[arg(long)]
    json: bool,
    /// Those alone whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
}

#[derive(Args)]
struct Simulate {
    /// How many schedules to run.
    #[arg(long, default_value_t = 10_000)]
    schedules: u64,
    /// The seed of the first; those that follow have the numbers after it.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Prints what happens in each.
    #[arg(long)]
    trace: bool,
}

fn main() -> ExitCode {
    match Cli::parse().what {
        What::Simulate(what) => simulate(&what),
        What::Mutants { which } => mutants::find_all(&which),
        What::Latency(what) => print(measure::latency(what.rounds, &what.only), what.json),
        What::Grains(what) => print(measure::grains(what.rounds, &what.only), what.json),
        What::Scale(what) => print(measure::scale(what.rounds, &what.only), what.json),
        What::Checksum { rounds, json } => print(measure::checksum(rounds), json),
        What::ScaleAlone { name } => scale_alone(&name),
        What::Peers(what) => print(measure::peers(what.rounds, &what.only), what.json),
    }
}

fn print(report: Result<Report, String>, json: bool) -> ExitCode {
    match report {
        Ok(report) => {
            report.print(json);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// For the process that started this one.
fn scale_alone(name: &str) -> ExitCode {
    match measure::scale_alone(name) {
        Ok(found) => {
            println!("{found}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn simulate(what: &Simulate) -> ExitCode {
    let started = Instant::now();
    let mut sum = sim::Report::default();
    for seed in what.seed..what.seed + what.schedules {
        let setting = if what.trace { Setting::traced() } else { Setting::default() };
        let report = sim::run(seed, setting, scene::free);
        report.trace.iter().for_each(|line| println!("{line}"));
        if let Some(violation) = report.violation {
            explain(seed, &violation, what.trace);
            return ExitCode::FAILURE;
        }
        sum.steps += report.steps;
        sum.jobs += report.jobs;
        sum.crashes += report.crashes;
    }
    let (schedules, sim::Report { steps, jobs, crashes, .. }) = (what.schedules, sum);
    println!(
        "{schedules} schedules, {steps} steps, {jobs} jobs, {crashes} crashes: all as it must be"
    );
    println!("{:.1} s", started.elapsed().as_secs_f64());
    ExitCode::SUCCESS
}

/// The run is made once more, since it was not written down.
fn explain(seed: u64, violation: &str, traced: bool) {
    if !traced {
        let report = sim::run(seed, Setting::traced(), scene::free);
        report.trace.iter().for_each(|line| println!("{line}"));
    }
    println!("seed {seed}: {violation}");
    println!("replay it: workpool-bench simulate --seed {seed} --schedules 1 --trace");
}
