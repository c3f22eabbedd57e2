//! The recorder of a session: its transcript, which outlives the responder's crashes, but not its
//! own.

use std::collections::VecDeque;

use ractor::{ActorProcessingErr, ActorRef, RpcReplyPort};
use session_supervisor::{ChildSpec, StartContext};

use crate::rooms::Rooms;
use crate::session;

/// So many lines are remembered.
const HISTORY: usize = 200;

#[derive(Debug)]
pub(crate) struct Recorder;

#[derive(Debug)]
pub(crate) enum RecorderMsg {
    Keep(String),
    Recall(RpcReplyPort<Vec<String>>),
    Crash,
}

#[cfg(feature = "cluster")]
impl ractor::Message for RecorderMsg {}

#[derive(Debug)]
pub(crate) struct State {
    start: StartContext,
    rooms: Rooms,
    transcript: VecDeque<String>,
}

#[ractor::actor(message = RecorderMsg, state = State, arguments = (StartContext, Rooms))]
impl Recorder {
    async fn pre_start(
        &self,
        _myself: ActorRef<RecorderMsg>,
        (start, rooms): (StartContext, Rooms),
    ) -> Result<State, ActorProcessingErr> {
        Ok(State {
            start,
            rooms,
            transcript: VecDeque::new(),
        })
    }

    /// From here on it is found by its role, so a caller that waits for it can be told.
    async fn post_start(
        &self,
        _myself: ActorRef<RecorderMsg>,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        if let Some(notice) = session::is_back(&state.start, "; the transcript is gone") {
            state.rooms.news(state.start.key(), &notice);
        }
        Ok(())
    }

    async fn handle(
        &self,
        _myself: ActorRef<RecorderMsg>,
        message: RecorderMsg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            RecorderMsg::Keep(line) => {
                if state.transcript.len() == HISTORY {
                    state.transcript.pop_front();
                }
                state.transcript.push_back(line);
            }
            RecorderMsg::Recall(reply) => {
                // The caller may have gone.
                drop(reply.send(state.transcript.iter().cloned().collect()));
            }
            RecorderMsg::Crash => panic!("the recorder of {} was told to crash", state.start.key()),
        }
        Ok(())
    }
}

pub(crate) fn spec(rooms: &Rooms) -> ChildSpec<Recorder> {
    let rooms = rooms.clone();
    ChildSpec::new(move |start| (Recorder, (start, rooms.clone())))
}
