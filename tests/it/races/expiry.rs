//! Many callers of sessions that are ended for being idle at any moment: what a session has
//! accepted it handles, and what is leased stays.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ractor::{ActorProcessingErr, ActorRef};
use session_supervisor::error::LeaseError;
use session_supervisor::{ChildSpec, Lease, Options, SessionSupervisor};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep};

use super::hammer::rng::Rng;
use crate::support::supervisor;

/// What is counted: messages that were accepted and handled, and lives of sessions.
#[derive(Debug, Default)]
struct Counts {
    accepted: AtomicUsize,
    handled: AtomicUsize,
    begun: AtomicUsize,
    over: tokio::sync::Notify,
    alive: AtomicUsize,
}

/// A session that counts its messages.
struct Counter;

struct Alive(Arc<Counts>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, Ordering::SeqCst);
        self.0.over.notify_one();
    }
}

#[ractor::actor(message = (), state = Alive, arguments = Arc<Counts>)]
impl Counter {
    async fn pre_start(
        &self,
        _myself: ActorRef<()>,
        counts: Arc<Counts>,
    ) -> Result<Alive, ActorProcessingErr> {
        counts.begun.fetch_add(1, Ordering::SeqCst);
        counts.alive.fetch_add(1, Ordering::SeqCst);
        Ok(Alive(counts))
    }

