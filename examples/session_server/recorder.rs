//! The recorder of a session: its transcript, which outlives the recorder's crashes, and those of
//! the whole session.

use std::collections::VecDeque;
use std::sync::Arc;

use ractor::{ActorProcessingErr, ActorRef, RpcReplyPort};
use session_supervisor::{Checkpoint, ChildSpec, Launch, StartContext};

use crate::rooms::Rooms;
use crate::session;

/// How many lines are remembered.
const HISTORY: usize = 200;

/// What was said, the oldest line first.
pub(crate) type Transcript = VecDeque<Arc<str>>;

#[derive(Debug)]
pub(crate) struct Recorder;

#[derive(Debug)]
pub(crate) enum RecorderMsg {
    Keep(String),
    Recall(RpcReplyPort<Arc<Transcript>>),
    Crash,
}

#[cfg(feature = "cluster")]
impl ractor::Message for RecorderMsg {}

#[derive(Debug)]
pub(crate) struct State {
    start: StartContext,
    rooms: Rooms,
    transcript: Arc<Transcript>,
    saved: Checkpoint<Transcript>,
}

#[ractor::actor(message = RecorderMsg, state = State, arguments = State)]
impl Recorder {
    async fn pre_start(
        &self,
        _myself: ActorRef<RecorderMsg>,
        state: State,
    ) -> Result<State, ActorProcessingErr> {
        Ok(state)
    }

    /// From here on it is found by its role, so a caller that waits for it can be told.
    async fn post_start(
        &self,
        _myself: ActorRef<RecorderMsg>,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        if let Some(notice) = session::is_back(&state.start, "; the transcript is kept") {
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
                let transcript = Arc::make_mut(&mut state.transcript);
                if transcript.len() == HISTORY {
                    transcript.pop_front();
                }
                transcript.push_back(line.into());
                state.saved.save(Arc::clone(&state.transcript))?;
            }
            RecorderMsg::Recall(reply) => {
                // The caller may have gone.
                drop(reply.send(Arc::clone(&state.transcript)));
            }
            RecorderMsg::Crash => panic!("the recorder of {} was told to crash", state.start.key()),
        }
        Ok(())
    }
}

pub(crate) fn spec(rooms: &Rooms, saved: &Checkpoint<Transcript>) -> ChildSpec<Recorder> {
    let parts = (rooms.clone(), saved.clone());
    ChildSpec::from_fn_with(parts, |(rooms, saved), start| async move {
        let transcript = saved.get()?.unwrap_or_default();
        let state = State {
            start,
            rooms,
            transcript,
            saved,
        };
        Ok(Launch::Actor(Recorder, state))
    })
}
