//! The sessions whose starts and calls are measured: they answer what they are asked.

use ractor::{ActorProcessingErr, ActorRef, RpcReplyPort};
use session_supervisor::{ChildSpec, StartContext};
use session_supervisor_cluster::{Kinds, Remote, Seat};
use session_supervisor_store::Checkpoint;

/// How many bytes go there and back, and are saved.
pub(super) const BYTES: usize = 100;

pub(super) struct Echo(pub(super) String, pub(super) Option<RpcReplyPort<String>>);

impl ractor::Message for Echo {}

impl Remote for Echo {
    const PROTOCOL: &'static str = "echo/1";
    type Request = String;
    type Reply = String;

    fn of(text: String, reply: Option<RpcReplyPort<String>>) -> Self {
        Self(text, reply)
    }
}

pub(super) struct Session;

#[ractor::actor(
    message = Echo,
    state = Option<Checkpoint<String>>,
    arguments = Option<(StartContext, Seat)>
)]
impl Session {
    /// One that is given a seat saves a text once, and has it when it is restored.
    async fn pre_start(
        &self,
        _: ActorRef<Echo>,
        saves: Option<(StartContext, Seat)>,
    ) -> Result<Option<Checkpoint<String>>, ActorProcessingErr> {
        let Some((start, seat)) = saves else {
            return Ok(None);
        };
        let (checkpoint, saved) = seat.remembered().checkpoint(&start).await?;
        if saved.is_none() {
            checkpoint.save(&"x".repeat(BYTES))?;
        }
        Ok(Some(checkpoint))
    }

    async fn handle(
        &self,
        _: ActorRef<Echo>,
        Echo(text, reply): Echo,
        _: &mut Option<Checkpoint<String>>,
    ) -> Result<(), ActorProcessingErr> {
        if let Some(reply) = reply {
            drop(reply.send(text));
        }
        Ok(())
    }
}

pub(super) fn kinds() -> Kinds {
    Kinds::new()
        .kind("echo", |(): (), _| ChildSpec::new(|_| (Session, None)))
        .kind("saver", |(): (), seat: Seat| {
            ChildSpec::new(move |start| (Session, Some((start, seat.clone()))))
        })
}
