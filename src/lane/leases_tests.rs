use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::job::Stamp;

use super::{Leases, Surplus, leases::Next};

fn new(seats: usize) -> Leases<u32, u32, u32> {
    sharing(seats, &Arc::new(Surplus::new()))
}

fn sharing(seats: usize, surplus: &Arc<Surplus>) -> Leases<u32, u32, u32> {
    Leases::new(seats, surplus.clone())
}

fn filled(n: u32) -> Leases<u32, u32, u32> {
    let leases = new(2);
    let _ = leases.hand_out(|queue| queue.extend(0..n));
    leases
}

fn ask(leases: &Leases<u32, u32, u32>, seat: usize, ahead: usize) -> Next {
    leases.ask(seat, ahead, |job| job)
}

/// Also returns the job that ended.
fn turn(leases: &Leases<u32, u32, u32>, seat: usize, ahead: usize) -> (Option<u32>, Option<Next>) {
    let mut ended = None;
    let turn = leases.turn(seat, ahead, |job, next| {
        ended = Some(job);
        next
    });
    (ended, turn)
}

#[test]
fn a_seat_that_finds_nothing_rings_the_dispatcher_once() {
    let leases = new(3);
    assert!(ask(&leases, 0, 0).ring.is_some());
    assert!(ask(&leases, 1, 0).ring.is_none(), "it has been rung and has not looked");
    assert_eq!(leases.survey().idle, 2);
    assert!(ask(&leases, 2, 0).ring.is_some());
}

#[test]
fn a_seat_whose_lease_another_took_is_hungry_again() {
    let leases = new(2);
    let _ = ask(&leases, 0, 0);
    assert_eq!(leases.survey().hungry(), 1);
    let _ = leases.hand_out(|queue| queue.push_back(1));
    assert_eq!(leases.survey().hungry(), 0);
    let other = ask(&leases, 1, 0);
    assert_eq!((other.found, other.ring.is_some()), (true, true));
}

#[test]
fn a_hand_out_rings_only_when_a_seat_is_idle() {
    let leases = new(1);
    let _ = ask(&leases, 0, 0);
    assert!(leases.hand_out(|queue| queue.push_back(1)).is_some());
    assert_eq!(leases.answer().0, 1);
    assert!(ask(&leases, 0, 0).found);
    assert!(leases.hand_out(|queue| queue.push_back(2)).is_none(), "the seat will look");
    assert_eq!(turn(&leases, 0, 0).0, Some(1));
    assert_eq!(turn(&leases, 0, 0).0, Some(2));
}

#[test]
fn the_dispatcher_is_rung_when_half_of_the_supply_is_used() {
    let leases = filled(4);
    let _ = leases.survey();
    assert!(ask(&leases, 0, 4).ring.is_none());
    assert!(turn(&leases, 0, 4).1.unwrap().ring.is_some());
    assert_eq!(leases.survey().wanted(), 2);
    assert!(turn(&leases, 0, 4).1.unwrap().ring.is_none(), "it knows");
}

#[test]
fn a_worker_that_was_given_up_rings_when_it_is_back() {
    let leases = filled(2);
    let survey = leases.survey();
    assert!(leases.give_up(survey.asked));
    assert!(ask(&leases, 0, 0).ring.is_some());
    assert!(!leases.give_up(survey.asked), "it has asked since");
    assert!(leases.give_up(leases.survey().asked));
    assert!(leases.answer().1.is_some());
}

#[test]
fn recall_takes_the_youngest_in_order() {
    let leases = filled(5);
    assert_eq!(leases.recall(2), [3, 4]);
    assert_eq!(leases.recall(9), [0, 1, 2]);
}

#[test]
fn rescue_takes_the_oldest_in_order() {
    let leases = filled(5);
    assert_eq!(leases.rescue(2), [0, 1]);
    assert_eq!(leases.rescue(9), [2, 3, 4]);
}