    async fn handle(
        &self,
        _myself: ActorRef<()>,
        (): (),
        state: &mut Alive,
    ) -> Result<(), ActorProcessingErr> {
        yield_now().await;
        state.0.handled.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

fn spec(counts: &Arc<Counts>, timeout: Duration) -> ChildSpec<Counter> {
    let counts = Arc::clone(counts);
    ChildSpec::new(move |_| (Counter, Arc::clone(&counts))).idle_timeout(timeout)
}

/// A session that runs, and a lease of it.
async fn leased(
    sessions: &SessionSupervisor,
    id: &str,
    spec: &ChildSpec<Counter>,
) -> (ActorRef<()>, Lease) {
    loop {
        sessions.ensure_session(id, spec.clone()).await.unwrap();
        match sessions.lease(id).await {
            Ok(lease) => {
                // It may have been ended and started again between the two; now it stays.
                let session = sessions.ensure_session(id, spec.clone()).await.unwrap();
                return (session.into_inner(), lease);
            }
            Err(LeaseError::NotFound | LeaseError::Stopping) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Nothing that was accepted is lost, and all sessions end by themselves.
async fn all_is_handled(sessions: SessionSupervisor, counts: &Counts) {
    while counts.alive.load(Ordering::SeqCst) > 0 {
        counts.over.notified().await;
    }
    let accepted = counts.accepted.load(Ordering::SeqCst);
    let handled = counts.handled.load(Ordering::SeqCst);
    assert_eq!(handled, accepted, "a message was accepted and lost");
    let report = sessions.stop().await.unwrap();
    assert_eq!((report.killed, report.stuck), (0, 0));
}

/// A minute of virtual time, with casts at the very moments when sessions are found idle.
#[tokio::test(start_paused = true)]
async fn in_a_virtual_minute_no_accepted_message_is_lost() {
    const IDS: usize = 20;
    let timeout = Duration::from_millis(40);
    let sessions = supervisor(Options::new()).await;
    let counts = Arc::new(Counts::default());
    let mut clients = JoinSet::new();
    for seed in 0..8 {
        let (sessions, counts) = (sessions.clone(), Arc::clone(&counts));
        clients.spawn(async move {
            let spec = spec(&counts, timeout);
            let mut rng = Rng::new(seed);
            let began = Instant::now();
            for _ in 0..2_000 {
                let id = rng.below(IDS).to_string();
                let session = sessions.ensure_session(&id, spec.clone()).await;
                let session = session.unwrap().into_inner();
                // One more after the time in which it may end.
                for pause in [0, 38 + rng.below(4)] {
                    sleep(Duration::from_millis(pause as u64)).await;
                    if session.cast(()).is_ok() {
                        counts.accepted.fetch_add(1, Ordering::SeqCst);
                    }
                }
                if began.elapsed() > Duration::from_secs(60) {
                    break;
                }
            }
        });
    }
    clients.join_all().await;
    let begun = counts.begun.load(Ordering::SeqCst);
    assert!(begun > 1_000, "only {begun} lives, so hardly any idle end");
    all_is_handled(sessions, &counts).await;
}

/// The same on several threads, with ends as fast as the timers go. Some clients hold leases.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_several_threads_no_accepted_message_is_lost_and_what_is_leased_stays() {
    const IDS: usize = 400;
    let timeout = Duration::from_millis(1);
    let sessions = supervisor(Options::new()).await;
    let counts = Arc::new(Counts::default());
    let mut clients = JoinSet::new();
    for seed in 0..8 {
        let (sessions, counts) = (sessions.clone(), Arc::clone(&counts));
        clients.spawn(async move {
            let spec = spec(&counts, timeout);
            let mut rng = Rng::new(seed);
            for n in 0..3_000 {
                let id = rng.below(IDS).to_string();
                if n % 10 == 0 {
                    let (session, lease) = leased(&sessions, &id, &spec).await;
                    for _ in 0..rng.below(100) {
                        yield_now().await;
                    }
                    let cast = session.cast(());
                    assert!(cast.is_ok(), "{id} was ended although it is leased");
                    counts.accepted.fetch_add(1, Ordering::SeqCst);
                    drop(lease);
                    continue;
                }
                let session = sessions.ensure_session(&id, spec.clone()).await;
                let session = session.unwrap().into_inner();
                for _ in 0..2 {
                    if session.cast(()).is_ok() {
                        counts.accepted.fetch_add(1, Ordering::SeqCst);
                    }
                    yield_now().await;
                }
            }
        });
    }
    clients.join_all().await;
    let begun = counts.begun.load(Ordering::SeqCst);
    assert!(
        begun > 2 * IDS,
        "only {begun} lives, so hardly any idle end"
    );
    all_is_handled(sessions, &counts).await;
}

/// How the clients below go about it.
struct Plan {
    ids: usize,
    casts: usize,
    timeout: Duration,
    /// Between two casts a client waits so many milliseconds and up to so many more; none: it lets
    /// others have a turn.
    pause: Option<(usize, usize)>,
}

/// Eight clients that cast through addresses which start their sessions. Each message is accepted,
/// and what is accepted is handled.
async fn through_addresses(plan: Plan) {
    const CLIENTS: usize = 8;
    let sessions = supervisor(Options::new()).await;
    let (counts, plan) = (Arc::new(Counts::default()), Arc::new(plan));
    let mut clients = JoinSet::new();
    for seed in 0..CLIENTS {
        let (sessions, counts, plan) = (sessions.clone(), Arc::clone(&counts), Arc::clone(&plan));
        clients.spawn(async move {
            let spec = spec(&counts, plan.timeout);
            let mut rng = Rng::new(seed as u64);
            for _ in 0..plan.casts {
                let id = rng.below(plan.ids).to_string();
                let address = sessions.session_ref(&id).unwrap().or_start(spec.clone());
                address.cast(()).await.unwrap();
                counts.accepted.fetch_add(1, Ordering::SeqCst);
                match plan.pause {
                    Some((least, more)) => {
                        let pause = least + rng.below(more);
                        sleep(Duration::from_millis(pause as u64)).await;
                    }
                    None => yield_now().await,
                }
            }
        });
    }
    clients.join_all().await;
    let begun = counts.begun.load(Ordering::SeqCst);
    assert!(
        begun > 2 * plan.ids,
        "only {begun} lives, so hardly any idle end"
    );
    let accepted = counts.accepted.load(Ordering::SeqCst);
    assert_eq!(accepted, CLIENTS * plan.casts);
    all_is_handled(sessions, &counts).await;
}

/// Ten minutes of virtual time.
#[tokio::test(start_paused = true)]
async fn through_an_address_no_message_is_lost_to_an_idle_end() {
    let began = Instant::now();
    through_addresses(Plan {
        ids: 10,
        casts: 1_800,
        timeout: Duration::from_millis(40),
        pause: Some((1, 690)),
    })
    .await;
    assert!(began.elapsed() >= Duration::from_secs(580));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_an_address_no_message_is_lost_on_several_threads() {
    through_addresses(Plan {
        ids: 400,
        casts: 4_000,
        timeout: Duration::from_millis(1),
        pause: None,
    })
    .await;
}

/// Ten seconds of real time, with pauses about as long as the time in which a session may idle.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes ten seconds of real time"]
async fn through_an_address_no_message_is_lost_in_ten_seconds_of_real_time() {
    let began = Instant::now();
    through_addresses(Plan {
        ids: 10,
        casts: 280,
        timeout: Duration::from_millis(40),
        pause: Some((1, 80)),
    })
    .await;
    assert!(began.elapsed() >= Duration::from_secs(10));
}
