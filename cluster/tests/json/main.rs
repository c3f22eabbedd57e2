//! The JSON of what is told of a cluster. `docs/json.md` of this crate shows each value, and each is compared
//! with it. A heading in that file is the name of what it shows, and below it is the JSON.

mod values;
#[path = "../../../tests/variants/mod.rs"]
mod variants;

use std::fmt::{Debug, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use session_supervisor_cluster::engine::{
    DrainProgress, DrainSummary, Epoch, EventKind, Incarnation, KnownNode, Lapse, Leaving, Loss,
    NodeName, Owner, Restored, Shard, ShardOutcome, ShardState, Shards, Snapshot,
};

/// What the documentation shows.
#[derive(Default)]
struct Shown(Vec<(&'static str, String)>);

impl Shown {
    fn add(&mut self, name: &'static str, value: &impl Serialize) {
        let text = serde_json::to_string_pretty(value).expect("JSON");
        self.0.push((name, text));
    }

    /// Values of an enum, at least one of each variant.
    fn all<T: Serialize + Debug>(&mut self, name: &'static str, values: &[T]) {
        variants::assert_all(name, values);
        self.add(name, &values);
    }
}

fn name(text: &str) -> NodeName {
    NodeName::try_from(text).expect("a name")
}

fn shard(index: u32) -> Shard {
    Shards::new(512)
        .expect("a count")
        .get(index)
        .expect("a shard")
}

/// One that JavaScript could not hold as a number.
fn incarnation() -> Incarnation {
    Incarnation::new(7_587_891_234_567_890_123)
}

fn owner() -> Owner {
    Owner {
        node: name("a"),
        incarnation: incarnation(),
        epoch: Epoch::new(4_711),
    }
}

fn known() -> KnownNode {
    KnownNode::new(incarnation(), "10.0.0.11:7000", 100, Leaving::No)
}

fn progress() -> DrainProgress {
    let mut progress = DrainProgress::default();
    (progress.shards, progress.waiting, progress.ending) = (171, 160, 8);
    (progress.releasing, progress.ended, progress.sessions) = (1, 2, 33_000);
    progress
}

fn summary() -> DrainSummary {
    let mut summary = DrainSummary::default();
    (summary.handed_over, summary.sessions, summary.killed) = (171, 33_333, 1);
    summary.took = Duration::from_millis(12_500);
    summary
}

fn restored() -> Restored {
    let mut restored = Restored::default();
    (restored.restored, restored.failed) = (194, 1);
    restored.took = Duration::from_millis(250);
    restored
}

fn kinds() -> Vec<EventKind> {
    let (second, shard, epoch) = (Duration::from_secs(1), shard(7), Epoch::new(4_711));
    let (node, incarnation, text) = (name("b"), incarnation(), |text: &str| Arc::from(text));
    let released = |took| EventKind::ShardReleased {
        shard,
        owner: owner(),
        took,
    };
    vec![
        EventKind::NodeJoined {
            node: node.clone(),
            as_node: known(),
        },
        EventKind::NodeChanged {
            node: node.clone(),
            as_node: KnownNode::new(incarnation, "10.0.0.11:7000", 100, Leaving::Yes),
        },
        EventKind::NodeGone {
            node: node.clone(),
            incarnation,
        },
        EventKind::ShardClaimed {
            shard,
            owner: owner(),
        },
        EventKind::ShardRestored {
            shard,
            epoch,
            sessions: restored(),
        },
        EventKind::ShardFrozen { shard, epoch },
        released(Some(second / 4)),
        released(None),
        EventKind::ShardLost {
            shard,
            owner: owner(),
            why: Loss::LeaseEnded,
        },
        EventKind::AuthorityGained { incarnation },
        EventKind::AuthorityLapsed {
            why: Lapse::NotRenewed,
        },
        EventKind::AuthorityRegained {
            incarnation,
            after: 12 * second,
        },
        EventKind::PlannerElected {
            node: node.clone(),
            incarnation,
        },
        EventKind::PlannerGone { node: node.clone() },
        EventKind::PlanMade { moves: 171 },
        EventKind::PeerConnected {
            node: node.clone(),
            incarnation,
        },
        EventKind::PeerLost {
            node: node.clone(),
            why: text("the connection was closed"),
        },
        EventKind::PeerFailed {
            node,
            why: text("connection refused"),
        },
        EventKind::PeerRefused {
            address: text("10.0.0.66:40000"),
            why: text("another cookie"),
            others: 2,
        },
        EventKind::DrainBegun {
            shards: 171,
            sessions: 33_333,
        },
        EventKind::DrainProgressed(progress()),
        EventKind::DrainDone(summary()),
        EventKind::Left,
    ]
}

fn snapshot() -> Snapshot {
    let mut snapshot = Snapshot::new(name("a"), Shards::new(512).expect("a count"));
    snapshot.revision = 1_234_567_890_123_456;
    let more = [
        EventKind::ShardClaimed {
            shard: shard(8),
            owner: owner(),
        },
        EventKind::ShardFrozen {
            shard: shard(8),
            epoch: Epoch::new(4_711),
        },
    ];
    let kinds = kinds().into_iter();
    let kinds = kinds.filter(|kind| {
        !matches!(
            kind,
            EventKind::NodeGone { .. }
                | EventKind::PlannerGone { .. }
                | EventKind::PeerLost { .. }
                | EventKind::AuthorityLapsed { .. }
                | EventKind::Left
        )
    });
    for kind in kinds.chain(more) {
        snapshot.follow(&kind);
    }
    snapshot
}

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json.md")
}

#[test]
fn each_value_is_as_the_documentation_shows_it() {
    let mut shown = Shown::default();
    shown.all("EventKind", &kinds());
    shown.all("Fault", &values::faults());
    shown.all(
        "Lapse",
        &[
            Lapse::NotRenewed,
            Lapse::LeaseGone,
            Lapse::Removed,
            Lapse::GatewayEnded,
        ],
    );
    shown.all("Leaving", &[Leaving::No, Leaving::Yes]);
    shown.all("Loss", &[Loss::LeaseEnded, Loss::KeyGone]);
    shown.all("PeerState", &values::PEER_STATES);
    shown.all(
        "ShardOutcome",
        &[
            ShardOutcome::HandedOver,
            ShardOutcome::Lost,
            ShardOutcome::Stuck,
        ],
    );
    shown.all("ShardState", &[ShardState::Owned, ShardState::Frozen]);
    shown.add("Snapshot", &snapshot());
    shown.all("Stage", &values::STAGES);
    shown.all("Standing", &values::standings());
    shown.add("Stats", &values::stats());
    shown.add("Status", &values::status());
    shown.all("StoreCall", &values::STORE_CALLS);
    let mut values = String::new();
    for (at, (name, json)) in shown.0.iter().enumerate() {
        let gap = if at == 0 { "" } else { "\n" };
        writeln!(values, "{gap}## `{name}`\n\n```json\n{json}\n```").expect("memory");
    }
    let text = std::fs::read_to_string(page()).expect("the page");
    let begins = text.find("\n## ").map_or(text.len(), |at| at + 1);
    let (rules, documented) = text.split_at(begins);
    if std::env::var("JSON").as_deref() == Ok("write") {
        return std::fs::write(page(), format!("{rules}{values}")).expect("the page");
    }
    assert_eq!(documented, values, "JSON=write writes it anew");
}

/// The variant of a value, in snake case.
fn snake(value: &impl Debug) -> String {
    let mut snake = String::new();
    for letter in variants::variant(value).chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[test]
fn a_name_is_that_of_the_variant() {
    for kind in kinds() {
        assert_eq!(kind.name(), snake(&kind));
    }
    for fault in values::faults() {
        assert_eq!(fault.name(), snake(&fault));
    }
    for call in values::STORE_CALLS {
        assert_eq!(call.name(), snake(&call));
    }
}
