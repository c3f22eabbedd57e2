//! etcd with users: the right one may, the others are told why not.

use std::time::Duration;

use etcd_client::{Client, Permission, PermissionType};
use session_supervisor_cluster::etcd::{Claim, Etcd, EtcdError, EtcdOptions, Outcome, Seen, Watch};

use crate::node::{lease, name, raw, shard, shards, soon};
use crate::support::Cluster;

async fn with_users(client: &mut Client) {
    client
        .user_add("root", "secret", None)
        .await
        .expect("a user");
    client.role_add("root").await.expect("a role");
    client
        .user_grant_role("root", "root")
        .await
        .expect("a grant");
    client
        .user_add("node", "secret", None)
        .await
        .expect("a user");
    client.role_add("node").await.expect("a role");
    let keys = Permission::new(PermissionType::Readwrite, "/login/").with_prefix();
    client
        .role_grant_permission("node", keys)
        .await
        .expect("a grant");
    client
        .user_grant_role("node", "node")
        .await
        .expect("a grant");
    client.auth_enable().await.expect("users");
}

#[tokio::test]
async fn a_user_with_its_password_may_and_others_may_not() {
    let Some(mut servers) = Cluster::start(1) else {
        return;
    };
    with_users(&mut raw(&servers).await).await;
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
