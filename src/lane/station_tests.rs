use std::{mem, sync::Arc, time::Duration};

use crate::{job::Stamp, sizes::SMALL_SUPPLY};

use super::{End, Handover, SUPPLY, Station, Surplus, Survey, station::Next};

fn new(seats: usize) -> Station<u32, u32, u32> {
    sharing(seats, &Arc::new(Surplus::new()))
}

fn sharing(seats: usize, surplus: &Arc<Surplus>) -> Station<u32, u32, u32> {
    Station::new(seats, surplus.clone())
}

fn filled(n: u32) -> Station<u32, u32, u32> {
    let station = new(2);
    let _ = station.hand_out(|queue| queue.extend(0..n));
    station
}

fn ask(station: &Station<u32, u32, u32>, seat: usize, ahead: usize) -> Next {
    station.ask(seat, ahead, Stamp::fixed(), |job| job)
}

/// Also returns the job that ended.
fn turn(
    station: &Station<u32, u32, u32>,
    seat: usize,
    ahead: usize,
) -> (Option<u32>, Option<Handover>) {
    let mut ended = None;
    let note = |job, ended: &mut Option<u32>| (*ended.insert(job), false);
    let exchange = |job: &mut u32, next, ended| note(mem::replace(job, next), ended);
    let turn = station.turn(seat, ahead, Stamp::fixed(), &mut ended, exchange, note);
    let turn = turn.ok();
    (ended, turn)
}

#[test]
fn a_seat_that_finds_nothing_rings_the_dispatcher_once() {
    let station = new(3);
    assert!(ask(&station, 0, 0).ring.is_some());
    assert!(ask(&station, 1, 0).ring.is_none(), "it has been rung and has not looked");
    assert_eq!(station.survey().idle, 2);
    assert!(ask(&station, 2, 0).ring.is_some());
}

#[test]
fn a_seat_whose_lease_another_took_is_hungry_again() {
    let station = new(2);
    let _ = ask(&station, 0, 0);
    assert_eq!(station.survey().hungry(), 1);
    let _ = station.hand_out(|queue| queue.extend([1]));
    assert_eq!(station.survey().hungry(), 0);
    let other = ask(&station, 1, 0);
    assert_eq!((other.found, other.ring.is_some()), (true, true));
}

#[test]
fn a_hand_out_rings_only_when_a_seat_is_idle() {
    let station = new(1);
    let _ = ask(&station, 0, 0);
    assert!(station.hand_out(|queue| queue.extend([1])).is_some());
    assert_eq!(station.answer().0, 1);
    assert!(ask(&station, 0, 0).found);
    assert!(station.hand_out(|queue| queue.extend([2])).is_none(), "the seat will look");
    assert_eq!(turn(&station, 0, 0).0, Some(1));
    assert_eq!(turn(&station, 0, 0).0, Some(2));
}

#[test]
fn a_small_supply_is_renewed_early_so_that_workers_ring_together() {
    let wants = |ahead, waiting| {
        Survey { ahead, waiting, running: 1, present: 1, ..Survey::default() }.wanted()
    };
    let (small, large) = (SMALL_SUPPLY, 2 * SMALL_SUPPLY);
    let left = small - small / 4;
    assert_eq!((wants(small, left + 1), wants(small, left)), (0, small / 4));
    assert_eq!((wants(large, large / 2 + 1), wants(large, large / 2)), (0, large / 2));
}

#[test]
fn the_dispatcher_is_rung_when_half_of_the_supply_is_used() {
    let station = filled(4);
    let _ = station.survey();
    assert!(ask(&station, 0, 4).ring.is_none());
    assert!(turn(&station, 0, 4).1.unwrap().ring.is_some());
    assert_eq!(station.survey().wanted(), 2);
    assert!(turn(&station, 0, 4).1.unwrap().ring.is_none(), "it knows");
}

#[test]
fn a_worker_that_was_given_up_rings_when_it_is_back() {
    let station = filled(2);
    let survey = station.survey();
    assert!(station.give_up(survey.asked));
    assert!(ask(&station, 0, 0).ring.is_some());
    assert!(!station.give_up(survey.asked), "it has asked since");
    assert!(station.give_up(station.survey().asked));
    assert!(station.answer().1.is_some());
}

