//! Values in etcd that no node has written.

use etcd_client::Client;
use session_supervisor_cluster::engine::Shards;
use session_supervisor_cluster::{Fault, Status};

use crate::node::{until, world};

/// Where the cluster has its keys.
const KEYS: &str = "/session-supervisor/strange-keys";

/// The keys that cannot be read, as a node tells them: the first, how many, and the shards of them.
fn told(status: &Status) -> Vec<(&str, u32, Vec<u32>)> {
    let told = status.faults.iter().map(|fault| match fault {
        Fault::UnreadableValue {
            key, keys, shards, ..
        } => {
            let key = key.strip_prefix(KEYS).expect("one of its keys");
            let shards = shards.iter().map(|shard| shard.index());
            (key, *keys, shards.collect())
        }
        other => panic!("{other}"),
    });
    told.collect()
}

/// No node can claim such a shard, for as long as the key is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_whose_owner_cannot_be_read_is_a_fault_until_its_key_is_deleted() {
    let Some(world) = world("strange-keys", 4) else {
        return;
    };
    let client = Client::connect(world.servers.endpoints(), None).await;
    let mut client = client.expect("a client");
    let put = async |client: &mut Client, key: &str, value: &str| {
        let written = client.put(format!("{KEYS}{key}"), value, None).await;
        written.expect("a write");
    };
    let delete = async |client: &mut Client, key: &str| {
        let deleted = client.delete(format!("{KEYS}{key}"), None).await;
        deleted.expect("a delete");
    };
    put(&mut client, "/shards/0001", "<b>").await;
    let node = world.join("n").await;
    // No event tells of a fault. It is there before the events of what etcd has done after it.
    until(&node, |status| status.owned_here == 3).await;
    let status = node.status();
    assert_eq!(told(&status), [("/shards/0001", 1, vec![1])]);
    assert_eq!(status.unowned, 1);
    let expected = format!(
        "the value of key {KEYS}/shards/0001 in etcd cannot be read, so no node can claim shard 1: it is not \
         a node and its incarnation"
    );
    assert_eq!(status.faults[0].to_string(), expected);
    // What is written and deleted later is told, too.
    put(&mut client, "/nodes/z", "<b>").await;
    delete(&mut client, "/shards/0001").await;
    until(&node, |status| status.owned_here == 4).await;
    assert_eq!(told(&node.status()), [("/nodes/z", 1, Vec::new())]);
    delete(&mut client, "/nodes/z").await;
    let other = world.join("o").await;
    until(&node, |status| status.nodes.len() == 2).await;
    assert_eq!(told(&node.status()), []);
    other.leave().await;
    until(&node, |status| status.owned_here == 4).await;
    let shards = Shards::new(4).expect("a count");
    let mut ids = (0..).map(|number| format!("s{number}"));
    let id = ids.find(|id| shards.of(id).index() == 1);
    let started = node.start_session(&id.expect("one"), "echo", "").await;
    assert!(started.is_ok(), "{started:?}");
    node.leave().await;
}
