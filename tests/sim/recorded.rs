//! The recorded numbers of the oracle, and what is held against them.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::oracle::Hash;

/// How many histories to a number.
const BLOCK: u64 = 100;

/// Plays so many histories and holds their numbers against those in the file.
pub(crate) fn hold(file: &str, histories: u64, play: impl Fn(u64) -> Hash + Sync) {
    const THREADS: u64 = 2;
    let blocks = histories / BLOCK;
    let number = |block: u64| {
        let mut whole = Hash::new();
        for seed in block * BLOCK..(block + 1) * BLOCK {
            let one = play(seed);
            for byte in one.0.to_le_bytes() {
                whole.byte(byte);
            }
        }
        whole.0
    };
    let worker = |first: u64| {
        let mine = (first..blocks).step_by(THREADS as usize);
        mine.map(|block| (block, number(block))).collect::<Vec<_>>()
    };
    let mut numbers: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS)
            .map(|first| scope.spawn(move || catch_unwind(AssertUnwindSafe(|| worker(first)))))
            .collect();
        let results = workers.into_iter().flat_map(|worker| worker.join());
        results.flat_map(|numbers| numbers.unwrap()).collect()
    });
    numbers.sort_unstable();
    let line = |(block, number)| format!("{:>5} {number:016x}\n", block * BLOCK);
    let found: String = numbers.into_iter().map(line).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle");
    let path = path.join(file);
    if std::env::var("ORACLE").as_deref() == Ok("write") {
        fs::write(&path, &found).unwrap();
    }
    let recorded = fs::read_to_string(&path).unwrap_or_default();
    let pairs = recorded.lines().zip(found.lines());
    let differ: Vec<_> = pairs.filter(|(old, new)| old != new).collect();
    let (old, new) = (recorded.lines().count(), found.lines().count());
    assert_eq!(old, new, "so many blocks are recorded");
    assert!(
        differ.is_empty(),
        "the engine does something else, first in a hundred histories from this seed on: {:?}",
        differ[0]
    );
}
