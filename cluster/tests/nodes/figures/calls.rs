//! What a call and a start cost: within ractor and the library alone, on this node, and on another one.

use super::cluster::Cluster;
use super::table::{Place, Table, Unit};

/// How many are measured in a round, and how many of them are at once.
const CALLS: [(usize, usize); 2] = [(5_000, 1), (20_000, 64)];
const STARTS: [(usize, usize); 2] = [(500, 1), (5_000, 64)];

/// A row, and what node a is asked for it.
type Measure = (Place, String);

/// Node a does everything: with its own sessions, and with those of node b.
pub(super) fn measure(cluster: &mut Cluster, table: &mut Table, rounds: usize) {
    let mut measures: Vec<Measure> = Vec::new();
    for (count, at_once) in CALLS {
        let commands = ["call-actor", "call a", "call b"];
        let what = ["a call within ractor", "a call here", "a call elsewhere"];
        measures.extend(compared(table, what, commands, count, at_once));
    }
    for (count, at_once) in STARTS {
        let commands = ["start-plain", "start-and-stop a", "start-and-stop b"];
        let what = ["a plain start", "a start here", "a start elsewhere"];
        measures.extend(compared(table, what, commands, count, at_once));
    }
    for _ in 0..rounds {
        for (row, command) in &measures {
            let took = cluster.number("a", command);
            table.add(*row, took);
        }
    }
}

/// Each is compared with the one before it.
fn compared(
    table: &mut Table,
    what: [&str; 3],
    commands: [&str; 3],
    count: usize,
    at_once: usize,
) -> Vec<Measure> {
    let mut last = None;
    let rows = what.into_iter().zip(commands).map(|(what, command)| {
        let row = table.row(format!("{what}, {at_once} at once"), Unit::Micros, last);
        last = Some(row);
        (row, format!("{command} {count} {at_once}"))
    });
    rows.collect()
}
