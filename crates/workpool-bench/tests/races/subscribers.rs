use workpool_bench::{
    Queue, Shutdown,
    check::Kind,
    scene::{Act, Conduct, Gate, Plan, Sent, Told, spawn_beside},
};

use crate::support::{MS, any_form, explore, let_go, pool, pool_of, some_work};

#[test]
fn a_subscriber_who_panics_or_stops_is_removed_and_counted_and_the_others_get_everything() {
    explore(|sim| async move {
        let (stage, listener) = pool(sim, 2).await;
        let (panics_at, stops_at) = if sim.chance(500) { (Some(2), None) } else { (None, Some(2)) };
        stage.listen(Conduct { panics_at, stops_at, ..Conduct::default() }).await;
        for _ in 0..6 {
            stage.submit(Sent::Try, some_work(sim)).await;
            sim.while_others_run().await;
        }
        sim.quiet().await;
        // One more finds it gone, whatever it had in its mailbox when it went.
        stage.submit(Sent::Try, some_work(sim)).await;
        sim.quiet().await;
        let status = stage.status().await;
        sim.expect(status.as_ref().is_some_and(|status| status.subscribers_gone == 1), || {
            format!("{status:?}")
        });
        sim.expect(sim.heard(listener) == 7, || format!("{} heard", sim.heard(listener)));
        let_go(stage).await;
    });
}

#[test]
fn subscribers_who_come_and_go_hear_of_all_that_is_submitted_while_they_are_there() {
    explore(|sim| async move {
        let (stage, _) = pool(sim, 2).await;
        for _ in 0..3 {
            let feeder = stage.clone();
            stage.spawn("a submitter", async move {
                for _ in 0..3 {
                    feeder.submit(Sent::Submit, some_work(feeder.sim)).await;
                }
            });
            let batches = sim.chance(500).then_some((2, MS));
            let subscription = stage.listen(Conduct { batches, ..Conduct::default() }).await;
            if let Some(subscription) = subscription.filter(|_| sim.chance(500)) {
                sim.while_others_run().await;
                stage.stop_listening(subscription).await;
            }
        }
        sim.quiet().await;
        let_go(stage).await;
    });
}

#[test]
fn while_a_window_is_full_no_job_is_handed_out() {
    explore(|sim| async move {
        let (stage, _) = pool(sim, 2).await;
        let room = 1 + sim.below(3);
        let mut reader = stage.stream(room);
        reader.hold_back(true);
        for _ in 0..2 * room + 2 {
            stage.submit(Sent::Try, some_work(sim)).await;
        }
        sim.quiet().await;
        let started = sim.jobs().into_iter().filter(|&job| sim.has_started(job)).count();
        sim.expect(started == room, || format!("invariant 7: {started} of {room} were started"));
        stage.spawn("a reader", reader.read_on(sim));
        sim.quiet().await;
        for job in sim.jobs() {
            sim.expect_kind(job, Kind::Succeeded);
        }
        let_go(stage).await;
    });
}

#[test]
fn a_window_that_stays_full_is_freed_by_the_deadline_of_a_shutdown() {
    explore(|sim| async move {
        let (stage, _) = pool(sim, 2).await;
        let mut reader = stage.stream(1);
        reader.hold_back(true);
        for _ in 0..4 {
            stage.submit(Sent::Try, some_work(sim)).await;
        }
        sim.quiet().await;
        let report = stage.shutdown(Shutdown::Drain(MS * 20)).await;
        let fine = report.as_ref().is_ok_and(|report| report.counts.cancelled == 3);
        sim.expect(fine, || format!("{report:?}"));
        let read = reader.read_all();
        sim.expect(read == 4, || format!("invariant 3: {read} of 4 results are in the stream"));
    });
}

#[test]
fn a_reader_who_leaves_holds_back_nobody() {
    explore(|sim| async move {
        let (stage, _) = pool(sim, 2).await;
        let mut reader = stage.stream(1);
        reader.hold_back(true);
        let gate = Gate::closed();
        for _ in 0..4 {
            stage.submit(Sent::Try, vec![Act::Wait(gate)]).await;
        }
        sim.while_others_run().await;
        gate.open();
        sim.while_others_run().await;
        drop(reader);
        sim.quiet().await;
        for job in sim.jobs() {
            sim.expect_kind(job, Kind::Succeeded);
        }
        let_go(stage).await;
    });
}