#[test]
fn a_worker_is_quiet_only_after_its_last_result_was_put() {
    let leases = filled(1);
    let _ = ask(&leases, 0, 0);
    assert!(!leases.survey().is_quiet());
    assert_eq!(turn(&leases, 0, 0).0, Some(0));
    assert!(!leases.survey().is_quiet(), "the result is on the way to the outbox");
    let _ = ask(&leases, 0, 0);
    assert!(leases.survey().is_quiet());
}

#[test]
fn a_job_is_ended_by_its_seat_or_by_whoever_gave_the_seat_up() {
    let leases = filled(2);
    let _ = ask(&leases, 0, 0);
    let _ = ask(&leases, 1, 0);
    let mut ended = None;
    let end = |job| {
        ended = Some(job);
        None
    };
    assert!(leases.end(0, end).is_some_and(|apart| !apart.more && apart.ring.is_none()));
    assert_eq!(ended, Some(0));
    assert_eq!(leases.abandon(), [1]);
    assert_eq!(turn(&leases, 1, 0).0, None);
    assert_eq!((leases.survey().running, leases.survey().idle), (1, 0));
}

#[test]
fn a_dead_worker_is_handed_nothing_and_leaves_everything() {
    let leases = filled(3);
    let _ = ask(&leases, 0, 8);
    let _ = leases.survey();
    assert!(leases.die().is_some());
    let survey = leases.survey();
    assert_eq!((survey.wanted(), survey.is_quiet(), survey.dead), (0, false, true));
    let remains = leases.bury();
    assert_eq!((remains.running.len(), remains.running[0].0, remains.begun), (1, 0, 1));
    assert_eq!(remains.leases, [1, 2]);
    assert!(leases.survey().is_quiet());
}

#[test]
fn a_seat_fails_until_it_asks() {
    let leases = new(1);
    assert!(leases.fail(0).ring.is_some());
    let _ = leases.survey();
    assert!(leases.fail(0).ring.is_none(), "nothing has changed");
    assert_eq!((leases.survey().failing, leases.failures()), (1, 2));
    let _ = ask(&leases, 0, 0);
    assert_eq!((leases.survey().failing, leases.survey().live()), (0, 1));
}

#[test]
fn a_seat_that_is_too_many_leaves_when_it_asks_and_starts_nothing() {
    let surplus = Arc::new(Surplus::new());
    let leases = sharing(2, &surplus);
    let _ = leases.hand_out(|queue| queue.extend(0..3));
    let _ = (ask(&leases, 0, 0), ask(&leases, 1, 0));
    surplus.add(1);
    assert_eq!(leases.dismiss(9, true), [0; 0], "both run");
    let (ended, next) = turn(&leases, 0, 5);
    assert_eq!((ended, next.unwrap().found), (Some(0), false));
    let next = ask(&leases, 0, 5);
    assert!(next.leaves && next.ring.is_some() && !next.found);
    assert!(turn(&leases, 1, 5).1.unwrap().found, "one may stay");
    assert_eq!((leases.survey().present, leases.survey().running), (1, 1));
    leases.vacate(0);
    assert_eq!(leases.open(2), [0, 2], "a seat that was left is taken again");
}

#[test]
fn seats_that_run_nothing_leave_at_once() {
    let surplus = Arc::new(Surplus::new());
    let leases = sharing(4, &surplus);
    let _ = (ask(&leases, 1, 9), leases.fail(2));
    surplus.add(4);
    assert_eq!(leases.dismiss(9, false), [0, 2, 3]);
    assert_eq!(leases.dismiss(9, true), [1]);
    let survey = leases.survey();
    assert_eq!((survey.present, survey.live(), survey.wanted()), (0, 0, 0));
    assert!(ask(&leases, 3, 9).leaves && leases.fail(2).leaves);
    assert!(!surplus.any());
}

