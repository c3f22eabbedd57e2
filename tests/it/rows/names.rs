//! Names, lookup and bad input.

use std::time::Duration;

use ractor::{Actor, ActorRef, registry};
use session_supervisor::error::{
    FindError, RestartError, StartError, StartSupervisorError, StopError, SupervisorDown,
};
use session_supervisor::{
    ChildSpec, Exit, Options, Restart, SessionState, SessionSupervisor, Shutdown, names,
};

use super::ways::{crash, crash_and_back, info};
use crate::support::{Gate, Order, Probe, Worker, asked, died, supervisor};

/// Rows of this theme without a test, and why.
pub(super) const NOT_HERE: &[(u16, &str)] = &[];

struct Foreigner;

#[ractor::actor(message = u8, state = (), arguments = ())]
impl Foreigner {}

#[tokio::test(start_paused = true)]
async fn row_121_a_name_is_as_good_as_the_handle() {
    let started = SessionSupervisor::start(Options::new().name("row_121"))
        .await
        .unwrap();
    let probe = Probe::default();
    let sessions = SessionSupervisor::where_is("row_121").expect("it runs");
    sessions.start_session("a", probe.spec()).await.unwrap();
    assert!(started.is_running("a"));
    assert_eq!(sessions.count_sessions().await.unwrap().active, 1);
    assert!(sessions.find_session_as::<Order>("a").is_ok());
    assert_eq!(
        sessions.find_session_as::<u8>("a").unwrap_err(),
        FindError::WrongMessageType
    );
    assert_eq!(
        sessions.find_session_as::<u8>("b").unwrap_err(),
        FindError::NotFound
    );
    sessions.restart_session("a").await.unwrap();
    assert_eq!(sessions.stop_session("a").await, Ok(Exit::Shutdown));
    let name = "row_121_foreigner".to_owned();
    let (foreigner, _) = Foreigner::spawn(Some(name.clone()), Foreigner, ())
        .await
        .unwrap();
    assert!(SessionSupervisor::where_is(&name).is_none());
    foreigner.stop_and_wait(None, None).await.unwrap();
    sessions.stop().await.unwrap();
    assert!(matches!(
        started.count_sessions().await,
        Err(SupervisorDown { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn row_123_the_name_is_free_when_stop_returns() {
    for _ in 0..3 {
        let sessions = SessionSupervisor::start(Options::new().name("row_123"))
            .await
            .unwrap();
        let probe = Probe::default();
        let slow = probe.slow_to_stop(Duration::from_secs(1));
        sessions.start_session("a", slow).await.unwrap();
        let stop = asked(sessions.stop()).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(
            SessionSupervisor::where_is("row_123").is_some(),
            "it is kept until the sessions are gone"
        );
        stop.await.unwrap().unwrap();
        assert!(SessionSupervisor::where_is("row_123").is_none());
        assert!(registry::where_is("row_123").is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn row_124_a_malformed_name_or_id_is_refused() {
    let long = "x".repeat(513);
    for name in ["", "a/b", "a\nb", "\0", long.as_str()] {
        let error = SessionSupervisor::start(Options::new().name(name)).await;
        assert!(
            matches!(&error, Err(StartSupervisorError::InvalidOptions(invalid)) if invalid.field == "name"),
            "{name:?}: {error:?}"
        );
    }
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    for id in ["", "a\tb", "\u{7f}", long.as_str()] {
        let error = sessions.start_session(id, probe.spec()).await;
        assert!(
            matches!(&error, Err(StartError::InvalidId(invalid)) if invalid.id == id),
            "{id:?}: {error:?}"
        );
        assert_eq!(sessions.stop_session(id).await, Err(StopError::NotFound));
        assert!(sessions.session_info(id).await.unwrap().is_none());
    }
    assert_eq!(probe.starts(), 0);
    let longest = "y".repeat(512);
    for id in ["a/b", "/", "session", "ä", longest.as_str()] {
        let session = sessions.start_session(id, probe.spec()).await.unwrap();
        let name = session.get_name().expect("it is registered");
        assert_eq!(names::parse_session(&name), Some((sessions.name(), id)));
    }
    let pairs = [
        ("a", "b"),
        ("a", "session/b"),
        ("session", "a/b"),
        ("b", "session"),
    ];
    let all: std::collections::HashSet<_> = pairs
        .iter()
        .map(|(supervisor, id)| names::session(supervisor, id))
        .collect();
    assert_eq!(all.len(), pairs.len());
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_125_a_session_is_found_from_the_end_of_its_pre_start_on() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let (before, after) = (Gate::closed(), Gate::closed());
    let script = probe.script().pre_start(before.holds());
    let script = script.post_start(after.holds());
    let start = asked(sessions.start_session("a", script.spec())).await;
    probe.until(|tally| tally.starts == 1).await;
    tokio::task::yield_now().await;
    let name = names::session(sessions.name(), "a");
    assert!(registry::where_is(name).is_some(), "ractor has it already");
    assert!(sessions.find_session("a").is_none() && !sessions.is_running("a"));
    assert_eq!(info(&sessions, "a").await.state, SessionState::Starting);
    before.open();
    let session = start.await.unwrap().unwrap();
    assert_eq!(probe.tally().ready, 0, "post_start still runs");
    assert_eq!(
        sessions.find_session("a").unwrap().get_id(),
        session.get_id()
    );
    assert!(sessions.is_running("a"));
    assert_eq!(info(&sessions, "a").await.state, SessionState::Running);
    after.open();
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_126_the_name_of_a_failed_start_is_free_when_it_returns() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    for panics in [false, true] {
        let script = probe.script().pre_start(move |_, _| async move {
            assert!(!panics, "told to panic");
            Err("told to fail".into())
        });
        let error = sessions.start_session("a", script.spec()).await;
        assert!(matches!(error, Err(StartError::Failed { .. })));
        assert!(registry::where_is(names::session(sessions.name(), "a")).is_none());
        sessions
            .start_session("a", probe.spec())
            .await
            .expect("at once");
        sessions.stop_session("a").await.unwrap();
    }
    sessions.stop().await.unwrap();
}

/// Specs with one bad value each, and the field that the error names.
fn bad_specs(probe: &Probe) -> Vec<(&'static str, ChildSpec<Worker>)> {
    use session_supervisor::Backoff;
    let (long, short) = (Duration::from_secs(2), Duration::from_secs(1));
    vec![
        (
            "restart_limit.window",
            probe.spec().restart_limit(1, Duration::ZERO),
        ),
        ("start_timeout", probe.spec().start_timeout(Duration::ZERO)),
        (
            "backoff.first",
            probe.spec().backoff(Backoff::exponential(long, short)),
        ),
    ]
}

#[tokio::test(start_paused = true)]
async fn row_127_a_bad_spec_is_told_before_the_supervisor_is_asked() {
    let probe = Probe::default();
    let sessions = supervisor(Options::new()).await;
    let down = supervisor(Options::new()).await;
    down.stop().await.unwrap();
    for sessions in [&sessions, &down] {
        for (field, spec) in bad_specs(&probe) {
            let error = sessions.start_session("a", spec.clone()).await;
            assert!(
                matches!(&error, Err(StartError::InvalidSpec(invalid)) if invalid.field == field),
                "{error:?}"
            );
            let error = sessions.ensure_session("a", spec).await.unwrap_err();
            assert!(error.to_string().contains(field), "{error}");
        }
        let error = sessions.start_session("", probe.spec()).await;
        assert!(matches!(error, Err(StartError::InvalidId(_))), "{error:?}");
    }
    assert_eq!(probe.starts(), 0);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_129_every_kind_of_restart_goes_with_every_kind_of_shutdown() {
    for restart in [Restart::Permanent, Restart::Transient, Restart::Temporary] {
        for shutdown in [
            Shutdown::Timeout(Duration::ZERO),
            Shutdown::Timeout(Duration::from_secs(1)),
            Shutdown::Infinity,
            Shutdown::BrutalKill,
        ] {
            let sessions = supervisor(Options::new()).await;
            let probe = Probe::default();
            let spec = probe.spec().restart(restart).shutdown(shutdown);
            sessions.start_session("a", spec.clone()).await.unwrap();
            if restart == Restart::Temporary {
                crash(&sessions, "a").await;
                assert_eq!(sessions.count_sessions().await.unwrap().specs, 0);
                sessions.start_session("a", spec).await.unwrap();
            } else {
                crash_and_back(&sessions, "a").await;
            }
            let exit = sessions.stop_session("a").await.unwrap();
            match shutdown {
                Shutdown::BrutalKill => assert_eq!(exit, Exit::Killed),
                Shutdown::Timeout(grace) if grace.is_zero() => {
                    assert!(matches!(exit, Exit::Killed | Exit::Shutdown), "{exit:?}");
                }
                _ => assert_eq!(exit, Exit::Shutdown),
            }
            assert_eq!(
                probe.stops() == 1,
                exit == Exit::Shutdown,
                "{restart:?} {shutdown:?}"
            );
            assert_eq!(probe.alive(), 0);
            sessions.stop().await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn row_221_the_handle_of_an_ended_supervisor_stays_dead() {
    let probe = Probe::default();
    let options = || Options::new().name("row_221");
    let old = SessionSupervisor::start(options()).await.unwrap();
    old.stop().await.unwrap();
    let new = SessionSupervisor::start(options()).await.unwrap();
    new.start_session("a", probe.spec()).await.unwrap();
    let start = old.start_session("a", probe.spec()).await;
    assert!(
        matches!(start, Err(StartError::SupervisorDown)),
        "{start:?}"
    );
    assert!(old.ensure_session("a", probe.spec()).await.is_err());
    assert_eq!(old.stop_session("a").await, Err(StopError::SupervisorDown));
    let restart = old.restart_session("a").await;
    assert!(
        matches!(restart, Err(RestartError::SupervisorDown)),
        "{restart:?}"
    );
    let SupervisorDown { .. } = old.session_info("a").await.unwrap_err();
    let SupervisorDown { .. } = old.list_sessions().await.unwrap_err();
    assert!(matches!(
        old.count_sessions().await,
        Err(SupervisorDown { .. })
    ));
    assert!(matches!(old.stop().await, Err(SupervisorDown { .. })));
    assert!(matches!(
        old.stop_within(Duration::ZERO).await,
        Err(SupervisorDown { .. })
    ));
    assert!(old.find_session("a").is_none() && !old.is_running("a"));
    assert_eq!(
        old.find_session_as::<Order>("a").unwrap_err(),
        FindError::NotFound
    );
    assert_eq!(probe.starts(), 1);
    let found = SessionSupervisor::where_is("row_221").expect("the new one");
    assert_eq!(found.get_cell().get_id(), new.get_cell().get_id());
    assert!(found.is_running("a"));
    new.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_222_a_session_that_outlives_its_supervisor_keeps_its_name() {
    let probe = Probe::default();
    let options = || Options::new().name("row_222");
    let old = SessionSupervisor::start(options()).await.unwrap();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = std::sync::Mutex::new(Some(released));
    let (begin, mut begun) = tokio::sync::mpsc::unbounded_channel();
    let script = probe.script().post_start(move |_, _| {
        let released = released.lock().unwrap().take();
        let begin = begin.clone();
        async move {
            if let Some(released) = released {
                begin.send(()).ok();
                // The thread is blocked until the test ends the channel.
                released.recv().ok();
            }
            Ok(())
        }
    });
    let stuck = old.start_session("a", script.spec()).await.unwrap();
    // A kill that came before this would be seen in time.
    begun.recv().await.expect("it is on its way");
    old.get_cell().kill();
    died(&old.get_cell()).await;
    let new = SessionSupervisor::start(options()).await.unwrap();
    let error = new.start_session("a", probe.spec()).await;
    let Err(StartError::NameTaken { id, cell }) = error else {
        panic!("{error:?}");
    };
    assert_eq!((&*id, cell.unwrap().get_id()), ("a", stuck.get_id()));
    assert!(new.find_session("a").is_none());
    assert_eq!(new.count_sessions().await.unwrap().specs, 0);
    drop(release);
    died(&stuck.get_cell()).await;
    new.start_session("a", probe.spec())
        .await
        .expect("it is free");
    new.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_228_supervisors_with_unique_names_run_side_by_side() {
    let probe = Probe::default();
    let mut all = Vec::new();
    for _ in 0..100 {
        let sessions = SessionSupervisor::start(Options::new().unique_name())
            .await
            .unwrap();
        sessions.start_session("a", probe.spec()).await.unwrap();
        all.push(sessions);
    }
    let names: std::collections::HashSet<_> = all.iter().map(|sessions| sessions.name()).collect();
    assert_eq!(names.len(), 100);
    for sessions in &all {
        let found = SessionSupervisor::where_is(sessions.name()).expect("it runs");
        assert_eq!(found.get_cell().get_id(), sessions.get_cell().get_id());
        sessions.stop().await.unwrap();
    }
    assert_eq!((probe.starts(), probe.alive()), (100, 0));
}

#[tokio::test(start_paused = true)]
async fn row_229_the_first_bad_value_is_the_error_and_none_is_bent() {
    let options = Options::new()
        .name("a/b")
        .session_restart_limit(3, Duration::ZERO);
    let options = options
        .name("row_229")
        .session_restart_limit(3, Duration::from_secs(1));
    let error = SessionSupervisor::start(options).await;
    let Err(StartSupervisorError::InvalidOptions(invalid)) = error else {
        panic!("{error:?}");
    };
    assert_eq!((invalid.field, invalid.value.as_str()), ("name", "\"a/b\""));
    assert!(registry::where_is("a/b").is_none());
    assert!(registry::where_is("row_229").is_none());

    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = probe
        .spec()
        .start_timeout(Duration::ZERO)
        .restart_limit(1, Duration::ZERO);
    let spec = spec.start_timeout(Duration::from_secs(1));
    let error = sessions.start_session("a", spec).await;
    assert!(
        matches!(&error, Err(StartError::InvalidSpec(invalid)) if invalid.field == "start_timeout"),
        "{error:?}"
    );
    assert_eq!(probe.starts(), 0);
    assert!(registry::where_is(names::session(sessions.name(), "a")).is_none());
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_230_a_cell_becomes_a_handle_only_if_it_is_a_root() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let told = probe.clone();
    let script = probe
        .script()
        .post_start(move |_, myself: ActorRef<Order>| {
            let told = told.clone();
            async move {
                let above = myself.try_get_supervisor().ok_or("it is linked")?;
                let mine = SessionSupervisor::try_from(above)?;
                told.note(format!(
                    "{} {}",
                    mine.name(),
                    mine.count_sessions().await?.specs
                ));
                Ok(())
            }
        });
    let session = sessions.start_session("a", script.spec()).await.unwrap();
    let tally = probe.until(|tally| tally.ready == 1).await;
    assert_eq!(tally.notes, [format!("{} 1", sessions.name())]);
    let same = SessionSupervisor::try_from(sessions.get_cell()).unwrap();
    assert_eq!(same.get_cell().get_id(), sessions.get_cell().get_id());
    assert!(SessionSupervisor::try_from(session.get_cell()).is_err());
    let (foreigner, _) = Foreigner::spawn(None, Foreigner, ()).await.unwrap();
    assert!(SessionSupervisor::try_from(foreigner.get_cell()).is_err());
    foreigner.stop_and_wait(None, None).await.unwrap();
    sessions.stop().await.unwrap();
    assert!(SessionSupervisor::try_from(sessions.get_cell()).is_err());
}
