//! The table of ratios: this supervisor against one written by hand and against bare ractor, side
//! by side in one process. `cargo bench --bench scale`; see `benches/README.md`.
//!
//! `SCALE_N` sets the number of sessions (100,000), `SCALE_QUICK=1` makes it 20,000 and fewer
//! tries, `SCALE_MILLION=1` adds the rows at 1,000,000, `SCALE_SLOW_STOP=1` measures the mass stop
//! of slow sessions alone, `SCALE_FEED=1` what readers of the feed cost, `SCALE_LIVES=1` start, storm
//! and stop by one caller, `SCALE_STARTS=1` the starts that are not simple, `SCALE_MEMORY=1` the
//! bytes of a session, `SCALE_GROWTH=1` the growth of its costs up to 1,000,000. The exit status is 1
//! if a must is missed.
//!
//! No framework is used: its statistics are for one side, and what counts here is the quotient of
//! two sides in the same minute.

mod sides;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ractor::{Actor, ActorRef};
use session_supervisor::{Launch, SessionSupervisor, Shutdown, names};
use sides::alloc;
use sides::bare::{self, Idle};
use sides::figure::{Bound, Figure, Judged, Table, as_f64, median, per};
use sides::followed::{Read, followed};
use sides::lives::{self, Life};
use sides::now_and_then::{self, NowAndThen};
use sides::session::{Census, Msg, Session};
use sides::slow;
use sides::starts;

#[global_allocator]
static ALLOCATOR: NowAndThen = NowAndThen;

const ROUNDS: usize = 5;
const MILLION: usize = 1_000_000;

#[derive(Clone, Copy, Debug)]
struct Plan {
    n: usize,
    rows: Rows,
}

/// Which rows are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rows {
    Usual,
    WithMillion,
    Lives,
    Growth,
    Starts,
    Memory,
    SlowStop,
    Feed,
}

fn plan() -> Plan {
    let is_set = |name| std::env::var(name).is_ok_and(|value| value == "1");
    let default = if is_set("SCALE_QUICK") {
        20_000
    } else {
        100_000
    };
    let n = match std::env::var("SCALE_N").map(|n| n.parse::<usize>()) {
        Ok(Ok(n)) if n >= 1_000 => n,
        Ok(n) => panic!("SCALE_N is {n:?}, and must be a number from 1000"),
        Err(_) => default,
    };
    let rows = if is_set("SCALE_SLOW_STOP") {
        Rows::SlowStop
    } else if is_set("SCALE_LIVES") {
        Rows::Lives
    } else if is_set("SCALE_GROWTH") {
        Rows::Growth
    } else if is_set("SCALE_STARTS") {
        Rows::Starts
    } else if is_set("SCALE_MEMORY") {
        Rows::Memory
    } else if is_set("SCALE_FEED") {
        Rows::Feed
    } else if is_set("SCALE_MILLION") {
        Rows::WithMillion
    } else {
        Rows::Usual
    };
    Plan { n, rows }
}

