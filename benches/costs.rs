//! What each capability costs a session that uses it: the bytes while it is idle, and the instructions
//! of its start. `cargo bench --bench costs`; see `benches/README.md`.
//!
//! The figures are what a session takes more than one that uses nothing. `COSTS_BYTES=1` leaves the
//! instructions out, which need valgrind.

#[path = "sides/counted.rs"]
mod counted;
#[expect(dead_code, reason = "the other parts of it are for `scale`")]
mod sides;
#[path = "sides/used.rs"]
mod used;

use std::process::ExitCode;

use counted::counted;
use sides::alloc::{self, Counting};
use sides::figure::{Bound, Figure, Judged, Table, as_f64};
use used::{Held, Used};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many sessions are counted in bytes.
const SESSIONS: usize = 4_096;
/// The sessions of the two runs whose difference is counted in instructions.
const FEW: usize = 200;
const MANY: usize = 1_200;
/// Set in the processes that are counted: what is used, and by how many.
const RUN: &str = "COSTS_RUN";

fn main() -> ExitCode {
    if let Ok(run) = std::env::var(RUN) {
        for used in Used::ALL {
            for many in [FEW, MANY] {
                if run == name(used, many) {
                    start_these(used, many);
                }
            }
        }
        return ExitCode::FAILURE;
    }
    let mut table = Table::default();
    // The tables of the process have their size from then on.
    used::taken(Used::Nothing, SESSIONS);
    let plain = used::taken(Used::Nothing, SESSIONS);
    let of_plain = plain.allocations;
    add(&mut table, "a_plain_session", plain.bytes, "B", Bound::None);
    add(
        &mut table,
        "allocations_of_a_plain_start",
        of_plain,
        "allocations",
        Bound::None,
    );
    for used in Used::ALL {
        let taken = used::taken(used, SESSIONS);
        let (bytes, allocations) = (taken.bytes - plain.bytes, taken.allocations - of_plain);
        let bound = Bound::AtMost(number(used.bound()));
        add(&mut table, &used.name(), bytes, "B", bound);
        let name = format!("allocations_{}", used.name());
        add(&mut table, &name, allocations, "allocations", Bound::None);
    }
    let (new, full) = used::bytes_of_a_subscription();
    add(&mut table, "a_subscription", new, "B", Bound::None);
    add(&mut table, "a_subscription_full", full, "B", Bound::None);
    if std::env::var("COSTS_BYTES").is_err() && instructions(&mut table).is_none() {
        println!("SKIPPED: the instructions, since valgrind does not run here");
    }
    if table.conclude() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn number(bytes: isize) -> f64 {
    let size = as_f64(bytes.unsigned_abs());
    if bytes < 0 { -size } else { size }
}

fn add(table: &mut Table, name: &str, value: isize, unit: &'static str, must: Bound) {
    table.add(Figure {
        name: format!("costs_{name}"),
        value: number(value),
        unit,
        judged: Judged::Value,
        must,
        goal: Bound::None,
    });
}

fn name(used: Used, many: usize) -> String {
    format!("{used:?} {many}")
}

/// What of it fails is counted with the start.
fn instructions(table: &mut Table) -> Option<()> {
    let mut plain = None;
    for used in Used::ALL {
        let many = counted(RUN, &name(used, MANY))?;
        let few = counted(RUN, &name(used, FEW))?;
        let each = (many - few) / as_f64(MANY - FEW);
        let (value, what) = match plain {
            None => (each, "instructions_of_a_plain_start".to_owned()),
            Some(plain) => (each - plain, format!("instructions_{}", used.name())),
        };
        plain.get_or_insert(each);
        table.add(Figure {
            name: format!("costs_{what}"),
            value,
            unit: "instructions",
            judged: Judged::Value,
            must: Bound::None,
            goal: Bound::None,
        });
    }
    Some(())
}

/// One run, in the process that is counted, which ends with it.
fn start_these(used: Used, many: usize) -> ! {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let run = runtime.spawn(async move {
        let sessions = used.supervisor().await;
        let mut held = Held::new(used, &sessions, many).await;
        used.start(&sessions, many, &mut held).await;
        std::process::exit(0)
    });
    match runtime.block_on(run) {
        Ok(()) => std::process::exit(1),
        Err(panicked) => panic!("{panicked}"),
    }
}
