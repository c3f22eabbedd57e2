//! Owners of a part, one after another and at once: no write of an earlier one comes after a later one
//! has read.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use session_supervisor_cluster::PostgresStore;
use session_supervisor_store::{Part, SessionStore, StoreError};

use crate::server::{self, until};
use crate::support::{Hand, chain, ids, open, part, remember, save, under};

/// How many nodes take how many shards from each other, and how often each.
const NODES: u64 = 6;
const SHARDS: u32 = 3;
const TURNS: u64 = 25;

/// What a session has saved: by the owner of which epoch, and as its how manieth write.
type Written = (u64, u64);

fn id_of(shard: u32) -> String {
    let names = (0..).map(|at| format!("s{at}"));
    let mut of = names.filter(|id| Part::shard_of(id, SHARDS) == shard);
    of.next().expect("there are many")
}

fn written(store: &mut PostgresStore, id: &str) -> Written {
    let state = store.state(id, "").expect("it is read");
    let Some(state) = state else { return (0, 0) };
    let (epoch, number) = state.bytes.split_at(8);
    let number_of = |bytes: &[u8]| u64::from_be_bytes(bytes.try_into().expect("8 bytes"));
    (number_of(epoch), number_of(number))
}

#[test]
fn of_owners_at_once_none_writes_after_a_later_one_has_read() {
    let Some(server) = server::shared() else {
        return;
    };
    let options = server.options().shards(SHARDS);
    let mut first = open(&options);
    let names: Vec<_> = (0..SHARDS).map(id_of).collect();
    first
        .apply(&under(0, names.iter().map(|id| remember(id, 1))))
        .expect("it is written");
    let epochs: Vec<_> = (0..SHARDS).map(|_| AtomicU64::new(0)).collect();
    // The last write that was acknowledged, for each shard.
    let acknowledged: Vec<_> = (0..SHARDS).map(|_| Mutex::new((0, 0))).collect();
    let (refused, loads) = (AtomicU32::new(0), AtomicU32::new(0));
    thread::scope(|scope| {
        for node in 0..NODES {
            let (options, names, epochs, acknowledged) = (&options, &names, &epochs, &acknowledged);
            let (refused, loads) = (&refused, &loads);
            scope.spawn(move || {
                let mut store = open(options);
                for turn in 0..TURNS {
                    let shard = ((node + turn * 7) % u64::from(SHARDS)) as usize;
                    let (id, acknowledged) = (&names[shard], &acknowledged[shard]);
                    let epoch = epochs[shard].fetch_add(1, Ordering::SeqCst) + 1;
                    let before = *acknowledged.lock().expect("no thread panicked");
                    let of = part(u32::try_from(shard).expect("few"), SHARDS, epoch);
                    match store.load(of, &mut |_| ()) {
                        Ok(()) => loads.fetch_add(1, Ordering::SeqCst),
                        Err(StoreError::Fenced(_)) => continue,
                        Err(error) => panic!("{}", chain(&error)),
                    };
                    // All that was acknowledged is there, and nothing of an earlier owner comes later.
                    let found = written(&mut store, id);
                    assert!(
                        found >= before,
                        "{before:?} was acknowledged, {found:?} is there"
                    );
                    for _ in 0..5 {
                        let now = written(&mut store, id);
                        assert!(
                            now == found || now.0 > epoch,
                            "{now:?} was written after epoch {epoch} had read {found:?}"
                        );
                    }
                    // It does not know when its time is over.
                    for number in 1.. {
                        let bytes: Vec<_> = [epoch, number]
                            .iter()
                            .flat_map(|n| n.to_be_bytes())
                            .collect();
                        match store.apply(&under(epoch, [save(id, 1, &bytes)])) {
                            Ok(()) => {
                                let mut last = acknowledged.lock().expect("no thread panicked");
                                *last = (*last).max((epoch, number));
                            }
                            Err(StoreError::Fenced(_)) => {
                                refused.fetch_add(1, Ordering::SeqCst);
                                break;
                            }
                            Err(error) => panic!("{}", chain(&error)),
                        }
                        if number > 10 && epochs[shard].load(Ordering::SeqCst) == epoch {
                            break;
                        }
                    }
                }
            });
        }
    });
    let (refused, loads) = (refused.into_inner(), loads.into_inner());
    println!("{loads} owners had read, {refused} of them were refused a write later on");
    assert!(
        refused > 10 && loads > 30,
        "{refused} refused, {loads} loads: too little happened"
    );
    for (shard, id) in names.iter().enumerate() {
        let last = *acknowledged[shard].lock().expect("no thread panicked");
        assert_eq!(written(&mut first, id), last);
    }
}

