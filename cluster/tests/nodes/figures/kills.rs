//! How long the sessions of a node that was killed are away, and how long it takes to move them back to it
//! when it has joined again.

use std::time::{Duration, Instant};

use session_supervisor_cluster::clock;

use super::cluster::{Cluster, number};
use super::load::fill;
use super::table::{Table, Unit};

/// Between two looks at how many sessions run: nothing tells it of two processes at once.
const PAUSE: Duration = Duration::from_millis(10);

/// No session comes back later than this.
const PATIENCE: Duration = Duration::from_secs(300);

pub(super) fn measure(cluster: &mut Cluster, table: &mut Table, sessions: usize, kills: usize) {
    let mut row = |what: &str| table.row(what.to_owned(), Unit::Seconds, None);
    let known = row("from the kill of their node until the others know");
    let owned = row("from then until its shards are owned");
    let restored = row("from then until its sessions run");
    let all = row("from the kill until its sessions run");
    let moved = row("from its return until they run there again");
    for _ in 0..kills {
        // Those in a store of its own have ended with it.
        if cluster.running("b") < sessions {
            fill(cluster, sessions);
        }
        let (of_b, of_all) = (cluster.running("b"), cluster.running_in_all());
        let killed = kill(cluster);
        table.add(known, killed.known - killed.at);
        table.add(owned, killed.owned - killed.known);
        if cluster.is_shared() {
            until(|| cluster.running_in_all() >= of_all);
            let back = now();
            table.add(restored, back - killed.owned);
            table.add(all, back - killed.at);
        }
        cluster.add("b");
        if cluster.is_shared() {
            let joined = now();
            until(|| cluster.running("b") >= of_b);
            table.add(moved, now() - joined);
        }
        cluster.settled();
    }
}

/// When it was killed, when all others knew, and when they had all of its shards.
struct Killed {
    at: f64,
    known: f64,
    owned: f64,
}

fn kill(cluster: &mut Cluster) -> Killed {
    let killed = cluster.take("b");
    let known = cluster.ask_all("gone b");
    let owned = cluster.ask_all("owned-without b");
    let at = now();
    killed.signal("-KILL");
    killed.gone();
    let [known, owned] = [known, owned].map(|answers| {
        let answers = answers.into_iter().map(|answer| number(&answer.get()));
        answers.fold(at, f64::max)
    });
    Killed { at, known, owned }
}

/// In nanoseconds, by the clock that all processes share.
fn now() -> f64 {
    clock::now().since_boot().as_secs_f64() * 1e9
}

fn until(mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "sessions do not come back");
        std::thread::sleep(PAUSE);
    }
}
