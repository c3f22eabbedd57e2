//! `ChildSpec::idle_timeout`.

use ractor::Actor;
use session_supervisor::error::{StartChildError, StartError, StartSupervisorError, StopError};
use session_supervisor::{
    ChildSpec, Ensured, Exit, Options, Restart, SessionState, Shutdown, Supervisor, TreeSpec,
};
use std::time::Duration;
use tokio::time::{Instant, sleep};

use super::{ENDS_THEN, SECOND, TICK, TIMEOUT, runs_for};
use crate::support::{Gate, Order, Parent, Probe, died, supervisor};
use crate::traces::Capture;

/// "It is ended when that time is over and not before", "then stops and is forgotten, whatever its
/// restart kind".
#[tokio::test(start_paused = true)]
async fn an_idle_session_ends_when_its_time_is_over_and_is_forgotten() {
    for restart in [Restart::Permanent, Restart::Transient, Restart::Temporary] {
        let (capture, _guard) = Capture::listen();
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let spec = probe.spec().restart(restart).idle_timeout(TIMEOUT);
        sessions.start_session("a", spec).await.unwrap();
        assert_eq!(runs_for(&sessions, "a", TIMEOUT).await, ENDS_THEN);
        assert!(sessions.session_info("a").await.unwrap().is_none());
        assert_eq!(sessions.stop_session("a").await, Err(StopError::NotFound));
        assert_eq!((probe.starts(), probe.stops(), probe.alive()), (1, 1, 0));
        capture.caught_up().await;
        let lines = capture.of("session is to stop");
        assert_eq!(lines[0].field("reason"), "idle for 40ms");
        let ends = capture.of("session ended");
        assert_eq!(ends[0].field("reason"), "shutdown");
        sessions.stop().await.unwrap();
    }
}

/// "The time counts from its last message".
#[tokio::test(start_paused = true)]
async fn messages_keep_it_and_the_time_counts_from_the_last() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = probe.spec().idle_timeout(TIMEOUT);
    let session = sessions.start_session("a", spec).await.unwrap();
    for _ in 0..50 {
        sleep(TIMEOUT - 2 * TICK).await;
        session.cast(Order::run(|_| async { Ok(()) })).unwrap();
    }
    assert_eq!(runs_for(&sessions, "a", TIMEOUT).await, ENDS_THEN);
    assert_eq!((probe.starts(), probe.stops()), (1, 1));
}

/// "A session is not idle while one of its callbacks runs".
#[tokio::test(start_paused = true)]
async fn a_callback_that_runs_is_use() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let gate = Gate::closed();
    let slow = probe.script().post_start(gate.holds()).spec();
    let session = sessions
        .start_session("a", slow.idle_timeout(TIMEOUT))
        .await
        .unwrap();
    sleep(60 * SECOND).await;
    assert!(sessions.is_running("a"), "its post_start runs");
    gate.open();
    session
        .cast(Order::run(|_| async {
            sleep(60 * SECOND).await;
            Ok(())
        }))
        .unwrap();
    sleep(60 * SECOND - TICK).await;
    assert!(sessions.is_running("a"), "its handler runs");
    sleep(TICK).await;
    assert_eq!(runs_for(&sessions, "a", TIMEOUT).await, ENDS_THEN);
    assert_eq!(probe.stops(), 1);
}

/// "Only messages count as use, supervision events do not".
#[tokio::test(start_paused = true)]
async fn supervision_events_are_no_use() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = probe.spec().idle_timeout(TIMEOUT);
    let session = sessions.start_session("a", spec).await.unwrap();
    sleep(TIMEOUT / 2).await;
    let linked = Parent::spawn_linked(None, Parent, probe.clone(), session.get_cell()).await;
    drop(linked.unwrap());
    assert_eq!(runs_for(&sessions, "a", TIMEOUT / 2).await, ENDS_THEN);
}