fn main() -> ExitCode {
    let plan = plan();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    // The caller is a task like any other, not the main thread beside the workers.
    let table = runtime.block_on(async { tokio::spawn(measure(plan)).await.expect("no panic") });
    if table.conclude() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn measure(plan: Plan) -> Table {
    let n = plan.n;
    println!("sessions {n}, rounds {ROUNDS}, workers 2");
    let mut table = Table::default();
    match plan.rows {
        Rows::Usual | Rows::WithMillion => usual(&mut table, plan).await,
        Rows::Lives => {
            warm_up(n).await;
            one_caller(&mut table, n).await;
        }
        Rows::Growth => {
            warm_up(MILLION).await;
            growth(&mut table, MILLION, ROUNDS).await;
        }
        Rows::Starts => other_starts(&mut table, n).await,
        Rows::Memory => memory(&mut table, n).await,
        Rows::SlowStop => slow_stop(&mut table).await,
        Rows::Feed => feed(&mut table, n).await,
    }
    table
}

async fn usual(table: &mut Table, Plan { n, rows }: Plan) {
    warm_up(n).await;
    one_caller(table, n).await;
    eight_callers(table, n).await;
    other_starts(table, n).await;
    growth(table, n, ROUNDS).await;
    grace(table, n).await;
    find(table, n).await;
    list(table, n).await;
    memory(table, n).await;
    behind_a_slow_start(table).await;
    recovery(table).await;
    slow_stop(table).await;
    feed(table, n).await;
    if rows == Rows::WithMillion {
        warm_up(MILLION).await;
        growth(table, MILLION, ROUNDS).await;
        grace(table, MILLION).await;
        list(table, MILLION).await;
        count_all_the_time(table, MILLION).await;
    }
}

/// The first sessions touch memory that the process did not have, and take several times as long.
async fn warm_up(n: usize) {
    lives::ours(n, 1).await;
    lives::by_hand(n, 1).await;
}

fn quotient(left: &[Life], right: &[Life], part: Part) -> f64 {
    let pairs = left.iter().zip(right);
    median(
        pairs
            .map(|(a, b)| part(a).as_secs_f64() / part(b).as_secs_f64())
            .collect(),
    )
}

fn cost(n: usize, lives: &[Life], part: Part) -> f64 {
    median(lives.iter().map(|life| per(n, part(life))).collect())
}

async fn one_caller(table: &mut Table, n: usize) {
    let (mut ours, mut by_hand, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(lives::ours(n, 1).await);
        by_hand.push(lives::by_hand(n, 1).await);
        bare.push(per(n, lives::bare(n).await));
    }
    let speed = |name: &str, part, must, goal| Figure {
        name: name.to_owned(),
        value: cost(n, &ours, part),
        unit: "us/session",
        judged: Judged::Ratio(quotient(&by_hand, &ours, part)),
        must: Bound::AtLeast(must),
        goal: Bound::AtLeast(goal),
    };
    table.add(speed("start_1_caller", |life| life.start, 0.95, 1.15));
    table.add(speed("storm", |life| life.storm, 1.1, 1.3));
    table.add(Figure {
        name: "stop".to_owned(),
        value: cost(n, &ours, |life| life.stop),
        unit: "us/session",
        judged: Judged::Ratio(quotient(&ours, &by_hand, |life| life.stop)),
        must: Bound::AtMost(1.05),
        goal: Bound::AtMost(0.8),
    });
    for (name, value) in [
        ("bare_start", median(bare)),
        ("by_hand_start", cost(n, &by_hand, |life| life.start)),
        ("by_hand_storm", cost(n, &by_hand, |life| life.storm)),
        ("bare_stop", cost(n, &by_hand, |life| life.stop)),
    ] {
        table.add(Figure {
            name: name.to_owned(),
            value,
            unit: "us/session",
            judged: Judged::Value,
            must: Bound::None,
            goal: Bound::None,
        });
    }
}

async fn eight_callers(table: &mut Table, n: usize) {
    let (mut ours, mut by_hand) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(lives::ours(n, 8).await);
        by_hand.push(lives::by_hand(n, 8).await);
    }
    table.add(Figure {
        name: "start_8_callers".to_owned(),
        value: cost(n, &ours, |life| life.start),
        unit: "us/session",
        judged: Judged::Ratio(quotient(&by_hand, &ours, |life| life.start)),
        must: Bound::AtLeast(1.35),
        goal: Bound::AtLeast(1.6),
    });
}

/// By one caller: of sessions whose `pre_start` awaits once, and of sessions that are trees of three
/// children, against as many starts by hand.
async fn other_starts(table: &mut Table, n: usize) {
    let trees = n / 10;
    let (mut awaiting, mut of_trees) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        awaiting.push((starts::ours(n).await, starts::by_hand(n).await));
        let three_each = starts::by_hand_at_once(3 * trees).await;
        of_trees.push((starts::trees(trees).await, three_each));
    }
    for (name, n, times, must, goal) in [
        ("start_awaiting", n, awaiting, 0.7, 0.9),
        ("start_tree_of_3", trees, of_trees, 0.5, 0.8),
    ] {
        let ratios = times.iter().map(|(ours, by_hand)| {
            let [ours, by_hand] = [ours, by_hand].map(Duration::as_secs_f64);
            by_hand / ours
        });
        table.add(Figure {
            name: name.to_owned(),
            value: median(times.iter().map(|(ours, _)| per(n, *ours)).collect()),
            unit: "us/session",
            judged: Judged::Ratio(median(ratios.collect())),
            must: Bound::AtLeast(must),
            goal: Bound::AtLeast(goal),
        });
    }
}

