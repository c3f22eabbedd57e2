//! The stream of events: what comes, for how many, and what is left when it ends.

use std::time::Duration;

use axum::Router;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::fake::{Fake, name, owner, router, seen, shown};
use super::http::{Events, data, get};
use crate::engine::{Incarnation, Standing};
use crate::node::Stage;

async fn open(app: &Router) -> Events {
    Events::open(app, "/api/events").await.expect("a place")
}

#[tokio::test(start_paused = true)]
async fn it_begins_with_everything_and_ticks_each_second() {
    let fake = Fake::new(seen(8, &["a", "b"]));
    let app = router(&fake).await;
    let mut events = open(&app).await;
    let (name, overview) = events.next().await.expect("an event");
    assert_eq!(name, "overview");
    assert_eq!(overview["cluster"], "rooms");
    assert_eq!(overview["shards"]["count"], 8);
    let began = tokio::time::Instant::now();
    for second in 0..5 {
        let (name, tick) = events.next().await.expect("an event");
        assert_eq!(name, "tick");
        assert_eq!(tick["here"]["lease_age"], 1.25);
        assert_eq!(began.elapsed().as_millis() / 100, second * 10);
    }
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_moves_is_told_within_a_beat() {
    let fake = Fake::new(seen(8, &["a", "b"]));
    let app = router(&fake).await;
    let mut events = open(&app).await;
    events.until("tick").await;
    fake.change(|seen| {
        let shard = seen.shards.get(3).expect("a shard");
        seen.status.owners.insert(shard, owner("c", 77));
        seen.status.revision = 77;
    });
    let began = tokio::time::Instant::now();
    let (event, news) = events.next().await.expect("an event");
    assert_eq!(event, "changes");
    assert!(began.elapsed() <= Duration::from_millis(250));
    assert_eq!(news["revision"], 77);
    let rows = news["shards"].as_array().expect("rows");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["shard"], 3);
    assert_eq!(
        (&rows[0]["owner"], &rows[0]["epoch"]),
        (&json!("c"), &json!(77))
    );
    // The plan says another one.
    assert_eq!(rows[0]["state"], "moving");
    assert_eq!(news["changes"][0]["kind"], "shards");
    // The figures follow at once, and what a page sees that is opened later.
    let (event, tick) = events.next().await.expect("an event");
    assert_eq!((&*event, &tick["moving"]), ("tick", &json!(1)));
    let overview = data(&app, "/api/overview").await;
    assert_eq!(overview["changes"][0], news["changes"][0]);
    assert_eq!(overview["shards"]["moving"], json!([3]));
    assert_eq!(overview["since"], 1_000.0);
}

#[tokio::test(start_paused = true)]
async fn what_this_node_may_do_is_told() {
    let fake = Fake::new(seen(8, &["a", "b"]));
    let app = router(&fake).await;
    let mut events = open(&app).await;
    fake.change(|seen| {
        seen.status.standing = Some(Standing::Over);
        seen.status.stage = Stage::Rejoining;
        seen.lease.serves_for = Some(Duration::ZERO);
    });
    let news = events.until("changes").await;
    assert_eq!(news["changes"][0]["kind"], "authority");
    assert_eq!(news["changes"][0]["warning"], true);
    let tick = events.until("tick").await;
    let here = &tick["here"];
    assert_eq!(
        (&here["standing"], &here["stage"]),
        (&json!("over"), &json!("rejoining"))
    );
    fake.change(|seen| {
        seen.status.standing = None;
        seen.holds.clear();
    });
    let tick = loop {
        let tick = events.until("tick").await;
        if tick["here"]["standing"] == Value::Null {
            break tick;
        }
    };
    assert_eq!(tick["unowned"], 0, "what etcd says is shown all the same");
}

