//! A subscription is exact: what it has at its beginning and what it is told make what is so.

use std::sync::Arc;
use std::time::Duration;

use super::NodeFeed;
use crate::clock::Clock;
use crate::engine::{EventKind, Incarnation, KnownNode, Leaving, NodeName, Shards};
use crate::event::TryNextError;
use crate::meter::Meter;
use crate::subscription::Subscription;

fn name(text: &str) -> NodeName {
    NodeName::try_from(text).unwrap()
}

fn feed() -> (Arc<NodeFeed>, Arc<Meter>) {
    let meter = Arc::new(Meter::default());
    let shards = Shards::new(4).unwrap();
    let feed = NodeFeed::new(name("here"), shards, Clock::real(), Arc::clone(&meter));
    (Arc::new(feed), meter)
}

fn joins(feed: &NodeFeed, node: &str, incarnation: u64) {
    let known = KnownNode::new(Incarnation::new(incarnation), "there:1", 100, Leaving::No);
    feed.tell(|picture, _, out| picture.node(&name(node), Some(known), out));
}

#[tokio::test]
async fn a_snapshot_with_all_that_follows_is_what_is_so() {
    let (feed, _) = feed();
    joins(&feed, "a", 1);
    let mut early = Subscription::new(Arc::clone(&feed));
    let mut known = early.take_snapshot().unwrap();
    assert!(early.snapshot().is_none());
    assert_eq!(known.nodes.len(), 1);
    assert_eq!(early.try_next(), Err(TryNextError::Empty));
    joins(&feed, "b", 1);
    joins(&feed, "b", 1);
    joins(&feed, "a", 2);
    let mut before = known.revision;
    let mut kinds = Vec::new();
    while let Ok(event) = early.try_next() {
        assert_eq!(event.revision, before + 1);
        before = event.revision;
        known.apply(&event);
        // Once more changes nothing.
        known.apply(&event);
        kinds.push(event.kind.clone());
    }
    assert_eq!(kinds.len(), 3, "{kinds:?}");
    let EventKind::NodeGone { node, incarnation } = &kinds[1] else {
        panic!("{kinds:?}");
    };
    assert_eq!((node, incarnation.number()), (&name("a"), 1));
    let late = Subscription::new(Arc::clone(&feed));
    assert_eq!(late.snapshot(), Some(&known));
    assert_eq!(late.revision(), early.revision());
}

#[tokio::test]
async fn one_who_waits_is_woken_and_the_end_is_the_last_that_is_told() {
    let (feed, _) = feed();
    let mut subscription = Subscription::new(Arc::clone(&feed));
    let reader = tokio::spawn(async move {
        let mut told = Vec::new();
        while let Some(event) = subscription.next().await {
            told.push(event.unwrap().to_string());
        }
        told
    });
    tokio::task::yield_now().await;
    joins(&feed, "a", 1);
    feed.end();
    joins(&feed, "b", 1);
    let told = reader.await.unwrap();
    assert_eq!(
        told,
        [
            "node a has joined: incarnation 1 at there:1, weight 100",
            "this node has left the cluster"
        ]
    );
    let mut after = Subscription::new(feed);
    assert_eq!(after.try_next(), Err(TryNextError::Ended));
    assert!(after.next().await.is_none());
}

#[tokio::test]
async fn a_slow_reader_is_told_how_many_it_lost_and_resyncs() {
    const MORE: u64 = 20_000;
    let (feed, meter) = feed();
    let mut slow = Subscription::new(Arc::clone(&feed));
    let first = slow.revision();
    for n in 0..MORE {
        let why: Arc<str> = n.to_string().into();
        feed.tell(|picture, _, out| picture.peer_failed(name("a"), why, out));
    }
    let lagged = slow.next().await.unwrap().unwrap_err();
    let kept = MORE - lagged.lost;
    assert_eq!(slow.revision(), first + lagged.lost);
    assert_eq!(meter.read().events_lost, lagged.lost);
    let next = slow.try_next().unwrap();
    assert_eq!(next.revision, first + lagged.lost + 1);
    slow.resync();
    assert_eq!(slow.revision(), first + MORE);
    assert_eq!(slow.snapshot().unwrap().revision, first + MORE);
    assert_eq!(slow.try_next(), Err(TryNextError::Empty));
    // As many as the library keeps, and its documentation names the number.
    assert_eq!(
        kept,
        session_supervisor::SessionSupervisor::EVENTS_KEPT as u64
    );
    assert!(include_str!("../subscription.rs").contains("16,384 are kept"));
    assert_eq!(kept, 16_384);
}

