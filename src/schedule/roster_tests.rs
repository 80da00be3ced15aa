use std::{sync::Arc, time::Instant};

use proptest::prelude::*;

use crate::{
    job::Stamp,
    lane::{Chunks, SUPPLY, Station, Surplus},
};

use super::{Dealt, Goes, Now, PATIENCE, Roster, stuck::BEHIND};

type Stations = Vec<Arc<Station<u32, u32, ()>>>;

fn now() -> Instant {
    Stamp::fixed().instant()
}

fn workers(n: usize) -> (Stations, Roster<u32, u32, ()>) {
    let mut roster = Roster::new(Arc::new(Surplus::new()), n);
    roster.grow(2 * n);
    let stations = (0..n).map(|worker| roster.station(worker).clone()).collect();
    (stations, roster)
}

fn queue(jobs: impl IntoIterator<Item = u32>) -> Chunks<u32> {
    let mut queue = Chunks::new();
    push(&mut queue, jobs);
    queue
}

fn push(queue: &mut Chunks<u32>, jobs: impl IntoIterator<Item = u32>) {
    let mut incoming = Chunks::new();
    incoming.extend(jobs);
    queue.append(&mut incoming);
}

fn deal(
    roster: &mut Roster<u32, u32, ()>,
    queue: &mut Chunks<u32>,
    allowance: Option<usize>,
    now: Instant,
    leave: impl FnMut(usize),
    wake: impl FnMut(usize),
) -> Dealt {
    roster.deal(queue, allowance, Goes::Anything, Now { clock: now, real: now }, leave, wake)
}

/// A seat asks, after its job if it runs one.
fn take(station: &Station<u32, u32, ()>, seat: usize, ahead: usize) -> Option<u32> {
    take_at(station, seat, ahead, now())
}

fn take_at(station: &Station<u32, u32, ()>, seat: usize, ahead: usize, at: Instant) -> Option<u32> {
    let (mut begun, at) = (None, Stamp::of(at));
    let exchange = |job: &mut u32, next, ()| {
        *job = *begun.insert(next);
        ((), false)
    };
    let turned = station.turn(seat, ahead, at, (), exchange, |_, ()| ((), false));
    if !turned.is_ok_and(|next| next.found) {
        station.ask(seat, ahead, at, |job| *begun.insert(job));
    }
    begun
}

#[test]
fn nobody_is_handed_more_than_it_asked_for() {
    let (stations, mut roster) = workers(2);
    take(&stations[0], 0, 0);
    let mut jobs = queue(0..10);
    let mut woken = Vec::new();
    let dealt = deal(&mut roster, &mut jobs, None, now(), |_| (), |worker| woken.push(worker));
    assert_eq!((dealt.handed_out, woken), (1, vec![0]));
    assert!(!dealt.quiet);
}

#[test]
fn an_allowance_holds_jobs_back() {
    let (stations, mut roster) = workers(1);
    take(&stations[0], 0, 8);
    let mut jobs = queue(0..10);
    assert_eq!(deal(&mut roster, &mut jobs, Some(3), now(), |_| (), |_| ()).handed_out, 3);
    assert_eq!(deal(&mut roster, &mut jobs, Some(0), now(), |_| (), |_| ()).handed_out, 0);
}

#[test]
fn what_waits_behind_an_overrun_goes_to_an_idle_worker() {
    let (stations, mut roster) = workers(2);
    take(&stations[0], 0, 100);
    let now = now();
    let mut jobs = queue(0..64);
    deal(&mut roster, &mut jobs, None, now, |_| (), |_| ());
    assert_eq!(take(&stations[0], 0, 100), Some(0), "and it runs on and on");
    let mut started = vec![];
    for look in 0..200 {
        started.extend(take(&stations[1], 0, 0));
        deal(&mut roster, &mut jobs, None, now + look * PATIENCE, |_| (), |_| ());
    }
    started.sort_unstable();
    assert_eq!(started, Vec::from_iter(1..64));
}

#[test]
fn a_worker_that_does_not_answer_loses_what_its_idle_seats_were_handed() {
    let (stations, mut roster) = workers(2);
    let now = now();
    take(&stations[0], 0, 0);
    deal(&mut roster, &mut queue([7]), None, now, |_| (), |_| ());
    take(&stations[1], 0, 0);
    let mut none = Chunks::new();
    assert!(
        deal(&mut roster, &mut none, None, now, |_| (), |_| ()).look_again,
        "it was just woken"
    );
    let mut woken = Vec::new();
    let dealt =
        deal(&mut roster, &mut none, None, now + PATIENCE, |_| (), |worker| woken.push(worker));
    assert_eq!((woken, dealt.look_again), (vec![1], false));
    assert_eq!(take(&stations[1], 0, 0), Some(7));
}

