//! How a supervisor is started: on its own, linked to any actor, or as the child of another
//! supervisor.
//!
//! A child supervisor is a session like any other, whose actor happens to be a root: the same
//! launch, the same wrapper, the same rules. Its launch holds one thing more than others do
//! (`Hold::Tree`): its own children with their names, until its driver task is done.
//!
//! The engine of a static supervisor orders the start of its children, and the root waits for that
//! in its `pre_start`.

use std::sync::{Arc, OnceLock};

use ractor::{Actor, ActorCell, SpawnErr};
use tokio::runtime::Handle;

use super::plan::SpawnFailure;
use super::root::{Root, Standing};
use super::session::Session;
use super::shared::{Found, Home, Machine, Naming, Order, ParentLink, RootArguments, Shared};
use crate::options::GroupOf;

/// What is to be started, wherever.
#[derive(Debug)]
pub(crate) struct Design {
    /// The name of its own, if it has one.
    pub(crate) name: Option<String>,
    pub(crate) machine: Machine,
    /// Of which group a session is, if it has sessions with a quota.
    pub(crate) group_of: Option<GroupOf>,
}

/// Starts a supervisor that is no child of another one of ours. Nothing of it is left if the future
/// is dropped.
pub(crate) async fn start(
    name: String,
    machine: Machine,
    group_of: Option<GroupOf>,
    runtime: Handle,
    parent: Option<ActorCell>,
) -> Result<Option<Arc<Shared>>, SpawnErr> {
    let slot = Arc::new(OnceLock::new());
    let arguments = RootArguments {
        name: name.as_str().into(),
        naming: match &machine {
            Machine::Sessions(_) => Naming::Sessions,
            Machine::Children(_) => Naming::Children,
        },
        home: None,
        parent_link: None,
        machine,
        group_of,
        runtime,
        slot: Arc::clone(&slot),
    };
    let Some(parent) = parent else {
        Root::spawn(Some(name), Root::new(Standing::Alone), arguments).await?;
        return Ok(slot.get().cloned());
    };
    Root::spawn_linked(Some(name), Root::new(Standing::Linked), arguments, parent).await?;
    let shared = slot.get().cloned();
    if let Some(shared) = &shared {
        shared.announce();
    }
    Ok(shared)
}

/// Starts a supervisor as a child of another.
pub(crate) async fn start_child(order: Order, design: Design) -> Result<Found, SpawnFailure> {
    let parent = &order.shared;
    let id = &order.context.id;
    let naming = match &design.machine {
        Machine::Sessions(_) => Naming::Sessions,
        Machine::Children(_) if design.name.is_some() => Naming::Children,
        Machine::Children(_) if parent.has_sessions() => Naming::OfSession,
        Machine::Children(_) => Naming::Unregistered,
    };
    let home = if parent.has_sessions() {
        Some(Home {
            sessions: Arc::clone(parent),
            id: Arc::clone(id),
            sums: order.context.sums.clone(),
        })
    } else {
        parent.home().cloned()
    };
    let mut machine = design.machine;
    if let Machine::Children(engine) = &mut machine
        && let Some(sums) = home.as_ref().and_then(|home| home.sums.clone())
    {
        engine.go_on_with(sums, &place(parent, id));
    }
    let registered = design.name.or_else(|| parent.child_name(id));
    let name = match &registered {
        Some(name) => name.as_str().into(),
        None => format!("{}/{id}", parent.name()).into(),
    };
    let slot = Arc::new(OnceLock::new());
    let arguments = RootArguments {
        name,
        naming,
        home,
        parent_link: Some(ParentLink {
            parent: Arc::clone(parent),
            role: Arc::clone(id),
            incarnation: order.context.incarnation,
            life: Arc::clone(&order.life),
        }),
        machine,
        group_of: design.group_of,
        runtime: parent.runtime().clone(),
        slot: Arc::clone(&slot),
    };
    let root = Box::new(Root::new(Standing::Child));
    let Order { life, shared, .. } = order;
    let cell = Session::spawn(life, shared, registered, root, Box::new(arguments)).await?;
    // Its life does not tell, should it have come to its end by now.
    let tree = slot.get().cloned();
    Ok(Found { cell, tree })
}

/// Where a supervisor is in the tree of its session: the roles that lead to it, each with a `/` after
/// it. Of the session's own nothing.
fn place(parent: &Shared, role: &str) -> String {
    match &parent.parent_link {
        Some(link) if !parent.has_sessions() => {
            format!("{}{role}/", place(&link.parent, &link.role))
        }
        _ => String::new(),
    }
}
