//! Sessions that go their own ways: that leave the supervisor's tree, or ask for their own stop.

use session_supervisor::error::StopError;
use session_supervisor::{ChildSpec, Exit, Options, SessionState, Shutdown};
use tokio::time::Instant;

use super::ways::{HOUR, Way, info, ms};
use crate::support::{
    Order, Parent, Probe, Worker, answered, asked, back, died, sessions_of, supervisor,
};

/// Rows of this theme without a test, and why.
pub(super) const NOT_HERE: &[(u16, &str)] = &[];

/// A session that has left the supervisor's tree before it takes messages: to no supervisor, or to
/// another supervisor.
fn runaway(probe: &Probe, other: Option<ractor::ActorCell>) -> ChildSpec<Worker> {
    let script = probe.script().post_start(move |start, myself| {
        match &other {
            Some(other) => myself.link(other.clone()),
            None => myself.unlink(sessions_of(&start).get_cell()),
        }
        std::future::ready(Ok(()))
    });
    script.spec()
}

#[tokio::test(start_paused = true)]
async fn row_081_a_session_that_unlinked_or_relinked_itself_is_stopped_all_the_same() {
    let (other, _) = Parent::start(&Probe::default()).await;
    for to in [None, Some(other.get_cell())] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let spec = runaway(&probe, to);
        sessions.start_session("a", spec).await.unwrap();
        probe.until(|tally| tally.ready == 1).await;
        assert!(sessions.find_session("a").is_none(), "not linked to us");
        assert_eq!(info(&sessions, "a").await.state, SessionState::Running);
        let stop = answered("the stop", sessions.stop_session("a")).await;
        assert_eq!(stop, Ok(Exit::Shutdown));
        assert_eq!((probe.stops(), probe.alive()), (1, 0));
        sessions
            .start_session("a", probe.spec())
            .await
            .expect("the supervisor stays usable");
        sessions.stop().await.unwrap();
    }
    other.stop_and_wait(None, None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_081_the_end_of_one_that_left_is_told_by_the_mark() {
    let (other, _) = Parent::start(&Probe::default()).await;
    for to in [None, Some(other.get_cell())] {
        for way in [Way::Stop, Way::Drain, Way::Error, Way::Panic, Way::Kill] {
            let sessions = supervisor(Options::new()).await;
            let probe = Probe::default();
            let spec = runaway(&probe, to.clone());
            let session = sessions.start_session("a", spec).await.unwrap();
            probe.until(|tally| tally.ready == 1).await;
            way.end(&session).await;
            if matches!(way, Way::Stop | Way::Drain) {
                // It waits for the release, and would be told of a session that came back.
                let start = sessions.start_session("a", probe.spec());
                let start = answered("the start", start).await;
                start.expect("a normal end frees the id");
                assert_eq!(info(&sessions, "a").await.incarnation, 1);
            } else {
                let again = answered("the restart", back(&sessions, "a")).await;
                assert_ne!(again.get_id(), session.get_id(), "{way:?}");
                assert_eq!(info(&sessions, "a").await.restarts, 1, "{way:?}");
            }
            assert_eq!(probe.starts(), 2, "{way:?}");
            sessions.stop().await.unwrap();
            assert_eq!(probe.alive(), 0);
        }
    }
    other.stop_and_wait(None, None).await.unwrap();
}

/// An order to await, in the handler, the stop of the session itself.
fn await_own_stop(sessions: &session_supervisor::SessionSupervisor, probe: &Probe) -> Order {
    let (own, note) = (sessions.clone(), probe.clone());
    Order::run(move |_| async move {
        note.note("asks");
        own.stop_session("a").await?;
        Ok(())
    })
}

#[tokio::test(start_paused = true)]
async fn row_085_a_session_that_awaits_its_own_stop_is_killed_after_its_grace() {
    let sessions = supervisor(Options::new()).await;
    let (probe, other) = (Probe::default(), Probe::default());
    let spec = probe.spec().shutdown(Shutdown::Timeout(ms(300)));
    let session = sessions.start_session("a", spec).await.unwrap();
    let began = Instant::now();
    session.cast(await_own_stop(&sessions, &probe)).unwrap();
    probe.until(|tally| tally.notes.len() == 1).await;
    let joined = asked(sessions.stop_session("a")).await;
    assert_eq!(info(&sessions, "a").await.state, SessionState::Stopping);
    sessions.start_session("b", other.spec()).await.unwrap();
    sessions.stop_session("b").await.unwrap();
    assert!(began.elapsed().is_zero(), "no other caller waits");
    assert_eq!(joined.await.unwrap(), Ok(Exit::Killed));
    assert_eq!(began.elapsed(), ms(300));
    assert_eq!((probe.stops(), probe.alive()), (0, 0));
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_085_with_infinity_it_waits_for_itself_until_a_kill_or_a_deadline() {
    for kill in [true, false] {
        let sessions = supervisor(Options::new()).await;
        let (probe, other) = (Probe::default(), Probe::default());
        let spec = probe.spec().shutdown(Shutdown::Infinity);
        let session = sessions.start_session("a", spec).await.unwrap();
        session.cast(await_own_stop(&sessions, &probe)).unwrap();
        probe.until(|tally| tally.notes.len() == 1).await;
        let joined = asked(sessions.stop_session("a")).await;
        tokio::time::sleep(HOUR).await;
        assert_eq!(info(&sessions, "a").await.state, SessionState::Stopping);
        sessions.start_session("b", other.spec()).await.unwrap();
        let began = Instant::now();
        if kill {
            session.kill();
            assert_eq!(joined.await.unwrap(), Ok(Exit::Killed));
            assert!(began.elapsed().is_zero());
            sessions.stop().await.unwrap();
        } else {
            let report = sessions.stop_within(ms(200)).await.unwrap();
            assert_eq!((report.killed, report.stopped), (1, 1));
            assert_eq!(report.took, ms(200));
            assert_eq!(joined.await.unwrap(), Ok(Exit::Killed));
        }
        assert_eq!((probe.stops(), probe.alive()), (0, 0));
        assert_eq!(other.stops(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn row_085_asked_from_a_task_or_of_ractor_its_own_stop_is_graceful_and_at_once() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let began = Instant::now();

    let session = sessions.start_session("a", probe.spec()).await.unwrap();
    let (own, note) = (sessions.clone(), probe.clone());
    let spawns = Order::run(move |_| async move {
        drop(tokio::spawn(async move {
            let exit = own.stop_session("a").await;
            assert_eq!(exit, Ok(Exit::Shutdown));
            note.note("stopped");
        }));
        Ok(())
    });
    session.cast(spawns).unwrap();
    probe.until(|tally| tally.notes == ["stopped"]).await;
    assert_eq!((probe.stops(), probe.alive()), (1, 0));

    let session = sessions.start_session("a", probe.spec()).await.unwrap();
    let itself = Order::run(|myself| async move {
        myself.stop(None);
        Ok(())
    });
    session.cast(itself).unwrap();
    died(&session.get_cell()).await;
    assert_eq!((probe.stops(), probe.alive()), (2, 0));
    assert!(began.elapsed().is_zero());
    assert_eq!(sessions.stop_session("a").await, Err(StopError::NotFound));
    assert_eq!(sessions.count_sessions().await.unwrap(), Default::default());
    sessions.stop().await.unwrap();
}
