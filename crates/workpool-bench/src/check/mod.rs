//! What must hold of every run, whatever its schedule. The numbers are those of the invariants in
//! the pool's design.

mod ask;
mod books;
mod end;
mod listeners;
mod record;
mod sizes;
mod starts;
mod stillness;

pub use self::record::{Kind, Returned, Way};
pub(crate) use self::{
    books::{Books, Ledger, Listener, PoolBook},
    record::Record,
    sizes::Sizes,
};