/// "It handles what is in its mailbox and takes no more", "a message that comes later is handed back
/// to its sender in the error", "a start of the id waits until it is gone".
#[tokio::test(start_paused = true)]
async fn what_comes_too_late_comes_back_and_a_start_waits() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = probe.slow_to_stop(SECOND).idle_timeout(TIMEOUT);
    let session = sessions.start_session("a", spec.clone()).await.unwrap();
    sleep(TIMEOUT + TICK).await;
    let info = sessions.session_info("a").await.unwrap().unwrap();
    assert_eq!(info.state, SessionState::Stopping);
    let late = session.cast(Order::Crash).unwrap_err();
    let ractor::MessagingErr::SendErr(Order::Crash) = late else {
        panic!("the message is lost: {late:?}");
    };
    let began = Instant::now();
    let next = sessions.ensure_session("a", spec).await.unwrap();
    assert!(matches!(next, Ensured::Created(_)), "{next:?}");
    assert!(began.elapsed() > SECOND - 5 * TICK, "two lives of one id");
    assert_eq!((probe.starts(), probe.stops()), (2, 1));
}

/// "And is killed after it": also one whose rule leaves no time has some.
#[tokio::test(start_paused = true)]
async fn one_that_does_not_end_is_killed_after_the_time_of_its_rule() {
    let cases = [
        (Shutdown::BrutalKill, 5 * SECOND),
        (Shutdown::Timeout(2 * SECOND), 2 * SECOND),
        (Shutdown::Drain(3 * SECOND), 3 * SECOND),
    ];
    for (shutdown, grace) in cases {
        let (capture, _guard) = Capture::listen();
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let spec = probe.slow_to_stop(3_600 * SECOND).shutdown(shutdown);
        let spec = spec.idle_timeout(TIMEOUT);
        let session = sessions.start_session("a", spec).await.unwrap();
        sleep(TIMEOUT + grace - TICK).await;
        assert_eq!(probe.alive(), 1, "{shutdown:?}");
        died(&session.get_cell()).await;
        sleep(TICK).await;
        assert!(sessions.session_info("a").await.unwrap().is_none());
        capture.caught_up().await;
        let killed = capture.of("session is killed");
        let reason = format!("not stopped within its grace of {grace:?}");
        assert_eq!(killed[0].field("reason"), reason);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_joins_the_end_and_a_stop_of_all_counts_it() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    for id in ["a", "b"] {
        let spec = probe.slow_to_stop(SECOND).idle_timeout(TIMEOUT);
        sessions.start_session(id, spec).await.unwrap();
    }
    sleep(TIMEOUT + TICK).await;
    assert_eq!(sessions.count_sessions().await.unwrap().stopping, 2);
    let (one, all) = tokio::join!(sessions.stop_session("a"), sessions.stop());
    assert_eq!(one, Ok(Exit::Shutdown));
    let report = all.unwrap();
    assert_eq!((report.stopped, report.killed), (2, 0), "{report:?}");
}

/// "A failure meanwhile ends it too": a permanent one is not restarted after it.
#[tokio::test(start_paused = true)]
async fn one_that_fails_while_it_ends_does_not_come_back() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let script = probe
        .script()
        .post_stop(|_, _| async { Err("a bad end".into()) });
    let spec = script.spec().restart(Restart::Permanent);
    let spec = spec.idle_timeout(TIMEOUT);
    sessions.start_session("a", spec).await.unwrap();
    sleep(SECOND).await;
    assert!(sessions.session_info("a").await.unwrap().is_none());
    assert_eq!(probe.starts(), 1);
}

