//! Listing and counting sessions.

use std::collections::BTreeSet;
use std::time::Duration;

use session_supervisor::error::SupervisorDown;
use session_supervisor::{
    Backoff, Counts, Exit, Options, Restart, SessionInfo, SessionState, SessionSupervisor,
};

use crate::support::{Gate, Order, Probe, asked, back, died, end, supervisor, yields};

/// Rows of this theme without a test, and why.
pub(super) const NOT_HERE: &[(u16, &str)] = &[];

async fn info(sessions: &SessionSupervisor, id: &str) -> SessionInfo {
    let info = sessions.session_info(id).await.unwrap();
    info.unwrap_or_else(|| panic!("session {id} is known"))
}

async fn ids(sessions: &SessionSupervisor) -> Vec<String> {
    let list = sessions.list_sessions().await.unwrap();
    list.iter().map(|info| info.id.to_string()).collect()
}

/// A session that waits in its backoff after its first crash.
async fn restarting(sessions: &SessionSupervisor, probe: &Probe, id: &str) {
    let hour = Duration::from_secs(3600);
    let spec = probe.spec().backoff(Backoff::constant(hour));
    let session = sessions.start_session(id, spec).await.unwrap();
    end(&session, Order::Crash).await;
}

/// A session that was set aside at its first crash.
async fn parked(sessions: &SessionSupervisor, probe: &Probe, id: &str) {
    let spec = probe.spec().restart_limit(0, Duration::from_secs(5));
    let session = sessions.start_session(id, spec).await.unwrap();
    end(&session, Order::Crash).await;
}

