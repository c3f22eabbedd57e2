//! `SessionSupervisor::stats` (D34).

mod races;

use std::time::Duration;

use session_supervisor::error::StartError;
use session_supervisor::{
    Backoff, Counts, Options, Restart, SessionSupervisor, Shutdown, Stats, TreeSpec,
};
use tokio::time::sleep;

use crate::support::{Gate, Order, Probe, back, end, supervisor};

const SECOND: Duration = Duration::from_secs(1);

/// When nothing is under way: what has started runs, or has ended.
pub(crate) fn balanced(stats: &Stats) {
    let Stats {
        sessions,
        starts,
        exits,
        ..
    } = stats;
    let alive = starts.started - exits.total();
    let runs = sessions.active + sessions.stopping + sessions.stuck;
    assert_eq!(alive, runs as u64, "{stats:?}");
    assert_eq!(stats.start_duration.count(), starts.started, "{stats:?}");
    assert_eq!(stats.lifetime.count(), exits.total(), "{stats:?}");
    assert!(stats.stop_duration.count() <= exits.total(), "{stats:?}");
    assert!(stats.restart_delay.count() <= stats.restarts, "{stats:?}");
}

async fn counted(sessions: &SessionSupervisor) -> Stats {
    let counts = sessions.count_sessions().await.unwrap();
    let stats = sessions.stats();
    assert_eq!(stats.sessions, counts);
    balanced(&stats);
    stats
}

/// "After any answer of the supervisor, the numbers hold at least what that answer tells of."
#[tokio::test(start_paused = true)]
async fn an_answer_is_in_the_numbers() {
    let sessions = supervisor(Options::new().max_sessions(2)).await;
    assert_eq!(sessions.stats(), Stats::default());
    let probe = Probe::default();
    let fails = probe
        .script()
        .pre_start(|_, _| Box::pin(async { Err("no".into()) }));
    sessions.start_session("a", fails.spec()).await.unwrap_err();
    assert_eq!(sessions.stats().starts.failed, 1);
    let ignored = probe.script().launch(|_| async { Ok(false) });
    sessions
        .start_session("a", ignored.spec())
        .await
        .unwrap_err();
    assert_eq!(sessions.stats().starts.ignored, 1);

    let first = sessions.start_session("a", probe.spec()).await.unwrap();
    sessions.start_session("b", probe.spec()).await.unwrap();
    assert_eq!(counted(&sessions).await.sessions.active, 2);
    let full = sessions.start_session("c", probe.spec()).await;
    assert!(matches!(full, Err(StartError::MaxSessions { max: 2 })));
    assert_eq!(sessions.stats().rejected.max_sessions, 1);

    end(&first, Order::Crash).await;
    back(&sessions, "a").await;
    let stats = counted(&sessions).await;
    assert_eq!((stats.exits.failed, stats.restarts), (1, 1));
    sessions.stop_session("b").await.unwrap();
    let stats = sessions.stats();
    assert_eq!((stats.exits.shutdown, stats.sessions.active), (1, 1));
    assert_eq!(stats.stop_duration.count(), 1);
    // By hand.
    sessions.restart_session("a").await.unwrap();
    let stats = counted(&sessions).await;
    assert_eq!((stats.starts.started, stats.restarts), (4, 1));
    sessions.stop().await.unwrap();
    let stats = sessions.stats();
    assert_eq!(stats.sessions, Counts::default());
    assert_eq!((stats.exits.total(), stats.kills), (4, 0));
    balanced(&stats);
}

#[tokio::test(start_paused = true)]
async fn what_takes_time_is_counted_with_it() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let slow = probe
        .script()
        .pre_start(|_, _| {
            Box::pin(async {
                sleep(3 * SECOND).await;
                Ok(())
            })
        })
        .post_stop(|_, _| {
            Box::pin(async {
                sleep(2 * SECOND).await;
                Ok(())
            })
        });
    let pause = Backoff::constant(7 * SECOND);
    let spec = slow.spec().backoff(pause).start_timeout(60 * SECOND);
    let first = sessions.start_session("a", spec).await.unwrap();
    sleep(11 * SECOND).await;
    end(&first, Order::Crash).await;
    sessions.await_session::<Order>("a").await.unwrap();
    sleep(100 * SECOND).await;
    sessions.stop_session("a").await.unwrap();
    let stats = counted(&sessions).await;
    let about = |duration: Duration, seconds: u32| {
        let more = duration.checked_sub(seconds * SECOND);
        assert!(more.is_some_and(|more| more < SECOND / 10), "{duration:?}");
    };
    about(stats.start_duration.sum(), 6);
    about(stats.stop_duration.sum(), 2);
    about(stats.restart_delay.sum(), 7);
    about(stats.lifetime.sum(), 11 + 102);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn only_a_kill_of_the_supervisors_own_is_one() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let temporary = || probe.spec().restart(Restart::Temporary);
    let other = sessions.start_session("a", temporary()).await.unwrap();
    other.kill();
    sessions.wait_end("a").await.ok();
    let stats = counted(&sessions).await;
    assert_eq!((stats.exits.killed, stats.kills), (1, 0));
    let brutal = temporary().shutdown(Shutdown::BrutalKill);
    sessions.start_session("b", brutal).await.unwrap();
    sessions.stop_session("b").await.unwrap();
    let stats = counted(&sessions).await;
    assert_eq!((stats.exits.killed, stats.kills), (2, 1));
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_start_that_times_out_is_counted_when_its_launch_is_gone() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let gate = Gate::closed();
    let hangs = probe.script().pre_start(gate.holds()).spec();
    let start = sessions
        .start_session("a", hangs.start_timeout(SECOND))
        .await;
    assert!(matches!(start, Err(StartError::TimedOut)), "{start:?}");
    // It waits for that.
    sessions.start_session("a", probe.spec()).await.unwrap();
    let stats = counted(&sessions).await;
    assert_eq!((stats.starts.timed_out, stats.starts.total()), (1, 2));
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_numbers_of_a_supervisor_that_was_killed_add_up() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    for id in ["a", "b", "c"] {
        sessions.start_session(id, probe.spec()).await.unwrap();
    }
    let end = tokio::spawn(sessions.wait());
    sessions.get_cell().kill();
    end.await.unwrap();
    let stats = sessions.stats();
    assert_eq!(stats.sessions, Counts::default());
    assert_eq!((stats.exits.killed, stats.exits.total()), (3, 3));
    balanced(&stats);
}

#[tokio::test(start_paused = true)]
async fn a_tree_counts_as_one_session() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let children = probe.clone();
    let tree = session_supervisor::ChildSpec::tree(move |_| {
        TreeSpec::one_for_one()
            .child("one", children.spec())
            .child("two", children.spec())
    });
    sessions.start_session("a", tree).await.unwrap();
    let stats = counted(&sessions).await;
    assert_eq!((stats.starts.started, stats.sessions.supervisors), (1, 1));
    sessions.stop().await.unwrap();
    assert_eq!(sessions.stats().exits.total(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_sees_itself_starting_runs_among_those() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let (seen, noted) = (sessions.clone(), probe.clone());
    let looks = probe.script().pre_start(move |_, _| {
        let counts = seen.stats().sessions;
        noted.note(format!(
            "{} starting, {} running",
            counts.starting, counts.active
        ));
        Box::pin(async { Ok(()) })
    });
    sessions.start_session("a", looks.spec()).await.unwrap();
    assert_eq!(probe.notes(), ["1 starting, 0 running"]);
    sessions.stop().await.unwrap();
}