#[test]
fn where_a_seat_leaves_that_was_woken_another_is_to_be_woken() {
    let surplus = Arc::new(Surplus::new());
    let station = sharing(2, &surplus);
    let _ = (ask(&station, 0, 0), ask(&station, 1, 0));
    let _ = station.hand_out(|queue| queue.extend([1]));
    assert_eq!(station.answer().0, 1);
    let asked = station.survey().asked;
    assert!(station.give_up(asked));
    surplus.add(1);
    assert!(ask(&station, 1, 0).leaves);
    let _ = station.vacate(1);
    assert_eq!(station.answer().0, 1);
    assert!(!station.give_up(asked), "it has answered");
}

#[test]
fn recall_takes_the_youngest_in_order() {
    let station = filled(5);
    assert_eq!(station.recall(2), [3, 4]);
    assert_eq!(station.recall(9), [0, 1, 2]);
}

/// A seat's job ends so much later than this test began.
fn turn_after(station: &Station<u32, u32, u32>, since: Stamp, later: Duration) -> Handover {
    let at = since.after(later);
    station
        .turn(
            0,
            9,
            at,
            (),
            |job, next, ()| (mem::replace(job, next), false),
            |job, ()| (job, false),
        )
        .unwrap()
}

#[test]
fn what_waited_behind_an_overrun_goes_back_before_the_seat_goes_on() {
    let (station, since) = (new(1), Stamp::fixed());
    let _ = station.hand_out(|queue| queue.extend(0..5));
    assert!(station.ask(0, 9, since, |job| job).found);
    assert!(turn_after(&station, since, SUPPLY / 2).found, "a supply is not used up yet");
    let _ = station.survey();
    assert!(!turn_after(&station, since, 2 * SUPPLY).found);
    let next = station.ask(0, 0, since.after(2 * SUPPLY), |job| job);
    assert!(!next.found && next.ring.is_some(), "the dispatcher is to take it back");
    assert_eq!(station.take_back().0, [2, 3, 4]);
    let _ = station.hand_out(|queue| queue.extend([9]));
    assert!(ask(&station, 0, 0).found);
}

#[test]
fn a_worker_is_held_up_while_every_seat_runs_for_long() {
    let (station, since) = (new(2), Stamp::fixed());
    let long = since.after(SUPPLY);
    let _ = station.hand_out(|queue| queue.extend(0..4));
    assert!(!station.survey().is_held_up(long, SUPPLY), "nothing runs: it has not been woken yet");
    assert!(station.ask(0, 9, since, |job| job).found);
    assert!(station.survey().is_held_up(long, SUPPLY));
    assert!(!station.survey().is_held_up(since.after(SUPPLY / 2), SUPPLY));
    assert!(station.ask(1, 9, since.after(SUPPLY / 2), |job| job).found);
    assert!(!station.survey().is_held_up(long, SUPPLY), "its other seat has just begun one");
}

#[test]
fn a_worker_is_quiet_once_its_last_result_is_in_the_outbox() {
    let station = filled(1);
    let _ = ask(&station, 0, 0);
    assert!(!station.survey().is_quiet());
    assert_eq!(turn(&station, 0, 0).0, Some(0));
    assert!(station.survey().is_quiet());
    let mut results = Vec::new();
    assert!(!station.empty(&mut results), "the worker has nothing else to do");
    assert_eq!(results, [0]);
}

#[test]
fn a_seat_can_be_told_to_leave_before_it_asks_after_a_job() {
    let surplus = Arc::new(Surplus::new());
    let station = sharing(1, &surplus);
    let _ = station.hand_out(|queue| queue.extend([0]));
    let _ = ask(&station, 0, 0);
    assert!(
        station.end(0, Stamp::fixed(), |job| End::Result { result: job, urgent: false }).is_some()
    );
    surplus.add(1);
    assert_eq!(station.dismiss(1, false), [0]);
    let _ = station.stay_away(0);
    assert!(station.fail(0).leaves && ask(&station, 0, 0).leaves);
    assert_eq!(station.survey().present, 0);
}

