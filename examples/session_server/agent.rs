//! The agent of a session, started on demand: it counts what it is told, and says so.

use ractor::{ActorProcessingErr, ActorRef};
use session_supervisor::{ChildSpec, StartContext};

use crate::rooms::Rooms;
use crate::session;

#[derive(Debug)]
pub(crate) struct Agent;

#[derive(Debug)]
pub(crate) enum AgentMsg {
    Line(String),
    Crash,
}

#[cfg(feature = "cluster")]
impl ractor::Message for AgentMsg {}

#[derive(Debug)]
pub(crate) struct State {
    start: StartContext,
    rooms: Rooms,
    lines: usize,
    words: usize,
}

#[ractor::actor(message = AgentMsg, state = State, arguments = (StartContext, Rooms))]
impl Agent {
    async fn pre_start(
        &self,
        _myself: ActorRef<AgentMsg>,
        (start, rooms): (StartContext, Rooms),
    ) -> Result<State, ActorProcessingErr> {
        Ok(State {
            start,
            rooms,
            lines: 0,
            words: 0,
        })
    }

    async fn post_start(
        &self,
        _myself: ActorRef<AgentMsg>,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        if let Some(notice) = session::is_back(&state.start, "; its count is gone") {
            state.rooms.news(state.start.key(), &notice);
        }
        Ok(())
    }

    async fn handle(
        &self,
        _myself: ActorRef<AgentMsg>,
        message: AgentMsg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let id = state.start.key();
        match message {
            AgentMsg::Line(text) => {
                state.lines += 1;
                state.words += text.split_whitespace().count();
                let (lines, words) = (state.lines, state.words);
                let count = format!("[{id}] agent: got {lines} lines, {words} words");
                state.rooms.tell(id, &count);
            }
            AgentMsg::Crash => panic!("the agent of {id} was told to crash"),
        }
        Ok(())
    }
}

pub(crate) fn spec(rooms: &Rooms) -> ChildSpec<Agent> {
    let rooms = rooms.clone();
    ChildSpec::new(move |start| (Agent, (start, rooms.clone())))
}