#[test]
fn nobody_looks_after_a_worker_that_has_its_thread_to_itself_and_sleeps() {
    let (stations, mut roster) = workers(2);
    let at = Stamp::of(now());
    take(&stations[1], 0, 0);
    let rung =
        |roster: &mut _| deal(roster, &mut queue([7]), Some(1), now(), |_| (), |_| ()).look_again;
    for (last, looks_again) in [(false, true), (true, false)] {
        take(&stations[0], 0, 100);
        let _ = stations[0].look(0, last, at, |job| job);
        assert_eq!(rung(&mut roster), looks_again);
        assert_eq!(take(&stations[0], 0, 100), Some(7));
    }
    take(&stations[0], 0, 100);
    take(&stations[1], 0, 0);
    let _ = stations[0].look(0, true, at, |job| job);
    let _ = stations[0].hand_out(|lane| lane.extend([8, 9]));
    let dealt = deal(&mut roster, &mut Chunks::new(), None, now(), |_| (), |_| ());
    assert!(dealt.look_again, "the other is to have what waits behind a job that overruns");
}

#[test]
fn a_pool_is_not_quiet_when_a_lease_is_started_just_before_it_is_recalled() {
    let (stations, mut roster) = workers(2);
    let _ = stations[0].hand_out(|lane| lane.extend([7]));
    take(&stations[1], 0, 0);
    take(&stations[1], 1, 0);
    let starts = |_| assert_eq!(take(&stations[0], 0, 0), Some(7));
    let dealt = deal(&mut roster, &mut queue([8]), None, now(), |_| (), starts);
    assert_eq!(take(&stations[1], 0, 0), Some(8));
    take(&stations[1], 0, 0);
    assert!(!dealt.quiet, "the other job runs");
}

#[test]
fn a_worker_that_was_only_slow_is_handed_jobs_again() {
    let (stations, mut roster) = workers(2);
    let now = now();
    take(&stations[0], 0, 0);
    deal(&mut roster, &mut queue([7]), None, now, |_| (), |_| ());
    take(&stations[1], 0, 0);
    deal(&mut roster, &mut Chunks::new(), None, now, |_| (), |_| ());
    deal(&mut roster, &mut Chunks::new(), None, now + PATIENCE, |_| (), |_| ());
    assert_eq!(take(&stations[1], 0, 0), Some(7));
    let mut more = queue([8]);
    assert_eq!(deal(&mut roster, &mut more, None, now + PATIENCE, |_| (), |_| ()).handed_out, 0);
    assert!(stations[0].answer().1.is_some(), "it rings the dispatcher");
    assert_eq!(deal(&mut roster, &mut more, None, now + PATIENCE, |_| (), |_| ()).handed_out, 1);
}

#[test]
fn leases_of_a_stuck_worker_go_before_the_queue() {
    let (stations, mut roster) = workers(2);
    let now = now();
    take(&stations[0], 0, 8);
    deal(&mut roster, &mut queue(0..5), None, now, |_| (), |_| ());
    take(&stations[0], 0, 8);
    take(&stations[1], 0, 0);
    deal(&mut roster, &mut queue([5]), None, now, |_| (), |_| ());
    let later = now + PATIENCE;
    assert_eq!(take_at(&stations[1], 0, 1, later), Some(5), "nobody is stuck yet");
    let mut jobs = queue(6..10);
    deal(&mut roster, &mut jobs, Some(1), later, |_| (), |_| ());
    let next = take_at(&stations[1], 0, 1, later);
    assert_eq!(next, Some(6), "it had something to do, and the other may be back");
    deal(&mut roster, &mut jobs, None, now + BEHIND, |_| (), |_| ());
    take_at(&stations[1], 0, 1, now + BEHIND);
    deal(&mut roster, &mut jobs, None, now + BEHIND, |_| (), |_| ());
    assert_eq!(take_at(&stations[1], 0, 1, now + BEHIND), Some(1));
}

/// A worker's first seat asks at this time; a hundred is what its worker wants ahead.
fn ask_at(station: &Station<u32, u32, ()>, at: Instant) -> Option<u32> {
    take_at(station, 0, 100, at)
}

