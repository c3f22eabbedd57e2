//! More time for a session that asks.

use std::time::Duration;

use ractor::ActorRef;
use session_supervisor::error::AskForTimeError;
use session_supervisor::{
    ChildSpec, Drain, DrainOutcome, Options, Shutdown, StartContext, TreeSpec,
};
use tokio::sync::mpsc;

use super::{LONG, SECOND, outcomes, over, start_all};
use crate::support::{Gate, Order, Probe, Step, Worker, answered, asked, supervisor};
use crate::traces::Capture;

type Answers = mpsc::UnboundedReceiver<Result<Duration, AskForTimeError>>;

/// In its `post_stop` it asks for so many seconds, then works for as long as it may at least.
fn asks(probe: &Probe, seconds: u64) -> (ChildSpec<Worker>, Answers) {
    let (tell, answers) = mpsc::unbounded_channel();
    let ask = move |start: StartContext, _: ActorRef<Order>| -> Step {
        let tell = tell.clone();
        Box::pin(async move {
            let sessions = start.supervisor.ok_or("a session has one")?;
            let id = start.id.ok_or("a session has one")?;
            let asked = sessions
                .ask_for_time(&id, Duration::from_secs(seconds))
                .await;
            tell.send(asked)?;
            if let Ok(time) = asked {
                tokio::time::sleep(time.saturating_sub(SECOND / 2)).await;
            }
            Ok(())
        })
    };
    (probe.script().post_stop(ask).spec(), answers)
}

/// "Asks for more time to end a session that is being drained, counted from now, and returns how much
/// it has: at most what was asked."
#[tokio::test(start_paused = true)]
async fn it_has_what_it_asks_for_up_to_the_cap() {
    for (seconds, more, has) in [(20, 60, 20), (20, 0, 5), (100, 60, 65), (2, 60, 2)] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let (spec, mut answers) = asks(&probe, seconds);
        start_all(
            &sessions,
            &["a"],
            spec.shutdown(Shutdown::Timeout(5 * SECOND)),
        )
        .await;
        let drain = Drain::within(LONG).extend_up_to(more * SECOND);
        let report = over(sessions.drain(drain)).await.unwrap();
        let time = answers.recv().await.unwrap().unwrap();
        // A little of its own time has passed.
        let right = has * SECOND;
        assert!(
            time <= right && time + SECOND / 10 > right,
            "{time:?} of {right:?}"
        );
        let (outcome, _) = outcomes(&report)["a"];
        assert_eq!(
            outcome,
            DrainOutcome::Stopped,
            "it has used its time in peace"
        );
    }
}

/// The same from its handler, and what goes on longer than that is killed.
#[tokio::test(start_paused = true)]
async fn what_takes_longer_than_it_has_is_killed() {
    let (capture, _guard) = Capture::listen();
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = probe.spec().shutdown(Shutdown::Timeout(5 * SECOND));
    let session = sessions.start_session("a", spec).await.unwrap();
    let asking = sessions.clone();
    let order = Order::run(move |_| async move {
        tokio::time::sleep(SECOND).await;
        let time = asking.ask_for_time("a", 10 * SECOND).await?;
        assert_eq!(time, 10 * SECOND);
        std::future::pending().await
    });
    session.cast(order).unwrap();
    let drain = sessions.drain(Drain::within(LONG).extend_up_to(LONG));
    let report = answered("the drain", drain).await.unwrap();
    assert_eq!(outcomes(&report)["a"], (DrainOutcome::Killed, 11));
    capture.caught_up().await;
    let line = &capture.of("session has more time to stop")[0];
    assert_eq!(line.field("time_ms"), "10000");
    let line = &capture.of("session supervisor is stopping")[0];
    assert_eq!(line.field("reason"), "drained");
}

/// "The deadline moves only for sessions that ask for time, and at most by `Drain::extend_up_to`."
#[tokio::test(start_paused = true)]
async fn the_deadline_moves_at_most_by_the_cap() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let (spec, mut answers) = asks(&probe, 3_000);
    start_all(&sessions, &["asks"], spec.shutdown(Shutdown::Infinity)).await;
    let hangs = probe
        .script()
        .post_stop(|_, _| std::future::pending())
        .spec();
    start_all(&sessions, &["hangs"], hangs.shutdown(Shutdown::Infinity)).await;
    let drain = Drain::within(10 * SECOND).extend_up_to(20 * SECOND);
    let report = over(sessions.drain(drain)).await.unwrap();
    let time = answers.recv().await.unwrap().unwrap();
    assert!(time <= 30 * SECOND && time > 29 * SECOND, "{time:?}");
    assert_eq!(outcomes(&report)["hangs"], (DrainOutcome::Killed, 30));
    assert_eq!(outcomes(&report)["asks"].0, DrainOutcome::Stopped);
    let took = report.summary.took;
    assert!(took < 31 * SECOND, "{took:?}");
}

