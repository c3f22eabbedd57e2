//! What is below an actor, and the wait for its end once ractor has killed it with that actor.
//!
//! A supervisor of ours waits for its children itself.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorCell, ActorStatus};

use crate::actor::completion::{COMPLETIONS, Completion};

/// How long the actors below a session are waited for. Shorter than the kill bound, or their
/// session would count as stuck.
const ORPHAN_BOUND: Duration = Duration::from_millis(500);

/// Something whose end is waited for.
#[derive(Clone, Debug)]
pub(super) enum Awaited {
    Actor(ActorCell),
    /// It ends when all its children have.
    Supervisor(Arc<Completion>),
}

impl Awaited {
    pub(super) fn of(cell: ActorCell) -> Self {
        // The cheap question first: a supervisor's actor takes no messages but `()`.
        if cell.is_message_type_of::<()>() == Some(true)
            && let Some(completion) = COMPLETIONS.find(&cell)
        {
            return Self::Supervisor(completion);
        }
        Self::Actor(cell)
    }

    pub(super) fn cell(&self) -> &ActorCell {
        match self {
            Self::Actor(cell) => cell,
            Self::Supervisor(completion) => completion.root(),
        }
    }

    async fn over(self) {
        match self {
            // Without a limit of its own it cannot run out of time.
            Self::Actor(cell) => drop(cell.wait(None).await),
            Self::Supervisor(completion) => {
                completion.wait_over().await;
            }
        }
    }
}

/// What is to be waited for after a session's end.
#[derive(Debug, Default)]
pub(crate) struct Orphans {
    /// They were below it when it ended, as far as is known.
    pub(crate) sure: Vec<Below>,
    /// They were linked to it, but may have been unlinked before it ended.
    pub(crate) doubtful: Vec<Below>,
}

impl Orphans {
    pub(crate) fn is_empty(&self) -> bool {
        self.sure.is_empty() && self.doubtful.is_empty()
    }
}

/// Something below a session.
#[derive(Clone, Debug)]
pub(crate) struct Below {
    pub(super) awaited: Awaited,
    /// The actor to which it was linked.
    pub(super) above: u64,
}

/// Waits for what was below a session, which ractor has killed without waiting: a restart would
/// meet their names. One that is stuck does not keep the session for long, and one that has another
/// supervisor by now is not waited for.
pub(crate) async fn all_gone(orphans: Orphans, root: &ActorCell) {
    if orphans.is_empty() {
        return;
    }
    drop(tokio::time::timeout(ORPHAN_BOUND, all_over(orphans, root)).await);
}

/// Waits for what was below a session, parents before their children: only when a parent has ended
/// is it sure that ractor has come to kill its children.
async fn all_over(orphans: Orphans, root: &ActorCell) {
    let Orphans { sure, doubtful } = orphans;
    let mut elsewhere = unlinked(&doubtful, root).await;
    for Below { awaited, above } in doubtful.into_iter().chain(sure) {
        let number = pid(awaited.cell());
        let now = awaited.cell().try_get_supervisor().map(|cell| pid(&cell));
        if elsewhere.contains(&number) {
            continue;
        }
        if now.is_some_and(|now| now != above || elsewhere.contains(&now)) {
            // It was handed over to another actor, or something above it was.
            elsewhere.insert(number);
        } else {
            awaited.over().await;
        }
    }
}

/// What is below an actor now, parents before their children.
pub(crate) fn below(top: &ActorCell) -> Vec<Below> {
    let mut found = Vec::new();
    let mut pending = linked_to(top);
    // Most sessions link nothing.
    if pending.is_empty() {
        return found;
    }
    // Actors can be linked in a ring.
    let mut seen = HashSet::from([pid(top)]);
    while let Some((above, cell)) = pending.pop() {
        if !seen.insert(pid(&cell)) {
            continue;
        }
        let awaited = Awaited::of(cell);
        if let Awaited::Actor(cell) = &awaited {
            pending.append(&mut linked_to(cell));
        }
        found.push(Below { awaited, above });
    }
    found
}

fn linked_to(above: &ActorCell) -> Vec<(u64, ActorCell)> {
    let children = above.get_children();
    if children.is_empty() {
        return Vec::new();
    }
    let number = pid(above);
    children.into_iter().map(|child| (number, child)).collect()
}

pub(super) fn pid(cell: &ActorCell) -> u64 {
    cell.get_id().pid()
}

/// Those that were unlinked before the session ended, and live on without a supervisor. Those that
/// ractor has killed are without a supervisor too, but ractor takes no new links to them.
///
/// If the session's root was killed too, another thread may have removed the session's links and
/// not yet killed what was linked.
async fn unlinked(doubtful: &[Below], root: &ActorCell) -> HashSet<u64> {
    let candidates = doubtful.iter().map(|below| below.awaited.cell());
    let mut candidates = candidates.filter(|cell| {
        cell.try_get_supervisor().is_none() && cell.get_status() < ActorStatus::Draining
    });
    let mut unlinked = HashSet::new();
    let Some(mut candidate) = candidates.next() else {
        return unlinked;
    };
    let Ok((probe, _)) = Probe::spawn(None, Probe, ()).await else {
        return unlinked;
    };
    let takes_links = |cell: &ActorCell| {
        probe.link(cell.clone());
        let taken = probe.try_get_supervisor().is_some();
        probe.unlink(cell.clone());
        taken
    };
    while takes_links(root) {
        if takes_links(candidate) {
            unlinked.insert(pid(candidate));
        }
        match candidates.next() {
            Some(next) => candidate = next,
            None => break,
        }
    }
    probe.stop(None);
    unlinked
}

/// An actor that is linked for a moment, to see whether ractor allows it.
struct Probe;

#[ractor::actor(message = (), state = (), arguments = ())]
impl Probe {}
