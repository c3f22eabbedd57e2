//! How the children of an application reach each other without a global name.

use session_supervisor::error::{ErrorKind, SiblingError};
use session_supervisor::{Application, ChildSpec, SessionSupervisor, StartContext, Strategy, Task};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{application, noted, sessions, start};
use crate::support::{Probe, answered};

/// A child that hands out what it was told at each start.
fn curious() -> (ChildSpec<Task>, UnboundedReceiver<StartContext>) {
    let (tell, told): (UnboundedSender<StartContext>, _) = unbounded_channel();
    let spec = ChildSpec::task(move |start, stop| {
        tell.send(start).ok();
        async move {
            stop.requested().await;
            Ok(())
        }
    });
    (spec, told)
}

#[tokio::test(start_paused = true)]
async fn a_child_reaches_the_session_supervisor_and_other_children() {
    let probe = Probe::default();
    let (spec, mut told) = curious();
    let running = start(
        application()
            .strategy(Strategy::RestForOne)
            .child_before("store", noted(&probe, "store"))
            .child("listener", spec),
    )
    .await;
    let here = answered("the start", told.recv())
        .await
        .expect("it started");
    let found = here.session_supervisor(Application::SESSIONS).await;
    let found = found.expect("it runs");
    let id = |sessions: &SessionSupervisor| sessions.get_cell().get_id();
    assert_eq!(id(&found), id(&sessions(&running)));
    found.start_session("alice", probe.spec()).await.unwrap();
    let store = here.sibling("store").await.expect("it runs");
    let by_name = running.supervisor().find_child("store");
    assert_eq!(Some(store.get_id()), by_name.map(|cell| cell.get_id()));
    // After a restart it is another one, also for one who has asked before.
    found.stop().await.expect("it ends");
    let there = answered("the restart", told.recv())
        .await
        .expect("it started");
    for start in [here.clone(), there] {
        let next = start.session_supervisor(Application::SESSIONS).await;
        let next = next.expect("it runs");
        assert!(id(&next) != id(&found) && next.is_serving());
    }
    running.stop().await;
    let down = here.sibling("store").await.unwrap_err();
    assert_eq!(down, SiblingError::SupervisorDown);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_an_error_that_names_the_role() {
    let (spec, mut told) = curious();
    let (second, mut second_told) = curious();
    let probe = Probe::default();
    let early = probe.script().pre_start(|start, _| async move {
        let error = start.sibling("listener").await.unwrap_err();
        let role = "listener".into();
        assert_eq!(error, SiblingError::NotRunning { role });
        Ok(())
    });
    let running = start(
        application()
            .child("early", early.spec())
            .child("listener", spec),
    )
    .await;
    let here = answered("the start", told.recv())
        .await
        .expect("it started");
    let unknown = here.sibling("nobody").await.unwrap_err();
    let role = "nobody".into();
    assert_eq!(unknown, SiblingError::NotFound { role });
    assert_eq!(unknown.to_string(), "the tree has no child \"nobody\"");
    assert_eq!(unknown.kind(), ErrorKind::NotFound);
    let other = here.session_supervisor("listener").await.unwrap_err();
    let role = "listener".into();
    assert_eq!(other, SiblingError::NotASessionSupervisor { role });
    // A session has none.
    let sessions = sessions(&running);
    sessions.start_session("alice", second).await.unwrap();
    let alice = answered("the start", second_told.recv()).await;
    let alone = alice.expect("it started").sibling("listener").await;
    assert_eq!(alone.unwrap_err(), SiblingError::NotInTree);
    running.stop().await;
}
