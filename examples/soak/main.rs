//! A soak: a mixed load on the real runtime, against the crate's public interface alone, with a
//! shadow model beside it that knows what may be and what must be. The first contradiction ends it
//! with exit status 1.
//!
//! `cargo run --release --example soak -- --minutes 20 --seed 1`
//!
//! The seed repeats what is asked. The threads decide in which order it happens; repeatable
//! histories are in `tests/sim`.

// The benchmarks count with it too.
mod admission;
#[path = "../../benches/sides/alloc.rs"]
mod alloc;
mod ask;
mod callers;
mod census;
mod claims;
mod closing;
mod crowd;
mod drains;
mod drop_kinds;
mod endings;
mod expiry;
mod family;
mod feed;
mod figures;
mod flags;
mod foretold;
mod grove;
mod impatience;
mod lives;
mod notes;
mod outage;
mod owner;
mod private;
mod progress;
mod rng;
mod rounds;
mod saves;
mod scenes;
mod session;
mod stalls;
mod succession;
mod tally;
mod tasks;
mod trees;
mod verdict;

use std::process::ExitCode;

use flags::Wish;

#[global_allocator]
static ALLOCATOR: alloc::Counting = alloc::Counting;

/// More than there are processors, so that threads come between each other.
const THREADS: usize = 4;

fn main() -> ExitCode {
    let flags = match flags::parse(std::env::args().skip(1)) {
        Ok(Wish::Run(flags)) => flags,
        Ok(Wish::Help) => {
            println!("{}", flags::USAGE);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("error: {error}; --help tells more");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    verdict::begin(flags.seed);
    if let Err(error) = tracing::subscriber::set_global_default(notes::Listener) {
        eprintln!("error: cannot listen to the log: {error}");
        return ExitCode::FAILURE;
    }
    progress::begin(flags.time);
    let live = runtime.block_on(rounds::run(flags.seed, flags.time));
    progress::conclude(flags.seed, &live);
    ExitCode::SUCCESS
}
