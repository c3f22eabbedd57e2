//! A line between a store and its server that changes bytes: whatever comes, it is an answer or an error,
//! in time, and never a panic.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use session_supervisor_cluster::{PostgresOptions, PostgresStore};
use session_supervisor_store::{Part, SessionStore};

use crate::server::shared;
use crate::support::{open, remember, save, under};

/// How many lines are tried.
const LINES: u64 = 20;

/// The next number of a sequence (SplitMix64).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Listens, and hands on what it reads. Of what the server says it changes, doubles or cuts a part, at a
/// place that the seed says. Answers its port.
fn line_to(port: u16, seed: Arc<AtomicU64>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let own = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let server = TcpStream::connect(("127.0.0.1", port)).expect("the server");
            let seed = seed.load(Ordering::SeqCst);
            let (from, to) = (
                client.try_clone().expect("a socket"),
                server.try_clone().expect("a socket"),
            );
            thread::spawn(move || hand_on(from, to, None));
            thread::spawn(move || hand_on(server, client, Some(seed)));
        }
    });
    own
}

fn hand_on(mut from: TcpStream, mut to: TcpStream, seed: Option<u64>) {
    let mut random = seed.unwrap_or_default();
    // Anywhere from the first byte to the last of what is said.
    let mut until = next(&mut random) % 9_000;
    let mut buffer = [0; 4_096];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let mut bytes = buffer[..read].to_vec();
        if seed.is_some() {
            if let Ok(at) = usize::try_from(until)
                && at < bytes.len()
            {
                match next(&mut random) % 4 {
                    0 => bytes[at] ^= 1 << (next(&mut random) % 8),
                    1 => bytes[at..].fill(u8::try_from(next(&mut random) % 256).unwrap_or(0)),
                    2 => bytes.truncate(at),
                    _ => bytes.extend_from_within(at..),
                }
                until = next(&mut random) % 9_000;
            }
            until = until.saturating_sub(u64::try_from(read).unwrap_or(0));
        }
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

#[test]
fn whatever_a_server_answers_it_is_no_panic() {
    let Some(server) = shared() else { return };
    let schema = "garbage";
    drop(open(&server.options().schema(schema).shards(4)));
    let seed = Arc::new(AtomicU64::new(0));
    let port = line_to(server.port(), Arc::clone(&seed));
    let options: PostgresOptions = format!("postgres://sessions@127.0.0.1:{port}/postgres")
        .parse()
        .expect("a URL");
    let options = options
        .schema(schema)
        .shards(4)
        .timeout(Duration::from_millis(300));
    let (mut opened, mut answered, mut failed) = (0, 0, 0);
    for number in 0..LINES {
        seed.store(number, Ordering::SeqCst);
        let Ok(mut store) = PostgresStore::open(options.clone()) else {
            continue;
        };
        opened += 1;
        for at in 0..6 {
            let id = format!("s{number}-{at}");
            let done = [
                store
                    .apply(&under(0, [remember(&id, 1), save(&id, 1, b"x")]))
                    .is_ok(),
                store.entry(&id).is_ok(),
                store.state(&id, "").is_ok(),
                store.load(Part::ALL, &mut |_| ()).is_ok(),
            ];
            answered += done.iter().filter(|done| **done).count();
            failed += done.iter().filter(|done| !**done).count();
        }
    }
    println!(
        "{LINES} lines: {opened} stores were opened, {answered} calls answered, {failed} failed"
    );
    assert!(
        opened > 0 && failed > 0,
        "{opened} opened, {failed} failed: too little happened"
    );
}
