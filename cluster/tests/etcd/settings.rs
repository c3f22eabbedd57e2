//! A cluster is made once, and a node that does not fit it is told why.

use session_supervisor_cluster::etcd::{SettingsError, WantedSettings};

use crate::node::{connect, world};

const WANTED: WantedSettings<'_> = WantedSettings {
    name: "chat",
    shards: 512,
    hash: 1,
    protocol: 1,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_come_at_once_are_in_one_cluster() {
    let Some(world) = world("/settings/once").await else {
        return;
    };
    let tries: Vec<_> = (0..8)
        .map(|_| {
            let etcd = world.etcd.clone();
            tokio::spawn(async move { etcd.settings(WANTED).await })
        })
        .collect();
    let mut found = Vec::new();
    for task in tries {
        found.push(task.await.expect("no panic").expect("settings"));
    }
    found.dedup();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].shards, found[0].cluster.len()), (512, 36));
    let other = connect(&world.servers, "/settings/other").await;
    let other = other.settings(WANTED).await.expect("settings");
    assert_ne!(other.cluster, found[0].cluster);
}

#[tokio::test]
async fn another_count_hash_or_protocol_is_named() {
    let Some(world) = world("/settings/differ").await else {
        return;
    };
    let made = world.etcd.settings(WANTED).await.expect("settings");
    for (wanted, text) in [
        (
            WantedSettings {
                shards: 256,
                ..WANTED
            },
            "the cluster at /settings/differ/settings has 512 for the number of shards, this node \
             has 256",
        ),
        (
            WantedSettings { hash: 2, ..WANTED },
            "the cluster at /settings/differ/settings has 1 for the version of the hash, this node \
             has 2",
        ),
        (
            WantedSettings {
                protocol: 7,
                ..WANTED
            },
            "the cluster at /settings/differ/settings has 1 for the version of the messages, this \
             node has 7",
        ),
    ] {
        let error = world.etcd.settings(wanted).await.expect_err("a difference");
        assert!(matches!(error, SettingsError::Different { .. }));
        assert_eq!(error.to_string(), text);
    }
    assert_eq!(world.etcd.settings(WANTED).await.expect("settings"), made);
}

#[tokio::test]
async fn the_prefix_of_another_cluster_is_refused() {
    let Some(world) = world("/settings/other-name").await else {
        return;
    };
    let made = world.etcd.settings(WANTED).await.expect("settings");
    let games = WantedSettings {
        name: "games",
        ..WANTED
    };
    let error = world.etcd.settings(games).await.expect_err("another one");
    assert!(matches!(error, SettingsError::OtherName { .. }));
    assert_eq!(
        error.to_string(),
        "at /settings/other-name/settings is the cluster \"chat\", and this node is one of \"games\""
    );
    assert_eq!(world.etcd.settings(WANTED).await.expect("settings"), made);
}

#[tokio::test]
async fn who_joins_again_finds_its_own_cluster_or_writes_it_again() {
    let Some(mut world) = world("/settings/again").await else {
        return;
    };
    let made = world.etcd.settings(WANTED).await.expect("settings");
    world.etcd.settings_again(&made).await.expect("it is there");
    let deleted = world.raw.delete(world.key("settings"), None).await;
    deleted.expect("it is deleted");
    world
        .etcd
        .settings_again(&made)
        .await
        .expect("it is written");
    assert_eq!(world.etcd.settings(WANTED).await.expect("settings"), made);
    let deleted = world.raw.delete(world.key("settings"), None).await;
    deleted.expect("it is deleted");
    let other = world.etcd.settings(WANTED).await.expect("settings");
    assert_ne!(made.cluster, other.cluster);
    let error = world.etcd.settings_again(&made).await.expect_err("another");
    assert!(matches!(error, SettingsError::Replaced { .. }), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains(&made.cluster) && text.contains(&other.cluster),
        "{text}"
    );
}

#[tokio::test]
async fn garbage_is_never_overwritten() {
    let Some(mut world) = world("/settings/garbage").await else {
        return;
    };
    for bad in [
        "",
        "{}",
        "{\"name\":\"chat\",\"shards\":512,\"hash\":1,\"protocol\":1,\"cluster\":\"us\"}",
    ] {
        world
            .raw
            .put(world.key("settings"), bad, None)
            .await
            .expect("a write");
        let error = world.etcd.settings(WANTED).await.expect_err("garbage");
        assert!(
            matches!(error, SettingsError::Unreadable { .. }),
            "{error:?}"
        );
        let text = error.to_string();
        assert_eq!(
            text,
            "what stands at /settings/garbage/settings are not the settings of a cluster"
        );
        let key = world
            .raw
            .get(world.key("settings"), None)
            .await
            .expect("a read");
        assert_eq!(key.kvs()[0].value(), bad.as_bytes());
    }
}
