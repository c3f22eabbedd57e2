//! D12: the stop of very many sessions that take their time. No session is killed for waiting in
//! line, and it takes about as long as the slowest session.

use std::time::Duration;

use session_supervisor::{
    ChildSpec, Options, SessionSupervisor, Shutdown, ShutdownReport, StartContext, Supervisor,
    TreeSpec,
};
use tokio::time::Instant;

use crate::support::{Ending, Order, Probe, Worker, answered, died, supervisor};

const SECOND: Duration = Duration::from_secs(1);
const SLOWEST: Duration = Duration::from_secs(4);
const GRACE: Shutdown = Shutdown::Timeout(Duration::from_secs(10));

/// Spread evenly over the time up to `longest`, in no order; the same for the same text.
fn pause(of: &str, longest: Duration) -> Duration {
    let mut mixed = of.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    mixed ^= mixed >> 29;
    mixed = mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^= mixed >> 32;
    let millis = u64::try_from(longest.as_millis()).expect("a few seconds");
    Duration::from_millis(mixed % (millis + 1))
}

/// What a session does when it is asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Busy {
    /// Its `post_stop` takes a while.
    PostStop,
    /// A handler runs for a while yet, so that it does not come to its `post_stop` before.
    Handler,
    /// Half of them this, half of them that.
    Mixed,
    /// Both, one after the other.
    Both,
    /// A tenth is busy in a handler, the others end at once.
    Few,
}

impl Busy {
    const ALL: [Self; 5] = [
        Self::PostStop,
        Self::Handler,
        Self::Mixed,
        Self::Both,
        Self::Few,
    ];

    /// How long the session of this number is in a handler, and how long in its `post_stop`.
    fn pauses(self, n: usize, longest: Duration) -> (Duration, Duration) {
        let (first, second) = (
            pause(&format!("handler {n}"), longest),
            pause(&format!("post_stop {n}"), longest),
        );
        let none = Duration::ZERO;
        match self {
            Self::PostStop => (none, second),
            Self::Handler => (first, none),
            Self::Mixed if n.is_multiple_of(2) => (none, second),
            Self::Mixed => (first, none),
            Self::Both => (first / 2, second / 2),
            Self::Few if n.is_multiple_of(10) => (first, none),
            Self::Few => (none, none),
        }
    }

    /// Starts so many of them, those that are busy in a handler already so.
    async fn start(
        self,
        sessions: &SessionSupervisor,
        probe: &Probe,
        many: usize,
        longest: Duration,
    ) {
        let mut busy = Vec::new();
        for n in 0..many {
            let (handler, post_stop) = self.pauses(n, longest);
            let spec = probe.slow_to_stop(post_stop).shutdown(GRACE);
            let session = sessions.start_session(&format!("s{n}"), spec).await;
            if !handler.is_zero() {
                busy.push((session.unwrap(), handler));
            }
        }
        for (session, handler) in busy {
            let order = Order::run(move |_| async move {
                tokio::time::sleep(handler).await;
                Ok(())
            });
            session.cast(order).unwrap();
        }
    }
}

fn all_stopped(report: ShutdownReport, many: usize, what: &str) {
    assert_eq!(report.stopped, many, "{what}: {report:?}");
    let others = (
        report.failed,
        report.killed,
        report.stuck,
        report.not_running,
    );
    assert_eq!(others, (0, 0, 0, 0), "{what}: {report:?}");
}

async fn under_a_deadline(busy: Busy, many: usize) {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    busy.start(&sessions, &probe, many, SLOWEST).await;
    let report = sessions.stop_within(25 * SECOND).await.unwrap();
    all_stopped(report, many, &format!("{busy:?}"));
    assert_eq!((probe.stops(), probe.alive()), (many, 0));
    println!("{busy:?}, {many} within 25 s: {:?}", report.took);
    assert!(report.took < SLOWEST + SECOND, "{busy:?}: {report:?}");
}

#[tokio::test(start_paused = true)]
async fn twenty_thousand_slow_ends_take_as_long_as_the_slowest() {
    under_a_deadline(Busy::PostStop, 20_000).await;
}

#[tokio::test(start_paused = true)]
async fn twenty_thousand_busy_handlers_take_as_long_as_the_slowest() {
    under_a_deadline(Busy::Handler, 20_000).await;
}

#[tokio::test(start_paused = true)]
async fn the_same_in_other_mixtures() {
    for busy in [Busy::Mixed, Busy::Both, Busy::Few] {
        under_a_deadline(busy, 10_000).await;
    }
}