type Part = fn(&Life) -> Duration;

/// The cost per session at `n` over that at 10,000, against the same quotient of bare starts. Beside
/// it stands what the supervisor by hand has.
async fn growth(table: &mut Table, n: usize, rounds: usize) {
    const FEW: usize = 10_000;
    const SIDES: [(&str, Bound, Bound); 2] = [
        ("", Bound::AtMost(1.5), Bound::AtMost(1.1)),
        ("by_hand_", Bound::None, Bound::None),
    ];
    let parts: [(&str, Part); 3] = [
        ("start", |life| life.start),
        ("storm", |life| life.storm),
        ("stop", |life| life.stop),
    ];
    let mut grown = [const { [const { Vec::new() }; 3] }; 2];
    for _ in 0..rounds {
        // One life of so few takes a tenth of a second, in which the machine may do anything;
        // beside a million there is time for more of them.
        let (mut few, mut bare_few) = ([const { Vec::new() }; 2], Vec::new());
        for _ in 0..(n / FEW / 10).clamp(1, 9) {
            few[0].push(lives::ours(FEW, 1).await);
            few[1].push(lives::by_hand(FEW, 1).await);
            bare_few.push(per(FEW, lives::bare(FEW).await));
        }
        let many = [lives::ours(n, 1).await, lives::by_hand(n, 1).await];
        let bare = per(n, lives::bare(n).await) / median(bare_few);
        for ((grown, few), many) in grown.iter_mut().zip(&few).zip(&many) {
            for (grown, (_, part)) in grown.iter_mut().zip(&parts) {
                let many = per(n, part(many));
                grown.push((many, many / cost(FEW, few, *part) / bare));
            }
        }
    }
    for ((side, must, goal), grown) in SIDES.into_iter().zip(grown) {
        for ((name, _), grown) in parts.iter().zip(grown) {
            let (costs, ratios) = grown.into_iter().unzip();
            table.add(Figure {
                name: format!("{side}growth_{name}_{n}"),
                value: median(costs),
                unit: "us/session",
                judged: Judged::Ratio(median(ratios)),
                must,
                goal,
            });
        }
    }
}

/// A mass stop of sessions that behave and have a second to do so.
async fn grace(table: &mut Table, n: usize) {
    let census = Census::new();
    let sessions = lives::supervisor().await;
    let spec = lives::spec(&census).shutdown(Shutdown::Timeout(Duration::from_secs(1)));
    for i in 0..n {
        let start = sessions.start_session(&format!("session-{i}"), spec.clone());
        start.await.expect("a start");
    }
    let report = sessions.stop().await.expect("a running supervisor");
    for (name, count) in [("killed", report.killed), ("stuck", report.stuck)] {
        table.add(Figure {
            name: format!("grace_1s_{name}_{n}"),
            value: as_f64(count),
            unit: "sessions",
            judged: Judged::Value,
            must: Bound::AtMost(0.0),
            goal: Bound::AtMost(0.0),
        });
    }
}

/// A mass stop of sessions whose `post_stop` takes up to four seconds, under a deadline. Real time.
async fn slow_stop(table: &mut Table) {
    for (n, must, goal) in [(20_000, 6.0, 4.5), (100_000, 10.0, 6.0)] {
        let (report, took) = slow::mass_stop(n).await;
        for (name, count) in [
            ("killed", report.killed),
            ("stuck", report.stuck),
            ("others", n - report.stopped),
        ] {
            table.add(Figure {
                name: format!("slow_stop_{name}_{n}"),
                value: as_f64(count),
                unit: "sessions",
                judged: Judged::Value,
                must: Bound::AtMost(0.0),
                goal: Bound::AtMost(0.0),
            });
        }
        table.add(Figure {
            name: format!("slow_stop_{n}"),
            value: took.as_secs_f64(),
            unit: "s",
            judged: Judged::Value,
            must: Bound::AtMost(must),
            goal: Bound::AtMost(goal),
        });
    }
}

