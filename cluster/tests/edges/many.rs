//! Much of something: requests, shards, sessions.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use session_supervisor_cluster::Stage;

use crate::node::{Echo, kinds_with, soon, until, world};

/// Of a session that is slow nobody else is to know, however many wait for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_wait_for_a_slow_session_keep_nobody_from_another() {
    let Some(world) = world("slow-session", 2) else {
        return;
    };
    let seen = Arc::default();
    let node = world.join_with("n", kinds_with(&seen)).await;
    let started = node.ensure_session("slow", "mute", "").await;
    assert!(started.is_ok(), "{started:?}");
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..6_000 {
        let slow = node.session_ref::<Echo>("slow");
        calls.spawn(async move { slow.call(&1, Duration::from_secs(600)).await });
    }
    seen.asked(6_000).await;
    let started = soon("a start", node.start_session("other", "echo", "")).await;
    assert!(started.is_ok(), "{started:?}");
    let called = node.session_ref::<Echo>("other");
    let called = called.call(&3, Duration::from_secs(20)).await;
    assert_eq!(called.expect("it answers"), "xxx");
    calls.shutdown().await;
    node.leave().await;
}

/// As many shards as there can be, a lease as short as it can be, and ids of all kinds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_is_found_at_the_bounds_of_the_options() {
    let Some(world) = world("bounds", 4_096) else {
        return;
    };
    let node = world.join("n").await;
    until(&node, |status| status.owned_here == 4_096).await;
    let long = "x".repeat(200);
    let odd = [
        "a",
        "A",
        "a b",
        "a/b",
        "../..",
        "\"",
        "'; drop table sessions",
        "%00",
        "\u{1f980}",
        "ünïcödé",
        &long,
    ];
    for id in odd {
        let started = node.start_session(id, "echo", "").await;
        assert!(started.is_ok(), "{id:?}: {started:?}");
        let called = node.session_ref::<Echo>(id);
        let called = called.call(&1, Duration::from_secs(20)).await;
        assert_eq!(called.expect("it answers"), "x", "{id:?}");
    }
    let (mut listed, mut after) = (BTreeSet::new(), None);
    loop {
        let page = node.list(after.as_deref(), 3).await;
        listed.extend(page.sessions.into_iter().map(|(_, row)| row.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(listed, odd.into_iter().map(str::to_owned).collect());
    soon("its end", node.leave()).await;
    assert_eq!(node.status().stage, Stage::Left);
}