#[test]
fn a_windowed_subscriber_who_waits_in_its_handler_on_a_full_pool_is_reported_and_ended_by_a_shutdown()
 {
    explore(|sim| async move {
        let (stage, _) = pool_of(sim, Plan::of(any_form(sim, 2)).queue(Queue::bounded(1))).await;
        let gate = Gate::closed();
        let conduct = Conduct { window: Some(1), blocks: Some(gate), ..Conduct::default() };
        stage.listen(conduct).await;
        stage.submit(Sent::Submit, some_work(sim)).await;
        sim.exhausted().await;
        stage.submit(Sent::Submit, some_work(sim)).await;
        // On the thread of the scene: the other one is blocked.
        let (last, answer) = stage.begin(Sent::Submit, some_work(sim));
        spawn_beside("one who waits for room", async move { _ = answer.await });
        sim.quiet().await;
        sim.expect(!sim.has_started(2) && !sim.has_started(last), || "the window is full".into());
        let status = stage.status().await;
        sim.expect(status.as_ref().is_some_and(|status| status.stall.is_some()), || {
            format!("{status:?}")
        });
        let report = stage.shutdown(Shutdown::Drain(MS * 20)).await;
        let fine = report.as_ref().is_ok_and(|report| report.counts.cancelled == 1);
        sim.expect(fine, || format!("{report:?}"));
        gate.open();
        sim.quiet().await;
    });
}

#[test]
fn what_a_subscriber_without_room_heard_and_missed_is_all_there_was() {
    explore(|sim| async move {
        let (stage, _) = pool(sim, 2).await;
        let told = [Told::Itself, Told::Another][sim.below(2)];
        let batches = sim.chance(300).then_some((2, MS));
        let window = Some(1 + sim.below(3));
        let conduct = Conduct { window, misses: Some(told), batches, ..Conduct::default() };
        let subscription = stage.listen(Conduct { drained: sim.chance(500), ..conduct }).await;
        for _ in 0..3 {
            stage.submit(Sent::Batch(6), Vec::new()).await;
            sim.while_others_run().await;
        }
        // The books add up what it heard and missed, also where it leaves before the end.
        let subscription = subscription.filter(|_| sim.chance(500));
        if let Some(subscription) = subscription {
            stage.stop_listening(subscription).await;
        }
        sim.quiet().await;
        let (status, told) = (stage.status().await, sim.missed(1));
        let missed = status.map_or(0, |status| status.missed);
        // While it stays, it may not have been told yet.
        let fits = told == missed || subscription.is_none() && told < missed;
        sim.expect(fits, || format!("told of {told} of {missed}"));
        let_go(stage).await;
    });
}

#[test]
fn a_weak_subscriber_whom_nobody_holds_is_removed_and_the_others_get_everything() {
    explore(|sim| async move {
        let (stage, listener) = pool(sim, 2).await;
        let window = sim.chance(500).then_some(2);
        let misses = [None, Some(Told::Itself), Some(Told::Another)][sim.below(3)];
        let conduct =
            Conduct { weak: true, window, misses: window.and(misses), ..Conduct::default() };
        let weak = stage.listen(conduct).await.map_or(usize::MAX, |(number, _)| number);
        stage.submit(Sent::Batch(3), some_work(sim)).await;
        sim.quiet().await;
        let (heard, missed) = (sim.heard(weak), sim.missed(weak));
        sim.expect(heard + missed == 3, || format!("heard {heard}, missed {missed}"));
        stage.let_go_of(weak);
        sim.quiet().await;
        stage.submit(Sent::Batch(3), some_work(sim)).await;
        sim.quiet().await;
        let status = stage.status().await;
        sim.expect(status.as_ref().is_some_and(|status| status.subscribers_gone == 1), || {
            format!("{status:?}")
        });
        sim.expect(sim.heard(listener) == 6, || format!("{} heard", sim.heard(listener)));
        let_go(stage).await;
    });
}
