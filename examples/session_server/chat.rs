//! The session: a conversation with its history, and how to follow it over its crashes.
//!
//! Absent on purpose: anything about clients but their names.

use std::collections::VecDeque;

use ractor::{ActorProcessingErr, ActorRef, RpcReplyPort};
use session_supervisor::error::{EnsureError, StartError};
use session_supervisor::{ChildSpec, Ensured, Launch, SessionSupervisor, StartContext};

use crate::rooms::Rooms;

/// So many lines are remembered.
const HISTORY: usize = 200;

#[derive(Debug)]
pub(crate) struct Chat;

#[derive(Debug)]
pub(crate) enum ChatMsg {
    Say { from: String, text: String },
    History(RpcReplyPort<Vec<String>>),
    Crash,
}

#[cfg(feature = "cluster")]
impl ractor::Message for ChatMsg {}

#[derive(Debug)]
pub(crate) struct State {
    id: String,
    rooms: Rooms,
    history: VecDeque<String>,
}

#[ractor::actor(message = ChatMsg, state = State, arguments = (StartContext, Rooms))]
impl Chat {
    async fn pre_start(
        &self,
        _myself: ActorRef<ChatMsg>,
        (start, rooms): (StartContext, Rooms),
    ) -> Result<State, ActorProcessingErr> {
        let id = start.id.to_string();
        if start.incarnation > 1 {
            let notice = format!(
                "* session {id} crashed and is back as incarnation {}; its history is gone",
                start.incarnation
            );
            rooms.tell(&id, &notice);
        }
        let history = VecDeque::new();
        Ok(State { id, rooms, history })
    }

    async fn handle(
        &self,
        _myself: ActorRef<ChatMsg>,
        message: ChatMsg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            ChatMsg::Say { from, text } => {
                let line = format!("[{}] {from}: {text}", state.id);
                state.rooms.tell(&state.id, &line);
                if state.history.len() == HISTORY {
                    state.history.pop_front();
                }
                state.history.push_back(line);
            }
            ChatMsg::History(reply) => {
                // Whoever asked may have gone.
                drop(reply.send(state.history.iter().cloned().collect()));
            }
            ChatMsg::Crash => panic!("session {} was told to crash", state.id),
        }
        Ok(())
    }
}

pub(crate) fn spec(rooms: &Rooms) -> ChildSpec<Chat> {
    ChildSpec::from_fn_with(rooms.clone(), |rooms, start| async move {
        Ok(Launch::Actor(Chat, (start, rooms)))
    })
}

/// Where a session is, once that is settled.
#[derive(Debug)]
pub(crate) enum Whereabouts {
    Running(ActorRef<ChatMsg>),
    Parked,
    Gone,
}

/// Looks a session up. While it ends or restarts, the answer waits until that is over: the question
/// waits in the id's queue like a start, and a start function that answers "ignore" starts nothing.
pub(crate) async fn look_up(sessions: &SessionSupervisor, id: &str) -> Whereabouts {
    let nothing: ChildSpec<Chat> = ChildSpec::from_fn(|_| async { Ok(Launch::Ignore) });
    match sessions.ensure_session(id, nothing).await {
        Ok(Ensured::Existing(chat) | Ensured::Created(chat)) => Whereabouts::Running(chat),
        Err(EnsureError::Start(StartError::Parked)) => Whereabouts::Parked,
        Err(_) => Whereabouts::Gone,
    }
}

/// Tells a session's clients how it ends; that it is back is told by its next incarnation. Started by
/// whoever created it.
pub(crate) async fn follow(
    sessions: SessionSupervisor,
    rooms: Rooms,
    id: String,
    mut chat: ActorRef<ChatMsg>,
) {
    let mut known = 1;
    loop {
        if chat.wait(None).await.is_err() {
            return;
        }
        match look_up(&sessions, &id).await {
            Whereabouts::Running(next) => {
                chat = next;
                match sessions.session_info(&id).await {
                    Ok(Some(info)) if info.incarnation > known => known = info.incarnation,
                    Ok(Some(_)) => {
                        // It was stopped, and whoever opened the id anew follows that one.
                        rooms.tell(&id, &format!("* session {id} was stopped and opened anew"));
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
                rooms.tell(&id, &notice);
                return;
            }
            Whereabouts::Gone => {
                rooms.tell(&id, &format!("* session {id} has stopped"));
                return;
            }
        }
    }
}
