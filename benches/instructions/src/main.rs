//! How many instructions a start, a restart in a storm, a stop, a find and the start of a tree take,
//! counted by callgrind: a number that no load of the machine moves. `cargo run --release -p
//! instructions`; see `benches/README.md`.
//!
//! Each number comes from runs of this program under valgrind, with few and with many sessions. So
//! what a run does besides is not counted. Every step follows another one, which is subtracted, and a
//! run ends at the answer. Without valgrind nothing is measured, and the output says so.

#[path = "../../sides/counted.rs"]
mod counted;
#[expect(dead_code, reason = "the other parts of it are for `scale`")]
#[path = "../../sides/mod.rs"]
mod sides;

use std::convert::Infallible;
use std::process::ExitCode;

use counted::counted;
use session_supervisor::{SessionSupervisor, names};
use sides::figure::{Bound, Figure, Judged, Table, as_f64};
use sides::lives;
use sides::session::Census;
use sides::starts;

/// The sessions of the two runs whose difference is counted.
const FEW: usize = 300;
const MANY: usize = 3_000;
/// Set in the processes that are counted: the side, the step and the number of sessions.
const RUN: &str = "INSTRUCTIONS_RUN";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Ours,
    ByHand,
}

/// What a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Starts the sessions.
    Start,
    /// After the start all sessions fail at once, and it waits until all are back.
    Storm,
    /// Stops them after the start.
    Stop,
    /// After the start it makes a list of ids and of names, for the two that follow.
    Lists,
    Find,
    /// A look into ractor's registry alone, with names that are ready.
    WhereIs,
    /// Starts as many sessions that are trees of three children.
    Trees,
}

const SIDES: [Side; 2] = [Side::Ours, Side::ByHand];
const STEPS: [Step; 7] = [
    Step::Start,
    Step::Storm,
    Step::Stop,
    Step::Lists,
    Step::Find,
    Step::WhereIs,
    Step::Trees,
];

impl Step {
    /// The step that is a part of this one and is not counted.
    const fn after(self) -> Option<Self> {
        match self {
            Self::Start | Self::Trees => None,
            Self::Storm | Self::Stop | Self::Lists => Some(Self::Start),
            Self::Find | Self::WhereIs => Some(Self::Lists),
        }
    }
}

/// How often each session is looked up. One round would be lost in what the start varies by.
const ROUNDS: usize = 20;

fn main() -> ExitCode {
    if let Ok(run) = std::env::var(RUN) {
        for (side, step) in SIDES
            .iter()
            .flat_map(|side| STEPS.map(|step| (*side, step)))
        {
            for n in [FEW, MANY] {
                if run == name(side, step, n) {
                    count_this(side, step, n);
                }
            }
        }
        return ExitCode::FAILURE;
    }
    let Some(table) = table() else {
        println!("SKIPPED: the instructions, since valgrind does not run here");
        return ExitCode::SUCCESS;
    };
    if table.conclude() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn name(side: Side, step: Step, n: usize) -> String {
    format!("{side:?} {step:?} {n}")
}

/// How many instructions a step takes with so many sessions, and all before it: many less few.
fn more(side: Side, step: Step) -> Option<f64> {
    let many = counted(RUN, &name(side, step, MANY))?;
    Some(many - counted(RUN, &name(side, step, FEW))?)
}

/// A figure: its step, how often that is done for each session, and its bounds.
type Row = (&'static str, Side, Step, usize, [Bound; 2]);

const ROWS: [Row; 9] = {
    use Bound::{AtMost, None};
    use Side::{ByHand, Ours};
    let none = [None, None];
    let start = [AtMost(22_000.0), AtMost(19_000.0)];
    let storm = [AtMost(29_500.0), AtMost(26_000.0)];
    [
        ("start", Ours, Step::Start, 1, start),
        ("storm", Ours, Step::Storm, 1, storm),
        ("stop", Ours, Step::Stop, 1, [AtMost(14_500.0), None]),
        ("find", Ours, Step::Find, ROUNDS, [AtMost(650.0), None]),
        ("start_tree_of_3", Ours, Step::Trees, 1, none),
        ("by_hand_start", ByHand, Step::Start, 1, none),
        ("by_hand_storm", ByHand, Step::Storm, 1, none),
        ("bare_stop", ByHand, Step::Stop, 1, none),
        ("where_is", Ours, Step::WhereIs, ROUNDS, none),
    ]
};

/// `None` if nothing can be counted here.
fn table() -> Option<Table> {
    let mut table = Table::default();
    let mut counted: Vec<((Side, Step), f64)> = Vec::new();
    let mut count = |side, step| {
        let known = counted.iter().find(|(run, _)| *run == (side, step));
        if let Some((_, count)) = known {
            return Some(*count);
        }
        let count = more(side, step)?;
        counted.push(((side, step), count));
        Some(count)
    };
    for (name, side, step, times, [must, goal]) in ROWS {
        let before = match step.after() {
            Some(before) => count(side, before)?,
            None => 0.0,
        };
        table.add(Figure {
            name: format!("instructions_{name}"),
            value: (count(side, step)? - before) / as_f64((MANY - FEW) * times),
            unit: "instructions",
            judged: Judged::Value,
            must,
            goal,
        });
    }
    Some(table)
}

/// One run, in the process that is counted, which ends with it.
fn count_this(side: Side, step: Step, n: usize) -> ! {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let run = runtime.spawn(async move {
        match side {
            Side::Ours => ours(step, n).await,
            Side::ByHand => by_hand(step, n).await,
        }
    });
    match runtime.block_on(run) {
        Ok(never) => match never {},
        Err(panicked) => panic!("{panicked}"),
    }
}

async fn ours(step: Step, n: usize) -> Infallible {
    let census = Census::new();
    let sessions = lives::supervisor().await;
    if step == Step::Trees {
        starts::start_trees(&sessions, &census, n).await;
        std::process::exit(0);
    }
    let started = lives::start_ours(&sessions, &census, n, 1).await;
    match step {
        Step::Start | Step::Trees => {}
        Step::Storm => drop(lives::storm(&census, &started).await),
        Step::Stop => drop(sessions.stop().await.expect("a running supervisor")),
        Step::Lists | Step::Find | Step::WhereIs => look_up(&sessions, step, n),
    }
    std::process::exit(0)
}

/// Looks all sessions up, by their ids or by their names, unless only the lists of both are counted.
fn look_up(sessions: &SessionSupervisor, step: Step, n: usize) {
    let ids: Vec<_> = (0..n).map(|i| format!("session-{i}")).collect();
    let ready = ids.iter().map(|id| names::session(sessions.name(), id));
    let ready: Vec<_> = ready.collect();
    for _ in 0..ROUNDS {
        let found = match step {
            Step::Find => ids
                .iter()
                .filter_map(|id| sessions.find_session(id))
                .count(),
            Step::WhereIs => ready.iter().filter_map(ractor::registry::where_is).count(),
            _ => n,
        };
        assert_eq!(found, n);
    }
}

async fn by_hand(step: Step, n: usize) -> Infallible {
    let census = Census::new();
    let root = lives::root_by_hand(&census).await;
    let started = lives::start_by_hand(&root, n, 1).await;
    match step {
        Step::Storm => drop(lives::storm(&census, &started).await),
        Step::Stop => root.stop_children_and_wait(None, None).await,
        Step::Start | Step::Lists | Step::Find | Step::WhereIs | Step::Trees => {}
    }
    std::process::exit(0)
}
