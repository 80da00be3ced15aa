//! `workpool-bench simulate --schedules N --seed S` tries the pool under random schedules, and
//! `workpool-bench mutants` whether that finds faults that are put into the pool on purpose.
//! `workpool-bench peers`, `grains` and `latency` measure the pool beside others, `scale` how its cost
//! grows, `checksum` a whole program beside the tools of the shell, and `floor` what the parts cost that
//! every pool is made of; `counts` counts what noise cannot touch, and compares it with the figures
//! checked in. `workpool-bench table` prints what these have found, and `workpool-bench plot` draws it.

mod mutants;

use std::{fs, path::PathBuf, process::ExitCode, time::Instant};

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
    /// Allocations, messages, wake-ups and instructions per job, where one thread drives the pool's parts.
    /// It needs cargo, and valgrind for the instructions.
    Counts(Counts),
    /// What the parts of a pool cost on this machine: a clock read, a lock, a wake-up and others.
    Floor(Bench),
    /// Prints a report as a table in Markdown.
    Table(Table),
    /// Draws a report as an SVG.
    Plot(Plot),
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
struct Table {
    /// What a bench has printed with `--json`.
    report: PathBuf,
}

#[derive(Args)]
struct Plot {
    /// What a bench has printed with `--json`.
    report: PathBuf,
    /// Where the picture goes.
    svg: PathBuf,
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
struct Counts {
    /// How often each is counted; it must come to the same each time, but for instructions: those are
    /// medians.
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// Prints one JSON object.
    #[arg(long)]
    json: bool,
    /// Those alone whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// Fails if a figure is more than 10 % above that in this file, which is what `--json` printed once.
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
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
        What::Counts(what) => done(counts(&what)),
        What::Grains(what) => print(measure::grains(what.rounds, &what.only), what.json),
        What::Floor(what) => print(measure::floor(what.rounds, &what.only), what.json),
        What::Scale(what) => print(measure::scale(what.rounds, &what.only), what.json),
        What::Plot(what) => done(plot(&what)),
        What::ScaleAlone { name } => say(measure::scale_alone(&name)),
        What::Table(what) => say(Report::read(&what.report).and_then(|report| report.markdown())),
        What::Checksum { rounds, json } => print(measure::checksum(rounds), json),
        What::Peers(what) => print(measure::peers(what.rounds, &what.only), what.json),
    }
}

fn print(report: Result<Report, String>, json: bool) -> ExitCode {
    let report = report.and_then(|report| {
        if report.rows.is_empty() { Err("no row has a name like that".into()) } else { Ok(report) }
    });
    done(report.map(|report| report.print(json)))
}

fn counts(what: &Counts) -> Result<(), String> {
    let report = measure::counts(what.rounds, &what.only)?;
    report.print(what.json);
    if let Some(file) = &what.check {
        let better = measure::check_counts(&report, file, &what.only)?;
        better.iter().for_each(|better| eprintln!("{better}"));
    }
    Ok(())
}

fn plot(what: &Plot) -> Result<(), String> {
    let svg = measure::plot(&Report::read(&what.report)?)?;
    fs::write(&what.svg, svg).map_err(|error| format!("{}: {error}", what.svg.display()))
}

fn say(text: Result<String, String>) -> ExitCode {
    done(text.map(|text| println!("{}", text.trim_end())))
}

fn done(what: Result<(), String>) -> ExitCode {
    match what {
        Ok(()) => ExitCode::SUCCESS,
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
