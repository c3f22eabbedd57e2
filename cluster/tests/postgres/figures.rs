//! What it costs. They are printed, and nothing is asserted of them:
//!
//! ```sh
//! cargo test --release -p session-supervisor-cluster --features postgres --test postgres figures -- --ignored --nocapture
//! ```

use std::time::{Duration, Instant};

use session_supervisor_cluster::{PostgresOptions, PostgresStore};
use session_supervisor_store::{Change, Decided, Part, SessionStore};
use tokio::runtime::Builder;

use crate::outage::durable;
use crate::server::Server;
use crate::support::{Hand, open, part, remember, save, under};

const SESSIONS: u64 = 100_000;
const SHARDS: u32 = 512;
/// How many changes are written at once.
const BATCH: u64 = 1_024;
/// How many times each is measured; the middle one counts.
const ROUNDS: usize = 201;

/// The middle and the longest of many.
fn measure(what: &str, rounds: usize, mut run: impl FnMut(usize)) {
    let mut times: Vec<Duration> = (0..rounds)
        .map(|round| {
            let began = Instant::now();
            run(round);
            began.elapsed()
        })
        .collect();
    times.sort_unstable();
    let (least, middle, most) = (times[0], times[rounds / 2], times[rounds - 1]);
    println!("{what:<64} {middle:>10.2?}   ({least:.2?} to {most:.2?}, {rounds} times)");
}

fn write(store: &mut PostgresStore, changes: &[Decided]) {
    store.apply(changes).expect("it is written");
}

fn load(store: &mut PostgresStore, part: Part) -> u64 {
    let mut found = 0;
    store.load(part, &mut |_| found += 1).expect("it is read");
    found
}

/// What a node does that has all shards from now on.
fn restored(options: &PostgresOptions) {
    let runtime = Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        for (at_once, epoch) in [(1, 6), (64, 7)] {
            let durable = durable(open(options)).await;
            let all: Vec<_> = (0..SHARDS)
                .map(|shard| part(shard, SHARDS, epoch))
                .collect();
            let (began, mut taken) = (Instant::now(), Vec::new());
            for some in all.chunks(at_once) {
                let (of, refused) = durable
                    .take_over_many(some.to_vec())
                    .await
                    .expect("they are read");
                assert!(refused.is_empty());
                taken.push(of);
            }
            let read = began.elapsed();
            let mut restored = 0;
            for of in taken {
                restored += of.restored().await.expect("it runs").restored;
            }
            println!(
                "{SHARDS} shards taken over by a node, {at_once} at once: {read:.2?}; \
                 its {restored} sessions run after {:.2?}",
                began.elapsed()
            );
            durable.stop().await.expect("it stops");
        }
    });
}

#[test]
#[ignore = "it measures"]
fn figures() {
    let Some(server) = Server::start() else {
        return;
    };
    let options = server.options().schema("figures").shards(SHARDS);
    let began = Instant::now();
    let mut store = open(&options);
    println!("\nopened, with its tables made: {:.1?}", began.elapsed());
    let all: Vec<_> = (0..SESSIONS).map(|at| format!("session-{at}")).collect();
    let began = Instant::now();
    for batch in all.chunks(1_024) {
        write(
            &mut store,
            &under(1, batch.iter().map(|id| remember(id, 1))),
        );
    }
    println!(
        "{SESSIONS} sessions written, 1,024 at once: {:.2?}",
        began.elapsed()
    );
    for maintenance in ["VACUUM ANALYZE", "CHECKPOINT"] {
        Hand::on(&server).run(maintenance);
    }

    measure("one durable start", ROUNDS, |round| {
        write(
            &mut store,
            &under(1, [remember(&format!("one-{round}"), 1)]),
        );
    });
    measure("one durable state of 100 bytes", ROUNDS, |round| {
        write(
            &mut store,
            &under(1, [save(&all[round * 97], 1, &[7; 100])]),
        );
    });
    measure("1,024 starts", 41, |round| {
        let ids = (0..BATCH).map(|at| remember(&format!("many-{round}-{at}"), 1));
        write(&mut store, &under(1, ids));
    });
    let batch = |round: usize| {
        let from = round as u64 * 1_031;
        (0..BATCH).map(move |at| (from + at * 89) % SESSIONS)
    };
    measure(
        "1,024 first states of 100 bytes, of 512 shards",
        41,
        |round| {
            let changes = batch(round).map(|at| save(&all[at as usize], 1, &[7; 100]));
            write(&mut store, &under(1, changes));
        },
    );
    measure("1,024 further states of 100 bytes", 41, |round| {
        let changes = batch(round).map(|at| save(&all[at as usize], 1, &[9; 100]));
        write(&mut store, &under(1, changes));
    });
    measure("1,024 starts that are forgotten", 41, |round| {
        let changes = (0..BATCH).map(|at| Change::Forget {
            id: format!("many-{round}-{at}").into(),
            revision: 1,
        });
        write(&mut store, &under(1, changes));
    });
    measure("one entry", ROUNDS, |round| {
        assert!(store.entry(&all[round * 89]).expect("it is read").is_some());
    });
    measure("one state", ROUNDS, |round| {
        store.state(&all[round * 89], "").expect("it is read");
    });
    let expected = load(&mut store, Part::ALL);
    for (at_once, epoch) in [(1, 2), (1, 2), (16, 3), (64, 4), (SHARDS, 5), (SHARDS, 5)] {
        let began = Instant::now();
        let all: Vec<_> = (0..SHARDS)
            .map(|shard| part(shard, SHARDS, epoch))
            .collect();
        let mut found = 0;
        for some in all.chunks(at_once as usize) {
            let read = store.load_many(some, &mut |_| found += 1);
            assert!(read.expect("it is read").is_empty());
        }
        assert_eq!(found, expected);
        println!(
            "{found} sessions of {SHARDS} shards taken over in epoch {epoch}, {at_once} at once: {:.2?}",
            began.elapsed()
        );
    }
    let began = Instant::now();
    for id in &all {
        assert!(store.entry(id).expect("it is read").is_some());
    }
    println!(
        "{SESSIONS} entries, one after another: {:.2?}",
        began.elapsed()
    );
    drop(store);
    restored(&options);
    let mut store = open(&server.options().schema("alone").shards(SHARDS));
    for batch in all.chunks(1_024) {
        write(
            &mut store,
            &under(0, batch.iter().map(|id| remember(id, 1))),
        );
    }
    measure("100,000 sessions of one owner, all at once", 5, |_| {
        assert_eq!(load(&mut store, Part::ALL), SESSIONS);
    });
}
