//! Commands while sessions fail without end, or are asked by very many at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use session_supervisor::{Backoff, ChildSpec, Options};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::support::{Probe, supervisor};

/// Fails as soon as it runs, and again.
struct Fails;

#[ractor::actor(message = (), state = (), arguments = ())]
impl Fails {
    async fn post_start(
        &self,
        _myself: ractor::ActorRef<()>,
        _state: &mut (),
    ) -> Result<(), ractor::ActorProcessingErr> {
        Err("no ink".into())
    }
}

/// Without a pause and without a limit: the root is told of more ends than it can read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_without_end_keeps_no_caller_waiting() {
    let options = Options::new().without_session_restart_limit();
    let sessions = supervisor(options).await;
    let probe = Probe::default();
    sessions.start_session("calm", probe.spec()).await.unwrap();
    let spec = ChildSpec::new(|_| (Fails, ())).backoff(Backoff::none());
    for n in 0..200 {
        let start = sessions.start_session(&n.to_string(), spec.clone());
        start.await.expect("its pre_start goes well");
    }
    for _ in 0..10 {
        assert!(sessions.session_info("calm").await.unwrap().is_some());
        sessions.restart_session("calm").await.unwrap();
    }
    sessions.stop_session("calm").await.unwrap();
    let report = sessions.stop().await.unwrap();
    assert_eq!((report.killed, report.stuck), (0, 0));
}

/// How many sessions have failed, how many are back, and how many were away at the most.
#[derive(Default)]
struct Away {
    failed: AtomicUsize,
    back: AtomicUsize,
    most: AtomicUsize,
    all_back: Notify,
}

/// Fails when it is told to, in its first life.
struct FailsOnce(Arc<Away>, u64);

const SESSIONS: usize = 8_000;

#[ractor::actor(message = (), state = (), arguments = ())]
impl FailsOnce {
    async fn pre_start(
        &self,
        _myself: ractor::ActorRef<()>,
        (): (),
    ) -> Result<(), ractor::ActorProcessingErr> {
        let away = &self.0;
        if self.1 > 1 && away.back.fetch_add(1, Ordering::SeqCst) + 1 == SESSIONS {
            away.all_back.notify_one();
        }
        Ok(())
    }

    async fn handle(
        &self,
        _myself: ractor::ActorRef<()>,
        (): (),
        _state: &mut (),
    ) -> Result<(), ractor::ActorProcessingErr> {
        let away = &self.0;
        let failed = away.failed.fetch_add(1, Ordering::SeqCst) + 1;
        let back = away.back.load(Ordering::SeqCst);
        away.most.fetch_max(failed - back, Ordering::SeqCst);
        Err("no ink".into())
    }
}

/// The pages of a list are more than one drive does, so the driver task goes on with them. What
/// happens meanwhile is more than it did in each of its turns: it fell behind for as long as that went
/// on, most of the sessions were away at once, and a caller who asked for anything waited for all of that.
/// How many are away now depends on what a busy machine gets done in one turn, not on how many there are.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_fails_while_a_long_list_is_made_is_soon_back() {
    // On the worker, as a caller is.
    tokio::spawn(a_list_and_a_storm()).await.expect("no panic");
}

async fn a_list_and_a_storm() {
    let sessions = supervisor(Options::new()).await;
    let away = Arc::new(Away::default());
    let told = Arc::clone(&away);
    let spec = ChildSpec::new(move |context| {
        let life = context.incarnation;
        (FailsOnce(Arc::clone(&told), life), ())
    });
    let spec = spec.backoff(Backoff::none());
    let mut all = Vec::new();
    for n in 0..SESSIONS {
        let start = sessions.start_session(&n.to_string(), spec.clone());
        all.push(start.await.expect("it starts"));
    }
    let list = tokio::spawn(sessions.list_sessions());
    tokio::task::yield_now().await;
    for session in all {
        session.send_message(()).expect("it runs");
    }
    away.all_back.notified().await;
    let most = away.most.load(Ordering::SeqCst);
    assert!(most < 1_000, "{most} sessions were away at once");
    assert!(list.await.expect("no panic").is_ok());
    sessions.stop().await.expect("it runs");
}

/// More than one drive answers, at the very end.
#[tokio::test(start_paused = true)]
async fn however_many_stop_it_at_once_all_get_the_report() {
    for empty in [true, false] {
        let sessions = supervisor(Options::new()).await;
        if !empty {
            let probe = Probe::default();
            sessions.start_session("a", probe.spec()).await.unwrap();
        }
        let mut stops = JoinSet::new();
        for _ in 0..500 {
            stops.spawn(sessions.stop());
        }
        let reports = stops.join_all().await;
        for report in reports {
            let report = report.expect("all were asked before the end");
            assert_eq!(report.stopped, usize::from(!empty));
        }
        assert!(sessions.stop().await.is_err());
    }
}
