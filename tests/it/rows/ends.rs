//! How the end of a session is recognised, and that of an actor which is none.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use session_supervisor::error::StartError;
use session_supervisor::{
    Backoff, ChildSpec, Exit, Options, Restart, SessionState, SessionSupervisor, names,
};
use tokio::sync::mpsc;

use super::restarts::{known, stays_gone};
use super::ways::{HOUR, Way, crash, crash_and_back, info, running};
use crate::support::{Order, Probe, back, died, sessions_of, supervisor};

/// Rows of this theme without a test, and why.
pub(super) const NOT_HERE: &[(u16, &str)] = &[];

/// An actor that is no session; a message lets it fail.
struct Stranger;

#[ractor::actor(message = (), state = (), arguments = ())]
impl Stranger {
    async fn handle(
        &self,
        _myself: ActorRef<()>,
        (): (),
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        Err("a stranger fails".into())
    }
}

/// A stranger that is linked to the supervisor.
async fn linked(sessions: &SessionSupervisor, name: Option<String>) -> ActorRef<()> {
    let root = sessions.get_cell();
    let (stranger, _) = Actor::spawn_linked(name, Stranger, (), root).await.unwrap();
    stranger
}

#[tokio::test(start_paused = true)]
async fn row_040_the_end_of_an_actor_that_is_no_session_changes_nothing() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = probe.spec().backoff(Backoff::constant(HOUR));
    sessions.start_session("paused", spec).await.unwrap();
    crash(&sessions, "paused").await;
    sessions.start_session("a", probe.spec()).await.unwrap();
    let old = running(&sessions, "a").get_cell();
    crash_and_back(&sessions, "a").await;
    let new = running(&sessions, "a").get_id();
    let gone = sessions.start_session("gone", probe.spec()).await.unwrap();
    sessions.stop_session("gone").await.unwrap();
    let counts = sessions.count_sessions().await.unwrap();
    let starts = probe.starts();

    // Strangers without a name, with the name of no session, and with that of one that waits.
    let name = |id| Some(names::session(sessions.name(), id));
    for name in [None, name("unknown"), name("paused")] {
        for way in 0..3 {
            let stranger = linked(&sessions, name.clone()).await;
            match way {
                0 => stranger.stop(None),
                1 => stranger.kill(),
                _ => stranger.cast(()).unwrap(),
            }
            died(&stranger.get_cell()).await;
        }
    }
    // Late events: of the incarnation before, and of a session that is forgotten.
    let messenger = linked(&sessions, None).await;
    for late in [old, gone.get_cell()] {
        let failed = SupervisionEvent::ActorFailed(late.clone(), "late".into());
        messenger.get_cell().notify_supervisor(failed);
        let killed = SupervisionEvent::ActorTerminated(late, None, Some("killed".to_owned()));
        messenger.get_cell().notify_supervisor(killed);
    }

    assert_eq!(sessions.count_sessions().await.unwrap(), counts);
    for unknown in ["unknown", "gone"] {
        assert!(sessions.session_info(unknown).await.unwrap().is_none());
    }
    assert_eq!(running(&sessions, "a").get_id(), new);
    assert_eq!(info(&sessions, "a").await.restarts, 1);
    let paused = info(&sessions, "paused").await;
    assert_eq!(
        (paused.state, paused.restarts),
        (SessionState::Restarting, 1)
    );
    let last = paused.last_exit.map(|exit| exit.to_string());
    assert_eq!(last.as_deref(), Some("failed: told to crash"));
    assert_eq!(probe.starts(), starts);
    assert!(sessions.stop().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn row_042_a_drain_is_a_graceful_end_and_a_cancelled_task_an_abnormal_one() {
    stays_gone(&[Way::Drain], Some(Restart::Transient)).await;

    // Only ractor holds the task of a session, so it cannot be cancelled (what such an end means is
    // tested with the engine's judgement). Told of a session that runs, it is not believed; told of
    // one that was killed, it says nothing new.
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let old = sessions.start_session("a", probe.spec()).await.unwrap();
    let messenger = linked(&sessions, None).await.get_cell();
    let reason = Some("actor_task_cancelled".to_owned());
    let cancelled = SupervisionEvent::ActorTerminated(old.get_cell(), None, reason);
    messenger.notify_supervisor(cancelled);
    // A second actor's end comes after the forged one: when that is done, so is the other.
    messenger.stop_and_wait(None, None).await.unwrap();
    let told = info(&sessions, "a").await;
    assert_eq!((told.state, told.last_exit), (SessionState::Running, None));
    Way::Kill.end(&old).await;
    let new = back(&sessions, "a").await;
    assert_ne!(new.get_id(), old.get_id());
    let told = info(&sessions, "a").await;
    assert_eq!((told.restarts, told.last_exit), (1, Some(Exit::Killed)));
}

/// An actor written without `async fn`, which panics before there is a future. Only where ractor's
/// trait is not that of `async-trait`.
#[cfg(not(feature = "async-trait"))]
mod by_hand {
    use std::future::{Future, ready};

    use ractor::{Actor, ActorProcessingErr, ActorRef};

    pub(super) struct Abrupt {
        pub(super) in_post_start: bool,
        pub(super) in_post_stop: bool,
    }

    impl Actor for Abrupt {
        type Msg = ();
        type State = ();
        type Arguments = ();

        fn pre_start(
            &self,
            _myself: ActorRef<()>,
            (): (),
        ) -> impl Future<Output = Result<(), ActorProcessingErr>> + Send {
            ready(Ok(()))
        }

        fn post_start(
            &self,
            _myself: ActorRef<()>,
            (): &mut (),
        ) -> impl Future<Output = Result<(), ActorProcessingErr>> + Send {
            assert!(!self.in_post_start, "before post_start");
            ready(Ok(()))
        }

        fn post_stop(
            &self,
            _myself: ActorRef<()>,
            (): &mut (),
        ) -> impl Future<Output = Result<(), ActorProcessingErr>> + Send {
            assert!(!self.in_post_stop, "before post_stop");
            ready(Ok(()))
        }
    }
}

#[cfg(not(feature = "async-trait"))]
#[tokio::test(start_paused = true)]
async fn row_042_a_panic_before_there_is_a_future_is_a_failure() {
    for in_post_start in [true, false] {
        let sessions = supervisor(Options::new()).await;
        let spec = ChildSpec::new(move |start| {
            let first = start.incarnation == 1;
            let actor = by_hand::Abrupt {
                in_post_start: first && in_post_start,
                in_post_stop: first && !in_post_start,
            };
            (actor, ())
        });
        let old = sessions.start_session("a", spec.clone()).await.unwrap();
        old.stop(None);
        died(&old.get_cell()).await;
        let found = sessions.ensure_session("a", spec).await.unwrap();
        assert!(
            matches!(found, session_supervisor::Ensured::Existing(_)),
            "{in_post_start}"
        );
        assert_ne!(found.into_inner().get_id(), old.get_id());
        let last = info(&sessions, "a").await.last_exit.unwrap();
        assert!(matches!(last, Exit::Failed { .. }), "{last:?}");
        assert!(last.to_string().contains("before post_"), "{last}");
    }
}

/// Starts its supervisor anew, whenever that has ended, and hands it out.
struct Renewing;

type Renewed = (Options, mpsc::UnboundedSender<SessionSupervisor>);

#[ractor::actor(message = (), state = Renewed, arguments = Renewed)]
impl Renewing {
    async fn pre_start(
        &self,
        _myself: ActorRef<()>,
        renewed: Renewed,
    ) -> Result<Renewed, ActorProcessingErr> {
        Ok(renewed)
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<()>,
        event: SupervisionEvent,
        (options, out): &mut Renewed,
    ) -> Result<(), ActorProcessingErr> {
        let (SupervisionEvent::ActorTerminated(..) | SupervisionEvent::ActorFailed(..)) = event
        else {
            return Ok(());
        };
        let again = SessionSupervisor::start_link(myself.get_cell(), options.clone()).await?;
        out.send(again)?;
        Ok(())
    }
}

/// A supervisor whose parent starts it anew, and where that appears.
async fn renewing(
    name: &str,
) -> (
    SessionSupervisor,
    mpsc::UnboundedReceiver<SessionSupervisor>,
) {
    let (out, renewed) = mpsc::unbounded_channel();
    let options = Options::new().name(name);
    let (parent, _) = Actor::spawn(None, Renewing, (options.clone(), out))
        .await
        .unwrap();
    let first = SessionSupervisor::start_link(parent.get_cell(), options)
        .await
        .unwrap();
    (first, renewed)
}

#[tokio::test(start_paused = true)]
async fn row_043_a_supervisor_that_its_parent_restarts_begins_empty() {
    for kill in [true, false] {
        let (old, mut renewed) = renewing(&format!("row-043-{kill}")).await;
        let probe = Probe::default();
        let ids = ["a", "b", "c"];
        for id in ids {
            let spec = probe.spec().restart(Restart::Permanent);
            old.start_session(id, spec).await.unwrap();
        }
        let cells = ids.map(|id| old.find_session(id).unwrap());
        if kill {
            old.get_cell().kill();
        } else {
            old.get_cell().stop(None);
        }
        let new = renewed.recv().await.unwrap();
        assert_eq!(new.name(), old.name());
        assert!(new.list_sessions().await.unwrap().is_empty());
        for cell in cells {
            died(&cell).await;
        }
        tokio::time::sleep(HOUR).await;
        assert_eq!(known(&new).await, (0, 0));
        assert_eq!((probe.starts(), probe.alive()), (3, 0));
        assert!(old.list_sessions().await.is_err());
        new.start_session("a", probe.spec()).await.unwrap();
        assert_eq!(info(&new, "a").await.incarnation, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn row_043_until_an_old_session_has_ended_its_name_is_taken() {
    let (old, mut renewed) = renewing("row-043-taken").await;
    let probe = Probe::default();
    let session = old.start_session("a", probe.spec()).await.unwrap();
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let note = probe.clone();
    let block = Order::run(move |_| async move {
        note.note("blocks");
        blocked.recv().ok();
        Ok(())
    });
    session.cast(block).unwrap();
    probe.until(|tally| !tally.notes.is_empty()).await;
    old.get_cell().kill();
    let new = renewed.recv().await.unwrap();
    let start = new.start_session("a", probe.spec()).await;
    let Err(StartError::NameTaken { cell, .. }) = start else {
        panic!("{start:?}");
    };
    assert_eq!(cell.map(|cell| cell.get_id()), Some(session.get_id()));
    drop(release);
    died(&session.get_cell()).await;
    new.start_session("a", probe.spec()).await.unwrap();
    new.stop().await.unwrap();
}

/// A session that ends by itself as soon as it runs.
struct Brief;

#[ractor::actor(message = (), state = (), arguments = ())]
impl Brief {
    async fn post_start(
        &self,
        myself: ActorRef<()>,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        myself.stop(None);
        Ok(())
    }
}

/// Waits until the supervisor has taken notice of all ends, which on several threads may be after
/// the callers have.
async fn all_gone(sessions: &SessionSupervisor) {
    let gone = async {
        while known(sessions).await != (0, 0) {
            tokio::task::yield_now().await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(60), gone).await;
    assert!(in_time.is_ok(), "{:?}", sessions.count_sessions().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_196_very_many_normal_ends_are_followed_by_no_restart() {
    const CALLERS: usize = 8;
    const EACH: usize = 12_500;
    let sessions = supervisor(Options::new()).await;
    let starts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&starts);
    let spec = ChildSpec::new(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        (Brief, ())
    });
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (sessions, spec) = (sessions.clone(), spec.clone());
            tokio::spawn(async move {
                for n in 0..EACH {
                    let id = format!("{caller}-{n}");
                    drop(sessions.start_session(&id, spec.clone()).await.unwrap());
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    all_gone(&sessions).await;
    assert_eq!(starts.load(Ordering::Relaxed), CALLERS * EACH);
    let report = sessions.stop().await.unwrap();
    assert_eq!(report.stopped + report.failed + report.killed, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_196_sessions_that_unlinked_themselves_are_judged_by_how_they_ended() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let script = probe.script().post_start(|start, myself| async move {
        myself.get_cell().unlink(sessions_of(&start).get_cell());
        Ok(())
    });
    let spec = script.spec();
    let mut all = Vec::new();
    for n in 0..1_000 {
        let id = n.to_string();
        all.push(sessions.start_session(&id, spec.clone()).await.unwrap());
    }
    probe.until(|tally| tally.ready == 1_000).await;
    assert!(sessions.find_session("0").is_none(), "it is not linked");
    for session in &all {
        session.stop(None);
    }
    for session in &all {
        died(&session.get_cell()).await;
    }
    all_gone(&sessions).await;
    assert_eq!(probe.starts(), 1_000);

    let mut running = 1_000;
    for n in 0..100 {
        let id = n.to_string();
        let mut old = sessions.start_session(&id, spec.clone()).await.unwrap();
        for way in Way::ABNORMAL {
            running += 1;
            probe.until(|tally| tally.ready == running).await;
            way.end(&old).await;
            let new = back(&sessions, &id).await;
            assert_ne!(new.get_id(), old.get_id(), "{way:?}");
            old = new;
        }
        running += 1;
    }
    assert_eq!(known(&sessions).await, (100, 100));
    sessions.stop().await.unwrap();
}

/// Ends a permanent session in every way, and hands out what is told of each end.
async fn ends(sessions: &SessionSupervisor) -> Vec<Exit> {
    let probe = Probe::default();
    let spec = probe.spec().restart(Restart::Permanent);
    let spec = spec.without_restart_limit();
    sessions.start_session("a", spec).await.unwrap();
    let mut exits = Vec::new();
    for way in [
        Way::Stop,
        Way::StopFor("killed"),
        Way::Drain,
        Way::Error,
        Way::Panic,
        Way::Kill,
    ] {
        way.end(&back(sessions, "a").await).await;
        back(sessions, "a").await;
        exits.push(info(sessions, "a").await.last_exit.unwrap());
    }
    sessions.stop_session("a").await.unwrap();
    exits
}

#[tokio::test(start_paused = true)]
async fn row_196_the_last_exit_tells_how_a_session_really_ended() {
    let sessions = supervisor(Options::new()).await;
    let exits = ends(&sessions).await;
    let told: Vec<_> = exits.iter().map(|exit| exit.to_string()).collect();
    assert_eq!(told[..3], ["normal", "normal (killed)", "normal (Drained)"]);
    assert_eq!(told[3], "failed: told to crash");
    assert!(told[4].starts_with("failed: ") && told[4].contains("told to panic"));
    assert_eq!(told[5], "killed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_196_also_when_the_release_overtakes_the_event() {
    let sessions = supervisor(Options::new()).await;
    for _ in 0..300 {
        let exits = ends(&sessions).await;
        for normal in &exits[..3] {
            assert!(matches!(normal, Exit::Normal { .. }), "{exits:?}");
        }
        for failed in &exits[3..5] {
            assert!(matches!(failed, Exit::Failed { .. }), "{exits:?}");
        }
        assert_eq!(exits[5], Exit::Killed);
    }
    sessions.stop().await.unwrap();
}
