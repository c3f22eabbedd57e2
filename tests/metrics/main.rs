//! The feature `metrics` (D34): what a scrape of the example tells is what `stats()` says; the names
//! are those of the documentation; and a recorder that panics or blocks harms nobody.

mod hostile;
mod names;
mod recorder;
mod scrape;

use ractor::{ActorProcessingErr, ActorRef};
use session_supervisor::{Backoff, ChildSpec, Options, SessionSupervisor};

/// A session that fails when it is told to.
struct Worker;

#[derive(Debug)]
struct Fail;

#[cfg(feature = "cluster")]
impl ractor::Message for Fail {}

#[ractor::actor(message = Fail, state = (), arguments = ())]
impl Worker {
    async fn handle(
        &self,
        _myself: ActorRef<Fail>,
        _fail: Fail,
        _state: &mut (),
    ) -> Result<(), ActorProcessingErr> {
        Err("told to".into())
    }
}

fn worker() -> ChildSpec<Worker> {
    ChildSpec::new(|_start| (Worker, ())).backoff(Backoff::none())
}

async fn supervisor(name: &str) -> SessionSupervisor {
    let options = Options::new().name(name).max_sessions(3);
    SessionSupervisor::start(options).await.expect("it starts")
}

/// Starts, a crash with its restart, a refusal, a failed start and stops. Nothing is under way then.
async fn some_lives(sessions: &SessionSupervisor) {
    let ignored =
        ChildSpec::from_fn(|_start| async { Ok(session_supervisor::Launch::<Worker>::Ignore) });
    sessions.start_session("never", ignored).await.unwrap_err();
    for id in ["secret-a", "secret-b", "secret-c"] {
        sessions
            .start_session(id, worker())
            .await
            .expect("it starts");
    }
    sessions
        .start_session("secret-d", worker())
        .await
        .unwrap_err();
    let first = sessions
        .find_session_as::<Fail>("secret-a")
        .expect("it runs");
    first.cast(Fail).expect("it takes the message");
    first.wait(None).await.expect("it ends");
    sessions
        .await_session::<Fail>("secret-a")
        .await
        .expect("it is back");
    sessions.stop_session("secret-b").await.expect("it stops");
    // The start that is answered by its launch has been counted when this is answered.
    sessions.count_sessions().await.expect("it runs");
}
