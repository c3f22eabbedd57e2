//! Where a task may be: a session, a child of a tree, a child of an application; how it is found
//! there, and what its place refuses.

use std::time::Duration;

use session_supervisor::error::{
    EnsureError, FindError, StartChildError, StartError, StartSupervisorError,
};
use session_supervisor::{
    AutoShutdown, ChildSpec, ChildState, EndCause, Ensured, Exit, Options, Restart, Shutdown,
    Strategy, Supervisor, Task, TreeSpec, names,
};
use tokio::time::{Instant, sleep};

use super::{SECOND, Track};
use crate::support::{Order, Probe, answered, died, supervisor};

/// "All that a session or a child of a `Supervisor` has holds for a task too".
#[tokio::test(start_paused = true)]
async fn a_session_that_is_a_task_is_found_like_any_other() {
    let sessions = supervisor(Options::new()).await;
    let track = Track::new();
    let spec = track.waits().label("the web server");
    let cell = sessions.start_session("http", spec).await.unwrap();
    let id = cell.get_id();
    assert_eq!(sessions.find_session("http").unwrap().get_id(), id);
    let name = names::session(sessions.name(), "http");
    assert_eq!(ractor::registry::where_is(name).unwrap().get_id(), id);
    assert!(sessions.is_running("http"));
    let awaited = sessions.await_session::<()>("http").await.unwrap();
    assert_eq!(awaited.get_id(), id);
    let address = sessions.session_ref::<()>("http").unwrap();
    assert_eq!(address.running().unwrap().get_id(), id);
    let wrong = sessions.find_session_as::<Order>("http");
    assert_eq!(wrong.unwrap_err(), FindError::WrongMessageType);
    let info = sessions.session_info("http").await.unwrap().unwrap();
    assert_eq!(info.label.as_deref(), Some("the web server"));
    assert_eq!(info.cell.unwrap().get_id(), id);
    let lease = sessions.lease("http").await.unwrap();
    drop(lease);

    let second = sessions.start_session("http", track.waits()).await;
    let Err(StartError::AlreadyStarted { cell, .. }) = second else {
        panic!("{second:?}");
    };
    assert_eq!(cell.get_id(), id);
    let ensured = sessions.ensure_session("http", track.waits()).await;
    assert_eq!(ensured.unwrap(), Ensured::Existing(cell));
    assert_eq!(track.lives().made, 1);

    // Others that are no task are not taken for one.
    let probe = Probe::default();
    sessions.start_session("chat", probe.spec()).await.unwrap();
    let tree = ChildSpec::tree(|_| TreeSpec::one_for_one());
    sessions.start_session("tree", tree).await.unwrap();
    for other in ["chat", "tree"] {
        let ensured = sessions.ensure_session(other, track.waits()).await;
        let wrong = matches!(ensured, Err(EnsureError::WrongMessageType { .. }));
        assert!(wrong, "{other}: {ensured:?}");
    }
    let ensured = sessions.ensure_session("http", probe.spec()).await;
    let wrong = matches!(ensured, Err(EnsureError::WrongMessageType { .. }));
    assert!(wrong, "{ensured:?}");
    sessions.stop().await.unwrap();
}

/// "A task has started when the function has returned the future", so the start timeout does not
/// concern the future.
#[tokio::test(start_paused = true)]
async fn the_start_timeout_ends_with_the_function() {
    let sessions = supervisor(Options::new()).await;
    let track = Track::new();
    let spec = track.waits().start_timeout(Duration::from_millis(1));
    let began = Instant::now();
    sessions.start_session("a", spec).await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
    sleep(3_600 * SECOND).await;
    assert!(sessions.is_running("a"));
    assert_eq!(track.lives().made, 1);
}

/// "A session that is a task cannot have an `idle_timeout`", and a lifetime only a session has.
#[tokio::test(start_paused = true)]
async fn what_a_task_cannot_have_is_refused_before_anything_is_started() {
    let sessions = supervisor(Options::new()).await;
    let track = Track::new();
    let idle = || track.waits().idle_timeout(SECOND);
    for erased in [false, true] {
        let refused = match erased {
            false => sessions.start_session("a", idle()).await.map(drop),
            true => sessions.start_session("a", idle().erase()).await.map(drop),
        };
        let Err(StartError::InvalidSpec(value)) = refused else {
            panic!("not refused: {refused:?}");
        };
        assert_eq!(
            value.to_string(),
            "idle_timeout is 1s: a task takes no messages, so it is never idle"
        );
    }
    let tree = TreeSpec::one_for_one().child("a", track.waits().max_lifetime(SECOND));
    let refused = Supervisor::start(tree.unique_name()).await.unwrap_err();
    let invalid = matches!(refused, StartSupervisorError::InvalidOptions(_));
    assert!(invalid, "{refused:?}");
    let empty = Supervisor::start(TreeSpec::one_for_one().unique_name()).await;
    let refused = empty.unwrap().start_child("a", idle()).await.unwrap_err();
    assert!(
        matches!(refused, StartChildError::InvalidSpec(_)),
        "{refused:?}"
    );
    assert_eq!(track.lives().made, 0);
}

