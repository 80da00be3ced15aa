//! The way out: results go to one address, or to every subscriber, singly or in batches.

mod batches;
mod delivery;
mod hub;
mod results;
mod spares;
mod splitter;
mod stream;
mod windows;

#[cfg(test)]
mod hub_tests;

pub(crate) use self::{
    batches::Bounds,
    delivery::Delivery,
    hub::{Hub, Kind, Order, Outlet},
    splitter::{Lot, Mailbox, Splitter},
    stream::outlet,
    windows::{Credit, Limit, Windows},
};
pub use self::{
    hub::SubscriptionId,
    results::{Results, ResultsIntoIter},
    stream::ResultStream,
};
