//! What a start starts, and what becomes of one that fails, is dropped, or meets a signal.

use std::time::Duration;

use session_supervisor::error::{InvalidValue, StartChildError, StartSupervisorError};
use session_supervisor::{Application, EndCause, Options, RunningApplication, Supervisor};
use tracing::Level;

use super::{application, bad, noted, sessions, start};
use crate::support::{Gate, Probe, asked, died};
use crate::traces::Capture;

#[tokio::test(start_paused = true)]
async fn default_sessions_are_started_in_order_and_one_that_fails_is_logged() {
    let (capture, _guard) = Capture::listen();
    let probe = Probe::default();
    let running = start(
        application()
            .session("one", noted(&probe, "one"))
            .session("two", bad())
            .session("a\nb", noted(&probe, "never"))
            .session("four", noted(&probe, "never").start_timeout(Duration::ZERO))
            .session("five", noted(&probe, "five")),
    )
    .await;
    assert_eq!(probe.notes(), ["+one", "+five"]);
    let list = sessions(&running).list_sessions().await.expect("a list");
    let ids: Vec<_> = list.iter().map(|info| &*info.id).collect();
    assert_eq!(ids, ["one", "five"]);
    let failures = capture.of("default session failed to start");
    let told: Vec<_> = failures.iter().map(|seen| seen.field("session")).collect();
    assert_eq!(told, ["two", "a\nb", "four"]);
    assert_eq!(failures[0].level, Level::ERROR);
    assert!(failures[0].field("reason").ends_with("no disk"));
    assert_eq!(failures[0].field("supervisor"), sessions(&running).name());
    let ended = running.stop().await;
    assert_eq!((ended.cause, ended.status()), (EndCause::Stopped, 0));
    assert_eq!(ended.report.expect("a report").stopped, 3);
    assert_eq!(capture.of("application ended").len(), 1);
    assert_eq!(capture.of("application ended")[0].field("status"), "0");
}