#[tokio::test(start_paused = true)]
async fn other_nodes_are_asked_while_a_page_is_open_a_few_at_a_time() {
    let names: Vec<_> = (0..100).map(|n| format!("n{n:03}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let fake = Fake::new(seen(512, &names));
    for (n, node) in names.iter().enumerate().filter(|(n, _)| *n != 50) {
        fake.tells(node, n as u64 * 10);
    }
    let app = router(&fake).await;
    let mut events = open(&app).await;
    let overview = events.until("overview").await;
    assert_eq!(
        overview["nodes"][0]["sessions"], 7,
        "of this node it is known"
    );
    assert_eq!(overview["nodes"][1]["sessions"], Value::Null);
    events.until("tick").await;
    let tick = events.until("tick").await;
    for (n, node) in tick["nodes"].as_array().expect("nodes").iter().enumerate() {
        let expected = match n {
            0 => json!(7),
            50 => Value::Null,
            n => json!(n * 10),
        };
        assert_eq!(node["sessions"], expected, "{node}");
    }
    let (asked, at_once) = fake.asked();
    assert_eq!((asked, at_once), (99, 32));
    sleep(Duration::from_secs(20)).await;
    let (asked, at_once) = fake.asked();
    assert!((99 * 10..=99 * 11).contains(&asked), "{asked}");
    assert_eq!(at_once, 32);
    drop(events);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(fake.asked(), (asked, 32), "nobody looks");
}

#[tokio::test(start_paused = true)]
async fn the_node_is_looked_at_once_for_all_pages_and_not_at_all_without_one() {
    let fake = Fake::new(seen(512, &["a", "b"]));
    let app = router(&fake).await;
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(fake.looks(), 0);
    let mut counts = Vec::new();
    for pages in [1, 30] {
        let mut open_pages = Vec::new();
        for _ in 0..pages {
            open_pages.push(open(&app).await);
        }
        let looks = fake.looks();
        sleep(Duration::from_secs(10)).await;
        counts.push(fake.looks() - looks);
        // Of a page that goes nothing is kept, and the others go on.
        let last = open_pages.pop();
        drop(open_pages);
        let mut last = last.expect("a page");
        last.until("overview").await;
        drop(last);
        sleep(Duration::from_secs(1)).await;
        let looks = fake.looks();
        sleep(Duration::from_secs(60)).await;
        assert_eq!(fake.looks(), looks, "nobody looks");
        assert_eq!(tasks(), before);
    }
    assert!(
        counts.iter().all(|count| (39..=41).contains(count)),
        "{counts:?}"
    );
    // What was seen is forgotten with the last page.
    fake.change(|seen| seen.now += Duration::from_secs(500));
    let overview = open(&app).await.until("overview").await;
    assert_eq!(overview["since"], 1_500.0);
    assert_eq!(overview["changes"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn no_more_pages_than_allowed_and_a_place_is_free_when_one_goes() {
    let fake = Fake::new(seen(8, &["a", "b"]));
    let (shown, _sessions) = shown(&fake).await;
    let app: Router = shown.max_pages(2).router();
    let (first, mut second) = (open(&app).await, open(&app).await);
    assert!(Events::open(&app, "/api/events").await.is_none());
    // The data are there all the same, and the others go on.
    assert_eq!(get(&app, "/api/overview").await.status, 200);
    second.until("tick").await;
    drop(first);
    let mut third = open(&app).await;
    third.until("overview").await;
    assert!(Events::open(&app, "/api/events").await.is_none());
    // One that does not read gives its place up in the end.
    for _ in 0..31 {
        second.until("tick").await;
    }
    let _fourth = open(&app).await;
    while third.next().await.is_some() {}
    second.until("tick").await;
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_too_slow_is_told_and_sent_everything_anew() {
    let fake = Fake::new(seen(8, &["a", "b"]));
    let app = router(&fake).await;
    let (mut slow, mut quick) = (open(&app).await, open(&app).await);
    slow.until("overview").await;
    for epoch in 100..140 {
        fake.change(|seen| {
            let shard = seen.shards.get(5).expect("a shard");
            seen.status.owners.insert(shard, owner("b", epoch));
        });
        let news = quick.until("changes").await;
        assert_eq!(news["shards"][0]["epoch"], epoch);
    }
    let (event, lagged) = slow.next().await.expect("an event");
    assert_eq!(event, "lagged");
    assert!(
        lagged["frames"].as_u64().is_some_and(|frames| frames > 40),
        "{lagged}"
    );
    let (event, overview) = slow.next().await.expect("an event");
    assert_eq!(event, "overview");
    assert_eq!(overview["shards"]["epoch"][5], 139);
    // And from there on as all others.
    fake.change(|seen| {
        let node = seen.status.nodes.get_mut(&name("b")).expect("a node");
        node.incarnation = Incarnation::new(5);
    });
    let news = slow.until("changes").await;
    assert_eq!(news["changes"][0]["kind"], "rejoined");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_node_is_told_and_ends_the_stream() {
    let fake = Fake::new(seen(8, &["a", "b"]));
    let app = router(&fake).await;
    let mut events = open(&app).await;
    events.until("tick").await;
    fake.change(|seen| seen.status.stage = Stage::Left);
    let news = events.until("changes").await;
    assert_eq!(news["changes"][0]["kind"], "stage");
    events.until("ended").await;
    assert!(events.next().await.is_none());
    for path in ["overview", "shards", "events"] {
        let answer = get(&app, &format!("/api/{path}")).await;
        let told = (answer.status, answer.error());
        assert_eq!(told, (503, "node_left".to_owned()), "{path}");
    }
    assert_eq!(get(&app, "/").await.status, 200);
}

/// Else a page that is open would keep a server from its end.
#[tokio::test(start_paused = true)]
async fn the_streams_end_when_the_program_closes_them_or_drops_the_router() {
    let fake = Fake::new(seen(8, &["a", "b"]));
    let (page, _sessions) = shown(&fake).await;
    let (end, ended) = oneshot::channel::<()>();
    let app: Router = page.close_on(async { drop(ended.await) }).router();
    let mut cluster = open(&app).await;
    let mut of_sessions = Events::open(&app, "/sessions/api/events")
        .await
        .expect("a place");
    cluster.until("tick").await;
    of_sessions.until("tick").await;
    drop(end);
    while cluster.next().await.is_some() {}
    while of_sessions.next().await.is_some() {}
    assert!(Events::open(&app, "/api/events").await.is_none());

    let app = router(&fake).await;
    let mut events = open(&app).await;
    events.until("tick").await;
    drop(app);
    while events.next().await.is_some() {}
    let tasks = Handle::current().metrics().num_alive_tasks();
    let looks = fake.looks();
    drop(events);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(fake.looks(), looks);
    assert!(Handle::current().metrics().num_alive_tasks() <= tasks);
}