async fn without_a_deadline(busy: Busy, ending: Ending, many: usize) {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    busy.start(&sessions, &probe, many, SLOWEST).await;
    let began = Instant::now();
    if let Some(stop) = ending.begin(&sessions).await {
        all_stopped(stop.await.unwrap().unwrap(), many, &format!("{busy:?}"));
    }
    answered("the end", died(&sessions.get_cell())).await;
    let took = began.elapsed();
    assert_eq!((probe.stops(), probe.alive()), (many, 0), "{busy:?}");
    println!("{busy:?}, {many}, {ending:?}: {took:?}");
    assert!(took < SLOWEST + SECOND, "{busy:?} {ending:?}: {took:?}");
}

/// Nothing hurries the next batch but the pace itself.
#[tokio::test(start_paused = true)]
async fn without_a_deadline_the_same() {
    without_a_deadline(Busy::Handler, Ending::Ours, 20_000).await;
    for busy in Busy::ALL {
        without_a_deadline(busy, Ending::Ours, 3_000).await;
    }
}

#[tokio::test(start_paused = true)]
async fn stopped_and_drained_from_outside_the_same() {
    for ending in [Ending::ForeignStop, Ending::ForeignDrain] {
        without_a_deadline(Busy::Mixed, ending, 5_000).await;
    }
}

/// A child whose `post_stop` takes a part of the time that its session may.
fn slow_child(probe: &Probe) -> ChildSpec<Worker> {
    let script = probe
        .script()
        .post_stop(|start: StartContext, _| async move {
            let of = format!("{} {:?}", start.key(), start.role);
            tokio::time::sleep(pause(&of, SLOWEST / 3)).await;
            Ok(())
        });
    script.spec().shutdown(GRACE)
}

/// A session of three children, each of them slow.
fn slow_tree(probe: &Probe, together: bool) -> ChildSpec<Supervisor> {
    let probe = probe.clone();
    let tree = ChildSpec::tree(move |_| {
        let tree = TreeSpec::one_for_all()
            .child("a", slow_child(&probe))
            .child("b", slow_child(&probe))
            .child("c", slow_child(&probe));
        if together { tree.stop_together() } else { tree }
    });
    tree.shutdown(GRACE)
}

#[tokio::test(start_paused = true)]
async fn trees_of_slow_children_take_as_long_as_the_slowest() {
    const MANY: usize = 5_000;
    for together in [false, true] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let spec = slow_tree(&probe, together);
        for n in 0..MANY {
            let start = sessions.start_session(&format!("s{n}"), spec.clone());
            start.await.unwrap();
        }
        let report = sessions.stop_within(25 * SECOND).await.unwrap();
        all_stopped(report, 4 * MANY, "trees");
        assert_eq!((probe.stops(), probe.alive()), (3 * MANY, 0));
        let slowest = if together { SLOWEST / 3 } else { SLOWEST };
        println!("{MANY} trees, together {together}: {:?}", report.took);
        assert!(report.took < slowest + SECOND, "{together} {report:?}");
    }
}

/// Several supervisors in order under one, under a deadline that all of them share.
#[tokio::test(start_paused = true)]
async fn two_supervisors_under_one_kill_no_session_either() {
    const MANY: usize = 5_000;
    let options = |name| Options::new().name(name);
    let app = TreeSpec::one_for_one()
        .child("one", SessionSupervisor::child_spec(options("mass-one")))
        .child("two", SessionSupervisor::child_spec(options("mass-two")));
    let app = Supervisor::start(app.unique_name()).await.unwrap();
    let probe = Probe::default();
    for name in ["mass-one", "mass-two"] {
        let sessions = SessionSupervisor::where_is(name).expect("a child of the supervisor");
        Busy::Mixed.start(&sessions, &probe, MANY, SLOWEST).await;
    }
    let report = app.stop_within(25 * SECOND).await.unwrap();
    all_stopped(report, 2 * MANY + 2, "two supervisors");
    assert_eq!(probe.stops(), 2 * MANY);
    assert!(report.took < 2 * SLOWEST + SECOND, "{report:?}");
}

/// In real time, so with ends that are ten times as quick, and nothing is said of how long it
/// takes.
fn no_session_is_killed_on(workers: usize) {
    const MANY: usize = 3_000;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        for busy in Busy::ALL {
            let sessions = supervisor(Options::new()).await;
            let probe = Probe::default();
            busy.start(&sessions, &probe, MANY, SLOWEST / 10).await;
            let stop = sessions.stop_within(25 * SECOND);
            let report = answered("the stop", stop).await.unwrap();
            all_stopped(report, MANY, &format!("{busy:?}"));
            assert_eq!((probe.stops(), probe.alive()), (MANY, 0));
        }
    });
}

#[test]
fn no_session_is_killed_on_one_worker() {
    no_session_is_killed_on(1);
}

#[test]
fn no_session_is_killed_on_two_workers() {
    no_session_is_killed_on(2);
}
