//! What the library promises of every start, beyond OTP.

use std::error::Error;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use ractor::{Actor, ActorProcessingErr, ActorRef, registry};
use session_supervisor::error::StartError;
use session_supervisor::{
    ChildSpec, Exit, Launch, Options, SessionState, SessionSupervisor, Shutdown, names,
};

use super::ways::{HOUR, crash_and_back, info, ms};
use crate::support::{
    Order, Probe, Worker, ask_and_go, asked, back, end, poll, sessions_of, supervisor,
};

/// Rows of this theme without a test, and why.
pub(super) const NOT_HERE: &[(u16, &str)] = &[];

#[derive(Debug)]
struct Plain;

#[ractor::actor(message = u8, state = (), arguments = ())]
impl Plain {}

/// Work grows with the number of sessions, not with its square. Real time is measured, not waited
/// for; the best of some rounds is compared, and the bound lies far from both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_134_five_times_as_many_ends_are_about_five_times_the_work() {
    async fn mass_exit(n: usize) -> Duration {
        let sessions = supervisor(Options::new()).await;
        let mut cells = Vec::new();
        for i in 0..n {
            let spec = ChildSpec::new(|_| (Plain, ()));
            cells.push(
                sessions
                    .start_session(&format!("s{i}"), spec)
                    .await
                    .unwrap(),
            );
        }
        let began = Instant::now();
        for cell in &cells {
            cell.stop(None);
        }
        for cell in &cells {
            cell.wait(None).await.unwrap();
        }
        // A start waits in the queue of its id, so it comes after that session's end.
        let last = format!("s{}", n - 1);
        let spec = ChildSpec::new(|_| (Plain, ()));
        sessions.start_session(&last, spec).await.unwrap();
        let took = began.elapsed();
        sessions.stop().await.unwrap();
        took
    }
    let (mut few, mut many) = (Duration::MAX, Duration::MAX);
    // On a busy machine the best of a few rounds may still be a bad one.
    for round in 0..20 {
        few = few.min(mass_exit(500).await);
        many = many.min(mass_exit(2_500).await);
        if round >= 2 && many < few * 15 {
            break;
        }
    }
    assert!(many < few * 15, "{few:?} for 500, {many:?} for 2,500");
}