#[tokio::test(start_paused = true)]
async fn row_112_a_fresh_supervisor_lists_and_counts_nothing() {
    for options in [Options::new(), Options::otp()] {
        let sessions = supervisor(options).await;
        assert!(sessions.list_sessions().await.unwrap().is_empty());
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
        let fields = [
            specs,
            active,
            supervisors,
            workers,
            starting,
            restarting,
            stopping,
            parked,
            stuck,
        ];
        assert_eq!(fields, [0; 9]);
        sessions.stop().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn row_113_an_entry_has_the_id_the_state_and_the_cell_while_there_is_one() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let running = sessions.start_session("runs", probe.spec()).await.unwrap();
    restarting(&sessions, &probe, "restarts").await;
    parked(&sessions, &probe, "parked").await;
    let gate = Gate::closed();
    let held = gate.clone();
    let hanging = probe.script().launch(move |_| {
        let held = held.clone();
        async move {
            held.pass().await;
            Ok(true)
        }
    });
    let start = asked(sessions.start_session("starts", hanging.spec())).await;
    let slow = probe.slow_to_stop(Duration::from_secs(1));
    let slow = sessions.start_session("stops", slow).await.unwrap();
    let stop = asked(sessions.stop_session("stops")).await;

    let list = sessions.list_sessions().await.unwrap();
    let seen: Vec<_> = list
        .iter()
        .map(|info| {
            let actor = info.cell.as_ref().map(|cell| cell.get_id());
            (info.id.as_str(), info.state, actor)
        })
        .collect();
    let expected = [
        ("runs", SessionState::Running, Some(running.get_id())),
        ("restarts", SessionState::Restarting, None),
        ("parked", SessionState::Parked, None),
        ("starts", SessionState::Starting, None),
        ("stops", SessionState::Stopping, Some(slow.get_id())),
    ];
    assert_eq!(seen, expected);

    let runs = info(&sessions, "runs").await;
    assert_eq!(
        (runs.incarnation, runs.restarts, runs.last_exit),
        (1, 0, None)
    );
    let restarts = info(&sessions, "restarts").await;
    assert_eq!((restarts.incarnation, restarts.restarts), (1, 1));
    assert!(matches!(restarts.last_exit, Some(Exit::Failed { .. })));
    gate.open();
    start.await.unwrap().unwrap();
    stop.await.unwrap().unwrap();
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_114_plain_sessions_are_workers_and_only_running_ones_are_active() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    for id in ["a", "b", "c"] {
        sessions.start_session(id, probe.spec()).await.unwrap();
    }
    restarting(&sessions, &probe, "d").await;
    restarting(&sessions, &probe, "e").await;
    parked(&sessions, &probe, "f").await;
    let counts = sessions.count_sessions().await.unwrap();
    assert_eq!((counts.specs, counts.active), (6, 3));
    assert_eq!((counts.workers, counts.supervisors), (6, 0));
    assert_eq!((counts.restarting, counts.parked), (2, 1));
    sessions.stop_session("d").await.unwrap();
    sessions.stop_session("f").await.unwrap();
    sessions.stop_session("a").await.unwrap();
    let counts = sessions.count_sessions().await.unwrap();
    assert_eq!((counts.specs, counts.active, counts.workers), (3, 2, 3));
    assert_eq!((counts.restarting, counts.parked), (1, 0));
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_115_list_and_counts_agree_and_asking_again_changes_nothing() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let mut known = Vec::new();
    for _ in 0..2 {
        for _ in 0..1000 {
            let id = format!("s{}", known.len());
            sessions.start_session(&id, probe.spec()).await.unwrap();
            known.push(id);
        }
        for _ in 0..2 {
            assert_eq!(ids(&sessions).await, known);
            let counts = sessions.count_sessions().await.unwrap();
            assert_eq!((counts.specs, counts.active), (known.len(), known.len()));
        }
    }
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_116_the_counts_go_to_zero_when_all_temporary_sessions_are_killed() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = probe.spec().restart(Restart::Temporary);
    let mut cells = Vec::new();
    for n in 0..2000 {
        let id = format!("s{n}");
        let session = sessions.start_session(&id, spec.clone()).await.unwrap();
        cells.push(session.get_cell());
    }
    assert_eq!(sessions.count_sessions().await.unwrap().active, 2000);
    for cell in &cells {
        cell.kill();
    }
    for cell in &cells {
        died(cell).await;
    }
    assert_eq!(
        sessions.count_sessions().await.unwrap(),
        Counts::default(),
        "the answer reflects every end that the caller saw"
    );
    assert!(sessions.list_sessions().await.unwrap().is_empty());
    assert_eq!(probe.starts(), 2000);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_117_an_answer_reflects_the_end_that_its_caller_saw() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = probe.spec().without_restart_limit();
    let mut session = sessions.start_session("a", spec).await.unwrap();
    for round in 0..1000 {
        if round % 2 == 0 {
            end(&session, Order::Crash).await;
        } else {
            session.kill();
            died(&session.get_cell()).await;
        }
        let info = info(&sessions, "a").await;
        let actor = info.cell.map(|cell| cell.get_id());
        assert_ne!(actor, Some(session.get_id()), "the end is reflected");
        assert_eq!(info.restarts, round + 1, "and so is the restart");
        assert_eq!(sessions.count_sessions().await.unwrap().specs, 1);
        let again = back(&sessions, "a").await;
        assert_ne!(again.get_id(), session.get_id());
        session = again;
    }
    assert_eq!(probe.starts(), 1001);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_117_an_answer_reflects_every_end_also_when_backoffs_begin_meanwhile() {
    // The root reads the ends in several turns. The question comes after so many of them.
    for turns in 0..4 {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let mut cells = Vec::new();
        for n in 0..1000 {
            // Each of these pauses ends before the one of the session before it.
            let pause = Backoff::constant(Duration::from_millis(10_000 - n));
            let id = format!("s{n}");
            let session = sessions.start_session(&id, probe.spec().backoff(pause));
            cells.push(session.await.unwrap().get_cell());
        }
        for cell in &cells {
            cell.kill();
        }
        for cell in &cells {
            died(cell).await;
        }
        yields(turns).await;
        let counts = sessions.count_sessions().await.unwrap();
        assert_eq!((counts.active, counts.restarting), (0, 1000));
        sessions.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_117_on_several_threads_the_session_is_known_all_along_and_comes_back_anew() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = probe.spec().without_restart_limit();
    let mut session = sessions.start_session("a", spec).await.unwrap();
    for _ in 0..1000 {
        end(&session, Order::Crash).await;
        assert_eq!(sessions.count_sessions().await.unwrap().specs, 1);
        let again = back(&sessions, "a").await;
        assert_ne!(again.get_id(), session.get_id());
        session = again;
    }
    let info = info(&sessions, "a").await;
    assert_eq!((info.incarnation, info.restarts), (1001, 1000));
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_118_one_session_can_be_asked_for_alone() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let a = sessions.start_session("a", probe.spec()).await.unwrap();
    let temporary = probe.spec().restart(Restart::Temporary);
    let b = sessions.start_session("b", temporary).await.unwrap();
    let c = sessions.start_session("c", probe.spec()).await.unwrap();

    let known = info(&sessions, "a").await;
    assert_eq!(
        (known.id.as_str(), known.state),
        ("a", SessionState::Running)
    );
    assert_eq!(known.cell.map(|cell| cell.get_id()), Some(a.get_id()));

    for stranger in ["d", "", "A", "a "] {
        assert!(sessions.session_info(stranger).await.unwrap().is_none());
    }
    sessions.stop_session("a").await.unwrap();
    b.kill();
    died(&b.get_cell()).await;
    c.stop(None);
    died(&c.get_cell()).await;
    for ended in ["a", "b", "c"] {
        assert!(sessions.session_info(ended).await.unwrap().is_none());
    }
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_119_the_list_is_in_order_of_first_start_and_a_restart_moves_no_session() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    for id in ["m", "z", "a", "k"] {
        sessions.start_session(id, probe.spec()).await.unwrap();
    }
    assert_eq!(ids(&sessions).await, ["m", "z", "a", "k"]);

    let z = sessions.find_session_as::<Order>("z").unwrap();
    end(&z, Order::Crash).await;
    assert_eq!(
        ids(&sessions).await,
        ["m", "z", "a", "k"],
        "on the way back"
    );
    assert_ne!(back(&sessions, "z").await.get_id(), z.get_id());
    sessions.restart_session("m").await.unwrap();
    assert_eq!(ids(&sessions).await, ["m", "z", "a", "k"]);

    // An id that was stopped and is started again is another session, the youngest.
    sessions.stop_session("z").await.unwrap();
    sessions.start_session("z", probe.spec()).await.unwrap();
    assert_eq!(ids(&sessions).await, ["m", "a", "k", "z"]);
    let states: BTreeSet<_> = sessions
        .list_sessions()
        .await
        .unwrap()
        .iter()
        .map(|info| info.state == SessionState::Running)
        .collect();
    assert_eq!(states, BTreeSet::from([true]));
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_120_questions_to_a_supervisor_that_is_down_say_so() {
    for kill in [false, true] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        sessions.start_session("a", probe.spec()).await.unwrap();
        if kill {
            sessions.get_cell().kill();
            died(&sessions.get_cell()).await;
        } else {
            sessions.stop().await.unwrap();
        }
        let SupervisorDown { .. } = sessions.list_sessions().await.unwrap_err();
        assert!(matches!(
            sessions.count_sessions().await,
            Err(SupervisorDown { .. })
        ));
        for id in ["a", "b", ""] {
            let SupervisorDown { .. } = sessions.session_info(id).await.unwrap_err();
            assert!(sessions.find_session(id).is_none());
            assert!(!sessions.is_running(id));
        }
    }
}