/// "What is granted takes nothing from the shares of sessions that wait for their turn", and what is
/// killed since its share is over is told in the log.
#[tokio::test(start_paused = true)]
async fn those_that_wait_lose_nothing_by_it() {
    let (capture, _guard) = Capture::listen();
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let (spec, mut answers) = asks(&probe, 1_000);
    start_all(&sessions, &["asks"], spec).await;
    let hangs = probe
        .script()
        .post_stop(|_, _| std::future::pending())
        .spec();
    start_all(&sessions, &["b", "c"], hangs.shutdown(Shutdown::Infinity)).await;
    let drain = Drain::within(30 * SECOND).at_most(1).extend_up_to(LONG);
    let report = over(sessions.drain(drain)).await.unwrap();
    // A third of the time that the drain may take at most, and no more than an hour above its own.
    let time = answers.recv().await.unwrap().unwrap();
    let right = (LONG + 30 * SECOND) / 3;
    assert!(time > 900 * SECOND && time <= right, "{time:?}");
    let found = outcomes(&report);
    assert_eq!(found["asks"].0, DrainOutcome::Stopped);
    for id in ["b", "c"] {
        let (outcome, seconds) = found[id];
        assert_eq!(outcome, DrainOutcome::Killed);
        assert!(seconds >= 10, "{id} had {seconds} s");
    }
    capture.caught_up().await;
    let killed = capture.of("session is killed");
    let reason = "its share of the time of its supervisor's drain is over";
    assert_eq!(killed[0].field("reason"), reason);
}

/// "`NotDraining` if no drain has asked the session to end: its turn has not come, or it was stopped
/// in another way."
#[tokio::test(start_paused = true)]
async fn where_no_drain_ends_the_session_none_is_granted() {
    let sessions = supervisor(Options::new()).await;
    let (probe, gate) = (Probe::default(), Gate::closed());
    let held = probe.script().post_stop(gate.holds()).spec();
    let held = held.shutdown(Shutdown::Infinity);
    start_all(&sessions, &["a", "b", "c"], held).await;
    let ask = |id: &str| sessions.ask_for_time(id, SECOND);
    assert_eq!(ask("a").await, Err(AskForTimeError::NotDraining));
    for id in ["unknown", "", "bad\n"] {
        assert_eq!(ask(id).await, Err(AskForTimeError::NotFound));
    }
    let drain = asked(sessions.drain(Drain::within(LONG).at_most(1))).await;
    assert_eq!(ask("a").await, Ok(SECOND));
    assert_eq!(ask("b").await, Err(AskForTimeError::NotDraining));
    // Its turn may come.
    assert!(AskForTimeError::NotDraining.is_retryable());
    let stop = asked(sessions.stop_session("c")).await;
    assert_eq!(ask("c").await, Err(AskForTimeError::NotDraining));
    let all = asked(sessions.stop()).await;
    assert_eq!(ask("a").await, Err(AskForTimeError::SupervisorDown));
    gate.open();
    for end in [
        answered("the stop", all).await.unwrap().is_ok(),
        stop.await.unwrap().is_ok(),
    ] {
        assert!(end);
    }
    assert!(drain.await.unwrap().is_ok());
    assert_eq!(ask("a").await, Err(AskForTimeError::SupervisorDown));
    assert_eq!(ask("").await, Err(AskForTimeError::SupervisorDown));
}

/// "A tree is granted nothing beyond what it has."
#[tokio::test(start_paused = true)]
async fn a_tree_has_what_it_has() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let leaf = probe.slow_to_stop(20 * SECOND).shutdown(Shutdown::Infinity);
    let tree = ChildSpec::tree(move |_| TreeSpec::one_for_one().child("leaf", leaf.clone()));
    let tree = tree.shutdown(Shutdown::Timeout(10 * SECOND));
    sessions.start_session("tree", tree).await.unwrap();
    let drain = asked(sessions.drain(Drain::within(LONG).extend_up_to(LONG))).await;
    tokio::time::sleep(SECOND).await;
    let time = sessions.ask_for_time("tree", LONG).await.unwrap();
    assert!(time <= 9 * SECOND, "{time:?}");
    let report = answered("the drain", drain).await.unwrap().unwrap();
    assert!(report.summary.killed > 0, "{report:?}");
}