#[tokio::test(start_paused = true)]
async fn row_197_a_session_may_ask_its_own_supervisor_whatever_it_is_doing() {
    for foreign in [false, true] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let hour = probe.script().pre_start(|_, _| async {
            tokio::time::sleep(HOUR).await;
            Ok(())
        });
        let hung = asked(sessions.start_session("hung", hour.spec())).await;
        let (inside, told) = (probe.clone(), probe.clone());
        let script = probe.script().pre_start(move |start, _| {
            let probe = inside.clone();
            async move {
                let known = sessions_of(&start).count_sessions().await?.specs;
                sessions_of(&start)
                    .start_session("friend", probe.spec())
                    .await?;
                probe.note(format!("pre_start {known}"));
                Ok(())
            }
        });
        let script = script.post_stop(move |start, _| {
            let probe = told.clone();
            async move {
                let list = sessions_of(&start).list_sessions().await?;
                let known = list.iter().any(|info| info.id == start.key());
                probe.note(format!("post_stop {known}"));
                Ok(())
            }
        });
        sessions.start_session("asks", script.spec()).await.unwrap();
        assert!(!hung.is_finished());
        if foreign {
            sessions.get_cell().stop(None);
            sessions.get_cell().wait(None).await.unwrap();
        } else {
            sessions.stop().await.unwrap();
        }
        assert_eq!(
            probe.notes(),
            ["pre_start 2", "post_stop true"],
            "foreign: {foreign}"
        );
        let answer = hung.await.unwrap();
        assert!(
            matches!(answer, Err(StartError::SupervisorDown)),
            "{answer:?}"
        );
        assert_eq!(probe.alive(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_197_a_start_function_that_blocks_its_thread_keeps_no_other_caller_waiting() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = Mutex::new(released);
    let told = probe.clone();
    let blocks = probe.script().launch(move |_| {
        told.note("blocked");
        released.lock().unwrap().recv().ok();
        async { Ok(true) }
    });
    let blocked = tokio::spawn(sessions.start_session("blocked", blocks.spec()));
    probe.until(|tally| tally.notes.len() == 1).await;
    sessions.start_session("other", probe.spec()).await.unwrap();
    assert_eq!(sessions.count_sessions().await.unwrap().starting, 1);
    sessions.stop_session("other").await.unwrap();
    assert!(!blocked.is_finished());
    drop(release);
    blocked.await.unwrap().unwrap();
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_219_a_start_that_takes_too_long_is_told_at_once_and_leaves_nothing() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let began = tokio::time::Instant::now();
    let hangs = probe.script().pre_start(|_, _| std::future::pending());
    let answer = sessions.start_session("a", hangs.clone().spec()).await;
    assert!(matches!(answer, Err(StartError::TimedOut)), "{answer:?}");
    assert_eq!(began.elapsed(), Duration::from_secs(30), "the default");
    assert!(registry::where_is(names::session(sessions.name(), "a")).is_none());
    assert_eq!(sessions.count_sessions().await.unwrap(), Default::default());

    // A restart that hangs is a failed attempt, and the next one follows.
    let once = probe.script().pre_start(|start, _| async move {
        match start.incarnation {
            2 => std::future::pending().await,
            _ => Ok(()),
        }
    });
    let spec = once.spec().start_timeout(ms(500));
    let session = sessions.start_session("b", spec).await.unwrap();
    let began = tokio::time::Instant::now();
    end(&session, Order::Crash).await;
    back(&sessions, "b").await;
    assert_eq!(info(&sessions, "b").await.incarnation, 3);
    assert!(began.elapsed() >= ms(510) && began.elapsed() < ms(600));
    sessions.stop().await.unwrap();
}

/// A launch that blocks its thread until the sender is dropped, far beyond its start timeout.
fn blocking(probe: &Probe) -> (ChildSpec<Worker>, std::sync::mpsc::Sender<()>) {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = Mutex::new(released);
    let blocks = probe.script().launch(move |_| {
        released.lock().unwrap().recv().ok();
        async { Ok(true) }
    });
    (blocks.spec().start_timeout(ms(20)), release)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_219_a_launch_that_blocks_its_thread_keeps_its_id_until_it_is_gone() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let (spec, release) = blocking(&probe);
    let answer = sessions.start_session("a", spec).await;
    assert!(matches!(answer, Err(StartError::TimedOut)), "{answer:?}");
    // It waits for the launch to be gone; the kill bound passes in real time.
    let second = Probe::default();
    let waits = sessions.start_session("a", second.spec()).await;
    assert!(matches!(waits, Err(StartError::Stuck)), "{waits:?}");
    assert_eq!(second.starts(), 0);
    drop(release);
    while sessions.count_sessions().await.unwrap().stuck > 0 {
        tokio::task::yield_now().await;
    }
    sessions
        .start_session("a", second.spec())
        .await
        .expect("it is gone");
    assert_eq!(probe.alive(), 0, "the late success was not kept");
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_220_nothing_is_asked_before_the_first_poll_and_all_is_done_after_it() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    drop(sessions.start_session("a", probe.spec()));
    tokio::time::sleep(ms(1)).await;
    assert_eq!(probe.starts(), 0);
    ask_and_go(sessions.start_session("a", probe.spec())).await;
    probe.until(|tally| tally.ready == 1).await;

    drop(sessions.restart_session("a"));
    tokio::time::sleep(ms(1)).await;
    assert_eq!(probe.starts(), 1);
    ask_and_go(sessions.restart_session("a")).await;
    probe.until(|tally| tally.ready == 2).await;

    drop(sessions.stop_session("a"));
    tokio::time::sleep(ms(1)).await;
    assert_eq!((probe.alive(), probe.stops()), (1, 1));
    ask_and_go(sessions.stop_session("a")).await;
    probe.until(|tally| tally.alive == 0).await;

    drop(sessions.stop());
    drop(sessions.stop_within(Duration::ZERO));
    tokio::time::sleep(ms(1)).await;
    assert_eq!(sessions.count_sessions().await.unwrap().specs, 0);
    ask_and_go(sessions.stop()).await;
    sessions.get_cell().wait(None).await.unwrap();

    for polls in 0..4 {
        let name = format!("row_220_{polls}");
        let options = Options::new().name(name.clone());
        let mut start = Box::pin(SessionSupervisor::start(options));
        let mut done = false;
        for _ in 0..polls {
            if !done {
                done = match poll(start.as_mut()).await {
                    std::task::Poll::Ready(Ok(sessions)) => {
                        sessions.stop().await.unwrap();
                        true
                    }
                    std::task::Poll::Ready(Err(error)) => panic!("{error}"),
                    std::task::Poll::Pending => false,
                };
            }
        }
        drop(start);
        tokio::time::sleep(ms(1)).await;
        assert!(registry::where_is(name).is_none(), "after {polls} polls");
    }
}

fn spawnable<F: Future + Send + 'static>(future: F) -> F {
    future
}

struct Manager;

#[derive(Debug)]
enum Task {
    Open(String, Probe, tokio::sync::oneshot::Sender<String>),
    Opened(
        Result<ActorRef<Order>, StartError>,
        tokio::sync::oneshot::Sender<String>,
    ),
}

#[cfg(feature = "cluster")]
impl ractor::Message for Task {}

#[ractor::actor(message = Task, state = SessionSupervisor, arguments = SessionSupervisor)]
impl Manager {
    async fn pre_start(
        &self,
        _myself: ActorRef<Task>,
        sessions: SessionSupervisor,
    ) -> Result<SessionSupervisor, ActorProcessingErr> {
        Ok(sessions)
    }

    async fn handle(
        &self,
        myself: ActorRef<Task>,
        task: Task,
        sessions: &mut SessionSupervisor,
    ) -> Result<(), ActorProcessingErr> {
        match task {
            Task::Open(id, probe, tell) => {
                let start = sessions.start_session(&id, probe.spec());
                ractor::concurrency::spawn(async move {
                    let opened = Task::Opened(start.await, tell);
                    drop(myself.cast(opened));
                });
            }
            Task::Opened(Ok(session), tell) => {
                tell.send(session.get_name().unwrap_or_default()).ok();
            }
            Task::Opened(Err(error), tell) => {
                tell.send(error.to_string()).ok();
            }
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn row_224_every_call_is_a_future_that_can_be_spawned_and_outlives_its_handle() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let handle = sessions.clone();
    let id = String::from("a");
    let start = spawnable(handle.start_session(&id, probe.spec()));
    let ensure = spawnable(handle.ensure_session(&id, probe.spec()));
    let restart = spawnable(handle.restart_session(&id));
    let stop = spawnable(handle.stop_session(&id));
    let info = spawnable(handle.session_info(&id));
    let list = spawnable(handle.list_sessions());
    let count = spawnable(handle.count_sessions());
    let end = spawnable(handle.stop());
    let cut = spawnable(handle.stop_within(Duration::ZERO));
    drop((handle, id));
    tokio::time::sleep(ms(1)).await;
    assert_eq!(probe.starts(), 0);
    start.await.unwrap();
    ensure.await.unwrap();
    restart.await.unwrap();
    assert!(info.await.unwrap().is_some());
    assert_eq!(list.await.unwrap().len(), 1);
    assert_eq!(count.await.unwrap().active, 1);
    stop.await.unwrap();

    let (manager, _) = Manager::spawn(None, Manager, sessions.clone())
        .await
        .unwrap();
    let (tell, told) = tokio::sync::oneshot::channel();
    manager
        .cast(Task::Open("b".to_owned(), probe.clone(), tell))
        .unwrap();
    assert_eq!(told.await.unwrap(), names::session(sessions.name(), "b"));
    manager.stop_and_wait(None, None).await.unwrap();
    assert!(sessions.is_running("b"), "it belongs to the supervisor");
    end.await.unwrap();
    assert!(cut.await.is_err());
}

#[tokio::test(start_paused = true)]
async fn row_225_one_spec_serves_any_number_of_sessions() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = probe.spec();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..100 {
        let start = sessions.start_session(&format!("s{n}"), spec.clone());
        tasks.spawn(start);
    }
    while let Some(started) = tasks.join_next().await {
        started.unwrap().unwrap();
    }
    crash_and_back(&sessions, "s7").await;
    crash_and_back(&sessions, "s7").await;
    assert_eq!(probe.starts(), 102);

    let mixed: Vec<(&str, ChildSpec)> = vec![
        ("worker", spec.erase()),
        ("plain", ChildSpec::new(|_| (Plain, ())).erase()),
    ];
    for (id, spec) in mixed {
        let cell = sessions.start_session(id, spec).await.unwrap();
        assert_eq!(sessions.find_session(id).unwrap().get_id(), cell.get_id());
    }
    assert!(sessions.find_session_as::<Order>("worker").is_ok());
    assert!(sessions.find_session_as::<u8>("plain").is_ok());
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_226_a_start_function_is_told_which_life_this_is() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let told = probe.clone();
    let script = probe.script().launch(move |start| {
        let probe = told.clone();
        async move {
            let last = start.last_exit.as_ref().map(ToString::to_string);
            probe.note(format!(
                "{} {} {} {}",
                start.key(),
                start.incarnation,
                start.attempt,
                last.unwrap_or_else(|| "-".to_owned())
            ));
            if start.incarnation == 3 {
                let other = sessions_of(&start).start_session("other", probe.spec());
                other.await?;
                return Err("told to fail".into());
            }
            Ok(true)
        }
    });
    sessions
        .start_session("a", script.spec().without_restart_limit())
        .await
        .unwrap();
    for _ in 0..3 {
        crash_and_back(&sessions, "a").await;
    }
    assert_eq!(
        probe.notes(),
        [
            "a 1 1 -",
            "a 2 1 failed: told to crash",
            "a 3 1 failed: told to crash",
            "a 4 2 failed: told to crash",
            "a 5 1 failed: told to crash",
        ]
    );
    assert!(sessions.is_running("other"));
    sessions.stop().await.unwrap();
}

#[derive(Debug, thiserror::Error)]
#[error("no line {0}")]
struct NoLine(u8);

#[tokio::test(start_paused = true)]
async fn row_227_a_failed_start_tells_the_users_own_error() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let in_function: ChildSpec<Worker> = ChildSpec::from_fn(|_| async { Err(NoLine(1).into()) });
    let in_pre_start = probe
        .script()
        .pre_start(|_, _| async { Err(NoLine(2).into()) });
    for (line, spec) in [(1, in_function), (2, in_pre_start.spec())] {
        let error = sessions.start_session("a", spec).await.unwrap_err();
        let copy = error.clone();
        // The message is that of its own level.
        assert_eq!(copy.to_string(), "session a failed to start");
        let source = copy.source().expect("it has a cause");
        let own = source
            .downcast_ref::<NoLine>()
            .expect("the user's own type");
        assert_eq!(own.0, line);
        assert_eq!(source.to_string(), format!("no line {line}"));
        assert!(error.already_started::<Order>().is_none());
    }
    let session = sessions.start_session("a", probe.spec()).await.unwrap();
    let error = sessions.start_session("a", probe.spec()).await.unwrap_err();
    let running = error.already_started::<Order>().expect("the right type");
    assert_eq!(running.get_id(), session.get_id());
    assert!(error.already_started::<u8>().is_none());
    let ignored: ChildSpec<Plain> = ChildSpec::from_fn(|_| async { Ok(Launch::Ignore) });
    let error = sessions.start_session("b", ignored).await.unwrap_err();
    assert!(error.source().is_none());
    assert_eq!(info(&sessions, "a").await.state, SessionState::Running);
    let spec = probe.spec().shutdown(Shutdown::BrutalKill);
    sessions.start_session("c", spec).await.unwrap();
    assert_eq!(sessions.stop_session("c").await, Ok(Exit::Killed));
    sessions.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_219_a_launch_that_blocks_its_thread_keeps_its_place_and_is_in_the_report() {
    let sessions = supervisor(Options::new().max_sessions(1)).await;
    let probe = Probe::default();
    let (spec, release) = blocking(&probe);
    let answer = sessions.start_session("a", spec).await;
    assert!(matches!(answer, Err(StartError::TimedOut)), "{answer:?}");
    let other = sessions.start_session("b", probe.spec()).await;
    assert!(
        matches!(other, Err(StartError::MaxSessions { max: 1 })),
        "{other:?}"
    );
    assert_eq!(info(&sessions, "a").await.state, SessionState::Stopping);
    let known = sessions.count_sessions().await.unwrap().specs;
    let report = sessions.stop().await.unwrap();
    assert_eq!((known, report.stuck), (1, 1), "{report:?}");
    drop(release);
}