#[test]
fn a_seat_is_live_from_the_end_of_its_job_until_it_asks_but_not_while_it_builds() {
    let station = filled(1);
    let _ = ask(&station, 0, 0);
    assert!(turn(&station, 0, 0).1.is_some_and(|turned| !turned.found));
    assert_eq!(station.survey().live(), 1);
    let _ = ask(&station, 0, 0);
    assert_eq!((station.survey().idle, station.survey().live()), (1, 1));
    let _ = station.hand_out(|queue| queue.extend([0]));
    let _ = ask(&station, 0, 0);
    assert!(
        station.end(0, Stamp::fixed(), |job| End::Result { result: job, urgent: false }).is_some()
    );
    let _ = station.stay_away(0);
    assert_eq!(station.survey().live(), 0);
    assert!(station.fail(0).ring.is_some());
}

#[test]
fn a_seat_that_looks_by_itself_is_not_rung_until_it_has_looked_for_the_last_time() {
    let station = new(1);
    let look = |last| {
        let asked = station.survey().asked;
        let found = station.look(0, last, Stamp::fixed(), |job| job).found;
        assert_eq!(station.survey().asked, asked + 1, "it is not stuck");
        found
    };
    let hand_out = || station.hand_out(|queue| queue.extend([0])).is_some();
    let _ = ask(&station, 0, 0);
    assert!(!look(false) && station.survey().looking);
    assert!(!hand_out(), "it finds it by itself");
    assert!(look(false) && turn(&station, 0, 0).1.is_some());
    let _ = ask(&station, 0, 0);
    assert!(!look(false) && !look(true) && !station.survey().looking);
    assert!(hand_out(), "it is to be rung");
    assert!(look(true), "or finds it, and is rung for nothing");
}

#[test]
fn a_job_is_ended_by_its_seat_or_by_whoever_gave_the_seat_up() {
    let station = filled(2);
    let _ = ask(&station, 0, 0);
    let _ = ask(&station, 1, 0);
    let ended = station.end(0, Stamp::fixed(), |job| End::Result { result: job, urgent: false });
    assert!(ended.is_some_and(|ended| !ended.found && ended.ring.is_none()));
    assert_eq!(station.abandon(), [1]);
    assert_eq!(turn(&station, 1, 0).0, None);
    assert_eq!((station.survey().running, station.survey().idle), (0, 0));
}

#[test]
fn a_dead_worker_is_handed_nothing_and_leaves_everything() {
    let station = filled(3);
    let _ = ask(&station, 0, 8);
    let _ = station.survey();
    assert!(station.die().is_some());
    let survey = station.survey();
    assert_eq!((survey.wanted(), survey.is_quiet(), survey.dead), (0, false, true));
    let remains = station.bury();
    assert_eq!((remains.running.len(), remains.running[0].0, remains.begun), (1, 0, 1));
    assert_eq!(remains.leases, [1, 2]);
    assert!(station.survey().is_quiet());
}

#[test]
fn a_seat_fails_until_it_asks() {
    let station = new(1);
    assert!(station.fail(0).ring.is_some());
    let _ = station.survey();
    assert!(station.fail(0).ring.is_none(), "nothing has changed");
    assert_eq!((station.survey().failing, station.failures()), (1, 2));
    let _ = ask(&station, 0, 0);
    assert_eq!((station.survey().failing, station.survey().live()), (0, 1));
}

#[test]
fn a_seat_that_is_too_many_leaves_when_it_asks_and_starts_nothing() {
    let surplus = Arc::new(Surplus::new());
    let station = sharing(2, &surplus);
    let _ = station.hand_out(|queue| queue.extend(0..3));
    let _ = (ask(&station, 0, 0), ask(&station, 1, 0));
    surplus.add(1);
    assert_eq!(station.dismiss(9, true), [0; 0], "both run");
    let (ended, next) = turn(&station, 0, 5);
    assert_eq!((ended, next.unwrap().found), (Some(0), false));
    let next = ask(&station, 0, 5);
    assert!(next.leaves && next.ring.is_some() && !next.found);
    assert!(turn(&station, 1, 5).1.unwrap().found, "one may stay");
    assert_eq!((station.survey().present, station.survey().running), (1, 1));
    station.vacate(0);
    assert_eq!(station.open(2), [0, 2], "a seat that was left is taken again");
}

