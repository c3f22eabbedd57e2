//! `kill -9` at random moments: a process with a load of sessions is killed, again and again, and each
//! time the next one is asked what is there.
//!
//! ```sh
//! cargo test -p session-supervisor-store --test crash
//! CRASH_ROUNDS=200 CRASH_SEED=1 cargo test --release -p session-supervisor-store --test crash
//! ```
//!
//! `CRASH_SESSIONS` sets how many ids there are. A failure prints the seed and the round.

mod child;
mod model;
mod parent;

/// The next of a series of random numbers (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

fn setting(name: &str, usual: u64) -> u64 {
    let set = std::env::var(name).ok();
    set.map_or(usual, |text| text.parse().expect("a number"))
}

fn main() {
    let mut args = std::env::args().skip(1);
    if args.next().as_deref() == Some("child") {
        let file = args.next().expect("a file");
        let seed = args.next().expect("a seed").parse().expect("a number");
        let sessions = args.next().expect("a count").parse().expect("a number");
        child::run(&file, seed, sessions);
        return;
    }
    let rounds = setting("CRASH_ROUNDS", 5);
    let (seed, sessions) = (setting("CRASH_SEED", 1), setting("CRASH_SESSIONS", 1_000));
    parent::run(rounds, seed, sessions);
    println!("test result: ok. {rounds} passed; 0 failed; rounds of kill -9");
}