/// Three tasks that note when they begin and when they are asked to stop. The second fails once.
fn three(strategy: Strategy, probe: &Probe, track: &Track) -> TreeSpec {
    let child = |role: &'static str| {
        let probe = probe.clone();
        track.task(move |start, stop| {
            let probe = probe.clone();
            probe.note(format!("+{role}"));
            async move {
                if role == "b" && start.incarnation == 1 {
                    sleep(SECOND).await;
                    return Err("no ink".into());
                }
                stop.requested().await;
                probe.note(format!("-{role}"));
                Ok(())
            }
        })
    };
    TreeSpec::new(strategy)
        .child("a", child("a"))
        .child("b", child("b"))
        .child("c", child("c"))
}

#[tokio::test(start_paused = true)]
async fn in_a_tree_each_strategy_stops_and_starts_tasks_in_order() {
    let cases = [
        (Strategy::OneForOne, vec!["+b"]),
        (Strategy::OneForAll, vec!["-c", "-a", "+a", "+b", "+c"]),
        (Strategy::RestForOne, vec!["-c", "+b", "+c"]),
    ];
    for (strategy, told) in cases {
        let (probe, track) = (Probe::default(), Track::new());
        let tree = three(strategy, &probe, &track).unique_name();
        let tree = Supervisor::start(tree).await.unwrap();
        assert_eq!(probe.notes(), ["+a", "+b", "+c"]);
        sleep(2 * SECOND).await;
        assert_eq!(probe.notes()[3..], told, "{strategy:?}");
        assert_eq!(track.lives().alive, 3);
        let seen = probe.notes().len();
        let report = tree.stop().await.unwrap();
        assert_eq!((report.stopped, report.killed), (3, 0));
        assert_eq!(probe.notes()[seen..], ["-c", "-b", "-a"]);
        assert_eq!(track.lives().alive, 0);
    }
}

/// In a session that is a tree, and by its role from anywhere.
#[tokio::test(start_paused = true)]
async fn in_the_tree_of_a_session_a_task_is_found_by_its_role() {
    let sessions = supervisor(Options::new()).await;
    let (probe, track) = (Probe::default(), Track::new());
    let (inner, tasks) = (probe.clone(), track.clone());
    let spec = ChildSpec::tree(move |_| {
        let told = inner.clone();
        let timer = tasks.task(move |start, stop| {
            let told = told.clone();
            async move {
                told.note(format!(
                    "{} {}",
                    start.key(),
                    start.role.as_deref().unwrap()
                ));
                assert!(start.tree.unwrap().find_child("chat").is_some());
                stop.requested().await;
                Ok(())
            }
        });
        TreeSpec::one_for_one()
            .child("chat", inner.spec())
            .child("timer", timer)
            .child_on_demand("report", tasks.waits())
    });
    let alice = sessions.start_session("alice", spec).await.unwrap();
    sleep(SECOND).await;
    assert_eq!(probe.notes(), ["alice timer"]);
    let timer = sessions.find_child("alice", "timer").unwrap();
    assert!(sessions.find_child("alice", "report").is_none());
    alice.restart_child("report").await.unwrap();
    let added = alice.start_child("more", track.waits()).await.unwrap();
    assert_eq!(alice.find_child("more").unwrap().get_id(), added.get_id());
    assert_eq!(track.lives().alive, 3);
    timer.kill();
    died(&timer).await;
    track.made(4).await;
    let children = alice.which_children().await.unwrap();
    let running = |child: &&session_supervisor::ChildInfo| child.state == ChildState::Running;
    assert_eq!(children.iter().filter(running).count(), 4);
    alice.terminate_child("more").await.unwrap();
    assert_eq!(sessions.stop_session("alice").await, Ok(Exit::Shutdown));
    assert_eq!(track.lives().alive, 0);
}

