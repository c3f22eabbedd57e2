//! `ChildSpec::max_lifetime`.

use std::collections::BTreeSet;
use std::time::Duration;

use session_supervisor::error::StartError;
use session_supervisor::{ChildSpec, Options, Restart, Shutdown, TreeSpec};
use tokio::time::{Instant, sleep};

use super::{SECOND, TICK};
use crate::support::{Order, Probe, back, died, end, supervisor};
use crate::traces::Capture;

const LONGEST: Duration = Duration::from_secs(1_000);

/// "Each incarnation lives for 90 % to 100 % of this time, so that sessions which were started
/// together do not end together."
#[tokio::test(start_paused = true)]
async fn each_lives_for_nine_tenths_to_all_of_its_time() {
    let (capture, _guard) = Capture::listen();
    let sessions = supervisor(Options::new().seed(7)).await;
    let probe = Probe::default();
    let began = Instant::now();
    let mut ends = BTreeSet::new();
    let mut lives = tokio::task::JoinSet::new();
    for n in 0..30 {
        let spec = probe.spec().restart(Restart::Permanent);
        let spec = spec.max_lifetime(LONGEST);
        let session = sessions.start_session(&n.to_string(), spec).await.unwrap();
        // Neither messages nor leases prolong it.
        let lease = sessions.lease(&n.to_string()).await.unwrap();
        lives.spawn(async move {
            died(&session.get_cell()).await;
            drop(lease);
            began.elapsed()
        });
    }
    for lived in lives.join_all().await {
        assert!(lived >= LONGEST * 9 / 10 && lived <= LONGEST + 10 * TICK);
        ends.insert(lived.as_millis());
    }
    assert!(ends.len() > 25, "they end together: {ends:?}");
    sleep(60 * SECOND).await;
    assert_eq!(sessions.count_sessions().await.unwrap().specs, 0);
    assert_eq!((probe.starts(), probe.stops()), (30, 30));
    capture.caught_up().await;
    let lines = capture.of("session is to stop");
    let reason = "its lifetime of at most 1000s is over";
    assert_eq!(lines[0].field("reason"), reason);
}

/// "A restart counts anew."
#[tokio::test(start_paused = true)]
async fn a_restart_counts_anew() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = probe.spec().max_lifetime(LONGEST);
    let session = sessions.start_session("a", spec).await.unwrap();
    sleep(LONGEST * 8 / 10).await;
    end(&session, Order::Crash).await;
    let session = back(&sessions, "a").await;
    sleep(LONGEST * 8 / 10).await;
    let cell = sessions.restart_session("a").await.unwrap();
    died(&session.get_cell()).await;
    sleep(LONGEST * 8 / 10).await;
    assert!(sessions.is_running("a"));
    died(&cell).await;
    assert_eq!((probe.starts(), probe.alive()), (3, 0));
}

/// "It handles what is in its mailbox, then stops", whatever its shutdown rule: "a rule that leaves
/// no time, such as `BrutalKill`, counts as 5 s here". An idle session ends in the same way.
#[tokio::test(start_paused = true)]
async fn it_handles_what_is_in_its_mailbox_whatever_its_shutdown_rule() {
    for shutdown in [
        Shutdown::BrutalKill,
        Shutdown::Timeout(Duration::ZERO),
        Shutdown::Timeout(5 * SECOND),
        Shutdown::Drain(5 * SECOND),
        Shutdown::Infinity,
    ] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let spec = probe.spec().max_lifetime(SECOND).shutdown(shutdown);
        let session = sessions.start_session("a", spec).await.unwrap();
        // Some four seconds are left when its time is over.
        for n in 0..50 {
            let probe = probe.clone();
            let message = Order::run(move |_| async move {
                sleep(SECOND / 10).await;
                probe.note(n.to_string());
                Ok(())
            });
            session.cast(message).unwrap();
        }
        died(&session.get_cell()).await;
        assert_eq!(probe.notes().len(), 50, "{shutdown:?}");
        assert_eq!((probe.stops(), probe.alive()), (1, 0), "{shutdown:?}");
    }
}

/// "A tree stops its children by their own rules."
#[tokio::test(start_paused = true)]
async fn a_tree_has_one_too() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let inner = probe.clone();
    let tree = ChildSpec::tree(move |_| {
        TreeSpec::one_for_all()
            .child("one", inner.slow_to_stop(SECOND))
            .child("two", inner.spec())
    });
    let tree = tree.max_lifetime(LONGEST);
    let tree = sessions.start_session("a", tree).await.unwrap();
    sleep(LONGEST * 8 / 10).await;
    assert!(sessions.is_running("a"));
    tree.wait().await.unwrap();
    sleep(TICK).await;
    assert!(sessions.session_info("a").await.unwrap().is_none());
    assert_eq!((probe.starts(), probe.stops(), probe.alive()), (2, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn it_must_be_longer_than_zero_and_is_a_rule_for_sessions() {
    let sessions = supervisor(Options::new()).await;
    let zero = Probe::default().spec().max_lifetime(Duration::ZERO);
    let refused = sessions.start_session("a", zero).await.unwrap_err();
    assert!(matches!(refused, StartError::InvalidSpec(_)), "{refused:?}");
    let child = Probe::default().spec().max_lifetime(SECOND);
    let tree = TreeSpec::one_for_one().child("c", child).unique_name();
    let refused = session_supervisor::Supervisor::start(tree)
        .await
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "invalid options: max_lifetime is 1s: only a session can have it, not a child of a tree (in \
         the spec of c)"
    );
}
