//! The start function of a spec for one actor.

use std::future::Future;
use std::marker::PhantomData;

use ractor::{Actor, ActorProcessingErr};

use super::{Launch, StartContext};
use crate::actor::plan::{SpawnFailure, Starter, Starting};
use crate::actor::session::Session;
use crate::actor::shared::{Found, Order};

/// A user's start function, with the actor that it makes.
pub(super) struct FromFn<A, F> {
    start: F,
    actor: PhantomData<fn() -> A>,
}

impl<A, F> FromFn<A, F> {
    pub(super) const fn new(start: F) -> Self {
        Self {
            start,
            actor: PhantomData,
        }
    }
}

impl<A, F, Fut> Starter<Order, Found> for FromFn<A, F>
where
    A: Actor,
    F: Fn(StartContext) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Launch<A>, ActorProcessingErr>> + Send + 'static,
{
    fn start(&self, order: Order) -> Starting<Found> {
        let Order {
            context,
            life,
            shared,
        } = order;
        let name = shared.child_name(&context.id);
        let launch = (self.start)(StartContext::new(context, &life, &shared));
        // The box is made first, so that no empty room of the future is copied into it.
        let future = Box::write(Box::new_uninit(), async move {
            match launch.await {
                Ok(Launch::Actor(actor, arguments)) => {
                    // Both may be large, and each step from here on would move them.
                    let (actor, arguments) = (Box::new(actor), Box::new(arguments));
                    let spawned = Session::spawn(life, shared, name, actor, arguments).await;
                    spawned.map(Found::actor)
                }
                Ok(Launch::Ignore) => Err(SpawnFailure::Ignored),
                Err(cause) => Err(SpawnFailure::Failed(cause)),
            }
        });
        Box::into_pin(future)
    }
}
