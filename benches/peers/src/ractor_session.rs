//! The session of the sides that run on ractor.

use ractor::{ActorProcessingErr, ActorRef};

use crate::census::{Presence, SpawnArguments};

/// What a session is told. Its size is that of a usual message.
#[derive(Debug)]
pub enum Msg {
    /// Fail.
    Crash,
    /// A usual message.
    Say([u64; 4]),
}

/// The actor.
#[derive(Debug)]
pub struct Session;

#[ractor::actor(message = Msg, state = Presence, arguments = SpawnArguments)]
impl Session {
    async fn pre_start(
        &self,
        _myself: ActorRef<Msg>,
        arguments: SpawnArguments,
    ) -> Result<Presence, ActorProcessingErr> {
        Ok(arguments.begin().await)
    }

    async fn handle(
        &self,
        _myself: ActorRef<Msg>,
        message: Msg,
        state: &mut Presence,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Crash => Err("told to crash".into()),
            Msg::Say(words) => {
                state.receive(words);
                Ok(())
            }
        }
    }

    async fn post_stop(
        &self,
        _myself: ActorRef<Msg>,
        state: &mut Presence,
    ) -> Result<(), ActorProcessingErr> {
        state.end();
        Ok(())
    }
}
