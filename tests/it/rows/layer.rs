//! The layer of sessions: ids, lookup, and what a supervisor of sessions is asked all day.

use ractor::{ActorRef, ActorStatus, registry};
use session_supervisor::error::{EnsureError, StartError, StopError};
use session_supervisor::{
    ChildSpec, Ensured, Exit, Options, Restart, SessionState, SessionSupervisor, names,
};

use super::ways::{HOUR, Way, crash, crash_and_back, info, ms};
use crate::support::{Order, Probe, Worker, asked, died, sessions_of, supervisor};

/// Rows of this theme without a test, and why.
pub(super) const NOT_HERE: &[(u16, &str)] = &[];

struct Other;

#[ractor::actor(message = u8, state = (), arguments = ())]
impl Other {}

pub(super) async fn ids(sessions: &SessionSupervisor) -> Vec<String> {
    let list = sessions.list_sessions().await.unwrap();
    list.iter().map(|info| info.id.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn row_148_a_started_session_is_alive_and_counted() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    assert_eq!(sessions.count_sessions().await.unwrap().active, 0);
    let alice = sessions.start_session("alice", probe.spec()).await.unwrap();
    assert_eq!(sessions.count_sessions().await.unwrap().active, 1);
    assert_eq!(ractor::call!(alice, Order::Echo, 8).unwrap(), 8);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_149_a_started_session_is_known_and_found_at_once() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let told = probe.clone();
    let script = probe.script().pre_start(move |start, _| {
        let told = told.clone();
        async move {
            let info = sessions_of(&start)
                .session_info(start.key())
                .await?
                .ok_or("it is known")?;
            told.note(format!("{:?}", info.state));
            Ok(())
        }
    });
    let alice = sessions
        .start_session("alice", script.spec())
        .await
        .unwrap();
    assert_eq!(probe.notes(), ["Starting"]);
    let info = info(&sessions, "alice").await;
    assert_eq!((info.state, info.incarnation), (SessionState::Running, 1));
    assert_eq!(info.cell.unwrap().get_id(), alice.get_id());
    assert_eq!(
        sessions.find_session("alice").unwrap().get_id(),
        alice.get_id()
    );
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_150_the_error_of_a_full_house_tells_its_size() {
    let sessions = supervisor(Options::new().max_sessions(10)).await;
    let probe = Probe::default();
    for n in 0..10 {
        sessions
            .start_session(&format!("s{n}"), probe.spec())
            .await
            .unwrap();
    }
    let answer = sessions.start_session("s10", probe.spec()).await;
    assert!(
        matches!(answer, Err(StartError::MaxSessions { max: 10 })),
        "{answer:?}"
    );
    assert_eq!(sessions.count_sessions().await.unwrap().specs, 10);
    assert_eq!(probe.starts(), 10);
    sessions.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_151_a_stop_makes_room_at_once() {
    let sessions = supervisor(Options::new().max_sessions(1)).await;
    let probe = Probe::default();
    for n in 0..200 {
        let id = format!("s{n}");
        sessions
            .start_session(&id, probe.spec())
            .await
            .expect("there is room");
        sessions.stop_session(&id).await.unwrap();
    }
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_152_an_id_that_runs_is_told_with_its_session() {
    let sessions = supervisor(Options::new()).await;
    let (probe, second) = (Probe::default(), Probe::default());
    let alice = sessions.start_session("alice", probe.spec()).await.unwrap();
    let error = sessions
        .start_session("alice", second.spec())
        .await
        .unwrap_err();
    let StartError::AlreadyStarted { id, cell } = error else {
        panic!("{error:?}");
    };
    assert_eq!((&*id, cell.get_id()), ("alice", alice.get_id()));
    assert_eq!((probe.starts(), second.starts()), (1, 0));
    assert_eq!(ractor::call!(alice, Order::Echo, 2).unwrap(), 2);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_154_a_known_id_is_told_before_the_session_limit() {
    let options = Options::new()
        .max_sessions(2)
        .session_restart_limit(0, HOUR);
    let sessions = supervisor(options).await;
    let probe = Probe::default();
    sessions
        .start_session("parked", probe.spec())
        .await
        .unwrap();
    crash(&sessions, "parked").await;
    sessions.start_session("a", probe.spec()).await.unwrap();
    sessions.start_session("b", probe.spec()).await.unwrap();
    let known = sessions.start_session("a", probe.spec()).await;
    assert!(
        matches!(known, Err(StartError::AlreadyStarted { .. })),
        "{known:?}"
    );
    let parked = sessions.start_session("parked", probe.spec()).await;
    assert!(matches!(parked, Err(StartError::Parked)), "{parked:?}");
    let found = sessions.ensure_session("a", probe.spec()).await.unwrap();
    assert!(matches!(found, Ensured::Existing(_)));
    let new = sessions.start_session("c", probe.spec()).await;
    assert!(
        matches!(new, Err(StartError::MaxSessions { max: 2 })),
        "{new:?}"
    );
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_155_a_start_that_failed_in_any_way_leaves_nothing() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let name = names::session(sessions.name(), "a");
    let failing: [(&str, ChildSpec<Worker>); 5] = [
        (
            "error",
            probe
                .script()
                .pre_start(|_, _| async { Err("no".into()) })
                .spec(),
        ),
        (
            "panic",
            probe
                .script()
                .pre_start(|_, _| async { panic!("no") })
                .spec(),
        ),
        (
            "kill",
            probe
                .script()
                .pre_start(|_, myself: ActorRef<Order>| async move {
                    myself.kill();
                    std::future::pending().await
                })
                .spec(),
        ),
        (
            "ignore",
            probe.script().launch(|_| async { Ok(false) }).spec(),
        ),
        (
            "timeout",
            probe
                .script()
                .pre_start(|_, _| std::future::pending())
                .spec()
                .start_timeout(ms(10)),
        ),
    ];
    for (what, spec) in failing {
        let answer = sessions.start_session("a", spec).await;
        assert!(answer.is_err(), "{what}: {answer:?}");
        assert_eq!(
            sessions.count_sessions().await.unwrap(),
            Default::default(),
            "{what}"
        );
        assert!(registry::where_is(name.clone()).is_none(), "{what}");
        assert_eq!(probe.alive(), 0, "{what}");
        sessions.start_session("a", probe.spec()).await.expect(what);
        sessions.stop_session("a").await.unwrap();
    }
    let squatter = ractor::Actor::spawn(Some(name.clone()), Other, ())
        .await
        .unwrap();
    let taken = sessions.start_session("a", probe.spec()).await;
    assert!(
        matches!(taken, Err(StartError::NameTaken { .. })),
        "{taken:?}"
    );
    squatter.0.stop_and_wait(None, None).await.unwrap();
    let hangs = probe.script().pre_start(|_, _| std::future::pending());
    let start = asked(sessions.start_session("a", hangs.spec())).await;
    assert_eq!(sessions.stop_session("a").await, Ok(Exit::NotRunning));
    assert!(matches!(start.await.unwrap(), Err(StartError::Stopped)));
    assert!(registry::where_is(name).is_none());
    sessions
        .start_session("a", probe.spec())
        .await
        .expect("at once");
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_156_a_stopped_session_is_gone_in_every_respect() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let alice = sessions.start_session("alice", probe.spec()).await.unwrap();
    sessions.start_session("bob", probe.spec()).await.unwrap();
    assert_eq!(sessions.stop_session("alice").await, Ok(Exit::Shutdown));
    assert_eq!(alice.get_status(), ActorStatus::Stopped);
    assert!(sessions.find_session("alice").is_none());
    assert!(registry::where_is(names::session(sessions.name(), "alice")).is_none());
    assert_eq!(ids(&sessions).await, ["bob"]);
    assert_eq!(sessions.count_sessions().await.unwrap().active, 1);
    assert!(sessions.session_info("alice").await.unwrap().is_none());
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_157_an_unknown_or_stopped_id_is_not_found() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    assert_eq!(
        sessions.stop_session("never").await,
        Err(StopError::NotFound)
    );
    sessions.start_session("a", probe.spec()).await.unwrap();
    let both = tokio::join!(sessions.stop_session("a"), sessions.stop_session("a"));
    assert_eq!(both, (Ok(Exit::Shutdown), Ok(Exit::Shutdown)));
    assert_eq!(sessions.stop_session("a").await, Err(StopError::NotFound));
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_158_the_others_do_not_notice_a_stop_or_a_crash() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let mut others = Vec::new();
    for id in ["a", "b", "c", "d"] {
        others.push(sessions.start_session(id, probe.spec()).await.unwrap());
    }
    sessions.stop_session("a").await.unwrap();
    crash_and_back(&sessions, "b").await;
    for (id, other) in [("c", &others[2]), ("d", &others[3])] {
        assert_eq!(sessions.find_session(id).unwrap().get_id(), other.get_id());
        let info = info(&sessions, id).await;
        assert_eq!((info.incarnation, info.restarts), (1, 0));
        assert_eq!(ractor::call!(other, Order::Echo, 6).unwrap(), 6);
    }
    assert_eq!(probe.alive(), 3);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_160_a_session_is_found_by_its_id_until_it_is_stopped() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let a = sessions.start_session("a", probe.spec()).await.unwrap();
    let b = sessions.start_session("b", probe.spec()).await.unwrap();
    assert_eq!(sessions.find_session("a").unwrap().get_id(), a.get_id());
    assert_eq!(sessions.find_session("b").unwrap().get_id(), b.get_id());
    assert!(sessions.find_session("c").is_none() && sessions.find_session("").is_none());
    sessions.stop_session("a").await.unwrap();
    assert!(sessions.find_session("a").is_none());
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_161_the_running_ones_are_those_listed_as_running() {
    let sessions = supervisor(Options::new().session_restart_limit(0, HOUR)).await;
    let probe = Probe::default();
    for id in ["runs", "parks", "restarts", "stops"] {
        let spec = match id {
            "restarts" => {
                let pause = session_supervisor::Backoff::constant(HOUR);
                probe.spec().without_restart_limit().backoff(pause)
            }
            "stops" => probe.slow_to_stop(ms(500)),
            _ => probe.spec(),
        };
        sessions.start_session(id, spec).await.unwrap();
    }
    let hangs = probe.script().pre_start(|_, _| std::future::pending());
    let starts = asked(sessions.start_session("starts", hangs.spec())).await;
    crash(&sessions, "parks").await;
    crash(&sessions, "restarts").await;
    let stop = asked(sessions.stop_session("stops")).await;
    let list = sessions.list_sessions().await.unwrap();
    let states: Vec<_> = list.iter().map(|info| (&*info.id, info.state)).collect();
    assert_eq!(
        states,
        [
            ("runs", SessionState::Running),
            ("parks", SessionState::Parked),
            ("restarts", SessionState::Restarting),
            ("stops", SessionState::Stopping),
            ("starts", SessionState::Starting),
        ]
    );
    stop.await.unwrap().unwrap();
    assert_eq!(
        ids(&sessions).await,
        ["runs", "parks", "restarts", "starts"]
    );
    sessions.stop().await.unwrap();
    assert!(starts.await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn row_162_a_session_is_running_from_the_end_of_its_start_to_its_stop() {
    let sessions = supervisor(Options::new().session_restart_limit(0, HOUR)).await;
    let probe = Probe::default();
    let told = probe.clone();
    let script = probe.script().pre_start(move |start, _| {
        told.note(format!("{}", sessions_of(&start).is_running(start.key())));
        async { Ok(()) }
    });
    assert!(!sessions.is_running("a"));
    sessions.start_session("a", script.spec()).await.unwrap();
    assert_eq!(probe.notes(), ["false"]);
    assert!(sessions.is_running("a"));
    crash(&sessions, "a").await;
    assert_eq!(info(&sessions, "a").await.state, SessionState::Parked);
    assert!(!sessions.is_running("a"));
    sessions.restart_session("a").await.unwrap();
    assert!(sessions.is_running("a"));
    sessions.stop_session("a").await.unwrap();
    assert!(!sessions.is_running("a"));
    let name = names::session(sessions.name(), "squatted");
    let squatter = ractor::Actor::spawn(Some(name), Other, ()).await.unwrap();
    assert!(!sessions.is_running("squatted"));
    squatter.0.stop_and_wait(None, None).await.unwrap();
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_167_the_list_is_in_order_of_first_start() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    assert!(ids(&sessions).await.is_empty());
    for id in ["c", "a", "d", "b"] {
        sessions.start_session(id, probe.spec()).await.unwrap();
    }
    crash_and_back(&sessions, "c").await;
    sessions.restart_session("a").await.unwrap();
    assert_eq!(ids(&sessions).await, ["c", "a", "d", "b"]);
    sessions.stop_session("a").await.unwrap();
    sessions.start_session("a", probe.spec()).await.unwrap();
    assert_eq!(ids(&sessions).await, ["c", "d", "b", "a"]);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_169_counts_list_and_lookup_agree_after_any_mix_of_deeds() {
    let sessions = supervisor(Options::new().session_restart_limit(1, HOUR)).await;
    let probe = Probe::default();
    let mut random: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut next = move |n: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % n
    };
    let known: Vec<_> = (0..8).map(|n| format!("s{n}")).collect();
    for _ in 0..600 {
        let id = &known[usize::try_from(next(8)).unwrap()];
        match next(6) {
            0 | 1 => drop(sessions.start_session(id, probe.spec()).await),
            2 => drop(sessions.stop_session(id).await),
            3 => drop(sessions.restart_session(id).await),
            _ => {
                if let Ok(session) = sessions.find_session_as::<Order>(id) {
                    let way = [Way::Error, Way::Kill, Way::Stop][usize::try_from(next(3)).unwrap()];
                    way.end(&session).await;
                    // A restart that is due is over when a start of the id has been decided.
                    let nothing: ChildSpec<Worker> =
                        ChildSpec::from_fn(|_| async { Ok(session_supervisor::Launch::Ignore) });
                    drop(sessions.ensure_session(id, nothing).await);
                }
            }
        }
        let list = sessions.list_sessions().await.unwrap();
        let running = |state| list.iter().filter(|info| info.state == state).count();
        let counts = sessions.count_sessions().await.unwrap();
        let found = known
            .iter()
            .filter(|id| sessions.find_session(id).is_some())
            .count();
        assert_eq!(
            (counts.active, found),
            (running(SessionState::Running), found)
        );
        assert_eq!(counts.active, found);
        assert_eq!(
            (counts.parked, counts.specs),
            (running(SessionState::Parked), list.len())
        );
        for id in &known {
            let name = registry::where_is(names::session(sessions.name(), id));
            assert_eq!(name.is_some(), sessions.is_running(id), "{id}");
        }
        assert_eq!(probe.alive(), counts.active);
    }
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_170_a_temporary_session_that_dies_frees_name_id_and_place() {
    let sessions = supervisor(Options::new().max_sessions(1)).await;
    let probe = Probe::default();
    for way in [Way::Kill, Way::Error, Way::Stop] {
        let spec = probe.spec().restart(Restart::Temporary);
        let session = sessions
            .start_session("a", spec)
            .await
            .expect("the place is free");
        way.end(&session).await;
        assert!(
            sessions.session_info("a").await.unwrap().is_none(),
            "{way:?}"
        );
        assert!(sessions.find_session("a").is_none());
    }
    sessions.start_session("a", probe.spec()).await.unwrap();
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_175_a_supervisor_that_is_started_anew_lists_nothing_of_before() {
    let probe = Probe::default();
    let options = || Options::new().name("row_175");
    let old = SessionSupervisor::start(options()).await.unwrap();
    let mut cells = Vec::new();
    for id in ["a", "b", "c"] {
        cells.push(
            old.start_session(id, probe.spec())
                .await
                .unwrap()
                .get_cell(),
        );
    }
    old.get_cell().kill();
    died(&old.get_cell()).await;
    let new = SessionSupervisor::start(options()).await.unwrap();
    assert!(ids(&new).await.is_empty());
    for cell in &cells {
        died(cell).await;
    }
    for id in ["a", "b", "c"] {
        new.start_session(id, probe.spec())
            .await
            .expect("the old one has ended");
    }
    assert_eq!(probe.starts(), 6);
    new.stop().await.unwrap();
    assert_eq!(probe.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn row_211_a_reused_id_starts_from_nothing() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    for how in ["stopped", "ended", "discarded"] {
        let told = probe.clone();
        let script = probe.script().launch(move |start| {
            if start.incarnation == 1 {
                told.note(format!("{} {}", start.attempt, start.last_exit.is_none()));
            }
            async { Ok(true) }
        });
        let spec = script.spec().restart_limit(2, HOUR);
        sessions.start_session("a", spec).await.unwrap();
        // The limit's full number of restarts is there again.
        crash_and_back(&sessions, "a").await;
        crash_and_back(&sessions, "a").await;
        match how {
            "stopped" => drop(sessions.stop_session("a").await.unwrap()),
            "ended" => {
                let session = sessions.find_session_as::<Order>("a").unwrap();
                Way::Stop.end(&session).await;
            }
            _ => {
                crash(&sessions, "a").await;
                assert_eq!(info(&sessions, "a").await.state, SessionState::Parked);
                sessions.stop_session("a").await.unwrap();
            }
        }
        assert!(sessions.session_info("a").await.unwrap().is_none(), "{how}");
    }
    assert_eq!(probe.notes(), ["1 true"; 3]);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_223_ensure_creates_what_is_missing_and_finds_what_runs() {
    let sessions = supervisor(Options::new().max_sessions(1)).await;
    let probe = Probe::default();
    let made = sessions.ensure_session("a", probe.spec()).await.unwrap();
    let Ensured::Created(made) = made else {
        panic!("{made:?}");
    };
    let found = sessions.ensure_session("a", probe.spec()).await.unwrap();
    let Ensured::Existing(found) = found else {
        panic!("{found:?}");
    };
    assert_eq!(found.get_id(), made.get_id());
    let wrong = sessions
        .ensure_session("a", ChildSpec::new(|_| (Other, ())))
        .await;
    let Err(EnsureError::WrongMessageType { id, cell }) = wrong else {
        panic!("{wrong:?}");
    };
    assert_eq!((&*id, cell.get_id()), ("a", made.get_id()));
    assert_eq!(ractor::call!(made, Order::Echo, 3).unwrap(), 3);
    sessions.stop_session("a").await.unwrap();

    let once = Probe::default();
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..100 {
        callers.spawn(sessions.ensure_session("b", once.spec()));
    }
    let mut created = 0;
    while let Some(answer) = callers.join_next().await {
        created += usize::from(matches!(answer.unwrap().unwrap(), Ensured::Created(_)));
    }
    assert_eq!((created, once.starts()), (1, 1));
    sessions.stop_session("b").await.unwrap();

    let spec = probe.spec().restart_limit(0, HOUR);
    sessions.start_session("c", spec).await.unwrap();
    crash(&sessions, "c").await;
    let parked = sessions.ensure_session("c", probe.spec()).await;
    assert!(
        matches!(parked, Err(EnsureError::Start(StartError::Parked))),
        "{parked:?}"
    );
    sessions.stop().await.unwrap();
}
