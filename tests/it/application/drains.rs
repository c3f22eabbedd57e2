//! An application that drains its sessions when it stops (D30).
//!
//! The sentences in quotes are those of the documentation.

use std::time::Duration;

use session_supervisor::error::StartError;
use session_supervisor::{Application, EndCause, Options, SessionSupervisor, Shutdown, TreeSpec};
use tokio::time::{Instant, sleep};

use super::{application, noted, sessions, start};
use crate::support::{Order, Probe, answered, asked};

const SECOND: Duration = Duration::from_secs(1);

/// A message that takes a second, and is noted when it has been handled.
fn work(probe: &Probe, note: &'static str) -> Order {
    let probe = probe.clone();
    Order::run(move |_| async move {
        sleep(SECOND).await;
        probe.note(note);
        Ok(())
    })
}

/// An application with one session that has three seconds' work in its mailbox.
async fn busy(probe: &Probe, application: Application) -> session_supervisor::RunningApplication {
    let running = start(
        application
            .child_before("store", noted(probe, "store"))
            .child("listener", noted(probe, "listener")),
    )
    .await;
    let alice = sessions(&running).start_session("alice", noted(probe, "alice"));
    let alice = alice.await.expect("it starts");
    for note in ["one", "two", "three"] {
        alice.cast(work(probe, note)).expect("it runs");
    }
    // The first of them is being handled.
    sleep(SECOND / 2).await;
    running
}

/// "Has the session supervisor drained when the application stops: each session handles what its
/// mailbox has accepted." What is before it in the order stops after that.
#[tokio::test(start_paused = true)]
async fn sessions_end_with_their_messages_handled_when_the_application_stops() {
    let probe = Probe::default();
    let running = busy(&probe, application().drain_sessions(9 * SECOND)).await;
    let supervisor = sessions(&running);
    assert!(supervisor.is_serving() && !supervisor.is_draining());
    let began = Instant::now();
    let stopping = asked(running.stop()).await;
    sleep(SECOND / 10).await;
    assert!(supervisor.is_draining() && !supervisor.is_serving());
    let refused = supervisor.start_session("bob", noted(&probe, "bob")).await;
    assert!(matches!(refused, Err(StartError::Draining)), "{refused:?}");
    let ended = answered("the stop", stopping).await.expect("no panic");
    assert_eq!(began.elapsed(), 5 * SECOND / 2);
    assert_eq!(
        probe.notes(),
        [
            "+store",
            "+listener",
            "+alice",
            "-listener",
            "one",
            "two",
            "three",
            "-alice",
            "-store"
        ]
    );
    assert_eq!((ended.cause, ended.status()), (EndCause::Stopped, 0));
    let report = ended.report.expect("a report");
    assert_eq!((report.stopped, report.killed), (4, 0), "{report:?}");
    assert!(SessionSupervisor::where_is(supervisor.name()).is_none());
    assert!(!supervisor.is_draining() && !supervisor.is_serving());
}

/// Without it a stop loses what was accepted.
#[tokio::test(start_paused = true)]
async fn without_that_only_the_message_that_is_being_handled_is_done() {
    let probe = Probe::default();
    let ended = busy(&probe, application()).await.stop().await;
    assert_eq!(probe.notes()[4..], ["one", "-alice", "-store"]);
    assert_eq!(ended.status(), 0);
}

/// "What is left then is killed." So it is at the stop timeout, if that comes first.
#[tokio::test(start_paused = true)]
async fn what_is_left_at_the_deadline_of_the_drain_or_of_the_stop_is_killed() {
    for (drain, stop) in [(1, 25), (25, 1)] {
        let probe = Probe::default();
        let application = application()
            .drain_sessions(drain * SECOND)
            .stop_timeout(stop * SECOND);
        let running = busy(&probe, application).await;
        let began = Instant::now();
        let ended = running.stop().await;
        assert_eq!(began.elapsed(), SECOND, "{drain} {stop}");
        assert!(!probe.notes().contains(&"two".to_owned()));
        let report = ended.report.expect("a report");
        assert!(report.killed >= 1, "{report:?}");
        assert_eq!((ended.status(), probe.alive()), (0, 0));
    }
}