#[test]
fn a_lease_can_be_withdrawn_and_a_running_job_found() {
    let leases = filled(3);
    let _ = ask(&leases, 1, 0);
    assert_eq!(leases.withdraw(|&job| job == 2), Some(2));
    assert_eq!(leases.withdraw(|&job| job == 0), None);
    assert_eq!(leases.cancel(|&job| (job == 0).then_some(9)), Some(1));
    assert_eq!(leases.cancel(|&job| (job == 1).then_some(8)), None);
    let told = leases.told(1);
    assert!(told.is_cancelled(9) && !told.is_told(8));
}

#[test]
fn a_job_that_is_to_be_tried_again_is_in_the_lane_until_the_dispatcher_takes_it() {
    let leases = filled(1);
    let _ = ask(&leases, 0, 0);
    let _ = leases.survey();
    let pause = Duration::from_secs(1);
    let apart = leases.end(0, |job| Some((job, pause)));
    assert!(apart.is_some_and(|apart| apart.ring.is_some()), "the dispatcher hears of it");
    let _ = ask(&leases, 0, 0);
    assert!(leases.survey().again && !leases.survey().is_quiet());
    assert_eq!(leases.ended(), 0, "no result is owed");
    assert_eq!(leases.take_again(), [(0, pause)]);
    assert!(leases.survey().is_quiet());
}

#[test]
fn a_job_that_runs_for_too_long_is_ended_over_its_seats_head_and_the_seat_comes_back() {
    let (leases, now) = (filled(3), Stamp::of(Instant::now()));
    let _ = (ask(&leases, 0, 0), ask(&leases, 1, 0));
    let at = |seconds| now.after(Duration::from_secs(seconds));
    // The first may run for one second, the second for five.
    let deadline = |&job: &u32| Some((at(1 + 4 * u64::from(job)), 7 + u64::from(job)));
    assert!(leases.watch(at(5)).is_some());
    let _ = leases.survey();
    assert!(leases.watch(at(1)).is_some(), "sooner than the dispatcher knew");
    let _ = leases.survey();
    assert!(leases.watch(at(3)).is_none());
    assert_eq!(leases.overdue(at(1), deadline, true), [(0, Some(0))]);
    assert!(leases.told(0).is_late(7) && !leases.told(0).is_cancelled(7));
    let survey = leases.survey();
    assert_eq!((survey.stuck, survey.running, survey.due), (1, 1, Some(at(5))));
    assert_eq!(turn(&leases, 0, 0).0, None, "its own end comes too late");
    assert!(leases.come_back(0) && !leases.come_back(1));
    assert!(ask(&leases, 0, 0).found);
    assert_eq!(leases.survey().stuck, 0);
}

#[test]
fn a_job_that_runs_for_too_long_can_be_left_to_its_seat() {
    let (leases, now) = (filled(1), Stamp::of(Instant::now()));
    let _ = ask(&leases, 0, 0);
    assert_eq!(leases.overdue(now, |_| Some((now, 7)), false), [(0, None)]);
    assert!(leases.told(0).is_late(7));
    assert_eq!(leases.survey().due, None, "it has been told");
    assert_eq!(turn(&leases, 0, 0).0, Some(0));
}

#[test]
fn only_a_worker_whose_seats_are_all_stuck_is_written_off() {
    let (leases, now) = (filled(2), Stamp::of(Instant::now()));
    let _ = (ask(&leases, 0, 0), ask(&leases, 1, 0));
    let first = |&job: &u32| (job == 0).then_some((now, 0));
    leases.overdue(now, first, true);
    assert_eq!(leases.write_off(), 0, "the other runs");
    leases.overdue(now, |_| Some((now, 1)), true);
    assert_eq!((leases.write_off(), leases.survey().present), (2, 0));
    assert_eq!((leases.survey().stuck, leases.write_off()), (2, 0), "once");
    assert!(!leases.come_back(0) && !leases.is_deserted());
    let _ = (leases.vacate(0), leases.vacate(1));
    assert!(leases.is_deserted() && leases.survey().stuck == 0);
}
