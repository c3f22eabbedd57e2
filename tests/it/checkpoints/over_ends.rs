//! What the next incarnation finds.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use session_supervisor::{
    Backoff, ChildSpec, Launch, Options, Restart, SessionState, SessionSupervisor,
};
use tokio::time::sleep;

use super::{Handles, Saved};
use crate::support::{Order, Probe, back, died, end, supervisor};

const SECOND: Duration = Duration::from_secs(1);

/// An actor that fails with its first message.
struct Fails;

#[ractor::actor(message = (), state = (), arguments = ())]
impl Fails {
    async fn handle(
        &self,
        _myself: ActorRef<()>,
        (): (),
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        Err("told to fail".into())
    }
}

/// How an incarnation ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Error,
    Panic,
    Kill,
    /// In order, by itself.
    Itself,
    ByHand,
    Drain,
    /// An actor that is linked to it fails.
    Linked,
}

async fn ends(sessions: &SessionSupervisor, session: ActorRef<Order>, how: End) {
    match how {
        End::Error => end(&session, Order::Crash).await,
        End::Panic => end(&session, Order::Panic).await,
        End::Kill => session.kill(),
        End::Itself => session.stop(None),
        End::ByHand => drop(sessions.restart_session("a").await.unwrap()),
        End::Drain => session.drain().unwrap(),
        End::Linked => {
            let links = Order::run(|myself| async move {
                let (linked, _) = Fails::spawn_linked(None, Fails, (), myself.get_cell()).await?;
                linked.cast(())?;
                Ok(())
            });
            session.cast(links).unwrap();
        }
    }
    died(&session.get_cell()).await;
}

/// "What is saved there last, the next incarnation finds, however the one before ended, until it is
/// taken or the session is gone for good."
#[tokio::test(start_paused = true)]
async fn the_next_incarnation_finds_what_was_saved_last() {
    let sessions = supervisor(Options::new().without_session_restart_limit()).await;
    let (probe, handles) = (Probe::default(), Handles::default());
    let spec = handles.script(&probe).spec().restart(Restart::Permanent);
    sessions.start_session("a", spec).await.unwrap();
    assert_eq!(handles.found(), None);
    let all = [
        End::Error,
        End::Panic,
        End::Kill,
        End::Itself,
        End::ByHand,
        End::Drain,
        End::Linked,
    ];
    let mut launches = 1;
    for (number, how) in (1..).zip(all) {
        let saved = handles.last();
        for number in [100, 200, number] {
            saved.save(Saved::new(number, &probe)).unwrap();
        }
        assert_eq!(saved.get().unwrap().unwrap().number, number);
        let session = back(&sessions, "a").await;
        ends(&sessions, session, how).await;
        back(&sessions, "a").await;
        launches += 1;
        assert_eq!(
            (handles.launches(), handles.found()),
            (launches, Some(number)),
            "{how:?}"
        );
    }
    // Taken, it is there no longer.
    let taken = handles.last().take().unwrap().unwrap();
    assert_eq!(taken.number, 7);
    assert!(handles.last().get().unwrap().is_none() && handles.last().take().unwrap().is_none());
    sessions.restart_session("a").await.unwrap();
    assert_eq!(handles.found(), None);
    sessions.stop().await.unwrap();
}

/// "Between the end of an incarnation and that launch its handles still save."
#[tokio::test(start_paused = true)]
async fn what_is_saved_during_a_pause_is_found() {
    let sessions = supervisor(Options::new()).await;
    let (probe, handles) = (Probe::default(), Handles::default());
    let spec = handles.script(&probe).spec();
    let spec = spec.backoff(Backoff::constant(60 * SECOND));
    let session = sessions.start_session("a", spec).await.unwrap();
    end(&session, Order::Crash).await;
    sleep(SECOND).await;
    handles.last().save(Saved::new(5, &probe)).unwrap();
    assert_eq!(handles.last().get().unwrap().unwrap().number, 5);
    back(&sessions, "a").await;
    assert_eq!((handles.launches(), handles.found()), (2, Some(5)));
    sessions.stop().await.unwrap();
}