#[test]
fn what_waits_behind_several_overruns_starts_in_the_order_of_acceptance() {
    let (stations, mut roster) = workers(2);
    let now = now();
    let mut jobs = queue(0..40);
    let seats = [&stations[0], &stations[1]];
    assert_eq!(seats.map(|station| ask_at(station, now)), [None, None]);
    deal(&mut roster, &mut jobs, None, now, |_| (), |_| ());
    assert_eq!(seats.map(|station| ask_at(station, now)), [Some(0), Some(20)], "half for each");
    push(&mut jobs, 40..50);
    // Both overrun, and whoever is back first has the oldest, from wherever it lies.
    for (look, oldest) in (1..).zip(1..20) {
        let later = now + 2 * look * SUPPLY;
        assert_eq!(ask_at(seats[look as usize % 2], later), None);
        deal(&mut roster, &mut jobs, None, later, |_| (), |_| ());
        assert_eq!(ask_at(seats[look as usize % 2], later), Some(oldest));
    }
}

#[test]
fn a_worker_that_runs_a_long_job_is_handed_nothing_of_what_comes_back_whatever_it_asked_for() {
    let (stations, mut roster) = workers(2);
    let now = now();
    ask_at(&stations[0], now);
    deal(&mut roster, &mut queue([0]), None, now, |_| (), |_| ());
    assert_eq!(ask_at(&stations[0], now), Some(0));
    let later = now + PATIENCE;
    assert_eq!(ask_at(&stations[1], later), None);
    roster.give_back(1..9);
    deal(&mut roster, &mut Chunks::new(), None, later, |_| (), |_| ());
    let started: Vec<_> = std::iter::from_fn(|| ask_at(&stations[1], later)).collect();
    assert_eq!(started, Vec::from_iter(1..9));
}

#[test]
fn older_leases_go_before_younger_ones_wherever_they_come_from() {
    let (stations, mut roster) = workers(2);
    let now = now();
    take(&stations[0], 0, 3);
    deal(&mut roster, &mut queue(0..4), None, now, |_| (), |_| ());
    assert_eq!(take(&stations[0], 0, 3), Some(0), "and it runs on and on");
    take(&stations[1], 0, 9);
    let mut jobs = queue(4..9);
    deal(&mut roster, &mut jobs, None, now, |_| (), |_| ());
    assert_eq!(take_at(&stations[1], 0, 20, now + BEHIND), Some(4));
    deal(&mut roster, &mut jobs, None, now + BEHIND, |_| (), |_| ());
    let started: Vec<_> = std::iter::from_fn(|| take(&stations[1], 0, 0)).collect();
    assert_eq!(started, [1, 2, 3, 5, 6, 7, 8]);
}

#[derive(Clone, Debug)]
enum Step {
    Submit(u32),
    /// A seat asks: the worker wants so many ahead.
    Seat(usize, usize),
    Deal,
    Wait,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..20_u32).prop_map(Step::Submit),
        6 => (0..6_usize, 0..10_usize).prop_map(|(seat, ahead)| Step::Seat(seat, ahead)),
        3 => Just(Step::Deal),
        1 => Just(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    /// Two seats at each of three workers; the model is the set of jobs not yet started.
    #[test]
    fn every_job_is_started_once_and_none_is_left_beside_an_idle_seat(
        steps in prop::collection::vec(step(), 200),
    ) {
        let (stations, mut roster) = workers(3);
        let (mut jobs, mut submitted) = (Chunks::new(), 0_u32);
        let mut started = std::collections::BTreeSet::new();
        let mut now = now();
        for step in steps {
            match step {
                Step::Submit(n) => {
                    push(&mut jobs, submitted..submitted + n);
                    submitted += n;
                }
                Step::Seat(seat, ahead) => {
                    if let Some(job) = take(&stations[seat / 2], seat % 2, ahead) {
                        prop_assert!(started.insert(job), "{} started twice", job);
                    }
                }
                Step::Deal => {
                    deal(&mut roster, &mut jobs, None, now, |_| (), |_| ());
                }
                Step::Wait => now += PATIENCE,
            }
        }
        // Whoever still answers works everything off, even if the others are stuck: a job each
        // second time, since it asks only when it is idle.
        for _ in 0..2 * submitted + 10 {
            now += PATIENCE;
            deal(&mut roster, &mut jobs, None, now, |_| (), |_| ());
            if let Some(job) = take(&stations[2], 1, 0) {
                prop_assert!(started.insert(job), "{} started twice", job);
            }
        }
        prop_assert_eq!(started.len(), submitted as usize);
        prop_assert!(jobs.is_empty());
    }
}