/// The earlier of two deadlines counts, and a drain that a caller has begun stays one.
#[tokio::test(start_paused = true)]
async fn a_drain_of_a_caller_goes_on_when_the_application_stops() {
    let probe = Probe::default();
    let running = busy(&probe, application().drain_sessions(9 * SECOND)).await;
    let order = session_supervisor::Drain::within(60 * SECOND);
    let drained = asked(sessions(&running).drain(order)).await;
    sleep(SECOND / 10).await;
    running.stop().await;
    let report = answered("the drain", drained).await.expect("no panic");
    assert_eq!(report.expect("a report").sessions.len(), 1);
    assert!(probe.notes().contains(&"three".to_owned()));
}

/// "A session supervisor that is a child with this rule is drained", however deep in a tree it is
/// and in whatever way it is stopped.
#[tokio::test(start_paused = true)]
async fn a_session_supervisor_with_the_rule_is_drained_however_it_is_stopped() {
    type Stop = fn(&session_supervisor::Supervisor);
    let ways: [Stop; 4] = [
        |root| drop(tokio::spawn(root.stop())),
        |root| drop(tokio::spawn(root.stop_within(20 * SECOND))),
        |root| drop(tokio::spawn(root.terminate_child("inner"))),
        |root| root.get_cell().stop(Some("enough".to_owned())),
    ];
    for stop in ways {
        let probe = Probe::default();
        let options = Options::new().unique_name();
        let rooms = SessionSupervisor::child_spec(options).shutdown(Shutdown::Drain(9 * SECOND));
        let inner = TreeSpec::one_for_one().child("rooms", rooms);
        let tree = TreeSpec::one_for_one()
            .unique_name()
            .child("inner", session_supervisor::Supervisor::child_spec(inner));
        let root = session_supervisor::Supervisor::start(tree).await.unwrap();
        let inner = root.find_child("inner").expect("it runs");
        let inner = session_supervisor::Supervisor::try_from(inner).expect("a supervisor");
        let children = inner.which_children().await.expect("it runs");
        let rooms = children[0].cell.clone().expect("it runs");
        let rooms = SessionSupervisor::try_from(rooms).expect("a session supervisor");
        let alice = rooms.start_session("alice", noted(&probe, "alice")).await;
        let alice = alice.unwrap();
        alice.cast(work(&probe, "one")).unwrap();
        alice.cast(work(&probe, "two")).unwrap();
        sleep(SECOND / 2).await;
        stop(&root);
        answered("the end", rooms.wait()).await;
        assert_eq!(probe.notes(), ["+alice", "one", "two", "-alice"]);
    }
}

/// The part of the next test that runs in a process of its own.
#[tokio::test]
async fn it_drains_when_its_input_ends() {
    if std::env::var("APPLICATION_SIGNAL").is_err() {
        return;
    }
    let probe = Probe::default();
    let listener = probe.script().post_stop(|_, _| async {
        println!("stopping");
        Ok(())
    });
    let running = start(
        application()
            .child("listener", listener.spec())
            .drain_sessions(3_600 * SECOND)
            .stop_timeout(7_200 * SECOND),
    )
    .await;
    let spec = probe.spec().shutdown(Shutdown::Infinity);
    let alice = sessions(&running).start_session("alice", spec).await;
    let alice = alice.expect("it starts");
    let slow = Order::run(|_| async {
        println!("working");
        tokio::task::spawn_blocking(|| std::io::read_to_string(std::io::stdin())).await??;
        println!("one");
        Ok(())
    });
    alice.cast(slow).expect("it runs");
    let quick = Order::run(|_| async {
        println!("two");
        Ok(())
    });
    alice.cast(quick).expect("it runs");
    let ended = running.wait().await;
    println!("{}, status {}", ended.cause, ended.status());
}

#[cfg(unix)]
#[test]
fn a_program_that_is_told_to_end_lets_its_sessions_finish() {
    let test = "drains::it_drains_when_its_input_ends";
    // The second one changes nothing, but comes when the first has been followed.
    let signals = [("working", "TERM"), ("stopping", "HUP")];
    let (status, printed) = super::starts::signalled(test, &signals);
    let told = "working\nstopping\none\ntwo\nstopped by SIGTERM, status 0\n";
    assert!(printed.contains(told), "{printed}");
    assert_eq!(status, Some(0));
}
