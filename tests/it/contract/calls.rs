//! The calls of the handle, as the documentation writes them.

use std::future::Future;
use std::time::Duration;

use ractor::{ActorCell, call};
use session_supervisor::error::{FindError, SupervisorDown};
use session_supervisor::{
    Counts, Drain, Ensured, Exit, Options, SessionInfo, SessionState, SessionSupervisor,
    ShutdownReport, reason,
};

use super::{ChatMsg, SECOND, chat};
use crate::support::{Probe, died, parent, supervisor};

/// A future that may be spawned from anywhere.
fn spawnable<F: Future + Send + 'static>(future: F) -> F {
    future
}

#[tokio::test(start_paused = true)]
async fn every_future_of_the_handle_can_be_spawned_and_asks_nothing_before_it_is_polled() {
    let sessions = supervisor(Options::new()).await;
    let alone = parent(&Probe::default()).await;
    let children = || alone.get_children().len();
    let name = format!("{}, unpolled", sessions.name());
    let futures = {
        // Nothing of a future borrows from the handle, the id or the options.
        let handle = sessions.clone();
        let id = "a".to_owned();
        (
            (
                spawnable(SessionSupervisor::start(Options::new().name(&name))),
                spawnable(SessionSupervisor::start_link(
                    alone.clone(),
                    Options::new().name(&name),
                )),
            ),
            spawnable(handle.start_session(&id, chat())),
            spawnable(handle.start_session(&id, chat().erase())),
            spawnable(handle.ensure_session(&id, chat())),
            spawnable(handle.stop_session(&id)),
            spawnable(handle.restart_session(&id)),
            spawnable(handle.session_info(&id)),
            spawnable(handle.list_sessions()),
            spawnable(handle.count_sessions()),
            (
                spawnable(handle.stop()),
                spawnable(handle.stop_within(SECOND)),
                spawnable(handle.drain(Drain::within(SECOND))),
                spawnable(handle.ask_for_time(&id, SECOND)),
            ),
        )
    };
    drop(futures);
    tokio::time::sleep(SECOND).await;
    assert!(SessionSupervisor::where_is(&name).is_none());
    assert_eq!(children(), 0);
    assert_eq!(sessions.count_sessions().await, Ok(Counts::default()));
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn every_call_of_the_documentation_compiles_and_does_what_it_says() {
    assert_eq!(
        SessionSupervisor::NAME,
        "session_supervisor::SessionSupervisor"
    );
    let sessions = SessionSupervisor::start(Options::new().unique_name())
        .await
        .unwrap();
    let found = SessionSupervisor::where_is(sessions.name()).unwrap();
    assert_eq!(found.get_cell().get_id(), sessions.get_cell().get_id());
    let same = SessionSupervisor::try_from(sessions.get_cell()).unwrap();
    assert_eq!(same.name(), sessions.name());

    let alice = sessions.start_session("alice", chat()).await.unwrap();
    assert_eq!(call!(alice, ChatMsg::Greeting).unwrap(), "");
    let own = call!(alice, ChatMsg::Supervisor).unwrap().unwrap();
    assert_eq!(own.name(), sessions.name());
    let cell = alice.get_cell();
    assert_eq!(SessionSupervisor::try_from(cell).unwrap_err().cell, *alice);

    let twice = sessions.start_session("alice", chat()).await.unwrap_err();
    assert!(twice.already_started::<u64>().is_none());
    let running = twice.already_started::<ChatMsg>().unwrap();
    assert_eq!(running.get_id(), alice.get_id());

    let existing = sessions.ensure_session("alice", chat()).await.unwrap();
    assert!(matches!(&existing, Ensured::Existing(found) if found.get_id() == alice.get_id()));
    let bob = sessions.ensure_session("bob", chat()).await.unwrap();
    assert!(matches!(&bob, Ensured::Created(_)));
    assert_eq!(call!(bob.into_inner(), ChatMsg::Greeting).unwrap(), "");

    assert!(sessions.is_running("alice"));
    let cell: ActorCell = sessions.find_session("alice").unwrap();
    assert_eq!(cell.get_id(), alice.get_id());
    let typed = sessions.find_session_as::<ChatMsg>("alice").unwrap();
    assert_eq!(call!(typed, ChatMsg::Greeting).unwrap(), "");
    assert_eq!(
        sessions.find_session_as::<u64>("alice").unwrap_err(),
        FindError::WrongMessageType
    );

    let again: ActorCell = sessions.restart_session("alice").await.unwrap();
    assert_ne!(again.get_id(), alice.get_id());
    let SessionInfo {
        id,
        state,
        incarnation,
        restarts,
        cell,
        last_exit,
        ..
    } = sessions.session_info("alice").await.unwrap().unwrap();
    assert_eq!(id, "alice");
    assert_eq!((state, incarnation), (SessionState::Running, 2));
    assert_eq!(restarts, 0, "a restart by hand is not counted");
    assert_eq!(cell, Some(again));
    assert_eq!(last_exit, Some(Exit::Shutdown));

    let list = sessions.list_sessions().await.unwrap();
    let ids: Vec<&str> = list.iter().map(|info| &*info.id).collect();
    assert_eq!(ids, ["alice", "bob"]);
    let Counts {
        specs,
        active,
        supervisors,
        workers,
        starting,
        restarting,
        stopping,
        parked,
        stuck,
        ..
    } = sessions.count_sessions().await.unwrap();
    assert_eq!((specs, active, supervisors, workers), (2, 2, 0, 2));
    assert_eq!(
        [starting, restarting, stopping, parked, stuck],
        [0, 0, 0, 0, 0]
    );

    assert_eq!(
        sessions.stop_session("alice").await.unwrap(),
        Exit::Shutdown
    );
    let ShutdownReport {
        stopped,
        failed,
        killed,
        stuck,
        not_running,
        took,
        ..
    } = sessions.stop().await.unwrap();
    assert_eq!(
        (stopped, failed, killed, stuck, not_running),
        (1, 0, 0, 0, 0)
    );
    assert_eq!(took, Duration::ZERO);
    assert!(matches!(
        sessions.stop_within(SECOND).await,
        Err(SupervisorDown { .. })
    ));
    assert!(SessionSupervisor::where_is(sessions.name()).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_linked_supervisor_is_its_parents_child_and_is_stopped_within_a_deadline() {
    let probe = Probe::default();
    let parent = parent(&probe).await;
    let options = Options::new().unique_name();
    let sessions = SessionSupervisor::start_link(parent.clone(), options)
        .await
        .unwrap();
    let linked = sessions.get_cell().try_get_supervisor().unwrap();
    assert_eq!(linked.get_id(), parent.get_id());
    sessions.stop_within(SECOND).await.unwrap();
    died(&sessions.get_cell()).await;
    probe.until(|tally| tally.notes == [reason::SHUTDOWN]).await;
    parent.stop(None);
}
