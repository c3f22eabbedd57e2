//! What an application says of the failure that brought it down, and what of that is written.

use std::time::Duration;

use session_supervisor::{Application, ChildSpec, EndCause, Ended, Options, Supervisor, TreeSpec};

use super::ends::child;
use super::{application, sessions, start};
use crate::support::{Order, Probe, Worker, answered, asked, died};

const WINDOW: Duration = Duration::from_secs(5);

/// A child whose restart fails.
fn without_disk() -> ChildSpec<Worker> {
    let probe = Probe::default();
    let script = probe.script().pre_start(|start, _| async move {
        match start.incarnation {
            1 => Ok(()),
            _ => Err("no disk".into()),
        }
    });
    script.spec()
}

/// How an application ends of whose child this one is killed.
async fn without(application: Application, role: &[&str]) -> Ended {
    let running = start(application).await;
    let mut at = running.supervisor().clone();
    let (last, way) = role.split_last().expect("a role");
    for role in way {
        at = Supervisor::try_from(child(&at, role).await).expect("a supervisor");
    }
    let child = child(&at, last).await;
    let waiting = asked(running.wait()).await;
    child.kill();
    answered("the wait", waiting).await.expect("no panic")
}

fn told(ended: &Ended) -> (&str, &str) {
    assert_eq!((ended.cause, ended.status()), (EndCause::Escalated, 1));
    let failure = ended.failure.as_ref().expect("a failure");
    (&failure.child, &failure.error)
}

#[tokio::test(start_paused = true)]
async fn it_names_the_child_and_its_error() {
    let ended = without(
        application().child("listener", without_disk()),
        &["listener"],
    )
    .await;
    assert_eq!(told(&ended), ("listener", "no disk"));
    assert_eq!(
        ended.to_string(),
        "restart limit reached by child \"listener\": no disk"
    );
}

/// Where a supervisor failed since it had reached its own limit, the child that did so is named.
#[tokio::test(start_paused = true)]
async fn it_names_the_child_of_a_child() {
    let listener = || TreeSpec::one_for_one().child("listener", without_disk());
    let inner = Supervisor::child_spec(listener());
    let web = TreeSpec::one_for_one().child("inner", inner);
    let application = application()
        .restart_limit(0, WINDOW)
        .child("web", Supervisor::child_spec(web.restart_limit(0, WINDOW)));
    let ended = without(application, &["web", "inner", "listener"]).await;
    assert_eq!(told(&ended), ("web/inner/listener", "no disk"));
}

/// "Of a session it is the id."
#[tokio::test(start_paused = true)]
async fn it_names_the_session() {
    let probe = Probe::default();
    let options = Options::new().unique_name().total_restart_limit(0, WINDOW);
    let application = Application::new(options)
        .unique_name()
        .restart_limit(0, WINDOW)
        .session("alice", probe.spec());
    let running = start(application).await;
    let alice = sessions(&running).find_session_as::<Order>("alice");
    let alice = alice.expect("it runs");
    let waiting = asked(running.wait()).await;
    alice.cast(Order::Crash).expect("it runs");
    died(&alice.get_cell()).await;
    let ended = answered("the wait", waiting).await.expect("no panic");
    let (child, error) = told(&ended);
    assert_eq!(child, "sessions/alice");
    assert!(error.starts_with("failed: "), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_end_in_order_has_no_failure() {
    let ended = start(application()).await.stop().await;
    assert_eq!(ended.failure, None);
    assert_eq!(ended.to_string(), "stopped");
}

/// The part of the next test that runs in a process of its own.
#[tokio::test]
async fn it_ends_the_process() {
    if std::env::var("APPLICATION_EXIT").is_ok() {
        let listener = application().restart_limit(0, WINDOW);
        let listener = listener.child("listener", without_disk());
        without(listener, &["listener"]).await.exit();
    }
}

/// "If the status is not 0, one line on standard error says how the application ended. It too is
/// left out if the reader is gone or too slow."
#[cfg(unix)]
#[test]
fn the_end_of_the_process_says_it_on_standard_error() {
    use std::io::{Read, Write};
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;
    use std::process::{Command, Stdio};

    let ends = |stderr: UnixStream| {
        Command::new(std::env::current_exe().expect("a path"))
            .args(["--exact", "--nocapture"])
            .arg("application::failures::it_ends_the_process")
            .env("APPLICATION_EXIT", "is tried")
            .stdout(Stdio::null())
            .stderr(OwnedFd::from(stderr))
            .status()
            .expect("it runs")
            .code()
    };
    let (mut reader, stderr) = UnixStream::pair().expect("a pair");
    assert_eq!(ends(stderr), Some(1));
    let mut printed = String::new();
    reader.read_to_string(&mut printed).expect("a text");
    let line = "the application ended: restart limit reached by child \"listener\": killed\n";
    assert!(printed.contains(line), "{printed}");
    // Nobody reads.
    let (_, gone) = UnixStream::pair().expect("a pair");
    assert_eq!(ends(gone), Some(1));
    // Nobody reads any more, and there is no room.
    let (_reader, mut full) = UnixStream::pair().expect("a pair");
    full.set_nonblocking(true).expect("an option");
    while full.write(&[0; 4_096]).is_ok() {}
    full.set_nonblocking(false).expect("an option");
    assert_eq!(ends(full), Some(1));
}
