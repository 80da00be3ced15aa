//! The workers, as their actors would be, but for the threads.

use std::{rc::Rc, sync::Arc, time::Duration};

use futures::{executor::LocalPool, task::LocalSpawnExt};

use crate::{
    job::{Inside, Staff, Stamp, WorkStation, WorkerId},
    message::Origin,
    work::{BlockingSeat, Hooks, Life, Post, Terms, Work},
};

use super::{
    case::Failure,
    mail::{Mail, Message},
    ticks::Ticks,
};

pub(crate) enum Worker {
    Blocking(Box<BlockingSeat<u64, u64, Failure>>),
    Async { post: Rc<Post<u64, u64, Failure>>, seats: LocalPool },
}

impl Worker {
    pub(crate) fn new(
        work: &Work<u64, u64, Failure>,
        number: usize,
        station: Arc<WorkStation<u64, u64, Failure>>,
        staff: Staff,
        inside: &Arc<Inside<u64, u64, Failure>>,
        (mail, clock): (&Arc<Mail>, &Arc<Ticks>),
    ) -> Result<Self, String> {
        let inbox = inside.inbox.clone();
        let ring_dispatcher = Box::new(move |ring| inbox.ring(Some(ring)));
        let life = Life::new(station, inside.clone(), ring_dispatcher);
        let terms =
            Terms { grace: Duration::ZERO, timeout: None, retry: None, prefetch: usize::MAX };
        let post = Post::new(life, hooks(number, mail.clone(), clock.clone()), terms);
        match work {
            Work::Blocking(build) => {
                let id = staff.first().map_or(WorkerId(0), |&(_, id)| id);
                Ok(Self::Blocking(Box::new(BlockingSeat::new(post, id, build.clone()))))
            }
            Work::Async(serve) => {
                let (post, seats) = (Rc::new(post), LocalPool::new());
                for (seat, id) in staff {
                    let seat = serve(post.clone(), id, seat);
                    seats.spawner().spawn_local(seat).map_err(|error| error.to_string())?;
                }
                Ok(Self::Async { post, seats })
            }
        }
    }

    /// It has started: its seats ask for jobs.
    pub(crate) fn start(&mut self) -> Result<(), String> {
        self.work()
    }

    /// It was rung: there are leases.
    pub(crate) fn wake(&mut self) -> Result<(), String> {
        if let Self::Async { post, .. } = self {
            post.wake();
        }
        self.work()
    }

    /// Works until there is nothing to do.
    fn work(&mut self) -> Result<(), String> {
        match self {
            Self::Blocking(seat) => match seat.work() {
                Some(_) => Err("a processor was not built".into()),
                None => Ok(()),
            },
            Self::Async { seats, .. } => {
                seats.run_until_stalled();
                Ok(())
            }
        }
    }
}

fn hooks(number: usize, mail: Arc<Mail>, clock: Arc<Ticks>) -> Hooks {
    Hooks {
        now: Box::new(move || Stamp::of(clock.now())),
        sleep: Box::new(|_| unreachable!("no job is told to stop, and every processor is built")),
        ring_collector: Box::new(move || mail.send(Message::Collect(Origin::Worker(number)))),
        chance: Box::new(|| 0),
        look_again: Box::new(|_| false),
    }
}
