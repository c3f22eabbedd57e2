//! A round: successions are opened, workers do their steps, all is ended, and nothing may be left.
//!
//! The first round finds out how many steps fit into its time. All others do exactly as many, with
//! the same dice, so that what is alive after them can be compared.
//!
//! All rounds share one runtime, so that a task that is left behind is seen.

use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::admission;
use crate::alloc;
use crate::ask::PATIENCE;
use crate::closing::{close, names_left};
use crate::crowd::{self, SHARED};
use crate::drop_kinds::Careful;
use crate::notes::spoil_the_log;
use crate::outage;
use crate::owner;
use crate::private;
use crate::rng::Rng;
use crate::stalls;
use crate::succession::{End, Instance, Kind, Succession};
use crate::verdict::{contradiction, enter_round, must};

/// The successions, with the number of workers in the crowd and of owners in each.
const SUCCESSIONS: [(Kind, usize, usize); 11] = [
    (Kind::Calm, 3, 4),
    (Kind::Removing, 2, 3),
    (Kind::Crowded, 4, 0),
    (Kind::Escalating, 2, 0),
    (Kind::Limited, 3, 0),
    (Kind::Trying, 0, 2),
    (Kind::Discarding, 3, 0),
    (Kind::Narrow, 4, 0),
    (Kind::EndsEarly, 3, 3),
    (Kind::EndsEarly, 2, 3),
    (Kind::Hasty, 3, 0),
];
const PRIVATE: usize = 5;

/// What a report tells of one id at most: of a tree its root, three children, one that runs on
/// demand, a tree with a child, and a session supervisor.
const PARTS: usize = 8;

/// How much a worker does.
#[derive(Clone, Debug)]
enum Quota {
    Until(Instant),
    /// For each worker.
    Steps(Arc<[u64]>),
}

impl Quota {
    fn is_left(&self, worker: usize, done: u64) -> bool {
        match self {
            Self::Until(end) => Instant::now() < *end,
            Self::Steps(steps) => steps.get(worker).is_some_and(|steps| done < *steps),
        }
    }
}

/// All rounds, until the time is over. The bytes that were alive after each.
pub(crate) async fn run(seed: u64, time: Duration) -> Vec<isize> {
    const LONGEST: Duration = Duration::from_secs(20);
    all_threads_have_waited().await;
    let began = Instant::now();
    let mut live = Vec::with_capacity(1 << 16);
    let mut quota = Quota::Until(began + (time / 4).min(LONGEST));
    loop {
        enter_round(live.len());
        let steps = round(seed, &quota, time).await;
        all_tasks_are_gone().await;
        live.push(at_rest().await);
        compare(&live);
        if let Quota::Until(_) = quota {
            quota = Quota::Steps(steps.into());
        }
        // Three at least: the one that measured, and two to be compared.
        if live.len() >= 3 && began.elapsed() >= time {
            return live;
        }
    }
}

/// tokio's locks keep a table of the threads that wait, for the whole process. It grows with the
/// most threads there ever were, and keeps what it has outgrown: up to 128 KiB, which would look
/// like a leak in whichever round most drops block. So it has its full size before the first.
async fn all_threads_have_waited() {
    /// tokio's limit of threads for what blocks.
    const THREADS: usize = 512;
    let together = Arc::new(Barrier::new(THREADS));
    let mut threads = JoinSet::new();
    for _ in 0..THREADS {
        let together = Arc::clone(&together);
        threads.spawn_blocking(move || {
            together.wait();
        });
    }
    drop(threads.join_all().await);
}

/// One round. How many steps each worker did.
async fn round(seed: u64, quota: &Quota, time: Duration) -> Vec<u64> {
    let mut workers = JoinSet::new();
    let mut successions = Vec::new();
    let (mut worker, mut owner) = (0, 0);
    for (n, (kind, crowd, owners)) in SUCCESSIONS.into_iter().enumerate() {
        let rng = Rng::of(seed, 1_000 + u64::try_from(n).unwrap_or(0));
        let name = format!("soak-{n}-{kind:?}");
        let succession = Arc::new(Succession::open(kind, name, SHARED + owners, rng).await);
        let owners = (0..owners).map(|id| {
            owner += usize::from(kind != Kind::Trying);
            Some((SHARED + id, owner))
        });
        for role in (0..crowd).map(|_| None).chain(owners) {
            workers.spawn(work(
                Some(Arc::clone(&succession)),
                role,
                worker,
                seed,
                quota.clone(),
            ));
            worker += 1;
        }
        successions.push(succession);
    }
    for _ in 0..PRIVATE {
        workers.spawn(work(None, None, worker, seed, quota.clone()));
        worker += 1;
    }
    let stuck = tokio::spawn(private::stuck());
    // It takes some ten seconds, which a short run does not have in each of its rounds.
    let outage = (time >= Duration::from_secs(60))
        .then(|| tokio::spawn(outage::by_default(Rng::of(seed, 2_000))));
    let stalls = tokio::spawn(stalls::watch());
    let log = tokio::spawn(spoil_the_log(Rng::of(seed, 2_001)));
    let mut steps = vec![0; worker];
    while let Some(done) = workers.join_next().await {
        match done {
            Ok((worker, done)) => steps[worker] = done,
            Err(error) => contradiction(&format!("a worker: {error}")),
        }
    }
    must(stuck.await.is_ok(), || {
        "a worker with stuck sessions".to_owned()
    });
    if let Some(outage) = outage {
        must(outage.await.is_ok(), || {
            "a worker with an outage".to_owned()
        });
    }
    for succession in successions {
        end(succession).await;
    }
    log.abort();
    stalls.abort();
    steps
}

