//! Scenes on an owned id: futures that are supervised, as sessions and as children of trees.

use std::sync::Arc;

use ractor::ActorProcessingErr;
use session_supervisor::error::StartError;
use session_supervisor::{
    ChildSpec, Exit, Restart, SessionState, Shutdown, StopSignal, Task, TreeSpec,
};

use crate::ask::ask;
use crate::census::{Alive, Entry, ROLES};
use crate::owner::Owned;
use crate::session::{GRACE, LONG};
use crate::succession::Over;
use crate::tally::{self, Deed};
use crate::verdict::PLANNED;

/// What the future of an incarnation is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Run,
    Finish(u64),
    Fail(u64),
    Panic(u64),
}

impl Order {
    const fn is_for(self, life: u64) -> bool {
        matches!(self, Self::Finish(to) | Self::Fail(to) | Self::Panic(to) if to == life)
    }
}

/// What it does when it is told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AtStop {
    Ends,
    Fails,
    /// It does not look at the signal.
    GoesOn,
}

const AT_STOP: [AtStop; 3] = [AtStop::Ends, AtStop::Fails, AtStop::GoesOn];

fn spec(entry: &Arc<Entry>, at_stop: AtStop) -> ChildSpec<Task> {
    let spec = ChildSpec::task_with(Arc::clone(entry), move |entry, start, stop| {
        let alive = Alive::begin(entry, start.incarnation);
        run(alive, stop, at_stop)
    });
    spec.shutdown(match at_stop {
        AtStop::Ends | AtStop::Fails => Shutdown::Infinity,
        AtStop::GoesOn => Shutdown::Timeout(GRACE),
    })
}

async fn run(
    mut alive: Alive,
    stop: StopSignal,
    at_stop: AtStop,
) -> Result<(), ActorProcessingErr> {
    alive.is_up();
    let life = alive.incarnation;
    let mut orders = alive.entry().orders.subscribe();
    let order = async {
        // The sender is in the entry, so it cannot be gone.
        let order = orders.wait_for(|order| order.is_for(life)).await;
        order.map_or(Order::Run, |order| *order)
    };
    let stopped = async {
        match at_stop {
            AtStop::GoesOn => std::future::pending().await,
            AtStop::Ends | AtStop::Fails => stop.requested().await,
        }
    };
    tokio::select! {
        order = order => match order {
            Order::Fail(_) => Err("told to fail".into()),
            Order::Panic(_) => panic!("{PLANNED}told to panic"),
            Order::Run | Order::Finish(_) => Ok(()),
        },
        () = stopped => match at_stop {
            AtStop::Fails => Err("told to stop, and fails".into()),
            AtStop::Ends | AtStop::GoesOn => Ok(()),
        },
    }
}

/// Ends a life in one of its ways, not by a stop. Whether that is normal.
fn end(own: &mut Owned<'_>, entry: &Entry, task: &ractor::ActorCell, life: u64) -> bool {
    let order = match own.rng.below(4) {
        0 => Order::Finish(life),
        1 => Order::Fail(life),
        2 => Order::Panic(life),
        _ => {
            task.kill();
            tally::did(Deed::ForeignKill);
            return false;
        }
    };
    entry.orders.send_replace(order);
    tally::did(Deed::Crash);
    matches!(order, Order::Finish(_))
}

