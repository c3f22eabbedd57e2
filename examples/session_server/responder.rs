//! The responder of a session: takes what is said, tells the room, and hands it to the other
//! children.
//!
//! No reference is kept. The other children may be restarted at any time, and are looked up by
//! their role.

use ractor::{ActorProcessingErr, ActorRef, RpcReplyPort};
use session_supervisor::{ChildSpec, StartContext};

use crate::agent::AgentMsg;
use crate::recorder::RecorderMsg;
use crate::rooms::Rooms;
use crate::session::{self, Role};

#[derive(Debug)]
pub(crate) struct Responder;

#[derive(Debug)]
pub(crate) enum ResponderMsg {
    /// Answered when it has been handed on.
    Say {
        from: String,
        text: String,
        reply: RpcReplyPort<()>,
    },
    /// From now on it does not stop when it is asked to.
    Hang,
    Crash,
}

#[cfg(feature = "cluster")]
impl ractor::Message for ResponderMsg {}

#[derive(Debug)]
pub(crate) struct State {
    start: StartContext,
    /// Which incarnation of the session this is a child of.
    session: u64,
    rooms: Rooms,
    stop: Stop,
}

#[derive(Debug)]
enum Stop {
    AtOnce,
    Never,
}

#[ractor::actor(message = ResponderMsg, state = State, arguments = (StartContext, Rooms, u64))]
impl Responder {
    async fn pre_start(
        &self,
        _myself: ActorRef<ResponderMsg>,
        (start, rooms, session): (StartContext, Rooms, u64),
    ) -> Result<State, ActorProcessingErr> {
        Ok(State {
            start,
            session,
            rooms,
            stop: Stop::AtOnce,
        })
    }

    /// It is the last child to start with its session, so it tells of that one too.
    async fn post_start(
        &self,
        _myself: ActorRef<ResponderMsg>,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let id = state.start.key();
        let notice = match session::is_back(&state.start, "") {
            Some(notice) => notice,
            None if state.session > 1 => format!(
                "* session {id} crashed and is back as incarnation {}; its agent is off",
                state.session
            ),
            None => return Ok(()),
        };
        state.rooms.news(id, &notice);
        Ok(())
    }

    async fn handle(
        &self,
        _myself: ActorRef<ResponderMsg>,
        message: ResponderMsg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            ResponderMsg::Say { from, text, reply } => {
                state.say(&from, &text);
                // The client that said it may have gone.
                drop(reply.send(()));
            }
            ResponderMsg::Hang => state.stop = Stop::Never,
            ResponderMsg::Crash => {
                panic!("the responder of {} was told to crash", state.start.key())
            }
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        _myself: ActorRef<ResponderMsg>,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        if let Stop::Never = state.stop {
            let id = state.start.key();
            let notice = format!("* the responder of {id} hangs in its stop");
            state.rooms.news(id, &notice);
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

impl State {
    fn say(&self, from: &str, text: &str) {
        let id = self.start.key();
        let line = format!("[{id}] {from}: {text}");
        self.rooms.tell(id, &line);
        let Some(sessions) = &self.start.supervisor else {
            return;
        };
        let agent = sessions.find_child_as::<AgentMsg>(id, Role::Agent.name());
        let recorder = sessions.find_child_as::<RecorderMsg>(id, Role::Recorder.name());
        let kept = recorder.is_ok_and(|recorder| recorder.cast(RecorderMsg::Keep(line)).is_ok());
        if !kept {
            self.rooms
                .tell(id, "* that is not kept: the recorder is being restarted");
        }
        if let Ok(agent) = agent {
            // It may just be ending.
            agent.cast(AgentMsg::Line(text.to_owned())).ok();
        }
    }
}

pub(crate) fn spec(rooms: &Rooms, session: u64) -> ChildSpec<Responder> {
    let rooms = rooms.clone();
    ChildSpec::new(move |start| (Responder, (start, rooms.clone(), session)))
}
