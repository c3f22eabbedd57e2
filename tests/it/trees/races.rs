//! Calls against crashes, and callers that go away.

use std::time::Duration;

use ractor::ActorRef;
use session_supervisor::error::{StartChildError, StartError, SupervisorDown};
use session_supervisor::{
    Backoff, ChildSpec, ChildState, Exit, Options, SessionSupervisor, Shutdown, Strategy,
    Supervisor, TreeSpec,
};

use super::scenery::{child, noted, session, start, those};
use crate::support::{
    Ending, Gate, Order, Probe, answered, ask_and_go, asked, died, names_of, sessions_of,
    supervisor,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_that_is_terminated_while_it_crashes_stays_down() {
    for strategy in [
        Strategy::OneForOne,
        Strategy::OneForAll,
        Strategy::RestForOne,
    ] {
        let probe = Probe::default();
        let child_of =
            |tree: TreeSpec, role| tree.child(role, noted(&probe).backoff(Backoff::none()));
        let tree = ["a", "b", "c"]
            .into_iter()
            .fold(TreeSpec::new(strategy), child_of);
        let tree = tree.without_restart_limit();
        let tree = start(tree).await;
        for round in 0..300 {
            let b = child(&tree, "b");
            let terminate = tokio::spawn(tree.terminate_child("b"));
            match round % 2 {
                0 => drop(b.cast(Order::Crash)),
                _ => b.kill(),
            }
            answered("terminate", terminate).await.unwrap().unwrap();
            assert_eq!(those(&tree, ChildState::NotRunning).await, ["b"]);
            assert!(tree.find_child("b").is_none());
            let again = answered("restart", tree.restart_child("b")).await;
            again.expect("nothing of it is left");
            assert_eq!(those(&tree, ChildState::Running).await, ["a", "b", "c"]);
        }
        let report = tree.stop().await.unwrap();
        assert_eq!(report.stopped, 3, "{strategy:?}");
        assert_eq!(probe.alive(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_is_done_though_the_caller_has_gone() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = session(&probe, TreeSpec::one_for_one);
    ask_and_go(sessions.start_session("s", spec)).await;
    probe.until(|tally| tally.ready == 3).await;
    let root = sessions.find_session("s").unwrap();
    let tree = Supervisor::try_from(root).unwrap();
    ask_and_go(tree.start_child("agent", noted(&probe))).await;
    probe.until(|tally| tally.ready == 4).await;
    ask_and_go(tree.terminate_child("agent")).await;
    probe.until(|tally| tally.stops == 1).await;
    // This one joins what is left of the stop.
    tree.terminate_child("agent").await.unwrap();
    assert_eq!(those(&tree, ChildState::NotRunning).await, ["agent"]);
    ask_and_go(tree.restart_child("agent")).await;
    probe.until(|tally| tally.ready == 5).await;
    tree.terminate_child("agent").await.unwrap();
    ask_and_go(tree.delete_child("agent")).await;
    assert_eq!(tree.count_children().await.unwrap().specs, 3);
    // What is not polled is not asked.
    drop(tree.terminate_child("a"));
    drop(tree.stop());
    assert_eq!(tree.count_children().await.unwrap().active, 3);
    ask_and_go(tree.stop()).await;
    died(&tree.get_cell()).await;
    assert_eq!(probe.stops(), 5);
    sessions.stop().await.unwrap();
    assert_eq!(probe.alive(), 0);
}

/// A caller stops the start of a session whose second child is not up yet: the first one is killed,
/// as the documentation says, and the id is free.
#[tokio::test(start_paused = true)]
async fn a_session_that_is_stopped_while_its_tree_begins_leaves_its_id_free() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let gate = Gate::closed();
    let (inner, hold) = (probe.clone(), gate.clone());
    let spec = ChildSpec::tree(move |_| {
        TreeSpec::one_for_one()
            .child("a", noted(&inner))
            .child("b", inner.script().pre_start(hold.holds()).spec())
    });
    let start = asked(sessions.start_session("s", spec.clone())).await;
    probe.until(|tally| tally.notes.len() == 1).await;
    let exit = answered("the stop", sessions.stop_session("s")).await;
    assert_eq!(exit, Ok(Exit::NotRunning));
    let start = start.await.unwrap();
    assert!(matches!(start, Err(StartError::Stopped)), "{start:?}");
    assert_eq!((probe.alive(), probe.stops()), (0, 0));
    assert_eq!(names_of(sessions.name()), [sessions.name()]);
    gate.open();
    let open = sessions.start_session("s", spec).await;
    open.expect("the id is free");
    sessions.stop().await.unwrap();
    assert_eq!((probe.alive(), probe.stops()), (0, 2));
}

/// In its own `post_stop` a child may ask its tree and its session supervisor, however they are
/// stopped.
#[tokio::test(start_paused = true)]
async fn children_ask_while_all_is_stopped() {
    for ending in Ending::ALL {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let inner = probe.clone();
        let spec = ChildSpec::tree(move |_| {
            let (told, wanted) = (inner.clone(), inner.clone());
            let asks = inner
                .script()
                .post_stop(move |start, myself: ActorRef<Order>| {
                    let (told, wanted) = (told.clone(), wanted.clone());
                    async move {
                        let tree = start.tree.as_ref().expect("a child");
                        let states: Vec<_> = tree
                            .which_children()
                            .await?
                            .into_iter()
                            .map(|child| child.state)
                            .collect();
                        assert_eq!(
                            states,
                            [
                                ChildState::Running,
                                ChildState::Stopping,
                                ChildState::NotRunning
                            ]
                        );
                        let agent = tree.start_child("agent", wanted.spec()).await;
                        assert!(matches!(agent, Err(StartChildError::SupervisorDown)));
                        let another = sessions_of(&start).start_session("t", wanted.spec()).await;
                        assert!(matches!(another, Err(StartError::SupervisorDown)));
                        assert_eq!(sessions_of(&start).list_sessions().await?.len(), 1);
                        assert!(myself.try_get_supervisor().is_some());
                        // The first one is stopped after this one.
                        let first = tree.terminate_child("a");
                        tokio::spawn(async move {
                            told.note(format!("{:?}", first.await));
                        });
                        Ok(())
                    }
                });
            TreeSpec::one_for_one()
                .child("a", noted(&inner))
                .child("b", asks.spec())
                .child("c", noted(&inner))
        });
        sessions.start_session("s", spec).await.unwrap();
        let stop = ending.begin(&sessions).await;
        answered("the end", died(&sessions.get_cell())).await;
        probe.until(|tally| tally.notes.len() == 5).await;
        let notes = probe.notes();
        assert_eq!(notes[2..4], ["-s/c", "-s/a"], "{ending:?}");
        assert!(notes[4].starts_with("Ok("), "{ending:?} {notes:?}");
        if let Some(stop) = stop {
            assert_eq!(stop.await.unwrap().unwrap().stopped, 4);
        }
        assert_eq!((probe.alive(), probe.stops()), (0, 3), "{ending:?}");
        assert_eq!(names_of(sessions.name()), [""; 0]);
    }
}

/// The stop of a session supervisor joins what is under way in its trees.
#[tokio::test(start_paused = true)]
async fn a_tree_that_stops_already_is_waited_for_by_a_stop_of_more() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let gate = Gate::closed();
    let (inner, hold) = (probe.clone(), gate.clone());
    let spec = ChildSpec::tree(move |_| {
        let holds = inner.script().post_stop(hold.holds()).spec();
        TreeSpec::one_for_one()
            .child("a", noted(&inner))
            .child("b", holds.shutdown(Shutdown::Infinity))
    });
    let tree = sessions.start_session("s", spec.clone()).await.unwrap();
    let own = asked(tree.stop()).await;
    let session = asked(sessions.stop_session("s")).await;
    let again = asked(sessions.start_session("s", spec)).await;
    let all = asked(sessions.stop()).await;
    let more = asked(tree.stop()).await;
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    let calls = [
        own.is_finished(),
        session.is_finished(),
        all.is_finished(),
        more.is_finished(),
    ];
    assert_eq!(calls, [false; 4]);
    let again = again.await.unwrap();
    assert!(
        matches!(again, Err(StartError::SupervisorDown)),
        "{again:?}"
    );
    gate.open();
    let report = own.await.unwrap().unwrap();
    assert_eq!(report.stopped, 2);
    assert_eq!(more.await.unwrap().unwrap(), report);
    session.await.unwrap().unwrap();
    assert_eq!(all.await.unwrap().unwrap().stopped, 3);
    let SupervisorDown { .. } = tree.stop().await.unwrap_err();
    assert_eq!(probe.alive(), 0);
}

/// It is back, empty, when nothing of its sessions is left: their ids can be started at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_session_supervisor_leaves_its_ids_free_when_its_parent_has_restarted_it() {
    let probe = Probe::default();
    let name = "trees-races-killed";
    let up = tokio::sync::watch::Sender::new(0_u64);
    let told = up.clone();
    // The last child starts when the session supervisor is back.
    let last = probe.script().launch(move |start| {
        told.send_replace(start.incarnation);
        async { Ok(true) }
    });
    let app = TreeSpec::rest_for_one()
        .without_restart_limit()
        .child(
            "sessions",
            SessionSupervisor::child_spec(Options::new().name(name)).backoff(Backoff::none()),
        )
        .child("last", last.spec());
    let app = start(app).await;
    let spec = session(&probe, TreeSpec::one_for_all);
    for round in 1..=200 {
        let sessions = SessionSupervisor::where_is(name).expect("it is back");
        assert_eq!(sessions.count_sessions().await.unwrap().specs, 0);
        for n in 0..10 {
            let tree = sessions.start_session(&format!("tree {n}"), spec.clone());
            tree.await.expect("no name is left");
            let plain = sessions.start_session(&format!("plain {n}"), probe.spec());
            plain.await.expect("no name is left");
        }
        sessions.get_cell().kill();
        let mut ups = up.subscribe();
        answered("the next", ups.wait_for(|up| *up > round))
            .await
            .unwrap();
    }
    // The last child.
    probe.until(|tally| tally.alive == 1).await;
    app.stop().await.unwrap();
    assert_eq!(names_of(name), [""; 0]);
}
