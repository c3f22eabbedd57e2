//! A round: houses are opened, workers do their steps, all is ended, and nothing may be left.
//!
//! The first round finds out how many steps fit into its time. All others do exactly as many, with
//! the same dice, so that what is alive after them can be compared.
//!
//! Absent on purpose: a new runtime for each round. A task that is left behind is to be seen.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::alloc;
use crate::ask::PATIENCE;
use crate::closing::{close, names_left};
use crate::crowd::{self, SHARED};
use crate::estate;
use crate::house::{End, House, Kind};
use crate::owner;
use crate::rng::Rng;
use crate::verdict::{contradiction, enter_round, must};

/// The houses, with the number of workers in the crowd and of owners in each.
const HOUSES: [(Kind, usize, usize); 8] = [
    (Kind::Calm, 3, 4),
    (Kind::Removing, 2, 3),
    (Kind::Crowded, 4, 0),
    (Kind::Escalating, 2, 0),
    (Kind::Limited, 3, 0),
    (Kind::Mortal, 3, 3),
    (Kind::Mortal, 2, 3),
    (Kind::Hasty, 3, 0),
];
const ESTATES: usize = 2;

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
    let began = Instant::now();
    let mut live = Vec::with_capacity(1 << 16);
    let mut quota = Quota::Until(began + (time / 4).min(LONGEST));
    loop {
        enter_round(live.len());
        let steps = round(seed, &quota).await;
        all_tasks_are_gone().await;
        live.push(alloc::live());
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

/// One round. How many steps each worker did.
async fn round(seed: u64, quota: &Quota) -> Vec<u64> {
    let mut workers = JoinSet::new();
    let mut houses = Vec::new();
    let mut worker = 0;
    for (n, (kind, crowd, owners)) in HOUSES.into_iter().enumerate() {
        let rng = Rng::of(seed, 1_000 + u64::try_from(n).unwrap_or(0));
        let name = format!("soak-{n}-{kind:?}");
        let house = Arc::new(House::open(kind, name, SHARED + owners, rng).await);
        for role in (0..crowd).map(|_| None).chain((0..owners).map(Some)) {
            workers.spawn(work(
                Some(Arc::clone(&house)),
                role,
                worker,
                seed,
                quota.clone(),
            ));
            worker += 1;
        }
        houses.push(house);
    }
    for _ in 0..ESTATES {
        workers.spawn(work(None, None, worker, seed, quota.clone()));
        worker += 1;
    }
    let zombies = tokio::spawn(estate::zombies());
    let mut steps = vec![0; worker];
    while let Some(done) = workers.join_next().await {
        match done {
            Ok((worker, done)) => steps[worker] = done,
            Err(error) => contradiction(&format!("a worker: {error}")),
        }
    }
    must(zombies.await.is_ok(), || "a worker with zombies".to_owned());
    for house in houses {
        end(house).await;
    }
    steps
}

/// The steps of one worker: in the crowd of a house, as the owner of an id there, or on estates.
async fn work(
    house: Option<Arc<House>>,
    owner: Option<usize>,
    worker: usize,
    seed: u64,
    quota: Quota,
) -> (usize, u64) {
    let mut rng = Rng::of(seed, u64::try_from(worker).unwrap_or(0));
    let mut done = 0;
    while quota.is_left(worker, done) {
        match (&house, owner) {
            (Some(house), Some(n)) => owner::step(house, SHARED + n, &mut rng).await,
            (Some(house), None) => crowd::step(house, &mut rng).await,
            (None, _) if rng.one_in(4) => estate::under_a_parent(&mut rng).await,
            (None, _) => estate::step(&mut rng).await,
        }
        done += 1;
    }
    (worker, done)
}

async fn end(house: Arc<House>) {
    let name = house.name().to_owned();
    let Some(house) = Arc::into_inner(house) else {
        contradiction("a worker is done and holds its house");
    };
    let (reign, late) = house.into_reigns();
    // Whoever ended it in his last step left no successor.
    let ended = reign.ended();
    let report = reign.end(End::Stop).await;
    if let Some(report) = report {
        let sum = report.stopped + report.failed + report.killed + report.not_running;
        let adds_up = report.zombies == 0 && sum <= reign.census.entries().len();
        must(adds_up, || format!("{name} reports {report:?}"));
    }
    must(
        report.is_some() || ended.is_some() || reign.kind.may_escalate(),
        || format!("{name} was stopped and gives no report"),
    );
    for late in late {
        close(&late).await;
    }
    close(&reign).await;
    must(names_left(&name) == 0, || {
        format!("{name} and all before it have ended, and names are left")
    });
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

/// What is alive after a round is what was alive after the first one that did as much, and it does not
/// creep: the least of the last third is not above the most of the first.
fn compare(live: &[isize]) {
    const SLACK: isize = 1 << 20;
    const CREEP: isize = 1 << 16;
    let [_, full @ ..] = live else {
        return;
    };
    let [first, .., last] = full else {
        return;
    };
    must(*last <= first + first / 100 + SLACK, || {
        format!("{first} bytes were alive after the first full round, {last} now: {live:?}")
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
