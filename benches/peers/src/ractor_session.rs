//! The session of the sides that run on ractor.
//!
//! Absent on purpose: any supervision.

use ractor::{ActorProcessingErr, ActorRef};

use crate::census::{Birth, Presence};

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

#[ractor::actor(message = Msg, state = Presence, arguments = Birth)]
impl Session {
    async fn pre_start(
        &self,
        _myself: ActorRef<Msg>,
        birth: Birth,
    ) -> Result<Presence, ActorProcessingErr> {
        Ok(birth.begin().await)
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
                state.hear(words);
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
