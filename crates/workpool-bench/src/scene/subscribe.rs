//! How listeners come and go.

use std::{any::Any, collections::HashMap};

use actix::Addr;

use crate::{
    Subscribe, SubscriptionId,
    runtime::ArbiterHandle,
    sim::{self, Sim},
};

use super::{
    listener::{Conduct, Listener, Told, leaves},
    stage::Stage,
    task::{Failure, Output, Task},
};

/// The actors of weak subscriptions, by the numbers of their listeners: nobody else holds them.
pub(crate) type Kept = HashMap<usize, Vec<Box<dyn Any>>>;

type Wanted = Subscribe<Task, Output, Failure>;

impl Stage {
    /// Subscribes someone. Returns their number, once they are subscribed, and how to end that.
    pub async fn listen(&self, conduct: Conduct) -> Option<(usize, SubscriptionId)> {
        let number = self.enlist(&conduct);
        sim::note(|| format!("listener {number} is to be {conduct:?}"));
        let addr = self.start(number, conduct);
        self.may_be_marked(addr.downgrade().recipient());
        let results = self.wants(number, conduct, &addr);
        if conduct.weak {
            keep(number, addr.clone());
        }
        if conduct.drained {
            // First, so that it misses none that results were counted for.
            let drained = Subscribe::drained(addr.clone().recipient());
            let drained = if conduct.weak { drained.weak() } else { drained };
            self.pool.subscribe(drained).await.ok()?;
        }
        drop(addr);
        self.asks(number);
        let id = self.pool.subscribe(results).await.ok()?;
        self.joined(number);
        Some((number, id))
    }

    fn start(&self, number: usize, conduct: Conduct) -> Addr<Listener> {
        let pool = (conduct.submits > 0).then(|| (self.number, self.pool.clone()));
        let listener = Listener { number, conduct, heard: 0, pool };
        // Not the home thread, nor that of the scene, for one that blocks it.
        let thread = match conduct.blocks {
            None => any_thread(self.sim),
            Some(_) => ArbiterHandle(2),
        };
        sim::start(&thread, "", move |_| listener)
    }

    fn wants(&self, number: usize, conduct: Conduct, addr: &Addr<Listener>) -> Wanted {
        let results = match conduct.batches {
            None => Subscribe::results(addr.clone().recipient()),
            Some((len, age)) => {
                Subscribe::batches(addr.clone().recipient()).max_len(len).max_age(age)
            }
        };
        let results = if conduct.weak { results.weak() } else { results };
        let results = match conduct.window {
            None => return results,
            Some(window) => results.window(window),
        };
        match conduct.misses {
            None => {
                sim::with(|world| world.ledger.write(|books| books.streams += 1));
                results
            }
            Some(Told::Itself) => results.on_missed(addr.clone().recipient()),
            Some(Told::Another) => {
                let listener =
                    Listener { number, conduct: Conduct::default(), heard: 0, pool: None };
                let another = sim::start(&any_thread(self.sim), "", move |_| listener);
                if conduct.weak {
                    keep(number, another.clone());
                }
                results.on_missed(another.recipient())
            }
        }
    }

    /// Ends a subscription.
    pub async fn stop_listening(&self, (number, id): (usize, SubscriptionId)) {
        sim::note(|| format!("listener {number} unsubscribes"));
        sim::with(|world| world.ledger.write(|books| books.note_leaving(number)));
        let _ = self.pool.unsubscribe(id).await;
        sim::with(|world| world.ledger.write(|books| books.note_left(number)));
    }

    /// Lets go of the actor of a weak subscription.
    pub fn let_go_of(&self, number: usize) {
        sim::note(|| format!("nobody holds listener {number} any more"));
        leaves(number);
        drop(sim::with(|world| world.kept.borrow_mut().remove(&number)));
        sim::with(|world| {
            world.ledger.write(|books| books.listeners[number].let_go = true);
        });
    }

    pub(super) fn enlist(&self, conduct: &Conduct) -> usize {
        let listener = crate::check::Listener {
            pool: self.number,
            hears_results: true,
            patient: conduct.batches.is_some(),
            misses: conduct.misses.and(conduct.window),
            is_told_itself: conduct.misses == Some(Told::Itself),
            ..Default::default()
        };
        let enlist = |books: &mut crate::check::Books| {
            books.listeners.push(listener);
            books.listeners.len() - 1
        };
        sim::with(|world| world.ledger.write(enlist)).unwrap_or_default()
    }

    fn asks(&self, number: usize) {
        sim::with(|world| {
            world.ledger.write(|books| books.listeners[number].asked = books.tick());
        });
    }

    pub(super) fn joined(&self, number: usize) {
        sim::note(|| format!("listener {number} is subscribed"));
        sim::with(|world| {
            world.ledger.write(|books| {
                let now = books.tick();
                books.listeners[number].since = Some(now);
            });
        });
    }
}

/// A thread of the program's, or home.
fn any_thread(sim: Sim) -> ArbiterHandle {
    ArbiterHandle([0, 1, 2][sim.below(3)])
}

fn keep(number: usize, actor: Addr<Listener>) {
    sim::with(|world| world.kept.borrow_mut().entry(number).or_default().push(Box::new(actor)));
}
