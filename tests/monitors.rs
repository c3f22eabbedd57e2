//! What a monitor sees of a session, with ractor's feature of that name.

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use session_supervisor::{ChildSpec, Exit, Options, SessionSupervisor};
use tokio::sync::mpsc;

type Ends = mpsc::UnboundedSender<(Option<String>, bool)>;

struct Monitor;

/// The reason of each end that it is told of, and whether the state came with it.
#[ractor::actor(message = (), state = Ends, arguments = Ends)]
impl Monitor {
    async fn pre_start(&self, _: ActorRef<()>, ends: Ends) -> Result<Ends, ActorProcessingErr> {
        Ok(ends)
    }

    async fn handle_supervisor_evt(
        &self,
        _myself: ActorRef<()>,
        event: SupervisionEvent,
        ends: &mut Ends,
    ) -> Result<(), ActorProcessingErr> {
        if let SupervisionEvent::ActorTerminated(_, state, reason) = event {
            ends.send((reason, state.is_some()))?;
        }
        Ok(())
    }
}

struct Session;

#[ractor::actor(message = (), state = (), arguments = ())]
impl Session {}

#[tokio::test(start_paused = true)]
async fn row_075_a_monitor_sees_the_reason_shutdown() {
    let options = Options::new().unique_name();
    let sessions = SessionSupervisor::start(options).await.unwrap();
    let (says, mut ends) = mpsc::unbounded_channel();
    let (monitor, _) = Actor::spawn(None, Monitor, says).await.unwrap();
    let spec = ChildSpec::new(|_| (Session, ()));
    let session = sessions.start_session("a", spec).await.unwrap();
    monitor.monitor(session.get_cell());
    assert_eq!(sessions.stop_session("a").await, Ok(Exit::Shutdown));
    let seen = ends.recv().await.unwrap();
    assert_eq!(seen, (Some("shutdown".to_owned()), false));
    sessions.stop().await.unwrap();
    monitor.stop_and_wait(None, None).await.unwrap();
}
