//! Start, find, crash, restart, park, stop: each once, in the plain case.

use std::error::Error;
use std::time::Duration;

use session_supervisor::error::{EnsureError, FindError, StartError, StopError};
use session_supervisor::{ChildSpec, Ensured, Exit, Launch, Options, SessionState, Shutdown};

use crate::support::{Order, Probe, Worker, supervisor};

#[tokio::test(start_paused = true)]
async fn a_session_starts_is_found_and_stops() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let alice = sessions.start_session("alice", probe.spec()).await.unwrap();
    let echo = ractor::call!(alice, Order::Echo, 7).unwrap();
    assert_eq!(echo, 7);
    assert_eq!(
        sessions.find_session("alice").unwrap().get_id(),
        alice.get_id()
    );
    assert!(sessions.find_session_as::<Order>("alice").is_ok());
    assert_eq!(
        sessions.find_session_as::<()>("alice").unwrap_err(),
        FindError::WrongMessageType
    );
    let list = sessions.list_sessions().await.unwrap();
    assert_eq!(list.len(), 1);
    assert_eq!(list[0].state, SessionState::Running);
    assert_eq!(sessions.count_sessions().await.unwrap().active, 1);

    assert_eq!(
        sessions.stop_session("alice").await.unwrap(),
        Exit::Shutdown
    );
    assert_eq!((probe.stops(), probe.alive()), (1, 0));
    assert!(!sessions.is_running("alice"));
    assert_eq!(
        sessions.stop_session("alice").await,
        Err(StopError::NotFound)
    );
    assert_eq!(sessions.count_sessions().await.unwrap().specs, 0);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_crash_restarts_that_session_alone() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let a = sessions.start_session("a", probe.spec()).await.unwrap();
    let b = sessions.start_session("b", probe.spec()).await.unwrap();
    a.cast(Order::Crash).unwrap();
    a.wait(None).await.unwrap();
    let again = sessions.restart_session("a").await.unwrap();
    assert_ne!(again.get_id(), a.get_id());
    assert_eq!(
        sessions.find_session("b").unwrap().get_id(),
        b.get_id(),
        "the sibling is untouched"
    );
    let info = sessions.session_info("a").await.unwrap().unwrap();
    assert_eq!(info.restarts, 1);
    sessions.stop().await.unwrap();
    assert_eq!(probe.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_uses_up_its_limit_is_parked_alone() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let script = probe.script().launch(|start| async move {
        if start.incarnation > 1 {
            return Err("fails from the second on".into());
        }
        Ok(true)
    });
    let spec = script.spec();
    let a = sessions.start_session("a", spec).await.unwrap();
    a.cast(Order::Panic).unwrap();
    a.wait(None).await.unwrap();
    // A start queued behind the failing restart is told when it is parked.
    let parked = sessions.start_session("a", probe.spec()).await;
    assert!(matches!(parked, Err(StartError::Parked)), "{parked:?}");
    assert_eq!(probe.starts(), 4, "the first start and three attempts");
    let counts = sessions.count_sessions().await.unwrap();
    assert_eq!((counts.parked, counts.active), (1, 0));
    assert_eq!(sessions.stop_session("a").await.unwrap(), Exit::NotRunning);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_supervisor_stops_every_session_by_its_own_rule() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let second = Duration::from_secs(1);
    sessions
        .start_session("graceful", probe.slow_to_stop(second))
        .await
        .unwrap();
    sessions
        .start_session("brutal", probe.spec().shutdown(Shutdown::BrutalKill))
        .await
        .unwrap();
    let hung = sessions
        .start_session("hung", probe.spec().shutdown(Shutdown::Timeout(second)))
        .await
        .unwrap();
    hung.cast(Order::Hang).unwrap();
    let report = sessions.stop().await.unwrap();
    assert_eq!((report.stopped, report.killed, report.stuck), (1, 2, 0));
    assert_eq!((probe.stops(), probe.alive()), (1, 0));
    assert!(sessions.stop().await.is_err());
    assert!(matches!(
        sessions.start_session("late", probe.spec()).await,
        Err(StartError::SupervisorDown)
    ));
}