async fn find(table: &mut Table, n: usize) {
    let census = Census::new();
    let sessions = lives::supervisor().await;
    drop(lives::start_ours(&sessions, &census, n, 1).await);
    let ids: Vec<_> = (0..n)
        .map(|i| format!("session-{}", i * 7_919 % n))
        .collect();
    let name = |id: &String| names::session(sessions.name(), id);
    let (mut ours, mut ratios) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let ready: Vec<String> = ids.iter().map(name).collect();
        let began = Instant::now();
        let found = ready
            .into_iter()
            .filter_map(ractor::registry::where_is)
            .count();
        let registry = began.elapsed();
        let began = Instant::now();
        let ours_found = ids
            .iter()
            .filter_map(|id| sessions.find_session(id))
            .count();
        let took = began.elapsed();
        assert_eq!((found, ours_found), (n, n));
        ours.push(per(n, took) * 1e3);
        ratios.push(took.as_secs_f64() / registry.as_secs_f64());
    }
    table.add(Figure {
        name: "find_session".to_owned(),
        value: median(ours),
        unit: "ns",
        judged: Judged::Ratio(median(ratios)),
        must: Bound::AtMost(1.2),
        goal: Bound::AtMost(1.0),
    });
    count(table, &sessions).await;
    sessions.stop().await.expect("a running supervisor");
}

/// The cost of a count among many over that of a count of none.
async fn count(table: &mut Table, many: &SessionSupervisor) {
    const TRIES: usize = 2_000;
    let none = lives::supervisor().await;
    let (mut values, mut ratios) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let [few, all] = [
            time_counts(&none, TRIES).await,
            time_counts(many, TRIES).await,
        ];
        values.push(per(TRIES, all));
        ratios.push(all.as_secs_f64() / few.as_secs_f64());
    }
    none.stop().await.expect("a running supervisor");
    table.add(Figure {
        name: "count_sessions".to_owned(),
        value: median(values),
        unit: "us",
        judged: Judged::Ratio(median(ratios)),
        must: Bound::AtMost(1.5),
        goal: Bound::AtMost(1.2),
    });
}

async fn time_counts(sessions: &SessionSupervisor, tries: usize) -> Duration {
    let began = Instant::now();
    for _ in 0..tries {
        sessions
            .count_sessions()
            .await
            .expect("a running supervisor");
    }
    began.elapsed()
}

/// Asks for the counts until told to stop; answers how long each answer took, in order of length.
async fn ask_all_the_time(
    sessions: SessionSupervisor,
    mut over: tokio::sync::oneshot::Receiver<()>,
) -> Vec<Duration> {
    let mut waits = Vec::new();
    while over.try_recv().is_err() {
        let began = Instant::now();
        if sessions.count_sessions().await.is_err() {
            break;
        }
        waits.push(began.elapsed());
        tokio::task::yield_now().await;
    }
    waits.sort();
    waits
}

fn millis(wait: Option<&Duration>) -> f64 {
    wait.map_or(f64::NAN, |wait| wait.as_secs_f64() * 1e3)
}

async fn list(table: &mut Table, n: usize) {
    let census = Census::new();
    let sessions = lives::supervisor().await;
    drop(lives::start_ours(&sessions, &census, n, 1).await);
    let (mut worst, mut took) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (over, until) = tokio::sync::oneshot::channel();
        let began = Instant::now();
        let asking = tokio::spawn(ask_all_the_time(sessions.clone(), until));
        let list = sessions
            .list_sessions()
            .await
            .expect("a running supervisor");
        took.push(began.elapsed().as_secs_f64() * 1e3);
        assert_eq!(list.len(), n);
        over.send(()).ok();
        let waits = asking.await.expect("no panic");
        worst.push(millis(waits.last()));
    }
    sessions.stop().await.expect("a running supervisor");
    // At a million the allocation and the drop of the list are an answer's wait by themselves.
    let bounds = if n > 100_000 {
        (Bound::None, Bound::None)
    } else {
        (Bound::AtMost(20.0), Bound::AtMost(2.0))
    };
    table.add(Figure {
        name: format!("list_sessions_worst_wait_{n}"),
        value: median(worst),
        unit: "ms",
        judged: Judged::Value,
        must: bounds.0,
        goal: bounds.1,
    });
    table.add(Figure {
        name: format!("list_sessions_{n}"),
        value: median(took),
        unit: "ms",
        judged: Judged::Value,
        must: Bound::None,
        goal: Bound::None,
    });
}