#[test]
fn seats_that_run_nothing_leave_at_once() {
    let surplus = Arc::new(Surplus::new());
    let station = sharing(4, &surplus);
    let _ = (ask(&station, 1, 9), station.fail(2));
    surplus.add(4);
    assert_eq!(station.dismiss(9, false), [0, 2, 3]);
    assert_eq!(station.dismiss(9, true), [1]);
    let survey = station.survey();
    assert_eq!((survey.present, survey.live(), survey.wanted()), (0, 0, 0));
    assert!(ask(&station, 3, 9).leaves && station.fail(2).leaves);
    assert!(!surplus.any());
}

#[test]
fn a_lease_can_be_withdrawn_and_a_running_job_found() {
    let station = filled(3);
    let _ = ask(&station, 1, 0);
    assert_eq!(station.withdraw(2), Some(2));
    assert_eq!(station.withdraw(0), None);
    assert_eq!(station.cancel(|&job| (job == 0).then_some(9)), Some(1));
    assert_eq!(station.cancel(|&job| (job == 1).then_some(8)), None);
    let told = station.told(1);
    assert!(told.is_cancelled(9) && !told.is_told(8));
}

#[test]
fn a_job_that_is_to_be_tried_again_is_in_the_lane_until_the_dispatcher_takes_it() {
    let station = filled(1);
    let _ = ask(&station, 0, 0);
    let _ = station.survey();
    let pause = Duration::from_secs(1);
    let ended = station.end(0, Stamp::fixed(), |job| End::Again(job, pause));
    assert!(ended.is_some_and(|ended| ended.ring.is_some()), "the dispatcher hears of it");
    let _ = ask(&station, 0, 0);
    assert!(station.survey().again && !station.survey().is_quiet());
    assert_eq!(station.take_again(), [(0, pause)]);
    assert!(station.survey().is_quiet());
}

#[test]
fn a_job_that_runs_for_too_long_is_ended_over_its_seats_head_and_the_seat_comes_back() {
    let (station, now) = (filled(3), Stamp::fixed());
    let _ = (ask(&station, 0, 0), ask(&station, 1, 0));
    let at = |seconds| now.after(Duration::from_secs(seconds));
    // The first may run for one second, the second for five.
    let deadline = |&job: &u32| Some((at(1 + 4 * u64::from(job)), 7 + u64::from(job)));
    assert!(station.watch(at(5)).is_some());
    let _ = station.survey();
    assert!(station.watch(at(1)).is_some(), "sooner than the dispatcher knew");
    let _ = station.survey();
    assert!(station.watch(at(3)).is_none());
    assert_eq!(station.overdue(at(1), deadline, true), [(0, Some(0))]);
    assert!(station.told(0).is_late(7) && !station.told(0).is_cancelled(7));
    let survey = station.survey();
    assert_eq!((survey.stuck, survey.running, survey.due), (1, 1, Some(at(5))));
    assert_eq!(turn(&station, 0, 0).0, None, "its own end comes too late");
    assert!(station.come_back(0) && !station.come_back(1));
    assert!(ask(&station, 0, 0).found);
    assert_eq!(station.survey().stuck, 0);
}

#[test]
fn a_job_that_runs_for_too_long_can_be_left_to_its_seat() {
    let (station, now) = (filled(1), Stamp::fixed());
    let _ = ask(&station, 0, 0);
    assert_eq!(station.overdue(now, |_| Some((now, 7)), false), [(0, None)]);
    assert!(station.told(0).is_late(7));
    assert_eq!(station.survey().due, None, "it has been told");
    assert_eq!(turn(&station, 0, 0).0, Some(0));
}

#[test]
fn only_a_worker_whose_seats_are_all_stuck_is_written_off() {
    let (station, now) = (filled(2), Stamp::fixed());
    let _ = (ask(&station, 0, 0), ask(&station, 1, 0));
    let first = |&job: &u32| (job == 0).then_some((now, 0));
    station.overdue(now, first, true);
    assert_eq!(station.write_off(), 0, "the other runs");
    station.overdue(now, |_| Some((now, 1)), true);
    assert_eq!((station.write_off(), station.survey().present), (2, 0));
    assert_eq!((station.survey().stuck, station.write_off()), (2, 0), "once");
    assert!(!station.come_back(0) && !station.is_deserted());
    let _ = (station.vacate(0), station.vacate(1));
    assert!(station.is_deserted() && station.survey().stuck == 0);
}