#[tokio::test(start_paused = true)]
async fn a_foreign_stop_and_a_foreign_kill_leave_no_orphan() {
    for kill in [false, true] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        for id in ["a", "b", "c"] {
            sessions.start_session(id, probe.spec()).await.unwrap();
        }
        let cells: Vec<_> = ["a", "b", "c"]
            .map(|id| sessions.find_session(id).unwrap())
            .into();
        if kill {
            sessions.get_cell().kill();
        } else {
            sessions.get_cell().stop(None);
        }
        sessions.get_cell().wait(None).await.unwrap();
        for cell in cells {
            cell.wait(None).await.unwrap();
        }
        assert_eq!(probe.stops(), if kill { 0 } else { 3 });
        assert!(sessions.find_session("a").is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn ensure_creates_once_and_finds_after() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let made = sessions.ensure_session("a", probe.spec()).await.unwrap();
    assert!(matches!(made, Ensured::Created(_)));
    let found = sessions.ensure_session("a", probe.spec()).await.unwrap();
    assert!(matches!(found, Ensured::Existing(_)));
    assert_eq!(probe.starts(), 1);
    struct Other;
    #[ractor::actor(message = u8, state = (), arguments = ())]
    impl Other {}
    let wrong = sessions
        .ensure_session("a", ChildSpec::new(|_| (Other, ())))
        .await;
    assert!(matches!(wrong, Err(EnsureError::WrongMessageType { .. })));
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_hung_start_times_out_and_leaves_nothing() {
    let sessions = supervisor(Options::new()).await;
    let hung = ChildSpec::from_fn(|_| std::future::pending::<Result<Launch<Worker>, _>>());
    let answer = sessions.start_session("a", hung).await;
    assert!(matches!(answer, Err(StartError::TimedOut)), "{answer:?}");
    // D16: the id is free as soon as nothing of the launch is left, and the next start waits for
    // that.
    let probe = Probe::default();
    sessions.start_session("a", probe.spec()).await.unwrap();
    let counts = sessions.count_sessions().await.unwrap();
    assert_eq!((counts.specs, counts.active), (1, 1));
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn bad_input_is_an_error_value_before_anything_is_asked() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let empty = sessions.start_session("", probe.spec()).await;
    assert!(matches!(empty, Err(StartError::InvalidId(_))));
    let zero = probe
        .spec()
        .restart_limit(3, Duration::ZERO)
        .restart_limit(3, Duration::from_secs(1));
    let zero = sessions.start_session("a", zero).await;
    assert!(matches!(zero, Err(StartError::InvalidSpec(_))));
    let panics = ChildSpec::new(|_| -> (Worker, _) { panic!("no start") });
    let error = sessions.start_session("a", panics).await.unwrap_err();
    // The cause is the source, and not told in the message too.
    let cause = error.source().expect("it has a cause").to_string();
    assert!(cause.contains("no start"), "{cause}");
    assert_eq!(probe.starts(), 0);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stranger_with_a_sessions_name_cannot_hurt_the_root() {
    struct Stranger;
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("a stranger's state panics in its drop");
        }
    }
    #[ractor::actor(message = (), state = Bomb, arguments = ())]
    impl Stranger {
        async fn pre_start(
            &self,
            _myself: ractor::ActorRef<()>,
            (): (),
        ) -> Result<Bomb, ractor::ActorProcessingErr> {
            Ok(Bomb)
        }
    }
    let sessions = supervisor(Options::new()).await;
    let name = session_supervisor::names::session(sessions.name(), "squatter");
    let root = sessions.get_cell();
    let (stranger, _) = ractor::Actor::spawn_linked(Some(name), Stranger, (), root)
        .await
        .unwrap();
    stranger.stop(None);
    stranger.wait(None).await.unwrap();
    let counts = sessions.count_sessions().await;
    assert_eq!(counts.map(|counts| counts.specs), Ok(0));
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_second_stop_joins_the_first_at_every_moment_of_it() {
    for turns in 0..24 {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        sessions.start_session("a", probe.spec()).await.unwrap();
        let first = tokio::spawn(sessions.stop());
        let second = tokio::spawn(async move {
            for _ in 0..turns {
                next_turn().await;
            }
            let root = sessions.get_cell();
            let gone = root.get_status() == ractor::ActorStatus::Stopped;
            (gone, sessions.stop().await)
        });
        let first = first.await.unwrap().unwrap();
        let (gone, second) = second.await.unwrap();
        if !gone {
            assert_eq!(second, Ok(first), "after {turns} turns");
        }
    }
}

/// Lets every task that is ready now have its turn, but not those that they wake: tokio's own
/// `yield_now` would wait for these too.
async fn next_turn() {
    let mut waited = false;
    std::future::poll_fn(|context| {
        if waited {
            return std::task::Poll::Ready(());
        }
        waited = true;
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}