/// "The default for a child of a supervisor is `Restart::Permanent`, which starts it again after
/// `Ok(())`."
#[tokio::test(start_paused = true)]
async fn a_child_that_is_over_is_started_again_unless_it_is_transient() {
    for restart in [None, Some(Restart::Transient)] {
        let track = Track::new();
        let job = track.task(|start, stop| async move {
            if start.incarnation < 3 {
                return Ok(());
            }
            stop.requested().await;
            Ok(())
        });
        let job = match restart {
            Some(restart) => job.restart(restart),
            None => job,
        };
        let tree = TreeSpec::one_for_one().child("job", job).unique_name();
        let tree = Supervisor::start(tree).await.unwrap();
        sleep(SECOND).await;
        let made = if restart.is_none() { 3 } else { 1 };
        assert_eq!(track.lives().made, made);
        tree.stop().await.unwrap();
    }
}

/// A significant task that is over ends its tree.
#[tokio::test(start_paused = true)]
async fn a_significant_task_that_is_over_ends_its_supervisor() {
    let track = Track::new();
    let job = track.task(|_, _| async {
        sleep(SECOND).await;
        Ok(())
    });
    let job = job.restart(Restart::Transient).significant();
    let tree = TreeSpec::one_for_one()
        .auto_shutdown(AutoShutdown::AnySignificant)
        .child("other", track.waits())
        .child("job", job)
        .unique_name();
    let began = Instant::now();
    let tree = Supervisor::start(tree).await.unwrap();
    let report = answered("the end", tree.wait()).await.unwrap();
    assert_eq!(began.elapsed(), SECOND);
    assert_eq!((report.stopped, report.killed), (2, 0));
    assert_eq!(track.lives().alive, 0);
}

/// A server beside the sessions of an application: started after them, stopped before them.
#[tokio::test(start_paused = true)]
async fn in_an_application_a_task_ends_in_its_turn() {
    let (probe, track) = (Probe::default(), Track::new());
    let told = probe.clone();
    let server = track.task(move |_, stop| {
        let told = told.clone();
        async move {
            told.note("serves");
            stop.requested().await;
            sleep(SECOND).await;
            told.note("has served");
            Ok(())
        }
    });
    let chat = {
        let told = probe.clone();
        let script = probe.script().post_stop(move |_, _| {
            told.note("chat ends");
            async { Ok(()) }
        });
        script.spec()
    };
    let application = session_supervisor::Application::new(Options::new().unique_name())
        .unique_name()
        .child("server", server)
        .session("chat", chat)
        .session("clock", track.waits());
    let running = application.start().await.unwrap();
    probe.until(|tally| tally.notes.len() == 1).await;
    let sessions = running.sessions().unwrap();
    assert!(sessions.is_running("clock"));
    let ended = running.stop().await;
    assert_eq!((ended.cause, ended.status()), (EndCause::Stopped, 0));
    assert_eq!(probe.notes(), ["serves", "has served", "chat ends"]);
    assert_eq!((track.lives().made, track.lives().alive), (2, 0));

    // One that fails at once, again and again, ends it with status 1.
    let track = Track::new();
    let fails = track.task(|_, _| async { Err("the port is taken".into()) });
    let application = session_supervisor::Application::new(Options::new().unique_name())
        .unique_name()
        .child("server", fails);
    let ended = answered("the end", application.run()).await.unwrap();
    assert_eq!((ended.cause, ended.status()), (EndCause::Escalated, 1));
    assert_eq!((track.lives().made, track.lives().alive), (4, 0));
}

/// "The function is called for every incarnation", and clones of a spec are one task each.
#[tokio::test(start_paused = true)]
async fn one_spec_serves_any_number_of_tasks() {
    let sessions = supervisor(Options::new()).await;
    let track = Track::new();
    let spec = track.waits();
    let mixed: Vec<(&str, ChildSpec)> = vec![
        ("a", spec.clone().erase()),
        ("b", Probe::default().spec().erase()),
        ("c", spec.clone().shutdown(Shutdown::BrutalKill).erase()),
    ];
    for (id, spec) in mixed {
        sessions.start_session(id, spec).await.unwrap();
    }
    let spec: ChildSpec<Task> = spec;
    sessions.start_session("d", spec).await.unwrap();
    sleep(SECOND).await;
    let lives = track.lives();
    assert_eq!((lives.made, lives.alive), (3, 3));
    let report = sessions.stop().await.unwrap();
    assert_eq!((report.stopped, report.killed), (3, 1));
    assert_eq!(track.lives().alive, 0);
}