/// "It survives failures, kills, restarts by hand, starts that fail, and being parked."
#[tokio::test(start_paused = true)]
async fn it_survives_starts_that_fail_and_being_parked() {
    let sessions = supervisor(Options::new()).await;
    let (probe, handles) = (Probe::default(), Handles::default());
    let tries = Arc::new(AtomicUsize::new(0));
    let (seen, tried) = (handles.clone(), Arc::clone(&tries));
    let script = probe.script().launch(move |start| {
        let tried = tried.fetch_add(1, Ordering::SeqCst);
        // Some fail before they ask for it, and some after that.
        if tried % 2 == 0 {
            seen.see(&start);
        }
        async move {
            match tried {
                1 | 2 => Err("it does not start".into()),
                3 => std::future::pending().await,
                _ => Ok(true),
            }
        }
    });
    let spec = script.spec().start_timeout(SECOND);
    let session = sessions.start_session("a", spec).await.unwrap();
    handles.last().save(Saved::new(7, &probe)).unwrap();
    end(&session, Order::Crash).await;
    // The restart and two attempts after it use up the limit of 3.
    sleep(5 * SECOND).await;
    let info = sessions.session_info("a").await.unwrap().unwrap();
    assert_eq!(info.state, SessionState::Parked);
    assert_eq!(tries.load(Ordering::SeqCst), 4);
    assert_eq!((handles.launches(), handles.found()), (2, Some(7)));
    // A trial.
    probe.until(|tally| tally.ready == 2).await;
    assert_eq!((handles.launches(), handles.found()), (3, Some(7)));
    handles.last().save(Saved::new(8, &probe)).unwrap();
    let session = back(&sessions, "a").await;
    end(&session, Order::Crash).await;
    let info = sessions.session_info("a").await.unwrap().unwrap();
    assert_eq!(info.state, SessionState::Parked);
    // By hand: an incarnation that does not ask for it passes it on.
    sessions.restart_session("a").await.unwrap();
    assert_eq!(handles.launches(), 3);
    sessions.restart_session("a").await.unwrap();
    assert_eq!((handles.launches(), handles.found()), (4, Some(8)));
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_fails_passes_on_what_it_has_saved() {
    let sessions = supervisor(Options::new().without_session_restart_limit()).await;
    let (probe, handles) = (Probe::default(), Handles::default());
    let (seen, noted) = (handles.clone(), probe.clone());
    let script = probe.script().launch(move |start| {
        seen.see(&start);
        let number = u32::try_from(start.incarnation).unwrap();
        seen.last().save(Saved::new(number, &noted)).unwrap();
        async move {
            match start.incarnation {
                2..=5 => Err("it does not start".into()),
                _ => Ok(true),
            }
        }
    });
    let session = sessions.start_session("a", script.spec()).await.unwrap();
    end(&session, Order::Crash).await;
    back(&sessions, "a").await;
    let found: Vec<_> = handles.all().into_iter().map(|seen| seen.found).collect();
    assert_eq!(found, [None, Some(1), Some(2), Some(3), Some(4), Some(5)]);
    sessions.stop().await.unwrap();
}

/// A value that cannot be cloned: the next incarnation goes on with it.
#[tokio::test(start_paused = true)]
async fn a_value_that_must_not_be_there_twice_is_taken() {
    struct Connection(u32);
    let sessions = supervisor(Options::new()).await;
    let open = Arc::new(Mutex::new(Vec::new()));
    let opened = Arc::clone(&open);
    let spec = ChildSpec::from_fn(move |start| {
        let opened = Arc::clone(&opened);
        async move {
            let handed_over = start.checkpoint::<Connection>();
            let connection = handed_over.take()?.and_then(Arc::into_inner);
            let connection = connection.unwrap_or(Connection(1));
            opened.lock().unwrap().push(connection.0);
            let next = Connection(connection.0 + 1);
            handed_over.save(next)?;
            Ok(Launch::Actor(Fails, ()))
        }
    });
    sessions.start_session("a", spec).await.unwrap();
    sessions.restart_session("a").await.unwrap();
    sessions.restart_session("a").await.unwrap();
    assert_eq!(*open.lock().unwrap(), [1, 2, 3]);
    sessions.stop().await.unwrap();
}
