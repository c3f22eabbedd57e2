//! A large cluster: 4,096 shards and 100 nodes, and more nodes than are shown.

use super::fake::{Fake, name, owner, router, seen};
use super::http::{Events, data};
use crate::dashboard::told::NODES;

fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("node-{n:04}")).collect()
}

fn large(count: usize) -> std::sync::Arc<Fake> {
    let names = names(count);
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    Fake::new(seen(4_096, &names))
}

#[tokio::test(start_paused = true)]
async fn with_4096_shards_and_100_nodes_what_is_sent_is_small() {
    let fake = large(100);
    let app = router(&fake).await;
    let mut events = Events::open(&app, "/api/events").await.expect("a place");
    let size = |data: &serde_json::Value| data.to_string().len();
    let overview = events.until("overview").await;
    assert_eq!(
        overview["shards"]["owner"].as_array().map(Vec::len),
        Some(4_096)
    );
    assert!(size(&overview) < 120_000, "{}", size(&overview));
    let tick = events.until("tick").await;
    assert_eq!(tick["nodes"].as_array().map(Vec::len), Some(100));
    assert!(size(&tick) < 40_000, "{}", size(&tick));
    // A node dies: its shards, and a sentence for them all.
    fake.change(|seen| {
        seen.status.nodes.remove(&name("node-0007"));
        seen.status
            .owners
            .retain(|_, owner| owner.node != name("node-0007"));
    });
    let news = events.until("changes").await;
    let rows = news["shards"].as_array().expect("rows").len();
    assert!((20..80).contains(&rows), "{rows}");
    assert_eq!(news["changes"].as_array().map(Vec::len), Some(2));
    // The worst: all of them at once.
    fake.change(|seen| {
        for shard in seen.shards.all() {
            seen.status.owners.insert(shard, owner("other", 9_999_999));
        }
    });
    let news = events.until("changes").await;
    assert_eq!(news["shards"].as_array().map(Vec::len), Some(4_096));
    assert!(size(&news) < 700_000, "{}", size(&news));
    assert!(
        news["changes"]
            .as_array()
            .is_some_and(|told| told.len() <= 100)
    );
    let table = data(&app, "/api/shards?limit=500").await;
    assert!(size(&table) < 100_000, "{}", size(&table));
}

#[tokio::test(start_paused = true)]
async fn of_more_nodes_than_are_shown_there_is_a_count() {
    let fake = large(NODES + 20);
    let app = router(&fake).await;
    let overview = data(&app, "/api/overview").await;
    assert_eq!(overview["nodes"].as_array().map(Vec::len), Some(NODES));
    assert_eq!(overview["more_nodes"], 20);
    let mut events = Events::open(&app, "/api/events").await.expect("a place");
    for _ in 0..10 {
        events.until("tick").await;
    }
    let (asked, at_once) = fake.asked();
    assert!(asked >= NODES - 1 && at_once <= 32, "{asked} {at_once}");
}
