//! The types of a supervisor's parts, put together.
//!
//! The queue, the driver, a plan and a life do not look into what they pass on or keep for others.
//! Its type is a parameter of theirs, as it is one of the engine's ([`Domain`]). Here these
//! parameters get their types, which hold each other in a circle: what the tasks of a supervisor
//! share holds its engine, the engine holds the launches of its children, and the launch of a child
//! that is a supervisor itself holds what the tasks of that one share.

use std::sync::Arc;

use super::Shared;
use crate::actor::ticket::Ticket;
use crate::actor::{driver, found, item, life, machine, plan};
use crate::engine::{Context, Domain, LaunchCaller};

/// The types behind both engines.
#[derive(Debug)]
pub(crate) struct Actors;

impl Domain for Actors {
    type Spec = Arc<Plan>;
    type Life = Arc<Life>;
    type Found = Found;
    type Ticket<A> = Ticket<A>;
}

/// A launch, as its starter sees it.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) context: Context,
    pub(crate) life: Arc<Life>,
    pub(crate) shared: Arc<Shared>,
}

/// A launch to be made.
pub(in crate::actor) type Launch = (Arc<Plan>, Order);

pub(crate) type Plan = plan::Plan<Order, Found>;
pub(crate) type Life = life::Life<LaunchCaller<Actors>, Arc<Shared>>;
pub(crate) type Found = found::Found<Arc<Shared>>;
pub(crate) type Machine = machine::Machine<Actors>;
pub(crate) type Driver = driver::Driver<Actors>;
pub(crate) type Item = item::Item<Actors>;
pub(crate) type Query = item::Query<Actors>;
