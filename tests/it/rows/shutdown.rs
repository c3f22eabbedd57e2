//! How sessions are stopped when their supervisor stops.

use std::time::Duration;

use ractor::ActorRef;
use session_supervisor::{
    ChildSpec, Exit, Options, Restart, SessionState, SessionSupervisor, Shutdown,
};
use tokio::time::Instant;

use super::ways::{HOUR, Way, info, ms, reason, with_parent};
use crate::support::{Gate, Order, Probe, Worker, asked, died, poll, supervisor};

/// Rows of this theme without a test, and why.
pub(super) const NOT_HERE: &[(u16, &str)] = &[];

const SECOND: Duration = Duration::from_secs(1);

/// A running session whose handler never ends.
async fn hanging(
    sessions: &SessionSupervisor,
    id: &str,
    probe: &Probe,
    shutdown: Shutdown,
) -> ActorRef<Order> {
    let spec = probe.spec().shutdown(shutdown);
    let session = sessions.start_session(id, spec).await.unwrap();
    let (note, text) = (probe.clone(), format!("{id} hangs"));
    let noted = text.clone();
    let hang = Order::run(move |_| async move {
        note.note(noted);
        std::future::pending().await
    });
    session.cast(hang).unwrap();
    probe.until(|tally| tally.notes.contains(&text)).await;
    session
}

#[tokio::test(start_paused = true)]
async fn row_087_brutally_killed_sessions_run_no_post_stop() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let mut cells = Vec::new();
    for n in 0..10 {
        let spec = probe.spec().shutdown(Shutdown::BrutalKill);
        let session = sessions
            .start_session(&format!("s{n}"), spec)
            .await
            .unwrap();
        cells.push(session.get_cell());
    }
    let report = sessions.stop().await.unwrap();
    assert_eq!((report.killed, report.stopped), (10, 0));
    assert_eq!((probe.stops(), probe.alive()), (0, 0));
    for cell in cells {
        assert_eq!(cell.get_status(), ractor::ActorStatus::Stopped);
    }
}

#[tokio::test(start_paused = true)]
async fn row_088_infinity_waits_as_long_as_it_takes() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let slow = probe.slow_to_stop(SECOND * 30).shutdown(Shutdown::Infinity);
    sessions.start_session("a", slow).await.unwrap();
    let report = sessions.stop().await.unwrap();
    assert_eq!(
        (report.stopped, report.killed, report.took),
        (1, 0, SECOND * 30)
    );
    assert_eq!(probe.stops(), 1);
}

#[tokio::test(start_paused = true)]
async fn row_088_only_a_deadline_or_a_foreign_kill_cuts_infinity_short() {
    for by in ["deadline", "kill", "kill of the supervisor"] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let slow = probe.slow_to_stop(SECOND * 30).shutdown(Shutdown::Infinity);
        let session = sessions.start_session("a", slow).await.unwrap();
        let stop = asked(sessions.stop()).await;
        tokio::time::sleep(SECOND).await;
        assert_eq!(info(&sessions, "a").await.state, SessionState::Stopping);
        match by {
            "deadline" => drop(asked(sessions.stop_within(Duration::ZERO)).await),
            "kill" => session.kill(),
            _ => sessions.get_cell().kill(),
        }
        let report = stop.await.unwrap().unwrap();
        assert_eq!((report.killed, report.stopped), (1, 0), "{by}");
        assert_eq!(report.took, SECOND, "{by}");
        assert_eq!((probe.stops(), probe.alive()), (0, 0), "{by}");
    }
}

