//! etcd with users: the right one may, the others are told why not.

use std::time::Duration;

use etcd_client::{Client, ConnectOptions, GetOptions};
use session_supervisor_cluster::ClusterOptions;
use session_supervisor_cluster::error::JoinError;
use session_supervisor_cluster::etcd::{Claim, Etcd, EtcdError, EtcdOptions, Outcome, Seen, Watch};

use crate::node::{chain, join, lease, name, shard, shards, soon};
use crate::support::Cluster;
use crate::wait::until;

#[tokio::test]
async fn a_user_with_its_password_may_and_others_may_not() {
    let Some(mut servers) = Cluster::start(1) else {
        return;
    };
    servers.demand_users("/login/").await;
    let connect = |prefix: &str, user: Option<(&str, &str)>| {
        let mut options = EtcdOptions::new(prefix).request_timeout(Duration::from_secs(10));
        if let Some((name, password)) = user {
            options = options.user(name, password);
        }
        Etcd::connect(servers.endpoints(), options)
    };
    let etcd = connect("/login", Some(("node", "secret")))
        .await
        .expect("options");
    let lease_of = lease(&etcd, 60).await;
    let keys = lease_of.keys(name("a"));
    assert!(matches!(keys.claim(shard(0)).await, Ok(Claim::Claimed(_))));
    let mut watch = Watch::start(&etcd, shards());
    assert!(matches!(
        soon("a view", watch.next()).await,
        Some(Seen::Reset(_))
    ));

    for user in [Some(("node", "wrong")), Some(("no-one", "secret")), None] {
        let etcd = connect("/login", user).await.expect("options");
        let error = etcd.snapshot(shards()).await.expect_err("a refusal");
        assert!(
            matches!(error, EtcdError::Refused { .. }),
            "{user:?}: {error:?}"
        );
        assert_eq!(error.outcome(), Outcome::NotDone);
    }
    let elsewhere = connect("/elsewhere", Some(("node", "secret")))
        .await
        .expect("options");
    let error = elsewhere.snapshot(shards()).await.expect_err("a refusal");
    assert!(matches!(error, EtcdError::Refused { .. }), "{error:?}");

    // A server that was restarted knows no token of before. A new one is asked for by itself.
    servers.stop(0);
    servers.start_again(0);
    soon("an answer", async {
        while keys.claim(shard(1)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_node_joins_as_a_user_and_a_wrong_login_is_told() {
    let Some(servers) = Cluster::start(1) else {
        return;
    };
    let options = |prefix: &str| {
        let options = ClusterOptions::new("chat", "n", "a secret").shards(4);
        options.etcd(servers.endpoints()).prefix(prefix)
    };
    let early = options("/login").etcd_user("node", "secret");
    let error = join(early).await.expect_err("there are no users yet");
    assert!(matches!(error, JoinError::EtcdLogin { .. }), "{error:?}");
    let told = chain(&error);
    assert!(
        told.contains("\"node\": a user was given, and its authentication is off"),
        "{told}"
    );
    servers.demand_users("/login/").await;

    for (options, text) in [
        (
            options("/login").etcd_user("node", "wrong"),
            "let this node in as user \"node\": the name or the password of the user is wrong",
        ),
        (
            options("/login").etcd_user("no-one", "secret"),
            "\"no-one\": the name or the password of the user is wrong",
        ),
        (
            options("/login"),
            "let this node in: it asks for a user, and none was given",
        ),
        (
            options("/elsewhere").etcd_user("node", "secret"),
            "\"node\": the user may not read and write the keys of the cluster",
        ),
    ] {
        let error = join(options).await.expect_err("it is not let in");
        assert!(matches!(error, JoinError::EtcdLogin { .. }), "{error:?}");
        let told = chain(&error);
        assert!(told.contains(text), "{told}");
        assert!(!told.contains("secret") && !format!("{error:?}").contains("secret"));
    }
    let root = ConnectOptions::new().with_user("root", "secret");
    let root = Client::connect(servers.endpoints(), Some(root)).await;
    let all = GetOptions::new().with_all_keys().with_count_only();
    let written = root.expect("a client").get("", Some(all)).await;
    assert_eq!(written.expect("an answer").count(), 0, "none has written");

    let cluster = join(options("/login").etcd_user("node", "secret")).await;
    let cluster = cluster.expect("the right user joins");
    until(&cluster, |status| status.unowned == 0).await;
    cluster.leave().await;
}
