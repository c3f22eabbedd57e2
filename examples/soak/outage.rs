//! Outages of a backend that all sessions of a supervisor need to start, and supervisors whose
//! sessions take their time to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use session_supervisor::{Options, SessionSupervisor, Shutdown, Supervisor, TreeSpec};

use crate::ask::{ask, within};
use crate::census::Entry;
use crate::closing::close;
use crate::rng::Rng;
use crate::session::{Msg, Plan, StopKind};
use crate::succession::{End, Instance, Kind, alone};
use crate::tally::{self, Deed};
use crate::verdict::{contradiction, must};

/// How fast a parked session is tried again, if not by default.
const FIRST_TRIAL: Duration = Duration::from_millis(50);
const LONGEST_TRIAL: Duration = Duration::from_millis(400);

/// All sessions crash while the backend is away. All run again by themselves, without a launch too
/// many.
pub(crate) async fn step(rng: &mut Rng) {
    let options = Options::new()
        .unique_name()
        .park_trial(FIRST_TRIAL, LONGEST_TRIAL);
    let away = match rng.below(8) {
        0 => 1_000 + rng.next() % 4_000,
        _ => 50 + rng.next() % 450,
    };
    outage(options, 2 + rng.below(20), Duration::from_millis(away)).await;
}

/// The same by the default options, which takes the ten seconds of a trial.
pub(crate) async fn by_default(mut rng: Rng) {
    let away = Duration::from_millis(50 + rng.next() % 4_950);
    outage(Options::new().unique_name(), 20, away).await;
}

async fn outage(options: Options, size: usize, away: Duration) {
    let instance = alone(options, size).await;
    let mut running = Vec::new();
    for entry in instance.census.entries() {
        let spec = Plan {
            limit: None,
            ..Plan::FINE
        };
        let start = instance.sessions.start_session(&entry.id, spec.spec(entry));
        match ask(Deed::Start, start).await {
            Ok(session) => running.push(session),
            Err(error) => contradiction(&format!("before an outage, a start says: {error}")),
        }
    }
    instance.census.common.backend_goes();
    for session in running {
        drop(session.cast(Msg::Fail));
        tally::did(Deed::Crash);
    }
    let began = Instant::now();
    tokio::time::sleep(away).await;
    instance.census.common.backend_returns();
    let away = began.elapsed();
    let all_run = async {
        loop {
            let counts = ask(Deed::Count, instance.sessions.count_sessions()).await;
            match counts {
                Ok(counts) if counts.active == size => return,
                Ok(_) => tokio::time::sleep(Duration::from_millis(1)).await,
                Err(_) => contradiction("in an outage, a supervisor is down"),
            }
        }
    };
    let what = || format!("after an outage of {away:?}, not all of {size} sessions run");
    within(all_run, what).await;
    for entry in instance.census.entries() {
        // The first start, three restarts within the limit, the growing trials, and one that
        // succeeds.
        let most = 8 + away.as_millis() / (LONGEST_TRIAL.as_millis() / 2);
        let launches = entry.launches();
        must(u128::from(launches) <= most, || {
            format!("{}: {launches} launches in an outage of {away:?}", entry.id)
        });
    }
    tally::OUTAGES.one();
    instance.end(End::Stop).await;
    close(&instance).await;
}

/// Sessions take a random time to stop, less than their grace. Within a deadline that is longer
/// none is killed, however many there are.
pub(crate) async fn slow_stops(rng: &mut Rng) {
    const SLOWEST: u64 = 300;
    const DEADLINE: Duration = Duration::from_secs(10);
    let size = 4 + rng.below(60);
    let instance = alone(Options::new().unique_name(), size).await;
    for entry in instance.census.entries() {
        start_one_that_takes(&instance.sessions, entry, rng.next() % SLOWEST).await;
    }
    let hurried = rng.one_in(3);
    let deadline = match hurried {
        true => Duration::from_millis(rng.next() % SLOWEST),
        false => DEADLINE,
    };
    let Some(report) = instance.end(End::StopWithin(deadline)).await else {
        contradiction("a slow stop gives no report");
    };
    let sum = report.stopped + report.killed;
    must(
        sum == size && report.failed == 0 && report.stuck == 0,
        || format!("{size} sessions are reported as {report:?}"),
    );
    must(report.killed == 0 || report.took >= deadline, || {
        format!("killed before the deadline of {deadline:?}: {report:?}")
    });
    let asked: usize = (instance.census.entries().iter())
        .map(|entry| entry.post_stops())
        .sum();
    must(asked >= report.stopped, || {
        format!("{asked} have ended gracefully, reported as {report:?}")
    });
    tally::SLOW_STOPS.one();
    close(&instance).await;
}

/// Several session supervisors under one, each with a slow session: within the deadline all are
/// asked.
pub(crate) async fn slow_stops_of_a_tree(rng: &mut Rng) {
    const BRANCHES: usize = 3;
    const DEADLINE: Duration = Duration::from_secs(6);
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = |n: usize| format!("branch-{number}-{n}");
    let mut tree = TreeSpec::one_for_one().unique_name();
    if rng.one_in(2) {
        tree = tree.stop_together();
    }
    for n in 0..BRANCHES {
        let branch = SessionSupervisor::child_spec(Options::new().name(name(n)));
        tree = tree.child(format!("branch-{n}"), branch);
    }
    let tree = match ask(Deed::StartSupervisor, Supervisor::start(tree)).await {
        Ok(tree) => tree,
        Err(error) => contradiction(&format!("a tree of branches: {error}")),
    };
    let mut instances = Vec::new();
    for n in 0..BRANCHES {
        let Some(sessions) = SessionSupervisor::where_is(&name(n)) else {
            contradiction("a branch is not found");
        };
        let instance = Instance::of(Kind::Calm, sessions, 1 + rng.below(8));
        for (n, entry) in instance.census.entries().iter().enumerate() {
            let takes = if n == 0 { 200 } else { rng.next() % 20 };
            start_one_that_takes(&instance.sessions, entry, takes).await;
        }
        instance.will_end(End::StopWithin(DEADLINE));
        instances.push(instance);
    }
    let began = Instant::now();
    let report = ask(Deed::StopSupervisor, tree.stop_within(DEADLINE)).await;
    must(report.is_ok(), || {
        format!("a stop of a tree says {report:?}")
    });
    let took = began.elapsed();
    for instance in &instances {
        for entry in instance.census.entries() {
            // A machine that is too busy for half of the deadline may be too busy for all of it.
            must(entry.post_stops() == 1 || took >= DEADLINE / 2, || {
                format!("{} was not asked, in {took:?} of {DEADLINE:?}", entry.id)
            });
        }
        close(instance).await;
    }
    tally::SLOW_STOPS.one();
}

async fn start_one_that_takes(sessions: &SessionSupervisor, entry: &Arc<Entry>, takes: u64) {
    let plan = Plan {
        shutdown: Shutdown::Timeout(Duration::from_secs(20)),
        ..Plan::stopping(StopKind::Takes(takes))
    };
    let start = sessions.start_session(&entry.id, plan.spec(entry));
    let start = ask(Deed::Start, start).await;
    must(start.is_ok(), || format!("a start says {start:?}"));
}
