use std::{cell::Cell, collections::BTreeSet};

use proptest::prelude::*;

use crate::lane::Waits;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    PushBack,
    PushBatch(usize),
    Insert(usize),
    Remove(usize),
    PopFront,
    PopBack,
    Append(usize),
    MoveFront(usize),
    HandOver(usize),
    TakeYoungest(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::PushBack),
        1 => (0..2 * CHUNK).prop_map(Step::PushBatch),
        1 => (0..4 * CHUNK).prop_map(Step::Insert),
        1 => (0..4 * CHUNK).prop_map(Step::Remove),
        1 => Just(Step::PopFront),
        1 => Just(Step::PopBack),
        1 => (0..2 * CHUNK).prop_map(Step::Append),
        1 => (0..2 * CHUNK).prop_map(Step::MoveFront),
        1 => (0..2 * CHUNK).prop_map(Step::HandOver),
        1 => (0..CHUNK / 2).prop_map(Step::TakeYoungest),
    ]
}

#[test]
fn a_queue_that_was_long_keeps_few_buffers() {
    let mut chunks = Chunks::new();
    chunks.extend(0..1_000 * CHUNK as u32);
    let mut kept = Vec::new();
    while chunks.pop_front().is_some() {
        kept.push(chunks.spares.len());
        assert!(chunks.spares.len() <= 4 * chunks.chunks.len() + SPARES);
    }
    assert!(kept.iter().max() > Some(&500) && chunks.spares.len() == KEPT);
}

#[test]
fn a_job_between_batches_takes_up_no_room_for_others() {
    let mut chunks = Chunks::new();
    for n in 0..9 {
        chunks.push_batch((0..100).collect(), n * 1_000);
        chunks.push_back(n * 1_000 + 100);
    }
    let rooms = chunks.chunks.iter().filter_map(|chunk| match &chunk.jobs {
        Content::Each(jobs) => Some(jobs.capacity()),
        Content::Batch { .. } => None,
    });
    assert!(rooms.clone().count() == 9 && rooms.max() < Some(10));
}

thread_local! {
    static LOOKS: Cell<usize> = const { Cell::new(0) };
}

/// Counts how often somebody looks at an id.
struct Seen(u32);

impl Waits for Seen {
    type Id = u32;
    type Place = u32;

    fn id(&self) -> u32 {
        LOOKS.set(LOOKS.get() + 1);
        self.0
    }

    fn place(&self) -> u32 {
        self.0
    }
}

impl Batched for Seen {
    type Bare = ();
    type Common = u32;

    fn known_by((): &(), common: u32, n: usize) -> (u32, u32) {
        (Self::whole((), common, n).id(), common)
    }

    fn whole((): (), common: u32, n: usize) -> Self {
        Self(common + n as u32)
    }
}

#[test]
fn a_removal_looks_at_what_came_since_the_last_one_and_where_the_job_may_be() {
    let mut chunks = Chunks::new();
    let batch = |n: u32| (VecDeque::from(vec![(); CHUNK]), n * CHUNK as u32);
    let looks = |chunks: &mut Chunks<Seen>, id: usize| {
        LOOKS.set(0);
        let found = chunks.remove(id as u32).map(|job| job.0);
        (found, LOOKS.get())
    };
    for n in 0..100 {
        let (jobs, common) = batch(n);
        chunks.push_batch(jobs, common);
    }
    let (found, all) = looks(&mut chunks, 200 * CHUNK);
    assert!(found.is_none() && all <= 101 * CHUNK);
    let (found, some) = looks(&mut chunks, 50 * CHUNK);
    assert!(found.is_some() && some <= 2 * CHUNK, "{some}");
    assert_eq!(looks(&mut chunks, 200 * CHUNK), (None, 0));
    let (jobs, common) = batch(200);
    chunks.push_batch(jobs, common);
    chunks.push_back(Seen(250 * CHUNK as u32));
    let (found, new) = looks(&mut chunks, 250 * CHUNK);
    assert!(found.is_some() && new <= 2 * CHUNK, "{new}");
    assert_eq!(chunks.batches(), 100, "all but the one from whose midst a job was removed");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn chunks_are_a_queue(steps in prop::collection::vec(step(), 200)) {
        let (mut chunks, mut model) = (Chunks::new(), VecDeque::new());
        let (mut others, mut handed_over) = (Chunks::new(), VecDeque::new());
        // Spread out, so that others fit in between.
        let mut next = (0..).step_by(2 * CHUNK);
        for step in steps {
            match step {
                Step::PushBack => {
                    let Some(job) = next.next() else { unreachable!() };
                    chunks.push_back(job);
                    model.push_back(job);
                }
                Step::PushBatch(n) => {
                    let Some(common) = next.next() else { unreachable!() };
                    chunks.push_batch((0..n).collect(), common);
                    model.extend((0..n as u32).map(|n| common + n));
                }
                Step::Insert(at) => {
                    let behind = model.get(at % model.len().max(1));
                    let job = behind.map_or(0, |job: &u32| job.saturating_sub(1));
                    chunks.insert(job);
                    model.insert(model.partition_point(|&other| other < job), job);
                }
                Step::Remove(at) => {
                    let found = chunks.ids().nth(at);
                    if let Some(job) = found {
                        prop_assert_eq!(chunks.remove(job), Some(job));
                        model.remove(model.partition_point(|&other| other < job));
                    }
                }
                Step::PopFront => prop_assert_eq!(chunks.pop_front(), model.pop_front()),
                Step::PopBack => prop_assert_eq!(chunks.pop_back(), model.pop_back()),
                Step::Append(n) => {
                    let jobs: Vec<_> = next.by_ref().take(n).collect();
                    let mut more = Chunks::new();
                    // Its first chunk is empty, and another kind than the second.
                    let batch = jobs.len() % 2;
                    more.push_batch((0..batch).collect(), 0);
                    more.extend([0].into_iter().skip(batch));
                    more.pop_front();
                    match jobs.first() {
                        Some(&first) if batch == 0 => {
                            more.push_batch((0..jobs.len()).collect(), first);
                            model.extend((0..).map(|n| first + n).take(jobs.len()));
                        }
                        _ => {
                            more.extend(jobs.iter().copied());
                            model.extend(jobs);
                        }
                    }
                    chunks.append(&mut more);
                    prop_assert!(more.is_empty());
                }
                Step::MoveFront(n) => {
                    let mut moved = VecDeque::new();
                    chunks.move_front(n, &mut moved);
                    let expected: VecDeque<_> = model.drain(..n.min(model.len())).collect();
                    prop_assert_eq!(moved, expected);
                }
                Step::HandOver(n) => {
                    chunks.hand_over(n, &mut others);
                    handed_over.extend(model.drain(..n.min(model.len())));
                    prop_assert!(others.ids().eq(handed_over.iter().copied()));
                    prop_assert_eq!(others.len(), handed_over.len());
                }
                Step::TakeYoungest(n) => {
                    let youngest = model.split_off(model.len().saturating_sub(n));
                    prop_assert_eq!(chunks.take_youngest(n), youngest);
                }
            }
            prop_assert_eq!(chunks.len(), model.len());
            let sizes = chunks.chunks.iter().map(|chunk| chunk.jobs.len());
            prop_assert!(sizes.skip(1).all(|len| len > 0));
            prop_assert_eq!(chunks.first_place(), model.front().copied());
            prop_assert_eq!(chunks.last_place(), model.back().copied());
        }
    }
}