#[tokio::test(start_paused = true)]
async fn row_089_a_session_that_fails_in_its_post_stop_is_counted_so_and_delays_no_other() {
    for shutdown in [Shutdown::Infinity, Shutdown::Timeout(SECOND)] {
        let (sessions, parent) = with_parent(Options::new()).await;
        let probe = Probe::default();
        let errs = probe
            .script()
            .post_stop(|_, _| async { Err("cannot tidy up".into()) });
        let panics = probe
            .script()
            .post_stop(|_, _| async { panic!("cannot tidy up") });
        sessions
            .start_session("errs", errs.spec().shutdown(shutdown))
            .await
            .unwrap();
        sessions
            .start_session("panics", panics.spec().shutdown(shutdown))
            .await
            .unwrap();
        sessions
            .start_session("fine", probe.spec().shutdown(shutdown))
            .await
            .unwrap();
        let report = sessions.stop().await.unwrap();
        assert_eq!((report.failed, report.stopped, report.killed), (2, 1, 0));
        assert_eq!((probe.stops(), probe.alive(), probe.starts()), (1, 0, 3));
        // A failure of the supervisor would be noted as such.
        assert_eq!(reason(&parent).await, "shutdown");
    }
}

#[tokio::test(start_paused = true)]
async fn row_090_a_session_that_ends_within_its_grace_is_not_killed() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = probe
        .slow_to_stop(ms(999))
        .shutdown(Shutdown::Timeout(SECOND));
    sessions.start_session("a", spec).await.unwrap();
    let report = sessions.stop().await.unwrap();
    assert_eq!((report.stopped, report.killed, probe.stops()), (1, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn row_091_a_grace_that_runs_out_kills_that_session_alone() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let grace = Shutdown::Timeout(SECOND);
    hanging(&sessions, "in a handler", &probe, grace).await;
    let (inside, through) = (probe.clone(), probe.clone());
    let stuck = probe.script().post_stop(move |_, _| {
        let (inside, through) = (inside.clone(), through.clone());
        async move {
            inside.note("in post_stop");
            tokio::time::sleep(HOUR).await;
            through.note("through");
            Ok(())
        }
    });
    let stuck = stuck.spec().shutdown(grace);
    sessions.start_session("in post_stop", stuck).await.unwrap();
    sessions
        .start_session("fine", probe.spec().shutdown(grace))
        .await
        .unwrap();
    let report = sessions.stop().await.unwrap();
    assert_eq!((report.stopped, report.killed, report.took), (1, 2, SECOND));
    assert_eq!(probe.tally().stopped, ["fine"]);
    assert_eq!(probe.notes(), ["in a handler hangs", "in post_stop"]);
    assert_eq!(probe.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn row_092_no_grace_and_a_tiny_one_are_legal() {
    for grace in [Duration::ZERO, ms(1)] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        hanging(&sessions, "a", &probe, Shutdown::Timeout(grace)).await;
        let began = Instant::now();
        assert_eq!(sessions.stop_session("a").await, Ok(Exit::Killed));
        assert_eq!(began.elapsed(), grace);
        // One that has nothing to do needs no time to end gracefully, but it needs its turn for it.
        let spec = probe.spec().shutdown(Shutdown::Timeout(grace));
        let idle = sessions.start_session("a", spec).await.unwrap();
        assert_eq!(ractor::call!(idle, Order::Echo, 5).unwrap(), 5);
        let exit = match grace {
            Duration::ZERO => Exit::Killed,
            _ => Exit::Shutdown,
        };
        assert_eq!(sessions.stop_session("a").await, Ok(exit));
        sessions.stop().await.unwrap();
    }
}

/// A running session whose handler waits for the gate, and then ends the session in this way.
async fn gated(
    sessions: &SessionSupervisor,
    id: &str,
    spec: ChildSpec<Worker>,
    gate: &Gate,
    way: Way,
) -> ActorRef<Order> {
    let session = sessions.start_session(id, spec).await.unwrap();
    let (gate, probe) = (gate.clone(), Probe::default());
    let note = probe.clone();
    let waits = Order::run(move |myself| async move {
        note.note("waits");
        gate.pass().await;
        match way {
            Way::Stop => myself.stop(None),
            Way::StopFor(reason) => myself.stop(Some(reason.to_owned())),
            _ => return Err("ends by itself".into()),
        }
        Ok(())
    });
    session.cast(waits).unwrap();
    probe.until(|tally| tally.notes.len() == 1).await;
    session
}

#[tokio::test(start_paused = true)]
async fn row_093_a_permanent_session_that_ends_as_the_supervisor_stops_stays_ended() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let gate = Gate::closed();
    let spec = probe.spec().restart(Restart::Permanent);
    gated(&sessions, "a", spec, &gate, Way::Stop).await;
    let stop = asked(sessions.stop()).await;
    assert_eq!(sessions.count_sessions().await.unwrap().stopping, 1);
    gate.open();
    let report = stop.await.unwrap().unwrap();
    assert_eq!((report.stopped, report.failed, report.killed), (1, 0, 0));
    tokio::time::sleep(HOUR).await;
    assert_eq!((probe.starts(), probe.stops(), probe.alive()), (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn row_094_each_session_is_ended_by_its_own_rule() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let patient = probe.slow_to_stop(SECOND * 9).shutdown(Shutdown::Infinity);
    sessions.start_session("patient", patient).await.unwrap();
    let brutal = probe.spec().shutdown(Shutdown::BrutalKill);
    sessions.start_session("brutal", brutal).await.unwrap();
    let stuck = hanging(&sessions, "stuck", &probe, Shutdown::Timeout(SECOND)).await;
    let began = Instant::now();
    let stop = asked(sessions.stop()).await;
    died(&stuck.get_cell()).await;
    assert_eq!(began.elapsed(), SECOND);
    let report = stop.await.unwrap().unwrap();
    assert_eq!(
        (report.stopped, report.killed, report.took),
        (1, 2, SECOND * 9)
    );
    assert_eq!(probe.tally().stopped, ["patient"]);
}

#[tokio::test(start_paused = true)]
async fn row_095_without_a_word_a_session_has_five_seconds() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let session = sessions.start_session("a", probe.spec()).await.unwrap();
    let note = probe.clone();
    let hang = Order::run(move |_| async move {
        note.note("hangs");
        std::future::pending().await
    });
    session.cast(hang).unwrap();
    probe.until(|tally| !tally.notes.is_empty()).await;
    let began = Instant::now();
    assert_eq!(sessions.stop_session("a").await, Ok(Exit::Killed));
    assert_eq!(began.elapsed(), SECOND * 5);
    sessions.stop().await.unwrap();
}

/// When the sessions of row 97 end.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Meanwhile {
    /// Just before the stop is asked for: one may be back, and is stopped then.
    Before,
    /// While the stop is on its way to the supervisor.
    OnItsWay,
    /// When they were told to stop.
    Told,
}

#[tokio::test(start_paused = true)]
async fn row_097_sessions_that_end_by_themselves_meanwhile_do_not_disturb_the_stop() {
    const WAYS: [Way; 3] = [Way::Stop, Way::StopFor("enough"), Way::Error];
    const KINDS: [Restart; 3] = [Restart::Permanent, Restart::Transient, Restart::Temporary];
    for when in [Meanwhile::Before, Meanwhile::OnItsWay, Meanwhile::Told] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let gate = Gate::closed();
        for (kind, way) in KINDS
            .into_iter()
            .flat_map(|kind| WAYS.map(|way| (kind, way)))
        {
            let spec = probe.spec().restart(kind);
            gated(&sessions, &format!("{kind:?} {way:?}"), spec, &gate, way).await;
        }
        if when == Meanwhile::Before {
            gate.open();
        }
        let stop = if when == Meanwhile::OnItsWay {
            let mut stop = Box::pin(sessions.stop());
            assert!(poll(stop.as_mut()).await.is_pending());
            gate.open();
            tokio::spawn(stop)
        } else {
            asked(sessions.stop()).await
        };
        if when == Meanwhile::Told {
            assert_eq!(sessions.count_sessions().await.unwrap().stopping, 9);
            gate.open();
        }
        let report = stop.await.unwrap().unwrap();
        assert_eq!(report.killed, 0, "{report:?}");
        if when == Meanwhile::Told {
            assert_eq!((report.stopped, report.failed), (6, 3), "{report:?}");
        }
        tokio::time::sleep(HOUR).await;
        let starts = match when {
            Meanwhile::Before => 9..=13,
            Meanwhile::OnItsWay | Meanwhile::Told => 9..=9,
        };
        assert!(starts.contains(&probe.starts()), "{when:?}");
        // Three have failed.
        assert_eq!((probe.stops(), probe.alive()), (probe.starts() - 3, 0));
    }
}
