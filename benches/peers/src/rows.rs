//! The rows of the table, for one side: `ROW`, a tab, `CELL`.
//!
//! `PEERS_N` is the number of sessions (100,000), `PEERS_LIMIT` how many seconds a storm or a stop
//! may take (60).

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::alloc;
use crate::census::{Census, SpawnArguments};
use crate::peer::Peer;

const ROUNDS: usize = 3;
const STORM: usize = 10_000;

#[derive(Clone, Copy, Debug)]
struct Plan {
    n: usize,
    limit: Duration,
}

fn number(name: &str, default: usize) -> usize {
    match std::env::var(name).map(|text| text.parse()) {
        Ok(Ok(number)) if number > 0 => number,
        Ok(text) => panic!("{name} is {text:?}, and must be a number from 1"),
        Err(_) => default,
    }
}

/// Measures one side and prints its cells.
pub fn main<P: Peer>() {
    let limit = u64::try_from(number("PEERS_LIMIT", 60)).expect("a number of seconds");
    let plan = Plan {
        n: number("PEERS_N", 100_000),
        limit: Duration::from_secs(limit),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .expect("a runtime");
    // The caller is a task like any other, not the main thread beside the workers.
    runtime.block_on(async { tokio::spawn(measure::<P>(plan)).await.expect("no panic") });
    // A side that is still at its storm would go on with it.
    std::process::exit(0);
}

async fn measure<P: Peer>(plan: Plan) {
    // The first sessions of a process pay for fresh memory.
    if life::<P>(plan, 1).await.stop.is_none() {
        println!("stop\tcannot: more than {} s", plan.limit.as_secs());
        return;
    }
    let mut lives = Vec::new();
    for _ in 0..ROUNDS {
        lives.push(life::<P>(plan, 1).await);
    }
    cell(
        "start_1",
        &rate(plan.n, lives.iter().map(|life| life.start)),
    );
    let mut of_8 = Vec::new();
    for _ in 0..ROUNDS {
        of_8.push(life::<P>(plan, 8).await.start);
    }
    cell("start_8", &rate(plan.n, of_8));
    cell("stop", &stop_cell(plan, &lives));
    let bytes = lives[0].bytes / isize::try_from(plan.n).expect("a number of sessions");
    let allocations = lives[0].allocations / plan.n;
    cell("bytes", &format!("{} in {allocations}", thousands(bytes)));
    cell("behind", &behind::<P>().await);
    cell("storm", &storm::<P>(plan).await);
}

fn cell(row: &str, text: &str) {
    println!("{row}\t{text}");
}

/// How long each part of a supervisor's life took, and what its sessions are made of.
#[derive(Clone, Copy, Debug)]
struct Life {
    start: Duration,
    bytes: isize,
    allocations: usize,
    /// None if it took too long.
    stop: Option<Duration>,
    /// How many sessions ran their last callback.
    stopped: usize,
}

async fn life<P: Peer>(plan: Plan, callers: usize) -> Life {
    let census = Arc::new(Census::default());
    let peer = Arc::new(P::supervisor(Arc::clone(&census)).await);
    let (before, made) = (alloc::live(), alloc::made());
    let began = Instant::now();
    start(&peer, &census, plan.n, callers).await;
    census.up.reach(plan.n).await;
    let start = began.elapsed();
    // What the supervisor has not read yet is no part of a session.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (bytes, allocations) = (alloc::live() - before, alloc::made() - made);
    let began = Instant::now();
    let stop = timeout(plan.limit, async {
        peer.stop().await;
        census.gone.reach(plan.n).await;
    });
    let stop = stop.await.ok().map(|()| began.elapsed());
    Life {
        start,
        bytes,
        allocations,
        stop,
        stopped: census.stopped.count(),
    }
}

/// Starts sessions, by so many callers at once; what they are known by is dropped.
async fn start<P: Peer>(peer: &Arc<P>, census: &Arc<Census>, n: usize, callers: usize) {
    let callers = (0..callers).map(|caller| {
        let (peer, arguments) = (Arc::clone(peer), quick(census));
        tokio::spawn(async move {
            for i in (caller..n).step_by(callers) {
                let id = format!("session-{i}");
                drop(peer.start(id, arguments.clone()).await);
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.expect("a caller");
    }
}

fn quick(census: &Arc<Census>) -> SpawnArguments {
    SpawnArguments {
        census: Arc::clone(census),
        pause: None,
    }
}

/// How long a start takes while another session is in its first callback for a second.
async fn behind<P: Peer>() -> String {
    const TRIES: usize = 5;
    let mut took = Vec::new();
    for _ in 0..TRIES {
        let census = Arc::new(Census::default());
        let peer = Arc::new(P::supervisor(Arc::clone(&census)).await);
        let slow = {
            let peer = Arc::clone(&peer);
            let pause = Some(Duration::from_secs(1));
            let arguments = SpawnArguments {
                pause,
                ..quick(&census)
            };
            tokio::spawn(async move { drop(peer.start("slow".to_owned(), arguments).await) })
        };
        census.begun.reach(1).await;
        let began = Instant::now();
        let session = peer.start("quick".to_owned(), quick(&census)).await;
        P::running(&session).await;
        took.push(began.elapsed());
        drop(session);
        slow.await.expect("no panic");
        census.up.reach(2).await;
        peer.stop().await;
        census.gone.reach(2).await;
    }
    format!("{:.2} ms", median(took).as_secs_f64() * 1e3)
}

/// All sessions fail at once, until all are back.
async fn storm<P: Peer>(plan: Plan) -> String {
    let n = plan.n.min(STORM);
    let mut took = Vec::new();
    for _ in 0..ROUNDS {
        let census = Arc::new(Census::default());
        let peer = Arc::new(P::supervisor(Arc::clone(&census)).await);
        let mut sessions = Vec::with_capacity(n);
        for i in 0..n {
            let id = format!("session-{i}");
            sessions.push(peer.start(id, quick(&census)).await);
        }
        census.up.reach(n).await;
        let began = Instant::now();
        let back = timeout(plan.limit, async {
            for session in &sessions {
                P::crash(session).await;
            }
            census.up.reach(2 * n).await;
        });
        if back.await.is_err() {
            let back = census.up.count() - n;
            let limit = plan.limit.as_secs();
            let rate = rate(back, [plan.limit]);
            return format!("cannot in {limit} s: {} back, {rate}", thousands(back));
        }
        took.push(began.elapsed());
        drop(sessions);
        peer.stop().await;
        census.gone.reach(2 * n).await;
    }
    rate(n, took)
}

fn stop_cell(plan: Plan, lives: &[Life]) -> String {
    let all: Option<Vec<_>> = lives.iter().map(|life| life.stop).collect();
    let Some(took) = all else {
        return format!("cannot: more than {} s", plan.limit.as_secs());
    };
    let took = format!("{:.2} s", median(took).as_secs_f64());
    let stopped = lives.iter().map(|life| life.stopped).min().unwrap_or(0);
    if stopped == plan.n {
        took
    } else {
        format!("{took}, by a kill: {stopped} ran their stop callback")
    }
}

fn median(took: impl IntoIterator<Item = Duration>) -> Duration {
    let mut took: Vec<_> = took.into_iter().collect();
    took.sort();
    took[took.len() / 2]
}

/// How many per second, to three digits.
fn rate(n: usize, took: impl IntoIterator<Item = Duration>) -> String {
    let nanos = median(took).as_nanos().max(1);
    let n = u128::try_from(n).expect("a number of sessions");
    let exact = n * 1_000_000_000 / nanos;
    let digits = exact.max(1).ilog10();
    let unit = 10_u128.pow(digits.saturating_sub(2));
    format!("{}/s", thousands((exact + unit / 2) / unit * unit))
}

/// A number with a comma after every third digit from the right.
fn thousands(number: impl ToString) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
