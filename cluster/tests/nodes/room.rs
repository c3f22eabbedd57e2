//! The sessions of the nodes: they count the messages they have taken, and save the count.

use std::sync::{Arc, Mutex};

use ractor::{ActorProcessingErr, ActorRef, RpcReplyPort};
use session_supervisor::{ChildSpec, Shutdown, StartContext};
use session_supervisor_cluster::{Kinds, Remote, Seat, clock};
use session_supervisor_store::Checkpoint;

use crate::shared_store::Client;

/// A message to be counted. The reply is the count.
pub(crate) struct Count(Option<RpcReplyPort<u64>>);

impl ractor::Message for Count {}

impl Remote for Count {
    const PROTOCOL: &'static str = "count/1";
    type Request = ();
    type Reply = u64;

    fn of((): (), reply: Option<RpcReplyPort<u64>>) -> Self {
        Self(reply)
    }
}

/// What a session needs beside its seat.
#[derive(Clone)]
pub(crate) struct Around {
    pub(crate) node: String,
    pub(crate) recorder: Arc<Mutex<Client>>,
}

impl Around {
    fn done(&self, what: &str, id: &str, epoch: u64) {
        let at = clock::now().since_boot().as_nanos();
        let line = format!("{at} {what} {} {epoch} {id}", self.node);
        self.recorder.lock().expect("it does not panic").done(line);
    }
}

struct Room(Around);

struct State {
    seat: Seat,
    id: String,
    count: u64,
    saved: Checkpoint<u64>,
}

#[ractor::actor(message = Count, state = State, arguments = (StartContext, Seat))]
impl Room {
    async fn pre_start(
        &self,
        _: ActorRef<Count>,
        (start, seat): (StartContext, Seat),
    ) -> Result<State, ActorProcessingErr> {
        let id = start.id.as_deref().unwrap_or_default().to_owned();
        self.0.done("start", &id, seat.epoch()?);
        let (saved, count) = seat.remembered().checkpoint(&start).await?;
        let count = count.unwrap_or(0);
        Ok(State {
            seat,
            id,
            count,
            saved,
        })
    }

    async fn handle(
        &self,
        _: ActorRef<Count>,
        Count(reply): Count,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        // As a resource outside would refuse it.
        self.0.done("take", &state.id, state.seat.epoch()?);
        state.count += 1;
        state.saved.save_durably(&state.count).await?;
        if let Some(reply) = reply {
            drop(reply.send(state.count));
        }
        Ok(())
    }
}

/// It never ends once it has taken a message: its code never awaits.
struct Stone;

#[ractor::actor(message = Count, state = (), arguments = ())]
impl Stone {
    async fn handle(
        &self,
        _: ActorRef<Count>,
        _: Count,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        loop {
            std::thread::park();
        }
    }
}

pub(crate) fn kinds(around: Around) -> Kinds {
    let shutdown = Shutdown::Drain(std::time::Duration::from_millis(300));
    let stone = move |(): (), _seat| ChildSpec::new(|_| (Stone, ())).shutdown(shutdown);
    let kinds = Kinds::new().kind("stone", stone);
    kinds.kind("room", move |(): (), seat: Seat| {
        let around = around.clone();
        ChildSpec::new(move |start| (Room(around.clone()), (start, seat.clone())))
            .shutdown(shutdown)
    })
}