/// What follows its end is the rule of its restart kind, and a stop is answered with what it did.
pub(crate) async fn a_task_as_a_session(own: &mut Owned<'_>) -> Result<(), Over> {
    let restart = own.rng.pick(&[Restart::Permanent, Restart::Transient]);
    let at_stop = own.rng.pick(&AT_STOP);
    own.entry.orders.send_replace(Order::Run);
    let spec = spec(own.entry, at_stop).restart(restart);
    let start = (own.instance.sessions).start_session(own.id(), spec.restart_limit(9, LONG));
    match ask(Deed::Start, start).await {
        Ok(_) => {}
        Err(StartError::SupervisorDown | StartError::Draining) => {
            return Err(own.instance.over("a start says that it is down"));
        }
        Err(error) => own.check(false, || format!("a start of a task says: {error}"))?,
    }
    tally::TASKS.one();
    let lives = 1 + own.rng.next() % 3;
    for life in 1..=lives {
        own.is_up(life).await?;
        let task = running(own, life).await?;
        if life == lives {
            break;
        }
        let entry = Arc::clone(own.entry);
        let normal = end(own, &entry, &task, life);
        if normal && restart == Restart::Transient {
            own.until("forgotten", Option::is_none).await?;
            drop(own.stop().await?);
            return Ok(());
        }
    }
    let exit = own.is_stopped().await?;
    let fits = match at_stop {
        AtStop::Ends => exit == Exit::Shutdown,
        AtStop::Fails => matches!(exit, Exit::Failed { .. }),
        AtStop::GoesOn => exit == Exit::Killed,
    };
    own.check(fits, || {
        format!("a task was stopped that then {at_stop:?}: {exit}")
    })
}

/// This life of it runs.
async fn running(own: &Owned<'_>, life: u64) -> Result<ractor::ActorCell, Over> {
    own.until("a running task", |info| {
        (info.as_ref())
            .is_some_and(|info| (info.state, info.incarnation) == (SessionState::Running, life))
    })
    .await?;
    let alive = own.entry.alive();
    own.check(alive == 1, || format!("a task runs, and {alive} are alive"))?;
    let found = own.instance.sessions.find_session(own.id());
    match found {
        Some(task) => Ok(task),
        None => {
            own.check(false, || "a task runs, and is not found".to_owned())?;
            Err(Over)
        }
    }
}

/// A tree of tasks: each comes back by itself, and a stop ends all.
pub(crate) async fn tasks_as_children(own: &mut Owned<'_>) -> Result<(), Over> {
    const CHILDREN: usize = 3;
    let entry = Arc::clone(own.entry);
    for child in &entry.children {
        child.orders.send_replace(Order::Run);
    }
    let below = Arc::clone(&entry);
    let tree = ChildSpec::tree(move |_start| {
        below.tree_is_launched();
        let mut tree = TreeSpec::one_for_one().restart_limit(99, LONG);
        for (child, role) in below.children.iter().zip(ROLES).take(CHILDREN) {
            tree = tree.child(role, spec(child, AtStop::Ends));
        }
        tree
    });
    let start = own.instance.sessions.start_session(own.id(), tree);
    match ask(Deed::Start, start).await {
        Ok(_) => {}
        Err(StartError::SupervisorDown | StartError::Draining) => {
            return Err(own.instance.over("a start says that it is down"));
        }
        Err(error) => own.check(false, || format!("a tree of tasks says: {error}"))?,
    }
    tally::TASKS.one();
    let sessions = own.instance.sessions.clone();
    let mut lives = [1; CHILDREN];
    for _ in 0..own.rng.below(4) {
        let n = own.rng.below(CHILDREN);
        let child = Arc::clone(&entry.children[n]);
        let Some(task) = sessions.find_child(own.id(), ROLES[n]) else {
            return own.check(false, || "a task of a tree is not found".to_owned());
        };
        // A child of a tree comes back also after a normal end.
        end(own, &child, &task, lives[n]);
        lives[n] += 1;
        own.until_or_over(|| child.is_up_now(lives[n]), "a task that is back")
            .await?;
        own.until_or_over(
            || {
                let found = sessions.find_child(own.id(), ROLES[n]);
                found.is_some_and(|found| found.get_id() != task.get_id())
            },
            "a task that is found again",
        )
        .await?;
    }
    let exit = own.is_stopped().await?;
    own.check(exit == Exit::Shutdown, || {
        format!("a tree of tasks was stopped: {exit}")
    })
}
