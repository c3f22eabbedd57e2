//! Repeated crashes of one session are summed up after the tenth in a minute (D36).

use std::time::Duration;

use session_supervisor::{Backoff, ChildSpec, Options, Supervisor, TreeSpec};
use tracing::Level;

use super::{Capture, Seen};
use crate::support::{Order, Probe, back, end, supervisor};

const CRASHED: &str = "session ended abnormally";
const LAST: &str = "session ended abnormally; further ones in this minute are summed up";

/// What an operator sees who listens from `warn` on.
fn warned(capture: &Capture) -> Vec<Seen> {
    let mut seen = capture.seen();
    seen.retain(|seen| seen.level <= Level::WARN);
    seen
}

#[tokio::test(start_paused = true)]
async fn a_session_in_a_crash_loop_writes_ten_lines_a_minute() {
    let (capture, _guard) = Capture::listen();
    let sessions = supervisor(Options::new().without_session_restart_limit()).await;
    let probe = Probe::default();
    sessions.start_session("a", probe.spec()).await.unwrap();
    sessions.start_session("b", probe.spec()).await.unwrap();
    for _ in 0..25 {
        end(&back(&sessions, "a").await, Order::Crash).await;
    }
    // Each session has a minute of its own.
    end(&back(&sessions, "b").await, Order::Crash).await;
    back(&sessions, "a").await;
    capture.caught_up().await;
    let texts =
        |seen: &[Seen]| -> Vec<String> { seen.iter().map(|seen| seen.text.clone()).collect() };
    let mut expected = vec![CRASHED; 9];
    expected.extend([LAST, CRASHED]);
    assert_eq!(texts(&warned(&capture)), expected);
    assert_eq!(warned(&capture)[10].field("session"), "b");
    // At `debug` nothing is left out.
    let mut details = capture.of(CRASHED);
    details.retain(|seen| seen.level == Level::DEBUG);
    assert_eq!(details.len(), 15);
    assert_eq!(details[14].field("incarnation"), "25");
    assert_eq!(details[14].field("reason"), "failed: told to crash");

    tokio::time::sleep(Duration::from_secs(60)).await;
    end(&back(&sessions, "a").await, Order::Crash).await;
    back(&sessions, "a").await;
    capture.caught_up().await;
    let warned = warned(&capture);
    let last = warned.last().unwrap();
    assert_eq!((&*last.text, last.field("summed")), (CRASHED, "15"));
    assert!(
        warned[..11]
            .iter()
            .all(|seen| !seen.fields.contains_key("summed"))
    );
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_does_not_come_back_has_its_line_with_the_number() {
    let (capture, _guard) = Capture::listen();
    let options = Options::new().session_restart_limit(12, Duration::from_secs(60));
    let sessions = supervisor(options).await;
    let probe = Probe::default();
    sessions.start_session("a", probe.spec()).await.unwrap();
    for _ in 0..12 {
        end(&back(&sessions, "a").await, Order::Crash).await;
    }
    end(&back(&sessions, "a").await, Order::Crash).await;
    sessions.count_sessions().await.unwrap();
    capture.caught_up().await;
    let warned = warned(&capture);
    assert_eq!(warned.len(), 11);
    let parked = &warned[10];
    assert_eq!((parked.level, parked.field("summed")), (Level::ERROR, "2"));
    assert_eq!(parked.field("decision"), "park");
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_child_of_a_tree_is_summed_up_too() {
    let (capture, _guard) = Capture::listen();
    let probe = Probe::default();
    let tree = TreeSpec::one_for_one()
        .child("worker", probe.spec())
        .without_restart_limit()
        .unique_name();
    let tree = Supervisor::start(tree).await.unwrap();
    for n in 1..=14 {
        let worker = tree.find_child_as::<Order>("worker").unwrap();
        end(&worker, Order::Crash).await;
        probe.until(|tally| tally.ready > n).await;
    }
    capture.caught_up().await;
    let warned = warned(&capture);
    assert_eq!(warned.len(), 10);
    assert_eq!(warned[9].text, LAST.replace("session", "child"));
    assert_eq!(warned[9].field("role"), "worker");
    tree.stop().await.unwrap();
}

/// A tree that ends with each crash of its child is started anew by its session. What was summed up
/// before goes on.
#[tokio::test(start_paused = true)]
async fn a_child_that_ends_its_tree_each_time_is_summed_up_over_the_incarnations_of_the_tree() {
    let (capture, _guard) = Capture::listen();
    let sessions = supervisor(Options::new().without_session_restart_limit()).await;
    let probe = Probe::default();
    let crashes = probe.script().post_start(|_, _| async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Err("no ink".into())
    });
    let crashes = crashes.spec();
    let window = Duration::from_secs(5);
    let tree = ChildSpec::tree(move |_| {
        let inner = TreeSpec::one_for_one()
            .restart_limit(0, window)
            .unique_name()
            .child("worker", crashes.clone());
        TreeSpec::one_for_one()
            .restart_limit(0, window)
            .child("inner", Supervisor::child_spec(inner))
    });
    let tree = tree.backoff(Backoff::none());
    sessions.start_session("a", tree).await.unwrap();
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(probe.starts() > 100, "{}", probe.starts());
    capture.caught_up().await;
    let warned = warned(&capture);
    let of = |role: &str| {
        let mut lines = warned.iter().map(|seen| seen.fields.get("role"));
        lines
            .by_ref()
            .filter(|it| it.is_some_and(|it| it == role))
            .count()
    };
    // The first incarnation of the tree has its own, and the others go on with those of each other.
    assert_eq!((of("worker"), of("inner")), (11, 11), "{warned:?}");
    assert!(warned.len() <= 32, "{warned:?}");
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn restarts_that_time_out_are_summed_up() {
    let (capture, _guard) = Capture::listen();
    let sessions = supervisor(Options::new().without_session_restart_limit()).await;
    let probe = Probe::default();
    let hangs = probe.script().launch(|start| async move {
        match start.incarnation {
            1 => Ok(true),
            _ => std::future::pending().await,
        }
    });
    let hangs = hangs
        .spec()
        .start_timeout(Duration::from_millis(10))
        .backoff(Backoff::none());
    let session = sessions.start_session("a", hangs).await.unwrap();
    end(&session, Order::Crash).await;
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert!(probe.starts() > 40, "{}", probe.starts());
    capture.caught_up().await;
    assert_eq!(warned(&capture).len(), 10);
    sessions.stop().await.unwrap();
}

/// A storm of many sessions is told of each.
#[tokio::test(start_paused = true)]
async fn many_sessions_that_crash_once_have_a_line_each() {
    let (capture, _guard) = Capture::listen();
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec: ChildSpec<_> = probe.spec();
    for n in 0..100 {
        let id = format!("session {n}");
        let session = sessions.start_session(&id, spec.clone()).await.unwrap();
        end(&session, Order::Crash).await;
    }
    sessions.count_sessions().await.unwrap();
    capture.caught_up().await;
    assert_eq!(warned(&capture).len(), 100);
    sessions.stop().await.unwrap();
}