/// The steps of one worker: in the crowd of a succession, as an owner of an id there (with its number
/// among all owners), or with private supervisors.
async fn work(
    succession: Option<Arc<Succession>>,
    owner: Option<(usize, usize)>,
    worker: usize,
    seed: u64,
    quota: Quota,
) -> (usize, u64) {
    let mut rng = Rng::of(seed, u64::try_from(worker).unwrap_or(0));
    let mut done = 0;
    while quota.is_left(worker, done) {
        match (&succession, owner) {
            (Some(succession), Some((id, owner))) if done == 0 => {
                owner::first_step(succession, id, owner, &mut rng).await;
            }
            (Some(succession), Some((id, _))) => owner::step(succession, id, &mut rng).await,
            (Some(succession), None) => crowd::step(succession, &mut rng).await,
            // Each of the rarer scenes is played once in any case.
            (None, _) => match private_scene(worker, done, &mut rng) {
                0..3 => private::under_a_parent(&mut rng).await,
                3 => outage::step(&mut rng).await,
                4 => outage::slow_stops(&mut rng).await,
                5 => outage::slow_stops_of_a_tree(&mut rng).await,
                6 => admission::quotas(&mut rng).await,
                7 => admission::rates(&mut rng).await,
                _ => private::step(&mut rng).await,
            },
        }
        done += 1;
    }
    (worker, done)
}

fn private_scene(worker: usize, done: u64, rng: &mut Rng) -> usize {
    match done {
        0 => 3 + worker % PRIVATE,
        _ => rng.below(20),
    }
}

async fn end(succession: Arc<Succession>) {
    let name = succession.name().to_owned();
    let Some(succession) = Arc::into_inner(succession) else {
        contradiction("a worker is done and holds its succession");
    };
    let (instance, late) = succession.into_reigns();
    is_followed(&instance).await;
    // The worker that ended it in its last step left no successor.
    let ended = instance.ended();
    let end = last_end(instance.kind);
    let reports = matches!(end, End::Stop | End::DrainWithin(..));
    let report = instance.end(end).await;
    if let Some(report) = report {
        let sum = report.stopped + report.failed + report.killed + report.not_running;
        let adds_up = (report.stuck == 0 || stalls::is_busy())
            && sum <= instance.census.entries().len() * PARTS;
        must(adds_up, || format!("{name} reports {report:?}"));
    }
    must(
        report.is_some() || !reports || ended.is_some() || instance.kind.may_escalate(),
        || format!("{name} was stopped and gives no report"),
    );
    for late in late {
        close(&late).await;
    }
    close(&instance).await;
    must(names_left(&name) == 0, || {
        format!("{name} and all before it have ended, and names are left")
    });
}

/// Each way to end a supervisor comes up, however short the run.
const fn last_end(kind: Kind) -> End {
    match kind {
        Kind::Narrow | Kind::Removing => End::DrainWithin(Duration::from_secs(5), 4),
        Kind::Crowded => End::ForeignStop,
        Kind::Discarding => End::Drain,
        Kind::Limited => End::Kill,
        _ => End::Stop,
    }
}

/// No worker is there any more: those who follow a supervisor come to see what it lists.
async fn is_followed(instance: &Instance) {
    let Some(followers) = instance.followers() else {
        return;
    };
    let began = Instant::now();
    loop {
        // The last of a session's error may be in it.
        let Ok(list) = instance.sessions.list_sessions().await.map(Careful::new) else {
            return;
        };
        if followers.show(&list) {
            return;
        }
        if began.elapsed() > PATIENCE {
            let list = list
                .iter()
                .map(|info| (&info.id, info.state, info.incarnation));
            let list: Vec<_> = list.collect();
            contradiction(&format!("listed {list:?}, followed {followers:?}"));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Waits until no task is left but this one's caller, which is none.
async fn all_tasks_are_gone() {
    let metrics = Handle::current().metrics();
    let began = Instant::now();
    while metrics.num_alive_tasks() > 0 {
        if began.elapsed() > PATIENCE {
            let left = metrics.num_alive_tasks();
            contradiction(&format!("all have ended, and {left} tasks are left"));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// What is alive when nothing more is given back: a log that blocked writes its last lines, and
/// drops that block come to their end.
async fn at_rest() -> isize {
    const STILL: usize = 15;
    let mut least = alloc::live();
    let mut still = 0;
    while still < STILL {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let live = alloc::live();
        still = if live < least { 0 } else { still + 1 };
        least = least.min(live);
    }
    least
}

/// What is alive after a round is what was alive after the second, the first that did as much, and
/// it does not creep: the least of the last third is not above the most of the first.
///
/// The slack is a constant, however many rounds there are. What was seen to grow has a bound. Some
/// hundred bytes are the buffers of the library in which a session is looked up by its name, one for
/// each thread that ever worked: that was traced for four of them. The rest has the sizes of such
/// buffers, and of the shards of ractor's registry, which double when they have held more names than
/// before; that was not traced. One tree that is kept is 6 KiB.
fn compare(live: &[isize]) {
    const SLACK: isize = 1 << 18;
    const CREEP: isize = 1 << 16;
    let [_, full @ ..] = live else {
        return;
    };
    let [second, .., last] = full else {
        return;
    };
    must(*last <= second + SLACK, || {
        format!("{second} bytes were alive after the second round, {last} now: {live:?}")
    });
    let third = full.len() / 3;
    let most = full[..third].iter().max();
    let least = full[full.len() - third..].iter().min();
    if let (Some(most), Some(least), 2..) = (most, least, third) {
        must(*least <= most + CREEP, || {
            format!("what is alive after a round grows: {live:?}")
        });
    }
}
