//! A session: a tree of a recorder, a responder and, on demand, an agent; and how to follow it over
//! its crashes.

use std::fmt;
use std::str::FromStr;

use session_supervisor::error::StartError;
use session_supervisor::{
    ChildSpec, Exit, Launch, SessionSupervisor, StartContext, Strategy, Supervisor, TreeSpec,
};

use crate::agent::Agent;
use crate::flags::Flags;
use crate::recorder;
use crate::responder;
use crate::rooms::Rooms;

/// The children of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Recorder,
    Responder,
    Agent,
}

impl Role {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Recorder => "recorder",
            Self::Responder => "responder",
            Self::Agent => "agent",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        [Self::Recorder, Self::Responder, Self::Agent]
            .into_iter()
            .find(|role| role.name() == word)
            .ok_or(())
    }
}

/// By which rules sessions live.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    strategy: Strategy,
    restarts: u32,
    window: std::time::Duration,
}

impl Rules {
    pub(crate) const fn of(flags: &Flags) -> Self {
        Self {
            strategy: flags.strategy,
            restarts: flags.restarts,
            window: flags.window,
        }
    }
}

/// The tree of a session, without an agent.
pub(crate) fn spec(rules: &Rules, rooms: &Rooms) -> ChildSpec<Supervisor> {
    let (rules, rooms) = (rules.clone(), rooms.clone());
    ChildSpec::tree(move |session| {
        let life = session.incarnation;
        // The session's own, since the recorder's own ends with the tree.
        let saved = session.checkpoint();
        TreeSpec::new(rules.strategy)
            .restart_limit(rules.restarts, rules.window)
            .child(Role::Recorder.name(), recorder::spec(&rooms, &saved))
            .child(Role::Responder.name(), responder::spec(&rooms, life))
    })
}

/// What the clients are told of a child that runs again, if it does. `rest` is what became of what
/// its last life had.
pub(crate) fn is_back(start: &StartContext, rest: &str) -> Option<String> {
    if start.incarnation == 1 {
        return None;
    }
    let role = start.role.as_deref().unwrap_or("session");
    let (id, incarnation) = (start.key(), start.incarnation);
    Some(match start.last_exit {
        Some(Exit::Failed { .. } | Exit::Killed) => {
            format!("* the {role} of {id} crashed and is back as incarnation {incarnation}{rest}")
        }
        _ => format!("* the {role} of {id} was restarted too, as incarnation {incarnation}{rest}"),
    })
}

/// Where a session is, once that is decided.
#[derive(Debug)]
pub(crate) enum Whereabouts {
    Running(Supervisor),
    Parked,
    Gone,
}

/// Looks a session up. While it ends or restarts, the answer waits until that is over: the question
/// waits in the id's queue like a start, and a start function that answers "ignore" starts nothing.
pub(crate) async fn look_up(sessions: &SessionSupervisor, id: &str) -> Whereabouts {
    // Only an id that is known has something to wait for.
    if !matches!(sessions.session_info(id).await, Ok(Some(_))) {
        return Whereabouts::Gone;
    }
    let nothing: ChildSpec<Agent> = ChildSpec::from_fn(|_| async { Ok(Launch::Ignore) });
    match sessions.start_session(id, nothing.erase()).await {
        Err(StartError::AlreadyStarted { cell, .. }) => match Supervisor::try_from(cell) {
            Ok(tree) => Whereabouts::Running(tree),
            // It has ended meanwhile.
            Err(_) => Whereabouts::Gone,
        },
        Err(StartError::Parked) => Whereabouts::Parked,
        Ok(_) | Err(_) => Whereabouts::Gone,
    }
}

/// Tells a session's clients how it ends; that it is back is told by its next incarnation. Started
/// by its creator.
pub(crate) async fn follow(
    sessions: SessionSupervisor,
    rooms: Rooms,
    id: String,
    mut tree: Supervisor,
) {
    let mut known = 1;
    loop {
        if tree.get_cell().wait(None).await.is_err() {
            return;
        }
        match look_up(&sessions, &id).await {
            Whereabouts::Running(next) => {
                tree = next;
                match sessions.session_info(&id).await {
                    Ok(Some(info)) if info.incarnation > known => known = info.incarnation,
                    Ok(Some(_)) => {
                        // It was stopped, and the client that opened the id anew follows that one.
                        rooms.news(&id, &format!("* session {id} was stopped and opened anew"));
                        return;
                    }
                    // It has ended again, which the next round sees.
                    Ok(None) | Err(_) => {}
                }
            }
            Whereabouts::Parked => {
                let notice = format!(
                    "* session {id} crashed too often and was parked; `stop {id}` discards it"
                );
                rooms.news(&id, &notice);
                return;
            }
            Whereabouts::Gone => {
                rooms.news(&id, &format!("* session {id} has stopped"));
                return;
            }
        }
    }
}