/// Whether a connection waits for a lock.
fn is_waiting(hand: &Hand) -> bool {
    let waiting = hand.read(
        "SELECT count(*) FROM pg_stat_activity
         WHERE application_name = 'session-supervisor' AND wait_event_type = 'Lock'",
    );
    waiting != "0"
}

#[test]
fn a_write_that_waits_while_the_next_owner_reads_is_refused() {
    // Of its own, so that nothing else waits.
    let Some(server) = server::Server::start() else {
        return;
    };
    let options = server
        .options()
        .schema("waits")
        .shards(1)
        .timeout(Duration::from_secs(60));
    let (mut old, hand) = (open(&options), Hand::on(&server));
    assert_eq!(ids(&mut old, part(0, 1, 3)), [""; 0]);
    old.apply(&under(3, [remember("a", 1)]))
        .expect("it owns it");
    // The next owner, in the middle of its transaction.
    hand.run("BEGIN; UPDATE waits.parts SET epoch = 4");
    thread::scope(|scope| {
        let late = scope.spawn(|| old.apply(&under(3, [remember("b", 1)])));
        until("the write waits", || is_waiting(&Hand::on(&server)));
        hand.run("COMMIT");
        let late = late.join().expect("no panic");
        assert!(matches!(late, Err(StoreError::Fenced(_))), "{late:?}");
    });
    assert_eq!(ids(&mut old, part(0, 1, 5)), ["a"]);
}

#[test]
fn an_owner_that_reads_waits_for_what_the_earlier_one_still_writes() {
    let Some(server) = server::Server::start() else {
        return;
    };
    let options = server
        .options()
        .schema("reads")
        .shards(1)
        .timeout(Duration::from_secs(60));
    let (mut old, hand) = (open(&options), Hand::on(&server));
    old.apply(&under(3, [remember("a", 1)]))
        .expect("it owns it");
    // What a write does until it is committed.
    hand.run(
        "BEGIN; SELECT epoch FROM reads.parts FOR UPDATE;
         INSERT INTO reads.sessions SELECT 'b', shard, kind, arguments, label, claims, 1, 1, 1, false
             FROM reads.sessions",
    );
    let mut next = open(&options);
    thread::scope(|scope| {
        let read = scope.spawn(|| ids(&mut next, part(0, 1, 4)));
        until("the next owner waits", || is_waiting(&Hand::on(&server)));
        hand.run("COMMIT");
        assert_eq!(read.join().expect("no panic"), ["a", "b"]);
    });
}

#[test]
fn an_owner_that_was_cut_off_in_its_write_holds_up_the_next_one_not_for_long() {
    let Some(server) = server::Server::start() else {
        return;
    };
    let options = server
        .options()
        .schema("cut")
        .shards(1)
        .timeout(Duration::from_secs(4));
    let mut next = open(&options);
    // A transaction without a word of its client, under the limits of one.
    let hand = Hand::on(&server);
    hand.run("SET idle_in_transaction_session_timeout = 1000; BEGIN; SELECT epoch FROM cut.parts FOR UPDATE");
    assert_eq!(ids(&mut next, part(0, 1, 4)), [""; 0]);
}
