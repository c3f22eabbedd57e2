//! Actors below a session: children and grandchildren, linked, under names that are the same in
//! each of its lives.

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef};

use crate::census::Entry;
use crate::verdict::PLANNED;

const CHILDREN: usize = 2;
const GRANDCHILDREN: usize = 2;

/// One below a session, with so many below it.
#[derive(Debug)]
struct Kin {
    name: String,
    below: usize,
}

#[ractor::actor(message = (), state = (), arguments = ())]
impl Kin {
    async fn pre_start(&self, myself: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        for n in 0..self.below {
            let name = format!("{}-{n}", self.name);
            let below = Self {
                name: name.clone(),
                below: 0,
            };
            Actor::spawn_linked(Some(name), below, (), myself.get_cell()).await?;
        }
        Ok(())
    }
}

/// Spawns all below a session. An error is a name that is not free.
pub(crate) async fn found(session: ActorCell, entry: &Entry) -> Result<(), ActorProcessingErr> {
    for n in 0..CHILDREN {
        let name = format!("kin-{}-{}-{n}", entry.common.number, entry.id);
        let child = Kin {
            name: name.clone(),
            below: GRANDCHILDREN,
        };
        Actor::spawn_linked(Some(name), child, (), session.clone()).await?;
    }
    Ok(())
}

/// One that fails at its first message.
#[derive(Debug)]
struct Fragile;

#[ractor::actor(message = (), state = (), arguments = ())]
impl Fragile {
    async fn handle(
        &self,
        _myself: ActorRef<()>,
        (): (),
        _state: &mut (),
    ) -> Result<(), ActorProcessingErr> {
        panic!("{PLANNED}a linked actor panics")
    }
}

/// Links an actor that fails.
pub(crate) async fn one_that_fails(session: ActorCell) -> Result<(), ActorProcessingErr> {
    let (fragile, _task) = Actor::spawn_linked(None, Fragile, (), session).await?;
    fragile.cast(())?;
    Ok(())
}