#[tokio::test(start_paused = true)]
async fn it_must_be_longer_than_zero_and_is_a_rule_for_sessions_that_take_messages() {
    let sessions = supervisor(Options::new()).await;
    let zero = Probe::default().spec().idle_timeout(Duration::ZERO);
    let refused = sessions.start_session("a", zero).await.unwrap_err();
    let StartError::InvalidSpec(value) = refused else {
        panic!("not refused: {refused:?}");
    };
    assert_eq!(
        value.to_string(),
        "idle_timeout is 0ns: must be longer than zero"
    );
    let tree = || ChildSpec::tree(|_| TreeSpec::one_for_one()).idle_timeout(SECOND);
    for erased in [false, true] {
        let refused = match erased {
            false => sessions.start_session("a", tree()).await.map(drop),
            true => sessions.start_session("a", tree().erase()).await.map(drop),
        };
        let Err(StartError::InvalidSpec(value)) = refused else {
            panic!("not refused: {refused:?}");
        };
        assert_eq!((value.field, &*value.value), ("idle_timeout", "1s"));
    }
    let child = || Probe::default().spec().idle_timeout(SECOND);
    let described = TreeSpec::one_for_one().child("c", child()).unique_name();
    let refused = Supervisor::start(described).await.unwrap_err();
    assert!(
        matches!(refused, StartSupervisorError::InvalidOptions(_)),
        "{refused:?}"
    );
    let empty = Supervisor::start(TreeSpec::one_for_one().unique_name()).await;
    let refused = empty.unwrap().start_child("c", child()).await.unwrap_err();
    assert!(
        matches!(refused, StartChildError::InvalidSpec(_)),
        "{refused:?}"
    );
}

/// Sessions that were started together are idle together. None is killed for waiting in line.
#[tokio::test(start_paused = true)]
async fn thousands_that_are_idle_at_once_all_end_gracefully() {
    const MANY: usize = 3_000;
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = probe.spec().idle_timeout(SECOND);
    for n in 0..MANY {
        let start = sessions.start_session(&n.to_string(), spec.clone());
        start.await.unwrap();
    }
    let tally = probe.until(|tally| tally.alive == 0).await;
    assert_eq!((tally.starts, tally.stops), (MANY, MANY));
    sleep(TICK).await;
    assert_eq!(sessions.count_sessions().await.unwrap().specs, 0);
}

/// "Such an event delays the end by nothing": neither one that is being handled when the time is
/// over, nor one at each such moment.
#[tokio::test(start_paused = true)]
async fn an_event_that_is_being_handled_at_the_end_delays_nothing() {
    let sessions = supervisor(Options::new()).await;
    let slow = |pause| {
        ChildSpec::new(move |_| (Host, pause))
            .idle_timeout(TIMEOUT)
            .shutdown(Shutdown::Drain(SECOND))
    };
    for (id, pause, children) in [("slow", SECOND / 2, 1), ("busy", TICK * 4, 20)] {
        let host = sessions.start_session(id, slow(pause)).await.unwrap();
        let began = Instant::now();
        let mut linked = Vec::new();
        for n in 1..=children {
            let end = TIMEOUT * n - TICK * 2;
            let child = Guest::spawn_linked(None, Guest, (), host.get_cell()).await;
            let child = child.unwrap().0;
            linked.push(tokio::spawn(async move {
                sleep(end).await;
                child.stop(None);
            }));
        }
        sessions.wait_end(id).await.unwrap();
        let took = began.elapsed();
        assert!(
            took < TIMEOUT + pause + TICK * 4,
            "{id} ended after {took:?}"
        );
        linked.iter().for_each(tokio::task::JoinHandle::abort);
    }
    sessions.stop().await.unwrap();
}

/// It takes its time with each supervision event.
struct Host;

#[ractor::actor(message = (), state = Duration, arguments = Duration)]
impl Host {
    async fn pre_start(
        &self,
        _myself: ractor::ActorRef<()>,
        pause: Duration,
    ) -> Result<Duration, ractor::ActorProcessingErr> {
        Ok(pause)
    }

    async fn handle_supervisor_evt(
        &self,
        _myself: ractor::ActorRef<()>,
        event: ractor::SupervisionEvent,
        pause: &mut Duration,
    ) -> Result<(), ractor::ActorProcessingErr> {
        if let ractor::SupervisionEvent::ActorTerminated(..) = event {
            sleep(*pause).await;
        }
        Ok(())
    }
}

struct Guest;

#[ractor::actor(message = (), state = (), arguments = ())]
impl Guest {}
