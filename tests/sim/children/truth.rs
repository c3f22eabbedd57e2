//! The truth table: what each strategy does with each kind of child, however that one ends. The
//! table of the documentation is what this prints.
//!
//! `TRUTH=write cargo test --test sim truth` writes it anew.

use std::fmt::Write as _;
use std::fs;

use session_supervisor::engine::{
    ChildRequest, ChildState, Mark, OrderedSettings, Policy, Restart, Strategy,
};

use crate::children::toy::{Toy, policy};
use crate::domain::Waiter;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/engine/ordered/truth.md");

fn child(restart: Restart) -> Policy {
    Policy {
        restart,
        ..policy()
    }
}

fn list(roles: &[String]) -> String {
    match roles {
        [] => "–".to_owned(),
        roles => roles.join(", "),
    }
}

/// The roles that were told something, in order.
fn told(log: &[String], what: &str) -> String {
    let told = log.iter().filter_map(|line| line.strip_prefix(what));
    list(&told.map(str::to_owned).collect::<Vec<_>>())
}

fn row(strategy: Strategy, kind: Restart, event: &str) -> String {
    let settings = OrderedSettings {
        strategy,
        ..OrderedSettings::default()
    };
    let children = [
        ("a", child(Restart::Permanent)),
        ("b", child(kind)),
        ("c", child(Restart::Permanent)),
        ("d", child(Restart::Temporary)),
        ("e", child(Restart::Transient)),
    ];
    let mut toy = Toy::new(settings, &children);
    toy.begin();
    toy.end("e", Mark::Orderly);
    assert_eq!(toy.children(ChildState::NotRunning), ["e"]);
    toy.log.clear();
    match event {
        "ends in order" => toy.end("b", Mark::Orderly),
        "crashes" => toy.end("b", Mark::Failed),
        _ => toy.ask("b", ChildRequest::Stop { ticket: Waiter(1) }),
    }
    let log = std::mem::take(&mut toy.log);
    let gone = ["a", "b", "c", "d", "e"].into_iter();
    let gone: Vec<_> = gone
        .filter(|role| toy.group.info(role).is_none())
        .map(str::to_owned)
        .collect();
    format!(
        "| {strategy:?} | {kind:?} | {event} | {} | {} | {} | {} | {} |",
        told(&log, "stop "),
        told(&log, "start "),
        list(&toy.children(ChildState::Running)),
        list(&toy.children(ChildState::NotRunning)),
        list(&gone),
    )
}

fn table() -> String {
    let mut text = String::from(
        "| strategy | `b` is | `b` | stopped, in this order | started, in this order | runs then | \
         does not run | forgotten |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for strategy in [
        Strategy::OneForOne,
        Strategy::OneForAll,
        Strategy::RestForOne,
    ] {
        for kind in [Restart::Permanent, Restart::Transient, Restart::Temporary] {
            for event in ["ends in order", "crashes", "is stopped by a caller"] {
                writeln!(text, "{}", row(strategy, kind, event)).unwrap();
            }
        }
    }
    text.push_str(
        "\nThe group is `a` (Permanent), `b`, `c` (Permanent), `d` (Temporary) and `e` (Transient), which \
         had ended in order before.\n",
    );
    text
}

#[test]
fn the_truth_table_is_the_one_in_the_documentation() {
    let table = table();
    println!("{table}");
    if std::env::var("TRUTH").as_deref() == Ok("write") {
        fs::write(FILE, &table).unwrap();
    }
    assert_eq!(fs::read_to_string(FILE).unwrap_or_default(), table);
}