/// The waits of one who asks for the counts all the time, while many sessions start, fail, are
/// listed and stop.
async fn count_all_the_time(table: &mut Table, n: usize) {
    let census = Census::new();
    let sessions = lives::supervisor().await;
    let (over, until) = tokio::sync::oneshot::channel();
    let asking = tokio::spawn(ask_all_the_time(sessions.clone(), until));
    let started = lives::start_ours(&sessions, &census, n, 1).await;
    lives::storm(&census, &started).await;
    // A drop of a million values blocks the thread, and the one who asks may wait in its slot.
    tokio::task::yield_now().await;
    drop(started);
    let list = sessions
        .list_sessions()
        .await
        .expect("a running supervisor");
    assert_eq!(list.len(), n);
    tokio::task::yield_now().await;
    drop(list);
    sessions.stop().await.expect("a running supervisor");
    over.send(()).ok();
    let waits = asking.await.expect("no panic");
    let slow = waits.len() - 1 - waits.len() / 1_000;
    for (name, wait, must) in [
        ("p99.9", waits.get(slow), Bound::AtMost(20.0)),
        ("worst", waits.last(), Bound::None),
    ] {
        table.add(Figure {
            name: format!("count_{name}_{n}"),
            value: millis(wait),
            unit: "ms",
            judged: Judged::Value,
            must,
            goal: must,
        });
    }
}

/// A session supervisor keeps so many launch tasks for the next launches, at most.
const IDLE_LAUNCH_TASKS: usize = 64;

/// Waits until a supervisor has read of all starts: what it has not read takes memory too.
async fn at_rest() {
    tokio::time::sleep(Duration::from_millis(500)).await;
}

/// The bytes of an idle session above those of a bare named actor.
async fn memory(table: &mut Table, n: usize) {
    now_and_then::count();
    let census = Census::new();
    let sessions = lives::supervisor().await;
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let (before, made, others) = (alloc::live(), alloc::made(), tasks());
    for start in lives::start_ours(&sessions, &census, n, 1).await {
        drop(start);
    }
    // The launches answer before they end, and an idle session has none. A few launch tasks stay.
    while tasks() > others + n + IDLE_LAUNCH_TASKS {
        tokio::task::yield_now().await;
    }
    let allocations = alloc::made() - made;
    at_rest().await;
    let ours = alloc::live() - before;
    sessions.stop().await.expect("a running supervisor");

    let (parent, _) = Actor::spawn(None, Idle, ()).await.expect("a parent");
    let name = lives::unique("bare");
    let before = alloc::live();
    for i in 0..n {
        let name = format!("{name}/session/session-{i}");
        drop(bare::start(name, &parent, &census).await.expect("a start"));
    }
    at_rest().await;
    let bare = alloc::live() - before;
    parent.stop_children_and_wait(None, None).await;
    parent.stop_and_wait(None, None).await.expect("an end");
    now_and_then::count_no_more();
    let above = [Bound::AtMost(512.0), Bound::AtMost(400.0)];
    for (name, bytes, [must, goal]) in [
        ("memory_above_bare", ours - bare, above),
        ("memory_per_idle_session", ours, [Bound::None, Bound::None]),
    ] {
        table.add(Figure {
            name: name.to_owned(),
            value: as_f64(usize::try_from(bytes).unwrap_or(0)) / as_f64(n),
            unit: "B/session",
            judged: Judged::Value,
            must,
            goal,
        });
    }
    table.add(Figure {
        name: "allocations_per_start".to_owned(),
        value: as_f64(allocations) / as_f64(n),
        unit: "allocations",
        judged: Judged::Value,
        must: Bound::None,
        goal: Bound::None,
    });
}

