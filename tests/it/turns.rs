//! A time that is over counts once those who were ready by then have had their turns: on a busy
//! machine time passes in which a session can do nothing.

use std::time::Duration;

use ractor::{ActorProcessingErr, ActorRef};
use session_supervisor::{ChildSpec, Exit, Options, Shutdown};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::support::{Probe, supervisor};

/// How many turns its `pre_start` and its `post_stop` take, none of which waits for anything.
const TURNS: usize = 20;

struct Busy(UnboundedSender<()>);

impl Busy {
    async fn works(&self) {
        self.0.send(()).ok();
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
    }
}

#[ractor::actor(message = (), state = (), arguments = ())]
impl Busy {
    async fn pre_start(&self, _myself: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        self.works().await;
        Ok(())
    }

    async fn post_stop(
        &self,
        _myself: ActorRef<()>,
        _state: &mut (),
    ) -> Result<(), ActorProcessingErr> {
        self.works().await;
        Ok(())
    }
}

/// The grace and the start timeout are over before the session has had its turns.
#[tokio::test(start_paused = true)]
async fn neither_a_grace_nor_a_start_timeout_is_over_for_want_of_turns() {
    let sessions = supervisor(Options::new()).await;
    let (tell, mut told) = unbounded_channel();
    let spec = ChildSpec::new(move |_| (Busy(tell.clone()), ()));
    let spec = spec
        .shutdown(Shutdown::Timeout(Duration::from_secs(5)))
        .start_timeout(Duration::from_secs(5));
    let start = tokio::spawn(sessions.start_session("a", spec));
    told.recv().await.expect("it is in its pre_start");
    tokio::time::advance(Duration::from_secs(60)).await;
    start.await.expect("no panic").expect("it starts");
    let stop = tokio::spawn(sessions.stop_session("a"));
    told.recv().await.expect("it is in its post_stop");
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(stop.await.expect("no panic"), Ok(Exit::Shutdown));
}

/// The same in the stop of all, where the kill bound comes after it.
#[tokio::test(start_paused = true)]
async fn nor_is_a_session_killed_in_a_mass_stop() {
    let sessions = supervisor(Options::new()).await;
    let (tell, mut told) = unbounded_channel();
    let spec = ChildSpec::new(move |_| (Busy(tell.clone()), ()));
    let spec = spec.shutdown(Shutdown::Timeout(Duration::from_secs(5)));
    for n in 0..100 {
        let start = sessions.start_session(&n.to_string(), spec.clone()).await;
        start.expect("it starts");
        told.recv().await.expect("it was in its pre_start");
    }
    let stop = tokio::spawn(sessions.stop());
    told.recv().await.expect("one is in its post_stop");
    tokio::time::advance(Duration::from_secs(60)).await;
    let report = stop.await.expect("no panic").expect("it runs");
    assert_eq!((report.stopped, report.killed), (100, 0));
}

/// However many ask at the same time.
#[tokio::test(start_paused = true)]
async fn a_grace_is_over_while_others_never_stop_asking() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let told = probe.clone();
    let hangs = probe.script().post_stop(move |_, _| {
        told.note("hangs");
        std::future::pending()
    });
    let spec = hangs
        .spec()
        .shutdown(Shutdown::Timeout(Duration::from_secs(5)));
    sessions
        .start_session("hangs", spec)
        .await
        .expect("it starts");
    let stop = tokio::spawn(sessions.stop_session("hangs"));
    probe.until(|tally| !tally.notes.is_empty()).await;
    let askers: Vec<_> = (0..500)
        .map(|_| {
            let sessions = sessions.clone();
            tokio::spawn(async move { while sessions.count_sessions().await.is_ok() {} })
        })
        .collect();
    tokio::time::advance(Duration::from_secs(6)).await;
    assert_eq!(stop.await.expect("no panic"), Ok(Exit::Killed));
    sessions.stop().await.expect("it runs");
    for asker in askers {
        asker.await.expect("no panic");
    }
}