#[derive(Clone, Debug)]
enum Turn {
    Append(u32),
    /// As many that came together.
    AppendBatch(u32),
    Remove(prop::sample::Index),
    PopOldest,
    PopYoungest,
    HandOut(usize),
    HandOver(usize),
    /// Some of what was handed out comes back.
    GiveBack(usize),
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        2 => (0..700_u32).prop_map(Turn::Append),
        1 => (0..700_u32).prop_map(Turn::AppendBatch),
        3 => any::<prop::sample::Index>().prop_map(Turn::Remove),
        1 => Just(Turn::PopOldest),
        1 => Just(Turn::PopYoungest),
        1 => (0..900_usize).prop_map(Turn::HandOut),
        2 => (0..900_usize).prop_map(Turn::HandOver),
        1 => (0..100_usize).prop_map(Turn::GiveBack),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    /// The model is a sorted set: every job's number is its place.
    #[test]
    fn jobs_leave_in_order_whatever_was_removed_or_given_back(
        steps in prop::collection::vec(turn(), 100),
    ) {
        let mut queue = Chunks::new();
        let mut model = BTreeSet::new();
        let (mut next, mut out) = (0, VecDeque::new());
        let mut lane = Chunks::new();
        for step in steps {
            match step {
                Turn::Append(n) | Turn::AppendBatch(n) => {
                    let mut incoming = Chunks::new();
                    match step {
                        Turn::AppendBatch(n) => incoming.push_batch((0..n as usize).collect(), next),
                        _ => incoming.extend(next..next + n),
                    }
                    queue.append(&mut incoming);
                    model.extend(next..next + n);
                    next += n;
                }
                Turn::Remove(at) if next > 0 => {
                    let id = u32::try_from(at.index(next as usize)).unwrap();
                    prop_assert_eq!(queue.remove(id).is_some(), model.remove(&id));
                }
                Turn::Remove(_) => {}
                Turn::PopOldest => {
                    prop_assert_eq!(queue.first_place(), model.first().copied());
                    prop_assert_eq!(queue.pop_front(), model.pop_first());
                }
                Turn::PopYoungest => {
                    prop_assert_eq!(queue.last_place(), model.last().copied());
                    prop_assert_eq!(queue.pop_back(), model.pop_last());
                }
                Turn::HandOut(n) => {
                    out.clear();
                    queue.move_front(n, &mut out);
                    let expected: VecDeque<_> =
                        iter::from_fn(|| model.pop_first()).take(n).collect();
                    prop_assert_eq!(&out, &expected);
                }
                Turn::HandOver(n) => {
                    // Its first chunk may be an empty one.
                    queue.hand_over(n, &mut lane);
                    let expected: Vec<_> =
                        iter::from_fn(|| model.pop_first()).take(n).collect();
                    prop_assert!(lane.ids().eq(expected));
                    out = lane.take_youngest(lane.len() / 2);
                    (0..lane.len()).for_each(|_| _ = lane.pop_front());
                }
                Turn::GiveBack(n) => {
                    let back = out.split_off(out.len().saturating_sub(n));
                    model.extend(&back);
                    queue.give_back(back);
                }
            }
            prop_assert_eq!(queue.len(), model.len());
        }
        prop_assert_eq!(queue.take_all(), VecDeque::from_iter(model));
    }
}
