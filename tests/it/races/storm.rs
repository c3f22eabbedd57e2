//! Commands while sessions fail without end, or are asked by very many at once.

use session_supervisor::{Backoff, ChildSpec, Options};
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