/// How long a quick start takes while another session is slow in its `pre_start`.
async fn behind_a_slow_start(table: &mut Table) {
    const TRIES: usize = 21;
    let census = Census::new();
    for (name, pause, blocks) in [
        ("start_behind_a_sleeping_start", 1_000, Blocks::None),
        ("start_behind_a_blocking_start", 100, Blocks::Thread),
    ] {
        let sessions = lives::supervisor().await;
        let pause = Duration::from_millis(pause);
        let mut took = Vec::new();
        for i in 0..TRIES {
            let (began, begun) = tokio::sync::oneshot::channel();
            let began = Arc::new(std::sync::Mutex::new(Some(began)));
            let slow = session_supervisor::ChildSpec::from_fn_with(
                (began, Arc::clone(&census)),
                move |(began, census), _| async move {
                    if let Some(began) = began.lock().expect("no panic").take() {
                        began.send(()).ok();
                    }
                    match blocks {
                        Blocks::None => tokio::time::sleep(pause).await,
                        Blocks::Thread => std::thread::sleep(pause),
                    }
                    Ok(Launch::Actor(Session, census))
                },
            );
            let slow = tokio::spawn(sessions.start_session(&format!("slow-{i}"), slow));
            begun.await.expect("the slow start begins");
            let clock = Instant::now();
            let quick = sessions.start_session(&format!("quick-{i}"), lives::spec(&census));
            quick.await.expect("a start");
            took.push(clock.elapsed().as_secs_f64() * 1e3);
            match blocks {
                Blocks::None => slow.abort(),
                Blocks::Thread => drop(slow.await.expect("no panic").expect("a start")),
            }
        }
        sessions
            .stop_within(Duration::ZERO)
            .await
            .expect("a running supervisor");
        table.add(Figure {
            name: name.to_owned(),
            value: median(took),
            unit: "ms",
            judged: Judged::Value,
            must: Bound::AtMost(5.0),
            goal: Bound::AtMost(1.0),
        });
    }
}

/// What a slow start does to its thread.
#[derive(Clone, Copy, Debug)]
enum Blocks {
    None,
    Thread,
}

/// From a crash to the next life, on a machine that has nothing else to do.
async fn recovery(table: &mut Table) {
    const SESSIONS: usize = 1_000;
    let census = Census::new();
    let sessions = lives::supervisor().await;
    let ours = lives::start_ours(&sessions, &census, SESSIONS, 1).await;
    let hand_census = Census::new();
    let root = lives::root_by_hand(&hand_census).await;
    let by_hand = lives::start_by_hand(&root, SESSIONS, 1).await;
    let (mut took, mut took_by_hand) = (Vec::new(), Vec::new());
    for (ours, by_hand) in ours.iter().zip(&by_hand) {
        took.push(recover(&census, ours).await);
        took_by_hand.push(recover(&hand_census, by_hand).await);
    }
    sessions.stop().await.expect("a running supervisor");
    root.stop_children_and_wait(None, None).await;
    root.stop_and_wait(None, None).await.expect("an end");
    took.sort_by(f64::total_cmp);
    let p99 = took[took.len() * 99 / 100];
    let (ours, by_hand) = (median(took), median(took_by_hand));
    table.add(Figure {
        name: "crash_to_running_median".to_owned(),
        value: ours,
        unit: "us",
        judged: Judged::Ratio(ours / by_hand),
        must: Bound::AtMost(1.4),
        goal: Bound::AtMost(1.2),
    });
    table.add(Figure {
        name: "crash_to_running_p99".to_owned(),
        value: p99,
        unit: "us",
        judged: Judged::Value,
        must: Bound::AtMost(1_000.0),
        goal: Bound::AtMost(100.0),
    });
}

async fn recover(census: &Census, session: &ActorRef<Msg>) -> f64 {
    census.wish(census.up() + 1);
    let began = Instant::now();
    session.cast(Msg::Crash).expect("a session that runs");
    census.reached().await;
    census
        .last_up()
        .saturating_duration_since(began)
        .as_secs_f64()
        * 1e6
}

/// Throughput of start, storm and stop while eight follow, against that while none does.
async fn feed(table: &mut Table, n: usize) {
    const READERS: usize = 8;
    let mut quotients = Vec::new();
    let mut costs = Vec::new();
    let mut all = Read::default();
    followed(n, READERS).await;
    for _ in 0..ROUNDS {
        let (none, _) = followed(n, 0).await;
        let (some, read) = followed(n, READERS).await;
        quotients.push(none.as_secs_f64() / some.as_secs_f64());
        costs.push(per(n, some));
        all.events += read.events;
        all.lost += read.lost;
    }
    println!("feed: {} events read, {} lost", all.events, all.lost);
    table.add(Figure {
        name: "feed_8_readers".to_owned(),
        value: median(costs),
        unit: "us/session",
        judged: Judged::Ratio(median(quotients)),
        must: Bound::AtLeast(0.8),
        goal: Bound::AtLeast(0.9),
    });
}