#[tokio::test(start_paused = true)]
async fn bad_values_are_the_error_of_the_start_and_nothing_is_started() {
    let probe = Probe::default();
    let cases = [
        ("name", application().name("a/b")),
        (
            "name",
            Application::new(Options::new().name("a/b")).unique_name(),
        ),
        ("role", application().child("session", probe.spec())),
        ("role", application().child("sessions", probe.spec())),
        ("role", application().child_before("sessions", probe.spec())),
        (
            "restart_limit.window",
            application().restart_limit(3, Duration::ZERO),
        ),
        (
            "start_timeout",
            application().child("a", probe.spec().start_timeout(Duration::ZERO)),
        ),
    ];
    for (wrong, application) in cases {
        let application = application.session("alice", probe.spec());
        for error in [
            application.clone().start().await.map(drop),
            application.run().await.map(drop),
        ] {
            assert!(
                matches!(
                    &error,
                    Err(StartSupervisorError::InvalidOptions(InvalidValue { field, .. }))
                        if *field == wrong
                ),
                "{wrong}: {error:?}"
            );
        }
    }
    assert_eq!(probe.starts(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_child_that_does_not_start_fails_the_start_and_stops_the_others() {
    let probe = Probe::default();
    let application = application()
        .child_before("store", noted(&probe, "store"))
        .child("listener", bad())
        .session("alice", noted(&probe, "alice"));
    match application.start().await {
        Err(StartSupervisorError::ChildFailed { role, error }) => {
            assert_eq!(&*role, "listener");
            assert!(matches!(error, StartChildError::Failed { .. }), "{error:?}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(probe.notes(), ["+store", "-store"]);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_dropped_leaves_nothing_behind() {
    let (probe, gate) = (Probe::default(), Gate::closed());
    let slow = probe.script().pre_start(gate.holds()).spec();
    let name = "application-dropped";
    let starting = application()
        .name(name)
        .session("alice", probe.spec())
        .session("bob", slow);
    let starting = asked(starting.start()).await;
    probe.until(|tally| tally.starts == 2).await;
    let root = Supervisor::where_is(name)
        .expect("the root is up")
        .get_cell();
    starting.abort();
    died(&root).await;
    assert!(starting.await.is_err_and(|error| error.is_cancelled()));
    probe.until(|tally| tally.alive == 0).await;
    start(application().name(name)).await.stop().await;
}

#[test]
fn a_runtime_that_takes_no_signals_is_an_error_of_the_start() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let error = runtime.block_on(application().start()).map(drop);
    assert!(
        matches!(&error, Err(StartSupervisorError::Failed { .. })),
        "{error:?}"
    );
}

#[test]
fn its_futures_can_be_spawned() {
    fn sendable<T: Send + 'static>(_: T) {}
    sendable(application().run());
    sendable(application().start());
    let _ = |running: RunningApplication| sendable(running.wait());
    let _ = |running: RunningApplication| sendable(running.stop());
}

/// Runs a test of this module in a process of its own, sends it a signal after each of these lines,
/// and answers its status and what it printed.
#[cfg(unix)]
pub(super) fn signalled(test: &str, signals: &[(&str, &str)]) -> (Option<i32>, String) {
    use std::io::{BufRead, BufReader, Read};
    use std::process::{Command, Stdio};

    let mut child = Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", "--nocapture"])
        .arg(format!("application::{test}"))
        .env("APPLICATION_SIGNAL", "is sent")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    let mut printed = String::new();
    for (line, signal) in signals {
        while !printed.ends_with(&format!("{line}\n")) {
            let more = out.read_line(&mut printed).expect("a line");
            assert!(more > 0, "no {line:?} in {printed}");
        }
        let sent = Command::new("kill")
            .args(["-s", signal, &child.id().to_string()])
            .status();
        assert!(sent.expect("kill runs").success());
    }
    drop(child.stdin.take());
    out.read_to_string(&mut printed).expect("a text");
    (child.wait().expect("its end").code(), printed)
}

/// The part of the next test that runs in a process of its own.
#[tokio::test]
async fn it_starts_when_its_input_ends() {
    if std::env::var("APPLICATION_SIGNAL").is_err() {
        return;
    }
    let probe = Probe::default();
    let slow = probe.script().pre_start(|_, _| async {
        println!("starting");
        std::io::read_to_string(std::io::stdin())?;
        println!("started");
        Ok(())
    });
    let ended = application().child("slow", slow.spec()).run().await;
    let ended = ended.expect("it started");
    println!("{}, status {}", ended.cause, ended.status());
    println!("stopped gracefully: {}", probe.stops());
}

#[cfg(unix)]
#[test]
fn a_signal_that_comes_while_it_starts_is_not_lost() {
    let test = "starts::it_starts_when_its_input_ends";
    let (status, printed) = signalled(test, &[("starting", "TERM")]);
    for told in [
        "started\n",
        "stopped by SIGTERM, status 0\n",
        "stopped gracefully: 1\n",
    ] {
        assert!(printed.contains(told), "{printed}");
    }
    assert_eq!(status, Some(0));
}

/// The part of the next test that runs in a process of its own.
#[cfg(unix)]
#[tokio::test]
async fn it_never_starts() {
    use tokio::signal::unix::{SignalKind, signal};

    if std::env::var("APPLICATION_SIGNAL").is_err() {
        return;
    }
    let probe = Probe::default();
    let hangs = probe.script().pre_start(|_, _| async {
        let mut terminated = signal(SignalKind::terminate())?;
        println!("starting");
        terminated.recv().await;
        // A task that waits on this one thread for the same signal receives it before the next one
        // comes.
        println!("seen it");
        std::future::pending().await
    });
    let started = application()
        .child("store", noted(&probe, "store"))
        .child("hangs", hangs.spec());
    let ended = started.run().await.expect("it ended");
    println!("{}, status {}", ended.cause, ended.status());
    probe.until(|tally| tally.alive == 0).await;
    println!("nothing is left");
}

#[cfg(unix)]
#[test]
fn a_ctrl_c_after_a_signal_ends_it_while_it_starts() {
    let signals = [("starting", "TERM"), ("seen it", "INT")];
    let (status, printed) = signalled("starts::it_never_starts", &signals);
    for told in [
        "interrupted while it was stopping, status 130\n",
        "nothing is left\n",
    ] {
        assert!(printed.contains(told), "{printed}");
    }
    assert_eq!(status, Some(0));
}

/// The part of the next test that runs in a process of its own.
#[cfg(unix)]
#[tokio::test]
async fn it_hangs_while_its_owner_stops_it() {
    if std::env::var("APPLICATION_SIGNAL").is_err() {
        return;
    }
    let probe = Probe::default();
    let hangs = probe.script().post_stop(|_, _| async {
        println!("stopping");
        std::future::pending().await
    });
    let hangs = hangs
        .spec()
        .shutdown(session_supervisor::Shutdown::Infinity);
    let running = start(
        application()
            .stop_timeout(Duration::MAX)
            .child("hangs", hangs),
    )
    .await;
    let ended = running.stop().await;
    println!("{}, status {}", ended.cause, ended.status());
}

#[cfg(unix)]
#[test]
fn a_ctrl_c_ends_the_stop_that_the_owner_has_asked_for() {
    let signals = [("stopping", "INT")];
    let (status, printed) = signalled("starts::it_hangs_while_its_owner_stops_it", &signals);
    let told = "interrupted while it was stopping, status 130\n";
    assert!(printed.contains(told), "{printed}");
    assert_eq!(status, Some(0));
}
