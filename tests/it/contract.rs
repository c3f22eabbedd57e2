//! The interface as its documentation writes it: what compiles, what may cross threads, and what
//! the types promise.
//!
//! No call in here names a type that the reader of the documentation would not name.

mod calls;
mod errors;
mod lobby;
mod promises;
mod sources;
mod specs;

use std::time::Duration;

use ractor::{ActorProcessingErr, ActorRef, RpcReplyPort};
use session_supervisor::{ChildSpec, SessionSupervisor};

const SECOND: Duration = Duration::from_secs(1);

/// A session as a user writes one.
#[derive(Clone, Debug)]
struct Chat;

#[derive(Clone, Debug, Default)]
struct ChatArgs {
    greeting: String,
}

impl ChatArgs {
    async fn open(id: &str) -> Result<Self, std::io::Error> {
        match id {
            "nobody" => Err(std::io::ErrorKind::NotFound.into()),
            id => Ok(Self {
                greeting: format!("hello, {id}"),
            }),
        }
    }
}

#[derive(Debug)]
enum ChatMsg {
    Greeting(RpcReplyPort<String>),
    Supervisor(RpcReplyPort<Option<SessionSupervisor>>),
    Crash,
}

#[cfg(feature = "cluster")]
impl ractor::Message for ChatMsg {}

#[ractor::actor(message = ChatMsg, state = String, arguments = ChatArgs)]
impl Chat {
    async fn pre_start(
        &self,
        _myself: ActorRef<ChatMsg>,
        args: ChatArgs,
    ) -> Result<String, ActorProcessingErr> {
        Ok(args.greeting)
    }

    async fn handle(
        &self,
        myself: ActorRef<ChatMsg>,
        message: ChatMsg,
        greeting: &mut String,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            ChatMsg::Greeting(reply) => drop(reply.send(greeting.clone())),
            ChatMsg::Supervisor(reply) => {
                let supervisor = myself.try_get_supervisor();
                let sessions = supervisor.and_then(|cell| SessionSupervisor::try_from(cell).ok());
                drop(reply.send(sessions));
            }
            ChatMsg::Crash => return Err("told to crash".into()),
        }
        Ok(())
    }
}

fn chat() -> ChildSpec<Chat> {
    ChildSpec::new(|_start| (Chat, ChatArgs::default()))
}
