//! The end of the supervisor by others: a foreign stop, drain or kill, the end of its parent; and
//! what cannot end it.

use std::fmt;
use std::time::Duration;

use ractor::{ActorCell, ActorRef, ActorStatus, MessagingErr};
use session_supervisor::error::{StartError, SupervisorDown};
use session_supervisor::{
    ChildSpec, Exit, Options, SessionState, SessionSupervisor, Shutdown, names,
};
use tokio::time::Instant;

use crate::support::{Order, Probe, Worker, asked, back, died, end, parent, supervisor};

/// Rows of this theme without a test, and why.
pub(super) const NOT_HERE: &[(u16, &str)] = &[];

const SECOND: Duration = Duration::from_secs(1);

/// Sessions in every state from which a kill must get them, and those who wait for them.
struct Scene {
    cells: Vec<(&'static str, ActorCell)>,
    stop: tokio::task::JoinHandle<Result<Exit, session_supervisor::error::StopError>>,
    starts: Vec<tokio::task::JoinHandle<Result<ActorRef<Order>, StartError>>>,
}

async fn scene(sessions: &SessionSupervisor, probe: &Probe) -> Scene {
    let noted = probe.clone();
    let endless = probe.script().post_stop(move |start, _| {
        noted.note(start.key().to_string());
        std::future::pending()
    });
    let endless = endless.spec().shutdown(Shutdown::Infinity);
    let mut cells = Vec::new();
    for id in ["running", "draining", "stopping", "asked", "unlinked"] {
        let session = sessions.start_session(id, endless.clone()).await.unwrap();
        cells.push((id, session.get_cell()));
    }
    sessions
        .find_session_as::<Order>("draining")
        .unwrap()
        .cast(Order::Hang)
        .unwrap();
    cells[1].1.drain().unwrap();
    cells[2].1.stop(None);
    let stop = asked(sessions.stop_session("asked")).await;
    cells[4].1.unlink(sessions.get_cell());
    probe.until(|tally| tally.notes.len() == 2).await;
    let queued = asked(sessions.start_session("asked", endless.clone())).await;
    let never = probe.script().launch(|_| std::future::pending()).spec();
    let launching = asked(sessions.start_session("launching", never)).await;
    let noted = probe.clone();
    let hangs = probe.script().pre_start(move |start, _| {
        noted.note(start.key().to_string());
        std::future::pending()
    });
    let in_pre_start = asked(sessions.start_session("in_pre_start", hangs.spec())).await;
    probe.until(|tally| tally.notes.len() == 3).await;
    // It is registered before its `pre_start` runs.
    let name = names::session(sessions.name(), "in_pre_start");
    cells.push(("in_pre_start", ractor::registry::where_is(name).unwrap()));
    probe.until(|tally| tally.starts == 7).await;
    Scene {
        cells,
        stop,
        starts: vec![queued, launching, in_pre_start],
    }
}

/// Nothing of the scene is alive, no caller waits, and no `post_stop` went through.
async fn all_gone(sessions: &SessionSupervisor, probe: &Probe, scene: Scene) {
    for (_, cell) in &scene.cells {
        died(cell).await;
    }
    for start in scene.starts {
        let answer = start.await.unwrap();
        assert!(
            matches!(answer, Err(StartError::SupervisorDown)),
            "{answer:?}"
        );
    }
    assert_eq!(scene.stop.await.unwrap(), Ok(Exit::Killed));
    probe.until(|tally| tally.alive == 0).await;
    assert_eq!(probe.stops(), 0);
    for (id, _) in scene.cells {
        let name = names::session(sessions.name(), id);
        assert!(ractor::registry::where_is(name).is_none(), "{id}");
    }
    assert!(matches!(
        sessions.count_sessions().await,
        Err(SupervisorDown { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn row_107_a_killed_supervisor_leaves_no_session_and_no_caller_behind() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let scene = scene(&sessions, &probe).await;
    let began = Instant::now();
    sessions.get_cell().kill();
    died(&sessions.get_cell()).await;
    all_gone(&sessions, &probe, scene).await;
    assert_eq!((began.elapsed(), probe.starts()), (Duration::ZERO, 7));
}

#[tokio::test(start_paused = true)]
async fn row_107_also_while_it_is_being_stopped() {
    for own in [false, true] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let scene = scene(&sessions, &probe).await;
        let stop = if own {
            Some(asked(sessions.stop()).await)
        } else {
            sessions.get_cell().stop(None);
            None
        };
        // All that can be told to end has been told: those that run, and the unlinked one.
        probe.until(|tally| tally.notes.len() == 5).await;
        sessions.get_cell().kill();
        died(&sessions.get_cell()).await;
        all_gone(&sessions, &probe, scene).await;
        if let Some(stop) = stop {
            let report = stop.await.unwrap().unwrap();
            assert_eq!((report.killed, report.not_running), (5, 2));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_107_also_on_several_threads() {
    for _ in 0..100 {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let scene = scene(&sessions, &probe).await;
        sessions.get_cell().kill();
        died(&sessions.get_cell()).await;
        all_gone(&sessions, &probe, scene).await;
    }
}

/// An error that panics wherever it can.
struct Rude;

impl fmt::Debug for Rude {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("a rude error is not to be written");
    }
}

impl fmt::Display for Rude {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("a rude error is not to be written");
    }
}

impl std::error::Error for Rude {}

impl Drop for Rude {
    fn drop(&mut self) {
        panic!("a rude error is dropped");
    }
}

#[tokio::test(start_paused = true)]
async fn row_109_nothing_that_a_user_wrote_can_end_the_supervisor() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let sibling = sessions.start_session("sibling", probe.spec()).await;
    let sibling = sibling.unwrap();
    let root = sessions.get_cell();

    let sync_panic = ChildSpec::new(|_| -> (Worker, _) { panic!("a start function panics") });
    let a = sessions.start_session("a", sync_panic).await;
    assert!(matches!(a, Err(StartError::Failed { .. })), "{a:?}");
    let panics = || async { panic!("a callback panics") };
    let specs = [
        probe.script().launch(move |_| async { panic!("late") }),
        probe.script().pre_start(move |_, _| panics()),
    ];
    for script in specs {
        let b = sessions.start_session("b", script.spec()).await;
        assert!(matches!(b, Err(StartError::Failed { .. })), "{b:?}");
    }
    let rude = probe.script().launch(|_| async { Err(Rude.into()) });
    let rude = sessions.start_session("c", rude.spec()).await;
    // The caller holds the error as it was made, and must not drop it.
    std::mem::forget(rude.unwrap_err());

    // States that panic in their drop, however the session ends.
    let bomb = || probe.script().on_drop(|_| panic!("a state panics"));
    let in_post_start = bomb().post_start(move |_, _| panics()).spec();
    let in_post_stop = bomb().post_stop(move |_, _| panics()).spec();
    let ways: [fn(&ActorRef<Order>); 5] = [
        |session| session.kill(),
        |session| session.stop(None),
        |session| session.drain().unwrap(),
        |session| session.cast(Order::Panic).unwrap(),
        |session| {
            let rude = Order::run(|_| async { Err(Rude.into()) });
            session.cast(rude).unwrap();
        },
    ];
    for (n, end) in ways.into_iter().enumerate() {
        for (m, spec) in [bomb().spec(), in_post_stop.clone(), in_post_start.clone()]
            .into_iter()
            .enumerate()
        {
            let id = format!("bomb-{n}-{m}");
            let session = sessions.start_session(&id, spec).await.unwrap();
            if m < 2 {
                end(&session);
            }
            died(&session.get_cell()).await;
            // It is over when the supervisor has done with it; parked or not, it can be discarded.
            drop(sessions.stop_session(&id).await);
            assert_eq!(root.get_status(), ActorStatus::Running, "{id}");
        }
    }
    assert_eq!(sessions.count_sessions().await.unwrap().specs, 1);
    let found = sessions.find_session("sibling").unwrap();
    assert_eq!(found.get_id(), sibling.get_id());
    assert_eq!(ractor::call!(sibling, Order::Echo, 3).unwrap(), 3);
    let report = sessions.stop().await.unwrap();
    assert_eq!((report.stopped, probe.alive()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn row_111_what_the_supervisor_does_not_know_changes_nothing() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let a = sessions.start_session("a", probe.spec()).await.unwrap();
    let root = sessions.get_cell();
    for _ in 0..1000 {
        root.send_message(()).unwrap();
    }
    let wrong: ActorRef<Order> = root.clone().into();
    assert!(matches!(
        wrong.cast(Order::Crash),
        Err(MessagingErr::InvalidActorType)
    ));

    let group = format!("{}-group", sessions.name());
    ractor::pg::monitor(group.clone(), root.clone());
    let strangers = Probe::default();
    let stranger = parent(&strangers).await;
    ractor::pg::join(group.clone(), vec![stranger.clone()]);
    ractor::pg::leave(group, vec![stranger.clone()]);
    // A stranger under the root: its start and its end are told to the root.
    stranger.link(root.clone());
    stranger.stop(None);
    died(&stranger).await;

    let list = sessions.list_sessions().await.unwrap();
    assert_eq!(list.len(), 1);
    assert_eq!(list[0].state, SessionState::Running);
    let cell = list[0].cell.as_ref().unwrap();
    assert_eq!(cell.get_id(), a.get_id());
    assert_eq!(sessions.count_sessions().await.unwrap().specs, 1);
    assert_eq!(root.get_status(), ActorStatus::Running);
    end(&a, Order::Crash).await;
    assert_ne!(back(&sessions, "a").await.get_id(), a.get_id());
    sessions.stop().await.unwrap();
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Foreign {
    Stop,
    Drain,
    StopChildren,
}

#[tokio::test(start_paused = true)]
async fn row_217_a_foreign_end_stops_the_sessions_as_our_own_stop() {
    for foreign in [Foreign::Stop, Foreign::Drain, Foreign::StopChildren] {
        let seen = Probe::default();
        let above = parent(&seen).await;
        let options = Options::new().unique_name();
        let sessions = SessionSupervisor::start_link(above.clone(), options);
        let sessions = sessions.await.unwrap();
        let probe = Probe::default();
        sessions.start_session("a", probe.spec()).await.unwrap();
        let slow = probe.slow_to_stop(3 * SECOND);
        sessions.start_session("slow", slow).await.unwrap();
        let long = probe.slow_to_stop(20 * SECOND);
        let long = long.shutdown(Shutdown::Infinity);
        sessions.start_session("long", long).await.unwrap();
        let brutal = probe.spec().shutdown(Shutdown::BrutalKill);
        sessions.start_session("brutal", brutal).await.unwrap();
        let hung = probe.spec().shutdown(Shutdown::Timeout(SECOND));
        let hung = sessions.start_session("hung", hung).await.unwrap();
        hung.cast(Order::Hang).unwrap();
        let never = probe.script().launch(|_| std::future::pending());
        let start = asked(sessions.start_session("starting", never.spec())).await;

        let began = Instant::now();
        let root = sessions.get_cell();
        match foreign {
            Foreign::Stop => root.stop(Some("by hand".to_owned())),
            Foreign::Drain => root.drain().unwrap(),
            Foreign::StopChildren => {
                let above = above.clone();
                let stop = async move {
                    let reason = Some("by the parent".to_owned());
                    above.stop_children_and_wait(reason, None).await;
                };
                drop(asked(stop).await);
            }
        }
        let stop = asked(sessions.stop_session("slow"));
        let start = start.await.unwrap();
        assert!(matches!(start, Err(StartError::SupervisorDown)));
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert_eq!(stop.await.await.unwrap(), Ok(Exit::Shutdown));
        assert_eq!(began.elapsed(), 3 * SECOND);
        assert_eq!(hung.get_status(), ActorStatus::Stopped);
        assert_eq!(probe.tally().stopped, ["a", "slow"]);
        assert_eq!(root.get_status(), ActorStatus::Stopping, "its end is last");

        died(&root).await;
        assert_eq!(began.elapsed(), 20 * SECOND, "{foreign:?}");
        assert_eq!(probe.tally().stopped, ["a", "slow", "long"]);
        probe.until(|tally| tally.alive == 0).await;
        seen.until(|tally| !tally.notes.is_empty()).await;
        let reason = match foreign {
            Foreign::Stop => "by hand",
            Foreign::Drain => "Drained",
            Foreign::StopChildren => "by the parent",
        };
        assert_eq!(seen.notes(), [reason], "a foreign end keeps its reason");
        above.stop(None);
    }
}

#[tokio::test(start_paused = true)]
async fn row_217_the_end_of_the_parent_leaves_no_session_alive() {
    for kill in [false, true] {
        let above = parent(&Probe::default()).await;
        let options = Options::new().unique_name();
        let sessions = SessionSupervisor::start_link(above.clone(), options);
        let sessions = sessions.await.unwrap();
        let probe = Probe::default();
        let scene = scene(&sessions, &probe).await;
        if kill {
            above.kill();
        } else {
            above.stop(None);
        }
        died(&above).await;
        died(&sessions.get_cell()).await;
        all_gone(&sessions, &probe, scene).await;
    }
}
