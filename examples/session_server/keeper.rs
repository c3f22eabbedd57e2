//! The keeper of a session: its transcript, which outlives the responder's crashes, but not its own.
//!
//! Absent on purpose: a disk.

use std::collections::VecDeque;

use ractor::{ActorProcessingErr, ActorRef, RpcReplyPort};
use session_supervisor::{ChildSpec, StartContext};

use crate::rooms::Rooms;
use crate::session;

/// So many lines are remembered.
const HISTORY: usize = 200;

#[derive(Debug)]
pub(crate) struct Keeper;

#[derive(Debug)]
pub(crate) enum KeeperMsg {
    Keep(String),
    Recall(RpcReplyPort<Vec<String>>),
    Crash,
}

#[cfg(feature = "cluster")]
impl ractor::Message for KeeperMsg {}

#[derive(Debug)]
pub(crate) struct State {
    start: StartContext,
    rooms: Rooms,
    transcript: VecDeque<String>,
}

#[ractor::actor(message = KeeperMsg, state = State, arguments = (StartContext, Rooms))]
impl Keeper {
    async fn pre_start(
        &self,
        _myself: ActorRef<KeeperMsg>,
        (start, rooms): (StartContext, Rooms),
    ) -> Result<State, ActorProcessingErr> {
        Ok(State {
            start,
            rooms,
            transcript: VecDeque::new(),
        })
    }

    /// From here on it is found by its role, so whoever waits for it can be told.
    async fn post_start(
        &self,
        _myself: ActorRef<KeeperMsg>,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        if let Some(notice) = session::is_back(&state.start, "; the transcript is gone") {
            state.rooms.news(state.start.key(), &notice);
        }
        Ok(())
    }

    async fn handle(
        &self,
        _myself: ActorRef<KeeperMsg>,
        message: KeeperMsg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            KeeperMsg::Keep(line) => {
                if state.transcript.len() == HISTORY {
                    state.transcript.pop_front();
                }
                state.transcript.push_back(line);
            }
            KeeperMsg::Recall(reply) => {
                // Whoever asked may have gone.
                drop(reply.send(state.transcript.iter().cloned().collect()));
            }
            KeeperMsg::Crash => panic!("the keeper of {} was told to crash", state.start.key()),
        }
        Ok(())
    }
}

pub(crate) fn spec(rooms: &Rooms) -> ChildSpec<Keeper> {
    let rooms = rooms.clone();
    ChildSpec::new(move |start| (Keeper, (start, rooms.clone())))
}