#[tokio::test]
async fn one_who_keeps_all_misses_nothing_however_slow() {
    let (feed, _) = feed();
    let mut patient = Subscription::new(Arc::clone(&feed));
    patient.keep_all();
    for n in 0..20_000 {
        let why: Arc<str> = n.to_string().into();
        feed.tell(|picture, _, out| picture.peer_failed(name("a"), why, out));
    }
    let all = std::iter::from_fn(|| patient.try_next().ok());
    assert_eq!(all.count(), 20_000);
}

#[tokio::test]
async fn the_time_of_an_event_counts_that_of_a_machine_that_slept() {
    let meter = Arc::new(Meter::default());
    let (clock, offset) = Clock::movable();
    let feed = NodeFeed::new(name("here"), Shards::new(1).unwrap(), clock, meter);
    let feed = Arc::new(feed);
    let mut subscription = Subscription::new(Arc::clone(&feed));
    joins(&feed, "a", 1);
    offset.forward(Duration::from_secs(3_600));
    joins(&feed, "b", 1);
    let times: Vec<_> = std::iter::from_fn(|| subscription.try_next().ok())
        .map(|event| event.time)
        .collect();
    assert!(times[1].duration_since(times[0]).unwrap() >= Duration::from_secs(3_600));
}

#[tokio::test]
async fn from_a_revision_on_what_followed_is_told_and_else_a_snapshot() {
    let (feed, _) = feed();
    let first = Subscription::new(Arc::clone(&feed));
    let known = first.revision();
    joins(&feed, "a", 1);
    let mut again = Subscription::from(Arc::clone(&feed), known);
    assert!(again.snapshot().is_none(), "the caller has it");
    let event = again.try_next().unwrap();
    assert_eq!(event.revision, known + 1);
    assert_eq!(again.try_next(), Err(TryNextError::Empty));
    let other = Subscription::from(Arc::clone(&feed), known + 2);
    assert_eq!(other.snapshot().unwrap().nodes.len(), 1);
    drop((first, again, other));
    // Nobody has listened, so nothing is kept.
    joins(&feed, "b", 1);
    let late = Subscription::from(feed, known + 1);
    assert_eq!(late.snapshot().unwrap().nodes.len(), 2);
}

#[tokio::test]
async fn an_event_is_shown_as_those_of_the_library() {
    let (feed, _) = feed();
    let mut subscription = Subscription::new(Arc::clone(&feed));
    joins(&feed, "a", 1);
    let event = subscription.try_next().unwrap();
    let shown = serde_json::to_value(&*event).unwrap();
    assert_eq!(shown["revision"], event.revision);
    assert!(shown["time"].as_f64().unwrap() > 1.0e9, "{shown}");
    assert_eq!(shown["event"]["kind"], "node_joined");
    assert_eq!(shown["event"]["text"], event.to_string());
    assert_eq!(shown["event"]["node"], "a");
}

#[cfg(feature = "stream")]
#[tokio::test]
async fn a_subscription_is_a_stream() {
    use std::future::poll_fn;
    use std::pin::Pin;

    use futures_core::Stream;

    let (feed, _) = feed();
    let mut subscription = Subscription::new(Arc::clone(&feed));
    joins(&feed, "a", 1);
    feed.end();
    let mut told = Vec::new();
    while let Some(event) =
        poll_fn(|context| Stream::poll_next(Pin::new(&mut subscription), context)).await
    {
        told.push(event.unwrap().kind.name());
    }
    assert_eq!(told, ["node_joined", "left"]);
}
