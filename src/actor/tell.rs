//! Answers to questions that change nothing: what a supervisor says of its sessions or members.
//!
//! A list of sessions is taken in pages, between which others are answered; the members of a static
//! supervisor are few and told at once.
//!
//! Absent on purpose: answers to the wrong kind of supervisor. Whoever asks for sessions where there are
//! members hears nothing, and takes it for a supervisor that is down.

use std::collections::VecDeque;
use std::sync::Arc;

use ractor::ActorCell;
use tokio::sync::oneshot;

use super::inbox::Query;
use super::leftovers::Leftovers;
use super::life::Life;
use super::machine::Machine;
use super::plan::Actors;
use crate::SessionId;
use crate::engine::{Cursor, Info, MemberInfo, MemberState, SessionState};
use crate::info::{ChildInfo, SessionInfo};

/// So many entries of a list are taken in one step, so that others are answered in between.
const PAGE: usize = 256;

/// The lists that are being taken.
#[derive(Debug, Default)]
pub(super) struct Lists(VecDeque<List>);

#[derive(Debug)]
struct List {
    cursor: Cursor,
    taken: Vec<SessionInfo>,
    reply: oneshot::Sender<Vec<SessionInfo>>,
}

impl Lists {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Answers a question, or begins to.
    pub(super) fn ask(
        &mut self,
        machine: &mut Machine,
        query: Query,
        leftovers: &mut Leftovers<'_>,
    ) {
        match (query, machine) {
            (Query::Count(reply), machine) => drop(reply.send(machine.counts())),
            (Query::Info(id, reply), Machine::Sessions(engine)) => {
                let info = engine.info(&id).map(|info| tell(&info));
                if let Err(Some(info)) = reply.send(info) {
                    leftovers.untold(info.last_exit);
                }
            }
            (Query::List(reply), Machine::Sessions(engine)) => {
                self.0.push_back(List {
                    cursor: engine.open_list(),
                    taken: Vec::with_capacity(engine.counts().specs),
                    reply,
                });
            }
            (Query::Members(reply), Machine::Members(group)) => {
                let members = group.members().map(|info| tell_member(&info)).collect();
                if let Err(members) = reply.send(members) {
                    let exits = members.into_iter().filter_map(|info| info.last_exit);
                    leftovers.untold(exits);
                }
            }
            (Query::Info(..) | Query::List(_), Machine::Members(_))
            | (Query::Members(_), Machine::Sessions(_)) => {}
        }
    }

    /// One page of the list that has waited longest.
    pub(super) fn page(&mut self, machine: &mut Machine, leftovers: &mut Leftovers<'_>) {
        let Machine::Sessions(engine) = machine else {
            return;
        };
        let Some(mut list) = self.0.pop_front() else {
            return;
        };
        for _ in 0..PAGE {
            match engine.next_in_list(&list.cursor) {
                Some(Some(info)) => list.taken.push(tell(&info)),
                Some(None) => {}
                None => {
                    engine.close_list(list.cursor);
                    if let Err(taken) = list.reply.send(list.taken) {
                        leftovers.untold(taken.into_iter().filter_map(|info| info.last_exit));
                    }
                    return;
                }
            }
        }
        self.0.push_back(list);
    }

    /// Drops the questions that will not be answered any more.
    pub(super) fn drop_all(&mut self, machine: &mut Machine, leftovers: &mut Leftovers<'_>) {
        let Machine::Sessions(engine) = machine else {
            return;
        };
        for list in std::mem::take(&mut self.0) {
            engine.close_list(list.cursor);
            leftovers.untold(list.taken.into_iter().filter_map(|info| info.last_exit));
        }
    }
}

fn tell(info: &Info<'_, Actors>) -> SessionInfo {
    let shown = match info.state {
        SessionState::Running | SessionState::Stopping | SessionState::Zombie => info.life,
        SessionState::Starting | SessionState::Restarting | SessionState::Parked => None,
    };
    SessionInfo {
        id: SessionId::checked(Arc::clone(info.id)),
        state: info.state,
        incarnation: info.incarnation,
        restarts: info.restarts,
        cell: actor_of(shown),
        last_exit: info.last_exit.cloned(),
    }
}

fn tell_member(info: &MemberInfo<'_, Actors>) -> ChildInfo {
    let shown = match info.state {
        MemberState::Running | MemberState::Stopping | MemberState::Zombie => info.life,
        MemberState::Starting | MemberState::Restarting | MemberState::NotRunning => None,
    };
    ChildInfo {
        role: Arc::clone(info.role),
        kind: info.kind,
        state: info.state,
        incarnation: info.incarnation,
        restarts: info.restarts,
        cell: actor_of(shown),
        last_exit: info.last_exit.cloned(),
    }
}

fn actor_of(life: Option<&Arc<Life>>) -> Option<ActorCell> {
    life.and_then(|life| life.cell()).cloned()
}
