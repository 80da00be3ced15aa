//! The way out: results go to one address, or to every subscriber, singly or in batches.

mod batches;
mod delivery;
mod hub;
mod results;
mod stream;

#[cfg(test)]
mod hub_tests;

pub(crate) use self::{
    batches::Bounds,
    delivery::Delivery,
    hub::{Hub, Kind, Outlet},
    stream::outlet,
};
pub use self::{hub::SubscriptionId, results::Results, stream::ResultStream};
